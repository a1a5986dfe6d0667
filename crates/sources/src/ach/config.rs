//! What must be known to ask an operator.

use vinculo_pila::DocumentKind;

use crate::{DocumentCodes, ServiceConfig};

/// The longest history the operator gives, in months.
pub(super) const MOST_MONTHS: u32 = 24;

/// Configuration of one operator that speaks *Consultas PILA*. `Debug` hides secrets.
#[derive(Debug, Clone)]
pub struct AchConfig {
    /// Where it is: everything before `/consultas/…`.
    pub service: ServiceConfig,
    /// Kinds of document the operator takes, and what it calls them; others are refused without a
    /// call.
    pub documents: DocumentCodes,
    /// Origin address for the header `Ip`; left out when `None`.
    pub ip: Option<String>,
    /// Months asked for at most, 1 to 24 (`historico`).
    pub months: u32,
    /// Value of the header `User`, over the pseudonym of the question.
    pub user: Option<String>,
    /// Statuses that mean *nothing found* when the body is empty or only a `message`.
    pub no_data_statuses: Vec<u16>,
    /// Parts of a `message` with status 200 that mean *nothing found*; accents and case are
    /// ignored.
    pub no_data_messages: Vec<String>,
}

impl AchConfig {
    /// The published contract at `base_url`, without authentication.
    pub fn new(base_url: impl Into<String>) -> Self {
        use DocumentKind::{Cc, Cd, Ce, Pa, Rc, Ti};
        Self {
            service: ServiceConfig::new(base_url),
            documents: DocumentCodes::letters(&[Cc, Ce, Cd, Pa, Rc, Ti]),
            ip: None,
            months: MOST_MONTHS,
            user: None,
            no_data_statuses: vec![404],
            no_data_messages: ["no se encontr", "sin informacion", "no existe", "no registra"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}
