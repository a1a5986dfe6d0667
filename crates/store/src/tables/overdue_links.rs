//! What links and people have come due for without a job: whether somebody acts on it.

use super::Micros;
use super::backlog::COUNTED;
use super::job_turns::Wanted;
use crate::{Result, Tx};

/// What is due of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueLinks {
    /// `refresh`; `expiry`, the end of documents; `staleness`, the end of what was loaded; or `withholding`, of
    /// what people revoked.
    pub kind: &'static str,
    /// Links that are due, or people; the first 100,000.
    pub due: i64,
    /// Since when the first is; of refreshes, of those in workspaces where no load is due or held: the others
    /// wait for loads.
    pub oldest_due: Option<Micros>,
}

impl Tx<'_> {
    /// What is due by itself, of all workspaces.
    ///
    /// # Errors
    /// When the database fails.
    pub fn overdue_links(&mut self, now: Micros) -> Result<Vec<OverdueLinks>> {
        let first = |table: &str, column: &str| {
            format!("(select min({column}) from {table} where {column} is not null)")
        };
        let parts = [
            ("refresh", "links", "refresh_at", self.first_refresh()),
            ("expiry", "links", "expires_at", first("links", "expires_at")),
            ("staleness", "links", "stale_at", first("links", "stale_at")),
            ("withholding", "subjects", "withhold_at", first("subjects", "withhold_at")),
        ];
        let mut found = Vec::with_capacity(parts.len());
        for (kind, table, column, first) in parts {
            let sql = format!(
                "select (select count(*) from (select 1 from {table} where {column} <= $1 \
                 order by {column} limit $2) due), {first}"
            );
            let (due, oldest) = self.query_one(&sql, &[now.into(), COUNTED.into()], |row| {
                Ok((row.int(0)?, row.opt_int(1)?))
            })?;
            found.push(OverdueLinks { kind, due, oldest_due: oldest.filter(|at| *at <= now) });
        }
        Ok(found)
    }

    /// The first refresh of a workspace that has room for any number of loads.
    fn first_refresh(&self) -> String {
        let waiting = Wanted::Loads.due(self.dialect(), "w.id", "$1");
        format!(
            "(select min((select l.refresh_at from links l where l.workspace_id = w.id \
             and l.refresh_at <= $1 order by l.refresh_at, l.id limit 1)) from workspaces w \
             where not exists (select 1 {waiting} limit 1 offset 0) and not exists \
             (select 1 from jobs h where h.workspace_id = w.id and h.leased = 1 and h.due_at > $1 \
             and h.kind = 'sync_link' limit 1 offset 0))"
        )
    }
}
