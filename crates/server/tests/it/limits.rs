//! How often one may ask.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use vinculo_server::config::Config;
use vinculo_server::issue_key;
use vinculo_store::Environment;

use crate::support::{
    Answer, Client, Mood, Receiver, Reply, Setup, TestApp, TestDatabase, link_request,
    on_both_databases,
};

on_both_databases!(
    a_key_may_ask_so_often_a_minute,
    a_workspace_may_delete_so_often_a_minute,
    a_limit_may_be_off,
    who_guesses_keys_is_told_to_wait,
    an_address_is_judged_by_itself,
    so_many_links_are_made_at_once,
    no_links_are_made_while_jobs_pile_up,
);

const NOBODYS: &str = "3d6f1a52-0f5c-4b8e-9a34-7c1d2e3f4a5b";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Limit, what remains of it, and the seconds until all of it is there again.
fn standing(answer: &Answer) -> Option<[u64; 3]> {
    let number = |name| Some(answer.header(name)?.parse().expect("a number"));
    Some([
        number("x-ratelimit-limit")?,
        number("x-ratelimit-remaining")?,
        number("x-ratelimit-reset")?,
    ])
}

fn assert_refused(answer: &Answer, wait: &str) {
    assert_eq!((answer.status, answer.codes()), (429, vec!["too_many_requests".to_owned()]));
    assert_eq!(answer.header("retry-after"), Some(wait));
}

async fn a_key_may_ask_so_often_a_minute(database: TestDatabase) {
    let three = |config: &mut Config| config.rate_limit_per_minute = 3;
    let app = Setup::new(database).configure(three).start().await;
    let client = app.sandbox();
    for (path, expected) in
        [("/api/", [3, 2, 20]), ("/api/banks/x/", [0; 3]), ("/manage/v1/imports/", [3, 1, 40])]
    {
        let shown = standing(&client.get(path).await);
        assert_eq!(shown, Some(expected).filter(|it| it[0] > 0), "{path}");
    }
    let missing = client.get(&format!("/api/links/{NOBODYS}/")).await;
    assert_eq!((missing.status, standing(&missing)), (404, Some([3, 0, 60])));
    for _ in 0..2 {
        let refused = client.get("/api/").await;
        assert_refused(&refused, "20");
        assert_eq!(standing(&refused), Some([3, 0, 60]));
    }
    assert_eq!(client.post("/api/links/", &Value::Null).await.status, 429);
    assert_eq!(standing(&app.stranger().get("/livez").await), None);

    let other = issue_key(&app.app, Environment::Sandbox, "other".to_owned()).await.unwrap();
    assert_eq!(app.client_of(&other).get("/api/").await.status, 200);
    assert_eq!(app.production().get("/api/").await.status, 200);

    app.advance(Duration::from_millis(19_500));
    assert_refused(&client.get("/api/").await, "1");
    app.advance(Duration::from_millis(500));
    assert_eq!(client.get("/api/").await.status, 200);
    assert_refused(&client.get("/api/").await, "20");
    app.advance(seconds(60));
    assert_eq!(standing(&client.get("/api/").await), Some([3, 2, 20]));
    app.finish().await;
}

async fn a_workspace_may_delete_so_often_a_minute(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let links = format!("/api/links/{NOBODYS}/");
    let [employments, owners] =
        ["co/employments", "owners"].map(|name| format!("/api/{name}/{NOBODYS}/"));
    for path in [&links, &employments, &owners] {
        for left in (0..5).rev() {
            let answer = app.sandbox().delete(path).await;
            assert_eq!((answer.status, standing(&answer)), (404, Some([5, left, 60 - 12 * left])));
        }
        assert_refused(&app.sandbox().delete(path).await, "12");
    }
    let other = issue_key(&app.app, Environment::Sandbox, "other".to_owned()).await.unwrap();
    assert_refused(&app.client_of(&other).delete(&links).await, "12");
    assert_eq!(app.production().delete(&links).await.status, 404);
    assert_eq!(app.sandbox().get(&links).await.status, 404);
    let client = app.sandbox();
    for _ in 0..6 {
        let request = client.request(Method::DELETE, &links);
        let answer = client.send(request.header("X-Belvo-Request-Mode", "async")).await;
        assert_eq!(answer.status, 404, "who does not wait is not limited");
    }
    app.advance(seconds(12));
    assert_eq!(client.delete(&links).await.status, 404);
    assert_refused(&client.delete(&links).await, "12");
    app.finish().await;
}

async fn a_limit_may_be_off(database: TestDatabase) {
    let off = |config: &mut Config| {
        config.rate_limit_per_minute = 0;
        config.delete_limit_per_minute = 0;
        config.login_failures_per_minute = 0;
    };
    let app = Setup::new(database).configure(off).start().await;
    for _ in 0..70 {
        let answer = app.sandbox().delete(&format!("/api/links/{NOBODYS}/")).await;
        assert_eq!((answer.status, standing(&answer)), (404, None));
        assert_eq!(guess(&app.stranger(), None).await.status, 401);
    }
    app.finish().await;
}

/// A request with a key that nobody has, said to come from an address.
async fn guess(client: &Client, address: Option<&str>) -> Answer {
    let mut request = client.request(Method::GET, "/api/").basic_auth(NOBODYS, Some("guessed"));
    if let Some(address) = address {
        request = request.header("x-forwarded-for", address);
    }
    client.send(request).await
}

async fn who_guesses_keys_is_told_to_wait(database: TestDatabase) {
    let three = |config: &mut Config| config.login_failures_per_minute = 3;
    let app = Setup::new(database).configure(three).start().await;
    let stranger = app.stranger();
    for _ in 0..10 {
        assert_eq!(stranger.get("/api/").await.status, 401, "without a key nothing is guessed");
    }
    for _ in 0..3 {
        assert_eq!(guess(&stranger, Some("192.0.2.1")).await.status, 401);
    }
    assert_refused(&guess(&stranger, Some("192.0.2.2")).await, "20");
    // A right key from the same address is none of the stranger's business.
    assert_eq!(app.sandbox().get("/api/").await.status, 200);
    assert_eq!(stranger.get("/livez").await.status, 200);

    app.advance(seconds(20));
    assert_eq!(guess(&stranger, None).await.status, 401);
    assert_refused(&guess(&stranger, None).await, "20");
    app.advance(seconds(60));
    assert_eq!(guess(&stranger, None).await.status, 401);
    app.finish().await;
}

async fn an_address_is_judged_by_itself(database: TestDatabase) {
    let behind_a_proxy = |config: &mut Config| {
        config.login_failures_per_minute = 1;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let app = Setup::new(database).configure(behind_a_proxy).start().await;
    let stranger = app.stranger();
    for (address, status) in [
        ("192.0.2.1", 401),
        ("192.0.2.1", 429),
        ("198.51.100.66, 192.0.2.1:4711", 429),
        ("192.0.2.2", 401),
        ("2001:db8::1", 401),
        ("2001:db8::ffff:1", 429),
        ("2001:db8:0:1::1", 401),
    ] {
        assert_eq!(guess(&stranger, Some(address)).await.status, status, "{address}");
    }
    assert_eq!(app.sandbox().get("/api/").await.status, 200);
    app.finish().await;
}

const SOMEBODY: &str = "1999000001";

fn single() -> Value {
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    link_request(SOMEBODY, more)
}

/// A failure of the server's own is what is looked for.
async fn assert_overloaded(client: &Client) {
    let request = client.request(Method::POST, "/api/links/").json(&single());
    let answer = request.send().await.expect("no answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let body: Value = answer.json().await.expect("not JSON");
    assert_eq!(body[0]["code"], "service_unavailable");
}

async fn so_many_links_are_made_at_once(database: TestDatabase) {
    let one = |config: &mut Config| config.registrations_at_once = 1;
    let app = Setup::new(database).configure(one).start().await;
    let (client, asked) = (app.sandbox(), app.asked());
    app.operator_is(Mood::Silent);
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.post("/api/links/", &single()).await.status }
    });
    app.until_asked(asked + 1).await;
    assert_overloaded(&client).await;
    assert_eq!(client.get("/api/links/").await.status, 200, "others have their own places");
    app.operator_is(Mood::Helpful);
    assert_eq!(first.await.unwrap(), 201);
    assert_eq!(client.post("/api/links/", &single()).await.status, 201);
    app.settled().await;
    app.finish().await;
}

async fn no_links_are_made_while_jobs_pile_up(database: TestDatabase) {
    let two = |config: &mut Config| config.jobs_waiting = 2;
    let mut app = Setup::new(database).configure(two).without_runner().start().await;
    let client = app.sandbox();
    for _ in 0..2 {
        assert_eq!(client.post("/api/links/", &single()).await.status, 201);
    }
    let asked = app.asked();
    assert_overloaded(&client).await;
    assert_eq!(app.asked(), asked, "no source was asked in vain");
    app.start_runner().await;
    app.settled().await;
    assert_eq!(client.post("/api/links/", &single()).await.status, 201);
    app.settled().await;
    app.finish().await;
}

/// On one database: what is looked at is what a process remembers of its tries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_links_are_made_while_events_are_late_because_of_us() {
    // Longer than this machine takes from a hook to its answer, which is no part of ours.
    const A_WHILE: Duration = Duration::from_secs(20);
    let one = |config: &mut Config| {
        config.runner.deliveries_per_endpoint = 1;
        config.runner.lease = A_WHILE + seconds(5);
        // The first hook hangs for as long as it takes here to make all links.
        config.webhook_timeout = Duration::from_secs(60 * 60);
    };
    let mut app = Setup::new(TestDatabase::sqlite()).configure(one).start().await;
    let (client, mut receiver) = (app.sandbox(), Receiver::start().await);
    app.send_events_to(&receiver, Environment::Sandbox, None).await;
    let may_answer = Arc::new(Notify::new());
    // More than are late by chance.
    let events = 66;
    receiver.reply((0..events).map(|_| Reply::When(Arc::clone(&may_answer))));
    for _ in 0..events {
        let link = client.post("/api/links/", &single()).await.json();
        app.until_loaded(&client, &link).await;
    }
    // By the receiver's own time it answers at once: all that passes on the clock is ours.
    for _ in 0..events {
        receiver.next().await;
        app.advance(A_WHILE);
        may_answer.notify_one();
    }
    app.settled().await;
    // What a try says is remembered after it is recorded: when the runner has ended, of every one.
    app.stop_runner().await;
    let asked = app.asked();
    assert_overloaded(&client).await;
    assert_eq!(app.asked(), asked, "no source was asked in vain");
    app.start_runner().await;
    app.advance(A_WHILE);
    assert_eq!(client.post("/api/links/", &single()).await.status, 201);
    app.settled().await;
    app.finish().await;
}
