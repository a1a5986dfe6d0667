//! The report of 825 columns that a bank's gateway serves: one wide line per person, fields separated
//! by `;`, the first line naming them. The order of the columns is not known, so they go by name.
//!
//! The dirt that is seen is tolerated: stray `\r`, stray quotes, commas inside values, and blocks of
//! payers that are empty.

use std::collections::HashMap;

use encoding_rs::Encoding;
use jiff::civil::DateTime;
use vinculo_pila::{Document, Names, Novelties, Origin, Payer};

use super::payer::{Month, Payments, Person};
use crate::reading::charset;
use crate::reading::coded::history;
use crate::reading::fields;
use crate::reading::notes::{Note, Notes};
use crate::reading::value::{self, Mark};
use crate::{DocumentCodes, Named, NoDataReason, Outcome};

/// Payers of a line.
const PAYERS: u32 = 12;

/// Months of a payer.
const MONTHS: u32 = 12;

/// Columns without which a line is about nobody.
const NEEDED: [&str; 3] = ["Respuesta", "Tipo_de_Documento", "Numero_de_Documento"];

/// What is not published of the report.
#[derive(Debug, Clone)]
pub struct ReportFormat {
    /// The numbers of kinds of documents, where it has no letters.
    pub documents: DocumentCodes,
    /// The texts of `Respuesta` that say that there is data; accents and case are ignored.
    pub success: Vec<String>,
    /// Charset over what the gateway says, by name.
    pub charset: Option<String>,
}

/// A report, line by line.
#[derive(Debug)]
pub struct Report {
    /// One for every line but the first.
    pub lines: Vec<ReportLine>,
}

/// What a report says about one person.
#[derive(Debug)]
pub struct ReportLine {
    /// Place in the file; the names of the columns are line 1.
    pub number: usize,
    /// Who it is about; `None` when that cannot be read.
    pub person: Option<Document>,
    /// Moment of the query, by the clock of Bogotá.
    pub asked_at: Option<DateTime>,
    /// As of a question about this person alone.
    pub outcome: Outcome,
}

/// A file that is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Nothing in it.
    #[error("the report is empty")]
    Empty,
    /// A column without which nobody can be told from another.
    #[error("the report has no column {0}")]
    Column(&'static str),
}

/// Reads a report; `content_type` is that of the answer it came in. Never panics.
///
/// A line that cannot be read is a [`Outcome::Fault`] of that line alone.
///
/// # Errors
///
/// [`ReportError`] when it is not a report.
pub fn read_report(
    body: &[u8],
    content_type: Option<&str>,
    format: &ReportFormat,
) -> Result<Report, ReportError> {
    let forced = format.charset.as_deref().and_then(|name| Encoding::for_label(name.as_bytes()));
    let text = charset::decode(body, content_type, forced).text;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !clean(line).is_empty());
    let (_, header) = lines.next().ok_or(ReportError::Empty)?;
    let names: Vec<_> = header.split(';').map(|name| value::folded(&clean(name))).collect();
    let columns: HashMap<&str, usize> =
        names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    for needed in NEEDED {
        if !columns.contains_key(value::folded(needed).as_str()) {
            return Err(ReportError::Column(needed));
        }
    }
    let lines = lines.map(|(index, line)| {
        let fields: Vec<_> = line.split(';').map(clean).collect();
        let line = Line { columns: &columns, fields };
        line.read(index + 1, names.len(), format)
    });
    Ok(Report { lines: lines.collect() })
}

/// A field without what does not belong to it.
fn clean(field: &str) -> String {
    field.replace(['\r', '"'], "").trim().to_owned()
}

struct Line<'a> {
    columns: &'a HashMap<&'a str, usize>,
    fields: Vec<String>,
}

impl Line<'_> {
    fn read(&self, number: usize, width: usize, format: &ReportFormat) -> ReportLine {
        if self.fields.len() != width {
            let text = format!("line {number} has {} fields, not {width}", self.fields.len());
            return ReportLine {
                number,
                person: None,
                asked_at: None,
                outcome: Outcome::Fault(text),
            };
        }
        let person = self.person(format);
        let outcome = match &person {
            None => Outcome::Fault(format!("line {number} names no document that can be read")),
            Some(_) if !self.succeeded(format) => Outcome::NoData(NoDataReason::Unknown),
            Some(person) => self.history(person, format),
        };
        ReportLine { number, person, asked_at: self.asked_at(), outcome }
    }

    fn person(&self, format: &ReportFormat) -> Option<Document> {
        let kind = format.documents.kind_or_letters(&self.text("Tipo_de_Documento")?)?;
        let number = value::document_number(&self.text("Numero_de_Documento")?);
        value::is_document_number(&number).then(|| Document::new(kind, number))
    }

    fn succeeded(&self, format: &ReportFormat) -> bool {
        let answer = self.text("Respuesta").map(|answer| value::folded(&answer));
        answer.is_some_and(|answer| format.success.iter().any(|text| value::folded(text) == answer))
    }

    /// `DD/MM/YYYY HH:MM:SS`, on the 24-hour scale whatever AM or PM follows.
    fn asked_at(&self) -> Option<DateTime> {
        let text = self.text("Fecha_de_Consulta")?;
        let moment = text.get(..19)?;
        DateTime::strptime("%d/%m/%Y %H:%M:%S", moment).ok()
    }

    fn history(&self, document: &Document, format: &ReportFormat) -> Outcome {
        let part = |name| self.text(name).unwrap_or_default();
        let person = Person {
            document,
            names: Names {
                first: part("Primer_Nombre"),
                second: part("Segundo_Nombre"),
                surname: part("Primer_Apellido"),
                second_surname: part("Segundo_Apellido"),
            },
            health_provider: self.text("EPS"),
            pension_fund: self.text("AFP"),
        };
        let (mut notes, mut lines, mut any) = (Notes::default(), Vec::new(), false);
        for payer in 1..=PAYERS {
            // Blocks of payers that are not there are empty.
            let Some(number) = self.of("Numero_de_documento_del_empleador", payer) else {
                continue;
            };
            any = true;
            match self.payments(payer, &number, format, &mut notes) {
                Some(found) => found.into_lines(&person, Origin::MareiguaReport, &mut lines),
                None => notes.add(Note::PayerNotReadable),
            }
        }
        let named = Named { origin: Origin::MareiguaReport, names: person.names };
        history(lines, named, any, &mut notes)
    }

    fn payments(
        &self,
        payer: u32,
        number: &str,
        format: &ReportFormat,
        notes: &mut Notes,
    ) -> Option<Payments> {
        let kind = self.of("Tipo_de_documento_del_empleador", payer)?;
        let kind = format.documents.kind_or_letters(&kind)?;
        let code = |name, width| self.of(name, payer).map(|code| value::padded(code, width));
        Some(Payments {
            payer: Payer {
                document: fields::payer(kind, number)?,
                name: self.of("Razon_Social_del_empleador", payer),
                activity_code: code("Actividad_econ_empleador", 4),
                activity_text: self.of("Descripcion_actividad_empleador", payer),
                class_code: self.of("Clase_aportante", payer).map(|class| class.to_uppercase()),
                class_text: None,
                kind_code: None,
                kind_text: None,
            },
            worker_kind: code("Tipo_de_Cotizante_empleador", 2),
            worker_scale: None,
            integral_now: self
                .of("Tiene_Salario_Integral_Actualmente_empleador", payer)
                .map(|text| value::mark(Some(&text.into())) == Mark::Set),
            marks_now: Some(self.marks(payer)),
            risk_class: self.risk_class(payer),
            months: (1..=MONTHS).filter_map(|month| self.month(payer, month, notes)).collect(),
        })
    }

    /// The marks that hold in the newest month. Two of the names are misspelled by the operator.
    fn marks(&self, payer: u32) -> Novelties {
        Novelties {
            ing: self.mark("Tiene_Novedad_Ingreso_Actualmente_empleador", payer),
            ret: self
                .mark("Tiene_Novedad_Retiro_Actualmente_empleado", payer)
                .or_else(|| self.mark("Tiene_Novedad_Retiro_Actualmente_empleador", payer)),
            vst: self.mark("Tiene_Variacion_Temporal_Actualmente_empleador", payer),
            vsp: self
                .mark("Tiene_Variacion_Permantente_Actualmente_empleador", payer)
                .or_else(|| self.mark("Tiene_Variacion_Permanente_Actualmente_empleador", payer)),
            sln: self.mark("Tiene_Licencia_No_Remunerada_Actualmente_empleador", payer),
            ..Novelties::default()
        }
    }

    fn risk_class(&self, payer: u32) -> Option<char> {
        // The class of the law; words like "Bajo" do not say which.
        let class: u8 = self.of("Nivel_Riesgo_empleador", payer)?.parse().ok()?;
        char::from_digit(class.into(), 10).filter(|class| ('1'..='5').contains(class))
    }

    /// A month that was paid for. Month first, then payer, stand at the end of these names.
    fn month(&self, payer: u32, month: u32, notes: &mut Notes) -> Option<Month> {
        let name = |what: &str| format!("{what}_{month}_{payer}");
        let paid = self.text(&name("Pago_Realizado"))?;
        match value::mark(Some(&paid.into())) {
            Mark::Set => {}
            Mark::Unset => return None,
            Mark::Other(_) => {
                notes.add(Note::PaymentNotReadable);
                return None;
            }
        }
        let (year, number) = (self.text(&name("Anio_Pago")), self.text(&name("Mes_Pago")));
        let Some(period) = fields::month(year.as_deref(), number.as_deref()) else {
            notes.add(Note::PeriodNotReadable);
            return None;
        };
        let income = self.text(&name("Ingresos_Pago")).map(|text| value::amount(&text.into()));
        let income = income.unwrap_or(Ok(None)).unwrap_or_else(|_| {
            notes.add(Note::AmountNotReadable);
            None
        });
        Some(Month { period, income })
    }

    fn mark(&self, name: &str, payer: u32) -> Option<char> {
        let text = self.of(name, payer)?;
        (value::mark(Some(&text.into())) == Mark::Set).then_some('X')
    }

    fn of(&self, name: &str, payer: u32) -> Option<String> {
        self.text(&format!("{name}_{payer}"))
    }

    /// The field of a column, if there is such a column and something in it.
    fn text(&self, column: &str) -> Option<String> {
        let index = self.columns.get(value::folded(column).as_str())?;
        self.fields.get(*index).filter(|text| !text.is_empty()).cloned()
    }
}
