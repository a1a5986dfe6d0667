//! How a source names kinds of documents, in both directions.

use std::fmt;
use std::str::FromStr;

use vinculo_pila::DocumentKind;

/// The codes of one source for kinds of documents. What is not in it is not asked about.
///
/// Written `CC=1,NI=3`; `CC` alone stands for `CC=CC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentCodes(Vec<(DocumentKind, String)>);

/// A text that is no table of document codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no kind of document and its code: expected KIND or KIND=CODE, each kind once")]
pub struct InvalidDocumentCodes(String);

impl DocumentCodes {
    /// The kinds under the two letters of PILA.
    #[must_use]
    pub fn letters(kinds: &[DocumentKind]) -> Self {
        Self(kinds.iter().map(|kind| (*kind, kind.code().to_owned())).collect())
    }

    /// The kinds under the codes of the source.
    #[must_use]
    pub fn new(codes: &[(DocumentKind, &str)]) -> Self {
        Self(codes.iter().map(|(kind, code)| (*kind, (*code).to_owned())).collect())
    }

    /// What the source calls a kind; `None` when it does not take it.
    #[must_use]
    pub fn code(&self, kind: DocumentKind) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == kind).map(|(_, code)| code.as_str())
    }

    /// The kind the source means; leading zeros, case and surrounding space do not matter.
    #[must_use]
    pub fn kind(&self, code: &str) -> Option<DocumentKind> {
        let code = plain(code);
        self.0
            .iter()
            .find(|(_, known)| plain(known).eq_ignore_ascii_case(code))
            .map(|(kind, _)| *kind)
    }

    /// The kind the source means, in its own code, in the letters of PILA, or as `NIT`.
    #[must_use]
    pub fn kind_or_letters(&self, code: &str) -> Option<DocumentKind> {
        self.kind(code).or_else(|| match code.trim().to_uppercase().as_str() {
            "NIT" => Some(DocumentKind::Nit),
            letters => DocumentKind::from_code(letters),
        })
    }
}

fn plain(code: &str) -> &str {
    code.trim().trim_start_matches('0')
}

impl FromStr for DocumentCodes {
    type Err = InvalidDocumentCodes;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut codes: Vec<(DocumentKind, String)> = Vec::new();
        for entry in text.split(',').map(str::trim) {
            let refused = || InvalidDocumentCodes(entry.to_owned());
            let (kind, code) = entry.split_once('=').unwrap_or((entry, entry));
            let kind = DocumentKind::from_code(kind.trim()).ok_or_else(refused)?;
            let code = code.trim();
            let readable = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric());
            if !readable || codes.iter().any(|(known, _)| *known == kind) {
                return Err(refused());
            }
            codes.push((kind, code.to_owned()));
        }
        Ok(Self(codes))
    }
}

impl fmt::Display for DocumentCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<_> = self.0.iter().map(|(kind, code)| format!("{kind}={code}")).collect();
        f.write_str(&entries.join(","))
    }
}
