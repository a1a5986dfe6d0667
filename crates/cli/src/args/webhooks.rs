//! Webhooks: where they may go, and what becomes of them.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_server::config::Config;
use vinculo_store::{DeliveryState, Micros};

use super::http::Network;
use super::{Database, Environment, Secret};
use crate::settings::complete;

/// Where webhooks may go.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outgoing {
    /// Allow webhooks to loopback and private addresses, and over plain HTTP [default: false]
    #[arg(long, env = "VINCULO_WEBHOOK_ALLOW_PRIVATE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) webhook_allow_private: Option<bool>,
    /// Allow webhooks over plain HTTP [default: false]
    #[arg(long, env = "VINCULO_WEBHOOK_ALLOW_HTTP", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) webhook_allow_http: Option<bool>,
    /// Ports that webhooks may go to, separated by commas [default: 80, 443, 8080, 8443]
    #[arg(long, env = "VINCULO_WEBHOOK_PORTS", value_delimiter = ',', value_name = "PORT")]
    pub(crate) webhook_ports: Option<Vec<u16>>,
}

impl Outgoing {
    /// The configuration with what is given here.
    pub(crate) fn apply(&self, mut config: Config) -> Config {
        config.webhook_allow_private = self.webhook_allow_private.unwrap_or(false);
        config.webhook_allow_http = self.webhook_allow_http.unwrap_or(false);
        config.webhook_ports = self.webhook_ports.clone().unwrap_or_default();
        config
    }
}

/// Where webhooks come from.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Egress {
    /// Addresses that webhooks come from, for receivers that let in only those: addresses or
    /// networks, separated by commas [default: none]
    #[arg(long, env = "VINCULO_EGRESS_ADDRESSES", value_delimiter = ',', value_name = "NETWORK")]
    pub(crate) egress_addresses: Option<Vec<Network>>,
}

impl Egress {
    /// The configuration with what is given here.
    pub(crate) fn apply(&self, mut config: Config) -> Config {
        let given = self.egress_addresses.iter().flatten();
        config.egress_addresses = given.map(|network| network.0).collect();
        config
    }
}

/// `vinculo webhooks …`
#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// Add an endpoint; the secret that its requests are signed with is shown once
    Create(CreateWebhook),
    /// List the endpoints of an environment
    List(ListWebhooks),
    /// Change where events are sent, what opens it, and which types are sent
    Update(UpdateWebhook),
    /// Send to an endpoint again
    Enable(Enable),
    /// Send nothing to an endpoint any more
    Disable(WebhookOptions),
    /// Make a new secret, which is shown once
    Rotate(RotateWebhook),
    /// Send an endpoint a test event
    Test(WebhookOptions),
    /// Send again what was sent before, or was never sent
    Replay(ReplayWebhooks),
    /// Remove an endpoint and its secrets; what waits for it is cancelled
    Delete(WebhookOptions),
    /// Show the addresses that webhooks come from
    Addresses(Egress),
}

complete!(
    Webhooks,
    Create | List | Update | Enable | Disable | Rotate | Test | Replay | Delete | Addresses
);

/// `vinculo deliveries …`
#[derive(Debug, Subcommand)]
pub(crate) enum Deliveries {
    /// List deliveries, newest first
    List(ListDeliveries),
    /// Show a delivery with every try and what was answered
    Show(ShowDelivery),
    /// Send a delivery again, whatever became of it
    Replay(ReplayDelivery),
}

complete!(Deliveries, List | Show | Replay);

/// `vinculo events …`
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// List events, newest first
    List(ListEvents),
    /// Show an event with its body
    Show(ShowEvent),
}

complete!(Events, List | Show);

/// `vinculo webhooks create`
#[derive(Debug, Args)]
pub(crate) struct CreateWebhook {
    /// Whose events
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Where to send them
    #[arg(long)]
    pub(crate) url: String,
    /// Value of the Authorization header; a bare token is sent as `Bearer TOKEN`
    #[arg(long)]
    pub(crate) authorization: Option<Secret>,
    /// Types of events to send, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_parser = ["EMPLOYMENTS", "OWNERS", "LINK", "COHORT"], value_name = "TYPE")]
    pub(crate) types: Option<Vec<String>>,
    /// Send nothing before it is enabled
    #[arg(long)]
    pub(crate) disabled: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) outgoing: Outgoing,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(CreateWebhook { outgoing, database });

/// `vinculo webhooks update`
#[derive(Debug, Args)]
pub(crate) struct UpdateWebhook {
    #[command(flatten)]
    pub(crate) change: WebhookChange,
    #[command(flatten)]
    pub(crate) outgoing: Outgoing,
    #[command(flatten)]
    pub(crate) endpoint: WebhookOptions,
}

complete!(UpdateWebhook { outgoing, endpoint });

/// What is changed, at least one of these; what is not given stays.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct WebhookChange {
    /// Where to send events
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Value of the Authorization header; a bare token is sent as `Bearer TOKEN`
    #[arg(long)]
    pub(crate) authorization: Option<Secret>,
    /// Send no Authorization header any more
    #[arg(long, conflicts_with = "authorization")]
    pub(crate) no_authorization: bool,
    /// Types of events to send, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = ["EMPLOYMENTS", "OWNERS", "LINK", "COHORT"], value_name = "TYPE")]
    pub(crate) types: Option<Vec<String>>,
    /// Send events of all types
    #[arg(long, conflicts_with = "types")]
    pub(crate) all_types: bool,
}

/// `vinculo webhooks list`
#[derive(Debug, Args)]
pub(crate) struct ListWebhooks {
    /// Whose endpoints
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Print JSON, one object an endpoint
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ListWebhooks { database });

/// Which endpoint.
#[derive(Debug, Args)]
pub(crate) struct WebhookOptions {
    /// Whose endpoint
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Id of the endpoint
    pub(crate) id: Uuid,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(WebhookOptions { database });

/// `vinculo webhooks enable`
#[derive(Debug, Args)]
pub(crate) struct Enable {
    /// Send what it missed as well
    #[arg(long)]
    pub(crate) replay_missed: bool,
    #[command(flatten)]
    pub(crate) endpoint: WebhookOptions,
}

complete!(Enable { endpoint });

/// `vinculo webhooks rotate`
#[derive(Debug, Args)]
pub(crate) struct RotateWebhook {
    /// Hours for which requests are signed with the secrets before as well
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=168))]
    pub(crate) keep_old_hours: u16,
    #[command(flatten)]
    pub(crate) endpoint: WebhookOptions,
}

complete!(RotateWebhook { endpoint });

/// `vinculo webhooks replay`
#[derive(Debug, Args)]
pub(crate) struct ReplayWebhooks {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ReplayWebhooks { database });

/// `vinculo deliveries list`
#[derive(Debug, Args)]
pub(crate) struct ListDeliveries {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Print JSON, one object a delivery
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ListDeliveries { database });

/// Which deliveries: those for which everything given holds.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Whose deliveries
    #[arg(long)]
    pub(crate) environment: Environment,
    /// To this endpoint
    #[arg(long)]
    pub(crate) endpoint: Option<Uuid>,
    /// About this link
    #[arg(long)]
    pub(crate) link: Option<Uuid>,
    /// Of events of this type
    #[arg(long = "type", value_parser = ["EMPLOYMENTS", "OWNERS", "LINK", "COHORT", "TEST", "ENDPOINT"])]
    pub(crate) webhook_type: Option<String>,
    /// In this state: pending, delivered, failed, cancelled
    #[arg(long, value_parser = state)]
    pub(crate) status: Option<DeliveryState>,
    #[command(flatten)]
    pub(crate) span: Span,
}

/// When events happened.
#[derive(Debug, Args)]
pub(crate) struct Span {
    /// Of events that happened then or later, such as 2026-11-24 or 2026-11-24T12:00:00Z
    #[arg(long, value_parser = moment, value_name = "DAY or MOMENT")]
    pub(crate) from: Option<Micros>,
    /// Of events that happened earlier
    #[arg(long, value_parser = moment, value_name = "DAY or MOMENT")]
    pub(crate) before: Option<Micros>,
}

/// `vinculo deliveries show`
#[derive(Debug, Args)]
pub(crate) struct ShowDelivery {
    /// Whose delivery
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Its number
    pub(crate) id: i64,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ShowDelivery { database });

/// `vinculo deliveries replay`
#[derive(Debug, Args)]
pub(crate) struct ReplayDelivery {
    /// Whose delivery
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Its number
    pub(crate) id: i64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ReplayDelivery { database });

/// `vinculo events list`
#[derive(Debug, Args)]
pub(crate) struct ListEvents {
    /// Whose events
    #[arg(long)]
    pub(crate) environment: Environment,
    /// About this link
    #[arg(long)]
    pub(crate) link: Option<Uuid>,
    /// Of this type
    #[arg(long = "type", value_parser = ["EMPLOYMENTS", "OWNERS", "LINK", "COHORT", "TEST", "ENDPOINT"])]
    pub(crate) webhook_type: Option<String>,
    /// With a delivery in this state: pending, delivered, failed, cancelled
    #[arg(long, value_parser = state)]
    pub(crate) status: Option<DeliveryState>,
    #[command(flatten)]
    pub(crate) span: Span,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ListEvents { database });

/// `vinculo events show`
#[derive(Debug, Args)]
pub(crate) struct ShowEvent {
    /// Whose event
    #[arg(long)]
    pub(crate) environment: Environment,
    /// Its `webhook_id`
    pub(crate) id: Uuid,
    #[command(flatten)]
    pub(crate) database: Database,
}

complete!(ShowEvent { database });

fn moment(text: &str) -> Result<Micros, String> {
    let expected = "expected a day such as 2026-11-24, or a moment such as 2026-11-24T12:00:00Z";
    vinculo_server::moment(text).ok_or_else(|| expected.to_owned())
}

fn state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::parse(text).ok_or_else(|| {
        let known = DeliveryState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>();
        format!("expected one of {}", known.join(", "))
    })
}
