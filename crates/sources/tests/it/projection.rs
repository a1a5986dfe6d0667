//! What the simulated operator serves becomes employments as its personas promise.

use std::collections::BTreeSet;

use vinculo_history::{Employment, EmploymentType, Options, SalaryType, StatusChange, project};
use vinculo_operator::TRY_HEADER;

use crate::operator::ask;
use crate::support::resolved;

/// The employments of somebody, newest first.
async fn employments(number: &str) -> Vec<Employment> {
    let answer = resolved(ask(number, &[(TRY_HEADER, "3")]).await.outcome);
    let options = Options {
        current_month: "2026-11".parse().expect("a month"),
        window_months: Some(24),
        include_drafts: true,
    };
    let projection = project(&answer.contributions, &[], &options);
    let owner = projection.owner.expect("an owner");
    assert_eq!(owner.document_number, number);
    for employment in &projection.employments {
        for month in &employment.months {
            assert!(month.gross_amount > month.net_amount, "{}", month.month);
            assert!(month.net_amount > Some(0), "{}", month.month);
            assert!(month.pension_fund_name.is_some() && month.healthcare_provider_name.is_some());
        }
    }
    projection.employments
}

fn gross(employment: &Employment, month: &str) -> i64 {
    let month = month.parse().expect("a month");
    let detail = employment.months.iter().find(|detail| detail.month == month);
    detail.and_then(|detail| detail.gross_amount).expect("a gross amount")
}

fn changes(employments: &[Employment]) -> BTreeSet<String> {
    let months = employments.iter().flat_map(|employment| &employment.months);
    months.flat_map(|month| &month.status_changes).map(|change| format!("{change:?}")).collect()
}

#[tokio::test]
async fn one_employer_becomes_one_employment() {
    for number in ["1999000001", "1999000503"] {
        let employments = employments(number).await;
        assert_eq!(employments.len(), 1);
        assert_eq!(employments[0].months.len(), 24);
        assert_eq!(employments[0].employer.tenure, 24);
        let seen = changes(&employments);
        for change in [
            StatusChange::OnVacation,
            StatusChange::PermanentSalaryChange,
            StatusChange::TemporarySalaryChange,
        ] {
            assert!(seen.contains(&format!("{change:?}")), "{change:?} of {number}");
        }
        let types: BTreeSet<_> =
            employments[0].months.iter().map(|month| format!("{:?}", month.salary_type)).collect();
        assert_eq!(types.len(), 2, "{types:?}");
        assert!(
            employments[0].months.iter().all(|month| month.parafiscal_contribution == Some(true))
        );
    }
}

#[tokio::test]
async fn a_holiday_month_pays_the_salary() {
    let employments = employments("1999000001").await;
    assert_eq!(gross(&employments[0], "2026-06"), 3_677_000);
    assert_eq!(gross(&employments[0], "2026-07"), 3_677_000);
}

#[tokio::test]
async fn two_employers_become_two_employments() {
    let employments = employments("1999000002").await;
    assert_eq!(employments.len(), 2);
    assert!(employments.iter().all(|employment| employment.months.len() == 24));
    assert!(changes(&employments).contains(&format!("{:?}", StatusChange::OnLeave)));
}

#[tokio::test]
async fn the_self_employed_are_their_own_employer() {
    let employments = employments("1999000003").await;
    assert_eq!(employments.len(), 1);
    assert_eq!(employments[0].employer.id_number, Some(1_999_000_003));
    for month in &employments[0].months {
        assert_eq!(month.employment_type, Some(EmploymentType::Contractual));
        assert_eq!(month.salary_type, Some(SalaryType::Variable));
        assert_eq!(month.parafiscal_contribution, Some(false));
    }
    // The income of the month, and the floor as its lower bound.
    assert_eq!(gross(&employments[0], "2026-09"), 8_405_000);
    assert_eq!(gross(&employments[0], "2026-01"), 1_750_905);
}

#[tokio::test]
async fn a_change_of_jobs_is_an_end_and_a_start() {
    let employments = employments("1999000004").await;
    assert_eq!(employments.len(), 2);
    let now = &employments[0];
    assert_eq!(now.employer.name.as_deref(), Some("CONSULTORA MUESTRA S.A.S."));
    assert_eq!(now.employer.tenure, 8);
    assert!(!now.provenance.tenure_is_lower_bound);
    let first = now.months.last().expect("a first month");
    assert_eq!(first.status_changes, [StatusChange::FirstMonth]);
    let last = &employments[1].months[0];
    assert_eq!(last.status_changes, [StatusChange::FinalMonth]);
}

#[tokio::test]
async fn an_integral_salary_is_the_whole_of_its_base() {
    let employments = employments("1999000005").await;
    assert_eq!(employments.len(), 1);
    assert!(employments[0].months.iter().all(|month| month.salary_comprehensive == Some(true)));
    // 16 × 1,750,905 up to the next thousand.
    assert_eq!(gross(&employments[0], "2026-10"), 28_015_000);
}
