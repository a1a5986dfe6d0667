//! From options to the configuration of each source, every refusal naming its variable.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum as _;
use vinculo_server::config::SourceConfig;
use vinculo_sources::ach::AchConfig;
use vinculo_sources::agil_data::AgilDataConfig;
use vinculo_sources::mareigua::{Bus, MareiguaConfig};
use vinculo_sources::{Auth, DocumentCodes, Grant, OAuth2, Secret, ServiceConfig, Tls};

use crate::args::{self, AuthKind, Reach, SourceName, Sources};

const CONNECT_SECONDS: u32 = 5;

/// The sources of production links, in order.
pub(crate) fn production(options: &Sources) -> anyhow::Result<Vec<SourceConfig>> {
    let named = options.source_production.as_deref().unwrap_or(&[SourceName::Planillas]);
    if named.is_empty() {
        bail!("production needs a source: VINCULO_SOURCE_PRODUCTION names none");
    }
    if let Some((_, twice)) =
        (1..named.len()).map(|n| (n, named[n])).find(|(n, it)| named[..*n].contains(it))
    {
        let name = twice.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default();
        bail!("VINCULO_SOURCE_PRODUCTION names {name} twice");
    }
    named
        .iter()
        .map(|name| {
            Ok(match name {
                SourceName::Planillas => SourceConfig::Planillas,
                SourceName::Ach => SourceConfig::Ach(Box::new(ach(options)?)),
                SourceName::Mareigua => SourceConfig::Mareigua(Box::new(mareigua(options)?)),
                SourceName::AgilData => SourceConfig::AgilData(Box::new(agil_data(options)?)),
            })
        })
        .collect()
}

fn ach(options: &Sources) -> anyhow::Result<AchConfig> {
    let given = &options.ach;
    let reach = Reading(given.reach());
    let service = reach.service(options, AuthKind::None, None)?;
    let shipped = AchConfig::new(String::new());
    let months = given.ach_months.unwrap_or(shipped.months);
    if !(1..=shipped.months).contains(&months) {
        bail!("VINCULO_ACH_MONTHS is {months}: ACH is asked for 1 to {} months", shipped.months);
    }
    Ok(AchConfig {
        service,
        months,
        documents: reach.documents()?.unwrap_or(shipped.documents),
        user: given.ach_user.clone(),
        ip: given.ach_ip.map(|ip| ip.to_string()),
        no_data_statuses: given.ach_no_data_statuses.clone().unwrap_or(shipped.no_data_statuses),
        no_data_messages: given.ach_no_data_messages.clone().unwrap_or(shipped.no_data_messages),
    })
}

fn mareigua(options: &Sources) -> anyhow::Result<MareiguaConfig> {
    let given = &options.mareigua;
    let reach = Reading(given.reach());
    let token_url =
        given.reach().base_url.map(|url| format!("{}/token", url.trim_end_matches('/')));
    let mut service = reach.service(options, AuthKind::Oauth2, token_url)?;
    if let Auth::OAuth2(oauth) = &mut service.auth {
        oauth.json = given.mareigua_token_json.unwrap_or(false);
    }
    let product = given.mareigua_product;
    let product = product.context("source mareigua needs VINCULO_MAREIGUA_PRODUCT")?;
    let shipped = MareiguaConfig::new(service, product);
    let header = given.mareigua_bus_header.as_ref().map_or("{}", |header| &header.0);
    let bus =
        |codes: &Vec<String>| Bus { header: Secret::new(header), success_codes: codes.clone() };
    Ok(MareiguaConfig {
        documents: reach.documents()?.unwrap_or(shipped.documents),
        declared_salary: given.mareigua_declared_salary.unwrap_or(shipped.declared_salary),
        token_in_body: given.mareigua_token_in_body.unwrap_or(false),
        bus: given.mareigua_bus_success.as_ref().map(bus),
        ..shipped
    })
}

fn agil_data(options: &Sources) -> anyhow::Result<AgilDataConfig> {
    let reach = Reading(options.agil_data.reach());
    let service = reach.service(options, AuthKind::Basic, None)?;
    // In clear only to this machine, where something else shows the certificate.
    if service.base_url.starts_with("https:") && service.tls.identity.is_none() {
        bail!("source agil_data needs VINCULO_AGIL_DATA_CERTIFICATE_FILE");
    }
    let shipped = AgilDataConfig::new(service);
    Ok(AgilDataConfig { documents: reach.documents()?.unwrap_or(shipped.documents), ..shipped })
}

/// The options of one operator.
struct Reading<'a>(Reach<'a>);

impl Reading<'_> {
    fn variable(&self, end: &str) -> String {
        format!("VINCULO_{}_{end}", self.0.prefix)
    }

    fn needed<T>(&self, value: Option<T>, end: &str) -> anyhow::Result<T> {
        let name = self.0.prefix.to_lowercase();
        value.with_context(|| format!("source {name} needs {}", self.variable(end)))
    }

    fn secret(&self, value: Option<&args::Secret>, end: &str) -> anyhow::Result<Secret> {
        Ok(Secret::new(self.needed(value, end)?.0.clone()))
    }

    /// `auth` and `token_url` stand where nothing is given.
    fn service(
        &self,
        options: &Sources,
        auth: AuthKind,
        token_url: Option<String>,
    ) -> anyhow::Result<ServiceConfig> {
        let base_url = self.needed(self.0.base_url, "BASE_URL")?;
        let shipped = ServiceConfig::new(base_url);
        let seconds = |given: Option<u32>, end| match given {
            Some(0) => bail!("{} is 0: a deadline has at least a second", self.variable(end)),
            given => Ok(given.map(|seconds| Duration::from_secs(seconds.into()))),
        };
        let connect = self.0.connect_timeout_seconds.or(Some(CONNECT_SECONDS));
        Ok(ServiceConfig {
            allow_http: options.source_allow_http.unwrap_or(false),
            auth: self.auth(auth, token_url)?,
            tls: self.tls()?,
            headers: self.headers()?,
            charset: self.0.charset.map(str::to_owned),
            connect_timeout: seconds(connect, "CONNECT_TIMEOUT_SECONDS")?,
            timeout: seconds(self.0.timeout_seconds, "TIMEOUT_SECONDS")?.unwrap_or(shipped.timeout),
            ..shipped
        })
    }

    fn auth(&self, default: AuthKind, token_url: Option<String>) -> anyhow::Result<Auth> {
        let given = &self.0;
        let name = || self.needed(given.username, "USERNAME").map(str::to_owned);
        Ok(match given.auth.unwrap_or(default) {
            AuthKind::None => Auth::None,
            AuthKind::Mtls => {
                self.needed(given.certificate_file, "CERTIFICATE_FILE")?;
                // In clear nobody would see it.
                if given.base_url.is_some_and(|url| !url.starts_with("https:")) {
                    let [auth, url] = ["AUTH", "BASE_URL"].map(|end| self.variable(end));
                    bail!("{auth} is mtls and {url} is not https: a certificate is shown over TLS");
                }
                Auth::None
            }
            AuthKind::Bearer => Auth::Bearer(self.secret(given.token, "TOKEN")?),
            AuthKind::Basic => Auth::Basic {
                username: name()?,
                password: self.secret(given.password, "PASSWORD")?,
            },
            AuthKind::Oauth2 => {
                let token_url = given.token_url.map(str::to_owned).or(token_url);
                let grant = match given.username {
                    Some(_) => Grant::Password {
                        username: name()?,
                        password: self.secret(given.password, "PASSWORD")?,
                    },
                    None => Grant::ClientCredentials {
                        id: self.needed(given.client_id, "CLIENT_ID")?.to_owned(),
                        secret: self.secret(given.client_secret, "CLIENT_SECRET")?,
                    },
                };
                let scope = given.scope.map(str::to_owned);
                let token_url = self.needed(token_url, "TOKEN_URL")?;
                Auth::OAuth2(OAuth2 { token_url, grant, scope, json: false })
            }
        })
    }

    fn tls(&self) -> anyhow::Result<Tls> {
        let text = |path: &Path, end| {
            std::fs::read_to_string(path)
                .with_context(|| format!("{} {}", self.variable(end), path.display()))
        };
        let certificate = self.0.certificate_file.map(|path| text(path, "CERTIFICATE_FILE"));
        let key = self.0.key_file.map(|path| text(path, "KEY_FILE")).transpose()?;
        if key.is_some() {
            self.needed(certificate.as_ref(), "CERTIFICATE_FILE")?;
        }
        let certificate = certificate.transpose()?;
        Ok(Tls {
            identity: certificate.map(|certificate| {
                Secret::new(format!("{certificate}\n{}", key.unwrap_or_default()))
            }),
            roots: self.0.ca_file.map(|path| text(path, "CA_FILE")).transpose()?,
        })
    }

    fn headers(&self) -> anyhow::Result<Vec<(String, Secret)>> {
        let lines = header_lines(self.0.headers, &self.variable("HEADERS"))?;
        Ok(lines.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect())
    }

    fn documents(&self) -> anyhow::Result<Option<DocumentCodes>> {
        let codes = self.0.documents.map(str::parse::<DocumentCodes>).transpose();
        codes.with_context(|| self.variable("DOCUMENTS"))
    }
}

/// Names and values of headers, from one `Name: value` a line of a variable.
pub(crate) fn header_lines<'a>(
    given: Option<&'a args::Secret>,
    variable: &str,
) -> anyhow::Result<Vec<(&'a str, &'a str)>> {
    let lines = given.map_or("", |headers| &headers.0).lines();
    let lines = lines.filter(|line| !line.trim().is_empty()).map(|line| {
        // The line may be a secret without a name.
        let Some((name, value)) = line.split_once(':') else {
            bail!("{variable}: a line is not `Name: value`");
        };
        Ok((name.trim(), value.trim()))
    });
    lines.collect()
}
