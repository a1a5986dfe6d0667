//! What an operator of vinculo can decide. Values arrive parsed; nothing here reads a file or the
//! environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;
use vinculo_sources::ach::AchConfig;
use vinculo_sources::agil_data::AgilDataConfig;
use vinculo_sources::mareigua::MareiguaConfig;

use crate::sources::SourceTerms;
use crate::traces::LostSpans;

/// Bytes free where the data folder is, below which a process says that it is not ready if nothing else was decided.
pub const LEAST_FREE_BYTES: u64 = 100 * 1024 * 1024;

/// Configuration of a running server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Base URL under which clients reach the server; `None` follows the `Host` header.
    pub public_url: Option<Url>,
    /// Proxies that are believed about whom they speak for; nobody else is.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a minute, and at once, of one API key; 0 is no limit.
    pub rate_limit_per_minute: u32,
    /// Deletions a minute, and at once, of one workspace and kind of object, that their caller waits
    /// for (contract 2.10); 0 is no limit.
    pub delete_limit_per_minute: u32,
    /// Failed logins a minute, and at once, from one address; 0 is no limit.
    pub login_failures_per_minute: u32,
    /// Longest time from a request to its answer's head: a question to every source fits, with room to spare.
    /// Uploads of files take as long as they take.
    pub request_timeout: Duration,
    /// Longest time for the next 8 KiB of a request's body, or what is left of it.
    pub body_timeout: Duration,
    /// Longest time until the head of a request is there, from the connection or its first byte.
    pub header_timeout: Duration,
    /// Longest time from an answer to the next request of its connection.
    pub rest_timeout: Duration,
    /// Longest time a client may take nothing of an answer that is on its way.
    pub answer_silence: Duration,
    /// Longest time of a TLS handshake.
    pub handshake_timeout: Duration,
    /// Links that are being made at once in one workspace, beyond which a request for another is refused.
    pub registrations_at_once: usize,
    /// Jobs of one workspace that are due and wait, beside which no request makes another link: more
    /// than its cohorts and refreshes leave waiting.
    pub jobs_waiting: i64,
    /// What production links are asked from, in order, until one resolves.
    pub production: Vec<SourceConfig>,
    /// The simulated operator behind every sandbox link.
    pub sandbox: AchConfig,
    /// How sources may be used, by name; those that are missing as shipped.
    pub source_terms: BTreeMap<String, SourceTerms>,
    /// Deadline of one question while a caller waits.
    pub check_timeout: Duration,
    /// Deadline of all questions while the caller of a registration waits.
    pub check_budget: Duration,
    /// Deadline of one question in the background, and of all while the caller of a retrieval waits.
    pub load_timeout: Duration,
    /// How long after a single link was made recurrent it is loaded (contract 3.3.7).
    pub recurrent_delay: Duration,
    /// Whether webhooks may go to loopback and private addresses.
    pub webhook_allow_private: bool,
    /// Whether webhooks may go over plain HTTP.
    pub webhook_allow_http: bool,
    /// Ports that webhooks may go to; empty for the ordinary ones.
    pub webhook_ports: Vec<u16>,
    /// Addresses that webhooks come from, for receivers that want to know.
    pub egress_addresses: Vec<IpNet>,
    /// Deadline of one webhook try: connect, headers and body together.
    pub webhook_timeout: Duration,
    /// Request body limit, bytes.
    pub body_limit: usize,
    /// How long a widget's refresh token lasts.
    pub refresh_token_lifetime: Duration,
    /// Folder of files that were received and not yet imported; every process that imports
    /// shares it.
    pub spool_dir: PathBuf,
    /// Entries of the audit log about what was read that may wait in memory: no fewer than a page has
    /// objects.
    pub audit_room: usize,
    /// How long a read waits for room there before it is refused.
    pub audit_patience: Duration,
    /// Longest time the database may take to say how it stands: below what whoever asks about readiness or reads
    /// metrics waits for, which is ten seconds as a rule.
    pub look_timeout: Duration,
    /// Bytes free where the data folder is, below which the process says that it is not ready.
    pub least_free_bytes: u64,
    /// Counts what traces lose on their way.
    pub lost_spans: LostSpans,
    /// What is kept no longer.
    pub retention: RetentionConfig,
    /// How much of cohorts is taken and worked on.
    pub cohorts: CohortConfig,
    /// How the runner works.
    pub runner: RunnerConfig,
}

/// How long things are kept in the whole installation.
#[derive(Debug, Clone, Copy, Default)]
pub struct RetentionConfig {
    /// Most days that a workspace may keep what it decides about; `None` is no limit.
    pub longest_days: Option<u32>,
    /// Days that the audit log is kept; `None` is for ever.
    pub audit_days: Option<u32>,
}

/// A source as configured.
#[derive(Debug, Clone)]
pub enum SourceConfig {
    /// The planillas imported into the workspace.
    Planillas,
    /// ACH Colombia's *Consultas PILA*.
    Ach(Box<AchConfig>),
    /// Mareigua's query.
    Mareigua(Box<MareiguaConfig>),
    /// *Ágil Data* of Asofondos.
    AgilData(Box<AgilDataConfig>),
}

/// How much of cohorts is taken and worked on.
#[derive(Debug, Clone, Copy)]
pub struct CohortConfig {
    /// Rows of one cohort.
    pub rows: u32,
    /// Rows about which sources are asked at once, of each workspace: fewer than the places of a
    /// source, so that others find some.
    pub at_once: usize,
    /// People in one job of a source that takes jobs about many; below two, none are handed in.
    pub bulk: usize,
    /// Whether people are asked about alone whose job is refused, or who are missing from its result.
    pub bulk_else_alone: bool,
}

impl Default for CohortConfig {
    fn default() -> Self {
        Self { rows: 100_000, at_once: 6, bulk: 0, bulk_else_alone: true }
    }
}

/// How jobs and deliveries are worked off.
#[derive(Debug, Clone, Copy)]
pub struct RunnerConfig {
    /// Jobs running at once: more than all sources together may be asked at once, so that sources
    /// that hang leave room for other work.
    pub jobs: usize,
    /// Deliveries in flight at once.
    pub deliveries: usize,
    /// Deliveries in flight at once to one endpoint.
    pub deliveries_per_endpoint: usize,
    /// How long a worker holds what it took before others may take it.
    pub lease: Duration,
    /// How often it says that it is still alive.
    pub heartbeat: Duration,
    /// How often it looks for work that nobody announced.
    pub poll: Duration,
    /// How long running work may take to end at shutdown.
    pub grace: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            jobs: 64,
            deliveries: 256,
            deliveries_per_endpoint: 8,
            lease: Duration::from_secs(6),
            heartbeat: Duration::from_secs(2),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(8),
        }
    }
}

impl Config {
    /// How a source may be used.
    #[must_use]
    pub fn terms_of(&self, source: &str) -> SourceTerms {
        let given = self.source_terms.get(source).copied();
        given.unwrap_or_else(|| SourceTerms::shipped(source))
    }

    /// After how long a retrieval that a caller waits for is over, whatever has become of it.
    pub(crate) const fn longest_retrieval(&self) -> Duration {
        self.load_timeout.saturating_mul(2)
    }

    /// Production from imported planillas, sandbox from this operator, files spooled in this folder,
    /// everything else as shipped.
    #[must_use]
    pub fn new(sandbox: AchConfig, spool_dir: PathBuf) -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            rate_limit_per_minute: 30_000,
            delete_limit_per_minute: 5,
            login_failures_per_minute: 60,
            request_timeout: Duration::from_secs(120),
            body_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            // Longer than proxies keep theirs: they must not send into a connection that ends.
            rest_timeout: Duration::from_secs(75),
            answer_silence: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            registrations_at_once: 256,
            jobs_waiting: 512,
            production: vec![SourceConfig::Planillas],
            sandbox,
            source_terms: BTreeMap::new(),
            check_timeout: Duration::from_secs(15),
            check_budget: Duration::from_secs(40),
            load_timeout: Duration::from_secs(60),
            recurrent_delay: Duration::from_secs(24 * 60 * 60),
            webhook_allow_private: false,
            webhook_allow_http: false,
            webhook_ports: Vec::new(),
            egress_addresses: Vec::new(),
            webhook_timeout: Duration::from_secs(5),
            body_limit: 1024 * 1024,
            refresh_token_lifetime: Duration::from_secs(24 * 60 * 60),
            spool_dir,
            audit_room: 16_384,
            audit_patience: Duration::from_secs(10),
            look_timeout: Duration::from_secs(3),
            least_free_bytes: LEAST_FREE_BYTES,
            lost_spans: LostSpans::default(),
            retention: RetentionConfig::default(),
            cohorts: CohortConfig::default(),
            runner: RunnerConfig::default(),
        }
    }
}
