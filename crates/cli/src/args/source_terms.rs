//! How sources may be used, and what they cost.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use vinculo_server::config::Config;
use vinculo_server::sources::{BilledOn, SourceTerms};

/// The sources that have terms.
const SOURCES: [&str; 3] = ["ach", "mareigua", "agil_data"];

/// Places for jobs beside those that wait for sources.
const SPARE_JOBS: usize = 16;

/// Terms of sources, each as `SOURCE=VALUE`, several with commas.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
#[command(next_help_heading = "Use of operators")]
pub(crate) struct Terms {
    /// Questions to a source at once, such as ach=8 [default: 12]
    #[arg(
        long,
        env = "VINCULO_SOURCE_AT_ONCE",
        value_delimiter = ',',
        value_name = "SOURCE=NUMBER"
    )]
    source_at_once: Option<Vec<OfSource<u16>>>,
    /// Questions to a source a minute; 0 is no limit [default: 0]
    #[arg(
        long,
        env = "VINCULO_SOURCE_PER_MINUTE",
        value_delimiter = ',',
        value_name = "SOURCE=NUMBER"
    )]
    source_per_minute: Option<Vec<OfSource<u32>>>,
    /// Failures in a row after which a source is given a pause; 0 is never [default: 5]
    #[arg(
        long,
        env = "VINCULO_SOURCE_FAILURES",
        value_delimiter = ',',
        value_name = "SOURCE=NUMBER"
    )]
    source_failures: Option<Vec<OfSource<u32>>>,
    /// Seconds of the first pause, which doubles up to twenty times as long [default: 30]
    #[arg(
        long,
        env = "VINCULO_SOURCE_PAUSE_SECONDS",
        value_delimiter = ',',
        value_name = "SOURCE=SECONDS"
    )]
    source_pause_seconds: Option<Vec<OfSource<u16>>>,
    /// What a question about one person costs, whole pesos [default: 0]
    #[arg(long, env = "VINCULO_SOURCE_PRICE", value_delimiter = ',', value_name = "SOURCE=PESOS")]
    source_price: Option<Vec<OfSource<u32>>>,
    /// What the entry of one person in a job about many costs, whole pesos [default: 0]
    #[arg(
        long,
        env = "VINCULO_SOURCE_BULK_PRICE",
        value_delimiter = ',',
        value_name = "SOURCE=PESOS"
    )]
    source_bulk_price: Option<Vec<OfSource<u32>>>,
    /// What is billed: call (every answer) or hit (data alone) [default: ach=call, others hit]
    #[arg(
        long,
        env = "VINCULO_SOURCE_BILLED_ON",
        value_delimiter = ',',
        value_name = "SOURCE=WORD"
    )]
    source_billed_on: Option<Vec<OfSource<Billed>>>,
    /// Days for which an answer is used again instead of asking [default: 0]
    #[arg(
        long,
        env = "VINCULO_SOURCE_REUSE_DAYS",
        value_delimiter = ',',
        value_name = "SOURCE=DAYS"
    )]
    source_reuse_days: Option<Vec<OfSource<u16>>>,
    /// What a source may cost in a month, whole pesos [default: no limit]
    #[arg(
        long,
        env = "VINCULO_SOURCE_MONTHLY_BUDGET",
        value_delimiter = ',',
        value_name = "SOURCE=PESOS"
    )]
    source_monthly_budget: Option<Vec<OfSource<u32>>>,
}

impl Terms {
    /// The configuration with what is given here.
    pub(crate) fn apply(&self, mut config: Config) -> Config {
        let mut terms = SOURCES.map(|source| (source, SourceTerms::shipped(source)));
        let mut of = |source: &str, change: &dyn Fn(&mut SourceTerms)| {
            for (_, terms) in terms.iter_mut().filter(|(name, _)| *name == source) {
                change(terms);
            }
        };
        for given in self.source_at_once.iter().flatten() {
            of(given.source, &|terms| terms.at_once = usize::from(given.value).max(1));
        }
        for given in self.source_per_minute.iter().flatten() {
            of(given.source, &|terms| terms.per_minute = given.value);
        }
        for given in self.source_failures.iter().flatten() {
            of(given.source, &|terms| terms.breaker.failures = given.value);
        }
        for given in self.source_pause_seconds.iter().flatten() {
            let pause = Duration::from_secs(u64::from(given.value).max(1));
            of(given.source, &|terms| {
                (terms.breaker.pause, terms.breaker.longest_pause) = (pause, pause * 20);
            });
        }
        for given in self.source_price.iter().flatten() {
            of(given.source, &|terms| terms.price = given.value.into());
        }
        for given in self.source_bulk_price.iter().flatten() {
            of(given.source, &|terms| terms.bulk_price = given.value.into());
        }
        for given in self.source_billed_on.iter().flatten() {
            of(given.source, &|terms| terms.billed_on = given.value.0);
        }
        for given in self.source_reuse_days.iter().flatten() {
            let days = Duration::from_secs(u64::from(given.value) * 24 * 60 * 60);
            of(given.source, &|terms| terms.reuse = days);
        }
        for given in self.source_monthly_budget.iter().flatten() {
            of(given.source, &|terms| terms.monthly_budget = Some(given.value.into()));
        }
        let at_once: usize = terms.iter().map(|(_, terms)| terms.at_once).sum();
        config.runner.jobs = config.runner.jobs.max(at_once + SPARE_JOBS);
        config.source_terms.extend(terms.map(|(source, terms)| (source.to_owned(), terms)));
        config
    }
}

/// A value for one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "T: FromStr + Display + Clone")]
struct OfSource<T> {
    source: &'static str,
    value: T,
}

impl<T: FromStr> FromStr for OfSource<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |what: &str| format!("{text:?}: {what}, such as ach=8");
        let (source, value) = text.split_once('=').ok_or_else(|| wrong("expected SOURCE=VALUE"))?;
        let source = SOURCES.into_iter().find(|known| *known == source.trim());
        let source = source.ok_or_else(|| wrong("expected one of ach, mareigua, agil_data"))?;
        let value = value.trim().parse().map_err(|_| wrong("a value that it cannot have"))?;
        Ok(Self { source, value })
    }
}

impl<T: FromStr> TryFrom<String> for OfSource<T> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl<T: Display> From<OfSource<T>> for String {
    fn from(given: OfSource<T>) -> Self {
        format!("{}={}", given.source, given.value)
    }
}

/// For which outcomes a source sends an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Billed(BilledOn);

impl FromStr for Billed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [BilledOn::Call, BilledOn::Hit].into_iter();
        all.map(Self).find(|billed| billed.0.as_str() == text).ok_or(())
    }
}

impl Display for Billed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_for_a_source_that_has_terms() {
        assert_eq!("ach=8".parse(), Ok(OfSource { source: "ach", value: 8_u16 }));
        let hit = Billed(BilledOn::Hit);
        assert_eq!("agil_data = hit".parse(), Ok(OfSource { source: "agil_data", value: hit }));
        for wrong in ["ach", "ach=", "ach=-1", "planillas=3", "=3", "ach=70000"] {
            let refused = wrong.parse::<OfSource<u16>>().expect_err(wrong);
            assert!(refused.contains(wrong), "{refused}");
        }
        assert_eq!(String::from("mareigua=5".parse::<OfSource<u16>>().unwrap()), "mareigua=5");
    }
}
