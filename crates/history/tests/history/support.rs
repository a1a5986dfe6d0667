//! Lines of made-up people and planillas.

use vinculo_history::{Options, Projection, project};
use vinculo_pila::{
    Amounts, Contribution, Document, DocumentKind, Month, Names, Novelties, NoveltiesKnown, Origin,
    Payer, PerSystem, PlanillaRef,
};

pub(crate) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> jiff::civil::Date {
    text.parse().unwrap()
}

/// Everything known, seen from a month.
pub(crate) fn all_since(current: &str) -> Options {
    Options { current_month: month(current), window_months: None, include_drafts: true }
}

pub(crate) fn projected(lines: &[Contribution], current: &str) -> Projection {
    project(lines, &[], &all_since(current))
}

pub(crate) fn payer(kind: DocumentKind, number: &str, name: &str) -> Payer {
    let named = Payer::named(Document::new(kind, number), Some(name.to_owned()));
    Payer { kind_code: Some("01".to_owned()), ..named }
}

/// The same base in all systems but work risk.
pub(crate) fn bases(pesos: i64) -> PerSystem<i64> {
    PerSystem { pension: Some(pesos), health: Some(pesos), arl: None, ccf: Some(pesos) }
}

/// A row as *Consultas PILA* answers it: an employee without marks.
pub(crate) fn ach_row(
    person: &str,
    payer: Payer,
    period: &str,
    line: u32,
    base: i64,
) -> Contribution {
    Contribution {
        origin: Origin::Ach,
        person: Document::new(DocumentKind::Cc, person),
        names: Names {
            first: "IRENE".to_owned(),
            second: String::new(),
            surname: "LOPEZ".to_owned(),
            second_surname: "MUESTRA".to_owned(),
        },
        payer,
        period: month(period),
        planilla: PlanillaRef { kind: Some("E".to_owned()), ..PlanillaRef::default() },
        line,
        correction: None,
        worker_kind: Some("01".to_owned()),
        worker_subtype: None,
        worker_scale: None,
        income: None,
        days: PerSystem::default(),
        base: bases(base),
        basic_salary: Some(base),
        salary_kind: None,
        novelties: Novelties::default(),
        novelties_known: NoveltiesKnown::StartAndEnd,
        started_on: None,
        ended_on: None,
        amounts: Amounts::default(),
        pension_fund: None,
        health_provider: None,
        risk_class: None,
        arl_activity: None,
        paid: true,
    }
}

/// A line of a paid planilla: an employee for 30 days, shares paid.
pub(crate) fn planilla_line(
    person: &str,
    payer: Payer,
    period: &str,
    number: &str,
    line: u32,
    base: i64,
) -> Contribution {
    Contribution {
        origin: Origin::Planilla,
        planilla: PlanillaRef {
            kind: Some("E".to_owned()),
            number: Some(number.to_owned()),
            branch: None,
            paid_on: Some(date("2026-01-10")),
            operator: Some("89".to_owned()),
        },
        worker_subtype: Some("00".to_owned()),
        worker_scale: None,
        income: None,
        days: PerSystem { pension: Some(30), health: Some(30), arl: Some(30), ccf: Some(30) },
        novelties_known: NoveltiesKnown::All,
        amounts: Amounts {
            pension: Some(base * 16 / 100),
            health: Some(base * 4 / 100),
            ccf: Some(base * 4 / 100),
            fsp_solidarity: Some(0),
            fsp_subsistence: Some(0),
            voluntary_worker: Some(0),
            arl: Some(0),
            sena: Some(0),
            icbf: Some(0),
        },
        ..ach_row(person, payer, period, line, base)
    }
}
