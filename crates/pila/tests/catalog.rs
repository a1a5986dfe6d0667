//! The embedded code lists, through their look-ups.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use vinculo_pila::catalog::{
    self, Duty, EmploymentType, Family, Letters, RateKind, Validity, solidarity_fund_rate,
};
use vinculo_pila::{DocumentKind, Month};

/// First cell of every row below the header.
fn codes(tsv: &'static str) -> Vec<&'static str> {
    let first = |line: &'static str| line.split('\t').next().unwrap();
    tsv.lines().skip(1).map(first).collect()
}

fn cells(tsv: &'static str, column: &str) -> Vec<&'static str> {
    let at = tsv.lines().next().unwrap().split('\t');
    let at = at.into_iter().position(|name| name == column).unwrap();
    let cell = |line: &'static str| line.split('\t').nth(at).unwrap();
    tsv.lines().skip(1).map(cell).collect()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

macro_rules! every_row_is_found {
    ($($name:ident: $file:literal, $one:path, $all:path;)*) => {$(
        #[test]
        fn $name() {
            let tsv = include_str!(concat!("../data/catalogs/", $file));
            let known: Vec<_> = codes(tsv).into_iter().filter(|code| !code.is_empty()).collect();
            assert!(!known.is_empty());
            for code in &known {
                let found = $one(code).unwrap_or_else(|| panic!("{code} was not read"));
                assert_eq!(found.code, *code);
            }
            assert_eq!($all().count(), known.len());
            for unknown in ["", " ", "0", "ZZ", "é", "999999999", "01 "] {
                assert!($one(unknown).is_none(), "{unknown:?} should be unknown");
            }
        }
    )*};
}

every_row_is_found! {
    worker_types: "worker_types.tsv", catalog::worker_type, catalog::worker_types;
    worker_subtypes: "worker_subtypes.tsv", catalog::worker_subtype, catalog::worker_subtypes;
    planilla_types: "planilla_types.tsv", catalog::planilla_type, catalog::planilla_types;
    contributor_types: "contributor_types.tsv", catalog::contributor_type,
        catalog::contributor_types;
    contributor_classes: "contributor_classes.tsv", catalog::contributor_class,
        catalog::contributor_classes;
    document_types: "document_types.tsv", catalog::document_type, catalog::document_types;
    pension_funds: "pension_funds.tsv", catalog::pension_fund, catalog::pension_funds;
    health_providers: "health_providers.tsv", catalog::health_provider,
        catalog::health_providers;
    family_funds: "ccf.tsv", catalog::family_fund, catalog::family_funds;
    risk_insurers: "arl.tsv", catalog::risk_insurer, catalog::risk_insurers;
    operators: "operators.tsv", catalog::operator, catalog::operators;
    municipalities: "municipalities.tsv", catalog::municipality, catalog::municipalities;
    activities: "ciiu.tsv", catalog::activity, catalog::activities;
    risk_activities: "arl_activities.tsv", catalog::risk_activity, catalog::risk_activities;
}

#[test]
fn places_are_codes_of_two_and_three_digits() {
    let all = || catalog::municipalities().map(|it| it.code);
    assert!(all().all(|code| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit())));
    assert!(all().all(|code| catalog::is_department(&code[..2])));
    let departments = (0..100).filter(|code| catalog::is_department(&format!("{code:02}")));
    assert_eq!(departments.count(), 33);
    for unknown in ["", "5", "98", "050", "é"] {
        assert!(!catalog::is_department(unknown), "{unknown:?}");
    }
}

#[test]
fn letters_and_digits_do_not_stand_for_each_other() {
    assert!(catalog::worker_type("E").is_none());
    assert!(catalog::planilla_type("04").is_none());
}

#[test]
fn an_employee_owes_everything() {
    let employee = catalog::worker_type("01").unwrap();
    assert_eq!(employee.name_es, "Dependiente");
    assert_eq!(employee.family, Family::Dependent);
    assert_eq!(employee.employment_type, Some(EmploymentType::Salaried));
    assert!(employee.employment_evidence && !employee.base_is_share_of_income);
    assert_eq!(employee.pension, Duty::Owed);
    assert_eq!(*employee.planilla_types, ["E", "A", "M", "N", "J"]);
}

#[test]
fn kinds_without_evidence_or_with_a_share_of_income_are_the_listed_ones() {
    let all = || catalog::worker_types();
    let silent: Vec<_> = all().filter(|t| !t.employment_evidence).map(|t| t.code).collect();
    assert_eq!(silent, ["15", "23", "40", "43", "52", "56", "67", "69", "72"]);
    let shares: Vec<_> = all().filter(|t| t.base_is_share_of_income).map(|t| t.code).collect();
    assert_eq!(shares, ["03", "16", "42", "57", "59"]);
    assert!(all().filter(|t| t.base_is_share_of_income).all(|t| t.family == Family::Independent));
}

#[test]
fn pensioner_subtypes_override_the_employment_type() {
    let pensioned = catalog::worker_subtypes()
        .filter(|subtype| subtype.employment_type_override == Some(EmploymentType::Pensioned));
    assert_eq!(pensioned.map(|s| s.code).collect::<Vec<_>>(), ["01", "02", "09"]);
}

#[test]
fn document_rules_keep_their_conditions() {
    let permit = catalog::document_type("PE").unwrap();
    assert_eq!(permit.kind, Some(DocumentKind::Pe));
    assert_eq!((permit.min_length, permit.max_length), (Some(15), Some(15)));
    assert_eq!(permit.worker_condition, Some("periods up to 2023-08"));
    assert_eq!(permit.worker_until, Some(month("2023-08")));
    assert_eq!(catalog::document_types().filter(|it| it.worker_until.is_some()).count(), 1);
    assert_eq!(catalog::document_type("CE").unwrap().letters, Letters::OlderData);
    for kind in DocumentKind::ALL {
        assert_eq!(catalog::document_type(kind.code()).unwrap().kind, Some(kind));
    }
}

#[test]
fn minimum_wages_cover_every_year_and_nothing_else() {
    let tsv = include_str!("../data/catalogs/smmlv.tsv");
    for (year, pesos) in codes(tsv).into_iter().zip(cells(tsv, "smmlv")) {
        for part in ["01", "12"] {
            let wage = catalog::minimum_wage(month(&format!("{year}-{part}")));
            assert_eq!(wage, Some(pesos.parse().unwrap()));
        }
    }
    assert_eq!(catalog::minimum_wages().count(), tsv.lines().count() - 1);
    for wage in catalog::minimum_wages() {
        assert_eq!(wage.base_cap, wage.pesos * 25, "cap of {}", wage.year);
    }
    assert_eq!(catalog::minimum_wage(month("2005-12")), None);
}

#[test]
fn every_numeric_rate_with_a_key_is_found_in_its_first_month() {
    let kinds = [
        (RateKind::PensionTotal, "0.16"),
        (RateKind::PensionEmployer, "0.12"),
        (RateKind::PensionWorker, "0.04"),
        (RateKind::PensionHighRisk, "0.26"),
        (RateKind::PensionUnpaidLeave, "0.12"),
        (RateKind::HealthTotal, "0.125"),
        (RateKind::HealthEmployer, "0.085"),
        (RateKind::HealthWorker, "0.04"),
        (RateKind::HealthExonerated, "0.04"),
        (RateKind::HealthUnpaidLeave, "0.085"),
        (RateKind::ArlClass1, "0.00522"),
        (RateKind::ArlClass2, "0.01044"),
        (RateKind::ArlClass3, "0.02436"),
        (RateKind::ArlClass4, "0.0435"),
        (RateKind::ArlClass5, "0.0696"),
        (RateKind::FamilyFund, "0.04"),
        (RateKind::Sena, "0.02"),
        (RateKind::SenaPublic, "0.005"),
        (RateKind::Icbf, "0.03"),
        (RateKind::Esap, "0.005"),
        (RateKind::Men, "0.01"),
        (RateKind::ComprehensiveBase, "0.70"),
        (RateKind::SelfEmployedBase, "0.40"),
    ];
    for (kind, text) in kinds {
        let found = catalog::rate(kind, month("2025-12"));
        assert_eq!(found, Some(text.parse().unwrap()), "{kind:?}");
    }
    let keys = codes(include_str!("../data/catalogs/contribution_rates.tsv"));
    let keyed = keys.iter().filter(|key| !key.is_empty() && **key != "solidarity_fund");
    assert_eq!(keyed.count(), kinds.len());
}

#[test]
fn rates_begin_when_the_law_does() {
    assert_eq!(catalog::rate(RateKind::SelfEmployedBase, month("2015-05")), None);
    assert!(catalog::rate(RateKind::SelfEmployedBase, month("2015-06")).is_some());
}

#[test]
fn the_solidarity_fund_goes_by_bands_of_minimum_wages() {
    let wage = catalog::minimum_wage(month("2025-10")).unwrap();
    let bands = [
        (4 * wage - 1, 0),
        (4 * wage, 100_000),
        (16 * wage - 1, 100_000),
        (16 * wage, 120_000),
        (17 * wage, 140_000),
        (18 * wage, 160_000),
        (19 * wage, 180_000),
        (20 * wage, 200_000),
        (25 * wage, 200_000),
    ];
    for (base, ten_millionths) in bands {
        let rate = solidarity_fund_rate(base, month("2025-10")).unwrap();
        assert_eq!(rate.ten_millionths(), ten_millionths, "base {base}");
    }
    assert_eq!(solidarity_fund_rate(9_000_000, month("2005-01")), None);
}

#[test]
fn rates_round_as_the_regulation_does() {
    let health = catalog::rate(RateKind::HealthWorker, month("2026-01")).unwrap();
    assert_eq!(health.of(1_423_500), 56_940);
    assert_eq!(health.of(1_423_513), 56_941);
    assert_eq!(health.contribution(1_423_500), 57_000);
    assert_eq!(health.contribution(1_425_000), 57_000);
    let class_2 = catalog::rate(RateKind::ArlClass2, month("2025-10")).unwrap();
    assert_eq!(class_2.contribution(1_423_500), 14_900);
    let integral = catalog::rate(RateKind::ComprehensiveBase, month("2025-10")).unwrap();
    assert_eq!(integral.whole_of(16_800_000), Some(24_000_000));
    assert_eq!(integral.whole_of(i64::MAX), Some(i64::MAX));
    for wrong in ["", "16000", "0.12345678", "1.0000001", "-0.1", "0,16", "2"] {
        assert!(wrong.parse::<catalog::Rate>().is_err(), "{wrong:?}");
    }
}

#[test]
fn working_hours_fall_with_the_law() {
    let hours = |day: &str| catalog::monthly_hours(day.parse().unwrap());
    assert_eq!(hours("2023-07-14"), Some(240));
    assert_eq!(hours("2026-07-14"), Some(220));
    assert_eq!(hours("2026-07-15"), Some(210));
}

#[test]
fn every_ending_of_a_document_has_its_due_day() {
    let tsv = include_str!("../data/catalogs/due_days.tsv");
    let mut next = 0;
    for ((from, to), day) in cells(tsv, "nit_last_two_from")
        .into_iter()
        .zip(cells(tsv, "nit_last_two_to"))
        .zip(cells(tsv, "business_day_of_month"))
    {
        let (from, to): (u8, u8) = (from.parse().unwrap(), to.parse().unwrap());
        assert_eq!(from, next, "endings overlap or leave a gap");
        for ending in from..=to {
            let due = catalog::due_business_day(&format!("9901002{ending:02}"));
            assert_eq!(due, Some(day.parse().unwrap()), "{ending:02}");
        }
        next = to + 1;
    }
    assert_eq!(next, 100);
    assert_eq!(catalog::due_business_day("7"), Some(2));
    for none in ["", "XA", "9900A", "99+1", "12é"] {
        assert_eq!(catalog::due_business_day(none), None, "{none:?}");
    }
}

#[test]
fn codes_have_the_dates_that_sources_give_and_no_others() {
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    let (v30, before) = (Some(day("2026-07-24")), Some(day("2026-07-23")));
    // Annex v30, and a name that says from when.
    let workers = catalog::worker_types().filter(|it| it.validity != ALWAYS);
    let workers: Vec<_> = workers.map(|it| (it.code, it.validity.from, it.validity.to)).collect();
    let part_time = Some(day("2026-08-01"));
    let expected =
        [("15", None, before), ("74", v30, None), ("75", v30, None), ("76", part_time, None)];
    assert_eq!(workers, expected);
    let planillas = catalog::planilla_types().filter(|it| it.validity != ALWAYS);
    let planillas: Vec<_> =
        planillas.map(|it| (it.code, it.validity.from, it.validity.to)).collect();
    assert_eq!(planillas, [("D", None, before), ("Q", None, before), ("W", v30, None)]);
    let payers = catalog::contributor_types().filter(|it| it.validity != ALWAYS);
    assert_eq!(payers.map(|it| (it.code, it.validity.from)).collect::<Vec<_>>(), [("17", v30)]);
    // The list of January 2024 has historic administrators; one more is known from elsewhere.
    let listed = Validity { from: None, to: Some(day("2024-01-31")) };
    let all = catalog::pension_funds().chain(catalog::health_providers());
    let all = all.chain(catalog::family_funds()).chain(catalog::risk_insurers());
    let mut historic = 0;
    for entity in all {
        let expected = if entity.active || entity.code == "25-7" { ALWAYS } else { listed };
        assert_eq!(entity.validity, expected, "{}", entity.code);
        historic += usize::from(!entity.active);
    }
    assert_eq!(historic, 27);
    assert!(listed.holds_in(month("2024-01")) && !listed.holds_in(month("2024-02")));
}

const ALWAYS: Validity = Validity { from: None, to: None };
