//! The dashboard under `/dashboard/`: pages made here, ordinary links and forms, for people who sign
//! in. Every control works without scripts.
//!
//! A handler holds a [`visitor::Visitor`], or a [`form::Posted`] with one inside: whoever holds that
//! was held against the tables of [`roles`]. It does what the management API does by the same
//! functions.

mod account;
mod assets;
mod audit;
mod back;
mod chart;
mod code_words;
mod cohorts;
mod data_words;
mod deliveries;
mod finding_words;
mod form;
mod home;
mod imports;
mod key_form;
mod keys;
mod link_changes;
mod links;
mod page;
mod pay;
mod phrases;
mod provenance;
mod qr;
mod record;
mod refusal_words;
mod roles;
mod search;
mod setting_fields;
mod settings;
mod sign_in;
mod steps;
mod upload;
mod visitor;
mod webhooks;
mod welcome;
mod words;

use axum::Router;
use axum::routing::{get, post};

use crate::App;

pub(crate) use assets::asset;
pub(crate) use form::{BINDING, Form, stale};
pub(crate) use page::{Finished, layer};
pub(crate) use visitor::{Visit, cookie};
#[cfg(test)]
pub(crate) use words::check;
pub(crate) use words::{Language, words};

/// Words of the routes, which the log may show; whatever else stands in a path is not logged.
pub(crate) const WORDS: [&str; 34] = [
    "dashboard",
    "sign-in",
    "sign-out",
    "language",
    "welcome",
    "sandbox",
    "production",
    "links",
    "keys",
    "webhooks",
    "deliveries",
    "audit",
    "rotate",
    "retire",
    "revoke",
    "enable",
    "disable",
    "test",
    "delete",
    "edit",
    "imports",
    "cohorts",
    "cancel",
    "account",
    "begin",
    "confirm",
    "drop",
    "password",
    "settings",
    "refresh",
    "provenance",
    "results.csv",
    "style.css",
    "script.js",
];

/// Forms with files, which take as long as they take; [`layer`] belongs around them too.
pub(crate) fn uploads() -> Router<App> {
    Router::new()
        .route("/dashboard/{environment}/imports", post(imports::create))
        .route("/dashboard/{environment}/cohorts", post(cohorts::create))
}

/// Every other route of the dashboard; [`layer`] belongs around them.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/dashboard/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/dashboard/welcome/{token}", get(welcome::page).post(welcome::submit))
        .route("/dashboard/sign-out", post(sign_in::leave))
        .route("/dashboard/language", post(sign_in::language))
        .route("/dashboard", get(home::start))
        .route("/dashboard/{environment}", get(home::page))
        .route("/dashboard/{environment}/links", get(links::list).post(links::search))
        .route("/dashboard/{environment}/links/{id}", get(links::detail))
        .route("/dashboard/{environment}/links/{id}/refresh", post(link_changes::refresh))
        .route(
            "/dashboard/{environment}/links/{id}/delete",
            get(link_changes::confirm).post(link_changes::delete),
        )
        .route("/dashboard/{environment}/links/{id}/provenance/{employment}", get(provenance::page))
        .route("/dashboard/{environment}/imports", get(imports::list))
        .route("/dashboard/{environment}/imports/{id}", get(imports::detail))
        .route("/dashboard/{environment}/cohorts", get(cohorts::list))
        .route("/dashboard/{environment}/cohorts/{id}", get(cohorts::detail))
        .route("/dashboard/{environment}/cohorts/{id}/results.csv", get(cohorts::download))
        .route("/dashboard/{environment}/cohorts/{id}/cancel", post(cohorts::cancel))
        .route("/dashboard/{environment}/keys", get(keys::list).post(keys::create))
        .route("/dashboard/{environment}/keys/{id}/{change}", post(keys::change))
        .route("/dashboard/{environment}/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/dashboard/{environment}/webhooks/{id}", get(webhooks::detail))
        .route("/dashboard/{environment}/webhooks/{id}/{change}", post(webhooks::change))
        .route("/dashboard/{environment}/deliveries", get(deliveries::list))
        .route("/dashboard/{environment}/deliveries/{id}", get(deliveries::detail))
        .route("/dashboard/{environment}/deliveries/{id}/replay", post(deliveries::replay))
        .route("/dashboard/{environment}/account", get(account::page))
        .route("/dashboard/{environment}/account/{change}", post(account::change))
        .route("/dashboard/{environment}/settings", get(settings::page).post(settings::change))
        .route("/dashboard/{environment}/audit", get(audit::list))
        .route("/dashboard/style.css", get(assets::style))
        .route("/dashboard/script.js", get(assets::script))
}
