//! The guide, from the registration of a link to its deletion.

use std::slice::from_ref;

use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_store::Environment;

use crate::support::{
    Hook, Receiver, Setup, TestApp, TestDatabase, assert_wire_snapshot, is_plain_hex, link_request,
    on_both_databases,
};

on_both_databases!(the_whole_guide, a_link_deleted_before_its_load_calls_nobody);

const LINK_KEYS: [&str; 13] = [
    "id",
    "institution",
    "access_mode",
    "status",
    "refresh_rate",
    "created_by",
    "last_accessed_at",
    "external_id",
    "created_at",
    "institution_user_id",
    "credentials_storage",
    "stale_in",
    "fetch_resources",
];

const WEBHOOK_KEYS: [&str; 8] = [
    "webhook_id",
    "webhook_type",
    "process_type",
    "webhook_code",
    "link_id",
    "request_id",
    "external_id",
    "data",
];

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn registration() -> Value {
    let more = json!({
        "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
        "access_mode": "single",
        "external_id": "COHORT_32_User_6790023X5",
    });
    link_request("1999000001", more)
}

async fn the_whole_guide(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, Some("a-token-of-the-receiver")).await;

    let created = app.sandbox().post("/api/links/", &registration()).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("content-type"), Some("application/json"));
    let link = created.json();
    assert_eq!(keys(&link), LINK_KEYS);
    assert_wire_snapshot!("link", link);
    let id = link["id"].as_str().unwrap();
    assert_eq!(Uuid::parse_str(id).unwrap().get_version_num(), 4);
    assert_eq!(link["institution_user_id"].as_str().unwrap().len(), 44);

    let employments = format!("/api/co/employments/?link={id}");
    let owners = format!("/api/owners/?link={id}");
    for list in [&employments, &owners] {
        let early = app.sandbox().get(list).await;
        assert_eq!(early.status, 200, "{list}");
        assert_eq!(early.body, r#"{"count":0,"next":null,"previous":null,"results":[]}"#, "{list}");
    }

    app.start_runner().await;
    let [of_employments, of_owners] = receiver.take().await;
    for hook in [&of_employments, &of_owners] {
        check_webhook(hook, &link, created.request_id());
    }
    assert_ne!(of_employments.text("webhook_id"), of_owners.text("webhook_id"));
    assert_wire_snapshot!("webhook_employments", of_employments.json());
    assert_wire_snapshot!("webhook_owners", of_owners.json());
    app.settled().await;
    receiver.assert_quiet();

    check_objects(&app, &employments, &of_employments.json()["data"]["total_employments"]).await;
    check_objects(&app, &owners, &of_owners.json()["data"]["total_owners"]).await;
    assert_wire_snapshot!("employments", app.sandbox().get(&employments).await.json());
    assert_wire_snapshot!("owners", app.sandbox().get(&owners).await.json());
    assert_eq!(app.sandbox().get(&format!("/api/links/{id}/")).await.json(), link);
    assert_eq!(app.sandbox().results("/api/links/").await, from_ref(&link));
    assert_eq!(app.asked(), 1, "one registration is one question");

    check_deletion(&app, id).await;
    app.finish().await;
}

fn check_webhook(hook: &Hook, link: &Value, request_id: &str) {
    let body = hook.json();
    assert_eq!(keys(&body), WEBHOOK_KEYS);
    assert!(is_plain_hex(&hook.text("webhook_id")), "{body}");
    let dashed = Uuid::parse_str(request_id).unwrap().hyphenated().to_string();
    assert_eq!(body["request_id"], dashed);
    assert_eq!(body["link_id"], link["id"]);
    assert_eq!(hook.headers["authorization"], "Bearer a-token-of-the-receiver");
    assert_eq!(hook.headers["content-type"], "application/json");
}

/// A list holds as many objects as the webhook said, and each is found by its id.
async fn check_objects(app: &TestApp, list: &str, total: &Value) {
    let page = app.sandbox().get(list).await.json();
    assert_eq!(page["count"], *total, "{list}");
    let results = page["results"].as_array().unwrap();
    assert_eq!(json!(results.len()), *total, "{list}");
    let (resource, _) = list.split_once('?').unwrap();
    for object in results {
        let path = format!("{resource}{}/", object["id"].as_str().unwrap());
        assert_eq!(app.sandbox().get(&path).await.json(), *object, "{path}");
    }
}

async fn check_deletion(app: &TestApp, id: &str) {
    let client = app.sandbox();
    let mut paths = vec![format!("/api/links/{id}/")];
    for resource in ["/api/co/employments/", "/api/owners/"] {
        for object in client.results(&format!("{resource}?link={id}")).await {
            paths.push(format!("{resource}{}/", object["id"].as_str().unwrap()));
        }
    }
    assert_eq!(paths.len(), 3);

    let deleted = client.delete(&paths[0]).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    assert_eq!(client.delete(&paths[0]).await.status, 404);
    for path in &paths {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
    assert!(client.results("/api/links/").await.is_empty());
    assert!(client.results("/api/owners/").await.is_empty());
    assert!(client.results(&format!("/api/co/employments/?link={id}")).await.is_empty());
}

async fn a_link_deleted_before_its_load_calls_nobody(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().start().await;
    let mut receiver = Receiver::start().await;
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let created = app.sandbox().post("/api/links/", &registration()).await.json();
    let path = format!("/api/links/{}/", created["id"].as_str().unwrap());
    assert_eq!(app.sandbox().delete(&path).await.status, 204);

    app.start_runner().await;
    app.settled().await;
    receiver.assert_quiet();
    assert!(app.sandbox().results("/api/owners/").await.is_empty());
    app.finish().await;
}
