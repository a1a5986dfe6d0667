//! The answer as a person reads it: who, where, how long, how much.

use anstream::println;
use anyhow::Context as _;
use serde_json::Value;
use vinculo_server::Pesos;

use crate::print::{DIM, HEAD};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Prints owner and employments.
pub(super) fn print(owners: &Value, employments: &Value) -> anyhow::Result<()> {
    let owner = &owners["results"][0];
    let document = &owner["document_id"];
    println!(
        "\n{HEAD}{}{HEAD:#} {DIM}{} {}{DIM:#}",
        text(&owner["display_name"]),
        text(&document["document_type"]),
        text(&document["document_number"])
    );
    println!(
        "{DIM}{:<36} {:>6}  {:>12}  {:>12}  salary, oldest to newest{DIM:#}",
        "employer", "months", "gross", "net"
    );
    for employment in employments["results"].as_array().context("no results")? {
        let employer = &employment["employer_data"];
        let months = employment["salary_and_benefit_details"].as_array().context("no months")?;
        let newest = months.first().unwrap_or(&Value::Null);
        println!(
            "{:<36} {:>6}  {:>12}  {:>12}  {}",
            text(&employer["name"]).chars().take(36).collect::<String>(),
            employer["tenure"],
            pesos(&newest["gross_amount"]),
            pesos(&newest["net_amount"]),
            sparkline(months.iter().rev().map(|month| month["gross_amount"].as_f64()))
        );
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn pesos(amount: &Value) -> String {
    amount.as_i64().map_or_else(|| "-".to_owned(), |amount| format!("${}", Pesos(amount)))
}

/// One bar a month, from zero to the highest; a month without amount is a gap.
fn sparkline(amounts: impl Iterator<Item = Option<f64>>) -> String {
    let amounts: Vec<_> = amounts.collect();
    let highest = amounts.iter().flatten().copied().fold(0.0_f64, f64::max);
    let bar = |amount: f64| {
        let step = if highest > 0.0 { amount / highest * 7.0 } else { 0.0 };
        BARS.get(step.round() as usize).copied().unwrap_or(BARS[7])
    };
    amounts.into_iter().map(|amount| amount.map_or(' ', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        assert_eq!(pesos(&Value::from(1_423_500)), "$1.423.500");
        assert_eq!(pesos(&Value::from(999)), "$999");
        assert_eq!(pesos(&Value::Null), "-");
    }

    #[test]
    fn bars_follow_the_amounts() {
        let amounts = [Some(0.0), Some(500.0), None, Some(1000.0)];
        assert_eq!(sparkline(amounts.into_iter()), "▁▅ █");
    }
}
