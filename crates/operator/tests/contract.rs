//! The operator as its HTTP contract shows it.
#![expect(clippy::expect_used, reason = "a helper that fails is a test that fails")]

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use vinculo_operator::{MONTH_OFFSET_HEADER, Operator, TRY_HEADER, personas, router};
use vinculo_pila::{Month, catalog};

/// 2026-11-24 in Bogotá.
const NOW: &str = "2026-11-24T15:00:00Z";

struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK);
        serde_json::from_slice(&self.body).expect("a list of rows")
    }

    fn message(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).expect("an error body");
        let fields = body.as_object().expect("an object");
        assert_eq!(fields.len(), 1);
        fields["message"].as_str().expect("a text").to_owned()
    }
}

async fn ask_at(now: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let now: jiff::Timestamp = now.parse().expect("a timestamp");
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response =
        router(Operator::new(Arc::new(move || now))).oneshot(request).await.expect("an answer");
    let header = response.headers().get("retry-after");
    Answer {
        status: response.status(),
        retry_after: header.map(|value| value.to_str().expect("text").to_owned()),
        body: response.into_body().collect().await.expect("a body").to_bytes().to_vec(),
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn person(number: &str, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/consultas/individuales/personas/naturales/CC{number}");
    let headers = [&[JSON], headers].concat();
    ask_at(NOW, &path, &headers).await
}

async fn rows_of(number: &str) -> Vec<Value> {
    person(number, &[]).await.rows()
}

fn period(row: &Value) -> Month {
    row["periodoCotizacion"].as_str().expect("a period").parse().expect("a month")
}

fn of_month<'a>(rows: &'a [Value], month: &str) -> Vec<&'a Value> {
    let month: Month = month.parse().expect("a month");
    rows.iter().filter(|row| period(row) == month).collect()
}

fn months(rows: &[Value]) -> Vec<Month> {
    let mut months: Vec<_> = rows.iter().map(period).collect();
    months.sort();
    months.dedup();
    months
}

fn payers(rows: &[Value]) -> Vec<&str> {
    let mut payers: Vec<_> = rows
        .iter()
        .map(|row| row["numeroDocumentoAportante"].as_str().expect("a number"))
        .collect();
    payers.sort_unstable();
    payers.dedup();
    payers
}

fn amount(row: &Value, key: &str) -> i64 {
    row[key].as_i64().expect("an amount")
}

fn whole_window() -> Vec<Month> {
    let newest: Month = "2026-10".parse().expect("a month");
    (0..24).rev().map(|back| newest.plus(-back)).collect()
}

#[tokio::test]
async fn one_employer_pays_every_month_of_the_window() {
    let rows = rows_of("1999000001").await;
    assert_eq!(months(&rows), whole_window());
    assert_eq!(payers(&rows), ["999500201"]);
    for row in &rows {
        assert_eq!(row["tipoDocumentoUsuario"], "CC");
        assert_eq!(row["numeroDocumentoUsuario"], "1999000001");
        assert_eq!(row["codTipoCotizante"], "1");
        assert_eq!(row["codTipoPlanilla"], "E");
        assert_eq!(row["nombreAdministradoraPension"], "Porvenir");
        assert_eq!(row["nombreAdministradoraSalud"], "EPS Sura");
        assert_ne!(row["desActividadEconomica"], "");
    }
}

#[tokio::test]
async fn salaries_rise_in_january_and_say_so() {
    let rows = rows_of("1999000001").await;
    let salary = |month| amount(of_month(&rows, month)[0], "salarioBasico");
    // 2.1 minimum wages up to the next thousand: 2,989,350 and 3,676,900.5.
    assert_eq!(salary("2025-12"), 2_990_000);
    assert_eq!(salary("2026-01"), 3_677_000);
    let marked: Vec<_> = rows
        .iter()
        .filter(|row| row["variacionPermanente"] == "X")
        .map(|row| period(row).to_string())
        .collect();
    assert_eq!(marked, ["2026-01", "2025-01"]);
}

#[tokio::test]
async fn overtime_raises_the_base_and_a_holiday_splits_the_month() {
    let rows = rows_of("1999000001").await;
    let overtime = of_month(&rows, "2026-03");
    assert_eq!(overtime.len(), 1);
    assert_eq!(overtime[0]["variacionTransitoria"], "X");
    assert_eq!(amount(overtime[0], "ingresoBaseCotizacionSalud"), 3_971_160);

    let holiday = of_month(&rows, "2026-07");
    assert_eq!(holiday.len(), 2);
    assert_eq!(holiday[0]["vacaciones"], "");
    assert_eq!(holiday[1]["vacaciones"], "X");
    for line in holiday {
        assert_eq!(line["diasCotizados"], 15);
        assert_eq!(amount(line, "ingresoBaseCotizacionPension"), 1_838_500);
    }
}

#[tokio::test]
async fn two_employers_pay_at_once() {
    let rows = rows_of("1999000002").await;
    assert_eq!(payers(&rows), ["999500202", "999500203"]);
    let january = of_month(&rows, "2026-01");
    assert_eq!(january.len(), 2);
    // Days of a partial stretch of a minimum wage: 1,750,905 × 27 / 30 = 1,575,814.5, rounded up.
    let april = of_month(&rows, "2026-04");
    let sick = april.iter().find(|row| row["incapacidad"] == "X");
    assert_eq!(amount(sick.expect("a sick leave line"), "ingresoBaseCotizacionSubFamiliar"), 0);
    let bases: Vec<_> = april
        .iter()
        .filter(|row| row["numeroDocumentoAportante"] == "999500202")
        .map(|row| amount(row, "ingresoBaseCotizacionPension"))
        .collect();
    assert_eq!(bases, [1_575_815, 175_091]);
}

#[tokio::test]
async fn the_self_employed_pay_for_themselves_from_the_floor_up() {
    let rows = rows_of("1999000003").await;
    assert_eq!(months(&rows), whole_window());
    for row in &rows {
        assert_eq!(row["tipoDocumentoAportante"], "CC");
        assert_eq!(row["numeroDocumentoAportante"], "1999000003");
        assert_eq!(row["codClaseAportante"], "I");
        assert_eq!(row["codTipoAportante"], "2");
        assert_eq!(row["codTipoPlanilla"], "I");
        assert_eq!(row["codTipoCotizante"], "59");
        assert_eq!(row["ingresoBaseCotizacionSubFamiliar"], 0);
        let wage = catalog::minimum_wage(period(row)).expect("a minimum wage");
        assert!(amount(row, "ingresoBaseCotizacionSalud") >= wage);
    }
    let base = |month| amount(of_month(&rows, month)[0], "ingresoBaseCotizacionSalud");
    assert_eq!(base("2026-01"), 1_750_905);
    // 4.8 minimum wages are 8,404,344, so 8,405,000 of income and 40 % of it.
    assert_eq!(base("2026-09"), 3_362_000);
}

#[tokio::test]
async fn an_integral_salary_has_seventy_percent_of_it_as_base() {
    let rows = rows_of("1999000005").await;
    for row in &rows {
        let wage = catalog::minimum_wage(period(row)).expect("a minimum wage");
        let salary = amount(row, "salarioBasico");
        assert_eq!(row["salarioIntegral"], "X");
        assert!(salary >= 13 * wage);
        if row["diasCotizados"] == 30 {
            assert_eq!(amount(row, "ingresoBaseCotizacionPension"), salary * 70 / 100);
        }
    }
}

#[tokio::test]
async fn a_change_of_jobs_shows_end_gap_and_start_wherever_the_window_lies() {
    for offset in -45..=45 {
        let offset = offset.to_string();
        let rows = person("1999000004", &[(MONTH_OFFSET_HEADER, &offset)]).await.rows();
        assert_eq!(payers(&rows), ["999500202", "999500204"], "offset {offset}");
        let seen = months(&rows);
        let gap = seen.windows(2).find(|pair| pair[1].months_since(pair[0]) == 3);
        let gap = gap.unwrap_or_else(|| panic!("no gap of two months at offset {offset}"));
        let marked = |month: Month, key: &str| {
            rows.iter().any(|row| period(row) == month && row[key] == "X")
        };
        assert!(marked(gap[0], "retiro"), "offset {offset}");
        assert!(marked(gap[1], "ingreso"), "offset {offset}");
    }
}

#[tokio::test]
async fn nobody_else_is_known() {
    for number in ["1999000404", "1999000999", "900"] {
        let answer = person(number, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.message().starts_with("No se encontró"));
    }
}

#[tokio::test]
async fn a_busy_operator_answers_the_third_try() {
    for (number_of_try, status) in [("1", 503), ("2", 503), ("3", 200), ("9", 200)] {
        let answer = person("1999000503", &[(TRY_HEADER, number_of_try)]).await;
        assert_eq!(answer.status.as_u16(), status, "try {number_of_try}");
        assert_eq!(answer.retry_after.is_some(), status == 503);
    }
    assert_eq!(person("1999000503", &[]).await.status, 503);
    let rows = person("1999000503", &[(TRY_HEADER, "3")]).await.rows();
    assert_eq!(payers(&rows), ["999500203"]);
    assert_eq!(months(&rows), whole_window());
}

#[tokio::test]
async fn every_persona_answers_and_describes_itself() {
    for persona in personas() {
        assert!(!persona.description.is_empty());
        let document = persona.document();
        assert!(document.number.starts_with("1999000"));
        let answer = person(&document.number, &[(TRY_HEADER, "3")]).await;
        assert!(matches!(answer.status.as_u16(), 200 | 404));
    }
}

#[tokio::test]
async fn the_same_question_has_the_same_answer() {
    for persona in personas() {
        let headers = [(TRY_HEADER, "3")];
        let first = person(persona.number, &headers).await;
        let second = person(persona.number, &headers).await;
        assert_eq!(first.body, second.body);
    }
}

#[tokio::test]
async fn the_month_offset_moves_the_window_and_rewrites_nothing() {
    for persona in personas() {
        let at = |offset: &'static str| async move {
            let headers = [(TRY_HEADER, "3"), (MONTH_OFFSET_HEADER, offset)];
            person(persona.number, &headers).await
        };
        let (now, later) = (at("0").await, at("5").await);
        if now.status != StatusCode::OK {
            continue;
        }
        let (now, later) = (now.rows(), later.rows());
        let oldest_later = months(&later)[0];
        let newest_now: Month = "2026-10".parse().expect("a month");
        let shared_now: Vec<_> = now.iter().filter(|row| period(row) >= oldest_later).collect();
        let shared_later: Vec<_> = later.iter().filter(|row| period(row) <= newest_now).collect();
        assert_eq!(shared_now, shared_later);
        assert!(months(&later).iter().any(|month| *month > newest_now));
    }
}

#[tokio::test]
async fn a_header_and_a_clock_move_time_alike() {
    let path = "/consultas/individuales/personas/naturales/CC1999000001";
    let moved = person("1999000001", &[(MONTH_OFFSET_HEADER, "2")]).await;
    let later = ask_at("2027-01-24T15:00:00Z", path, &[JSON]).await;
    assert_eq!(moved.body, later.body);
}

#[tokio::test]
async fn the_month_is_the_one_in_bogota() {
    let path = "/consultas/individuales/personas/naturales/CC1999000001";
    for (now, newest) in [("2026-12-01T04:59:59Z", "2026-10"), ("2026-12-01T05:00:00Z", "2026-11")]
    {
        let rows = ask_at(now, path, &[JSON]).await.rows();
        assert_eq!(months(&rows).last().map(Month::to_string).as_deref(), Some(newest));
    }
}

#[tokio::test]
async fn historico_shortens_the_window() {
    let path = |months: &str| {
        format!("/consultas/individuales/personas/naturales/CC1999000003?historico={months}")
    };
    let rows = ask_at(NOW, &path("3"), &[JSON]).await.rows();
    assert_eq!(months(&rows), whole_window()[21..]);
    for wrong in ["0", "25", "-1", "x"] {
        let answer = ask_at(NOW, &path(wrong), &[JSON]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(answer.message().contains("historico"));
    }
}

#[tokio::test]
async fn the_content_type_of_the_question_selects_the_format() {
    let path = "/consultas/individuales/personas/naturales/CC1999000001";
    let with = |value: &'static str| {
        let headers = [("Content-Type", value)];
        async move { ask_at(NOW, path, &headers).await.status }
    };
    assert_eq!(with("Application/JSON; charset=utf-8").await, StatusCode::OK);
    for other in ["text/html", "application/pdf", "text/csv", "application/json2"] {
        assert_eq!(with(other).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let none = ask_at(NOW, path, &[("Accept", "application/json")]).await;
    assert_eq!(none.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(none.message().contains("application/json"));
}

#[tokio::test]
async fn malformed_questions_are_refused() {
    let natural = "/consultas/individuales/personas/naturales";
    for segment in ["NI999500201", "XX1", "CC", "C", "CC1.999.000.001", "cc1999000001", "ñandú"] {
        let path = format!("{natural}/{}", segment.replace('ñ', "%C3%B1").replace('ú', "%C3%BA"));
        let answer = ask_at(NOW, &path, &[JSON]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{segment}");
    }
    for (header, value) in
        [(MONTH_OFFSET_HEADER, "soon"), (MONTH_OFFSET_HEADER, "241"), (TRY_HEADER, "0")]
    {
        let answer = person("1999000001", &[(header, value)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{header}: {value}");
    }
}

#[tokio::test]
async fn a_wrong_path_is_not_an_unknown_person() {
    let answer = ask_at(NOW, "/naturales/CC1999000001", &[JSON]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    assert!(!answer.body.is_empty());
}

#[tokio::test]
async fn payers_can_be_asked_about() {
    let payer = |document: &'static str| async move {
        let path = format!("/consultas/individuales/personas/juridicas/{document}");
        ask_at(NOW, &path, &[JSON]).await
    };
    let rows = payer("NI999500201").await.rows();
    assert_eq!(rows.len(), 24);
    assert_eq!(rows[0]["razonSocial"], "COMERCIALIZADORA EJEMPLO S.A.S.");
    assert_eq!(rows[0]["periodoCotizacionOtrosSistemas"], "2026-10");
    assert_eq!(rows[0]["periodoCotizacionSalud"], "2026-11");
    assert_eq!(rows[0]["cantidadCotizantes"], 260);

    let rows = payer("CC1999000003").await.rows();
    assert_eq!(rows[0]["periodoCotizacionSalud"], "2026-10");
    assert_eq!(rows[0]["cantidadCotizantes"], 1);

    for unknown in ["NI999500299", "CC1999000001", "CC1999000404"] {
        assert_eq!(payer(unknown).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test]
async fn every_code_has_its_text_in_the_catalogs() {
    for persona in personas() {
        let answer = person(persona.number, &[(TRY_HEADER, "3")]).await;
        if answer.status != StatusCode::OK {
            continue;
        }
        for row in answer.rows() {
            for key in [
                "desActividadEconomica",
                "desClaseAportante",
                "desTipoAportante",
                "descTipoCotizante",
                "descTipoPlanilla",
            ] {
                assert_ne!(row[key], "", "{key} of {}", persona.description);
            }
            assert_ne!(row["nombreAdministradoraPension"], persona.number);
            for name in ["nombreAdministradoraPension", "nombreAdministradoraSalud"] {
                let text = row[name].as_str().expect("a name");
                assert!(text.chars().any(char::is_lowercase), "{text} is a code");
            }
        }
    }
}
