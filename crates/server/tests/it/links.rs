//! What a registration means when it says little.

use std::time::Duration;

use serde_json::{Value, json};
use vinculo_store::Environment;

use crate::support::{Receiver, TestApp, TestDatabase, assert_wire_snapshot, on_both_databases};

on_both_databases!(
    the_least_an_sdk_sends_is_a_recurrent_link_with_everything,
    a_single_link_loads_only_what_it_names,
    a_reference_that_is_personal_data_becomes_null,
    links_are_found_by_their_filters,
    only_the_wanted_keys_are_shown,
    an_object_that_is_removed_leaves_the_others,
);

async fn the_least_an_sdk_sends_is_a_recurrent_link_with_everything(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let link = app.sandbox().create_link("1999000002", json!({ "save_data": true })).await;
    assert_wire_snapshot!("recurrent_link", link);

    let [employments, owners] = receiver.take().await;
    assert_eq!(employments.json()["data"], json!({ "total_employments": 2 }));
    assert_eq!(owners.json()["data"], json!({ "total_owners": 1 }));
    let list = format!("/api/co/employments/?link={}", link["id"].as_str().unwrap());
    assert_eq!(app.sandbox().results(&list).await.len(), 2);
    app.finish().await;
}

async fn a_single_link_loads_only_what_it_names(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let client = app.sandbox();

    for nothing in [json!({}), json!({ "fetch_resources": [] }), json!({ "fetch_resources": null })]
    {
        let mut more = json!({ "access_mode": "single" });
        more.as_object_mut().unwrap().extend(nothing.as_object().unwrap().clone());
        let link = client.create_link("1999000001", more).await;
        assert_eq!(link["fetch_resources"], json!([]));
    }
    assert_eq!(app.work_left().await, 0, "nothing to load");

    let twice = json!({ "access_mode": "single", "fetch_resources": ["OWNERS", "OWNERS"] });
    let link = client.create_link("1999000001", twice).await;
    assert_eq!(link["fetch_resources"], json!(["OWNERS"]));
    assert_eq!(receiver.next().await.text("webhook_type"), "OWNERS");
    app.settled().await;
    receiver.assert_quiet();
    let id = link["id"].as_str().unwrap();
    assert!(client.results(&format!("/api/co/employments/?link={id}")).await.is_empty());
    assert_eq!(client.results("/api/owners/").await.len(), 1);
    app.finish().await;
}

async fn a_reference_that_is_personal_data_becomes_null(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    for (reference, personal) in [
        ("COHORT_32", false),
        ("abc", false),
        ("someone@example.com", true),
        ("PERSONA EJEMPLO", true),
        ("3001234567", true),
        ("6015551234", true),
        ("4111-1111-1111-1111", true),
        ("4111-1111-1111-1112", false),
        ("1999000001", true),
    ] {
        let more = json!({ "access_mode": "single", "external_id": reference });
        let link = client.create_link("1999000001", more).await;
        let kept = if personal { json!(null) } else { json!(reference) };
        assert_eq!(link["external_id"], kept, "{reference}");
        let found = client.get(&format!("/api/links/?external_id={reference}")).await.json();
        assert_eq!(found["count"], i64::from(!personal), "{reference}");
    }
    app.finish().await;
}

async fn links_are_found_by_their_filters(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let single = client.create_link("1999000001", json!({ "access_mode": "single" })).await;
    let other = json!({ "access_mode": "single", "external_id": "user-00042" });
    app.advance(Duration::from_secs(24 * 60 * 60));
    let named = client.create_link("1999000002", other).await;
    let (one, two) = (single["id"].as_str().unwrap(), named["id"].as_str().unwrap());
    let created_by = single["created_by"].as_str().unwrap();
    let pseudonym = single["institution_user_id"].as_str().unwrap();
    for (query, found) in [
        (format!("id={one}"), vec![&single]),
        (format!("id={}", one.to_uppercase()), vec![&single]),
        (format!("id__in={one},{two}"), vec![&named, &single]),
        (format!("id__in={one}&id__in={two}"), vec![&named, &single]),
        (format!("id__in[]={one}&id__in[]={two}"), vec![&named, &single]),
        (format!("id__in[0]={one}&id__in[1]={two}"), vec![&named, &single]),
        (format!("id__in%5B0%5D={two}"), vec![&named]),
        (format!("id={one}&id__in={two}"), vec![]),
        ("external_id=user-00042".to_owned(), vec![&named]),
        (format!("institution_user_id={}", pseudonym.replace('=', "%3D")), vec![&single]),
        ("institution=pila_co_employment".to_owned(), vec![&named, &single]),
        ("institution=other_co_employment".to_owned(), vec![]),
        (
            "institution__in=other_co_employment,pila_co_employment".to_owned(),
            vec![&named, &single],
        ),
        ("external_id__in=user-00041&external_id__in=user-00042".to_owned(), vec![&named]),
        ("access_mode=recurrent".to_owned(), vec![]),
        ("access_mode=single&status=valid".to_owned(), vec![&named, &single]),
        ("status=invalid".to_owned(), vec![]),
        ("status__in=invalid,valid".to_owned(), vec![&named, &single]),
        ("refresh_rate=null".to_owned(), vec![&named, &single]),
        ("refresh_rate=7d".to_owned(), vec![]),
        (format!("created_by__not_in={created_by}"), vec![]),
        (format!("created_by__not_in={one}"), vec![&named, &single]),
        ("created_at=2026-11-24".to_owned(), vec![&single]),
        ("created_at=2026-11-25".to_owned(), vec![&named]),
        ("created_at__gt=2026-11-24".to_owned(), vec![&named]),
        ("created_at__lt=2026-11-25T12:00:00Z".to_owned(), vec![&single]),
        ("created_at__lte=2026-11-25T12:00:00%2B00:00".to_owned(), vec![&named, &single]),
        ("created_at__range=2026-11-24,2026-11-25".to_owned(), vec![&named, &single]),
        (
            "created_at__range=0001-01-01,9999-12-31&created_at__lt=2026-11-26".to_owned(),
            vec![&named, &single],
        ),
        ("created_at__range=2026-11-25&created_at__range=2026-11-26".to_owned(), vec![&named]),
        // What PHP sends for a day, and what Python sends for a moment.
        ("created_at=2026-11-24T00:00:00%2B00:00".to_owned(), vec![&single]),
        ("created_at__gte=2026-11-25+12%3A00%3A00".to_owned(), vec![&named]),
        ("no_such_parameter=1".to_owned(), vec![&named, &single]),
    ] {
        let links = client.results(&format!("/api/links/?{query}")).await;
        assert_eq!(links.iter().collect::<Vec<_>>(), found, "{query}");
    }
    app.finish().await;
}

async fn only_the_wanted_keys_are_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.create_link("1999000001", json!({})).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    let owner = client.results("/api/owners/").await.remove(0);
    let owner = owner["id"].as_str().unwrap();
    for (path, keys) in [
        (format!("/api/links/?fields=id,status,unknown&id={id}"), vec!["id", "status"]),
        (format!("/api/links/{id}/?fields=status,id"), vec!["id", "status"]),
        (format!("/api/owners/?link={id}&fields=id&fields=link"), vec!["id", "link"]),
        (format!("/api/owners/{owner}/?fields[]=id&fields[]=link&omit=id"), vec!["link"]),
        (
            format!("/api/co/employments/?link={id}&omit=employer_data,salary_and_benefit_details"),
            vec!["id", "link", "created_at", "collected_at"],
        ),
    ] {
        let shown = client.get(&path).await.json();
        let object = shown.pointer("/results/0").unwrap_or(&shown);
        let shown: Vec<_> = object.as_object().unwrap().keys().collect();
        assert_eq!(shown, keys, "{path}");
    }
    app.finish().await;
}

async fn an_object_that_is_removed_leaves_the_others(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.sandbox();
    let link = client.create_link("1999000002", json!({})).await;
    app.settled().await;
    let id = link["id"].as_str().unwrap();
    let employments = format!("/api/co/employments/?link={id}");
    let ids = |objects: Vec<Value>| objects.iter().map(|o| o["id"].clone()).collect::<Vec<_>>();
    let all = ids(client.results(&employments).await);
    let removed = format!("/api/co/employments/{}/", all[0].as_str().unwrap());

    let answer = client.delete(&removed).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(client.delete(&removed).await.status, 404);
    assert_eq!(client.get(&removed).await.status, 404);
    assert_eq!(ids(client.results(&employments).await), all[1..]);
    assert_eq!(client.results("/api/owners/").await.len(), 1);
    assert_eq!(client.get(&format!("/api/links/{id}/")).await.json(), link);
    app.finish().await;
}
