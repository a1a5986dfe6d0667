//! Rules that may be allowed, and what becomes of their findings.

use vinculo_pila::planilla::{self, CheckOptions, File, Severity};

use crate::helpers::sample;

#[test]
fn an_allowed_rule_warns_and_says_so() {
    let bytes = sample("bad/15-header-total.txt");
    let options = CheckOptions::allowing(&["header_payroll_total"]).unwrap();
    let report = planilla::check_with(&bytes, options);
    assert_eq!((report.errors, report.warnings), (0, 1));
    let finding = &report.findings[0];
    assert_eq!((finding.rule, finding.severity), ("header_payroll_total", Severity::Warning));
    assert!(finding.allowed);
    assert!(finding.to_string().contains("warning[header_payroll_total, allowed]"), "{finding}");
    assert_eq!(serde_json::to_value(finding).unwrap()["allowed"], true);
    assert!(matches!(planilla::read_with(&bytes, options), Ok(File::Planilla(_))));
    assert_eq!(planilla::check_reader_with(&mut bytes.as_slice(), options).unwrap(), report);

    let refused = planilla::check(&bytes);
    assert!(!refused.accepted() && !refused.findings[0].allowed);
    assert_eq!(serde_json::to_value(&refused.findings[0]).unwrap().get("allowed"), None);
}

#[test]
fn a_rule_allows_itself_alone() {
    let options = CheckOptions::allowing(&["header_payroll_total"]).unwrap();
    let count = sample("bad/14-header-count.txt");
    assert!(planilla::read_with(&count, options).is_err());
    let both: Vec<_> = CheckOptions::overridable().collect();
    let both = CheckOptions::allowing(&both).unwrap();
    assert!(planilla::check_with(&count, both).accepted());
    assert!(!planilla::check_with(&sample("bad/03-short-detail.txt"), both).accepted());
}

#[test]
fn a_warning_that_was_one_anyway_is_not_marked() {
    let options = CheckOptions::allowing(&["header_payroll_total"]).unwrap();
    let report = planilla::check_with(&sample("bad/ok-08-total-rounding.txt"), options);
    assert!(!report.findings[0].allowed);
}

#[test]
fn a_name_that_cannot_be_allowed_is_answered_with_those_that_can() {
    for name in ["record_length", "catalog", "HEADER_PAYROLL_TOTAL", ""] {
        let error = CheckOptions::allowing(&["header_payroll_total", name]).unwrap_err();
        assert_eq!(error.name, name);
        for code in CheckOptions::overridable() {
            assert!(error.to_string().contains(code), "{error}");
        }
    }
    let rules: Vec<_> = planilla::rules().filter(|rule| rule.overridable()).collect();
    assert!(rules.iter().all(|rule| rule.severities.contains(&Severity::Error)));
}
