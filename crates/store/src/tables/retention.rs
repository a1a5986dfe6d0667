//! What is kept for a while only: how much of it is old, and its removal, a batch at a time.

use super::ids::text_enum;
use super::page::Where;
use super::spent_loads::{UNMARKED, may_go};
use super::{Micros, WorkspaceId};
use crate::{Result, Tx};

text_enum! {
    /// What goes once it is old. The words are also those of reports.
    RetentionRule in "retention_totals" {
        /// Sealed answers of sources; the call itself stays.
        SourceAnswers = "source_answers",
        /// What receivers of webhooks answered; the try itself stays.
        DeliveryAnswers = "delivery_answers",
        /// Events that nothing waits for, with their deliveries and tries.
        Events = "events",
        /// Reports of imports; the import itself stays.
        ImportReports = "import_reports",
        /// Ended loads, but the newest of each kind that was kept: it says what a link holds.
        Loads = "loads",
        /// Rows of cohorts that have ended; the cohort and its counts stay.
        CohortRows = "cohort_rows",
        /// Lines of planillas, by their month of work: moments of this rule are months, yyyymm. The import
        /// itself stays.
        Lines = "lines",
        /// Answers kept for an `Idempotency-Key`.
        KeptAnswers = "kept_answers",
        /// Used widget tokens.
        UsedTokens = "used_tokens",
        /// Sessions of the consent page.
        ConnectSessions = "connect_sessions",
        /// Whole blocks of the audit log; of the installation, not of a workspace.
        AuditEntries = "audit_entries",
    }
}

/// How much is old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Old {
    /// Rows.
    pub rows: i64,
    /// When the oldest is from.
    pub oldest: Option<Micros>,
    /// When the newest is from.
    pub newest: Option<Micros>,
    /// Bytes of what is sealed in them; `None` where nothing is.
    pub bytes: Option<i64>,
}

/// How much went so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionTotal {
    /// By which rule.
    pub rule: RetentionRule,
    /// Rows, ever.
    pub removed: i64,
    /// Rows, by the last run that removed any.
    pub last_removed: i64,
    /// When that run began.
    pub last_removed_at: Micros,
}

/// The parts of a rule's statements. Dry run and removal share `due`: `$1` is the workspace, `$2` the
/// moment before which something is old.
struct Parts {
    table: &'static str,
    at: &'static str,
    bytes: &'static str,
    due: &'static str,
    /// Takes away what is due, and the columns that name a row of it; `None` where that takes more than one
    /// statement.
    remove: Option<(&'static str, &'static str)>,
}

/// Planillas that may have old lines, the oldest months first, as many as are looked at in one go.
const OLD_PLANILLAS: &str = "select id from imports where workspace_id = $1 and period < $2 \
     and state = 'accepted' and kind = 'planilla' and lines_removed = 0 order by period, id limit 100";

const NOTHING_SEALED: &str = "cast(null as bigint)";

impl RetentionRule {
    #[expect(clippy::too_many_lines, reason = "one table")]
    const fn parts(self) -> Parts {
        match self {
            Self::SourceAnswers => Parts {
                table: "source_calls",
                at: "created_at",
                bytes: "length(sealed_payload)",
                due: "workspace_id = $1 and created_at < $2 and sealed_payload is not null",
                remove: Some(("update source_calls set sealed_payload = null", "id")),
            },
            Self::DeliveryAnswers => Parts {
                table: "attempts",
                at: "started_at",
                bytes: "length(sealed_excerpt)",
                due: "workspace_id = $1 and started_at < $2 and sealed_excerpt is not null",
                remove: Some(("update attempts set sealed_excerpt = null", "id")),
            },
            Self::Events => Parts {
                table: "events",
                at: "created_at",
                bytes: "length(sealed)",
                due: "workspace_id = $1 and created_at < $2 and not exists (select 1 \
                      from deliveries d where d.event_id = events.id and d.state = 'pending')",
                remove: None,
            },
            Self::ImportReports => Parts {
                table: "imports",
                at: "finished_at",
                bytes: "length(sealed_report)",
                due: "workspace_id = $1 and finished_at < $2 and sealed_report is not null",
                remove: Some(("update imports set sealed_report = null", "id")),
            },
            Self::Loads => Parts {
                table: "loads",
                at: "finished_at",
                bytes: NOTHING_SEALED,
                due: "workspace_id = $1 and finished_at < $2 and may_go = 1",
                remove: Some(("delete from loads", "id")),
            },
            Self::CohortRows => Parts {
                table: "cohort_rows",
                at: "ended_at",
                bytes: NOTHING_SEALED,
                due: "workspace_id = $1 and ended_at < $2 and cohort_id in \
                      (select id from cohorts where finished_at is not null)",
                remove: Some(("delete from cohort_rows", "cohort_id, line")),
            },
            Self::Lines => Parts {
                table: "contributions",
                at: "period",
                bytes: "length(sealed)",
                due: "origin = 'planilla' and batch_id in (select id from imports \
                      where workspace_id = $1 and period < $2 and state = 'accepted' \
                      and kind = 'planilla' and lines_removed = 0)",
                remove: None,
            },
            Self::KeptAnswers => Parts {
                table: "idempotency_keys",
                at: "created_at",
                bytes: "length(sealed_answer)",
                due: "workspace_id = $1 and created_at < $2",
                remove: Some(("delete from idempotency_keys", "workspace_id, key_index")),
            },
            Self::UsedTokens => Parts {
                table: "used_widget_tokens",
                at: "expires_at",
                bytes: NOTHING_SEALED,
                due: "workspace_id = $1 and expires_at < $2",
                remove: Some(("delete from used_widget_tokens", "workspace_id, jti")),
            },
            Self::ConnectSessions => Parts {
                table: "connect_sessions",
                at: "created_at",
                bytes: "length(sealed)",
                due: "workspace_id = $1 and created_at < $2",
                remove: Some(("delete from connect_sessions", "uuid")),
            },
            Self::AuditEntries => Parts {
                table: "audit_entries",
                at: "created_at",
                bytes: "length(sealed)",
                due: "cast($1 as bigint) = 0 and exists (select 1 from audit_blocks b \
                      join audit_heads h on h.chain = b.chain where b.chain = audit_entries.chain \
                      and b.sequence = audit_entries.block and b.created_at < $2 \
                      and b.sequence < h.sequence)",
                remove: None,
            },
        }
    }
}

impl Tx<'_> {
    /// How much of the workspace's, or of the installation's without one, is older than `before`
    /// and would go.
    ///
    /// # Errors
    /// When the database fails.
    pub fn old(
        &mut self,
        rule: RetentionRule,
        workspace: Option<WorkspaceId>,
        before: Micros,
    ) -> Result<Old> {
        let Parts { table, at, bytes, due, .. } = rule.parts();
        let old = match rule {
            // What is still to be marked is told of as it will be.
            RetentionRule::Loads => format!(
                "(select finished_at from loads where {due} union all select finished_at from loads \
                 where workspace_id = $1 and finished_at < $2 and {UNMARKED} and {}) old",
                may_go()
            ),
            _ => format!("{table} where {due}"),
        };
        self.query_one(
            &format!(
                "select count(*), min({at}), max({at}), cast(sum({bytes}) as bigint) from {old}"
            ),
            &[column(workspace).into(), before.into()],
            |row| {
                Ok(Old {
                    rows: row.int(0)?,
                    oldest: row.opt_int(1)?,
                    newest: row.opt_int(2)?,
                    bytes: row.opt_int(3)?,
                })
            },
        )
    }

    /// Whether anything is old: as [`Self::old`], without looking at all of it. Of loads those count that are
    /// marked ([`Self::mark_loads`]).
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_old(
        &mut self,
        rule: RetentionRule,
        workspace: Option<WorkspaceId>,
        before: Micros,
    ) -> Result<bool> {
        if rule == RetentionRule::AuditEntries {
            return Ok(workspace.is_none() && self.oldest_audit_chain(before)?.is_some());
        }
        let Parts { table, at, due, .. } = rule.parts();
        let sql = match rule {
            RetentionRule::Lines => OLD_PLANILLAS.to_owned(),
            // In an order, or PostgreSQL may hope to meet one soon as it goes through the whole table.
            _ => format!("select 1 from {table} where {due} order by {at} limit 1"),
        };
        let found = self.query_opt(&sql, &[column(workspace).into(), before.into()], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Removes the oldest of what [`Self::old`] counts, up to `limit` rows, and counts them as part
    /// of the run that began at `run`. Two processes with one rule come one after the other. Answers
    /// how many went; 0 when nothing is old.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_old(
        &mut self,
        rule: RetentionRule,
        workspace: Option<WorkspaceId>,
        before: Micros,
        limit: i64,
        run: Micros,
    ) -> Result<u64> {
        let place = [column(workspace).into(), rule.as_str().into(), run.into()];
        self.execute(
            "insert into retention_totals (workspace_id, rule, removed, last_removed, \
             last_removed_at) values ($1, $2, 0, 0, $3) on conflict (workspace_id, rule) \
             do update set last_removed = case when retention_totals.last_removed_at \
             = excluded.last_removed_at then retention_totals.last_removed else 0 end, \
             last_removed_at = excluded.last_removed_at",
            &place,
        )?;
        let removed = match (rule, rule.parts()) {
            (RetentionRule::AuditEntries, _) => match self.oldest_audit_chain(before)? {
                Some(chain) if workspace.is_none() => {
                    self.drop_audit_blocks(chain, before, limit)?
                }
                _ => 0,
            },
            (_, Parts { table, at, due, remove: Some((remove, key)), .. }) => self.execute(
                &format!(
                    "{remove} where ({key}) in \
                     (select {key} from {table} where {due} order by {at} limit $3)"
                ),
                &[column(workspace).into(), before.into(), limit.into()],
            )?,
            (RetentionRule::Lines, _) => self.remove_lines(column(workspace), before, limit)?,
            (_, parts) => self.remove_events(&parts, column(workspace), before, limit)?,
        };
        let [workspace, rule, _] = place;
        self.execute(
            "update retention_totals set removed = removed + $3, last_removed = last_removed + $3 \
             where workspace_id = $1 and rule = $2",
            &[workspace, rule, i64::try_from(removed).unwrap_or(i64::MAX).into()],
        )?;
        Ok(removed)
    }

    /// Events are chosen and held first: one that is replayed meanwhile goes whole or not at all.
    fn remove_events(
        &mut self,
        parts: &Parts,
        workspace: i64,
        before: Micros,
        limit: i64,
    ) -> Result<u64> {
        let Parts { table, due, at, .. } = parts;
        let sql = format!("select id from {table} where {due} order by {at} limit $3");
        let events =
            self.query(&sql, &[workspace.into(), before.into(), limit.into()], |row| row.int(0))?;
        let locking = self.dialect().locking();
        if !locking.is_empty() {
            let mut clause = Where::equals("+workspace_id", workspace);
            clause.and_list("id in ({})", events.iter().copied());
            let sql = format!("select id from events{} order by id{locking}", clause.sql());
            self.query(&sql, clause.params(), |_| Ok(()))?;
        }
        let mut removed = 0;
        for (table, which) in [
            ("attempts", "delivery_id in (select id from deliveries where event_id in ({}))"),
            ("deliveries", "event_id in ({})"),
            ("events", "id in ({})"),
        ] {
            let mut clause = Where::equals("+workspace_id", workspace);
            clause.and_list(which, events.iter().copied());
            let sql = format!("delete from {table}{}", clause.sql());
            removed = self.execute(&sql, clause.params())?;
        }
        Ok(removed)
    }

    /// Lines of one planilla after the other: they are found by it, and by nothing else that is old. One that has
    /// none left is looked at no more, and those that never had any are no end.
    fn remove_lines(&mut self, workspace: i64, before: i64, limit: i64) -> Result<u64> {
        loop {
            let planillas =
                self.query(OLD_PLANILLAS, &[workspace.into(), before.into()], |row| row.int(0))?;
            let removed = self.remove_lines_of_all(&planillas, limit)?;
            if removed > 0 || planillas.is_empty() {
                return Ok(removed);
            }
        }
    }

    fn remove_lines_of_all(&mut self, planillas: &[i64], limit: i64) -> Result<u64> {
        let mut removed = 0;
        for &planilla in planillas {
            let left = limit.saturating_sub(i64::try_from(removed).unwrap_or(i64::MAX));
            if left <= 0 {
                break;
            }
            let gone = self.remove_lines_of(planilla, left)?;
            removed += gone;
            if i64::try_from(gone).is_ok_and(|gone| gone < left) {
                let sql = "update imports set lines_removed = 1 where id = $1";
                self.execute(sql, &[planilla.into()])?;
            }
        }
        Ok(removed)
    }

    /// What went of everybody's, by rule, and when rows of the rule went last.
    ///
    /// # Errors
    /// When the database fails.
    pub fn retention_sums(&mut self) -> Result<Vec<(RetentionRule, i64, Micros)>> {
        self.query(
            "select rule, cast(sum(removed) as bigint), max(last_removed_at) \
             from retention_totals group by rule order by rule",
            &[],
            |row| Ok((RetentionRule::from_column(&row.text(0)?)?, row.int(1)?, row.int(2)?)),
        )
    }

    /// What went of the workspace's, or of the installation's without one, by rule.
    ///
    /// # Errors
    /// When the database fails.
    pub fn retention_totals(
        &mut self,
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<RetentionTotal>> {
        self.query(
            "select rule, removed, last_removed, last_removed_at from retention_totals \
             where workspace_id = $1 order by rule",
            &[column(workspace).into()],
            |row| {
                Ok(RetentionTotal {
                    rule: RetentionRule::from_column(&row.text(0)?)?,
                    removed: row.int(1)?,
                    last_removed: row.int(2)?,
                    last_removed_at: row.int(3)?,
                })
            },
        )
    }
}

/// The installation's own rows have workspace 0.
fn column(workspace: Option<WorkspaceId>) -> i64 {
    workspace.map_or(0, |workspace| workspace.0)
}
