//! What must be known to ask Mareigua.

use vinculo_pila::DocumentKind;

use crate::{DocumentCodes, Secret, ServiceConfig};

/// Configuration of Mareigua's query. `Debug` hides secrets.
#[derive(Debug, Clone)]
pub struct MareiguaConfig {
    /// Where it is: everything before `/consultas`.
    pub service: ServiceConfig,
    /// The numbers of the kinds of documents; others are refused without a call.
    pub documents: DocumentCodes,
    /// `producto_id`, the product bought.
    pub product: u32,
    /// `salario_mensual`, the salary the person declares; 0 where nobody asks them.
    pub declared_salary: u64,
    /// Whether the token travels inside the body of the query instead of a header.
    pub token_in_body: bool,
    /// The enterprise bus in between, if there is one.
    pub bus: Option<Bus>,
}

/// An enterprise bus that wraps questions and answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bus {
    /// `requestHeader`, a JSON object.
    pub header: Secret,
    /// The values of `codRespuesta` that say that the service behind the bus has answered.
    pub success_codes: Vec<String>,
}

impl MareiguaConfig {
    /// The service as it was seen: cédulas are 1, NITs 3, the token in a header and no bus.
    #[must_use]
    pub fn new(service: ServiceConfig, product: u32) -> Self {
        Self {
            service,
            documents: documents(),
            product,
            declared_salary: 0,
            token_in_body: false,
            bus: None,
        }
    }
}

/// The numbers of kinds of documents that were seen.
#[must_use]
pub fn documents() -> DocumentCodes {
    DocumentCodes::new(&[(DocumentKind::Cc, "1"), (DocumentKind::Nit, "3")])
}
