//! The evidence as a page that can be read and printed, in the language of its readers. It carries
//! everything it needs; the browser is told to load and run nothing.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::Value;

use super::wire::{Evidence, EvidenceReceipt};
use crate::manage::consents::wire::WireConsent;

const STYLE: &str = include_str!("page.css");

/// Only this page's own style.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The answer that carries the page.
pub(super) fn answer(evidence: &Evidence) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Page::of(evidence).0).into_response()
}

/// HTML that grows. Markup is known when the program is built; everything else is escaped.
struct Page(String);

impl Page {
    fn of(evidence: &Evidence) -> Self {
        let mut page = Self(String::new());
        page.markup("<!DOCTYPE html>\n<html lang=\"es\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.markup("<title>Prueba de la autorización</title>\n<style>").markup(STYLE);
        page.markup("</style>\n</head>\n<body>\n<h1>Prueba de la autorización del titular</h1>\n");
        page.markup("<p class=\"note\">Ley 1581 de 2012, artículos 8, 9 y 17. ");
        page.markup("Ley 1266 de 2008, artículo 8. Las horas son UTC.</p>\n");
        page.person(evidence);
        page.markup("<h2>Autorizaciones</h2>\n");
        if evidence.consents.is_empty() {
            page.markup("<p>No se conserva el contenido de ninguna autorización.</p>\n");
        }
        for consent in &evidence.consents {
            page.consent(consent);
        }
        page.links(evidence);
        page.calls(evidence);
        page.receipts(evidence);
        page.markup("</body>\n</html>\n");
        page
    }

    fn person(&mut self, evidence: &Evidence) {
        let document = format!("{} {}", evidence.document_type, evidence.document_number);
        self.facts(&[
            ("Documento del titular", &document),
            ("Titular en los recibos", &evidence.person),
            ("Espacio de trabajo", &evidence.workspace.to_string()),
            ("Entorno", word(evidence.environment)),
            ("Generado", &evidence.generated_at),
            ("Recibos en la cadena", &evidence.chain.receipts.to_string()),
            ("Último recibo de la cadena", or_dash(evidence.chain.head.as_deref())),
        ]);
    }

    fn consent(&mut self, consent: &WireConsent) {
        self.markup("<h3>Autorización ").text(&consent.id.to_string()).markup("</h3>\n");
        let text = format!("{} ({})", consent.text_version, consent.language);
        let proof = readable(&consent.proof);
        self.facts(&[
            ("Estado", word(consent.status)),
            ("Datos autorizados", &words(&consent.resources)),
            ("Finalidad", &consent.purpose),
            ("Fuente de los datos", &consent.source),
            ("Forma de obtención", word(consent.method)),
            ("Versión del texto (idioma)", &text),
            ("Otorgada", &consent.granted_at),
            ("Registrada", &consent.created_at),
            ("Vence", or_dash(consent.expires_at.as_deref())),
            ("Revocada", or_dash(consent.revoked_at.as_deref())),
            ("Prueba", &proof),
        ]);
        if let Some(revocation) = &consent.revocation {
            self.facts(&[
                ("Motivo de la revocatoria", or_dash(revocation.reason.as_deref())),
                ("Prueba de la revocatoria", &readable(&revocation.proof)),
            ]);
        }
    }

    fn links(&mut self, evidence: &Evidence) {
        self.markup("<h2>Vínculos</h2>\n");
        let rows = evidence.links.iter().map(|link| {
            vec![
                link.created_at.clone(),
                link.id.to_string(),
                words(&link.fetch_resources),
                word(link.legal_basis).to_owned(),
                or_dash(link.consent.map(|id| id.to_string()).as_deref()).to_owned(),
            ]
        });
        self.table(&["Creado", "Vínculo", "Datos", "Fundamento", "Autorización"], rows);
    }

    fn calls(&mut self, evidence: &Evidence) {
        self.markup("<h2>Consultas a las fuentes</h2>\n");
        let rows = evidence.source_calls.iter().map(|call| {
            vec![
                call.created_at.clone(),
                call.source.clone(),
                word(call.purpose).to_owned(),
                word(&call.outcome).to_owned(),
                word(call.legal_basis).to_owned(),
                or_dash(call.consent.map(|id| id.to_string()).as_deref()).to_owned(),
            ]
        });
        let heads = ["Fecha", "Fuente", "Motivo", "Resultado", "Fundamento", "Autorización"];
        self.table(&heads, rows);
    }

    fn receipts(&mut self, evidence: &Evidence) {
        self.markup("<h2>Recibos</h2>\n<p class=\"note\">La huella de un recibo es el SHA-256 de ");
        self.markup("la huella anterior en hexadecimal, un salto de línea y el texto del recibo. ");
        self.markup("El texto nombra el SHA-256 de lo reservado: los bytes de la sal y el texto ");
        self.markup("reservado.</p>\n");
        for receipt in &evidence.receipts {
            self.receipt(receipt);
        }
    }

    fn receipt(&mut self, receipt: &EvidenceReceipt) {
        self.markup("<h3>Recibo ").text(&receipt.number.to_string()).markup(": ");
        self.text(word(receipt.event)).markup("</h3>\n");
        if !receipt.intact {
            self.markup("<p class=\"wrong\">Este recibo no concuerda con su huella.</p>\n");
        }
        let contents = receipt.contents.as_ref();
        self.facts(&[
            ("Registrado", &receipt.recorded_at),
            ("Huella anterior", &receipt.previous_hash),
            ("Huella", &receipt.hash),
            ("Texto del recibo", &receipt.body),
            ("Sal", or_dash(contents.map(|contents| contents.salt.as_str()))),
            ("Texto reservado", or_dash(contents.map(|contents| contents.text.as_str()))),
        ]);
    }

    /// A table of two columns.
    fn facts(&mut self, facts: &[(&'static str, &str)]) {
        self.markup("<table class=\"facts\">\n");
        for (name, value) in facts {
            self.markup("<tr><th>").markup(name).markup("</th><td><pre>");
            self.text(value).markup("</pre></td></tr>\n");
        }
        self.markup("</table>\n");
    }

    fn table(&mut self, heads: &[&'static str], rows: impl Iterator<Item = Vec<String>>) {
        self.markup("<table>\n<tr>");
        for head in heads {
            self.markup("<th>").markup(head).markup("</th>");
        }
        self.markup("</tr>\n");
        for row in rows {
            self.markup("<tr>");
            for cell in row {
                self.markup("<td>").text(&cell).markup("</td>");
            }
            self.markup("</tr>\n");
        }
        self.markup("</table>\n");
    }

    fn markup(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }
}

fn or_dash(value: Option<&str>) -> &str {
    value.unwrap_or("—")
}

fn words(all: &[&'static str]) -> String {
    let words: Vec<_> = all.iter().map(|one| word(one)).collect();
    if words.is_empty() { or_dash(None).to_owned() } else { words.join(", ") }
}

fn readable(proof: &Value) -> String {
    match proof {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        // A document that was read as JSON is one.
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// A word of the wire in Spanish; one that is not known stays as it is.
fn word(word: &str) -> &str {
    match word {
        "sandbox" => "pruebas",
        "production" => "producción",
        "valid" => "vigente",
        "expired" => "vencida",
        "revoked" => "revocada",
        "granted" => "otorgada",
        "erased" => "titular suprimido",
        "EMPLOYMENTS" => "empleos e ingresos",
        "OWNERS" => "identificación del titular",
        "api_attestation" => "declarada por el responsable a través de la API",
        "consent_page" => "página de consentimiento",
        "upload" => "documento firmado por el titular",
        "consent" => "autorización registrada",
        "contract_attestation" => "declaración contractual del responsable",
        "check" => "verificación del titular",
        "load" => "consulta de datos",
        "resolved" => "con datos",
        "no_data" => "sin datos",
        "withheld" => "no entregado por la fuente",
        "retry_later" => "fuente no disponible",
        "invalid_input" => "rechazado por la fuente",
        "not_authorized" => "fuente no autorizada",
        "fault" => "respuesta no utilizable",
        other => other,
    }
}
