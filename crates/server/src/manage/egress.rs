//! `GET /manage/v1/egress-addresses/`

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::App;
use crate::auth::Caller;

/// Where webhooks come from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "addresses": ["198.51.100.7/32"] }))]
pub(crate) struct EgressAddresses {
    /// Networks in CIDR notation, as the operator of this server configured them.
    addresses: Vec<String>,
}

/// The addresses that webhooks come from, for receivers that let in only those.
#[utoipa::path(
    get, path = "/manage/v1/egress-addresses/", tag = "webhooks",
    operation_id = "EgressAddresses",
    responses((status = 200, description = "The addresses", body = EgressAddresses))
)]
pub(crate) async fn addresses(State(app): State<App>, _: Caller) -> Json<EgressAddresses> {
    let addresses = app.config().egress_addresses.iter().map(ToString::to_string).collect();
    Json(EgressAddresses { addresses })
}
