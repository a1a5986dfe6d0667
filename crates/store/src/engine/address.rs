//! Where a PostgreSQL server is, and whether TLS leads there.

use super::session::Messages;
use crate::error::{Error, Result};
use percent_encoding::percent_decode_str;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long to wait for a server that does not answer, and for one to let somebody in, unless the address says
/// otherwise (`connect_timeout`).
const CONNECT: Duration = Duration::from_secs(5);
const UNANSWERED: Duration = Duration::from_secs(20);
/// A server that ended without a word, while it was asked or not, is missed within 25 s: what the driver would wait
/// is two hours.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const UNSET_IDLE: Duration = Duration::from_secs(2 * 60 * 60);
const PORT: u16 = 5432;
/// What the driver says before it says what TLS said.
const HANDSHAKE: &str = "error performing TLS handshake";
const MODES: &str = "sslmode: one of disable, require, verify-full";
const SAFE: &str = "sslmode=verify-full";

/// An address as it was read; no file of it was looked at.
pub(crate) struct Address {
    config: Config,
    files: Files,
}

/// The files that the address names for TLS, as libpq calls them.
#[derive(Default)]
struct Files {
    /// `sslrootcert`: the authorities that may vouch for the server, instead of the system's.
    authorities: Option<PathBuf>,
    /// `sslcert`: who we are, with those up to the authority behind it.
    certificate: Option<PathBuf>,
    /// `sslkey`: its private key.
    key: Option<PathBuf>,
}

/// A server, with what a connection to it takes.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads a URL or a list of `key=value`, as libpq does but for two things: every `sslmode` that asks for
    /// TLS checks who answers, authority and name; and without one the connection is plain.
    ///
    /// # Errors
    /// [`Error::Address`], without a word of the address: what cannot be read may be a piece of a password.
    pub(crate) fn read(address: &str) -> Result<Self> {
        let (rest, files, verified) = of_tls(address)?;
        let mut config = rest.parse::<Config>().map_err(|_| {
            Error::Address("neither a PostgreSQL URL nor a list of key=value".to_owned())
        })?;
        if verified {
            config.ssl_mode(SslMode::Require);
        }
        let wanted = config.get_ssl_mode() == SslMode::Require;
        files.check(wanted)?;
        // Nobody listens in between on a socket of this machine, and it has no name that could be vouched for.
        let socket = |host: &Host| matches!(host, Host::Unix(_));
        let sockets = config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(socket);
        if !wanted || sockets {
            config.ssl_mode(SslMode::Disable);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNANSWERED);
        }
        if config.get_keepalives_idle() == UNSET_IDLE {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_application_name().is_none() {
            config.application_name("vinculo");
        }
        Ok(Self { config, files })
    }

    /// Where it leads: hosts, ports, names.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the connection is plain and leaves this machine.
    pub(crate) fn exposed(&self) -> bool {
        let near = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                name == "localhost"
                    || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        };
        // Where there are addresses, they are what is dialled.
        let dialled = self.config.get_hostaddrs();
        let stays = match dialled.is_empty() {
            true => self.config.get_hosts().iter().all(near),
            false => dialled.iter().all(IpAddr::is_loopback),
        };
        self.config.get_ssl_mode() == SslMode::Disable && !stays
    }

    /// The server, with the certificates that the address names.
    ///
    /// # Errors
    /// [`Error::Address`] naming the file that cannot be used.
    pub(crate) fn open(self) -> Result<Server> {
        let wanted = self.config.get_ssl_mode() == SslMode::Require;
        let tls = wanted.then(|| self.files.open()).transpose()?.map(MakeRustlsConnect::new);
        Ok(Server { config: self.config, tls })
    }
}

impl Server {
    /// The server at an address.
    ///
    /// # Errors
    /// See [`Address::read`] and [`Address::open`].
    pub(crate) fn at(address: &str) -> Result<Self> {
        Address::read(address)?.open()
    }

    /// A connection, and what carries its requests.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with where the server was looked for, when it cannot be reached, is not the one
    /// that was asked for, or says nothing.
    pub(crate) async fn connect(&self) -> Result<(Client, Box<dyn Messages>)> {
        let connected = async {
            Ok(match &self.tls {
                Some(tls) => boxed(self.config.connect(tls.clone()).await?),
                None => boxed(self.config.connect(NoTls).await?),
            })
        };
        let each = self.config.get_connect_timeout().copied().unwrap_or(CONNECT);
        // The driver's limit is that of reaching one of them; being let in may take as long again.
        let hosts = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        let tries = u32::try_from(hosts).unwrap_or(u32::MAX).saturating_add(1);
        match timeout(each.saturating_mul(tries), connected).await {
            Ok(connected) => connected.map_err(|error| self.explained(error)),
            Err(_) => {
                Err(Error::unavailable(format!("the server says nothing at {}", self.places())))
            }
        }
    }

    fn explained(&self, error: tokio_postgres::Error) -> Error {
        let demands = error.as_db_error().is_some_and(|it| it.message().ends_with("no encryption"));
        let of_tls = error.to_string() == HANDSHAKE;
        // What TLS has to say is the cause; elsewhere it is an I/O error of which the kind says enough.
        let told = error.source().filter(|_| of_tls).map(ToString::to_string);
        let error = match told {
            Some(told) => Error::unavailable(format!("{HANDSHAKE}: {told}")),
            None => error.into(),
        };
        let Error::Unavailable(cause) = error else { return error };
        let cause = cause.at(&self.places());
        Error::Unavailable(if demands { cause.and(&format!("{SAFE} asks for TLS")) } else { cause })
    }

    fn places(&self) -> String {
        let (hosts, ports) = (self.config.get_hosts().iter(), self.config.get_ports());
        let places = hosts.enumerate().map(|(number, host)| {
            // One port is that of all hosts.
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(PORT);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(folder) => format!("{}, port {port}", folder.display()),
            }
        });
        places.collect::<Vec<_>>().join(" or ")
    }
}

/// An address without what says how TLS is done, what that is, and whether it asks for TLS in a word that the
/// driver does not know.
fn of_tls(address: &str) -> Result<(String, Files, bool)> {
    let (mut files, mut verified) = (Files::default(), false);
    // A list of `key=value` has the words of the driver alone; a question mark in a password is written %3F.
    let Some((place, query)) = address.split_once('?').filter(|_| address.contains("://")) else {
        return Ok((address.to_owned(), files, verified));
    };
    let mut kept = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let file = || {
            let path = percent_decode_str(value).decode_utf8().unwrap_or_default();
            if path.is_empty() {
                return Err(Error::Address(format!("{name}: no path of a file")));
            }
            Ok(Some(PathBuf::from(path.as_ref())))
        };
        match (name, value) {
            ("sslmode", "verify-full" | "verify-ca") => verified = true,
            // Plain unless TLS is asked for: also where the other side would offer it.
            ("sslmode", "disable" | "allow" | "prefer") => kept.push("sslmode=disable"),
            ("sslmode", "require") => kept.push(pair),
            ("sslmode", _) => return Err(Error::Address(MODES.to_owned())),
            ("sslrootcert", "system") => files.authorities = None,
            ("sslrootcert", _) => files.authorities = file()?,
            ("sslcert", _) => files.certificate = file()?,
            ("sslkey", _) => files.key = file()?,
            _ => kept.push(pair),
        }
    }
    Ok((format!("{place}?{}", kept.join("&")), files, verified))
}

impl Files {
    /// Refuses what would be named in vain: whoever names an authority wants the server to be vouched for.
    fn check(&self, wanted: bool) -> Result<()> {
        let named = [
            ("sslrootcert", &self.authorities),
            ("sslcert", &self.certificate),
            ("sslkey", &self.key),
        ];
        if let Some((name, _)) = named.iter().find(|(_, path)| path.is_some() && !wanted) {
            return Err(Error::Address(format!(
                "{name} without an sslmode that asks for TLS: {SAFE}"
            )));
        }
        if self.key.is_some() && self.certificate.is_none() {
            return Err(Error::Address("sslkey without sslcert".to_owned()));
        }
        Ok(())
    }

    fn open(&self) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Address(format!("TLS: {error}")))?
            .with_root_certificates(self.roots()?);
        let Some(path) = &self.certificate else { return Ok(builder.with_no_client_auth()) };
        // One file may hold both.
        let key_path = self.key.as_deref().unwrap_or(path);
        let key = PrivateKeyDer::from_pem_file(key_path).map_err(|error| match error {
            PemError::NoItemsFound => unusable("sslkey", key_path, &"no private key"),
            error => unusable("sslkey", key_path, &error),
        })?;
        builder
            .with_client_auth_cert(certificates("sslcert", path)?, key)
            .map_err(|error| unusable("sslcert", path, &error))
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.authorities {
            for certificate in certificates("sslrootcert", path)? {
                roots.add(certificate).map_err(|error| unusable("sslrootcert", path, &error))?;
            }
            return Ok(roots);
        }
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let why = "no authority of this system was found that could vouch for the server: name its file, \
                       sslrootcert=PATH";
            return Err(Error::Address(why.to_owned()));
        }
        Ok(roots)
    }
}

fn boxed<M: Messages + 'static>((client, link): (Client, M)) -> (Client, Box<dyn Messages>) {
    (client, Box::new(link))
}

fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unusable(name, path, &error))?;
    if found.is_empty() {
        return Err(unusable(name, path, &"no certificate"));
    }
    Ok(found)
}

fn unusable(name: &str, path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Address(format!("{name}: {}: {why}", path.display()))
}
