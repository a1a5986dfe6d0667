//! Employments and pay as the page of a link shows them: what the API gives, and what nobody has paid yet.

use std::collections::BTreeSet;

use serde_json::Value;
use vinculo_history::Employment;
use vinculo_pila::Month;

use super::chart::{self, Chart};
use super::page::Shell;
use crate::Pesos;

/// An employment.
pub(super) struct EmploymentRow {
    pub(super) id: String,
    pub(super) employer: String,
    pub(super) document: String,
    pub(super) activity: String,
    pub(super) tenure: i64,
    /// First month of the tenure, and whether the bond may be older.
    pub(super) since: Option<(Month, bool)>,
    /// The newest month.
    pub(super) last: Detail,
    /// The newest month that was paid, when the newest one was not.
    pub(super) paid: Option<Detail>,
}

/// A month of an employment.
#[derive(Clone, Default)]
pub(super) struct Detail {
    pub(super) month: String,
    pub(super) unpaid: bool,
    pub(super) gross: Option<Pesos>,
    pub(super) net: Option<Pesos>,
    pub(super) worker: String,
    pub(super) health: String,
    pub(super) pension: String,
    /// Whether the salary is an integral one, where a source tells.
    pub(super) integral: Option<bool>,
    marks: Vec<String>,
}

/// The employments of a link and the chart of their pay. `shown` is as the API gives them; `known` is what
/// is projected now, which tells what was paid.
pub(super) fn tell(
    shown: &[Value],
    known: &[Employment],
    shell: &Shell,
) -> (Vec<EmploymentRow>, Option<Chart>) {
    let read = shown.iter().map(|employment| {
        let known = known.iter().find(|known| is_with(known, &employment["employer_data"]));
        (employment, known, details(employment, known))
    });
    let read: Vec<_> = read.collect();
    let rows = read.iter().map(|(employment, known, details)| row(employment, *known, details));
    (rows.collect(), draw(&read, shell))
}

/// Whether an employment is the bond with this employer, whatever else is known of it.
fn is_with(known: &Employment, employer: &Value) -> bool {
    let known = serde_json::to_value(&known.employer).unwrap_or_default();
    ["name", "id_type", "id_number"].iter().all(|name| known[*name] == employer[*name])
}

fn row(employment: &Value, known: Option<&Employment>, details: &[Detail]) -> EmploymentRow {
    let employer = &employment["employer_data"];
    let last = details.first().cloned().unwrap_or_default();
    let since = |known: &Employment| {
        (known.provenance.continuous_since, known.provenance.tenure_is_lower_bound)
    };
    EmploymentRow {
        id: joined(&[&employment["id"]]),
        employer: joined(&[&employer["name"]]),
        document: joined(&[&employer["id_type"], &employer["id_number"]]),
        activity: joined(&[&employer["economic_activity_code_description"]]),
        tenure: employer["tenure"].as_i64().unwrap_or_default(),
        since: known.map(since),
        paid: details.iter().find(|detail| !detail.unpaid).filter(|_| last.unpaid).cloned(),
        last,
    }
}

/// The months, newest first.
fn details(employment: &Value, known: Option<&Employment>) -> Vec<Detail> {
    let of_known = known.into_iter().flat_map(|known| &known.provenance.months);
    let unpaid = of_known.filter(|month| !month.paid).map(|month| month.month.to_string());
    let unpaid: BTreeSet<_> = unpaid.collect();
    let all = employment["salary_and_benefit_details"].as_array();
    let detail = |detail: &Value| {
        let text = |name: &str| joined(&[&detail[name]]);
        let pesos = |name: &str| detail[name].as_i64().map(Pesos);
        let marks = detail["status_changes"].as_array().into_iter().flatten();
        Detail {
            unpaid: unpaid.contains(&text("month")),
            month: text("month"),
            gross: pesos("gross_amount"),
            net: pesos("net_amount"),
            worker: text("employment_type_additional_info"),
            health: text("healthcare_provider_name"),
            pension: text("pension_fund_name"),
            integral: detail["salary_comprehensive"].as_bool(),
            marks: marks.filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        }
    };
    all.into_iter().flatten().map(detail).collect()
}

fn paid<'a>(detail: &'a Detail, shell: &Shell) -> Option<chart::Paid<'a>> {
    Some(chart::Paid {
        month: detail.month.parse().ok()?,
        pesos: detail.gross?.0,
        unpaid: detail.unpaid,
        marks: detail.marks.iter().map(|code| shell.word(code)).collect(),
    })
}

fn draw(read: &[(&Value, Option<&Employment>, Vec<Detail>)], shell: &Shell) -> Option<Chart> {
    let names: Vec<_> = read.iter().map(|it| joined(&[&it.0["employer_data"]["name"]])).collect();
    let employers = names.iter().zip(read).map(|(name, (_, _, details))| chart::Employer {
        name,
        months: details.iter().filter_map(|detail| paid(detail, shell)).collect(),
    });
    let w = shell.w;
    let words = chart::Words {
        title: w.pay_chart,
        gap: w.pay_gap,
        unpaid: w.pay_unpaid,
        months: w.pay_months,
    };
    chart::draw(&employers.collect::<Vec<_>>(), words, "pay")
}

/// The texts that are there, with a space between them.
pub(super) fn joined(parts: &[&Value]) -> String {
    let parts = parts.iter().filter_map(|part| match part {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join(" ")
}
