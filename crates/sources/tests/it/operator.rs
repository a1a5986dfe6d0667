//! The connector reads what the simulated operator serves, over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use vinculo_operator::{FAULT_HEADER, MONTH_OFFSET_HEADER, Operator, TRY_HEADER, personas, serve};
use vinculo_pila::{Contribution, Document, DocumentKind, Month, NoveltiesKnown};
use vinculo_sources::ach::AchConfig;
use vinculo_sources::{Answer, Call, Connector as _, NoDataReason, Outcome, Question, RetryReason};

use crate::support::{PATIENT, connector, now, resolved};

/// Asks an operator of its own about somebody with a cédula.
pub(crate) async fn ask(number: &str, headers: &[(&str, &str)]) -> Call {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async {
        let _ = stopped.await;
    };
    let operator = tokio::spawn(serve(listener, Operator::new(Arc::new(now)), until));

    let question = Question {
        document: Document::new(DocumentKind::Cc, number),
        months: 24,
        user: Some("prueba".to_owned()),
        extra_headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let ach = connector(AchConfig::new(format!("http://{address}")));
    let call = ach.ask(&question, PATIENT).await;
    drop(ach);

    stop.send(()).expect("an operator that still runs");
    operator.await.expect("no panic").expect("a clean end");
    call
}

async fn history(number: &str) -> Answer {
    let answer = resolved(ask(number, &[]).await.outcome);
    assert!(answer.complete);
    assert!(answer.notes.is_empty(), "{:?}", answer.notes);
    for line in &answer.contributions {
        assert_eq!(line.person.number, number);
        assert_eq!(line.novelties_known, NoveltiesKnown::All);
        assert!(line.pension_fund.is_some() && line.health_provider.is_some());
        assert!(line.base.pension.is_some() && line.basic_salary.is_some());
        assert!(line.days.health.is_some());
    }
    answer
}

fn payers(lines: &[Contribution]) -> Vec<String> {
    let payers: BTreeSet<_> = lines
        .iter()
        .map(|line| format!("{}{}", line.payer.document.kind, line.payer.document.number))
        .collect();
    payers.into_iter().collect()
}

fn months_of(lines: &[Contribution], payer: &str) -> BTreeSet<Month> {
    let of_payer = lines.iter().filter(|line| line.payer.document.number == payer);
    of_payer.map(|line| line.period).collect()
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

#[tokio::test]
async fn one_employer() {
    let lines = history("1999000001").await.contributions;
    assert_eq!(payers(&lines), ["NI999500201"]);
    assert_eq!(months_of(&lines, "999500201").len(), 24);
    let january = lines.iter().find(|line| line.period == month("2026-01"));
    let january = january.expect("January");
    assert_eq!(january.novelties.vsp, Some('X'));
    assert_eq!(january.basic_salary, Some(3_677_000));
    assert_eq!(january.payer.name.as_deref(), Some("COMERCIALIZADORA EJEMPLO S.A.S."));
    assert_eq!(january.payer.kind_code.as_deref(), Some("01"));
    assert_eq!(january.worker_kind.as_deref(), Some("01"));
    assert_eq!(january.worker_subtype.as_deref(), Some("00"));
    assert_eq!(january.names.second_surname, "UNO");
    assert!(lines.iter().any(|line| line.novelties.vac == Some('X')));
    assert!(lines.iter().any(|line| line.novelties.vst == Some('X')));
    assert!(lines.iter().all(|line| line.novelties.ing.is_none()));
}

#[tokio::test]
async fn two_employers() {
    let lines = history("1999000002").await.contributions;
    assert_eq!(payers(&lines), ["NI999500202", "NI999500203"]);
    assert_eq!(months_of(&lines, "999500202"), months_of(&lines, "999500203"));
    let sick: Vec<_> = lines.iter().filter(|line| line.novelties.ige == Some('X')).collect();
    assert_eq!(sick.len(), 2);
    assert!(sick.iter().all(|line| line.days.health == Some(3) && line.base.ccf == Some(0)));
}

#[tokio::test]
async fn self_employed() {
    let lines = history("1999000003").await.contributions;
    assert_eq!(payers(&lines), ["CC1999000003"]);
    assert_eq!(lines.len(), 24);
    for line in &lines {
        assert_eq!(line.planilla.kind.as_deref(), Some("I"));
        assert_eq!(line.worker_kind.as_deref(), Some("59"));
        assert_eq!(line.payer.class_code.as_deref(), Some("I"));
        assert_eq!(line.base.ccf, Some(0));
        assert_eq!(line.days.ccf, None);
    }
}

#[tokio::test]
async fn changed_jobs() {
    let lines = history("1999000004").await.contributions;
    let (before, after) = ("999500202", "999500204");
    let last = *months_of(&lines, before).last().expect("a last month");
    let first = *months_of(&lines, after).first().expect("a first month");
    assert_eq!((last, first), (month("2025-12"), month("2026-03")));
    let at = |period| lines.iter().find(|line| line.period == period).expect("a line");
    assert_eq!(at(last).novelties.ret, Some('X'));
    assert_eq!(at(first).novelties.ing, Some('X'));
    assert_eq!(at(first).days.pension, Some(20));
}

#[tokio::test]
async fn integral_salary() {
    let lines = history("1999000005").await.contributions;
    for line in &lines {
        assert_eq!(line.salary_kind, Some('X'));
        let paid: i64 = lines
            .iter()
            .filter(|other| other.period == line.period)
            .filter_map(|other| other.base.pension)
            .sum();
        let salary = line.basic_salary.expect("a salary");
        assert!((paid - salary * 70 / 100).abs() <= 1, "{}", line.period);
    }
}

#[tokio::test]
async fn unknown() {
    for number in ["1999000404", "1900000001"] {
        let call = ask(number, &[]).await;
        assert_eq!(call.outcome, Outcome::NoData(NoDataReason::NotFound));
        assert_eq!(call.http_status, Some(404));
    }
}

#[tokio::test]
async fn busy_until_the_third_try() {
    for number_of_try in ["1", "2"] {
        let call = ask("1999000503", &[(TRY_HEADER, number_of_try)]).await;
        let busy = Outcome::RetryLater {
            reason: RetryReason::UpstreamDown,
            not_before: Some(Duration::from_secs(1)),
        };
        assert_eq!(call.outcome, busy);
    }
    let call = ask("1999000503", &[(TRY_HEADER, "3")]).await;
    assert_eq!(payers(&resolved(call.outcome).contributions), ["NI999500203"]);
}

#[tokio::test]
async fn time_moves_with_the_header() {
    let call = ask("1999000001", &[(MONTH_OFFSET_HEADER, "3")]).await;
    let lines = resolved(call.outcome).contributions;
    let newest = lines.last().expect("a line").period;
    assert_eq!(newest, month("2027-01"));
}

#[tokio::test]
async fn every_persona_has_the_outcome_it_says() {
    let mut outcomes = BTreeSet::new();
    for persona in personas().iter().filter(|persona| persona.seconds() < 60) {
        let outcome = ask(persona.number, &[]).await.outcome;
        assert_eq!(outcome.code(), persona.outcome(), "{}: {outcome:?}", persona.number);
        outcomes.insert(outcome.code());
    }
    assert_eq!(outcomes.len(), 7, "every outcome has somebody: {outcomes:?}");
    assert_eq!(
        ask("1999000429", &[]).await.outcome,
        Outcome::RetryLater {
            reason: RetryReason::RateLimited,
            not_before: Some(Duration::from_secs(600)),
        }
    );
}

#[tokio::test]
async fn nobody_waits_for_a_silent_operator() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = serve(listener, Operator::new(Arc::new(now)), std::future::pending());
    let serving = tokio::spawn(serving);
    let question = Question {
        document: Document::new(DocumentKind::Cc, "1999000504"),
        months: 24,
        user: None,
        extra_headers: Vec::new(),
    };
    let ach = connector(AchConfig::new(format!("http://{address}")));
    let call = ach.ask(&question, Duration::from_millis(50)).await;
    let silent = Outcome::RetryLater { reason: RetryReason::Timeout, not_before: None };
    assert_eq!(call.outcome, silent);
    serving.abort();
}

#[tokio::test]
async fn the_end_of_a_question_can_be_chosen() {
    for (fault, outcome) in [
        ("unknown", "no_data"),
        ("empty", "no_data"),
        ("invalid", "invalid_input"),
        ("unauthorized", "not_authorized"),
        ("withheld", "withheld"),
        ("saturated", "retry_later"),
        ("down", "retry_later"),
        ("fault", "fault"),
        ("malformed", "fault"),
        ("stranger", "fault"),
    ] {
        let call = ask("1999000001", &[(FAULT_HEADER, fault)]).await;
        assert_eq!(call.outcome.code(), outcome, "{fault}");
    }
}

#[tokio::test]
async fn a_wrong_base_url_is_a_fault_not_an_unknown_person() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let operator = Operator::new(Arc::new(now));
    let serving = tokio::spawn(serve(listener, operator, std::future::pending()));
    let ach = connector(AchConfig::new(format!("http://{address}/otra/ruta")));
    let question = Question {
        document: Document::new(DocumentKind::Cc, "1999000001"),
        months: 24,
        user: None,
        extra_headers: Vec::new(),
    };
    let call = ach.ask(&question, PATIENT).await;
    assert_eq!(call.outcome.code(), "fault", "{call:?}");
    serving.abort();
}
