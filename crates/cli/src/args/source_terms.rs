//! How sources may be used, and what they cost.

use std::fmt::Display;
use std::num::NonZeroU16;
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

/// Terms of sources, each as `SOURCE=VALUE`, several with commas; a value alone is for every source.
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
    source_at_once: Option<Vec<OfSource<NonZeroU16>>>,
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
    source_pause_seconds: Option<Vec<OfSource<NonZeroU16>>>,
    /// What a question about one person costs, whole pesos [default: 0]
    #[arg(long, env = "VINCULO_SOURCE_PRICE", value_delimiter = ',', value_name = "SOURCE=PESOS")]
    source_price: Option<Vec<OfSource<u32>>>,
    /// What the entry of one person in a job about many costs, whole pesos [default: as a question]
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
        let mut all = SOURCES.map(|source| (source, SourceTerms::shipped(source)));
        let seconds = Duration::from_secs;
        set(&mut all, self.source_at_once.as_ref(), |terms, number| {
            terms.at_once = usize::from(number.get());
        });
        set(&mut all, self.source_per_minute.as_ref(), |terms, number| terms.per_minute = number);
        set(&mut all, self.source_failures.as_ref(), |terms, number| {
            terms.breaker.failures = number;
        });
        set(&mut all, self.source_pause_seconds.as_ref(), |terms, pause| {
            let pause = seconds(u64::from(pause.get()));
            (terms.breaker.pause, terms.breaker.longest_pause) = (pause, pause * 20);
        });
        set(&mut all, self.source_price.as_ref(), |terms, pesos| {
            (terms.price, terms.bulk_price) = (pesos.into(), pesos.into());
        });
        set(&mut all, self.source_bulk_price.as_ref(), |terms, pesos| {
            terms.bulk_price = pesos.into();
        });
        set(&mut all, self.source_billed_on.as_ref(), |terms, billed| terms.billed_on = billed.0);
        set(&mut all, self.source_reuse_days.as_ref(), |terms, days| {
            terms.reuse = seconds(u64::from(days) * 24 * 60 * 60);
        });
        set(&mut all, self.source_monthly_budget.as_ref(), |terms, pesos| {
            terms.monthly_budget = Some(pesos.into());
        });
        let at_once: usize = all.iter().map(|(_, terms)| terms.at_once).sum();
        config.runner.jobs = config.runner.jobs.max(at_once + SPARE_JOBS);
        // As many may wait for an operator as it may be asked at once.
        config.registrations_at_once = config.registrations_at_once.max(2 * at_once);
        config.source_terms.extend(all.map(|(source, terms)| (source.to_owned(), terms)));
        config
    }
}

/// Sets what is given for a source in its terms.
fn set<T: Copy>(
    all: &mut [(&'static str, SourceTerms)],
    given: Option<&Vec<OfSource<T>>>,
    change: impl Fn(&mut SourceTerms, T),
) {
    for OfSource { source, value } in given.into_iter().flatten() {
        let terms =
            all.iter_mut().filter(|(name, _)| source.as_deref().is_none_or(|of| of == *name));
        terms.for_each(|(_, terms)| change(terms, *value));
    }
}

/// A value for one source, or for every one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "T: FromStr<Err: Display> + Display + Clone")]
struct OfSource<T> {
    source: Option<String>,
    value: T,
}

impl<T: FromStr<Err: Display>> FromStr for OfSource<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |what: &dyn Display| format!("{text:?}: {what}");
        let (source, value) = match text.split_once('=') {
            Some((source, value)) => (Some(source), value),
            None => (None, text),
        };
        let known = |source: &str| {
            let known = SOURCES.into_iter().find(|known| *known == source.trim());
            known
                .map(str::to_owned)
                .ok_or_else(|| wrong(&"expected one of ach, mareigua, agil_data"))
        };
        let source = source.map(known).transpose()?;
        let value = value.trim().parse().map_err(|why| wrong(&why))?;
        Ok(Self { source, value })
    }
}

impl<T: FromStr<Err: Display>> TryFrom<String> for OfSource<T> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl<T: Display> From<OfSource<T>> for String {
    fn from(given: OfSource<T>) -> Self {
        match given.source {
            Some(source) => format!("{source}={}", given.value),
            None => given.value.to_string(),
        }
    }
}

/// For which outcomes a source sends an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Billed(BilledOn);

impl FromStr for Billed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [BilledOn::Call, BilledOn::Hit].into_iter();
        all.map(Self).find(|billed| billed.0.as_str() == text).ok_or("expected call or hit")
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
    fn what_is_given_changes_the_terms_of_its_source_alone() {
        let given = Terms {
            source_price: Some(vec!["ach=1200".parse().unwrap(), "agil_data=9".parse().unwrap()]),
            source_bulk_price: Some(vec!["ach=300".parse().unwrap()]),
            source_at_once: Some(vec!["mareigua=100".parse().unwrap()]),
            source_pause_seconds: Some(vec!["ach=3".parse().unwrap()]),
            ..Terms::default()
        };
        let operator = vinculo_sources::ach::AchConfig::new("http://127.0.0.1:1");
        let config = given.apply(Config::new(operator, std::path::PathBuf::new()));
        let (ach, agil) = (config.terms_of("ach"), config.terms_of("agil_data"));
        assert_eq!((ach.price, agil.price, config.terms_of("mareigua").price), (1_200, 9, 0));
        assert_eq!((ach.bulk_price, agil.bulk_price), (300, 9), "as a question, unless given");
        assert_eq!(ach.breaker.longest_pause, Duration::from_secs(60));
        assert_eq!(
            SourceTerms { price: 0, bulk_price: 0, ..agil },
            SourceTerms::shipped("agil_data")
        );
        assert_eq!(config.runner.jobs, 12 + 100 + 12 + SPARE_JOBS, "room for everything else");
        assert_eq!(config.registrations_at_once, 256);
    }

    #[test]
    fn a_value_alone_is_for_every_source() {
        let given = Terms {
            source_failures: Some(vec!["0".parse().unwrap(), "ach=7".parse().unwrap()]),
            ..Terms::default()
        };
        let operator = vinculo_sources::ach::AchConfig::new("http://127.0.0.1:1");
        let config = given.apply(Config::new(operator, std::path::PathBuf::new()));
        let failures = SOURCES.map(|source| config.terms_of(source).breaker.failures);
        assert_eq!(failures, [7, 0, 0]);
        for text in ["7", "ach=7"] {
            assert_eq!(String::from(text.parse::<OfSource<u32>>().unwrap()), text);
        }
    }

    #[test]
    fn who_may_be_asked_more_at_once_lets_more_links_be_made() {
        let given =
            Terms { source_at_once: Some(vec!["ach=600".parse().unwrap()]), ..Terms::default() };
        let operator = vinculo_sources::ach::AchConfig::new("http://127.0.0.1:1");
        let config = given.apply(Config::new(operator, std::path::PathBuf::new()));
        assert_eq!(config.registrations_at_once, 2 * (600 + 12 + 12));
    }

    #[test]
    fn values_are_for_a_source_that_has_terms() {
        assert_eq!("ach=8".parse(), Ok(OfSource { source: Some("ach".to_owned()), value: 8_u16 }));
        let hit = Billed(BilledOn::Hit);
        let agil_data = Some("agil_data".to_owned());
        assert_eq!("agil_data = hit".parse(), Ok(OfSource { source: agil_data, value: hit }));
        for wrong in ["ach", "ach=", "ach=-1", "planillas=3", "=3", "ach=70000"] {
            let refused = wrong.parse::<OfSource<u16>>().expect_err(wrong);
            assert!(refused.contains(wrong), "{refused}");
        }
        let refused = "ach=0".parse::<OfSource<NonZeroU16>>().expect_err("no place at all");
        assert_eq!(refused, "\"ach=0\": number would be zero for non-zero type");
        let refused = "ach=always".parse::<OfSource<Billed>>().expect_err("no word for it");
        assert_eq!(refused, "\"ach=always\": expected call or hit");
        assert_eq!(String::from("mareigua=5".parse::<OfSource<u16>>().unwrap()), "mareigua=5");
    }
}
