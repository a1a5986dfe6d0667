//! Opening an installation: database at this version's schema, keys opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstream::eprintln;
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::secrets::Secrets;
use vinculo_server::{App, Parts, config::Config, installation};
use vinculo_sources::ach::AchConfig;
use vinculo_store::{Options, RunnerLock, Store, Target, Timer};
use vinculo_vault::{MasterKeys, SystemRandom, Vault};

use crate::args::{Database, Pool};
use crate::master_key;

/// What is said of a connection that can be read on the way.
pub(crate) const EXPOSED: &str = "the connection to PostgreSQL is plain, and leaves this machine";

/// An address that nothing is asked at.
pub(crate) const NO_OPERATOR: &str = "http://127.0.0.1:1";

const DATA_DIR: &str = "vinculo-data";
const SPOOL: &str = "spool";

/// An opened installation.
pub(crate) struct Installation {
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    /// Where received files wait.
    pub(crate) spool_dir: PathBuf,
}

/// Where the options say the database is.
pub(crate) fn target(options: &Database) -> anyhow::Result<Target> {
    match &options.database_url {
        Some(url) => Target::from_url(url).context("database URL"),
        None => Ok(Target::Sqlite { dir: data_dir(options) }),
    }
}

/// The folder of an installation: what is no row of its database is there.
pub(crate) fn home(options: &Database, target: &Target) -> PathBuf {
    match target {
        Target::Sqlite { dir } => dir.clone(),
        Target::Postgres { .. } => data_dir(options),
    }
}

/// The permissions of a path, and whether others can use it than its owner and whom systemd gives it to.
pub(crate) fn mode(path: &Path) -> std::io::Result<(u32, bool)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = path.metadata()?;
    let mode = metadata.mode() & 0o777;
    // A credential stays root's, and the service's user has it by an ACL, whose mask shows as the group's bits.
    let closed = if metadata.uid() == 0 && is_credential(path) { 0o037 } else { 0o077 };
    Ok((mode, mode & closed != 0))
}

/// Whether a file is one of those that systemd has handed to this process.
fn is_credential(path: &Path) -> bool {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let folder = folder.and_then(|folder| folder.canonicalize().ok());
    folder.zip(path.canonicalize().ok()).is_some_and(|(folder, path)| path.starts_with(folder))
}

/// Where received files wait.
pub(crate) fn spool_dir(home: &Path) -> PathBuf {
    home.join(SPOOL)
}

fn data_dir(options: &Database) -> PathBuf {
    options.data_dir.clone().unwrap_or_else(|| PathBuf::from(DATA_DIR))
}

impl Installation {
    /// Opens an installation that is there: nobody who meant another folder is to find a new and
    /// empty one. Blocks; not for async code.
    pub(crate) fn open(options: &Database) -> anyhow::Result<Self> {
        refuse_nothing(&target(options)?)?;
        Self::open_or_make(options, &Pool::default())
    }

    /// Opens an installation for a command that puts the first thing into it; makes it when it is new, and
    /// tells where, lest it was another folder that was meant. Blocks; not for async code.
    pub(crate) fn open_or_tell(options: &Database) -> anyhow::Result<Self> {
        let target = target(options)?;
        let is_new = vinculo_store::look(&target)?.is_nothing();
        let installation = Self::open_or_make(options, &Pool::default())?;
        if is_new {
            eprintln!("made a new installation in {}", place(&target));
        }
        Ok(installation)
    }

    /// Opens an installation with a budget of connections, making it when it is new.
    pub(crate) fn open_or_make(options: &Database, pool: &Pool) -> anyhow::Result<Self> {
        let target = target(options)?;
        let home = home(options, &target);
        let random = Arc::new(SystemRandom);
        // First of all: without a key nothing is made.
        let masters = master_key::read(options, &home, &target, &*random)?;
        vinculo_store::migrate(&target)?;
        let timer = Timer::new(|| {
            let passed = SystemClock.now().duration_since(Timestamp::UNIX_EPOCH);
            passed.try_into().unwrap_or_default()
        });
        let store = Store::open(&target, &pool.apply(Options { timer, ..Options::default() }))?;
        let secrets = installation::open(&store, masters, random, micros(SystemClock.now()))?;
        Ok(Self { store, secrets, spool_dir: spool_dir(&home) })
    }

    /// Opens the database and the keys of an installation that is there, for a command that must be
    /// alone with it. Blocks; not for async code.
    pub(crate) fn open_alone(options: &Database) -> anyhow::Result<(Store, RunnerLock, Vault)> {
        let (store, masters, _) = open_there(options, true)?;
        let runner = store.runner_lock()?.context("a server works off jobs here: stop it first")?;
        let vault = installation::verify(&store, masters, Arc::new(SystemRandom))?;
        Ok((store, runner, vault))
    }

    /// Opens the database of an installation whose data was restored, and says where its received files
    /// wait: the keys may be older than the data. Blocks; not for async code.
    pub(crate) fn open_restored(options: &Database) -> anyhow::Result<(Store, PathBuf)> {
        let (store, masters, home) = open_there(options, false)?;
        installation::verify(&store, masters, Arc::new(SystemRandom))?;
        Ok((store, spool_dir(&home)))
    }

    /// The configuration of an application on this installation, as shipped, with the sandbox
    /// operator at `operator`.
    pub(crate) fn config(&self, operator: impl Into<String>) -> Config {
        let mut sandbox = AchConfig::new(operator);
        // Nobody in it is real.
        sandbox.service.allow_http = true;
        Config::new(sandbox, self.spool_dir.clone())
    }

    /// The application for a command that only opens the database: it asks no operator.
    pub(crate) fn quiet_app(self) -> anyhow::Result<App> {
        let config = self.config(NO_OPERATOR);
        self.app(config)
    }

    /// The application on this installation.
    pub(crate) fn app(self, config: Config) -> anyhow::Result<App> {
        Ok(App::new(Parts {
            store: self.store,
            secrets: self.secrets,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            http: http_client()?,
            config,
        })?)
    }
}

/// What opens restored data, for consents that were revoked since. `now` is in microseconds since 1970 UTC.
/// Blocks; not for async code.
pub(crate) fn secrets_of_restored(
    options: &Database,
    store: &Store,
    now: i64,
) -> anyhow::Result<Secrets> {
    let (target, random) = (target(options)?, Arc::new(SystemRandom));
    let masters = master_key::read(options, &home(options, &target), &target, &*random);
    let masters = masters.context("consents were revoked since the backup")?;
    Ok(installation::open(store, masters, random, now)?)
}

/// The database of an installation that is there, alone with it or not, its master keys and its folder.
fn open_there(options: &Database, exclusive: bool) -> anyhow::Result<(Store, MasterKeys, PathBuf)> {
    let target = target(options)?;
    refuse_nothing(&target)?;
    let home = home(options, &target);
    let masters = master_key::read(options, &home, &target, &SystemRandom)?;
    vinculo_store::migrate(&target)?;
    let store = Store::open(&target, &Options { exclusive, ..Options::default() })?;
    Ok((store, masters, home))
}

fn refuse_nothing(target: &Target) -> anyhow::Result<()> {
    if !vinculo_store::look(target)?.is_nothing() {
        return Ok(());
    }
    bail!(
        "no installation in {}: `vinculo serve` makes one, `vinculo migrate` an empty one",
        place(target)
    )
}

/// Where an installation is, in words that tell no password.
fn place(target: &Target) -> String {
    match target {
        Target::Sqlite { dir } => dir.display().to_string(),
        Target::Postgres { .. } => "the database of VINCULO_DATABASE_URL".to_owned(),
    }
}

/// The client that asks operators, and tells a collector: no redirects, no proxy from the environment.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("vinculo/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("HTTP client")
}
