//! The table of lines in parts, as the product does not have it: to know what that would change.

use anyhow::Result;
use postgres::{Client, NoTls};

use super::country::{MONTHS, period};

/// Parts when lines are divided by person.
const PARTS: u64 = 16;

/// By what lines are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Parts {
    /// By nothing: as the product stores them
    None,
    /// A part for each month
    Period,
    /// 16 parts, by a hash of the person
    Person,
}

impl Parts {
    /// Makes the table anew, empty, with the same columns, rules and indexes.
    pub(crate) fn make(self, url: &str) -> Result<()> {
        let (by, key, parts): (_, _, Vec<String>) = match self {
            Self::None => return Ok(()),
            Self::Period => {
                let part = |month| format!("for values in ({})", period(month));
                ("list (period)", ", period", (0..MONTHS).map(part).collect())
            }
            Self::Person => {
                let part = |n| format!("for values with (modulus {PARTS}, remainder {n})");
                ("hash (subject_id)", "", (0..PARTS).map(part).collect())
            }
        };
        let mut sql = format!(
            "alter table contributions rename to whole; \
             create table contributions (like whole including constraints) partition by {by}; \
             drop table whole; \
             alter table contributions add primary key (subject_id, origin, batch_id, line{key}); \
             create index contributions_batch on contributions (origin, batch_id); \
             create index contributions_payer on contributions (workspace_id, payer_index) \
             where origin = 'ach';"
        );
        for (n, part) in parts.iter().enumerate() {
            sql.push_str(&format!("create table part_{n} partition of contributions {part};"));
        }
        Ok(Client::connect(url, NoTls)?.batch_execute(&sql)?)
    }

    /// Removes the lines of the oldest month, which so many batches brought, at one go, and makes their room
    /// usable again.
    pub(crate) fn remove_a_month(self, url: &str, batches: u64) -> Result<()> {
        if self == Self::Period {
            return Ok(Client::connect(url, NoTls)?.batch_execute("drop table part_0")?);
        }
        let sql = format!(
            "delete from contributions where origin = 'planilla' and batch_id <= {batches}"
        );
        Client::connect(url, NoTls)?.batch_execute(&sql)?;
        Self::vacuum(url)
    }

    /// Makes the room of removed lines usable again, which PostgreSQL does by itself some time later.
    pub(crate) fn vacuum(url: &str) -> Result<()> {
        Ok(Client::connect(url, NoTls)?.batch_execute("vacuum contributions")?)
    }
}
