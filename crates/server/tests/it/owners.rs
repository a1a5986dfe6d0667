//! Owners by name and e-mail address, which the database cannot compare.

use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_store::{NewObject, Resource};
use vinculo_vault::{BlindIndex, Context};

use crate::support::{Answer, TestApp, TestDatabase, on_both_databases};

on_both_databases!(
    owners_are_found_by_a_part_of_their_name,
    pages_count_what_was_found,
    too_many_owners_are_not_searched,
);

fn name(n: u32) -> String {
    format!("PERSONA {} NÚMERO {n}", if n.is_multiple_of(3) { "TERCERA" } else { "EJEMPLO" })
}

/// Gives a link owners number 0 to `count`, older ones first, with made-up names and addresses.
pub(crate) async fn add_owners(app: &TestApp, link: &str, count: u32) {
    let link = Uuid::try_parse(link).unwrap();
    let application = app.app.clone();
    let made = app.app.store().write(move |tx| {
        let workspace = application.secrets_of(vinculo_store::Environment::Sandbox).unwrap();
        let link = tx.link(workspace.workspace().id, link)?.expect("the link");
        let key = application.all_secrets().vault().unwrap_key(&link.key).unwrap();
        let objects = (0..count).map(|n| {
            let uuid = Uuid::from_u128(u128::from(n));
            let document = json!({
                "id": uuid, "link": link.uuid, "internal_identification": null,
                "collected_at": "2026-11-24T12:00:00.000000Z",
                "created_at": "2026-11-24T12:00:00.000000Z",
                "display_name": if n == 7 { Value::Null } else { json!(name(n)) },
                "email": format!("persona-{n}@example.test"), "phone_number": null,
                "address": null, "document_id": null, "business_name": null, "first_name": null,
                "last_name": null, "second_last_name": null,
            });
            let context = Context::of_uuid("owners", uuid.into_bytes());
            let mut index = [0; 32];
            index[..4].copy_from_slice(&n.to_be_bytes());
            NewObject {
                uuid,
                workspace: link.workspace,
                subject: link.subject,
                link: link.id,
                object: BlindIndex::from_bytes(&index).unwrap(),
                created_at: i64::from(n / 2),
                collected_at: 0,
                sealed: key.seal(context, document.to_string().as_bytes()).unwrap(),
            }
        });
        let objects: Vec<_> = objects.collect();
        tx.put_objects(Resource::Owners, link.id, &objects)
    });
    made.await.expect("not stored");
}

pub(crate) async fn link(app: &TestApp, username: &str) -> String {
    let link = app.sandbox().create_link(username, json!({})).await;
    app.settled().await;
    link["id"].as_str().unwrap().to_owned()
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let item = answer.json()[0].clone();
    let text = |name: &str| item[name].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("field"))
}

async fn owners_are_found_by_a_part_of_their_name(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let one = link(&app, "1999000001").await;
    let two = link(&app, "1999000002").await;
    let client = app.sandbox();
    let names = |owners: Vec<Value>| {
        owners.iter().map(|owner| owner["link"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (query, found) in [
        ("display_name__icontains=PERSONA+EJEMPLO+UNO".to_owned(), vec![&one]),
        ("display_name__icontains=ejemplo".to_owned(), vec![&two, &one]),
        ("display_name__icontains=EjEmPlO%20un".to_owned(), vec![&one]),
        ("display_name__icontains=nobody".to_owned(), vec![]),
        ("display_name__icontains=ej%C3%A9mplo".to_owned(), vec![]),
        ("display_name__icontains=%25%25%25".to_owned(), vec![]),
        ("display_name__icontains=".to_owned(), vec![&two, &one]),
        (format!("display_name__icontains=ejemplo&link={two}"), vec![&two]),
        (format!("display_name__icontains=ejemplo+uno&link={two}"), vec![]),
        ("display_name__icontains=ejemplo&created_at__lt=2026-11-24".to_owned(), vec![]),
        ("display_name__icontains=ejemplo&email=persona@example.test".to_owned(), vec![]),
        ("email=persona@example.test".to_owned(), vec![]),
    ] {
        let owners = client.results(&format!("/api/owners/?{query}")).await;
        assert_eq!(names(owners).iter().collect::<Vec<_>>(), found, "{query}");
    }
    let path = "/api/owners/?display_name__icontains=ejemplo&fields=display_name&page_size=1";
    let page = client.get(path).await.json();
    assert_eq!(page["results"][0].as_object().unwrap().len(), 1);
    assert!(app.production().results(path).await.is_empty(), "another workspace");
    for short in ["a", "ab", "%C3%B1%C3%B1"] {
        let answer = client.get(&format!("/api/owners/?display_name__icontains={short}")).await;
        let expected = (400, "min_length".to_owned(), "display_name__icontains".to_owned());
        assert_eq!(refusal(&answer), expected, "{short}");
    }
    app.finish().await;
}

async fn pages_count_what_was_found(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = link(&app, "1999000001").await;
    add_owners(&app, &id, 1_201).await;
    let client = app.sandbox();
    let mut expected: Vec<_> = (0..1_201).filter(|n| n % 3 == 0).map(name).collect();
    expected.reverse();
    assert_eq!(expected.len(), 401);

    let mut met = Vec::new();
    let mut next =
        Some(format!("/api/owners/?display_name__icontains=tercera&link={id}&page_size=90"));
    while let Some(path) = next {
        let page = client.get(&path).await.json();
        assert_eq!(page["count"], 401, "{path}");
        let names = page["results"].as_array().unwrap().iter().map(|o| o["display_name"].clone());
        met.extend(names.map(|name| name.as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(met, expected, "each once, newest first");
    let past = client.get("/api/owners/?display_name__icontains=tercera&page_size=90&page=6").await;
    assert_eq!(past.status, 404);
    let one = client.get("/api/owners/?email=persona-1200@example.test").await.json();
    assert_eq!(
        (&one["count"], &one["results"][0]["display_name"]),
        (&json!(1), &json!(name(1_200)))
    );
    let nameless = client.get("/api/owners/?email=persona-7@example.test").await.json();
    assert_eq!(nameless["results"][0]["display_name"], Value::Null);
    app.finish().await;
}

async fn too_many_owners_are_not_searched(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let big = link(&app, "1999000001").await;
    add_owners(&app, &big, 10_000).await;
    let client = app.sandbox();
    let all = "/api/owners/?display_name__icontains=tercera";
    assert_eq!(client.get(all).await.json()["count"], 3_334);

    let small = link(&app, "1999000002").await;
    for (query, field) in [
        ("display_name__icontains=tercera", "display_name__icontains"),
        ("email=persona-1@example.test", "email"),
        ("email=a@b.test&display_name__icontains=tercera", "display_name__icontains"),
    ] {
        let answer = client.get(&format!("/api/owners/?{query}")).await;
        let expected = (400, "validation_error".to_owned(), field.to_owned());
        assert_eq!(refusal(&answer), expected, "{query}");
        assert!(answer.body.contains("10000") && answer.body.contains("link"), "{}", answer.body);
        assert!(!answer.body.contains("tercera") && !answer.body.contains("@"), "{}", answer.body);
    }
    let narrowed = format!("/api/owners/?display_name__icontains=ejemplo&link={small}");
    assert_eq!(client.results(&narrowed).await.len(), 1);
    app.finish().await;
}
