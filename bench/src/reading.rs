//! A figure with everything that it has to be judged by. `figures.tsv` names all of them, with
//! their goals.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::Serialize;

use crate::faults::Verdict;

/// Every figure: key, set, name, unit, goal, by which run it is judged, peer of the same run, svix-server as
/// recorded, and why the goal is missed where it is.
const FIGURES: &str = include_str!("../figures.tsv");

/// Where readings go besides the terminal.
#[derive(Args)]
pub struct Output {
    /// Also append every reading to this file, a line of JSON each
    #[arg(long, value_name = "FILE")]
    readings: Option<PathBuf>,
}

/// What is to be reached, by the value or by its ratio to the peer's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Goal {
    least: bool,
    of: f64,
    ratio: bool,
}

/// A figure as it was read, several times.
#[derive(Serialize)]
pub struct Reading {
    key: &'static str,
    #[serde(skip)]
    name: &'static str,
    #[serde(skip)]
    unit: &'static str,
    #[serde(skip)]
    goal: Option<Goal>,
    /// Whether every run has to reach it, and not only the median.
    #[serde(skip)]
    each: bool,
    #[serde(skip)]
    peer: &'static str,
    /// The same figure of svix-server 1.100, recorded on another machine: two processors too, and a
    /// disk that did some 6,000 syncs a second.
    #[serde(skip)]
    recorded: Option<f64>,
    runs: Vec<Run>,
}

/// One reading.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Run {
    /// In the figure's unit.
    pub value: f64,
    /// What the peer did, in the same unit and beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<f64>,
    /// Percent of the processors that others took meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<f64>,
    /// How much was there when it was read. Runs that say so are no repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// What the runs come to.
#[derive(Debug, PartialEq, Serialize)]
struct Judged {
    median: f64,
    /// Median of value ÷ peer, run by run.
    ratio: Option<f64>,
    /// `None` without a goal. Not kept: `bench/all` judges by the goals of its day.
    #[serde(skip)]
    held: Option<bool>,
}

impl Output {
    /// Prints a reading, and keeps it.
    ///
    /// # Errors
    /// When it was never read, or the file cannot be written.
    pub fn tell(&self, reading: &Reading) -> anyhow::Result<()> {
        let judged = reading.judged()?;
        println!("{}\n", reading.text(&judged));
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(flatten)]
            reading: &'a Reading,
            #[serde(flatten)]
            judged: Judged,
        }
        self.keep(&Line { reading, judged })
    }

    /// Prints what came of a fault, and keeps it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn verdict(&self, verdict: &Verdict) -> anyhow::Result<()> {
        println!("{verdict}\n");
        self.keep(verdict)
    }

    fn keep(&self, line: &impl Serialize) -> anyhow::Result<()> {
        let Some(path) = &self.readings else { return Ok(()) };
        let mut file = File::options().create(true).append(true).open(path)?;
        Ok(file.write_all((serde_json::to_string(line)? + "\n").as_bytes())?)
    }
}

impl Goal {
    /// `>= 2750`, `<= 2`, or `>= 0.5 x` of the peer; nothing is no goal.
    fn parse(text: &str) -> anyhow::Result<Option<Self>> {
        let mut words = text.split_whitespace();
        let Some(sign) = words.next() else { return Ok(None) };
        let of = words.next().context("a goal without a number")?.parse()?;
        ensure!(["<=", ">="].contains(&sign), "a goal begins with {sign:?}");
        Ok(Some(Self { least: sign == ">=", of, ratio: words.next() == Some("x") }))
    }

    fn held(self, value: f64) -> bool {
        if self.least { value >= self.of } else { value <= self.of }
    }

    /// What a run has to be judged by: its value, or its ratio to the peer's.
    fn seen(self, run: &Run) -> Option<f64> {
        if self.ratio { Some(run.value / run.peer?) } else { Some(run.value) }
    }
}

impl Run {
    /// A reading beside what a peer did.
    #[must_use]
    pub fn beside(value: f64, peer: f64) -> Self {
        Self { peer: Some(peer), ..Self::of(value) }
    }

    /// A reading of its own.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self { value, peer: None, others: None, at: None }
    }

    /// When so much was there.
    #[must_use]
    pub fn at(self, much: u64) -> Self {
        Self { at: Some(much), ..self }
    }

    /// While others took so many percent of the processors.
    #[must_use]
    pub fn others(self, others: f64) -> Self {
        Self { others: Some(others), ..self }
    }
}

impl Reading {
    /// What was read of the figure with this key.
    ///
    /// # Errors
    /// When `figures.tsv` has no such figure.
    pub fn new(key: &str, runs: Vec<Run>) -> anyhow::Result<Self> {
        let fields = FIGURES.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let mut found = fields.filter(|fields| fields[0] == key);
        let fields = found.next().with_context(|| format!("figures.tsv has no {key:?}"))?;
        let [key, _, name, unit, goal, judged, peer, recorded, _] = fields[..] else {
            anyhow::bail!("{key} of figures.tsv has {} fields", fields.len())
        };
        let goal = Goal::parse(goal).with_context(|| format!("{key} of figures.tsv"))?;
        ensure!(["", "worst"].contains(&judged), "{key} of figures.tsv is judged by {judged:?}");
        let each = judged == "worst";
        let recorded = (!recorded.is_empty()).then(|| recorded.parse()).transpose()?;
        Ok(Self { key, name, unit, goal, each, peer, recorded, runs })
    }

    fn judged(&self) -> anyhow::Result<Judged> {
        let values = self.runs.iter().map(|run| run.value);
        let ratios = self.runs.iter().filter_map(|run| Some(run.value / run.peer?));
        let ratio = median(ratios);
        let median = median(values).with_context(|| format!("{} was never read", self.key))?;
        let judged = |goal: Goal| {
            let seen: Vec<_> = self.runs.iter().filter_map(|run| goal.seen(run)).collect();
            if self.each && !seen.is_empty() {
                return Some(seen.into_iter().all(|value| goal.held(value)));
            }
            Some(goal.held(if goal.ratio { ratio? } else { median }))
        };
        Ok(Judged { median, ratio, held: self.goal.and_then(judged) })
    }

    fn text(&self, judged: &Judged) -> String {
        let median = judged.median;
        let list =
            |values: Vec<f64>| values.into_iter().map(number).collect::<Vec<_>>().join(" / ");
        let values: Vec<_> = self.runs.iter().map(|run| run.value).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut text = format!("{}\n    {} {}", self.name, list(values.clone()), self.unit);
        let at: Vec<_> = self.runs.iter().filter_map(|run| run.at).collect();
        if !at.is_empty() {
            let at = at.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ");
            text += &format!(" at {at}");
        } else if values.len() > 1 {
            let spread = 100.0 * (most - least) / median;
            text += &format!(", median {} (spread {spread:.0} %)", number(median));
        }
        if let (Some(goal), Some(held)) = (self.goal, judged.held) {
            let (sign, verdict) =
                (if goal.least { ">=" } else { "<=" }, if held { "MET" } else { "MISSED" });
            let times = if goal.ratio { " x" } else { "" };
            let by = if self.each { " in each" } else { "" };
            text += &format!("; goal {sign} {}{times}{by}: {verdict}", number(goal.of));
        }
        if let Some(recorded) = self.recorded {
            let ratio = median / recorded;
            text += &format!("\n    svix-server as recorded {}: {ratio:.2} x", number(recorded));
        }
        if let Some(ratio) = judged.ratio {
            let peers = list(self.runs.iter().filter_map(|run| run.peer).collect());
            text += &format!("\n    {} in this run {peers}: {ratio:.3} x", self.peer);
        }
        let others: Vec<_> = self.runs.iter().filter_map(|run| run.others).collect();
        if !others.is_empty() {
            text += &format!("\n    processors taken by others {} %", list(others));
        }
        text
    }
}

/// The value in the middle, the higher of two; `None` of none.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(key: &str, runs: &[Run]) -> Judged {
        Reading::new(key, runs.to_vec()).unwrap().judged().unwrap()
    }

    #[test]
    fn every_figure_is_complete() {
        for line in FIGURES.lines().skip(1) {
            let key = line.split('\t').next().unwrap();
            let reading = Reading::new(key, Vec::new()).unwrap();
            assert!(!reading.name.is_empty() && !reading.unit.is_empty(), "{key}");
            let beside = reading.goal.is_some_and(|goal| goal.ratio);
            assert!(!beside || !reading.peer.is_empty(), "{key} has a ratio to nobody");
        }
        assert!(Reading::new("unknown", Vec::new()).is_err());
    }

    #[test]
    fn a_goal_is_held_by_the_median() {
        let runs = |values: [f64; 3]| values.map(Run::of);
        assert_eq!(judged("E6", &runs([9.0, 0.6, 0.1])).held, Some(true));
        assert_eq!(judged("flow-p50", &runs([9.0, 5.0, 1.0])).held, Some(true));
        assert_eq!(judged("flow-p50", &runs([9.0, 5.1, 1.0])).held, Some(false));
        assert_eq!(judged("check-core", &runs([399.0, 1.0, 500.0])).held, Some(false));
        assert_eq!(judged("burst-p50", &runs([9.0, 5.0, 1.0])).held, None);
        assert!(Reading::new("check", Vec::new()).unwrap().judged().is_err());
    }

    #[test]
    fn a_slow_tail_of_one_run_is_missed() {
        let runs = |values: [f64; 3]| values.map(Run::of);
        assert_eq!(judged("E3-p99", &runs([4.0, 8.0, 6.7])).held, Some(true));
        let tail = runs([4.0, 6.7, 58.5]);
        assert_eq!(judged("E3-p99", &tail).held, Some(false));
        let reading = Reading::new("E3-p99", tail.to_vec()).unwrap();
        let text = reading.text(&reading.judged().unwrap());
        assert!(
            text.contains("median 6.70") && text.contains("goal <= 8.00 in each: MISSED"),
            "{text}"
        );
        let beside = |values: [f64; 3]| values.map(|value| Run::beside(value, 10.0));
        assert_eq!(judged("B1-times", &beside([9.0, 12.0, 10.0])).held, Some(true));
        assert_eq!(judged("B1-times", &beside([9.0, 12.1, 10.0])).held, Some(false));
    }

    #[test]
    fn what_was_read_of_more_and_more_has_no_middle() {
        let runs =
            [(1_000_000, 500.0), (10_000_000, 400.0)].map(|(at, value)| Run::of(value).at(at));
        let reading = Reading::new("size-rate", runs.to_vec()).unwrap();
        let text = reading.text(&reading.judged().unwrap());
        assert!(text.ends_with("500 / 400 lines/s at 1000000 / 10000000"), "{text}");
        let kept = serde_json::to_value(&reading).unwrap();
        assert_eq!(kept["runs"][1], serde_json::json!({ "value": 400.0, "at": 10_000_000 }));
    }

    #[test]
    fn a_ratio_is_that_of_each_run() {
        let runs = [Run::beside(40.0, 100.0), Run::beside(60.0, 100.0), Run::beside(110.0, 200.0)];
        let judged = judged("read", &runs);
        assert_eq!((judged.median, judged.held), (60.0, Some(true)));
        assert_eq!(judged.ratio, Some(0.55));
        let text = Reading::new("read", runs.to_vec()).unwrap().text(&judged);
        assert!(text.contains("40.0 / 60.0 / 110 requests/s, median 60.0"), "{text}");
        assert!(text.contains("goal >= 0.50 x: MET"), "{text}");
        assert!(text.contains("in this run 100 / 100 / 200: 0.550 x"), "{text}");
    }
}
