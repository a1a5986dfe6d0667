//! Nothing that was acknowledged is lost when the server is killed with signal 9.
//!
//! Eight clients create links as fast as they can while the server is killed again and again, at
//! moments chosen so that kills fall between the 201 and the delivery: a receiver that holds its
//! answers makes sure that nothing can have been delivered before the kill.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;

use crate::support::{Client, Gate, Hook, Installation, Link, Process, Receiver, TOKEN, answered};

/// Requests at once.
const CLIENTS: usize = 8;
/// Links that a client creates in a round, unless the server goes away before.
const LINKS: usize = 4;
/// Rounds, unless `VINCULO_TEST_KILL_ROUNDS` asks for another number.
const ROUNDS: usize = 10;
/// People with work, so that every link has something to tell.
const PEOPLE: [&str; 5] = ["1999000001", "1999000002", "1999000003", "1999000004", "1999000005"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    nothing_is_lost(&Installation::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    nothing_is_lost(&Installation::postgres()).await;
}

/// When the server is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The receiver has a webhook and has not answered.
    Held,
    /// This many links were answered with 201, and nothing was delivered.
    Acknowledged(usize),
    /// The receiver has just answered for the first link; the server may not know it yet.
    Answered,
}

impl Moment {
    const fn of_round(round: usize) -> Self {
        match round % 4 {
            0 => Self::Held,
            1 => Self::Acknowledged(1),
            2 => Self::Answered,
            _ => Self::Acknowledged(CLIENTS),
        }
    }

    const fn gate(self) -> Gate {
        match self {
            Self::Held | Self::Acknowledged(_) => Gate::Hold,
            Self::Answered => Gate::Answer,
        }
    }

    /// Whether the next round waits for what this one left undone, instead of adding to it.
    const fn settles(self) -> bool {
        matches!(self, Self::Acknowledged(_))
    }
}

/// What is known of all rounds.
#[derive(Default)]
struct Rounds {
    acknowledged: Vec<Link>,
    /// Kills after which an acknowledged link had a webhook that nobody had answered.
    kills_before_delivery: usize,
}

async fn nothing_is_lost(installation: &Installation) {
    let receiver = Receiver::start().await;
    installation.webhook("sandbox", &receiver.url);
    let (mut server, mut base) = installation.serve().await;
    let client = installation.client("sandbox", &base);
    let mut rounds = Rounds::default();
    for round in 0..wanted_rounds() {
        let moment = Moment::of_round(round);
        receiver.set(moment.gate());
        let links = kill_at(moment, &client.at(&base), &mut server, &receiver).await;
        assert_silent(&mut server, &client);
        rounds.killed(moment, links, &receiver.hooks());
        receiver.set(Gate::Answer);
        (server, base) = installation.serve().await;
        if moment.settles() {
            receiver.until_told(&rounds.acknowledged).await;
        }
    }
    let client = client.at(&base);
    every_link_is_told(&client, &receiver, &rounds).await;
    every_copy_is_the_same(&receiver.hooks());
    assert!(rounds.kills_before_delivery > 0);
    server.terminate();
    assert!(server.ended().await.success());
    assert_silent(&mut server, &client);
    let pending = installation.store().read(|tx| tx.pending_work()).await;
    assert_eq!(pending.expect("a number"), 0, "rows that nobody will send");
}

/// Creates links with all clients and kills the server at this moment. The links that were
/// answered with 201.
async fn kill_at(
    moment: Moment,
    client: &Client,
    server: &mut Process,
    receiver: &Receiver,
) -> Vec<Link> {
    let before = receiver.hooks().len();
    let (sender, mut answers) = mpsc::unbounded_channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(create_links(client.clone(), number, sender.clone())))
        .collect();
    drop(sender);
    let mut links = Vec::new();
    match moment {
        Moment::Acknowledged(count) => {
            while links.len() < count {
                links.push(answers.recv().await.expect("a link"));
            }
        }
        Moment::Held => {
            links.push(answers.recv().await.expect("a link"));
            receiver.until("a held webhook", |hooks| hooks.len() > before).await;
        }
        Moment::Answered => {
            let first = answers.recv().await.expect("a link");
            let told = |hooks: &[Hook]| answered(hooks, &first) > 0;
            receiver.until("an answered webhook", told).await;
            links.push(first);
        }
    }
    server.kill();
    for client in clients {
        client.await.expect("a client that keeps its promises");
    }
    while let Some(link) = answers.recv().await {
        links.push(link);
    }
    links
}

async fn create_links(client: Client, number: usize, answers: mpsc::UnboundedSender<Link>) {
    for turn in 0..LINKS {
        let Some(link) = client.try_link(PEOPLE[(number + turn) % PEOPLE.len()]).await else {
            return;
        };
        answers.send(link).expect("the test listens");
    }
}

impl Rounds {
    fn killed(&mut self, moment: Moment, links: Vec<Link>, hooks: &[Hook]) {
        let untold = links.iter().filter(|link| answered(hooks, link) < 2).count();
        println!("{moment:?}: {} acknowledged, {untold} of them untold", links.len());
        if moment.gate() == Gate::Hold {
            assert!(untold == links.len() && untold > 0, "the receiver answered nobody");
        }
        self.kills_before_delivery += usize::from(untold > 0);
        self.acknowledged.extend(links);
    }
}

/// Every link of the installation, acknowledged or not, was told about twice, and is as large as
/// was told.
async fn every_link_is_told(client: &Client, receiver: &Receiver, rounds: &Rounds) {
    let links = client.links().await;
    receiver.until_told(&links).await;
    let stored: BTreeSet<_> = links.iter().collect();
    for link in &rounds.acknowledged {
        assert!(stored.contains(link), "{link:?} was acknowledged and is gone");
        let (status, body) = client.get(&format!("/api/links/{}/", link.0)).await;
        assert_eq!(status, 200, "{body}");
    }
    let hooks = receiver.hooks();
    for link in &links {
        let total = |kind| {
            let hook = hooks.iter().find(|hook| hook.link == *link && hook.kind == kind);
            hook.and_then(|hook| hook.total).expect("a total")
        };
        assert_eq!(client.counts(link).await, (total("EMPLOYMENTS"), total("OWNERS")), "{link:?}");
        assert!(total("EMPLOYMENTS") > 0 && total("OWNERS") == 1, "{link:?}");
    }
    println!(
        "{} links, {} of them acknowledged; {} kills between 201 and delivery; {} webhooks, {} \
         of them duplicates",
        links.len(),
        rounds.acknowledged.len(),
        rounds.kills_before_delivery,
        hooks.len(),
        hooks.len() - 2 * links.len()
    );
}

/// One event is one webhook id and one body, however often it comes.
fn every_copy_is_the_same(hooks: &[Hook]) {
    let mut events = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for hook in hooks {
        let first = *events.entry((&hook.link, &hook.kind)).or_insert(hook);
        assert_eq!(first.id, hook.id);
        assert_eq!(first.body, hook.body);
        let token = format!("Bearer {TOKEN}");
        assert_eq!(hook.authorization.as_deref(), Some(token.as_str()));
        ids.insert(&hook.id);
    }
    assert_eq!(ids.len(), events.len(), "two events share an id");
    assert!(hooks.len() > events.len(), "a held webhook comes again");
}

/// Nothing that a process said names a person or gives a secret away, and nothing went wrong in it:
/// work that is postponed would come in the end too.
fn assert_silent(server: &mut Process, client: &Client) {
    let secrets = client.secrets();
    let secrets = secrets.iter().map(String::as_str).chain(PEOPLE).chain([TOKEN]);
    server.assert_silent(secrets.chain([" WARN ", "ERROR "]));
}

#[expect(clippy::disallowed_methods, reason = "how long the test may take")]
fn wanted_rounds() -> usize {
    match std::env::var("VINCULO_TEST_KILL_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("a number of rounds"),
        Err(_) => ROUNDS,
    }
}
