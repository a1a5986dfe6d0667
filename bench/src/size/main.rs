//! How PostgreSQL grows with lines: what a thousand lines cost to store, how long one person takes
//! to find, and how large tables and indexes are and how they have grown, at several sizes of one database.
//!
//! ```text
//! cargo run --release -p vinculo-bench --bin size -- [--lines 300000,1000000] [--parts period]
//! ```
//!
//! Months of made-up people are stored one after the other by the calls that an import makes
//! (`ensure_subjects`, `insert_contributions`), a thousand lines in a transaction. Nothing is parsed
//! or sealed: what is stored as sealed is as long as a real line, and random. In a month everybody
//! has one line; a tenth works for somebody else than in the month before. PostgreSQL is a private
//! one, as its package configures it, that syncs its disk.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod country;
mod measure;
mod parts;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use vinculo_bench::postgres::Postgres;
use vinculo_bench::reading::{Output, Reading, Run};
use vinculo_store::{Options, Store, Target, migrate};

use country::{Country, LINES_PER_BATCH, MONTHS};
use measure::Sizes;
use parts::Parts;

/// Lines of 24 months of Colombia, to which the size of the database is extrapolated.
const COUNTRY_LINES: f64 = 350e6;

/// Measures growth.
#[derive(Parser)]
struct Arguments {
    /// Numbers of lines at which to look, ascending; the last decides how many people there are
    #[arg(long, value_delimiter = ',', default_values_t = [300_000, 1_000_000])]
    lines: Vec<u64>,
    /// People to find at each look
    #[arg(long, default_value_t = 5_000)]
    finds: u64,
    /// By what lines are divided into parts
    #[arg(long, value_enum, default_value_t = Parts::None)]
    parts: Parts,
    /// Transactions at once
    #[arg(long, default_value_t = 2)]
    at_once: u64,
    #[command(flatten)]
    output: Output,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let looks = &arguments.lines;
    ensure!(looks.is_sorted() && looks.first() > Some(&0), "--lines must ascend from above 0");
    let last = looks.last().context("--lines is empty")?;
    let mut server = Postgres::start()?;
    let url = server.database()?;
    let target = Target::Postgres { url: url.clone() };
    migrate(&target)?;
    arguments.parts.make(&url)?;
    let store = Store::open(&target, &Options::default())?;
    let country = Country::settle(&store, &url, last / MONTHS, last.div_ceil(LINES_PER_BATCH))?;
    println!("{} people, {} lines a month\n", country.people, country.people);
    let (mut stored, mut sizes, mut bytes) = (0, Sizes::default(), 0.0);
    let [mut rates, mut finds, mut lengths, mut keys, mut indexes] = [const { Vec::new() }; 5];
    for look in looks {
        let wanted = look.div_ceil(LINES_PER_BATCH);
        let took = country.store(&store, stored..wanted, arguments.at_once)?;
        let lines = (wanted - stored) * LINES_PER_BATCH;
        stored = wanted;
        let rate = lines as f64 / took.as_secs_f64();
        let found = country.find(&store, stored, arguments.finds)?;
        let at = stored * LINES_PER_BATCH;
        measure::print_head();
        bytes = measure::print(&url, at, rate, &found)?;
        sizes = measure::print_sizes(&url, at, &sizes)?;
        rates.push(Run::of(rate).at(at));
        finds.push(Run::of(found.value_at_quantile(0.99) as f64 / 1000.0).at(at));
        lengths.push(Run::of(bytes).at(at));
        keys.push(Run::of(sizes.key_of_a_line()?).at(at));
        indexes.push(Run::of(sizes.indexes as f64 / 1e6).at(at));
    }
    let removed = remove_a_month(&arguments, &country, &store, &url)?;
    store.close_blocking();
    let country = vec![Run::of(bytes * COUNTRY_LINES / 1e9)];
    for (key, runs) in [
        ("size-rate", rates),
        ("size-find", finds),
        ("size-line", lengths),
        ("size-key", keys),
        ("size-indexes", indexes),
        ("size-country", country),
        ("size-remove", removed),
    ] {
        if !runs.is_empty() {
            arguments.output.tell(&Reading::new(key, runs)?)?;
        }
    }
    Ok(())
}

/// Removes the lines of the oldest month: how many a second as the product does it, where the table is the
/// product's.
fn remove_a_month(
    arguments: &Arguments,
    country: &Country,
    store: &Store,
    url: &str,
) -> Result<Vec<Run>> {
    let start = country::now();
    if arguments.parts != Parts::None {
        arguments.parts.remove_a_month(url, country.people / LINES_PER_BATCH)?;
        println!("the oldest month removed in {:.3} s", start.elapsed().as_secs_f64());
        return Ok(Vec::new());
    }
    let removed = country.remove_a_month(store)?;
    let took = start.elapsed().as_secs_f64();
    println!("{removed} lines of the oldest month removed by small transactions in {took:.3} s");
    let start = country::now();
    Parts::vacuum(url)?;
    println!("and vacuumed in {:.3} s", start.elapsed().as_secs_f64());
    Ok(vec![Run::of(removed as f64 / took)])
}
