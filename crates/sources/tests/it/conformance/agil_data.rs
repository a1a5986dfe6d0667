//! The table of *Ágil Data*.

use vinculo_pila::{Document, DocumentKind};
use vinculo_sources::agil_data::{AgilData, AgilDataConfig};
use vinculo_sources::{
    Auth, Connector as _, InvalidField, Outcome, Question, RetryClass, Secret, ServiceConfig,
};

use super::{Case, Kind, Tested, connected, data, fixture, none};
use crate::support::{PATIENT, http, question, resolved, serve_all};

pub(crate) struct OfAgilData;

impl Tested for OfAgilData {
    type Connector = AgilData;
    const NAME: &'static str = "agil_data";
    const LACKS: &'static [(Kind, &'static str)] = &[];
    const EMPTY: &'static str = "fault";

    fn connect(service: ServiceConfig) -> AgilData {
        connected(|client, clock| AgilData::new(AgilDataConfig::new(service), client, clock))
    }

    fn table() -> Vec<Case> {
        use RetryClass::{Backoff, Never, NextWindow, Repair, Twice};
        vec![
            data(
                "complete",
                Some("01"),
                &[],
                &[
                    "2026-07 CC1900500001 pension=1750905 paid=201354 days=30 on=2026-08-03 \
                 scale=SelfEmployed",
                    "2026-08 NI999500101 pension=1300000 paid=149500 days=15",
                    "2026-09 NI999500101 pension=2600000 paid=299000 days=30 on=2026-10-09",
                ],
            ),
            data(
                "partial",
                Some("01"),
                &["days_not_readable", "period_not_readable", "payment_not_readable"],
                &["2026-09 NI999500101 pension=2600000"],
            ),
            data("pensioner", Some("21"), &["pensioner", "no_paid_month"], &[]),
            none("no_payers", 200, "no_data:no_history", Some("01"), NextWindow),
            none("code_02", 200, "no_data:not_affiliated", Some("02"), NextWindow),
            none("code_02", 404, "no_data:not_affiliated", Some("02"), NextWindow),
            none("code_03", 200, "no_data:pensioner", Some("03"), NextWindow),
            none("code_16", 200, "no_data:not_affiliated", Some("16"), NextWindow),
            none("code_19", 200, "no_data:no_history", Some("19"), NextWindow),
            none("code_99", 200, "withheld:not_billable", Some("99"), NextWindow),
            none("code_98", 200, "retry_later:saturated", Some("98"), Backoff),
            none("code_05", 200, "fault", Some("05"), Backoff),
            none("code_12", 200, "invalid_input:other", Some("12"), Never),
            none("code_20", 200, "fault", Some("20"), Repair),
            none("code_77", 200, "fault", Some("77"), Repair),
            none("code_01", 200, "fault", Some("01"), Twice),
            none("code_02", 403, "not_authorized", None, Repair),
            none("foreign", 200, "fault", Some("01"), Twice),
        ]
    }
}

#[tokio::test]
async fn the_question_has_the_shape_of_the_reference() {
    let answer = http(200, "", &fixture::<OfAgilData>("complete"));
    let (base_url, operator) = serve_all(vec![answer]).await;
    let auth = Auth::Basic { username: "usuario".to_owned(), password: Secret::new("clave") };
    let service = ServiceConfig { auth, ..ServiceConfig::new(base_url) };
    let call = OfAgilData::connect(service).ask(&question(), PATIENT).await;
    let line = resolved(call.outcome).contributions.remove(0);
    // The name comes in one text.
    assert_eq!(line.names.first, "PERSONA EJEMPLO MUÑOZ");
    let head = operator.await.expect("requests")[0].to_lowercase();
    let path = "/agildata-services/rest/afiliado/historicodetalladoempleo/1/1900500001";
    assert!(head.starts_with(&format!("get {path} http/1.1\r\n")), "{head}");
    assert!(head.contains(&"authorization: Basic dXN1YXJpbzpjbGF2ZQ==".to_lowercase()), "{head}");
}

#[tokio::test]
async fn kinds_without_a_number_are_not_asked_about() {
    // Nothing listens there.
    let agil_data = OfAgilData::connect(ServiceConfig::new("http://127.0.0.1:9"));
    let document = Document::new(DocumentKind::Ce, "199900");
    let call = agil_data.ask(&Question { document, ..question() }, PATIENT).await;
    assert_eq!(call.outcome, Outcome::InvalidInput(InvalidField::DocumentKind));
    assert_eq!(call.http_status, None);
}
