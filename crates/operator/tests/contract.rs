//! The operator as its HTTP contract shows it.
#![expect(clippy::expect_used, reason = "a helper that fails is a test that fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use vinculo_operator::{
    FAULT_HEADER, MONTH_OFFSET_HEADER, Operator, Persona, TRY_HEADER, Wait, country, faults,
    personas, router,
};
use vinculo_pila::{Month, catalog};

/// 2026-11-24 in Bogotá.
const NOW: &str = "2026-11-24T15:00:00Z";

struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    body: Vec<u8>,
    /// What the operator let pass before.
    waited: Duration,
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
    let waited = Arc::new(Mutex::new(Duration::ZERO));
    let noted = Arc::clone(&waited);
    let wait: Wait = Arc::new(move |time| {
        *noted.lock().expect("no panic") += time;
        Box::pin(std::future::ready(()))
    });
    let operator = Operator::new(Arc::new(move || now)).waiting(wait);
    let response = router(operator).oneshot(request).await.expect("an answer");
    let header = response.headers().get("retry-after");
    Answer {
        status: response.status(),
        retry_after: header.map(|value| value.to_str().expect("text").to_owned()),
        body: response.into_body().collect().await.expect("a body").to_bytes().to_vec(),
        waited: *waited.lock().expect("no panic"),
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
    for number in ["1999000404", "1999000999", "900", "1995999999", "199500000"] {
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
async fn every_persona_answers_as_it_says() {
    for persona in personas() {
        assert!(!persona.description.is_empty());
        assert!(persona.document().number.starts_with("1999000"));
        let answer = person(persona.number, &[]).await;
        assert_eq!(answer.waited.as_secs(), persona.seconds(), "{}", persona.number);
        let expected: &[u16] = match persona.outcome() {
            "resolved" => &[200],
            "no_data" => &[404, 200],
            "invalid_input" => &[400],
            "not_authorized" => &[401],
            "withheld" => &[451],
            "retry_later" => &[429, 503],
            _ => &[200, 500],
        };
        assert!(expected.contains(&answer.status.as_u16()), "{}", persona.number);
    }
}

/// Those whose third question is answered with rows.
fn answering() -> impl Iterator<Item = &'static Persona> {
    personas().iter().filter(|it| it.outcome() == "resolved" || it.number == "1999000503")
}

fn shown(rows: &[Value], month: &str, key: &str) -> Vec<String> {
    let text = |row: &&Value| row[key].to_string().trim_matches('"').to_owned();
    of_month(rows, month).iter().map(text).collect()
}

/// The rows of a persona when the calendar is moved by so many months.
async fn later(number: &str, months: &str) -> Vec<Value> {
    person(number, &[(MONTH_OFFSET_HEADER, months)]).await.rows()
}

#[tokio::test]
async fn stories_are_told_from_the_newest_month() {
    let hired = rows_of("1999000011").await;
    assert_eq!((hired.len(), shown(&hired, "2026-10", "ingreso")), (1, vec!["X".to_owned()]));
    let fired = rows_of("1999000012").await;
    assert_eq!(shown(&fired, "2026-10", "retiro"), ["X"]);
    assert_eq!(months(&later("1999000012", "1").await).last(), months(&fired).last());

    let soon = later("1999000013", "2").await;
    assert_eq!(shown(&soon, "2026-11", "retiro"), [""]);
    assert_eq!(shown(&soon, "2026-12", "retiro"), ["X"]);
    assert!(of_month(&later("1999000013", "3").await, "2027-01").is_empty());

    let raised = later("1999000014", "1").await;
    assert_eq!(shown(&raised, "2026-11", "variacionPermanente"), ["X"]);
    // 2.5 and 3 minimum wages up to the next thousand: 4,377,262.5 and 5,252,715.
    let salary = |month| amount(of_month(&raised, month)[0], "salarioBasico");
    assert_eq!((salary("2026-10"), salary("2026-11")), (4_378_000, 5_253_000));

    let away = rows_of("1999000021").await;
    assert_eq!(months(&away).last().map(Month::to_string).as_deref(), Some("2026-04"));
    assert_eq!(payers(&later("1999000021", "1").await), ["999500201", "999500203"]);
}

#[tokio::test]
async fn kinds_of_workers_contribute_as_the_law_wants() {
    let minimum = catalog::minimum_wage("2026-09".parse().expect("a month")).expect("known");
    let bases = |rows: &[Value]| {
        let row = of_month(rows, "2026-09")[0].clone();
        let base = |key| amount(&row, key);
        (
            base("ingresoBaseCotizacionPension"),
            base("ingresoBaseCotizacionSalud"),
            base("ingresoBaseCotizacionSubFamiliar"),
        )
    };
    let (pension, health, family) = bases(&rows_of("1999000007").await);
    assert!(pension == 0 && health == family && health > minimum);
    let apprentice = rows_of("1999000008").await;
    assert_eq!(bases(&apprentice), (0, minimum, 0));
    assert_eq!(shown(&apprentice, "2026-07", "codTipoCotizante"), ["12"]);
    assert_eq!(shown(&apprentice, "2026-08", "codTipoCotizante"), ["19"]);
    let contractor = rows_of("1999000009").await;
    // 4.6 minimum wages are 8,054,163, so 8,055,000 of income and 40 % of it.
    assert_eq!(bases(&contractor), (3_222_000, 3_222_000, 0));
    assert_eq!(shown(&contractor, "2026-09", "codTipoPlanilla"), ["Y"]);
    let (pension, health, family) = bases(&rows_of("1999000020").await);
    assert_eq!((pension, health, family), (25 * minimum, 25 * minimum, 52_528_000));
    let leave = rows_of("1999000016").await;
    assert_eq!(shown(&leave, "2026-07", "licenciaMaternidad"), ["X"]);
    assert_eq!(shown(&leave, "2026-08", "licenciaMaternidad"), [""]);
    assert_eq!(shown(&rows_of("1999000010").await, "2026-03", "licenciaNoRemunerada"), ["", "X"]);
}

#[tokio::test]
async fn a_saturated_operator_waits_for_the_calendar() {
    let answer = person("1999000429", &[(TRY_HEADER, "9")]).await;
    assert_eq!((answer.status.as_u16(), answer.retry_after.as_deref()), (429, Some("600")));
    assert_eq!(payers(&later("1999000429", "1").await), ["999500203"]);
}

#[tokio::test]
async fn a_question_may_ask_for_its_end() {
    let ask =
        |wish: &'static str| async move { person("1999000001", &[(FAULT_HEADER, wish)]).await };
    let mut seen = Vec::new();
    for fault in faults() {
        seen.push((fault, ask(fault).await.status.as_u16()));
    }
    assert_eq!(
        seen,
        [
            ("unknown", 404),
            ("empty", 200),
            ("invalid", 400),
            ("unauthorized", 401),
            ("withheld", 451),
            ("saturated", 429),
            ("down", 503),
            ("fault", 500),
            ("malformed", 200),
            ("stranger", 200),
        ]
    );
    assert_eq!(ask("empty").await.body, b"[]");
    assert!(serde_json::from_slice::<Value>(&ask("malformed").await.body).is_err());
    assert_eq!(ask("stranger").await.rows()[0]["numeroDocumentoUsuario"], "1999000002");
    let slow = ask("delay=1500").await;
    assert_eq!((slow.status.as_u16(), slow.waited), (200, Duration::from_millis(1500)));
    let both = ask("delay=20, saturated").await;
    assert_eq!((both.status.as_u16(), both.waited), (429, Duration::from_millis(20)));
    for wrong in ["", "delay=", "delay=-1", "delay=120001", "soon", "down,fault"] {
        let answer = ask(wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(answer.message().contains(FAULT_HEADER));
    }
}

#[tokio::test]
async fn thousands_of_people_can_be_asked_about() {
    assert!(country().people() >= 10_000, "{}", country().people());
    let mut known = 0;
    for index in (0..10_000).step_by(97) {
        let number = format!("1995{index:06}");
        let answer = person(&number, &[]).await;
        if answer.status != StatusCode::OK {
            assert!(answer.message().starts_with("No se encontró"));
            continue;
        }
        known += 1;
        assert_eq!(answer.body, person(&number, &[]).await.body);
        let rows = answer.rows();
        assert!(rows.iter().all(|row| row["numeroDocumentoUsuario"] == number.as_str()));
        assert!(rows.iter().all(|row| row["tipoDocumentoUsuario"] == "CC"));
        let newest = months(&rows).last().copied().expect("a month");
        assert!(newest <= whole_window()[23], "{newest}");
    }
    assert!(known > 90, "{known} of 104 are known");
    // Beyond the decrees that are known the nearest minimum wage holds.
    assert!(!of_month(&later("1995000000", "60").await, "2031-10").is_empty());
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
    for persona in answering() {
        let at = |offset: &'static str| async move {
            let headers = [(TRY_HEADER, "3"), (MONTH_OFFSET_HEADER, offset)];
            person(persona.number, &headers).await
        };
        let (now, later) = (at("0").await.rows(), at("5").await.rows());
        let oldest_later = months(&later)[0];
        let newest_now: Month = "2026-10".parse().expect("a month");
        let shared_now: Vec<_> = now.iter().filter(|row| period(row) >= oldest_later).collect();
        let shared_later: Vec<_> = later.iter().filter(|row| period(row) <= newest_now).collect();
        assert_eq!(shared_now, shared_later, "{}", persona.number);
        let out_of_work = persona.number == "1999000012";
        assert_eq!(months(&later).iter().any(|month| *month > newest_now), !out_of_work);
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
    for persona in answering() {
        let answer = person(persona.number, &[(TRY_HEADER, "3")]).await;
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
                // Pensioners and apprentices have no pension fund.
                assert!(
                    text.is_empty() || text.chars().any(char::is_lowercase),
                    "{text} is a code"
                );
            }
        }
    }
}

#[test]
fn the_documented_people_are_those_who_live_here() {
    let documented: Vec<Vec<_>> = include_str!("../../../docs/SANDBOX.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `1999"))
        .map(|line| line.split(" | ").map(|cell| cell.trim_matches(['`', ' ', '|'])).collect())
        .collect();
    let known: Vec<Vec<_>> =
        personas().iter().map(|it| vec![&it.number[4..], it.description, it.outcome()]).collect();
    assert_eq!(known, documented);
    let text = include_str!("../../../docs/SANDBOX.md");
    let last = format!("`1995{:06}`", country().people() - 1);
    assert!(text.contains(&last), "the range ends at {last}");
    for fault in faults() {
        assert!(text.contains(&format!("| `{fault}` |")), "{fault} is not documented");
    }
}

/// An operator whose clock can be moved, and questions to it.
struct Desk {
    router: axum::Router,
    seconds: Arc<std::sync::atomic::AtomicI64>,
}

impl Desk {
    fn open() -> Self {
        let seconds = Arc::new(std::sync::atomic::AtomicI64::new(0));
        let (moved, start) =
            (Arc::clone(&seconds), NOW.parse::<jiff::Timestamp>().expect("a moment"));
        let clock = Arc::new(move || {
            let by = moved.load(std::sync::atomic::Ordering::Relaxed);
            start + jiff::SignedDuration::from_secs(by)
        });
        Self { router: router(Operator::new(clock)), seconds }
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, std::sync::atomic::Ordering::Relaxed);
    }

    async fn ask(&self, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = if body.is_some() { "POST" } else { "GET" };
        let request = Request::builder().method(method).uri(path).header(JSON.0, JSON.1);
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

const MANY: &str = "/consultas/masivas/personas/naturales/";

fn totals(state: &Value) -> [i64; 4] {
    ["totalRegistros", "totalExitosos", "totalNoEncontrados", "totalNoValidos"]
        .map(|key| state[key].as_i64().expect("a number"))
}

#[tokio::test]
async fn a_list_is_worked_off_fetched_and_gone_a_day_later() {
    let desk = Desk::open();
    let entry = |kind: &str, number: &str| {
        serde_json::json!({
            "tipoDocumento": kind, "numDocumento": number,
        })
    };
    let list = serde_json::json!({ "historico": 6, "contenido": [
        entry("CC", "1999000001"),
        entry("CC", "1999000404"),
        entry("NI", "999500201"),
        entry("CC", "1995000000"),
        entry("CC", "1999000503"),
        entry("CC", ""),
    ]});
    let (status, taken) = desk.ask(MANY, Some(list)).await;
    assert_eq!((status, &taken["estado"]), (200, &Value::from("EN EJECUCCION")));
    assert_eq!((totals(&taken), taken.get("fechaExpiracion")), ([6, 0, 0, 0], None));
    let id = taken["numeroSolicitud"].as_str().expect("a number").to_owned();
    assert_eq!(id.len(), 36);
    let (path, state) = (format!("{MANY}{id}"), format!("{MANY}{id}/estado"));
    assert_eq!(desk.ask(&path, None).await.0, 400, "not yet");

    desk.pass(2);
    let (_, done) = desk.ask(&state, None).await;
    assert_eq!(done["estado"], "FINALIZADA");
    // The one that is busy is in no list.
    assert_eq!(totals(&done), [6, 2, 1, 2]);
    let (status, report) = desk.ask(&path, None).await;
    assert_eq!((status, totals(&report)), (200, [6, 2, 1, 2]));
    let hits = report["listaExitosos"].as_array().expect("a list");
    assert_eq!(hits[0]["numDocumento"], "1999000001");
    let alone = "/consultas/individuales/personas/naturales/CC1995000000?historico=6";
    assert_eq!(hits[1]["resultado"], desk.ask(alone, None).await.1);
    assert_eq!(report["listaNoEncontrados"][0]["numDocumento"], "1999000404");
    assert_eq!(report["listaNoValidos"][0]["tipoDocumento"], "NI");
    let other = format!("/consultas/masivas/personas/juridicas/{id}/estado");
    assert_eq!(desk.ask(&other, None).await.0, 404, "a list of people is none of payers");

    desk.pass(24 * 60 * 60);
    assert_eq!((desk.ask(&state, None).await.0, desk.ask(&path, None).await.0), (404, 404));
}

#[tokio::test]
async fn lists_have_an_end_and_so_has_the_patience() {
    let desk = Desk::open();
    let list = |count: usize| {
        let one = serde_json::json!({ "tipoDocumento": "NI", "numDocumento": "999500201" });
        serde_json::json!({ "contenido": vec![one; count] })
    };
    let payers = "/consultas/masivas/personas/juridicas/";
    for count in [0, 1001] {
        let (status, refused) = desk.ask(payers, Some(list(count))).await;
        let message = refused["message"].as_str().expect("a message").to_owned();
        assert!(status == 400 && message.starts_with("contenido"), "{message}");
    }
    let (status, refused) = desk.ask(payers, Some(serde_json::json!({ "lista": [] }))).await;
    assert_eq!((status, &refused["message"]), (400, &Value::from("cuerpo no válido")));
    let mut taken = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let (status, state) = desk.ask(payers, Some(list(1))).await;
        assert_eq!(status, 200);
        taken.insert(state["numeroSolicitud"].to_string());
    }
    assert_eq!(taken.len(), 64);
    assert_eq!(desk.ask(payers, Some(list(1))).await.0, 503);
    desk.pass(25 * 60 * 60);
    let (_, state) = desk.ask(payers, Some(list(1))).await;
    desk.pass(2);
    let path = format!("{payers}{}", state["numeroSolicitud"].as_str().expect("a number"));
    let (_, report) = desk.ask(&path, None).await;
    assert_eq!(report["listaExitosos"][0]["resultado"].as_array().map(Vec::len), Some(24));
}
