//! The table of Mareigua's query, and the bus in front of it.

use serde_json::{Value, json};
use vinculo_sources::mareigua::{Bus, Mareigua, MareiguaConfig};
use vinculo_sources::{
    Connector as _, NoDataReason, Outcome, Received, RetryClass, RetryReason, Secret, ServiceConfig,
};

use super::{Case, Kind, Tested, connected, data, fixture, none, told};
use crate::support::{PATIENT, http, person, question, resolved, serve_all};

pub(crate) struct OfMareigua;

impl Tested for OfMareigua {
    type Connector = Mareigua;
    const NAME: &'static str = "mareigua";
    const LACKS: &'static [(Kind, &'static str)] =
        &[(Kind::Withheld, "no code of the service says that an answer is kept back")];
    const EMPTY: &'static str = "fault";

    fn connect(service: ServiceConfig) -> Mareigua {
        connected(|client, clock| Mareigua::new(MareiguaConfig::new(service, 7), client, clock))
    }

    fn table() -> Vec<Case> {
        use RetryClass::{Backoff, Never, NextDay, NextWindow, Repair, Twice};
        vec![
            data(
                "complete",
                Some("4"),
                &[],
                &[
                    "2026-07 NI999500101 income=2600000 scale=Employee activity=1311",
                    "2026-09 NI999500101 income=3100000 kind=X scale=Employee activity=1311 \
                 afp=FONDO EJEMPLO eps=EPS EJEMPLO",
                    "2026-09 CC1900500001 income=900000 scale=SelfEmployed afp=FONDO EJEMPLO \
                 eps=EPS EJEMPLO",
                ],
            ),
            data(
                "partial",
                Some("5"),
                &["source_incomplete"],
                &["2026-09 NI999500101 income=3100000 kind=0 scale=Pensioner"],
            ),
            data(
                "unreadable_payer",
                Some("4"),
                &["payer_not_readable", "payment_not_readable"],
                &["2026-09 NI999500101 income=3100000"],
            ),
            data("nothing_paid", Some("4"), &["no_paid_month"], &[]),
            none("incomplete_without_payers", 200, "no_data:no_history", Some("5"), NextWindow),
            none("code_1", 200, "no_data:not_found", Some("1"), NextWindow),
            none("code_2", 200, "invalid_input:other", Some("2"), Never),
            none("code_2", 400, "invalid_input:other", Some("2"), Never),
            none("code_3", 200, "invalid_input:other", Some("3"), Never),
            none("code_6", 200, "retry_later:upstream_down", Some("6"), Backoff),
            none("code_7", 200, "fault", Some("7"), Backoff),
            none("code_7", 500, "fault", Some("7"), Backoff),
            none("code_11", 200, "not_authorized", Some("11"), Repair),
            none("code_16", 200, "retry_later:daily_cap", Some("16"), NextDay),
            none("code_16", 429, "retry_later:daily_cap", Some("16"), NextDay),
            none("code_42", 200, "fault", Some("42"), Repair),
            none("complete", 500, "fault", Some("4"), Twice),
            none("foreign", 200, "fault", Some("4"), Twice),
            none("bus", 200, "fault", None, Twice),
        ]
    }
}

fn behind_a_bus(service: ServiceConfig, token_in_body: bool) -> Mareigua {
    let bus = Bus {
        header: Secret::new(r#"{"canal": "EJEMPLO"}"#),
        success_codes: vec!["00".to_owned()],
    };
    let config =
        MareiguaConfig { token_in_body, bus: Some(bus), ..MareiguaConfig::new(service, 7) };
    connected(|client, clock| Mareigua::new(config, client, clock))
}

#[test]
fn a_bus_is_unwrapped() {
    let mareigua = behind_a_bus(ServiceConfig::new("https://operator.invalid"), true);
    let read = |file: &str| {
        let body = fixture::<OfMareigua>(file);
        let answer = Received { status: 200, content_type: None, body: &body };
        mareigua.read(answer, &person())
    };
    let reading = read("bus");
    assert_eq!(reading.raw_code.as_deref(), Some("4"));
    let lines: Vec<_> = resolved(reading.outcome).contributions.iter().map(told).collect();
    assert_eq!(lines, ["2026-09 NI999500101 income=3100000"]);
    for file in ["bus_failed", "bus_not_json", "complete", "code_1"] {
        assert_eq!(read(file).outcome.code(), "fault", "{file}");
    }
}

fn body_of(request: &str) -> Value {
    let (_, body) = request.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test]
async fn the_question_has_the_shape_of_the_reference() {
    let nothing = http(200, "", &fixture::<OfMareigua>("code_1"));
    let (base_url, operator) = serve_all(vec![nothing]).await;
    let service = ServiceConfig {
        auth: vinculo_sources::Auth::Bearer(Secret::new("t0k3n")),
        ..ServiceConfig::new(format!("{base_url}/v2"))
    };
    let call = OfMareigua::connect(service).ask(&question(), PATIENT).await;
    assert_eq!(call.outcome, Outcome::NoData(NoDataReason::NotFound));
    assert_eq!(call.raw_code.as_deref(), Some("1"));
    let requests = operator.await.expect("requests");
    let head = requests[0].to_lowercase();
    assert!(head.starts_with("post /v2/consultas http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer t0k3n\r\n"), "{head}");
    let expected = json!({
        "tipo_identificacion_id": 1,
        "numero_empleado_id": "1900500001",
        "salario_mensual": 0,
        "producto_id": 7,
    });
    assert_eq!(body_of(&requests[0]), expected);
}

#[tokio::test]
async fn a_token_can_travel_in_the_body_through_a_bus() {
    let answer = http(200, "", &fixture::<OfMareigua>("bus"));
    let (base_url, operator) = serve_all(vec![answer]).await;
    let service = ServiceConfig {
        auth: vinculo_sources::Auth::Bearer(Secret::new("t0k3n")),
        ..ServiceConfig::new(base_url)
    };
    let call = behind_a_bus(service, true).ask(&question(), PATIENT).await;
    assert_eq!(call.outcome.code(), "resolved");
    let requests = operator.await.expect("requests");
    assert!(!requests[0].to_lowercase().contains("authorization:"));
    let body = body_of(&requests[0]);
    assert_eq!(body["requestHeader"], json!({ "canal": "EJEMPLO" }));
    assert_eq!(body["requestBody"]["token"], "t0k3n");
    assert_eq!(body["requestBody"]["numero_empleado_id"], "1900500001");
}

#[tokio::test]
async fn after_a_daily_cap_the_next_day_of_bogota_is_named() {
    let answer = http(200, "", &fixture::<OfMareigua>("code_16"));
    let (base_url, _operator) = serve_all(vec![answer]).await;
    let call = OfMareigua::connect(ServiceConfig::new(base_url)).ask(&question(), PATIENT).await;
    // It is ten in the morning there.
    let not_before = Some(std::time::Duration::from_secs(14 * 60 * 60));
    assert_eq!(call.outcome, Outcome::RetryLater { reason: RetryReason::DailyCap, not_before });
    assert_eq!(call.retry, Some(RetryClass::NextDay));
}
