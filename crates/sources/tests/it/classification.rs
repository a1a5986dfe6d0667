//! One case per row of the contract's table of outcomes.

use proptest::prelude::*;
use serde_json::json;
use vinculo_pila::{Document, DocumentKind};
use vinculo_sources::ach::AchConfig;
use vinculo_sources::{InvalidField, NoDataReason, Outcome, RetryReason};

use crate::support::{connector, outcome_of, person, read, reader, row};

fn classify(status: u16, body: &str) -> Outcome {
    outcome_of(reader(), status, Some("application/json"), body.as_bytes(), &person())
}

fn retry(reason: RetryReason) -> Outcome {
    Outcome::RetryLater { reason, not_before: None }
}

const NOT_FOUND: Outcome = Outcome::NoData(NoDataReason::NotFound);

#[test]
fn statuses_that_need_no_body() {
    let body = r#"[{"this":"is ignored"}]"#;
    for status in [401, 403, 407] {
        assert_eq!(classify(status, body), Outcome::NotAuthorized, "{status}");
    }
    assert_eq!(classify(429, body), retry(RetryReason::RateLimited));
    for status in [408, 502, 503, 504] {
        assert_eq!(classify(status, body), retry(RetryReason::UpstreamDown), "{status}");
    }
    for status in [400, 415, 422] {
        let outcome = classify(status, body);
        assert_eq!(outcome, Outcome::InvalidInput(InvalidField::Other), "{status}");
    }
    for status in [500, 501, 505, 599, 302, 405, 410] {
        assert!(matches!(classify(status, body), Outcome::Fault(_)), "{status}");
    }
}

#[test]
fn not_found_needs_an_error_body_or_none() {
    for body in [
        "",
        " \n",
        r#"{"message":"cualquier texto"}"#,
        r#"{"message":"No se encontró información","codigo":"404","uuid":null}"#,
    ] {
        assert_eq!(classify(404, body), NOT_FOUND, "{body}");
    }
    for body in [
        "<html><body>404</body></html>",
        "[]",
        "null",
        "404 page not found",
        r#"{"message":null}"#,
        r#"{"timestamp":"2026-11-24","status":404,"message":"","path":"/x"}"#,
        r#"{"message":"no Route matched with those values","request_id":"1"}"#,
        r#"{"message":["no existe"],"codigo":1}"#,
        r#"{"error":"no existe","codigo":1}"#,
    ] {
        assert!(matches!(classify(404, body), Outcome::Fault(_)), "{body}");
    }
}

#[test]
fn success_without_rows_is_no_data() {
    for status in [200, 201, 204] {
        for body in ["[]", "null", "", "  ", " [ ] "] {
            assert_eq!(classify(status, body), NOT_FOUND, "{status} {body}");
        }
    }
}

#[test]
fn a_row_of_the_person_resolves() {
    let outcome = read(json!([row(json!({}))]));
    assert_eq!(outcome.code(), "resolved");
    assert_eq!(outcome.reason(), None);
}

#[test]
fn rows_of_other_people_alone_are_a_fault() {
    let foreign = json!([row(json!({"numeroDocumentoUsuario": "1900500002"}))]);
    let Outcome::Fault(text) = read(foreign) else {
        panic!("not a fault");
    };
    assert!(text.contains("foreign_row"), "{text}");
    assert!(!text.contains("19005"), "{text} names a person");
}

#[test]
fn messages_with_status_200_are_no_data_when_they_say_so() {
    for message in [
        "No se encontró información",
        "NO SE ENCONTRARON REGISTROS",
        "Sin informaci\u{f3}n para el documento",
        "SIN INFORMACIO\u{301}N",
        "El afiliado no existe",
        "La persona No Registra aportes",
    ] {
        let body = json!({ "message": message }).to_string();
        assert_eq!(classify(200, &body), NOT_FOUND, "{message}");
    }
    for body in [
        json!({"message": "Error interno"}),
        json!({"message": "no existe", "codigo": 1}),
        json!({"message": 7}),
        row(json!({})),
        json!({}),
    ] {
        assert!(matches!(classify(200, &body.to_string()), Outcome::Fault(_)), "{body}");
    }
}

#[test]
fn answers_that_cannot_be_understood_are_faults() {
    for body in [
        "<!doctype html><html></html>",
        "razonSocial;periodo",
        r#"[{"razonSocial":"HILADOS EJ"#,
        "[1, \"CC\", null]",
        "\"texto\"",
        "17",
        "true",
        "\u{1f}\u{8b}\u{8}",
    ] {
        assert!(matches!(classify(200, body), Outcome::Fault(_)), "{body}");
    }
}

#[test]
fn a_list_nested_too_deep_is_a_fault_not_a_crash() {
    let deep = "[".repeat(1_000_000);
    assert!(matches!(classify(200, &deep), Outcome::Fault(_)));
}

#[test]
fn faults_repeat_nothing_of_the_answer() {
    for (status, body) in [
        (200, r#"{"message":"fallo de 1900500001 JUAN"}"#),
        (200, r#"[{"numeroDocumentoUsuario":"1900500001" JUAN"#),
        (404, r#"{"error":"1900500001 JUAN"}"#),
        (500, "1900500001 JUAN"),
    ] {
        let Outcome::Fault(text) = classify(status, body) else {
            panic!("not a fault: {body}");
        };
        assert!(!text.contains("1900500001") && !text.contains("JUAN"), "{text}");
    }
}

#[test]
fn what_means_nothing_found_is_configuration() {
    let mut config = AchConfig::new("https://operator.invalid");
    config.no_data_statuses = vec![404, 422];
    config.no_data_messages = vec!["Sin Aportes".to_owned()];
    let ach = connector(config);
    let read = |status, body: &str| outcome_of(&ach, status, None, body.as_bytes(), &person());
    assert_eq!(read(422, r#"{"message":"x"}"#), NOT_FOUND);
    assert_eq!(read(200, r#"{"message":"la persona esta sin aportes"}"#), NOT_FOUND);
    assert!(matches!(read(200, r#"{"message":"no existe"}"#), Outcome::Fault(_)));
}

proptest! {
    #[test]
    fn reading_never_panics(
        status in 100_u16..700,
        content_type in proptest::option::of(".{0,40}"),
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let outcome = outcome_of(reader(), status, content_type.as_deref(), &body, &person());
        prop_assert!(!outcome.code().is_empty());
    }

    #[test]
    fn rows_of_any_values_never_panic(
        key in "[a-zA-Z]{1,30}",
        text in any::<String>(),
        number in any::<f64>(),
        person_number in any::<String>(),
    ) {
        let keys = [
            "periodoCotizacion", "numeroDocumentoAportante", "salarioBasico", "ingreso",
            "codTipoCotizante", "diasCotizados", "numeroDocumentoUsuario", key.as_str(),
        ];
        let person = Document::new(DocumentKind::Cc, person_number.clone());
        for key in keys {
            for value in [json!(text), json!(number), json!([text]), json!({ "x": number })] {
                let own = row(json!({ "numeroDocumentoUsuario": person_number, key: value }));
                let body = json!([own]).to_string();
                let outcome = outcome_of(reader(), 200, None, body.as_bytes(), &person);
                prop_assert!(matches!(outcome.code(), "resolved" | "fault"));
            }
        }
    }
}
