//! Three processes that serve and three that work, on one PostgreSQL. One of each is killed, paused
//! and restarted while links are made, an import is loaded and links come due; in the end nothing is
//! lost and nothing was done or asked twice. With the program of an earlier version in `EARLIER_VINCULO`, that is what
//! they all are at first; what is killed and restarted comes back as the one that is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::{
    Client, Gate, Installation, Link, Multiplied, Process, Receiver, in_the_end, look_again,
};

/// Processes of each kind, and clients.
const EACH: usize = 3;
/// Links that a client makes while something is done to a process.
const LINKS: usize = 5;
/// Connections that read and write, of one process.
const CONNECTIONS: usize = 4;
/// Copies of the largest sample planilla: enough to be killed within.
const COPIES: usize = 100;
/// Links of each person that come due.
const DUE: usize = 2;
const PEOPLE: [&str; EACH] = ["1999000001", "1999000002", "1999000003"];

/// What is done to a process.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Pause,
    Restart,
}

/// What a process does.
#[derive(Clone, Copy, Debug)]
enum Role {
    Serve,
    Work,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_is_missed() {
    let (installation, receiver) = (Installation::postgres(), Receiver::start().await);
    installation.runs(std::env::var_os("EARLIER_VINCULO").map(PathBuf::from));
    let mut topology = Topology::start(&installation, &receiver).await;
    installation.runs(None);
    installation.run(&["migrate"]).accepted();
    for (number, fault) in [Fault::Kill, Fault::Pause, Fault::Restart].into_iter().enumerate() {
        for role in [Role::Serve, Role::Work] {
            topology.suffers(fault, role, number).await;
        }
    }
    topology.hands_over_an_import(1).await;
    topology.refreshes_once().await;
    topology.settles_exactly().await;
}

struct Topology<'a> {
    installation: &'a Installation,
    receiver: &'a Receiver,
    client: Client,
    serving: Vec<(Process, String)>,
    working: Vec<Process>,
    acknowledged: Vec<Link>,
    /// Requests that were not answered with a link: one may be there.
    unanswered: usize,
    /// Loads of links that came due.
    refreshed: usize,
}

impl<'a> Topology<'a> {
    async fn start(installation: &'a Installation, receiver: &'a Receiver) -> Self {
        installation.webhook("sandbox", &receiver.url);
        let client = installation.client("sandbox", "http://127.0.0.1:1");
        let (mut serving, mut working) = (Vec::new(), Vec::new());
        for _ in 0..EACH {
            serving.push(serve(installation).await);
            working.push(work(installation).await);
        }
        Self {
            installation,
            receiver,
            client,
            serving,
            working,
            acknowledged: Vec::new(),
            unanswered: 0,
            refreshed: 0,
        }
    }

    /// Does it to one process while clients make links at every server, and waits for all of them.
    async fn suffers(&mut self, fault: Fault, role: Role, number: usize) {
        let holder = matches!((fault, role), (Fault::Pause, Role::Work));
        if holder {
            self.alone(number).await;
            self.receiver.set(Gate::Hold);
        }
        let (answers, mut links) = mpsc::unbounded_channel();
        let pauses = matches!((fault, role), (Fault::Pause, Role::Serve)).then_some(number);
        let clients =
            self.serving.iter().zip(PEOPLE).enumerate().map(|(at, ((_, base), person))| {
                let (client, answers) = (self.client.at(base), answers.clone());
                tokio::spawn(make_links(client, person, pauses == Some(at), answers))
            });
        let mut clients: Vec<_> = clients.collect();
        drop(answers);
        let first = links.recv().await.expect("a link");
        if holder {
            // It has sent, and has no answer.
            self.receiver
                .until("a delivery", |hooks| hooks.iter().any(|hook| !hook.answered))
                .await;
        }
        match fault {
            Fault::Kill => self.process(role, number).kill(),
            Fault::Pause => self.process(role, number).signal("STOP"),
            Fault::Restart => self.process(role, number).terminate(),
        }
        if holder {
            let held = "select count(*) from deliveries where state = 'pending' and leased = 1";
            assert_ne!(self.installation.sql(held), "0", "the only worker holds what it sends");
            // What the others send is answered from the first on: what is not is sent again after a minute.
            self.receiver.set(Gate::Answer);
            self.others("CONT", number);
        }
        let hanging = pauses.map(|number| clients.remove(number));
        let mut unanswered = ended(clients).await;
        match fault {
            Fault::Kill => self.start_again(role, number).await,
            Fault::Restart => {
                let code = self.process(role, number).ended().await.code();
                assert_eq!(code, Some(0), "{role:?} {number}");
                self.start_again(role, number).await;
            }
            Fault::Pause => {}
        }
        let mut made = vec![first];
        while let Ok(link) = links.try_recv() {
            made.push(link);
        }
        // What a paused worker holds is taken over before it wakes up.
        self.receiver.until_told(&made).await;
        if holder {
            let held = self.receiver.hooks().into_iter().filter(|hook| !hook.answered);
            assert_ne!(held.count(), 0, "what it holds was delivered by another");
        }
        if matches!(fault, Fault::Pause) {
            self.process(role, number).signal("CONT");
            unanswered += ended(hanging).await;
        }
        if holder {
            // What it was waiting for comes after all.
            self.receiver.set(Gate::Release);
        }
        while let Some(link) = links.recv().await {
            made.push(link);
        }
        println!("{fault:?} {role:?}: {} links, {unanswered} requests without one", made.len());
        self.acknowledged.extend(made);
        self.unanswered += unanswered;
    }

    fn process(&mut self, role: Role, number: usize) -> &mut Process {
        match role {
            Role::Serve => &mut self.serving[number].0,
            Role::Work => &mut self.working[number],
        }
    }

    async fn start_again(&mut self, role: Role, number: usize) {
        match role {
            Role::Serve => self.serving[number] = serve(self.installation).await,
            Role::Work => self.working[number] = work(self.installation).await,
        }
    }

    /// Waits until nothing is left to be done.
    async fn idle(&self) {
        let store = self.installation.store();
        in_the_end("the end of all work", async {
            while store.read(|tx| tx.pending_work()).await.expect("a number") > 0 {
                look_again().await;
            }
        })
        .await;
        store.close().await;
    }

    /// Leaves one worker at work: what is held from here on is held by it.
    async fn alone(&self, number: usize) {
        self.idle().await;
        self.others("STOP", number);
    }

    fn others(&self, signal: &str, number: usize) {
        let others = self.working.iter().enumerate().filter(|(other, _)| *other != number);
        others.for_each(|(_, worker)| worker.signal(signal));
    }

    /// The worker that loads an import is killed: another ends it, and no line is there twice.
    async fn hands_over_an_import(&mut self, number: usize) {
        self.alone(number).await;
        let planilla = Multiplied::new(COPIES);
        let client = self.installation.client("production", &self.serving[0].1);
        let upload = client.ask(Method::POST, "/manage/v1/imports/?name=planilla.txt");
        let taken = upload.body(planilla.bytes.clone()).send().await.expect("an answer");
        assert_eq!(taken.status(), 202);
        let taken: Value = taken.json().await.expect("JSON");
        let path = format!("/manage/v1/imports/{}/", taken["id"].as_str().expect("an id"));
        let until = async |what: &str, wanted: fn(&Value) -> bool| {
            in_the_end(what, async {
                loop {
                    let (_, import) = client.get(&path).await;
                    if wanted(&import) {
                        break import;
                    }
                    look_again().await;
                }
            })
            .await
        };
        until("some lines", |import| import["loaded"].as_u64() > Some(0)).await;
        self.working[number].kill();
        let (_, left) = client.get(&path).await;
        assert_eq!(left["state"], "loading", "it went on too fast to be killed: {left}");
        self.others("CONT", number);
        let ended = until("its end", |import| import["state"] == "accepted").await;
        assert_eq!(ended["loaded"], planilla.lines);
        let lines = "select count(*) from contributions c join imports i on i.workspace_id = c.workspace_id";
        let lines = self.installation.sql(lines);
        println!("killed with {} of {lines} lines stored", left["loaded"]);
        assert_eq!(lines, planilla.lines.to_string());
        self.start_again(Role::Work, number).await;
    }

    /// All workers start at once and see the same links due: each link is loaded once more.
    async fn refreshes_once(&mut self) {
        let client = self.client.at(&self.serving[0].1);
        let mut made = Vec::new();
        for person in PEOPLE.into_iter().flat_map(|person| [person; DUE]) {
            let body = json!({
                "institution": "pila_co_employment",
                "username": person,
                "fetch_resources": ["EMPLOYMENTS", "OWNERS"],
                "access_mode": "recurrent",
            });
            let asked = client.ask(Method::POST, "/api/links/").json(&body).send().await;
            let link: Value = asked.expect("an answer").json().await.expect("JSON");
            made.push(Link(link["id"].as_str().expect("an id").to_owned()));
        }
        self.receiver.until_told(&made).await;
        self.idle().await;
        for worker in &mut self.working {
            worker.terminate();
            assert_eq!(worker.ended().await.code(), Some(0));
        }
        self.installation.sql("update links set refresh_at = 1 where access_mode = 'recurrent'");
        self.working = (0..EACH).map(|_| begin_work(self.installation)).collect();
        for worker in &mut self.working {
            worker.says("working").await;
        }
        in_the_end("the refresh of every link", async {
            while self.installation.sql("select count(*) from links where refresh_at = 1") != "0" {
                look_again().await;
            }
        })
        .await;
        self.idle().await;
        self.refreshed = made.len();
        let loads = "select count(*) from loads where trigger = 'schedule'";
        assert_eq!(self.installation.sql(loads), made.len().to_string());
        self.acknowledged.extend(made);
    }

    /// Every link that is there was loaded once and told of once, and none that was acknowledged is
    /// missing.
    async fn settles_exactly(mut self) {
        let client = self.client.at(&self.serving[0].1);
        let links = client.links().await;
        self.receiver.until_told(&links).await;
        let stored: BTreeSet<_> = links.iter().collect();
        assert!(self.acknowledged.iter().all(|link| stored.contains(link)), "a link is lost");
        let more = links.len() - self.acknowledged.len();
        assert!(more <= self.unanswered, "{more} links more than were asked for");
        self.idle().await;
        let (one, two) = (links.len().to_string(), (2 * links.len()).to_string());
        let loads = (links.len() + self.refreshed).to_string();
        for (what, count) in [
            ("links", &one),
            ("loads", &loads),
            ("loads where state = 'done'", &loads),
            ("events", &two),
            ("deliveries where state = 'delivered'", &two),
            ("owners", &one),
        ] {
            let found = self.installation.sql(&format!("select count(*) from {what}"));
            assert_eq!(&found, count, "{what}");
        }
        self.nothing_was_asked_twice(links.len());
        self.every_event_is_one(&links);
        self.has_no_more_connections_than_it_may().await;
        let processes = self.serving.iter_mut().map(|(process, _)| process);
        for process in processes.chain(&mut self.working) {
            process.terminate();
            assert_eq!(process.ended().await.code(), Some(0));
        }
        self.installation.run(&["audit", "verify"]).accepted();
    }

    /// Those that the test itself has closed end a little later.
    async fn has_no_more_connections_than_it_may(&self) {
        let connections = "select count(*) from pg_stat_activity \
             where datname = current_database() and application_name = 'vinculo'";
        // Who works has one more, for leases.
        let most = EACH * (CONNECTIONS + 2) + EACH * (CONNECTIONS + 3);
        in_the_end("few connections", async {
            while self.installation.sql(connections).parse::<usize>().expect("a number") > most {
                look_again().await;
            }
        })
        .await;
    }

    /// A source was asked once about each link that was asked for, when it was made, and once for each
    /// refresh: whoever takes over a load recalls the answer.
    fn nothing_was_asked_twice(&self, links: usize) {
        let asked = |purpose: &str| {
            let calls = format!("select count(*) from source_calls where purpose = '{purpose}'");
            self.installation.sql(&calls).parse::<usize>().expect("a number")
        };
        let (checks, most) = (asked("check"), self.acknowledged.len() + self.unanswered);
        assert!((links..=most).contains(&checks), "{checks} checks of {links} to {most} links");
        assert_eq!(asked("load"), self.refreshed);
    }

    /// A webhook may come twice after a kill, as the same one.
    fn every_event_is_one(&self, links: &[Link]) {
        let hooks = self.receiver.hooks();
        let mut events = BTreeMap::new();
        for hook in &hooks {
            let first = *events.entry((&hook.link, &hook.kind)).or_insert(hook);
            assert_eq!((&first.id, &first.body), (&hook.id, &hook.body));
        }
        assert_eq!(events.len(), 2 * links.len());
        println!("{} links, {} webhooks came again", links.len(), hooks.len() - events.len());
    }
}

async fn serve(installation: &Installation) -> (Process, String) {
    let mut command = installation.serve_command();
    command.arg("--no-worker").args(["--database-connections", &CONNECTIONS.to_string()]);
    Process::start_listening(&mut command).await
}

async fn work(installation: &Installation) -> Process {
    let mut process = begin_work(installation);
    process.says("working").await;
    process
}

fn begin_work(installation: &Installation) -> Process {
    let connections = CONNECTIONS.to_string();
    Process::start(&mut installation.command(&["worker", "--database-connections", &connections]))
}

/// Makes links one after the other until the server goes away: how many requests went without a link.
async fn make_links(
    client: Client,
    person: &str,
    pauses: bool,
    answers: mpsc::UnboundedSender<Link>,
) -> usize {
    for _ in 0..LINKS {
        let made =
            if pauses { late_link(&client, person).await } else { client.try_link(person).await };
        let Some(link) = made else { return 1 };
        answers.send(link).expect("the test listens");
    }
    0
}

/// A server that was paused answers what it had been asked. What it held in PostgreSQL for longer than some
/// seconds was taken from it, and a source is not waited for any longer: it says so, and to ask again.
async fn late_link(client: &Client, person: &str) -> Option<Link> {
    let answer = client.post_link(person).await.expect("an answer");
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    if status == StatusCode::CREATED {
        return Some(Link(body["id"].as_str().expect("an id").to_owned()));
    }
    let lost = ["service_unavailable", "institution_down"].map(Value::from);
    assert!(lost.contains(&body[0]["code"]), "{status} {body}");
    None
}

/// How many requests of these clients went without a link.
async fn ended(clients: impl IntoIterator<Item = JoinHandle<usize>>) -> usize {
    let mut unanswered = 0;
    for client in clients {
        unanswered += in_the_end("the end of a client", client).await.expect("no panic");
    }
    unanswered
}
