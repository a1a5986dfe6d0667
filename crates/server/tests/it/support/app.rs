//! The application on a database, served on a loopback port.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vinculo_server::clock::{Clock as _, ManualClock, micros};
use vinculo_server::config::Config;
use vinculo_server::jobs::Runner;
use vinculo_server::{
    App, ImportStatus, IssuedKey, Parts, ReceivedFile, WantedEndpoint, add_endpoint, import_status,
    installation, issue_key, receive_file,
};
use vinculo_sources::ach::AchConfig;
use vinculo_store::{Environment, ImportId, Queue};
use vinculo_vault::{MasterKeys, SeededRandom};

use super::operator::{Mood, TestOperator};
use super::{Browser, Client, PATIENCE, Receiver, TestDatabase, look_again, say_why, soon};

/// When every test begins: noon of 24 November 2026, UTC.
const NOW: &str = "2026-11-24T12:00:00Z";
/// Where jobs wait.
const JOBS: [Queue; 2] = [Queue::Jobs, Queue::Files];

/// The master key that every test begins with, as version 1.
pub(crate) const MASTER_KEY: &str =
    "7b1f0c3d5e2a49688c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d";

/// Changes a configuration.
type Configure = Arc<dyn Fn(&mut Config) + Send + Sync>;

/// How an application is put together.
pub(crate) struct Setup {
    database: TestDatabase,
    runner: bool,
    configure: Configure,
}

/// A served application.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) database: TestDatabase,
    pub(crate) clock: ManualClock,
    operator: TestOperator,
    http: reqwest::Client,
    keys: Keys,
    server: Server,
    runner: Option<RunnerTask>,
    configure: Configure,
    master_keys: String,
    /// Processes so far on this database; each draws other random numbers.
    processes: u64,
    end: End,
}

/// A second process beside a [`TestApp`].
pub(crate) struct Neighbour {
    /// A client of its sandbox workspace.
    pub(crate) sandbox: Client,
    pub(crate) app: App,
    http: reqwest::Client,
    server: Server,
    runner: Option<RunnerTask>,
}

impl Neighbour {
    /// Has it work off jobs and deliveries too, where the database lets several processes.
    pub(crate) async fn start_runner(&mut self) {
        self.runner = RunnerTask::start(&self.app).await;
    }

    /// A client of it with another key.
    pub(crate) fn client_of(&self, key: &IssuedKey) -> Client {
        Client::new(self.http.clone(), self.server.base.clone(), Some(key))
    }

    /// A browser at it that nobody has signed in with.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.http.clone(), self.server.base.clone())
    }

    /// Ends it.
    pub(crate) async fn finish(mut self) {
        if let Some(runner) = self.runner.take() {
            runner.stop().await;
        }
        self.server.stop().await;
        self.app.store().clone().close().await;
    }
}

struct Keys {
    sandbox: IssuedKey,
    production: IssuedKey,
}

struct Server {
    base: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct RunnerTask {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl RunnerTask {
    /// `None` when another process runs the database.
    async fn start(app: &App) -> Option<Self> {
        let claimed = Runner::claim(app.clone()).await.expect("the runner cannot start");
        let (runner, stop) = (claimed?, CancellationToken::new());
        let task = tokio::spawn(runner.run(stop.clone()));
        Some(Self { stop, task })
    }

    async fn stop(self) {
        self.stop.cancel();
        soon("the end of the runner", self.task).await.expect("the runner panicked");
    }
}

/// Fails a test that ends without [`TestApp::finish`]: nobody would have looked for work left over.
struct End {
    reached: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        assert!(self.reached || std::thread::panicking(), "the test did not finish its TestApp");
    }
}

impl Setup {
    pub(crate) fn new(database: TestDatabase) -> Self {
        Self { database, runner: true, configure: Arc::new(|_| ()) }
    }

    /// Leaves jobs and deliveries waiting until [`TestApp::start_runner`].
    pub(crate) fn without_runner(self) -> Self {
        Self { runner: false, ..self }
    }

    /// Changes the configuration.
    pub(crate) fn configure(self, configure: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        Self { configure: Arc::new(configure), ..self }
    }

    /// Starts the application.
    pub(crate) async fn start(self) -> TestApp {
        let Self { database, runner, configure } = self;
        say_why();
        let clock = ManualClock::new(NOW.parse().unwrap());
        let operator = TestOperator::start(clock.clone()).await;
        let app = open(&database, &clock, &operator, (1, MASTER_KEY), &configure).await;
        let keys = Keys {
            sandbox: issue(&app, Environment::Sandbox).await,
            production: issue(&app, Environment::Production).await,
        };
        let mut started = TestApp {
            server: Server::start(&app).await,
            app,
            database,
            clock,
            operator,
            http: http_client(),
            keys,
            runner: None,
            configure,
            master_keys: MASTER_KEY.to_owned(),
            processes: 1,
            end: End { reached: false },
        };
        if runner {
            started.start_runner().await;
        }
        started
    }
}

impl TestApp {
    /// Starts one with everything as shipped.
    pub(crate) async fn start(database: TestDatabase) -> Self {
        Setup::new(database).start().await
    }

    /// A client of the sandbox workspace.
    pub(crate) fn sandbox(&self) -> Client {
        self.client(Some(&self.keys.sandbox))
    }

    /// A client of the production workspace.
    pub(crate) fn production(&self) -> Client {
        self.client(Some(&self.keys.production))
    }

    /// A client without a key.
    pub(crate) fn stranger(&self) -> Client {
        self.client(None)
    }

    /// A client with another key.
    pub(crate) fn client_of(&self, key: &IssuedKey) -> Client {
        self.client(Some(key))
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.http.clone(), self.server.base.clone())
    }

    fn client(&self, key: Option<&IssuedKey>) -> Client {
        Client::new(self.http.clone(), self.server.base.clone(), key)
    }

    /// Scheme, host and port, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.server.base
    }

    /// The key of the sandbox.
    pub(crate) fn sandbox_key(&self) -> &IssuedKey {
        &self.keys.sandbox
    }

    /// Questions the operator has been asked.
    pub(crate) fn asked(&self) -> usize {
        self.operator.asked()
    }

    /// What the operator does with questions from now on.
    pub(crate) fn operator_is(&self, mood: Mood) {
        self.operator.be(mood);
    }

    /// Waits until the operator has been asked so often, letting the time of postponed jobs come.
    pub(crate) async fn until_asked(&self, times: usize) {
        soon("the operator's being asked", async {
            while self.asked() < times {
                self.let_jobs_come().await;
                look_again().await;
            }
        })
        .await;
    }

    /// When nothing is due and work is postponed, moves the clock to the first of it.
    pub(crate) async fn let_jobs_come(&self) {
        // What runs is due when its lease ends, 4 to 6 s from now.
        let leases = Duration::from_secs(4)..=Duration::from_secs(6);
        let Some(due) = self.next_due(&JOBS).await else { return };
        let wait = Duration::try_from(due.duration_since(self.now())).unwrap_or_default();
        // To the microsecond it is the second look at a job of a source.
        let look = wait == Duration::from_secs(5);
        if !wait.is_zero() && (look || !leases.contains(&wait)) {
            self.advance(wait);
        }
    }

    /// Waits for something that is due at once.
    pub(crate) async fn until(&self, holds: impl Fn() -> bool) {
        soon("what was waited for", async {
            while !holds() {
                look_again().await;
            }
        })
        .await;
    }

    /// Waits until every job there is was postponed; when the next is due.
    pub(crate) async fn until_job_is_postponed(&self) -> Timestamp {
        soon("the postponement of a job", async {
            loop {
                match self.next_due(&JOBS).await {
                    Some(due) if due > self.soonest_retry() => return due,
                    _ => look_again().await,
                }
            }
        })
        .await
    }

    /// Waits until a link holds employments.
    pub(crate) async fn until_loaded(&self, client: &Client, link: &serde_json::Value) {
        let list = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
        soon("employments", async {
            while client.results(&list).await.is_empty() {
                look_again().await;
            }
        })
        .await;
    }

    /// Works off everything, letting the time of postponed work come.
    pub(crate) async fn work_off(&self) {
        // Longer than any lease of what runs.
        let running = Duration::from_secs(7);
        soon("the end of all work", async {
            loop {
                // What links are due for becomes jobs.
                if self.next_due_link().await.is_some_and(|due| due <= self.now()) {
                    look_again().await;
                    continue;
                }
                let queues = [Queue::Jobs, Queue::Files, Queue::Deliveries];
                let Some(due) = self.next_due(&queues).await else { break };
                if due > self.now() + running {
                    let wait = due.duration_since(self.now()).try_into().expect("a time to come");
                    // What was postponed together comes together.
                    self.advance(Duration::saturating_add(wait, Duration::from_secs(60)));
                }
                look_again().await;
            }
        })
        .await;
    }

    /// Another process on the same database, which only serves.
    pub(crate) async fn another_process(&mut self) -> Neighbour {
        self.processes += 1;
        let Self { database, clock, operator, processes, configure, master_keys, .. } = &*self;
        let process = (*processes, master_keys.as_str());
        let app = open(database, clock, operator, process, configure).await;
        let server = Server::start(&app).await;
        let client = |key| Client::new(self.http.clone(), server.base.clone(), Some(key));
        let (sandbox, http) = (client(&self.keys.sandbox), self.http.clone());
        Neighbour { sandbox, app, http, server, runner: None }
    }

    /// Sends the events of an environment to a receiver.
    pub(crate) async fn send_events_to(
        &self,
        receiver: &Receiver,
        environment: Environment,
        authorization: Option<&str>,
    ) {
        let authorization = authorization.map(str::to_owned);
        let (url, types) = (receiver.url.clone(), None);
        let wanted = WantedEndpoint { url, authorization, types, enabled: true };
        add_endpoint(&self.app, environment, wanted).await.expect("the endpoint is refused");
    }

    /// Hands a file over, to be imported for an environment; whether it is a new one.
    pub(crate) async fn receive(
        &self,
        environment: Environment,
        file: impl Into<Vec<u8>>,
    ) -> (ImportId, bool) {
        let workspace = self.app.secrets_of(environment).expect("no workspace").workspace().id;
        let name = ReceivedFile::new("planilla.txt", &[]).expect("no rule is allowed");
        let contents = std::io::Cursor::new(file.into());
        let received = receive_file(&self.app, workspace, name, contents).await;
        received.expect("the file cannot be received")
    }

    /// Imports a file for an environment, and waits until that is done.
    pub(crate) async fn import(&self, environment: Environment, file: &[u8]) -> ImportStatus {
        let (id, _) = self.receive(environment, file.to_vec()).await;
        self.until_done(&JOBS).await;
        import_status(&self.app, id).await.expect("the import is gone")
    }

    /// Starts to work off jobs and deliveries.
    pub(crate) async fn start_runner(&mut self) {
        let runner = RunnerTask::start(&self.app).await;
        self.runner = Some(runner.expect("another runner holds the database"));
    }

    /// Stops working them off, and waits for what is running as long as configured.
    pub(crate) async fn stop_runner(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.stop().await;
        }
    }

    /// As [`Self::start_runner`], until the answer is awaited, which is as [`Self::stop_runner`].
    pub(crate) async fn run_apart(&self) -> impl Future<Output = ()> + use<> {
        RunnerTask::start(&self.app).await.expect("another runner holds the database").stop()
    }

    /// Rows waiting or running in all queues.
    pub(crate) async fn work_left(&self) -> i64 {
        self.app.store().read(|tx| tx.pending_work()).await.expect("the database does not answer")
    }

    /// Waits until nothing is left to do. Each look is a question to the database.
    pub(crate) async fn settled(&self) {
        self.until_done(&[Queue::Jobs, Queue::Files, Queue::Deliveries]).await;
    }

    /// Waits until nothing is left to deliver.
    pub(crate) async fn delivered(&self) {
        self.until_done(&[Queue::Deliveries]).await;
    }

    async fn until_done(&self, queues: &[Queue]) {
        let done = async {
            // What links are due for becomes jobs, jobs become deliveries: looked at in this order.
            while self.next_due_link().await.is_some_and(|due| due <= self.now()) {
                look_again().await;
            }
            while let Some(due) = self.next_due(queues).await {
                assert!(
                    due < self.soonest_retry(),
                    "work was postponed and the clock stands still"
                );
                look_again().await;
            }
        };
        if tokio::time::timeout(PATIENCE, done).await.is_err() {
            let links = self.next_due_link().await;
            let jobs = self.next_due(&JOBS).await;
            let deliveries = self.next_due(&[Queue::Deliveries]).await;
            panic!(
                "work is left at {}: due are links {links:?}, jobs {jobs:?}, deliveries {deliveries:?}",
                self.now()
            );
        }
    }

    /// Waits until no delivery is due or running: those that are left wait for another try.
    pub(crate) async fn postponed(&self) {
        soon("the postponement of all deliveries", async {
            while self.next_delivery_due().await.is_none_or(|due| due < self.soonest_retry()) {
                look_again().await;
            }
        })
        .await;
    }

    /// Waits until the leases of all deliveries end before so much time has passed.
    pub(crate) async fn until_leases_end_within(&self, time: Duration) {
        soon("shorter leases", async {
            while self.next_delivery_due().await.is_some_and(|due| due > self.now() + time) {
                look_again().await;
            }
        })
        .await;
    }

    /// Waits until the leases of all that runs last so much longer.
    pub(crate) async fn until_leases_last(&self, queue: Queue, time: Duration) {
        soon("longer leases", async {
            while self.next_due(&[queue]).await.is_some_and(|due| due < self.now() + time) {
                look_again().await;
            }
        })
        .await;
    }

    /// When the next delivery is due, or the lease of a running one ends.
    pub(crate) async fn next_delivery_due(&self) -> Option<Timestamp> {
        self.next_due(&[Queue::Deliveries]).await
    }

    /// When the next link is due for anything.
    pub(crate) async fn next_due_link(&self) -> Option<Timestamp> {
        let due = self.app.store().read(|tx| tx.next_due_link()).await;
        let due = due.expect("the database does not answer");
        due.map(|due| Timestamp::from_microsecond(due).unwrap())
    }

    /// Waits until every job is being worked on or was postponed.
    pub(crate) async fn until_nothing_is_due(&self) {
        soon("the taking of all jobs", async {
            while self.next_due(&JOBS).await.is_some_and(|due| due <= self.now()) {
                look_again().await;
            }
        })
        .await;
    }

    async fn next_due(&self, queues: &[Queue]) -> Option<Timestamp> {
        let mut soonest = None;
        for &queue in queues {
            let due = self.app.store().read(move |tx| tx.next_due(queue)).await;
            let due = due.expect("the database does not answer");
            soonest = [soonest, due].into_iter().flatten().min();
        }
        soonest.map(|due| Timestamp::from_microsecond(due).unwrap())
    }

    /// What runs is due again when its lease ends, what was postponed no sooner than 48 s.
    fn soonest_retry(&self) -> Timestamp {
        self.now() + Duration::from_secs(30)
    }

    /// Moves the clock of everybody.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends this process as a shutdown would and starts another on the same database, without a
    /// runner.
    pub(crate) async fn restart(mut self) -> Self {
        self.pause().await;
        self.resume().await
    }

    /// Ends the process, and leaves the database to others until [`Self::resume`].
    pub(crate) async fn pause(&mut self) {
        self.shut_down().await;
    }

    /// Starts another process after [`Self::pause`], which works off no jobs yet.
    pub(crate) async fn resume(mut self) -> Self {
        self.processes += 1;
        let Self { database, clock, operator, processes, configure, master_keys, .. } = &self;
        let process = (*processes, master_keys.as_str());
        self.app = open(database, clock, operator, process, configure).await;
        self.server = Server::start(&self.app).await;
        self
    }

    /// As [`Self::restart`], with other master keys from now on.
    pub(crate) async fn restart_with(mut self, master_keys: &str) -> Self {
        master_keys.clone_into(&mut self.master_keys);
        self.restart().await
    }

    /// As [`Self::restart`], configured otherwise from now on.
    pub(crate) async fn restart_configured(
        mut self,
        configure: impl Fn(&mut Config) + Send + Sync + 'static,
    ) -> Self {
        self.configure = Arc::new(configure);
        self.restart().await
    }

    /// Ends the test; fails it when jobs or deliveries are left over.
    pub(crate) async fn finish(mut self) {
        self.stop_runner().await;
        assert_eq!(self.work_left().await, 0, "jobs or deliveries are left over");
        self.finish_with_work_left().await;
    }

    /// Ends a test that leaves work behind on purpose. Answers the closed database.
    pub(crate) async fn finish_with_work_left(mut self) -> TestDatabase {
        self.shut_down().await;
        self.end.reached = true;
        self.database
    }

    async fn shut_down(&mut self) {
        self.stop_runner().await;
        self.server.stop().await;
        self.app.finish_work().await;
        self.app.store().clone().close().await;
    }
}

impl Server {
    async fn start(app: &App) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let app = app.clone();
        let task =
            tokio::spawn(async move { vinculo_server::serve(&app, listener, stopped).await });
        Self { base, stop, task }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        soon("the end of the server", &mut self.task).await.expect("the server panicked");
    }
}

async fn issue(app: &App, environment: Environment) -> IssuedKey {
    issue_key(app, environment, "test".to_owned()).await.expect("no key")
}

async fn open(
    database: &TestDatabase,
    clock: &ManualClock,
    operator: &TestOperator,
    (process, master_keys): (u64, &str),
    configure: &Configure,
) -> App {
    let random = Arc::new(SeededRandom::new(process));
    let (target, now) = (database.target(), micros(clock.now()));
    let (drawn, master_keys) = (Arc::clone(&random), master_keys.to_owned());
    let opened = tokio::task::spawn_blocking(move || {
        let store = TestDatabase::open(&target);
        let masters = MasterKeys::parse(&master_keys).expect("the master keys");
        let secrets = installation::open(&store, masters, drawn, now).expect("the installation");
        (store, secrets)
    });
    let (store, secrets) = opened.await.expect("the database does not open");
    let mut config = Config::new(AchConfig::new(&operator.url), database.spool());
    config.webhook_allow_private = true;
    // By real time: nothing ends because the machine is busy.
    for limit in [
        &mut config.webhook_timeout,
        &mut config.header_timeout,
        &mut config.check_timeout,
        &mut config.audit_patience,
        &mut config.look_timeout,
        &mut config.runner.grace,
    ] {
        *limit = Duration::from_secs(60);
    }
    configure(&mut config);
    let clock = Arc::new(clock.clone());
    let parts = Parts { store, secrets, clock, random, http: http_client(), config };
    App::new(parts).expect("the application")
}

fn http_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client")
}
