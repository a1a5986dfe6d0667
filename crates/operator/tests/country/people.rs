//! What a reader of the files finds out about the people.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vinculo_history::{Employment, Options, StatusChange, project};
use vinculo_operator::country;
use vinculo_pila::Month;

use crate::support::{month, read, sized, small};

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_files_tell_what_is_true_of_everybody(seed in any::<u64>()) {
        let country = small(seed);
        let filed = read(&country);
        let options = Options {
            current_month: month("2026-03"),
            window_months: None,
            include_drafts: true,
        };
        let mut known = BTreeSet::new();
        for index in 0..country.people() {
            let person = country.person(index).unwrap();
            let lines = filed.people.get(&person.document).map(Vec::as_slice).unwrap_or_default();
            let mut found = project(lines, &filed.payers, &options).employments;
            found.sort_by(|a, b| a.payer.cmp(&b.payer));
            prop_assert_eq!(found.len(), person.employments.len(), "person {}", index);
            for (found, expected) in found.iter().zip(&person.employments) {
                compare(found, expected).map_err(|what| {
                    TestCaseError::fail(format!("person {index}: {what}"))
                })?;
            }
            prop_assert!(known.insert(person.document), "person {} has another's document", index);
        }
        prop_assert!(filed.people.keys().all(|person| known.contains(person)));
        prop_assert!(country.person(country.people()).is_none());
    }
}

/// What differs, in words.
fn compare(found: &Employment, expected: &country::Employment) -> Result<(), String> {
    let same = |what: &str, same: bool| if same { Ok(()) } else { Err(what.to_owned()) };
    same("payer", found.payer == expected.payer)?;
    let employer = &found.employer;
    same("name", employer.name.as_ref() == Some(&expected.payer_name))?;
    let class = employer.contributor_class_code.as_deref();
    same("class", class == Some(expected.payer_class.to_string().as_str()))?;
    let activity: i64 = expected.payer_activity.parse().unwrap();
    same("activity", employer.economic_activity_code == Some(activity))?;
    let months: Vec<Month> = found.months.iter().rev().map(|it| it.month).collect();
    let worked: Vec<Month> = expected.months.iter().map(|it| it.month).collect();
    same(&format!("months {months:?} for {worked:?}"), months == worked)?;
    let origins = found.provenance.months.iter().rev();
    for ((detail, origin), worked) in found.months.iter().rev().zip(origins).zip(&expected.months) {
        let told = |change| detail.status_changes.contains(&change);
        let at = worked.month;
        same(&format!("{at} paid"), origin.paid == worked.paid)?;
        same(&format!("{at} days"), origin.days.is_some_and(|days| days <= 30))?;
        same(&format!("{at} start"), told(StatusChange::FirstMonth) == worked.started)?;
        same(&format!("{at} end"), told(StatusChange::FinalMonth) == worked.left)?;
        let gross = worked.gross.is_none_or(|gross| detail.gross_amount == Some(gross));
        let (told, due) = (detail.gross_amount, worked.gross);
        same(&format!("{at} gross {told:?} for {due:?}"), gross)?;
    }
    Ok(())
}

#[test]
fn people_change_jobs_hold_two_and_come_back() {
    let country = sized(21, 12, 60, 12);
    let people: Vec<_> = (0..country.people()).filter_map(|at| country.person(at)).collect();
    let two = |person: &&country::Person| person.employments.len() == 2;
    let at_once = |person: &&country::Person| {
        let [one, other] = person.employments.as_slice() else { return false };
        one.months.iter().any(|a| other.months.iter().any(|b| a.month == b.month))
    };
    let with_gap = |employment: &country::Employment| {
        employment.months.is_sorted_by(|a, b| b.month.months_since(a.month) == 1)
    };
    assert!(people.iter().filter(at_once).count() > 5);
    assert!(people.iter().filter(two).filter(|person| !at_once(person)).count() > 5);
    let returned = people.iter().flat_map(|person| &person.employments);
    assert!(returned.filter(|employment| !with_gap(employment)).count() > 2);
}

#[test]
fn nobody_earns_less_than_the_law_gives() {
    let country = sized(33, 12, 60, 2);
    let wage = vinculo_pila::catalog::minimum_wage(month("2025-09")).unwrap();
    let gross = (0..country.people())
        .filter_map(|at| country.person(at))
        .flat_map(|person| person.employments)
        .flat_map(|employment| employment.months)
        .filter_map(|month| month.gross);
    let gross: Vec<i64> = gross.collect();
    // Part-time workers by weeks earn a quarter and more.
    assert!(gross.iter().all(|&gross| gross >= wage / 4));
    let at_minimum = gross.iter().filter(|&&gross| gross == wage).count();
    let share = at_minimum * 100 / gross.len();
    assert!((30..60).contains(&share), "{share} % earn the minimum wage");
    assert!(gross.iter().any(|&gross| gross > 25 * wage), "somebody earns more than the cap");
}
