//! Faults done to real servers under load, and whether what is promised about deliveries held.
//!
//! A row is one kind of fault with its goal. Each row starts servers of its own and is told where a
//! receiver listens; afterwards it compares what was acknowledged, what is stored and what came.

mod book;
mod clients;
mod crowd;
mod customer;
mod database;
mod disk;
mod elsewhere;
mod fair;
mod hostile;
mod journal;
mod kill;
mod overload;
mod points;
mod power;
mod slow;
mod soak;
mod stale;
mod start;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

pub use clients::{SlowClients, slow_clients};
pub use crowd::{bad_endpoints, returning_receiver};
pub use database::{idle_sessions, restarts, terminated_sessions};
pub use disk::{full_disk, full_quota};
pub use elsewhere::{ELSEWHERE, Elsewhere, NOT_PLAYED};
pub use fair::long_queue_beside;
pub use kill::{killed_and_paused_workers, killed_server, stopped_server};
pub use overload::{nobody_at_work, overloaded};
pub use points::every_point;
pub use power::power_failures;
pub use slow::slow_receivers;
pub use soak::soak;
pub use stale::stale_worker;
pub use start::refused_starts;

use crate::server::{Installation, Setup};

/// Faults make a server complain; that is not what is looked at.
const SILENT: [(&str, &str); 1] = [("VINCULO_LOG", "off")];

/// How a row is played.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The `vinculo` to run; the one built beside this program when `None`.
    pub binary: Option<&'a Path>,
    /// Where a receiver of this crate listens that nobody else uses meanwhile.
    pub receiver: &'a str,
    /// How often the fault is done.
    pub rounds: usize,
    /// Links a second.
    pub rate: u32,
    /// Where random moments come from.
    pub seed: u64,
}

impl Plan<'_> {
    /// A fresh installation whose webhooks go to this path of the receiver.
    fn installation(
        &self,
        path: &str,
        postgres: Option<&str>,
        within: Option<&Path>,
    ) -> anyhow::Result<Installation> {
        let hook = format!("{}{path}", self.receiver);
        Installation::new(&Setup {
            receiver: Some(&hook),
            postgres,
            within,
            binary: self.binary,
            variables: &SILENT,
            production: false,
        })
    }
}

/// What came of a row.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Its name and what is done.
    pub row: &'static str,
    /// What is to be reached.
    pub goal: &'static str,
    /// Whether all of it was.
    pub met: bool,
    /// Whether that part of it was which no pace of the machine excuses: what is counted, compared, and in
    /// order. A test asks for this of every verdict of a row.
    pub kept: bool,
    /// What was counted.
    pub told: String,
    /// What is known of single misses, where it is kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<String>,
}

impl Verdict {
    /// A goal about counts, whatever the clock shows.
    fn counted(row: &'static str, goal: &'static str, kept: bool, told: String) -> Self {
        Self { row, goal, met: kept, kept, told, misses: Vec::new() }
    }

    /// A goal about times, memory or luck alone: nothing of it can be kept or broken on a machine that does
    /// something else too.
    fn timed(row: &'static str, goal: &'static str, met: bool, told: String) -> Self {
        Self { row, goal, met, kept: true, told, misses: Vec::new() }
    }

    /// A row that could not be played.
    #[must_use]
    pub fn not_played(row: &'static str, error: &anyhow::Error) -> Self {
        Self::counted(row, "that it can be played", false, format!("{error:#}"))
    }

    /// Of a goal about counts, whether what else it wants was there: times, memory, luck.
    fn and_timed(self, met: bool) -> Self {
        Self { met: self.kept && met, ..self }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.met { "MET" } else { "MISSED" };
        write!(f, "{}: {verdict}\n    goal: {}\n    {}", self.row, self.goal, self.told)
    }
}

/// Random moments that can be repeated (splitmix64).
struct Dice(u64);

impl Dice {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// From 0.3 to 2 s.
    fn moment(&mut self) -> Duration {
        Duration::from_millis(300 + self.below(1700))
    }
}
