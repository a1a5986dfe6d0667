//! The consent page under `/connect/`: whom a link is about reads who asks for what, and says yes or
//! no. Every control works without scripts. A token (contract 3.6, 7.4) opens it.
//!
//! [`open`] exchanges the token for a cookie and an address that says nothing. A handler holds a
//! [`guest::Guest`], or a [`guest::Posted`] with one inside: whoever holds that has the cookie, and for
//! a form was shown it here. [`authorize`] records nothing by itself: link and consent are made by
//! [`crate::api::links`], in one transaction, while [`show`] says that the source is being asked.

mod assets;
mod authorize;
mod ends;
mod guest;
mod leave;
mod lender;
mod offer;
mod open;
mod page;
mod session;
mod show;
mod text;
mod words;

use axum::Router;
use axum::routing::{get, post};
use vinculo_store::Micros;

use crate::App;

pub(crate) use page::layer;

const MINUTE: Micros = 60 * 1_000_000;

/// How long a session of the page is remembered after its beginning: long enough to come back to how
/// it ended.
pub(crate) const REMEMBERED: Micros = 24 * 60 * MINUTE;

/// Words of the routes, which the log may show.
pub(crate) const WORDS: [&str; 2] = ["connect", "leave"];

/// Every route of the page; [`layer`] belongs around them.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/connect", get(open::open))
        .route("/connect/", get(open::open))
        .route("/connect/style.css", get(assets::style))
        .route("/connect/script.js", get(assets::script))
        .route("/connect/{id}", get(show::show).post(authorize::authorize))
        .route("/connect/{id}/leave", post(leave::leave))
}
