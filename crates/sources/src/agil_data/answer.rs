//! The envelope with its code, and the payments in it.

use serde_json::Value;
use vinculo_pila::{
    Amounts, Contribution, Document, DocumentKind, Month, Names, Novelties, NoveltiesKnown, Origin,
    Payer, PerSystem, PlanillaRef, WorkerScale,
};

use crate::reading::charset::Text;
use crate::reading::coded::{self, Coded, Meaning};
use crate::reading::fields::{self, Fields};
use crate::reading::notes::{Note, Notes};
use crate::reading::value;
use crate::{
    DocumentCodes, InvalidField, Named, NoDataReason, Outcome, Reading, RetryClass, RetryReason,
    WithheldReason,
};

/// What `codRespuesta` says.
fn meaning(code: &str) -> Meaning {
    let nothing = |reason| Meaning::Ended(Outcome::NoData(reason));
    match code {
        "01" | "21" => Meaning::Data,
        "02" | "16" => nothing(NoDataReason::NotAffiliated),
        "03" => nothing(NoDataReason::Pensioner),
        "19" => nothing(NoDataReason::NoHistory),
        "99" => Meaning::Ended(Outcome::Withheld(WithheldReason::NotBillable)),
        "98" => {
            Meaning::Ended(Outcome::RetryLater { reason: RetryReason::Saturated, not_before: None })
        }
        "12" => Meaning::Ended(Outcome::InvalidInput(InvalidField::Other)),
        "05" => Meaning::Fault("technical error of the source", RetryClass::Backoff),
        _ => Meaning::Fault("a code whose meaning is not known", RetryClass::Repair),
    }
}

/// Reads an answer about `person`.
pub(super) fn read(
    status: u16,
    text: &Text<'_>,
    documents: &DocumentCodes,
    person: &Document,
) -> Reading {
    let coded = Coded { status, text, name: "codRespuesta", width: 2, meaning };
    coded::read(&coded, |body, code, notes| {
        let Some(answer) = body.object("respuesta") else {
            return Outcome::Fault(format!("code {code} without an answer"));
        };
        let Some(data) =
            answer.object("datosBasicos").filter(|data| is_about(*data, documents, person))
        else {
            return Outcome::Fault("the answer is not about the person asked for".to_owned());
        };
        let pensioner = code == "21";
        if pensioner {
            notes.add(Note::Pensioner);
        }
        let Some(payers) = answer.list("detalladoEmpleos") else {
            return Outcome::Fault("detalladoEmpleos is no list".to_owned());
        };
        let name = data.text("nombre").unwrap_or_default();
        let mut history =
            History { person, name, documents, contributions: Vec::new(), notes, line: 0 };
        for payer in payers {
            history.take(payer);
        }
        let lines = history.contributions;
        let named = Named { origin: Origin::AgilData, names: one_text(history.name) };
        coded::history(lines, named, pensioner || !payers.is_empty(), notes)
    })
}

fn is_about(data: Fields<'_>, documents: &DocumentCodes, person: &Document) -> bool {
    let kind = data.text("tipoId").map(|kind| documents.kind_or_letters(&kind));
    let number = data.text("numeroId");
    kind.is_none_or(|kind| kind == Some(person.kind))
        && number.is_some_and(|number| fields::same_number(&number, &person.number))
}

/// A whole name that comes in one text.
fn one_text(name: String) -> Names {
    Names { first: name, ..Names::default() }
}

struct History<'a> {
    person: &'a Document,
    /// The whole name in one text.
    name: String,
    documents: &'a DocumentCodes,
    contributions: Vec<Contribution>,
    notes: &'a mut Notes,
    line: u32,
}

impl History<'_> {
    fn take(&mut self, payer: &Value) {
        let Some(fields) = Fields::of(payer) else {
            return self.notes.add(Note::PayerNotObject);
        };
        let Some(payments) = fields.list("pagos") else {
            return self.notes.add(Note::PayerNotObject);
        };
        let Some(payer) = self.payer(fields) else {
            return self.notes.add(Note::PayerNotReadable);
        };
        for payment in payments {
            let line = self.line;
            self.line = self.line.saturating_add(1);
            let Some(payment) = Fields::of(payment) else {
                self.notes.add(Note::PaymentNotReadable);
                continue;
            };
            match payment.text("periodo").as_deref().and_then(value::period) {
                Some(period) => {
                    let contribution = self.contribution(payment, payer.clone(), period, line);
                    self.contributions.push(contribution);
                }
                None => self.notes.add(Note::PeriodNotReadable),
            }
        }
    }

    /// Both keys of the payer's document are misspelled by the service.
    fn payer(&self, fields: Fields<'_>) -> Option<Payer> {
        let kind =
            fields.text_of(&["tipoIdentifiacionEmpleador", "tipoIdentificacionEmpleador"])?;
        let number = fields.text_of(&["identifiacionEmpleador", "identificacionEmpleador"])?;
        let kind = self.documents.kind_or_letters(&kind)?;
        Some(Payer::named(fields::payer(kind, &number)?, fields.text("nombreEmpleador")))
    }

    fn contribution(
        &mut self,
        payment: Fields<'_>,
        payer: Payer,
        period: Month,
        line: u32,
    ) -> Contribution {
        let (own, notes) = (self.pays_for_themselves(&payer), &mut *self.notes);
        Contribution {
            origin: Origin::AgilData,
            person: self.person.clone(),
            names: one_text(self.name.clone()),
            payer,
            period,
            planilla: PlanillaRef {
                paid_on: payment.text("fechaPago").as_deref().and_then(value::day),
                ..PlanillaRef::default()
            },
            line,
            correction: None,
            worker_kind: None,
            worker_subtype: None,
            worker_scale: own.then_some(WorkerScale::SelfEmployed),
            days: PerSystem {
                pension: payment.days("diasCotizados", notes),
                ..PerSystem::default()
            },
            base: PerSystem { pension: payment.amount("ibc", notes), ..PerSystem::default() },
            income: None,
            basic_salary: None,
            salary_kind: None,
            novelties: Novelties::default(),
            novelties_known: NoveltiesKnown::None,
            started_on: None,
            ended_on: None,
            amounts: Amounts {
                pension: payment.amount("valorCotizacionObligatoria", notes),
                ..Amounts::default()
            },
            pension_fund: None,
            health_provider: None,
            risk_class: None,
            arl_activity: None,
            paid: true,
        }
    }

    /// Whether payer and person are one: by document, a cédula being a NIT too, else by name.
    fn pays_for_themselves(&self, payer: &Payer) -> bool {
        let document = &payer.document;
        let kinds = document.kind == self.person.kind || document.kind == DocumentKind::Nit;
        let same_name = || {
            let name = payer.name.as_deref().map(value::folded);
            !self.name.is_empty() && name == Some(value::folded(&self.name))
        };
        (kinds && fields::same_number(&document.number, &self.person.number)) || same_name()
    }
}
