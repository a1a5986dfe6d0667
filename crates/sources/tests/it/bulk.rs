//! A job about many people: submitted, watched, and fetched before it expires.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vinculo_pila::{Document, DocumentKind};
use vinculo_sources::ach::{Ach, AchConfig, Job, JobError, NextStep};
use vinculo_sources::{Connector as _, InvalidField, NoDataReason, Outcome, Received, RetryReason};

use crate::conformance::told;
use crate::support::{PATIENT, connector, http, now, resolved, serve_all};

const ID: &str = "6f1c0e52-0000-4000-8000-000000000001";

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ach");
    let body = std::fs::read(format!("{folder}/{name}.json")).expect("a fixture");
    http(200, "content-type: application/json\r\n", &body)
}

fn people() -> Vec<Document> {
    let cedula = |number| Document::new(DocumentKind::Cc, number);
    let foreigner = Document::new(DocumentKind::Ce, "199900");
    vec![cedula("1900500001"), cedula("1900500002"), foreigner, cedula("1900500004")]
}

async fn served(replies: Vec<Vec<u8>>) -> (Ach, tokio::task::JoinHandle<Vec<String>>) {
    let (base_url, operator) = serve_all(replies).await;
    (connector(AchConfig::new(base_url)), operator)
}

fn later(reason: RetryReason) -> Outcome {
    Outcome::RetryLater { reason, not_before: None }
}

#[tokio::test]
async fn a_job_runs_from_its_submission_to_its_result() {
    let replies = ["job_new", "job_running", "job_finished", "job_result"].map(fixture).to_vec();
    let (ach, operator) = served(replies).await;
    let job = ach.submit(&people(), (36, Some("u-7")), &[], PATIENT).await.expect("a job");
    assert_eq!((job.id.as_str(), job.submitted_at, job.looks), (ID, now(), 0));
    assert_eq!(job.next(now()), NextStep::Look(Duration::from_secs(2)));

    let job = ach.look(&job, PATIENT).await.expect("a look");
    assert_eq!((job.state.finished, job.state.total, job.state.found), (false, Some(4), Some(1)));
    assert_eq!(job.next(now()), NextStep::Look(Duration::from_secs(5)));

    let job = ach.look(&job, PATIENT).await.expect("a look");
    assert_eq!(job.next(now()), NextStep::Fetch);
    let result = ach.fetch(&job, &people(), PATIENT).await.expect("a result");
    assert!(result.totals_agree);
    let asked: Vec<_> = result.people.iter().map(|answer| answer.person.clone()).collect();
    assert_eq!(asked, people());
    let outcomes: Vec<_> = result.people.iter().map(|answer| answer.outcome.clone()).collect();
    let lines: Vec<_> = resolved(outcomes[0].clone()).contributions.iter().map(told).collect();
    assert_eq!(lines, ["2026-09 NI999500102 health=3000000 salary=3000000 worker=01 planilla=E"]);
    assert_eq!(outcomes[1], Outcome::NoData(NoDataReason::NotFound));
    assert_eq!(outcomes[2], Outcome::InvalidInput(InvalidField::Other));
    assert_eq!(outcomes[3], later(RetryReason::JobRunning));
    // The rows of a person are what a single question is answered with.
    let body = result.people[0].rows.as_deref().expect("rows");
    let answer = Received { status: 200, content_type: Some("application/json"), body };
    assert_eq!(ach.read(answer, &people()[0]).outcome, outcomes[0]);
    assert!(result.people[1..].iter().all(|answer| answer.rows.is_none()));

    let requests = operator.await.expect("requests");
    let head = |index: usize| requests[index].lines().next().unwrap_or_default().to_owned();
    assert_eq!(head(0), "POST /consultas/masivas/personas/naturales/ HTTP/1.1");
    for look in [1, 2] {
        let path = format!("GET /consultas/masivas/personas/naturales/{ID}/estado HTTP/1.1");
        assert_eq!(head(look), path);
    }
    assert_eq!(head(3), format!("GET /consultas/masivas/personas/naturales/{ID} HTTP/1.1"));
    assert!(requests.iter().all(|request| request.contains("content-type: application/json\r\n")));
    assert!(requests[0].contains("user: u-7\r\n"));
    let (_, body) = requests[0].split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(
        body,
        json!({
            "historico": 24,
            "contenido": [
                { "tipoDocumento": "CC", "numDocumento": "1900500001" },
                { "tipoDocumento": "CC", "numDocumento": "1900500002" },
                { "tipoDocumento": "CE", "numDocumento": "199900" },
                { "tipoDocumento": "CC", "numDocumento": "1900500004" },
            ],
        })
    );
}

async fn job() -> Job {
    let (ach, _operator) = served(vec![fixture("job_new")]).await;
    ach.submit(&people(), (24, None), &[], PATIENT).await.expect("a job")
}

#[tokio::test]
async fn a_job_is_looked_at_ever_less_often_and_given_up() {
    let mut job = job().await;
    let mut pauses = Vec::new();
    for looks in 0..7 {
        job.looks = looks;
        pauses.push(job.next(now()));
    }
    let expected = [2, 5, 10, 30, 60, 60, 60].map(|s| NextStep::Look(Duration::from_secs(s)));
    assert_eq!(pauses, expected);
    let after = |hours: i64| -> Timestamp { now() + SignedDuration::from_hours(hours) };
    assert_eq!(job.next(after(5)), NextStep::Look(Duration::from_secs(60)));
    assert_eq!(job.next(after(6)), NextStep::GiveUp);
    job.state.finished = true;
    assert_eq!(job.next(after(100)), NextStep::Fetch);
    // The operator says when it is gone, not our clock.
    job.state.expires_at = Some(after(24));
    assert_eq!(job.next(after(25)), NextStep::Fetch);
}

#[tokio::test]
async fn every_success_starts_a_job_and_everything_else_does_not() {
    for status in [200, 201, 202] {
        let reply = http(status, "", br#"{"numeroSolicitud": 77, "estado": null}"#);
        let (ach, _operator) = served(vec![reply]).await;
        let job = ach.submit(&people(), (24, None), &[], PATIENT).await.expect("a job");
        assert_eq!(job.id, "77");
    }
    let failed = |outcome| JobError::Failed(outcome);
    let cases = [
        (400, "{}", failed(Outcome::InvalidInput(InvalidField::Other))),
        (403, "", failed(Outcome::NotAuthorized)),
        (503, "", failed(later(RetryReason::UpstreamDown))),
        (404, "", JobError::Unknown),
    ];
    for (status, body, error) in cases {
        let (ach, _operator) = served(vec![http(status, "", body.as_bytes())]).await;
        assert_eq!(ach.submit(&people(), (24, None), &[], PATIENT).await, Err(error), "{status}");
    }
    for body in ["", "[]", "{}", "<html>", r#"{"numeroSolicitud": null}"#] {
        let (ach, _operator) = served(vec![http(200, "", body.as_bytes())]).await;
        let error = ach.submit(&people(), (24, None), &[], PATIENT).await.expect_err("no job");
        assert!(matches!(error, JobError::Failed(Outcome::Fault(_))), "{body}: {error:?}");
    }
}

/// Answers about a job, and what each call reads them as: typed from the description of the service, its
/// states and statuses.
#[tokio::test]
async fn every_answer_about_a_job_has_one_meaning() {
    const STATE: &str = r#"{"numeroSolicitud": "7", "estado": "EN EJECUCCION"}"#;
    const EARLY: &str =
        r#"{"numeroSolicitud": "7", "estado": "EN EJECUCCION", "listaExitosos": []}"#;
    const CSV: &str = "tipoDocumento;numDocumento";
    let job = job().await;
    let table = [
        // Status, body, and how a look and a fetch end.
        (200, STATE, "running", "retry_later:job_running"),
        (200, r#"{"estado": " finalizada "}"#, "finished", "told"),
        (200, r#"{"estado": "EN EJECUCION"}"#, "running", "retry_later:job_running"),
        (200, r#"{"estado": "PAUSADA"}"#, "running", "retry_later:job_running"),
        (200, r#"{"estado": 7}"#, "running", "retry_later:job_running"),
        (200, "{}", "running", "retry_later:job_running"),
        (200, EARLY, "running", "retry_later:job_running"),
        (200, r#"{"estado": "FINALIZADA", "listaNoValidos": {}}"#, "finished", "fault"),
        (200, "[]", "fault", "fault"),
        (200, "", "fault", "fault"),
        (200, CSV, "fault", "fault"),
        (200, "<html></html>", "fault", "fault"),
        (301, "", "fault", "fault"),
        (400, r#"{"message": "no"}"#, "invalid_input:other", "invalid_input:other"),
        (401, "", "not_authorized", "not_authorized"),
        (403, "", "not_authorized", "not_authorized"),
        (404, r#"{"message": "no existe"}"#, "unknown", "unknown"),
        (404, "", "unknown", "unknown"),
        (407, "", "not_authorized", "not_authorized"),
        (408, "", "retry_later:upstream_down", "retry_later:upstream_down"),
        (409, r#"{"message": "en proceso"}"#, "retry_later:job_running", "retry_later:job_running"),
        (415, "", "invalid_input:other", "invalid_input:other"),
        (422, "", "invalid_input:other", "invalid_input:other"),
        (429, "", "retry_later:rate_limited", "retry_later:rate_limited"),
        (500, "", "fault", "fault"),
        (502, "", "retry_later:upstream_down", "retry_later:upstream_down"),
        (503, "", "retry_later:upstream_down", "retry_later:upstream_down"),
        (504, "", "retry_later:upstream_down", "retry_later:upstream_down"),
    ];
    for (status, body, looked, fetched) in table {
        let reply = http(status, "", body.as_bytes());
        let (ach, _operator) = served(vec![reply.clone(), reply]).await;
        let seen = match ach.look(&job, PATIENT).await {
            Ok(job) if job.state.finished => "finished".to_owned(),
            Ok(_) => "running".to_owned(),
            Err(error) => meaning(&error),
        };
        assert_eq!(seen, looked, "a look: {status} {body}");
        let seen = match ach.fetch(&job, &people(), PATIENT).await {
            Ok(_) => "told".to_owned(),
            Err(error) => meaning(&error),
        };
        assert_eq!(seen, fetched, "a fetch: {status} {body}");
    }
    let waits = http(429, "retry-after: 90\r\n", b"");
    let (ach, _operator) = served(vec![waits]).await;
    let not_before = Some(Duration::from_secs(90));
    let later = Outcome::RetryLater { reason: RetryReason::RateLimited, not_before };
    assert_eq!(ach.look(&job, PATIENT).await, Err(JobError::Failed(later)));
}

fn meaning(error: &JobError) -> String {
    match error {
        JobError::Unknown => "unknown".to_owned(),
        JobError::Failed(outcome) => match outcome.reason() {
            Some(reason) => format!("{}:{reason}", outcome.code()),
            None => outcome.code().to_owned(),
        },
    }
}

#[tokio::test]
async fn only_documents_of_known_kinds_are_taken() {
    let ach = connector(AchConfig::new("http://127.0.0.1:9"));
    for (kind, number, takes) in [
        (DocumentKind::Cc, "1900500001", true),
        (DocumentKind::Ce, "199900", true),
        (DocumentKind::Pt, "1999001", false),
        (DocumentKind::Nit, "999500101", false),
        (DocumentKind::Cc, "19-99", false),
    ] {
        assert_eq!(ach.takes(&Document::new(kind, number)), takes, "{kind} {number}");
    }
}

#[tokio::test]
async fn people_that_cannot_be_asked_about_start_no_job() {
    // Nothing listens there.
    let ach = connector(AchConfig::new("http://127.0.0.1:9"));
    let nit = Document::new(DocumentKind::Nit, "999500101");
    for (people, field) in
        [(vec![nit], InvalidField::DocumentKind), (Vec::new(), InvalidField::Other)]
    {
        let error = ach.submit(&people, (24, None), &[], PATIENT).await;
        assert_eq!(error, Err(JobError::Failed(Outcome::InvalidInput(field))));
    }
}

#[tokio::test]
async fn a_result_that_is_not_there_yet_or_not_any_more() {
    let job = job().await;
    let running = JobError::Failed(later(RetryReason::JobRunning));
    let early = r#"{"numeroSolicitud": "x", "estado": "EN EJECUCCION"}"#;
    let cases = [(404, "", JobError::Unknown), (409, "", running.clone()), (200, early, running)];
    for (status, body, error) in cases {
        let (ach, _operator) = served(vec![http(status, "", body.as_bytes())]).await;
        assert_eq!(ach.fetch(&job, &people(), PATIENT).await, Err(error), "{status}");
    }
    let (ach, _operator) = served(vec![http(404, "", b"")]).await;
    assert_eq!(ach.look(&job, PATIENT).await, Err(JobError::Unknown));
}

#[tokio::test]
async fn odd_results_are_read_entry_by_entry() {
    let job = job().await;
    let result = json!({
        "estado": "finalizada",
        "totalExitosos": 9,
        "listaExitosos": [
            null,
            { "tipoDocumento": "CC" },
            { "tipoDocumento": "CC", "numDocumento": "01900500001", "resultado": [] },
            { "tipoDocumento": "cc", "numDocumento": 1900500002_i64, "resultado": "nada" },
        ],
        "listaNoEncontrados": null,
    });
    let (ach, _operator) = served(vec![http(200, "", result.to_string().as_bytes())]).await;
    let result = ach.fetch(&job, &people(), PATIENT).await.expect("a result");
    assert!(!result.totals_agree);
    let codes: Vec<_> = result.people.iter().map(|answer| answer.outcome.code()).collect();
    assert_eq!(codes, ["no_data", "fault", "retry_later", "retry_later"]);

    let (ach, _operator) = served(vec![http(200, "", br#"{"listaExitosos": 7}"#)]).await;
    let error = ach.fetch(&job, &people(), PATIENT).await.expect_err("no result");
    assert!(matches!(error, JobError::Failed(Outcome::Fault(_))), "{error:?}");
}
