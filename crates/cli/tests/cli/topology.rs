//! Three processes that serve and three that work, on one PostgreSQL. One of each is killed, paused
//! and restarted while links are made; in the end nothing is lost and nothing was done twice.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::{Client, Installation, Link, Process, Receiver, in_the_end};

/// Processes of each kind, and clients.
const EACH: usize = 3;
/// Links that a client makes while something is done to a process.
const LINKS: usize = 5;
/// Connections that read and write, of one process.
const CONNECTIONS: usize = 4;
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
    let mut topology = Topology::start(&installation, &receiver).await;
    for (number, fault) in [Fault::Kill, Fault::Pause, Fault::Restart].into_iter().enumerate() {
        for role in [Role::Serve, Role::Work] {
            topology.suffers(fault, role, number).await;
        }
    }
    topology.settles_exactly().await;
}

struct Topology<'a> {
    installation: &'a Installation,
    receiver: &'a Receiver,
    client: Client,
    serving: Vec<(Process, String)>,
    working: Vec<Process>,
    acknowledged: Vec<Link>,
    /// Requests that were not answered: their links may be there.
    unanswered: usize,
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
        let (acknowledged, unanswered) = (Vec::new(), 0);
        Self { installation, receiver, client, serving, working, acknowledged, unanswered }
    }

    /// Does it to one process while clients make links at every server, and waits for all of them.
    async fn suffers(&mut self, fault: Fault, role: Role, number: usize) {
        let (answers, mut links) = mpsc::unbounded_channel();
        let clients = self.serving.iter().zip(PEOPLE).map(|((_, base), person)| {
            tokio::spawn(make_links(self.client.at(base), person, answers.clone()))
        });
        let mut clients: Vec<_> = clients.collect();
        drop(answers);
        let first = links.recv().await.expect("a link");
        match fault {
            Fault::Kill => self.process(role, number).kill(),
            Fault::Pause => self.process(role, number).signal("STOP"),
            Fault::Restart => self.process(role, number).terminate(),
        }
        let hanging = match (fault, role) {
            (Fault::Pause, Role::Serve) => Some(clients.remove(number)),
            _ => None,
        };
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
        if matches!(fault, Fault::Pause) {
            self.process(role, number).signal("CONT");
            let late = ended(hanging).await;
            assert_eq!(late, 0, "a server that was paused answers what it had been asked");
            unanswered += late;
        }
        while let Some(link) = links.recv().await {
            made.push(link);
        }
        println!("{fault:?} {role:?}: {} links, {unanswered} without an answer", made.len());
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
        let store = self.installation.store();
        in_the_end("the end of all work", async {
            while store.read(|tx| tx.pending_work()).await.expect("a number") > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        store.close().await;
        let (one, two) = (links.len().to_string(), (2 * links.len()).to_string());
        for (what, count) in [
            ("links", &one),
            ("loads", &one),
            ("loads where state = 'done'", &one),
            ("events", &two),
            ("deliveries where state = 'delivered'", &two),
            ("owners", &one),
        ] {
            let found = self.installation.sql(&format!("select count(*) from {what}"));
            assert_eq!(&found, count, "{what}");
        }
        self.every_event_is_one(&links);
        let connections = "select count(*) from pg_stat_activity \
             where datname = current_database() and application_name = 'vinculo'";
        let connections: usize = self.installation.sql(connections).parse().expect("a number");
        // Who works has one more, for leases.
        let most = EACH * (CONNECTIONS + 2) + EACH * (CONNECTIONS + 3);
        assert!(connections <= most, "{connections} connections");
        let processes = self.serving.iter_mut().map(|(process, _)| process);
        for process in processes.chain(&mut self.working) {
            process.terminate();
            assert_eq!(process.ended().await.code(), Some(0));
        }
        self.installation.run(&["audit", "verify"]).accepted();
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
    let connections = CONNECTIONS.to_string();
    let mut command = installation.command(&["worker", "--database-connections", &connections]);
    let mut process = Process::start(&mut command);
    process.says("working").await;
    process
}

/// Makes links one after the other until the server goes away: how many went without an answer.
async fn make_links(client: Client, person: &str, answers: mpsc::UnboundedSender<Link>) -> usize {
    for _ in 0..LINKS {
        let Some(link) = client.try_link(person).await else { return 1 };
        answers.send(link).expect("the test listens");
    }
    0
}

/// How many requests of these clients went without an answer.
async fn ended(clients: impl IntoIterator<Item = JoinHandle<usize>>) -> usize {
    let mut unanswered = 0;
    for client in clients {
        unanswered += in_the_end("the end of a client", client).await.expect("no panic");
    }
    unanswered
}
