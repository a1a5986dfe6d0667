//! A hundred endpoints, most of which misbehave, and more work for those that hang than there are
//! slots.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vinculo_server::config::Config;
use vinculo_server::{WantedEndpoint, add_endpoint};
use vinculo_store::Environment;

use crate::support::{Receiver, Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(
    endpoints_that_hang_keep_no_other_waiting,
    endpoints_of_one_workspace_keep_no_other_waiting,
    more_endpoints_that_go_on_hanging_than_slots_keep_no_other_waiting
);

const HANGING: usize = 60;
const HEALTHY: usize = 20;
/// Each of them four times.
const OTHERS: [&str; 5] = ["reset", "garbage", "flood", "500", "301"];
const EVENTS: usize = 10;
/// Nobody may send to another path on a connection that ends.
const LAST: &str = "connection: close\r\ncontent-length: 0\r\n\r\n";

/// Answers as the last word of the path says; whose path begins with `/later` hangs after its first request.
async fn misbehave(mut stream: TcpStream, seen: &Mutex<HashSet<String>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&request);
    match line.split(' ').nth(1).unwrap_or_default() {
        "/hang" => std::future::pending().await,
        path if path.starts_with("/later") && !seen.lock().unwrap().insert(path.to_owned()) => {
            std::future::pending().await
        }
        "/trickle" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na").await?;
            std::future::pending().await
        }
        "/reset" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-").await,
        "/garbage" => stream.write_all(b"220 ready to talk mail\r\n").await,
        "/flood" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await?;
            while stream.write_all(&[b'a'; 8192]).await.is_ok() {}
            Ok(())
        }
        "/301" => {
            let head = format!("HTTP/1.1 301 Moved\r\nlocation: /hang\r\n{LAST}");
            stream.write_all(head.as_bytes()).await
        }
        _ => stream.write_all(format!("HTTP/1.1 500 No\r\n{LAST}").as_bytes()).await,
    }
}

async fn start_misbehaving() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            // Whoever hangs up first has what it wanted.
            tokio::spawn(async move { drop(misbehave(stream, &seen).await) });
        }
    });
    address
}

async fn add(app: &TestApp, url: String) {
    let wanted = WantedEndpoint { url, authorization: None, types: None, enabled: true };
    add_endpoint(&app.app, Environment::Sandbox, wanted).await.expect("refused");
}

async fn count(app: &TestApp, query: &str) -> usize {
    let path = format!("/manage/v1/deliveries/?page_size=1&{query}");
    let page: Value = app.sandbox().get(&path).await.json();
    usize::try_from(page["count"].as_u64().unwrap()).unwrap()
}

/// Whoever hangs does so longer than the test takes, and is not waited for at its end.
fn patient(config: &mut Config) {
    config.webhook_timeout = Duration::from_secs(60 * 60);
    config.runner.grace = Duration::ZERO;
}

/// The same, with fewer slots than endpoints that hang.
fn few_slots(config: &mut Config) {
    patient(config);
    config.runner.deliveries = 8;
}

async fn endpoints_that_hang_keep_no_other_waiting(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().configure(patient).start().await;
    let slots = app.app.config().runner.deliveries;
    assert!(HANGING * EVENTS > 2 * slots, "more hung work than all slots together");
    let bad = start_misbehaving().await;
    for n in 0..HANGING {
        let how = ["hang", "trickle"][n % 2];
        add(&app, format!("http://{bad}/{how}")).await;
    }
    let mut healthy = Receiver::start().await;
    for n in 0..HEALTHY {
        add(&app, format!("{}/{n}", healthy.url)).await;
    }
    for how in OTHERS.into_iter().cycle().take(4 * OTHERS.len()) {
        add(&app, format!("http://{bad}/{how}")).await;
    }
    for _ in 0..EVENTS {
        let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
        app.sandbox().create_link("1999000001", more).await;
    }
    app.start_runner().await;
    for _ in 0..HEALTHY * EVENTS {
        healthy.next().await;
    }
    // The floods count: what was read of them is an answer.
    let delivered = (HEALTHY + 4) * EVENTS;
    soon("everything but what hangs", async {
        while count(&app, "status=delivered").await < delivered || tried(&app).await < 16 * EVENTS {
            look_again().await;
        }
    })
    .await;
    assert_eq!(count(&app, "status=delivered").await, delivered);
    assert_eq!(count(&app, "status=pending").await, 100 * EVENTS - delivered);
    assert_eq!(tried(&app).await, 16 * EVENTS, "those that hang have not been answered");
    healthy.assert_quiet();

    // What happens now is delivered too, beside all that hangs.
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    app.sandbox().create_link("1999000002", more).await;
    for _ in 0..HEALTHY {
        healthy.next().await;
    }
    app.finish_with_work_left().await;
}

async fn endpoints_of_one_workspace_keep_no_other_waiting(database: TestDatabase) {
    let mut app = Setup::new(database).without_runner().configure(few_slots).start().await;
    let bad = start_misbehaving().await;
    for _ in 0..12 {
        add(&app, format!("http://{bad}/hang")).await;
    }
    let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
    app.sandbox().create_link("1999000001", more).await;
    let mut other = Receiver::start().await;
    app.send_events_to(&other, Environment::Production, None).await;
    app.start_runner().await;
    let path = "/manage/v1/webhook-endpoints/";
    let endpoint = app.production().results(path).await.remove(0);
    for _ in 0..3 {
        let test = format!("{path}{}/test/", endpoint["id"].as_str().unwrap());
        app.production().post(&test, &json!({})).await;
        other.next().await;
    }
    app.finish_with_work_left().await;
}

async fn more_endpoints_that_go_on_hanging_than_slots_keep_no_other_waiting(
    database: TestDatabase,
) {
    let app = Setup::new(database).configure(few_slots).start().await;
    let bad = start_misbehaving().await;
    for n in 0..12 {
        add(&app, format!("http://{bad}/later/{n}")).await;
    }
    let mut healthy = Receiver::start().await;
    add(&app, healthy.url.clone()).await;
    let event = async |app: &TestApp| {
        let more = json!({ "access_mode": "single", "fetch_resources": ["EMPLOYMENTS"] });
        app.sandbox().create_link("1999000001", more).await;
    };
    event(&app).await;
    healthy.next().await;
    soon("every endpoint fails once", async {
        while tried(&app).await < 12 {
            look_again().await;
        }
    })
    .await;
    app.advance(Duration::from_secs(20));
    for _ in 0..10 {
        event(&app).await;
        healthy.next().await;
    }
    assert_eq!(tried(&app).await, 12, "they hang");
    app.finish_with_work_left().await;
}

/// Deliveries that were tried once and wait for the next time.
async fn tried(app: &TestApp) -> usize {
    let path = "/manage/v1/deliveries/?status=pending&page_size=1000";
    app.sandbox().results(path).await.iter().filter(|delivery| delivery["tries"] == 1).count()
}
