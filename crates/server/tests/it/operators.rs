//! Links that operators other than ACH's answer for.

use serde_json::{Value, json};
use vinculo_server::config::{Config, SourceConfig};
use vinculo_sources::agil_data::AgilDataConfig;
use vinculo_sources::mareigua::MareiguaConfig;
use vinculo_sources::{Auth, Secret, ServiceConfig};

use crate::support::{Receiver, Says, Service, Setup, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    agil_data_fills_a_link,
    mareigua_fills_a_link,
    the_first_that_knows_fills_a_link,
    who_is_named_without_a_paid_month_is_the_owner,
    what_is_not_told_of_a_salary_is_null,
    a_pensioner_is_the_owner,
);

const PERSON: &str = "1900500001";

const RESOURCES: [&str; 2] = ["EMPLOYMENTS", "OWNERS"];

fn agil_data(config: &Config) -> SourceConfig {
    let mut service = config.sandbox.service.clone();
    let password = Secret::new("clave");
    service.auth = Auth::Basic { username: "usuario".to_owned(), password };
    SourceConfig::AgilData(Box::new(AgilDataConfig::new(service)))
}

fn mareigua(config: &Config) -> SourceConfig {
    let mut service = config.sandbox.service.clone();
    service.auth = Auth::Bearer(Secret::new("t0k3n"));
    SourceConfig::Mareigua(Box::new(MareiguaConfig::new(service, 7)))
}

/// Employments and owners of a new link, and how often an operator was asked for them.
async fn told(
    database: TestDatabase,
    configure: fn(&mut Config),
) -> (Vec<Value>, Vec<Value>, usize) {
    let app = Setup::new(database).configure(configure).start().await;
    let client = app.production();
    let link = client.create_link(PERSON, json!({ "fetch_resources": RESOURCES })).await;
    let id = link["id"].as_str().expect("an id").to_owned();
    app.settled().await;
    let employments = client.results(&format!("/api/co/employments/?link={id}")).await;
    let owners = client.results(&format!("/api/owners/?link={id}")).await;
    let asked = app.asked();
    app.finish().await;
    (employments, owners, asked)
}

/// Employer, month, gross, net and kind, the newest first.
fn months(employments: &[Value]) -> Vec<Value> {
    let months = |employment: &Value| {
        let employer = employment["employer_data"]["id_number"].clone();
        let details = employment["salary_and_benefit_details"].as_array().expect("months").clone();
        details.into_iter().map(move |detail| {
            json!([
                employer,
                detail["month"],
                detail["gross_amount"],
                detail["net_amount"],
                detail["employment_type"],
            ])
        })
    };
    employments.iter().flat_map(months).collect()
}

async fn agil_data_fills_a_link(database: TestDatabase) {
    let configure = |config: &mut Config| config.production = vec![agil_data(config)];
    let (employments, owners, asked) = told(database, configure).await;
    let expected = [
        json!([999500101, "2026-09", 2600000, null, null]),
        json!([999500101, "2026-08", 1300000, null, null]),
        // The base of a self-employed person at the floor is a lower bound.
        json!([1900500001, "2026-07", 1750905, null, "CONTRACTUAL"]),
    ];
    assert_eq!(months(&employments), expected);
    assert_eq!(owners[0]["display_name"], "PERSONA EJEMPLO MUÑOZ");
    assert_eq!(asked, 1, "one question for check and load");
}

async fn mareigua_fills_a_link(database: TestDatabase) {
    let configure = |config: &mut Config| config.production = vec![mareigua(config)];
    let (employments, owners, asked) = told(database, configure).await;
    let mut found = months(&employments);
    found.sort_by_key(ToString::to_string);
    let expected = [
        json!([1900500001, "2026-09", 900000, null, "CONTRACTUAL"]),
        json!([999500101, "2026-07", 2600000, null, "SALARIED"]),
        json!([999500101, "2026-09", 3100000, null, "SALARIED"]),
    ];
    assert_eq!(found, expected);
    assert_eq!(owners[0]["last_name"], "EJEMPLO");
    assert_eq!(asked, 1, "one question for check and load");
}

async fn the_first_that_knows_fills_a_link(database: TestDatabase) {
    let configure = |config: &mut Config| {
        let ach = SourceConfig::Ach(Box::new(config.sandbox.clone()));
        config.production = vec![SourceConfig::Planillas, ach, agil_data(config), mareigua(config)];
    };
    let (employments, _, asked) = told(database, configure).await;
    assert_eq!(months(&employments).len(), 3);
    // ACH does not know the person, Ágil Data does.
    assert_eq!(asked, 2);
}

/// An application whose production asks a service that speaks as this operator does.
async fn asking(
    database: TestDatabase,
    service: &Service,
    source: fn(ServiceConfig) -> SourceConfig,
) -> TestApp {
    let url = service.url.clone();
    let configure =
        move |config: &mut Config| config.production = vec![source(ServiceConfig::new(&url))];
    Setup::new(database).configure(configure).start().await
}

fn speaks_agil_data(service: ServiceConfig) -> SourceConfig {
    SourceConfig::AgilData(Box::new(AgilDataConfig::new(service)))
}

fn speaks_mareigua(service: ServiceConfig) -> SourceConfig {
    SourceConfig::Mareigua(Box::new(MareiguaConfig::new(service, 7)))
}

/// Mareigua about a person: a payer with these payments.
fn mareigua_says(payments: &Value) -> Says {
    Says::json(&json!({
        "respuesta_id": 4, "tipo_identificacion_persona_natural_id": 1,
        "numero_identificacion_persona_natural": PERSON,
        "primer_nombre_persona_natural": "PERSONA", "primer_apellido_persona_natural": "EJEMPLO",
        "aportantes": [{
            "tipo_identificacion_aportante_id": 3, "numero_identificacion_aportante": "999500101",
            "tiene_salario_integral_actualmente": true, "resultado_pagos": payments,
        }],
    }))
}

async fn who_is_named_without_a_paid_month_is_the_owner(database: TestDatabase) {
    let month = |paid: bool, income: i64| {
        json!({ "ano_periodo_validado": 2026, "mes_periodo_validado": 9,
                "realizo_pago": paid, "ingresos": income })
    };
    let service = Service::start(mareigua_says(&json!([month(false, 0)]))).await;
    let app = asking(database, &service, speaks_mareigua).await;
    let client = app.production();
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, vinculo_store::Environment::Production, None).await;
    let link = client.create_link(PERSON, json!({ "fetch_resources": RESOURCES })).await;
    app.delivered().await;
    let [employments, owners] = receiver.take().await;
    assert_eq!(employments.json()["data"]["total_employments"], 0);
    assert_eq!(owners.json()["data"]["total_owners"], 1);
    let id = link["id"].as_str().expect("an id");
    let (employments, owners) =
        (format!("/api/co/employments/?link={id}"), format!("/api/owners/?link={id}"));
    assert_eq!(client.results(&employments).await, Vec::<Value>::new());
    let owner = client.results(&owners).await.remove(0);
    assert_eq!(
        (&owner["display_name"], &owner["last_name"]),
        (&json!("PERSONA EJEMPLO"), &json!("EJEMPLO"))
    );
    assert_eq!(owner["document_id"]["document_number"], PERSON);

    let ask = async |more: Value, status: u16| {
        let mut body = json!({ "link": id });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = client.post("/api/owners/", &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        answer.json()[0]["display_name"].clone()
    };
    assert_eq!(ask(json!({}), 201).await, "PERSONA EJEMPLO");
    assert_eq!(ask(json!({ "save_data": false }), 200).await, "PERSONA EJEMPLO");

    // What is paid later makes months, and nothing that was not paid takes them back.
    service.says(mareigua_says(&json!([month(true, 3_100_000)])));
    assert_eq!(ask(json!({}), 201).await, "PERSONA EJEMPLO");
    service.says(mareigua_says(&json!([month(false, 0)])));
    let again = client.post("/api/co/employments/", &json!({ "link": id })).await;
    assert_eq!(months(again.json().as_array().expect("a list")).len(), 1);
    app.finish().await;
}

async fn what_is_not_told_of_a_salary_is_null(database: TestDatabase) {
    let payment = |month: i64| {
        json!({ "ano_periodo_validado": 2026, "mes_periodo_validado": month,
                "realizo_pago": true, "ingresos": 3_100_000 })
    };
    let service = Service::start(mareigua_says(&json!([payment(8), payment(9)]))).await;
    let app = asking(database, &service, speaks_mareigua).await;
    let client = app.production();
    let link = client.create_link(PERSON, json!({ "fetch_resources": RESOURCES })).await;
    app.settled().await;
    let path = format!("/api/co/employments/?link={}", link["id"].as_str().expect("an id"));
    let found = client.results(&path).await.remove(0);
    let details = found["salary_and_benefit_details"].as_array().expect("months");
    let told: Vec<_> = details.iter().map(|detail| &detail["salary_comprehensive"]).collect();
    assert_eq!(told, [&json!(true), &Value::Null], "{details:?}");
    app.finish().await;
}

async fn a_pensioner_is_the_owner(database: TestDatabase) {
    let says = json!({ "codRespuesta": "21", "respuesta": {
        "datosBasicos": { "tipoId": "CC", "numeroId": PERSON, "nombre": "PERSONA EJEMPLO" },
        "detalladoEmpleos": [],
    }});
    let service = Service::start(Says::json(&says)).await;
    let app = asking(database, &service, speaks_agil_data).await;
    let client = app.production();
    let link = client.create_link(PERSON, json!({ "fetch_resources": RESOURCES })).await;
    app.settled().await;
    let path = format!("/api/owners/?link={}", link["id"].as_str().expect("an id"));
    assert_eq!(client.results(&path).await[0]["display_name"], "PERSONA EJEMPLO");
    app.finish().await;
}
