//! The application value: everything a handler or a job may use hangs off it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;
use vinculo_store::{Environment, Store, WorkspaceId};
use vinculo_vault::{Random, RandomError, random_uuid_v4};
use vinculo_webhook::Sender;

use crate::audit::Audit;
use crate::clock::{Clock, micros};
use crate::complaints::Complaints;
use crate::config::Config;
use crate::error::ApiError;
use crate::health::Worker;
use crate::keys::{KeyUses, uses};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::once::Turns;
use crate::people::Passwords;
use crate::request_id::RequestIds;
use crate::secrets::{Secrets, UnknownWorkspace, WorkspaceSecrets};
use crate::sources::Sources;

/// What the application is made of; see [`App::new`].
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Opened keys.
    pub secrets: Secrets,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and jitter.
    pub random: Arc<dyn Random>,
    /// Client for the sources.
    pub http: reqwest::Client,
    /// Configuration.
    pub config: Config,
}

struct Inner {
    secrets: Secrets,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sender: Sender,
    sources: Sources,
    limits: Limits,
    request_ids: RequestIds,
    turns: Turns,
    asking: Turns,
    complaints: Complaints,
    audit: Audit,
    key_uses: KeyUses,
    passwords: Passwords,
    metrics: Metrics,
    worker: Worker,
    config: Config,
    tasks: TaskTracker,
}

/// The application; cloning shares it.
#[derive(Clone)]
pub struct App(Arc<Inner>, Store);

/// Parts that do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A source cannot be used as configured.
    #[error(transparent)]
    Source(#[from] crate::sources::UnusableSource),
    /// The system has no randomness to give.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The webhook client cannot be made.
    #[error(transparent)]
    Webhook(#[from] vinculo_webhook::SetupError),
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// Puts the application together.
    ///
    /// # Errors
    /// When a source or the webhook client cannot be made from the configuration.
    pub fn new(parts: Parts) -> Result<Self, BuildError> {
        let Parts { store, secrets, clock, random, http, config } = parts;
        let sources = Sources::new(&config, &http, &clock)?;
        let options = vinculo_webhook::Options {
            timeout: config.webhook_timeout,
            rules: vinculo_webhook::Rules {
                private: config.webhook_allow_private,
                http: config.webhook_allow_http,
                ports: config.webhook_ports.clone(),
            },
            ..vinculo_webhook::Options::default()
        };
        let sender = Sender::new(options)?;
        let process = random_uuid_v4(&*random).map(Uuid::from_bytes)?;
        let audit = Audit::new(process, &config, secrets.vault().nonces());
        let limits = Limits::new(&config, Arc::clone(&clock));
        let metrics = Metrics::new(store.stats(), &config.lost_spans);
        let inner = Inner {
            secrets,
            clock,
            random,
            sender,
            sources,
            limits,
            request_ids: RequestIds::default(),
            turns: Turns::default(),
            asking: Turns::default(),
            complaints: Complaints::default(),
            audit,
            key_uses: KeyUses::default(),
            passwords: Passwords::default(),
            metrics,
            worker: Worker::default(),
            config,
            tasks: TaskTracker::new(),
        };
        Ok(Self(Arc::new(inner), store))
    }

    /// The same application at work for one workspace, whose turn it is at the database then
    /// ([`Store::in_turn_of`]).
    pub(crate) fn in_turn_of(&self, workspace: WorkspaceId) -> Self {
        Self(Arc::clone(&self.0), self.1.in_turn_of(workspace))
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.1
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Time that has passed since some moment of this process: how long something takes is the difference of
    /// two, also when the machine's clock is set meanwhile.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.clock.elapsed()
    }

    /// The present moment as the store keeps it.
    #[must_use]
    pub fn now_micros(&self) -> i64 {
        micros(self.now())
    }

    /// Every opened key.
    #[must_use]
    pub fn all_secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// The opened keys of one workspace.
    ///
    /// # Errors
    /// When the workspace was created after this process started.
    pub fn secrets(&self, id: WorkspaceId) -> Result<Arc<WorkspaceSecrets>, UnknownWorkspace> {
        self.0.secrets.of(id)
    }

    /// The opened keys of the organization `default` in one environment.
    ///
    /// # Errors
    /// When it has none.
    pub fn secrets_of(
        &self,
        environment: Environment,
    ) -> Result<Arc<WorkspaceSecrets>, UnknownWorkspace> {
        self.0.secrets.environment(environment)
    }

    /// A new random UUID (version 4).
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn uuid(&self) -> Result<Uuid, RandomError> {
        random_uuid_v4(&*self.0.random).map(Uuid::from_bytes)
    }

    /// A new random UUID (version 4) for a request.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn request_id(&self) -> Result<Uuid, RandomError> {
        self.0.request_ids.next(&*self.0.random)
    }

    /// The source of randomness.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.0.random
    }

    /// 64 random bits for jitter; without randomness to give, the middle of the range.
    #[must_use]
    pub fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        match self.0.random.fill(&mut bytes) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => u64::MAX / 2,
        }
    }

    /// The sender of webhooks.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.0.sender
    }

    /// The configured sources.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.0.sources
    }

    /// Who has asked how often.
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What was logged of refusals.
    pub(crate) fn complaints(&self) -> &Complaints {
        &self.0.complaints
    }

    /// Who is being served under which `Idempotency-Key`.
    pub(crate) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    /// About whom the sources are being asked for a request.
    pub(crate) fn asking(&self) -> &Turns {
        &self.0.asking
    }

    /// Who read and changed what.
    pub(crate) fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// When keys were last used, as far as it is not written yet.
    pub(crate) fn key_uses(&self) -> &KeyUses {
        &self.0.key_uses
    }

    /// What makes and compares hashes of users' passwords.
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// What is measured.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether jobs are worked off here.
    pub(crate) fn worker(&self) -> &Worker {
        &self.0.worker
    }

    /// From now on `/readyz` says that this process is stopping, so that nobody is sent to it any more.
    pub fn announce_stop(&self) {
        self.worker().announce_stop();
    }

    /// Runs work that goes on when whoever asked for it has gone.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.tasks.spawn(work.in_current_span())
    }

    /// Runs work to its end, also when whoever waits for it goes away.
    ///
    /// # Errors
    /// What the work gives; a failure of the server's own when it panics.
    pub(crate) async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = self.spawn(work).await;
        done.unwrap_or_else(|_| Err(ApiError::unexpected("work for a request panicked")))
    }

    /// Waits for the end of all such work, and writes what is collected in memory. At shutdown,
    /// before the store is closed and once no more requests come.
    pub async fn finish_work(&self) {
        uses::write(self).await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
        if let Err(error) = self.0.audit.flush(self).await {
            tracing::error!(cause = error.cause(), "the end of the audit log is not written");
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }
}
