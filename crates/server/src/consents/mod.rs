//! Consents of people: what they have allowed, the chain of receipts that proves it, and what may be
//! fetched and shown because of it (Ley 1581 of 2012, articles 8 and 9; Ley 1266 of 2008, article 6).

mod contents;
mod ledger;
mod receipt;
mod restored;
mod standing;
mod verify;

pub(crate) use contents::{Contents, GrantContents, RevocationContents, Side};
pub(crate) use ledger::{Given, Grant, grant, note_erasure, revoke, withhold};
pub(crate) use receipt::{Event, Told, is_intact};
pub use restored::take_back_again;
pub(crate) use standing::{Denied, Standing, basis, permit};
pub use verify::{Broken, ChainReport, HeadReport, ListedConsent, Verified, list, verify};

/// The word for what was fetched under a consent, or because the customer attests by contract that it
/// has one.
pub(crate) const fn legal_basis(consent: Option<uuid::Uuid>) -> &'static str {
    match consent {
        Some(_) => "consent",
        None => "contract_attestation",
    }
}
