//! `/dashboard/{environment}`: how things stand.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use vinculo_store::{DeliveryFilter, DeliveryState, LinkFilter, LinkStatus, PageRequest};

use super::page::{Shell, html, see, when};
use super::visitor::Visitor;
use crate::App;
use crate::error::ApiError;
use crate::imports::ImportStatus;
use crate::manage;

/// Rows that are only counted.
const NONE: PageRequest = PageRequest { limit: 0, offset: 0 };

/// Imports shown.
const LAST: PageRequest = PageRequest { limit: 5, offset: 0 };

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    links: Vec<(&'static str, i64)>,
    deliveries: Vec<(&'static str, i64)>,
    imports: Option<Vec<ImportStatus>>,
    keys: i64,
    endpoints: i64,
    base: String,
}

impl HomePage {
    fn total(&self) -> i64 {
        self.links.iter().map(|(_, count)| count).sum()
    }
}

/// To the page that somebody begins with.
pub(super) async fn start(visitor: Visitor) -> Response {
    let _ = visitor;
    see("/dashboard/sandbox")
}

/// The page.
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, ApiError> {
    let (workspace, shell) = (visitor.workspace(), visitor.shell("home"));
    let counted = app.store().read(move |tx| {
        let mut links = Vec::new();
        for status in LinkStatus::ALL {
            let filter = LinkFilter { statuses: Some(vec![*status]), ..LinkFilter::default() };
            links.push((status.as_str(), tx.links(workspace, &filter, NONE)?.count));
        }
        let mut deliveries = Vec::new();
        for state in [DeliveryState::Failed, DeliveryState::Pending] {
            let states = Some(vec![state]);
            let filter = DeliveryFilter { states, ..DeliveryFilter::default() };
            deliveries.push((state.as_str(), tx.deliveries(workspace, &filter, NONE)?.count));
        }
        let keys = tx.api_keys(workspace, NONE)?.count;
        Ok::<_, ApiError>((links, deliveries, keys, tx.endpoints(workspace, NONE)?.count))
    });
    let (links, deliveries, keys, endpoints) = counted.await?;
    let imports = if shell.sees_people {
        Some(manage::imports::read(&app, &visitor.trail, workspace, LAST).await?.rows)
    } else {
        None
    };
    let base = visitor.visit.base();
    html(&HomePage { shell, links, deliveries, imports, keys, endpoints, base })
}
