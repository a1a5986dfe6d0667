//! What one workspace has, the other cannot see, change or remove.

use std::slice::from_ref;

use serde_json::{Value, json};
use vinculo_store::Environment;

use crate::support::{Client, Receiver, TestApp, TestDatabase, on_both_databases};

on_both_databases!(a_workspace_is_closed_to_the_keys_of_another);

const PLANILLA: &[u8] = include_bytes!("../../../pila/tests/samples/01-nandu-E-2025-10.txt");

/// One workspace's link with an employment and an owner.
struct Filled {
    link: Value,
    employment: Value,
    owner: Value,
}

impl Filled {
    async fn new(app: &TestApp, client: &Client, username: &str) -> Self {
        let more = json!({ "external_id": "user-00042" });
        let link = client.create_link(username, more).await;
        app.settled().await;
        let id = link["id"].as_str().unwrap();
        let employment = client.results(&format!("/api/co/employments/?link={id}")).await.remove(0);
        let owner = client.results(&format!("/api/owners/?link={id}")).await.remove(0);
        Self { link, employment, owner }
    }

    fn ids(&self) -> [&str; 3] {
        [&self.link, &self.employment, &self.owner].map(|object| object["id"].as_str().unwrap())
    }

    /// Where each object is found by its id.
    fn details(&self) -> [String; 3] {
        let [link, employment, owner] = self.ids();
        [
            format!("/api/links/{link}/"),
            format!("/api/co/employments/{employment}/"),
            format!("/api/owners/{owner}/"),
        ]
    }

    /// Every list that shows something of it.
    fn lists(&self) -> Vec<String> {
        let [link, employment, owner] = self.ids();
        let pseudonym = self.link["institution_user_id"].as_str().unwrap().replace('=', "%3D");
        vec![
            format!("/api/links/?id={link}"),
            format!("/api/links/?id__in={link}"),
            format!("/api/links/?institution_user_id={pseudonym}"),
            format!("/api/co/employments/?link={link}"),
            format!("/api/co/employments/?link__in={link}"),
            format!("/api/co/employments/?id={employment}"),
            format!("/api/co/employments/?id__in={employment}"),
            format!("/api/owners/?link={link}"),
            format!("/api/owners/?link__in={link}"),
            format!("/api/owners/?id={owner}"),
            format!("/api/owners/?id__in={owner}"),
        ]
    }
}

async fn a_workspace_is_closed_to_the_keys_of_another(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let mut receivers = [Receiver::start().await, Receiver::start().await];
    app.send_events_to(&receivers[0], Environment::Sandbox, None).await;
    app.send_events_to(&receivers[1], Environment::Production, None).await;
    assert_eq!(app.import(Environment::Production, PLANILLA).await.state, "accepted");
    let clients = [app.sandbox(), app.production()];
    let filled = [
        Filled::new(&app, &clients[0], "1999000001").await,
        Filled::new(&app, &clients[1], "1900000101").await,
    ];
    for (client, (own, foreign)) in
        clients.iter().zip([(&filled[0], &filled[1]), (&filled[1], &filled[0])])
    {
        check(client, own, foreign).await;
    }
    for (receiver, filled) in receivers.iter_mut().zip(&filled) {
        for hook in receiver.take::<2>().await {
            assert_eq!(hook.json()["link_id"], filled.link["id"]);
        }
        receiver.assert_quiet();
    }
    for (client, filled) in clients.iter().zip(&filled) {
        let [link, employment, owner] = filled.details();
        for path in [employment, owner, link] {
            assert_eq!(client.delete(&path).await.status, 204, "{path}");
        }
    }
    app.finish().await;
}

async fn check(client: &Client, own: &Filled, foreign: &Filled) {
    for path in own.details() {
        assert_eq!(client.get(&path).await.status, 200, "{path}");
    }
    for path in own.lists() {
        assert_eq!(client.results(&path).await.len(), 1, "{path}");
    }
    for path in foreign.details() {
        assert_eq!(client.get(&path).await.status, 404, "{path}");
        assert_eq!(client.delete(&path).await.status, 404, "{path}");
    }
    for path in foreign.lists() {
        assert!(client.results(&path).await.is_empty(), "{path}");
    }
    let mixed = format!("/api/owners/?link__in={},{}", own.ids()[0], foreign.ids()[0]);
    assert_eq!(client.results(&mixed).await, from_ref(&own.owner));
    assert_eq!(client.results("/api/links/").await, from_ref(&own.link));
    assert_eq!(client.results("/api/links/?external_id=user-00042").await, from_ref(&own.link));
    assert_eq!(client.results("/api/owners/").await, from_ref(&own.owner));
}
