//! Where the rules about days, bases and money begin and end.

use vinculo_pila::Month;
use vinculo_pila::catalog::Rate;
use vinculo_pila::planilla::{self, DetailBuf, FieldError, Finding, HeaderBuf, Severity, Writer};

use crate::helpers::{planilla, sample};

/// Seven people in October 2025 (minimum wage 1,423,500): 0 earns the minimum, 1 earns 6,800,000
/// and pays the solidarity fund, 2 has a comprehensive salary, 3 is an apprentice.
const MONTH: &str = "01-nandu-E-2025-10.txt";

/// Two lines of person 0: 24 days, and 6 of unpaid leave.
const LEAVE: &str = "02-nandu-E-2025-11.txt";

/// One self-employed person.
const INDEPENDENT: &str = "21-indep-I-2026-01.txt";

type Edit = Result<(), FieldError>;

/// The findings after an edit of a sample, the totals computed anew.
fn edited(
    name: &str,
    edit: impl FnOnce(&mut HeaderBuf, &mut Vec<DetailBuf>) -> Edit,
) -> Vec<Finding> {
    let bytes = sample(name);
    let source = planilla(&bytes);
    let mut header = HeaderBuf::from(*source.header());
    let mut details: Vec<DetailBuf> = source.details().map(DetailBuf::from).collect();
    edit(&mut header, &mut details).unwrap();
    let mut writer = Writer::new(Vec::new());
    writer.planilla(&mut header, &mut details).unwrap();
    let report = planilla::check(&writer.finish().unwrap());
    assert!(report.accepted(), "{:#?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.severity == Severity::Warning));
    report.findings
}

/// The rules and fields found after an edit of one line.
fn after(name: &str, line: usize, edit: impl FnOnce(&mut DetailBuf) -> Edit) -> Vec<String> {
    let findings = edited(name, |_, details| edit(&mut details[line]));
    let shown = |finding: &Finding| match finding.field {
        Some(field) => format!("{} {field}", finding.rule),
        None => finding.rule.to_owned(),
    };
    findings.iter().map(shown).collect()
}

fn set_days(line: &mut DetailBuf, days: u8) -> Edit {
    line.set_number::<36>(days)?.set_number::<37>(days)?;
    line.set_number::<38>(days)?.set_number::<39>(days)?;
    Ok(())
}

/// All bases, and the contributions that follow for an exonerated employee.
fn set_base(line: &mut DetailBuf, base: i64) -> Edit {
    line.set_number::<42>(base)?.set_number::<43>(base)?;
    line.set_number::<44>(base)?.set_number::<45>(base)?;
    line.set_number::<47>(due("0.16", base))?.set_number::<50>(due("0.16", base))?;
    line.set_number::<55>(due("0.04", base))?.set_number::<65>(due("0.04", base))?;
    let risk = line.view().text::<61>().into_owned();
    line.set_number::<63>(due(&risk, base))?;
    Ok(())
}

/// The contribution on a base.
fn due(rate: &str, base: i64) -> i64 {
    rate.parse::<Rate>().unwrap().contribution(base)
}

#[test]
fn a_month_has_thirty_days() {
    let short = |mark: Option<char>| {
        after(MONTH, 0, |line| {
            set_days(line, 29)?;
            line.set_number::<96>(200)?.set_mark::<15>(mark)?;
            line.set_date::<80>(mark.map(|_| jiff::civil::date(2025, 10, 2)))?;
            Ok(())
        })
    };
    assert_eq!(short(None), ["month_days 36"]);
    assert!(short(Some('X')).is_empty());
    // Another letter is a start as well.
    assert!(short(Some('R')).is_empty());
}

#[test]
fn a_leave_on_top_of_a_full_month_is_too_much() {
    let findings = edited(LEAVE, |_, details| set_days(&mut details[0], 30));
    let over = findings.iter().find(|finding| finding.rule == "month_days").unwrap();
    assert_eq!(over.found, "36 days on 2 lines");
    assert_eq!(over.line, 2);
}

#[test]
fn the_days_of_a_person_are_summed_wherever_the_lines_stand() {
    let findings = edited(LEAVE, |_, details| {
        let leave = details.remove(1);
        details.push(leave);
        Ok(())
    });
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn late_planillas_may_hold_a_part_of_the_month() {
    let findings = edited("07-nandu-M-2025-09.txt", |_, details| {
        details[0].set_mark::<15>(None)?.set_date::<80>(None)?;
        Ok(())
    });
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn the_days_of_an_employee_agree() {
    assert_eq!(after(MONTH, 0, |line| line.set_number::<39>(0).map(|_| ())), ["days_agree 39"]);
    let none = after(MONTH, 0, |line| {
        set_days(line, 0)?;
        line.set_number::<96>(0)?;
        Ok(())
    });
    assert_eq!(none, ["days_agree 37"]);
}

#[test]
fn the_bases_of_an_employee_agree_but_the_family_fund_may_have_more() {
    let family = |base: i64| {
        after(MONTH, 1, |line| {
            line.set_number::<45>(base)?.set_number::<65>(due("0.04", base))?;
            Ok(())
        })
    };
    assert!(family(9_000_000).is_empty());
    assert!(family(6_799_999).is_empty(), "a peso of rounding");
    assert_eq!(family(6_799_998), ["bases_agree 45"]);
    let none = after(MONTH, 0, |line| {
        set_base(line, 0)?;
        Ok(())
    });
    assert_eq!(none, ["bases_agree 43"]);
}

#[test]
fn no_base_is_below_the_minimum_wage_by_days() {
    let base = |base: i64| after(MONTH, 0, |line| set_base(line, base));
    assert!(base(1_423_500).is_empty());
    assert!(base(1_423_499).is_empty(), "a peso of rounding");
    assert_eq!(base(1_423_498), ["base_floor 42", "base_floor 43", "base_floor 44"]);
    assert_eq!(
        after(INDEPENDENT, 0, |line| {
            line.set_number::<42>(1_750_000)?.set_number::<47>(280_000)?;
            line.set_number::<50>(280_000)?;
            Ok(())
        }),
        ["base_floor 42"]
    );
}

#[test]
fn bases_end_at_twenty_five_minimum_wages() {
    const CAP: i64 = 25 * 1_423_500;
    let arl = |kind: u8, base: i64| {
        let line = |line: &mut DetailBuf| {
            line.set_number::<5>(kind)?.set_number::<44>(base)?;
            line.set_number::<63>(due("0.00522", base))?;
            Ok(())
        };
        after("09-penon-E-2025-10.txt", 0, line)
    };
    assert!(arl(1, CAP + 1).is_empty(), "a peso of rounding");
    assert_eq!(arl(1, CAP + 2), ["bases_agree 44", "base_cap 44"]);
    assert_eq!(arl(18, CAP + 2), ["bases_agree 44"], "public servants have no cap");
}

#[test]
fn the_solidarity_fund_goes_by_the_base_of_the_month() {
    let fund = |base: i64, first: i64, second: i64| {
        after(MONTH, 1, |line| {
            set_base(line, base)?;
            line.set_number::<51>(first)?.set_number::<52>(second)?;
            Ok(())
        })
    };
    assert!(fund(5_693_999, 0, 0).is_empty());
    assert!(fund(5_694_000, 28_500, 28_500).is_empty());
    assert_eq!(fund(5_694_000, 0, 0), ["solidarity_fund 51", "solidarity_fund 52"]);
    assert_eq!(fund(5_693_999, 28_500, 0), ["solidarity_fund 51"]);
    assert_eq!(fund(6_800_000, 34_000, 34_200), ["solidarity_fund 52"]);
    assert!(fund(6_800_000, 34_000, 34_100).is_empty(), "a step of rounding");
}

#[test]
fn unpaid_leave_keeps_the_share_of_the_employer() {
    let rates = |pension: &str, health: &str| {
        let due = |rate: &str| due(rate, 284_700);
        after(LEAVE, 1, |line| {
            line.set_rate::<46>(pension.parse().unwrap())?.set_number::<47>(due(pension))?;
            line.set_number::<50>(due(pension))?;
            line.set_rate::<54>(health.parse().unwrap())?.set_number::<55>(due(health))?;
            Ok(())
        })
    };
    assert!(rates("0.12", "0.085").is_empty());
    assert_eq!(rates("0.16", "0"), ["unpaid_leave_rate 46"]);
    assert_eq!(rates("0.12", "0.04"), ["unpaid_leave_rate 54"]);
    let commission = after(LEAVE, 1, |line| {
        line.set_mark::<24>('C')?.set_rate::<46>("0.16".parse().unwrap())?;
        line.set_number::<47>(45_600)?.set_number::<50>(45_600)?;
        Ok(())
    });
    assert!(commission.is_empty());
}

#[test]
fn a_rate_of_zero_pays_nothing() {
    assert_eq!(
        after(LEAVE, 1, |line| line.set_number::<55>(100).map(|_| ())),
        ["contribution_amount 55"]
    );
}

#[test]
fn the_base_of_sena_and_icbf_suits_what_they_get() {
    let base =
        |line: usize, base: i64| after(MONTH, line, |to| to.set_number::<95>(base).map(|_| ()));
    assert_eq!(base(0, 1_423_500)[0], "other_parafiscal_base 95");
    let without = base(2, 0);
    assert!(without.contains(&"other_parafiscal_base 95".to_owned()), "{without:?}");
    // Zeros on the right.
    let tenfold = base(2, 168_000_000);
    assert!(tenfold.contains(&"other_parafiscal_base 95".to_owned()), "{tenfold:?}");
}

#[test]
fn the_exoneration_ends_at_ten_minimum_wages_of_the_month() {
    let base = |base: i64| {
        let first = due("0.005", base);
        after(MONTH, 1, |line| {
            set_base(line, base)?;
            line.set_number::<51>(first)?.set_number::<52>(first)?;
            Ok(())
        })
    };
    assert!(base(14_234_999).is_empty());
    assert_eq!(base(14_235_000), ["exoneration 76"]);
}

#[test]
fn a_comprehensive_salary_is_ten_wages_before_its_base_is() {
    let base = |base: i64| {
        let first = due("0.005", base);
        after(MONTH, 1, |line| {
            set_base(line, base)?;
            line.set_mark::<41>('X')?.set_number::<51>(first)?.set_number::<52>(first)?;
            Ok(())
        })
    };
    assert!(base(9_964_499).is_empty());
    assert_eq!(base(9_964_500), ["exoneration 76"]);
    // Thirteen wages, the least a comprehensive salary can be.
    assert_eq!(base(12_953_850), ["exoneration 76"]);
}

#[test]
fn an_exonerated_worker_pays_the_own_share_of_health() {
    let health = |name: &str, line: usize, rate: &'static str| {
        let edit = |line: &mut DetailBuf| {
            let base = line.view().number::<43>().unwrap_or_default().cast_signed();
            line.set_rate::<54>(rate.parse().unwrap())?.set_number::<55>(due(rate, base))?;
            Ok(())
        };
        after(name, line, edit)
    };
    assert!(health(MONTH, 0, "0.04").is_empty());
    assert_eq!(health(MONTH, 0, "0.125"), ["exonerated_health 54"]);
    assert_eq!(health(MONTH, 0, "0"), ["exonerated_health 54"]);
    assert!(health(LEAVE, 1, "0").is_empty(), "unpaid leave");
    assert_eq!(health(MONTH, 3, "0.125"), [""; 0], "not exonerated");
    let subtype = |subtype: u8| {
        after(MONTH, 0, |line| {
            line.set_number::<6>(subtype)?;
            line.set_rate::<54>("0".parse().unwrap())?.set_number::<55>(0)?;
            Ok(())
        })
    };
    assert!(subtype(9).is_empty(), "a pensioner at the cap owes no health");
    assert_eq!(subtype(1), ["exonerated_health 54"]);
}

#[test]
fn hours_are_those_of_the_month_by_days() {
    let hours = |name: &str, line: usize, hours: u16| {
        after(name, line, |to| to.set_number::<96>(hours).map(|_| ()))
    };
    assert!(hours(MONTH, 0, 220).is_empty());
    assert_eq!(hours(MONTH, 0, 221), ["hours 96"]);
    assert!(hours(LEAVE, 1, 44).is_empty());
    assert_eq!(hours(LEAVE, 1, 45), ["hours 96"]);
    assert!(hours("26-penon-E-2018-01-676.txt", 0, 240).is_empty());
}

#[test]
fn the_month_in_which_the_hours_change_has_the_longer_ones() {
    let too_many = |month: &str| {
        let month: Month = month.parse().unwrap();
        let findings = edited(INDEPENDENT, |header, details| {
            header.set_month::<15>(month)?.set_month::<16>(month)?;
            details[0].set_number::<96>(220)?;
            Ok(())
        });
        findings.iter().any(|finding| finding.rule == "hours")
    };
    assert!(!too_many("2026-07"));
    assert!(too_many("2026-08"));
}

#[test]
fn the_month_of_health_follows_the_work_of_employees_only() {
    let health = |name: &str, work: &str, health: &str| {
        let (work, health): (Month, Month) = (work.parse().unwrap(), health.parse().unwrap());
        let findings = edited(name, |header, _| {
            header.set_month::<15>(work)?.set_month::<16>(health)?;
            Ok(())
        });
        findings.iter().any(|finding| finding.rule == "health_period")
    };
    assert!(!health(MONTH, "2025-10", "2025-11"));
    assert!(health(MONTH, "2025-10", "2025-10"));
    assert!(!health(INDEPENDENT, "2026-01", "2026-01"));
    assert!(health(INDEPENDENT, "2026-01", "2026-02"));
    // Before October 2018 the self-employed paid health ahead.
    assert!(!health(INDEPENDENT, "2018-09", "2018-10"));
    assert!(!health("24-uni-K-2026-01.txt", "2026-01", "2026-02"));
}

#[test]
fn zeros_and_margins_on_the_left_are_told() {
    let header = |edit: fn(&mut HeaderBuf) -> Edit| {
        let findings = edited(MONTH, |header, _| edit(header));
        findings.iter().map(|finding| (finding.rule, finding.field.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(header(|to| to.set_number::<9>(0).map(|_| ())), [("zero_filled", 9)]);
    assert_eq!(header(|to| to.set_number::<3>(0).map(|_| ())), [("header_sequence", 3)]);
    assert_eq!(header(|to| to.set_number::<2>(0).map(|_| ())), [("catalog", 2)]);
    let branch = header(|to| to.set_mark::<11>('S')?.set_text::<12>("       001").map(|_| ()));
    assert_eq!(branch, [("alignment", 12)]);
    let family_fund = after(MONTH, 0, |line| line.set_text::<35>("CCFC35").map(|_| ()));
    assert_eq!(family_fund, ["catalog 35"]);
}
