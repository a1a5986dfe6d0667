//! Bad endpoints beside good ones: how late the events of the good ones come.

use std::slice;
use std::time::Duration;

use crate::stand::{On, Stand, Steady};
use crate::{Arguments, RUNS, tell};
use vinculo_bench::limits;
use vinculo_bench::reading::Run;

/// Endpoints of a load, of whom so many may be bad in the end.
const ENDPOINTS: usize = 100;
const BAD: usize = 60;
/// Events a second.
const RATE: u32 = 300;
/// How often all answer, one hangs, all answer, one drips: so many parts has each of these loads.
const ROUNDS: u32 = 3;
/// Events that are due for each bad one before the load begins: together more than twice the 256
/// deliveries that a server has in flight.
const BURDEN: usize = 10;
/// What is being sent to an endpoint that was removed has ended by then: a try takes five seconds at most.
const LONGEST_TRY: Duration = Duration::from_secs(6);

/// What a server did: the parts of each load, one after the other.
#[derive(Default)]
struct Parts {
    /// All answered, before one hung.
    before: Vec<Steady>,
    hanging: Vec<Steady>,
    /// All answered, before one dripped.
    after: Vec<Steady>,
    dripping: Vec<Steady>,
}

/// The loads of one server, each as a whole.
struct Loads {
    /// While all answered.
    calm: Steady,
    /// Those before one hung, and as many after it: what differs between them is chance.
    halves: [Steady; 2],
    /// While one hung, one dripped, and sixty did either.
    bad: [Steady; 3],
    /// A bare post at this rate, p99.
    bare: f64,
}

/// Reads every figure of it, each run on a server of its own.
pub(crate) async fn measure(on: On, arguments: &Arguments) -> anyhow::Result<()> {
    let mut all = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        all.push(loads(on, arguments).await?);
    }
    let told = |name: &str, run: &dyn Fn(&Loads) -> Run| {
        tell(on, name, all.iter().map(run).collect(), arguments)
    };
    told("B1-calm", &|it| Run::beside(it.calm.p99(), it.bare).others(it.calm.others))?;
    told("B1-calm-times", &|it| {
        let [before, after] = &it.halves;
        Run::beside(after.p99(), before.p99())
    })?;
    for (number, name) in ["B1", "B1-drip", "B1-many"].into_iter().enumerate() {
        let p99 = |it: &Loads| it.bad[number].p99();
        told(name, &|it| Run::of(p99(it)).others(it.bad[number].others))?;
        told(&format!("{name}-times"), &|it| Run::beside(p99(it), it.calm.p99()))?;
    }
    Ok(())
}

/// One of a hundred endpoints hangs for a part of a load, all answer, one drips, all answer, and so on; in the
/// end sixty do either, for whom more is due than the server has places. Before each part the server is under a
/// load of the same kind: none gains by coming after a rest, and none by coming later.
async fn loads(on: On, arguments: &Arguments) -> anyhow::Result<Loads> {
    let stand = Stand::start(on).await?;
    let mut endpoints = Vec::with_capacity(ENDPOINTS);
    for _ in 0..ENDPOINTS {
        endpoints.push(stand.endpoint("/ok").await?);
    }
    let load = (RATE, arguments.seconds.div_ceil(ROUNDS));
    let [_, bare] = limits::latency(stand.receiver_url(), load.0, load.1).await?;
    let calm = async || stand.open(&endpoints, 0, load).await;
    calm().await?;
    let mut parts = Parts::default();
    for _ in 0..ROUNDS {
        parts.before.push(calm().await?);
        parts.hanging.push(one_bad(&stand, &endpoints, "/hang", load).await?);
        parts.after.push(calm().await?);
        parts.dripping.push(one_bad(&stand, &endpoints, "/drip", load).await?);
    }
    let last = calm().await?;
    let crowded = crowd(&stand, &mut endpoints, (RATE, arguments.seconds)).await?;
    let calm = parts.before.iter().chain(&parts.after).chain([&last]);
    Ok(Loads {
        calm: Steady::pooled(calm)?,
        halves: [Steady::pooled(&parts.before)?, Steady::pooled(&parts.after)?],
        bad: [Steady::pooled(&parts.hanging)?, Steady::pooled(&parts.dripping)?, crowded],
        bare,
    })
}

/// A load in which the first endpoint is another one, at this path. It is gone afterwards, with what waited for
/// it and what it held, while the load on the others goes on untold.
async fn one_bad(
    stand: &Stand,
    endpoints: &[String],
    path: &str,
    load: (u32, u32),
) -> anyhow::Result<Steady> {
    let bad = stand.endpoint(path).await?;
    let endpoints = [slice::from_ref(&bad), &endpoints[1..]].concat();
    let run = stand.open(&endpoints, 1, load).await?;
    stand.remove(&bad).await?;
    let rest = u32::try_from(LONGEST_TRY.as_secs())?;
    stand.open(&endpoints[1..], 0, (load.0, rest)).await?;
    Ok(run)
}

/// A load of the last ones of these endpoints, after the first sixty have become bad.
async fn crowd(
    stand: &Stand,
    endpoints: &mut [String],
    load: (u32, u32),
) -> anyhow::Result<Steady> {
    for (number, endpoint) in endpoints[..BAD].iter_mut().enumerate() {
        *endpoint = stand.endpoint(["/hang", "/drip"][number % 2]).await?;
    }
    stand.burden(&endpoints[..BAD], BURDEN).await?;
    stand.open(endpoints, BAD, load).await
}
