//! Sends one webhook safely: no private addresses, one deadline, a bounded answer.
//!
//! - [`check_url`] and [`authorization_header`] judge what a customer registers.
//! - [`Sender::send`] makes one POST and says what came of it. One deadline covers name
//!   resolution, connection, TLS, headers and body. Redirects are not followed and no proxy is
//!   used. Addresses are judged again when connecting, on the very addresses that are dialled, so
//!   a name that changes its mind between two look-ups gains nothing.
//! - [`SigningSecret`] signs a request as the Standard Webhooks specification wants it.
//! - [`next_try`] says how long to wait after a failed attempt.
//!
//! Not here: deciding what to send, storing attempts, and the loop that calls this crate.

mod address;
mod authorization;
mod resolver;
mod retry;
mod sender;
mod signature;
mod target;

pub use address::{RefusedAddress, check_address};
pub use authorization::{AuthorizationError, authorization_header};
pub use reqwest::dns::{Addrs, Name, Resolve, Resolving};
pub use retry::{MAX_RETRY_AFTER, RetryAfter, SCHEDULE, next_try};
pub use sender::{Answer, Attempt, Failure, Options, Request, Sender, SetupError};
pub use signature::SigningSecret;
pub use target::{Rules, UrlError, check_url};
pub use url::Url;
