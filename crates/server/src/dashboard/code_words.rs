//! The words of the API in the reader's language: states, outcomes, reasons, marks. Whoever works with the
//! API knows the code, which stands beside the word wherever the two differ.

use std::fmt;

use askama::filters::HtmlSafe;

use super::chart::Escaped;
use super::words::Language;

/// A word of the API about to be shown.
pub(super) struct Code<'a> {
    code: &'a str,
    word: Option<&'static str>,
    /// Whether its colour says how good it is.
    tagged: bool,
}

impl HtmlSafe for Code<'_> {}

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = Escaped(self.code);
        if self.tagged {
            write!(f, "<span class=\"tag {code}\">")?;
        }
        match self.word {
            Some(word) if is_said(word, self.code) => f.write_str(word)?,
            Some(word) => write!(f, "{word} <code class=\"code\">{code}</code>")?,
            None => write!(f, "<code>{code}</code>")?,
        }
        if self.tagged { f.write_str("</span>") } else { Ok(()) }
    }
}

/// Whether a word is the code itself but for its writing.
fn is_said(word: &str, code: &str) -> bool {
    word.replace(' ', "_").eq_ignore_ascii_case(code)
}

impl Language {
    /// What this code means, and the code.
    pub(super) fn explain(self, code: &str) -> Code<'_> {
        Code { code, word: self.word(code), tagged: false }
    }

    /// As [`Language::explain`], in the colour of the state that it is.
    pub(super) fn tag(self, code: &str) -> Code<'_> {
        Code { tagged: true, ..self.explain(code) }
    }

    /// What this code means; `None` for one that speaks for itself.
    pub(super) fn word(self, code: &str) -> Option<&'static str> {
        let found = WORDS.iter().find(|(known, ..)| *known == code);
        found.map(|(_, es, en)| match self {
            Self::Es => *es,
            Self::En => *en,
        })
    }
}

/// Code, Spanish, English.
type Row = (&'static str, &'static str, &'static str);

static WORDS: &[Row] = &[
    // Links, and how they are kept.
    ("valid", "válido", "valid"),
    ("invalid", "no válido", "invalid"),
    ("unconfirmed", "sin confirmar", "unconfirmed"),
    ("token_required", "falta un segundo factor", "needs a second factor"),
    ("single", "una sola vez", "once"),
    ("recurrent", "se mantiene al día", "kept up to date"),
    // Deliveries, loads, imports, cohorts and their rows.
    ("pending", "pendiente", "pending"),
    ("delivered", "entregada", "delivered"),
    ("failed", "falló", "failed"),
    ("cancelled", "cancelada", "cancelled"),
    ("waiting", "en espera", "waiting"),
    ("loading", "cargando", "loading"),
    ("done", "terminada", "done"),
    ("accepted", "aceptada", "accepted"),
    ("refused", "rechazada", "refused"),
    ("repeated", "repetida: ya cuenta otra igual", "repeated: an equal one counts already"),
    ("superseded", "reemplazada por una posterior", "replaced by a later one"),
    ("receiving", "recibiendo", "receiving"),
    ("running", "en curso", "running"),
    ("cancelling", "cancelando", "cancelling"),
    ("finished", "terminada", "finished"),
    ("ok", "con datos", "with data"),
    ("no_data", "sin datos", "no data"),
    ("planilla", "planilla (tipo 2)", "planilla (type 2)"),
    ("payer_record", "datos del aportante (tipo 1)", "data of the payer (type 1)"),
    // What sources answered, and why.
    ("resolved", "respondió con datos", "answered with data"),
    ("withheld", "no muestra la respuesta", "keeps its answer back"),
    ("retry_later", "no puede responder ahora", "cannot answer now"),
    ("invalid_input", "rechazó la pregunta", "refused the question"),
    ("not_authorized", "rechazó las credenciales", "refused the credentials"),
    ("fault", "respuesta que no se entiende", "an answer that cannot be understood"),
    ("not_found", "no conoce a la persona", "does not know the person"),
    ("not_affiliated", "no está afiliada", "is not affiliated"),
    ("no_history", "sin aportes", "no contributions"),
    ("pensioner", "pensionada", "draws a pension"),
    ("unknown", "sin motivo conocido", "for no known reason"),
    ("not_billable", "no se puede facturar", "cannot be billed"),
    ("consent", "falta el consentimiento", "the consent is missing"),
    ("product", "fuera del contrato", "not in the contract"),
    ("saturated", "saturada", "too busy"),
    ("daily_cap", "tope del día", "the day's limit"),
    ("rate_limited", "demasiado rápido", "asked too fast"),
    ("upstream_down", "fuera de servicio", "out of service"),
    ("timeout", "no respondió a tiempo", "no answer in time"),
    ("job_running", "aún trabaja en ello", "still working on it"),
    ("document_kind", "tipo de documento", "kind of document"),
    ("document_number", "número de documento", "number of the document"),
    ("other", "otro motivo", "another reason"),
    // Why a source was asked, a load made, a consent known, an endpoint disabled.
    ("check", "antes de crear el link", "before the link is made"),
    ("load", "para cargar los datos", "to load the data"),
    ("creation", "link nuevo", "new link"),
    ("refresh", "pedida otra vez", "asked for again"),
    ("schedule", "programada", "scheduled"),
    ("request", "pedida por la API", "asked for by the API"),
    ("api_attestation", "declarado por la API", "stated through the API"),
    ("consent_page", "en la página de consentimiento", "on the consent page"),
    ("upload", "documento firmado", "signed document"),
    ("manual", "a mano", "by hand"),
    ("gone", "el receptor respondió que ya no existe", "the receiver answered that it is gone"),
    ("failing", "falló durante días", "it failed for days"),
    // Why a try has no answer.
    ("connect", "sin conexión", "no connection"),
    ("tls", "certificado o TLS", "certificate or TLS"),
    ("invalid_response", "no respondió HTTP", "no answer in HTTP"),
    ("refused_address", "dirección no permitida", "address not allowed"),
    ("invalid_url", "URL no válida", "invalid URL"),
    ("invalid_header", "autorización no válida", "invalid authorization"),
    ("erased", "borrado", "erased"),
    ("internal", "falla interna", "internal failure"),
    // What happened in a month.
    ("FIRST_MONTH", "ingreso", "first month"),
    ("FINAL_MONTH", "retiro", "final month"),
    ("ON_LEAVE", "licencia o incapacidad", "on leave"),
    ("RETIREMENT_MONTH", "retiro por pensión", "retirement"),
    ("ON_VACATION", "vacaciones", "on vacation"),
    ("PERMANENT_SALARY_CHANGE", "cambio de salario", "lasting change of salary"),
    ("TEMPORARY_SALARY_CHANGE", "variación del mes", "change in this month alone"),
    // What to know about a month.
    ("unpaid", "sin pagar", "not paid yet"),
    ("corrected", "corregido por otra planilla", "corrected by another planilla"),
    ("arrears", "pagado en mora", "paid late"),
    ("special_planilla", "planilla especial", "special planilla"),
    ("duplicate_row", "filas iguales contadas una vez", "equal rows counted once"),
    ("several_worker_types", "varios tipos de cotizante", "several kinds of worker"),
    ("unknown_worker_type", "tipo de cotizante desconocido", "unknown kind of worker"),
    ("mark_not_mapped", "novedad sin traducción", "mark without a meaning here"),
    ("days_over30", "más de 30 días", "more than 30 days"),
    (
        "base_at_floor",
        "IBC en el mínimo: el ingreso puede ser mayor",
        "base at the minimum: pay may be more",
    ),
    (
        "base_at_cap",
        "IBC en el tope: vale el salario reportado",
        "base at the cap: the filed salary counts",
    ),
    ("minimum_wage_unknown", "salario mínimo desconocido", "minimum wage unknown"),
    ("rate_unknown", "tarifa desconocida", "rate unknown"),
    ("net_estimated", "neto estimado con las tarifas legales", "net estimated by the legal rates"),
    ("sources_disagree", "las fuentes no coinciden", "sources disagree"),
    ("gross_from_income", "bruto según el ingreso informado", "gross from the income as told"),
    ("unpaid_elsewhere", "otro operador no lo vio pagado", "another operator did not see it paid"),
    ("base_not_converted", "IBC tomado como ingreso", "base taken for the income"),
    // What a line is to its month.
    ("counted", "cuenta", "counts"),
    ("unpaid_leave", "licencia no remunerada", "unpaid leave"),
    ("as_paid", "como se había pagado", "as it was paid before"),
    ("duplicate", "fila repetida", "repeated row"),
    ("other_source", "vale otra fuente", "another source counts"),
    ("draft", "borrador: no cuenta", "draft: does not count"),
    ("copy", "copia de una planilla que ya cuenta", "copy of a planilla that counts already"),
    ("no_employment", "no demuestra empleo", "proves no employment"),
    // Settings and prices.
    ("first", "hasta la primera que tenga todo", "until the first that has everything"),
    ("all", "todas", "all of them"),
    ("hit", "por respuesta con datos", "for each answer with data"),
    ("call", "por pregunta", "for each question"),
];

#[cfg(test)]
mod tests {
    use vinculo_store::{
        AccessMode, CohortRowState, CohortState, ConsentMethod, DeliveryState, DisabledReason,
        ImportKind, ImportState, LinkStatus, LoadState, Purpose, Trigger,
    };

    use super::*;

    #[test]
    fn every_state_has_a_word_in_both_languages() {
        super::super::check(WORDS);
        for (at, (code, ..)) in WORDS.iter().enumerate() {
            assert!(WORDS.iter().skip(at + 1).all(|(other, ..)| other != code), "{code} twice");
        }
        macro_rules! codes {
            ($($kind:ident),+) => {
                [$($kind::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),+].concat()
            };
        }
        let codes = codes!(
            AccessMode,
            CohortRowState,
            CohortState,
            ConsentMethod,
            DeliveryState,
            DisabledReason,
            ImportKind,
            ImportState,
            LinkStatus,
            LoadState,
            Purpose,
            Trigger
        );
        for code in codes {
            assert!(Language::Es.word(code).is_some(), "{code}");
        }
    }

    #[test]
    fn the_code_stands_beside_a_word_that_differs() {
        let shown = Language::Es.tag("pending").to_string();
        assert_eq!(
            shown,
            "<span class=\"tag pending\">pendiente <code class=\"code\">pending</code></span>"
        );
        assert_eq!(Language::En.explain("no_data").to_string(), "no data");
        assert_eq!(Language::Es.explain("<new>").to_string(), "<code>&lt;new&gt;</code>");
    }
}
