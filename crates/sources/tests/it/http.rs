//! The connector against an operator that misbehaves on a real socket.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;
use vinculo_pila::{Document, DocumentKind};
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{
    Auth, Call, ConfigError, Connector as _, InvalidField, NoDataReason, Outcome, Question,
    RetryReason, Secret,
};

use crate::support::{
    PATIENT, Reply, client, connector, http, question, resolved, row, serve, serve_all,
    still_clock, ticking_clock,
};

/// Asks an operator that replies so.
async fn ask(reply: Reply) -> Call {
    let (base_url, _operator) = serve(reply).await;
    connector(AchConfig::new(base_url)).ask(&question(), PATIENT).await
}

async fn ask_bytes(status: u16, headers: &str, body: &[u8]) -> Call {
    ask(Reply::Bytes(http(status, headers, body))).await
}

fn retry(reason: RetryReason, not_before: Option<u64>) -> Outcome {
    Outcome::RetryLater { reason, not_before: not_before.map(Duration::from_secs) }
}

/// The request an operator sees, in lower case, as lines.
async fn request_of(
    config: impl FnOnce(&mut AchConfig),
    question: &Question,
    path: &str,
) -> Vec<String> {
    let (base_url, operator) = serve(Reply::Bytes(http(200, "", b"[]"))).await;
    let mut settings = AchConfig::new(format!("{base_url}{path}"));
    config(&mut settings);
    let call = connector(settings).ask(question, PATIENT).await;
    assert_eq!(call.outcome, Outcome::NoData(NoDataReason::NotFound));
    let request = operator.await.expect("a request").to_lowercase();
    request.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_question_has_the_shape_of_the_contract() {
    let question = Question {
        months: 12,
        user: Some("u-7".to_owned()),
        extra_headers: vec![("X-Vinculo-Try".to_owned(), "2".to_owned())],
        ..question()
    };
    let lines = request_of(|config| config.ip = Some("192.0.2.7".to_owned()), &question, "").await;
    assert_eq!(
        lines[0],
        "get /consultas/individuales/personas/naturales/cc1900500001?historico=12 http/1.1"
    );
    for header in [
        "content-type: application/json",
        "accept: application/json",
        "accept-encoding: identity",
        "user: u-7",
        "ip: 192.0.2.7",
        "x-vinculo-try: 2",
    ] {
        assert!(lines.iter().any(|line| line == header), "{header} in {lines:?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("authorization")));
}

#[tokio::test]
async fn the_base_url_may_have_a_path_and_the_months_stay_in_range() {
    for (months, sent) in [(0, 1), (99, 24)] {
        let question = Question { months, ..question() };
        let lines = request_of(|_| (), &question, "/pila/v1/").await;
        let path = "/pila/v1/consultas/individuales/personas/naturales/cc1900500001";
        assert_eq!(lines[0], format!("get {path}?historico={sent} http/1.1"));
    }
    let fewer = |config: &mut AchConfig| config.months = 6;
    let lines = request_of(fewer, &question(), "").await;
    assert!(lines[0].ends_with("?historico=6 http/1.1"), "{}", lines[0]);
}

#[tokio::test]
async fn credentials_and_fixed_headers_are_sent() {
    let basic = |config: &mut AchConfig| {
        config.service.auth =
            Auth::Basic { username: "usuario".to_owned(), password: Secret::new("clave") };
        config.service.headers = vec![("X-Entidad".to_owned(), Secret::new("77"))];
    };
    let lines = request_of(basic, &question(), "").await;
    // usuario:clave
    let header = "authorization: Basic dXN1YXJpbzpjbGF2ZQ==".to_lowercase();
    assert!(lines.contains(&header), "{lines:?}");
    assert!(lines.contains(&"x-entidad: 77".to_owned()));

    let bearer = |config: &mut AchConfig| config.service.auth = Auth::Bearer(Secret::new("t0k3n"));
    let lines = request_of(bearer, &question(), "").await;
    assert!(lines.contains(&"authorization: bearer t0k3n".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn rows_over_http_are_read_and_kept_raw() {
    let body = json!([row(json!({}))]).to_string();
    let call = ask_bytes(200, "content-type: application/json\r\n", body.as_bytes()).await;
    assert_eq!(call.http_status, Some(200));
    assert_eq!(call.content_type.as_deref(), Some("application/json"));
    assert_eq!(call.raw.as_deref(), Some(body.as_bytes()));
    assert_eq!(call.raw_code, None);
    assert_eq!(resolved(call.outcome).contributions.len(), 1);
}

#[tokio::test]
async fn an_operator_that_never_answers_times_out() {
    let (base_url, _operator) = serve(Reply::Hang(Vec::new())).await;
    let ach = connector(AchConfig::new(base_url));
    let call = ach.ask(&question(), Duration::from_millis(50)).await;
    assert_eq!(call.outcome, retry(RetryReason::Timeout, None));
    assert_eq!((call.http_status, call.raw), (None, None));
}

#[tokio::test]
async fn the_deadline_covers_the_body_too() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[".to_vec();
    let (base_url, _operator) = serve(Reply::Hang(head)).await;
    let ach = connector(AchConfig::new(base_url));
    let call = ach.ask(&question(), Duration::from_millis(200)).await;
    assert_eq!(call.outcome, retry(RetryReason::Timeout, None));
}

#[tokio::test]
async fn a_closed_port_is_an_operator_that_is_down() {
    // Nobody else gets the port, and nobody listens.
    let kept = TcpSocket::new_v4().expect("a socket");
    kept.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = kept.local_addr().expect("an address");
    let ach = connector(AchConfig::new(format!("http://{address}")));
    let call = ach.ask(&question(), PATIENT).await;
    assert_eq!(call.outcome, retry(RetryReason::UpstreamDown, None));
    assert_eq!(call.http_status, None);
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_operator_that_is_down() {
    for reply in [Reply::Reset, Reply::Bytes(Vec::new())] {
        let call = ask(reply).await;
        assert_eq!(call.outcome, retry(RetryReason::UpstreamDown, None));
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_a_fault() {
    let whole = json!([row(json!({}))]).to_string();
    let mut bytes = http(200, "", whole.as_bytes());
    bytes.truncate(bytes.len() - 10);
    let call = ask(Reply::Bytes(bytes)).await;
    assert!(matches!(call.outcome, Outcome::Fault(_)), "{call:?}");
    assert_eq!(call.http_status, Some(200));
    let kept = call.raw.expect("what arrived");
    assert_eq!(kept, &whole.as_bytes()[..whole.len() - 10]);

    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n[{\"a\"\r\n";
    let call = ask(Reply::Bytes(chunked.to_vec())).await;
    assert!(matches!(call.outcome, Outcome::Fault(_)), "{call:?}");
}

#[tokio::test]
async fn a_status_that_needs_no_body_counts_even_when_the_body_is_cut() {
    let mut bytes = http(503, "retry-after: 7\r\n", b"<html></html>");
    bytes.truncate(bytes.len() - 3);
    let call = ask(Reply::Bytes(bytes)).await;
    assert_eq!(call.outcome, retry(RetryReason::UpstreamDown, Some(7)));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_fault_and_not_kept() {
    let body = json!([row(json!({}))]).to_string();
    let at_limit = |max_body| {
        let bytes = http(200, "", body.as_bytes());
        async move {
            let (base_url, _operator) = serve(Reply::Bytes(bytes)).await;
            let mut config = AchConfig::new(base_url);
            config.service.max_body = max_body;
            connector(config).ask(&question(), PATIENT).await
        }
    };
    assert_eq!(at_limit(body.len()).await.outcome.code(), "resolved");
    let call = at_limit(body.len() - 1).await;
    assert_eq!(call.outcome.code(), "fault");
    assert_eq!(call.raw, None);
}

#[tokio::test]
async fn compression_nobody_asked_for_is_a_fault() {
    let gzip_of_empty_list =
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x8b, 0x8e, 5, 0, 0x29, 0x4c, 0x0d, 0x4c, 2, 0, 0, 0];
    let call = ask_bytes(200, "content-encoding: gzip\r\n", &gzip_of_empty_list).await;
    assert_eq!(call.outcome.code(), "fault");
}

#[tokio::test]
async fn retry_after_is_read_in_every_form() {
    // The connector's clock stands at 15:00:00 that day. `vinculo-webhook` reads the same values alike.
    let cases = [
        ("120", Some(120)),
        ("0", Some(0)),
        ("1.5", Some(2)),
        ("2.0", Some(2)),
        ("99999999999999999999999", Some(86_400)),
        ("99999999999999999999999.5", Some(86_400)),
        ("Tue, 24 Nov 2026 15:00:30 GMT", Some(30)),
        ("Tuesday, 24-Nov-26 15:00:30 GMT", Some(30)),
        ("Tue Nov 24 15:00:30 2026", Some(30)),
        ("Tue, 24 Nov 2026 14:59:00 GMT", Some(0)),
        ("Sun, 24 Jan 2027 15:00:00 GMT", Some(86_400)),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1.", None),
        (".5", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 15:00:30 PST", None),
        ("Tue, 24 Nov 2026 10:00:30 -0500", None),
        ("2026-11-24T15:00:30Z", None),
    ];
    for (value, seconds) in cases {
        let call = ask_bytes(429, &format!("retry-after: {value}\r\n"), b"").await;
        assert_eq!(call.outcome, retry(RetryReason::RateLimited, seconds), "{value}");
    }
    for status in [408, 502, 503, 504] {
        let call = ask_bytes(status, "retry-after: 9\r\n", b"").await;
        assert_eq!(call.outcome, retry(RetryReason::UpstreamDown, Some(9)), "{status}");
    }
}

#[tokio::test]
async fn refused_credentials_say_nothing_about_the_person() {
    let call = ask_bytes(401, "www-authenticate: Basic\r\n", b"no").await;
    assert_eq!(call.outcome, Outcome::NotAuthorized);
    assert_eq!(call.http_status, Some(401));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let call = ask_bytes(302, "location: http://127.0.0.1:9/\r\n", b"").await;
    assert_eq!(call.outcome.code(), "fault");
    assert_eq!(call.http_status, Some(302));
}

/// A TLS record with a fatal alert.
async fn ask_over_tls(alert: u8) -> Outcome {
    let (base_url, _operator) = serve(Reply::Bytes(vec![0x15, 3, 3, 0, 2, 2, alert])).await;
    let base_url = base_url.replace("http://", "https://");
    connector(AchConfig::new(base_url)).ask(&question(), PATIENT).await.outcome
}

#[tokio::test]
async fn a_refused_client_certificate_is_not_authorized() {
    // certificate_required, bad_certificate, unknown_ca, access_denied
    for alert in [116, 42, 48, 49] {
        assert_eq!(ask_over_tls(alert).await, Outcome::NotAuthorized, "alert {alert}");
    }
}

#[tokio::test]
async fn any_other_tls_failure_is_an_operator_that_is_down() {
    // handshake_failure, internal_error
    for alert in [40, 80] {
        let outcome = ask_over_tls(alert).await;
        assert_eq!(outcome, retry(RetryReason::UpstreamDown, None), "alert {alert}");
    }
}

#[tokio::test]
async fn a_connection_is_tried_twice_and_a_question_is_not() {
    let failed_handshake = vec![0x15, 3, 3, 0, 2, 2, 80];
    let (base_url, connections) = serve_all(vec![failed_handshake; 2]).await;
    let base_url = base_url.replace("http://", "https://");
    let call = connector(AchConfig::new(base_url)).ask(&question(), PATIENT).await;
    assert_eq!(call.outcome, retry(RetryReason::UpstreamDown, None));
    assert_eq!(connections.await.expect("served").len(), 2);

    // The answer to the first question may have been on its way.
    let answer = http(200, "", b"[]");
    let (base_url, questions) = serve_all(vec![Vec::new(), answer]).await;
    let call = connector(AchConfig::new(base_url)).ask(&question(), PATIENT).await;
    assert_eq!(call.outcome, retry(RetryReason::UpstreamDown, None));
    assert!(!questions.is_finished());
    questions.abort();
}

#[tokio::test]
async fn impossible_documents_are_refused_without_a_call() {
    // Nothing listens there: a call would end in retry_later.
    let ach = connector(AchConfig::new("http://127.0.0.1:9"));
    let cases = [
        (DocumentKind::Nit, "999500101", InvalidField::DocumentKind),
        (DocumentKind::Pt, "999123", InvalidField::DocumentKind),
        (DocumentKind::Cc, "", InvalidField::DocumentNumber),
        (DocumentKind::Cc, "1.900.500.001", InvalidField::DocumentNumber),
        (DocumentKind::Cc, "../juridicas/NI999500101", InvalidField::DocumentNumber),
    ];
    for (kind, number, field) in cases {
        let document = Document::new(kind, number);
        let question = Question { document, ..question() };
        let call = ach.ask(&question, PATIENT).await;
        assert_eq!(call.outcome, Outcome::InvalidInput(field), "{kind} {number}");
        assert_eq!((call.http_status, call.raw), (None, None));
    }
}

#[tokio::test]
async fn newer_kinds_of_document_are_a_matter_of_configuration() {
    let question = Question { document: Document::new(DocumentKind::Pt, "999123"), ..question() };
    let allow = |config: &mut AchConfig| config.documents = "CC,PT".parse().expect("codes");
    let lines = request_of(allow, &question, "").await;
    assert!(lines[0].contains("/naturales/pt999123?"), "{}", lines[0]);
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_a_fault_without_a_call() {
    let ach = connector(AchConfig::new("http://127.0.0.1:9"));
    let question = Question { user: Some("a\nb".to_owned()), ..question() };
    assert_eq!(ach.ask(&question, PATIENT).await.outcome.code(), "fault");
}

#[tokio::test]
async fn the_duration_is_the_time_that_has_passed_however_the_clock_is_set() {
    let (base_url, _operator) = serve(Reply::Bytes(http(200, "", b"[]"))).await;
    let ach = Ach::new(AchConfig::new(base_url), client(), ticking_clock()).expect("usable");
    let call = ach.ask(&question(), PATIENT).await;
    assert_eq!(call.duration, Duration::from_secs(1));
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let error = |change: &dyn Fn(&mut AchConfig)| {
        let mut config = AchConfig::new("https://operator.invalid");
        change(&mut config);
        Ach::new(config, client(), still_clock()).err()
    };
    for url in [
        "",
        "operator",
        "ftp://operator.invalid",
        "https://u:secreto@operator.invalid",
        "https://operator.invalid/?a=b",
        "data:text/plain,x",
        "http://operator.invalid",
        "http://192.0.2.7",
    ] {
        let refused = error(&|config| config.service.base_url = url.to_owned());
        assert!(matches!(refused, Some(ConfigError::Url("base URL", _))), "{url}");
        assert!(!refused.map(|error| error.to_string()).unwrap_or_default().contains("secreto"));
    }
    let auth = |auth: Auth| error(&|config| config.service.auth = auth.clone());
    let username = "a:b".to_owned();
    let password = Secret::new("x");
    assert_eq!(auth(Auth::Basic { username, password }), Some(ConfigError::Username));
    let broken = auth(Auth::Bearer(Secret::new("a\nb")));
    assert_eq!(broken, Some(ConfigError::Header("authorization".to_owned())));
    let header =
        error(&|config| config.service.headers = vec![("a b".to_owned(), Secret::new("x"))]);
    assert_eq!(header, Some(ConfigError::Header("a b".to_owned())));
    let charset = error(&|config| config.service.charset = Some("klingon".to_owned()));
    assert_eq!(charset, Some(ConfigError::Charset("klingon".to_owned())));
    assert_eq!(error(&|_| ()), None);
}

#[tokio::test]
async fn nothing_prints_secrets_or_people() {
    let mut config = AchConfig::new("https://operator.invalid");
    config.service.auth =
        Auth::Basic { username: "usuario".to_owned(), password: Secret::new("s3cr3to") };
    config.service.headers = vec![("X-Api-Key".to_owned(), Secret::new("s3cr3to"))];
    let body = json!([row(json!({"primerApellido": "GOMEZ"}))]).to_string();
    let call = ask_bytes(200, "", body.as_bytes()).await;
    let printed = format!("{config:?} {:?} {:?} {call:?}", connector(config.clone()), question());
    for hidden in ["s3cr3to", "1900500001", "GOMEZ", "HILADOS", "2600000"] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
}
