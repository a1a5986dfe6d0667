//! Identity documents of people and payers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind of identity document (Resolución 2388 de 2016, annex 2, detail field 3 and header field 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentKind {
    /// NIT, tax number, of payers.
    #[serde(rename = "NI")]
    Nit,
    /// Cédula de ciudadanía.
    #[serde(rename = "CC")]
    Cc,
    /// Cédula de extranjería.
    #[serde(rename = "CE")]
    Ce,
    /// Tarjeta de identidad, of minors.
    #[serde(rename = "TI")]
    Ti,
    /// Passport.
    #[serde(rename = "PA")]
    Pa,
    /// Carné diplomático.
    #[serde(rename = "CD")]
    Cd,
    /// Salvoconducto de permanencia.
    #[serde(rename = "SC")]
    Sc,
    /// Registro civil, birth record.
    #[serde(rename = "RC")]
    Rc,
    /// Permiso especial de permanencia.
    #[serde(rename = "PE")]
    Pe,
    /// Permiso por protección temporal.
    #[serde(rename = "PT")]
    Pt,
    /// Accepted by an operator with the mark of a foreigner; its meaning is not known.
    #[serde(rename = "PC")]
    Pc,
}

impl DocumentKind {
    /// Every kind, in the order of the regulation's table.
    pub const ALL: [Self; 11] = [
        Self::Nit,
        Self::Cc,
        Self::Ti,
        Self::Ce,
        Self::Pa,
        Self::Cd,
        Self::Sc,
        Self::Rc,
        Self::Pe,
        Self::Pt,
        Self::Pc,
    ];

    /// The two-letter PILA code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nit => "NI",
            Self::Cc => "CC",
            Self::Ce => "CE",
            Self::Ti => "TI",
            Self::Pa => "PA",
            Self::Cd => "CD",
            Self::Sc => "SC",
            Self::Rc => "RC",
            Self::Pe => "PE",
            Self::Pt => "PT",
            Self::Pc => "PC",
        }
    }

    /// The kind with this two-letter PILA code, if any.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An identity document. `Debug` hides the number, so that a log line cannot leak one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// Kind of document.
    pub kind: DocumentKind,
    /// Number without dots, spaces, dashes or check digit.
    pub number: String,
}

impl Document {
    /// A document of this kind and number, the number taken as it is.
    #[must_use]
    pub fn new(kind: DocumentKind, number: impl Into<String>) -> Self {
        Self { kind, number: number.into() }
    }

    /// The document as everybody writes it: capitals, and no zeros on the left of a citizenship card
    /// or a NIT, which some programs fill up with them. Other numbers may begin with a zero.
    #[must_use]
    pub fn normal(mut self) -> Self {
        self.number.make_ascii_uppercase();
        if matches!(self.kind, DocumentKind::Cc | DocumentKind::Nit) {
            let digits = self.number.trim_start_matches('0');
            if !digits.is_empty() && digits.len() < self.number.len() {
                self.number = digits.to_owned();
            }
        }
        self
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} …)", self.kind)
    }
}
