//! Two roads to one history: the planillas that the made-up country files, and what the simulated
//! operator answers about the same people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::net::TcpListener;
use vinculo_history::{Employment, Options, Projection, project};
use vinculo_operator::{Operator, country, serve};
use vinculo_pila::planilla::{self, File};
use vinculo_pila::{Contribution, Document, Month, PayerProfile};
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{Connector as _, Outcome, Question, Received};

use crate::support::{PATIENT, connector, now};

/// Two towns: every sort of payer twice.
const PAYERS: u32 = 24;

/// Why the gross pay of a month may differ when an operator keeps to the published contract: it has no
/// field for what tells the two apart. The simulated operator says more, and differs nowhere.
const DIFFERENCES: [&str; 2] = ["unpaid_leave", "apprentice_for_days"];

/// What the simulated operator says beyond the published contract.
const FURTHER: [&str; 10] = [
    "nombreAdministradoraPension",
    "nombreAdministradoraSalud",
    "subtipoCotizante",
    "diasCotizados",
    "vacaciones",
    "licenciaNoRemunerada",
    "incapacidad",
    "licenciaMaternidad",
    "variacionPermanente",
    "variacionTransitoria",
];

fn newest() -> Month {
    "2026-10".parse().expect("a month")
}

/// What the files say.
#[derive(Default)]
struct Filed {
    people: BTreeMap<Document, Vec<Contribution>>,
    payers: Vec<PayerProfile>,
}

fn filed() -> Filed {
    let mut filed = Filed::default();
    let mut take = |bytes: &[u8]| match planilla::read(bytes) {
        Ok(File::Planilla(planilla)) => {
            for line in planilla.contributions() {
                filed.people.entry(line.person.clone()).or_default().push(line);
            }
        }
        Ok(File::PayerRecord(profile)) => filed.payers.push(profile),
        Err(report) => panic!("a file is refused: {:?}", report.findings),
    };
    let country = country();
    for payer in 0..PAYERS {
        let mut bytes = Vec::new();
        let record = country.payer_record(payer).expect("a payer");
        record.write_to(&mut bytes).expect("a record");
        take(&bytes);
        for back in 0..24 {
            for planilla in country.planillas_of(payer, newest().plus(-back)) {
                let mut bytes = Vec::new();
                planilla.write_to(&mut bytes).expect("a planilla");
                take(&bytes);
            }
        }
    }
    filed
}

/// What the operator answers about a person: everything, and what the published contract has.
async fn asked(ach: &Ach, document: &Document) -> [Vec<Contribution>; 2] {
    let question =
        Question { document: document.clone(), months: 24, user: None, extra_headers: Vec::new() };
    let call = ach.ask(&question, PATIENT).await;
    let published = match call.raw.as_deref().map(serde_json::from_slice::<Vec<Map<_, Value>>>) {
        Some(Ok(mut rows)) => {
            rows.iter_mut().for_each(|row| FURTHER.iter().for_each(|key| _ = row.remove(*key)));
            let body = serde_json::to_vec(&rows).expect("JSON");
            let content_type = Some("application/json");
            ach.read(Received { status: 200, content_type, body: &body }, document).outcome
        }
        _ => call.outcome.clone(),
    };
    [call.outcome, published].map(|outcome| match outcome {
        Outcome::Resolved(answer) => {
            assert!(answer.complete && answer.notes.is_empty(), "{:?}", answer.notes);
            answer.contributions
        }
        Outcome::NoData(_) => Vec::new(),
        other => panic!("{other:?}"),
    })
}

fn projected(lines: &[Contribution], payers: &[PayerProfile]) -> Projection {
    let current_month = newest().plus(1);
    let options = Options { current_month, window_months: Some(24), include_drafts: true };
    project(lines, payers, &options)
}

/// What both roads must agree on: who pays, since when, and in which months.
fn agreed(employment: &Employment) -> impl PartialEq + std::fmt::Debug + use<> {
    let employer = &employment.employer;
    (
        (employer.name.clone(), employer.id_type, employer.id_number),
        (employer.economic_activity_code, employer.contributor_class_code.clone()),
        (employer.contributor_type_code, employer.tenure),
        employment.months.iter().map(|row| row.month).collect::<Vec<_>>(),
    )
}

/// Which of the known differences the lines of a month can have.
fn reason(lines: &[&Contribution]) -> Option<&'static str> {
    let apprentice = |line: &Contribution| matches!(line.worker_kind.as_deref(), Some("12" | "19"));
    let partial = |line: &Contribution| line.days.health.is_some_and(|days| days < 30);
    let table = [
        ("unpaid_leave", lines.iter().any(|line| line.novelties.sln.is_some())),
        ("apprentice_for_days", lines.iter().any(|line| apprentice(line) && partial(line))),
    ];
    table.into_iter().find(|(_, holds)| *holds).map(|(name, _)| name)
}

/// What was compared.
#[derive(Default)]
struct Tally {
    months: usize,
    reasons: BTreeSet<&'static str>,
    unlisted: Vec<String>,
}

impl Tally {
    /// Fails unless everything but gross pay is the same, and notes where that differs.
    fn compare(&mut self, lines: &[Contribution], by_file: &Projection, by_answer: &Projection) {
        let name = |it: &Projection| it.owner.as_ref().and_then(|it| it.display_name.clone());
        assert_eq!(name(by_file), name(by_answer));
        let parts = |it: &Projection| it.employments.iter().map(agreed).collect::<Vec<_>>();
        assert_eq!(parts(by_file), parts(by_answer));
        for (one, two) in by_file.employments.iter().zip(&by_answer.employments) {
            for (filed, told) in one.months.iter().zip(&two.months) {
                self.months += 1;
                if filed.gross_amount == told.gross_amount {
                    continue;
                }
                let of_month = |line: &&Contribution| {
                    line.payer.document == one.payer && line.period == filed.month
                };
                let reason = reason(&lines.iter().filter(of_month).collect::<Vec<_>>());
                self.reasons.extend(reason);
                if reason.is_none_or(|reason| !DIFFERENCES.contains(&reason)) {
                    let (month, one, two) = (filed.month, filed.gross_amount, told.gross_amount);
                    self.unlisted.push(format!("{reason:?} {month} {one:?} {two:?}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn both_roads_lead_to_the_same_history() {
    let Filed { people, payers } = filed();
    assert!(people.len() > 500, "{} people", people.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let operator = Operator::new(Arc::new(now));
    let serving = tokio::spawn(serve(listener, operator, std::future::pending()));
    let ach = connector(AchConfig::new(format!("http://{address}")));
    let (mut everything, mut published) = (Tally::default(), Tally::default());
    for (document, lines) in &people {
        let by_file = projected(lines, &payers);
        let [all, some] = asked(&ach, document).await;
        everything.compare(lines, &by_file, &projected(&all, &[]));
        published.compare(lines, &by_file, &projected(&some, &[]));
    }
    serving.abort();
    assert!(everything.months > 10_000, "{} months", everything.months);
    assert_eq!(everything.reasons, BTreeSet::new());
    assert_eq!(everything.unlisted, [""; 0]);
    assert_eq!(published.unlisted, [""; 0], "{:?}", published.reasons);
    let listed: BTreeSet<_> = DIFFERENCES.into_iter().collect();
    assert_eq!(published.reasons, listed, "every difference that is listed occurs");
}
