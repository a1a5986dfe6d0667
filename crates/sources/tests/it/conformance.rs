//! What every connector must pass: its table of wire answers, and an operator that misbehaves.
//!
//! A new connector implements [`Tested`], puts answers typed from its reference under
//! `tests/fixtures/<name>/`, and adds one line to `conforms!` at the end. What a source has no answer
//! for stands in [`Tested::LACKS`], with the reason.

mod ach;
mod agil_data;
mod mareigua;
mod misbehaviour;
mod shapes;

use std::fmt::Write as _;
use std::path::Path;

use vinculo_pila::Contribution;
use vinculo_sources::{Connector, Outcome, Received, RetryClass, ServiceConfig};

use crate::support::{client, person, still_clock};

/// A kind of answer that a table must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Complete,
    Partial,
    NoData,
    Withheld,
    /// Saturated, or a daily cap.
    Later,
    BadInput,
    NotAuthorized,
    Fault,
}

const KINDS: [Kind; 8] = [
    Kind::Complete,
    Kind::Partial,
    Kind::NoData,
    Kind::Withheld,
    Kind::Later,
    Kind::BadInput,
    Kind::NotAuthorized,
    Kind::Fault,
];

/// A wire answer and what it must be read as.
pub(crate) struct Case {
    /// Under `tests/fixtures/<name>/`, without `.json`.
    pub(crate) file: &'static str,
    pub(crate) status: u16,
    /// `outcome`, or `outcome:reason`.
    pub(crate) outcome: &'static str,
    pub(crate) raw_code: Option<&'static str>,
    pub(crate) retry: Option<RetryClass>,
    pub(crate) notes: &'static [&'static str],
    /// Each contribution in one line, as [`told`] writes it.
    pub(crate) lines: &'static [&'static str],
}

/// A connector and its table.
pub(crate) trait Tested {
    type Connector: Connector;
    /// Name of the source and of the folder of its answers.
    const NAME: &'static str;
    /// Kinds of answers the source does not have, and why.
    const LACKS: &'static [(Kind, &'static str)];
    /// The outcome of an empty body with status 200.
    const EMPTY: &'static str;
    fn connect(service: ServiceConfig) -> Self::Connector;
    fn table() -> Vec<Case>;
}

/// A case with data.
pub(crate) fn data(
    file: &'static str,
    raw_code: Option<&'static str>,
    notes: &'static [&'static str],
    lines: &'static [&'static str],
) -> Case {
    Case { file, status: 200, outcome: "resolved", raw_code, retry: None, notes, lines }
}

/// A case without.
pub(crate) fn none(
    file: &'static str,
    status: u16,
    outcome: &'static str,
    raw_code: Option<&'static str>,
    retry: RetryClass,
) -> Case {
    Case { file, status, outcome, raw_code, retry: Some(retry), notes: &[], lines: &[] }
}

pub(crate) fn fixture<T: Tested>(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(T::NAME);
    std::fs::read(folder.join(file).with_extension("json")).expect("a fixture")
}

pub(crate) fn reader<T: Tested>() -> T::Connector {
    T::connect(ServiceConfig::new("https://operator.invalid"))
}

/// A contribution in one line: what is told, and nothing of what is not.
pub(crate) fn told(line: &Contribution) -> String {
    let payer = &line.payer;
    let mut text = format!("{} {}{}", line.period, payer.document.kind, payer.document.number);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(text, " {name}={value}").expect("text");
        }
    };
    let number = |value: Option<i64>| value.map(|value| value.to_string());
    add("pension", number(line.base.pension));
    add("health", number(line.base.health));
    add("ccf", number(line.base.ccf));
    add("income", number(line.income));
    add("salary", number(line.basic_salary));
    add("kind", line.salary_kind.map(|kind| kind.to_string()));
    add("paid", number(line.amounts.pension));
    add("days", line.days.pension.map(|days| days.to_string()));
    add("on", line.planilla.paid_on.map(|day| day.to_string()));
    add("worker", line.worker_kind.clone());
    add("scale", line.worker_scale.map(|scale| format!("{scale:?}")));
    add("planilla", line.planilla.kind.clone());
    add("activity", payer.activity_code.clone());
    add("class", payer.class_code.clone());
    add("ing", line.novelties.ing.map(String::from));
    add("ret", line.novelties.ret.map(String::from));
    let name = |fund: &Option<vinculo_pila::Administrator>| fund.clone().and_then(|fund| fund.name);
    add("afp", name(&line.pension_fund));
    add("eps", name(&line.health_provider));
    text
}

fn said(outcome: &Outcome) -> String {
    match outcome.reason() {
        Some(reason) => format!("{}:{reason}", outcome.code()),
        None => outcome.code().to_owned(),
    }
}

fn kind(outcome: &Outcome) -> Kind {
    match outcome {
        Outcome::Resolved(answer) if answer.complete => Kind::Complete,
        Outcome::Resolved(_) => Kind::Partial,
        Outcome::NoData(_) => Kind::NoData,
        Outcome::Withheld(_) => Kind::Withheld,
        Outcome::RetryLater { .. } => Kind::Later,
        Outcome::InvalidInput(_) => Kind::BadInput,
        Outcome::NotAuthorized => Kind::NotAuthorized,
        Outcome::Fault(_) => Kind::Fault,
    }
}

/// Every case of the table is read as it says, and no kind of answer is missing from it.
fn table_holds<T: Tested>() {
    let connector = reader::<T>();
    assert_eq!(connector.name(), T::NAME);
    let mut seen = Vec::new();
    for case in T::table() {
        let body = fixture::<T>(case.file);
        let (status, content_type) = (case.status, Some("application/json"));
        let reading = connector.read(Received { status, content_type, body: &body }, &person());
        let (name, outcome) = (case.file, &reading.outcome);
        assert_eq!(said(outcome), case.outcome, "{name}");
        assert_eq!(reading.raw_code.as_deref(), case.raw_code, "{name}");
        assert_eq!(reading.retry, case.retry, "{name}");
        if let Outcome::Resolved(answer) = outcome {
            assert_eq!(answer.notes, case.notes, "{name}");
            let lines: Vec<_> = answer.contributions.iter().map(told).collect();
            assert_eq!(lines, case.lines, "{name}");
            // Somebody is named all the same.
            assert_eq!(answer.named.is_some(), lines.is_empty(), "{name}");
        }
        seen.push(kind(outcome));
    }
    for kind in KINDS {
        let lacks = T::LACKS.iter().any(|(lacking, reason)| *lacking == kind && !reason.is_empty());
        assert_ne!(lacks, seen.contains(&kind), "{kind:?} of {}", T::NAME);
    }
}

macro_rules! conforms {
    ($($module:ident: $tested:ty,)+) => {
        $(mod $module {
            #[test]
            fn table() {
                super::table_holds::<$tested>();
            }

            #[tokio::test]
            async fn over_the_wire() {
                super::misbehaviour::answers_arrive::<$tested>().await;
            }

            #[tokio::test]
            async fn misbehaving_operators() {
                super::misbehaviour::survived::<$tested>().await;
            }

            #[test]
            fn charsets() {
                super::misbehaviour::charsets_are_read::<$tested>();
            }

            #[test]
            fn shapes() {
                super::shapes::nothing_panics::<$tested>();
            }
        })+
    };
}

conforms! {
    of_ach: super::ach::OfAch,
    of_mareigua: super::mareigua::OfMareigua,
    of_agil_data: super::agil_data::OfAgilData,
}

/// A connector on the still clock.
pub(crate) fn connected<C, E: std::fmt::Debug>(
    new: impl FnOnce(reqwest::Client, vinculo_sources::Clock) -> Result<C, E>,
) -> C {
    new(client(), still_clock()).expect("a usable configuration")
}
