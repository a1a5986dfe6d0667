//! An operator that misbehaves on a real socket.

use std::time::Duration;

use encoding_rs::WINDOWS_1252;
use vinculo_sources::{Connector, Outcome, Received, ServiceConfig};

use super::{Tested, fixture, reader, said};
use crate::support::{PATIENT, Reply, http, person, question, resolved, serve};

async fn ask<T: Tested>(
    reply: Reply,
    change: impl FnOnce(&mut ServiceConfig),
) -> vinculo_sources::Call {
    let (base_url, _operator) = serve(reply).await;
    let mut service = ServiceConfig::new(base_url);
    change(&mut service);
    T::connect(service).ask(&question(), PATIENT).await
}

/// The cases of the table over HTTP: read as the bytes alone are, and kept.
pub(super) async fn answers_arrive<T: Tested>() {
    for case in T::table() {
        let body = fixture::<T>(case.file);
        let reply = Reply::Bytes(http(case.status, "content-type: application/json\r\n", &body));
        let call = ask::<T>(reply, |_| ()).await;
        assert_eq!(said(&call.outcome), case.outcome, "{}", case.file);
        assert_eq!(call.http_status, Some(case.status), "{}", case.file);
        assert_eq!(call.raw_code.as_deref(), case.raw_code, "{}", case.file);
        assert_eq!(call.raw.as_deref(), Some(body.as_slice()), "{}", case.file);
        if let Outcome::Resolved(answer) = call.outcome {
            assert_eq!(answer.contributions.len(), case.lines.len(), "{}", case.file);
        }
    }
}

/// Whatever comes, one outcome, and never data.
pub(super) async fn survived<T: Tested>() {
    let whole = fixture::<T>("complete");
    let bytes = |status, headers: &str, body: &[u8]| Reply::Bytes(http(status, headers, body));
    let cut = |status| {
        let mut bytes = http(status, "", &whole);
        bytes.truncate(bytes.len() - 10);
        Reply::Bytes(bytes)
    };
    let slow = http(200, "", &whole)[..60].to_vec();
    let html = b"<!doctype html><html><body>Mantenimiento</body></html>";
    let cases = [
        ("credentials", bytes(401, "www-authenticate: Basic\r\n", b"no"), "not_authorized"),
        ("forbidden", bytes(403, "", html), "not_authorized"),
        ("broken", bytes(500, "", html), "fault"),
        ("gateway", bytes(502, "", html), "retry_later:upstream_down"),
        ("unavailable", bytes(503, "retry-after: 7\r\n", b""), "retry_later:upstream_down"),
        ("late gateway", bytes(504, "", b""), "retry_later:upstream_down"),
        ("too fast", bytes(429, "retry-after: 7\r\n", b""), "retry_later:rate_limited"),
        ("html", bytes(200, "content-type: text/html\r\n", html), "fault"),
        ("html not found", bytes(404, "content-type: text/html\r\n", html), "fault"),
        ("cut", cut(200), "fault"),
        ("cut while unavailable", cut(503), "retry_later:upstream_down"),
        ("silence", Reply::Hang(Vec::new()), "retry_later:timeout"),
        ("slow body", Reply::Hang(slow), "retry_later:timeout"),
        ("reset", Reply::Reset, "retry_later:upstream_down"),
        ("empty", bytes(200, "", b""), T::EMPTY),
        ("redirect", bytes(302, "location: http://127.0.0.1:9/\r\n", b""), "fault"),
        ("lasting redirect", bytes(308, "location: http://127.0.0.1:9/\r\n", b""), "fault"),
        ("compressed", bytes(200, "content-encoding: gzip\r\n", &[0x1f, 0x8b, 8, 0]), "fault"),
        ("a number", bytes(200, "", b"17"), "fault"),
        (
            "no HTTP",
            Reply::Bytes(b"220 smtp.invalid ESMTP\r\n".to_vec()),
            "retry_later:upstream_down",
        ),
    ];
    for (name, reply, outcome) in cases {
        let hangs = matches!(reply, Reply::Hang(_));
        let call = ask::<T>(reply, |service| {
            if hangs {
                service.timeout = Duration::from_millis(200);
            }
        })
        .await;
        assert_eq!(said(&call.outcome), outcome, "{name} of {}", T::NAME);
        assert!(call.retry.is_some(), "{name} of {}", T::NAME);
        let waits = matches!(name, "unavailable" | "too fast").then(|| Duration::from_secs(7));
        if let Outcome::RetryLater { not_before, .. } = call.outcome {
            assert_eq!(not_before, waits, "{name} of {}", T::NAME);
        }
    }
    bodies_are_bounded::<T>(&whole).await;
}

async fn bodies_are_bounded<T: Tested>(whole: &[u8]) {
    for (limit, outcome) in [(whole.len(), "resolved"), (whole.len() - 1, "fault")] {
        let reply = Reply::Bytes(http(200, "content-type: application/json\r\n", whole));
        let call = ask::<T>(reply, |service| service.max_body = limit).await;
        assert_eq!(call.outcome.code(), outcome, "{limit} of {}", T::NAME);
        assert_eq!(call.raw.is_some(), outcome == "resolved");
    }
    // Announced or not, it is not read to its end: this one has none.
    let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\n".to_vec();
    let endless = [endless, vec![b' '; 0x400], b"\r\n".to_vec()].concat();
    let call = ask::<T>(Reply::Hang(endless), |service| service.max_body = 0x100).await;
    assert_eq!(call.outcome.code(), "fault", "{}", T::NAME);
}

/// The same answer in windows-1252: told, not told, and told wrongly.
pub(super) fn charsets_are_read<T: Tested>() {
    let utf8 = fixture::<T>("complete");
    let text = std::str::from_utf8(&utf8).expect("UTF-8");
    let (latin, _, lossy) = WINDOWS_1252.encode(text);
    assert!(!lossy && latin.as_ref() != utf8.as_slice());
    let connector = reader::<T>();
    let read = |body: &[u8], content_type: Option<&str>| {
        resolved(connector.read(Received { status: 200, content_type, body }, &person()).outcome)
    };
    let expected = read(&utf8, Some("application/json; charset=utf-8"));
    assert!(expected.notes.is_empty());
    for content_type in
        [None, Some("application/json"), Some("application/json;charset=ISO-8859-1")]
    {
        assert!(read(&latin, content_type) == expected, "{content_type:?}");
    }
    let lying = read(&latin, Some("application/json; charset=utf-8"));
    assert!(lying.contributions == expected.contributions);
    assert_eq!(lying.notes, ["charset_contradicted"]);
    let marked = [b"\xEF\xBB\xBF", utf8.as_slice()].concat();
    assert!(read(&marked, None) == expected);
}
