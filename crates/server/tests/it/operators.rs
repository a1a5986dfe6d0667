//! Links that operators other than ACH's answer for.

use serde_json::{Value, json};
use vinculo_server::config::{Config, SourceConfig};
use vinculo_sources::agil_data::AgilDataConfig;
use vinculo_sources::mareigua::MareiguaConfig;
use vinculo_sources::{Auth, Secret};

use crate::support::{Setup, TestDatabase, on_both_databases};

on_both_databases!(
    agil_data_fills_a_link,
    mareigua_fills_a_link,
    the_first_that_knows_fills_a_link
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
