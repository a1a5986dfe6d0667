//! What holds for any lines of a person, however odd.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vinculo_history::{Options, Projection, project, trace};
use vinculo_pila::{
    Administrator, Contribution, Correction, Document, DocumentKind, Month, NoveltiesKnown, Origin,
    PerSystem, WorkerScale,
};

use crate::support::{ach_row, date, month, payer, planilla_line};

/// Amounts around the figures where rules change, and some absurd ones.
fn pesos() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![
        6 => 0_i64..60_000_000,
        2 => select(vec![0, 1_423_500, 1_750_905, 35_587_500, 43_772_625]),
        1 => select(vec![i64::MIN, -1, i64::MAX]),
    ]
}

fn per_system<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = PerSystem<T>> {
    let one = || option::weighted(0.9, value.clone());
    (one(), one(), one(), one()).prop_map(|(pension, health, arl, ccf)| PerSystem {
        pension,
        health,
        arl,
        ccf,
    })
}

fn kinds() -> impl Strategy<Value = Option<String>> {
    let known = ["01", "02", "03", "12", "19", "20", "23", "31", "40", "51", "57", "59", "98"];
    option::weighted(0.95, select(known.to_vec()).prop_map(str::to_owned))
}

fn mark() -> impl Strategy<Value = Option<char>> {
    option::weighted(0.15, select(vec!['X', 'X', 'R', 'L']))
}

const SCALES: [WorkerScale; 3] =
    [WorkerScale::Employee, WorkerScale::SelfEmployed, WorkerScale::Pensioner];

prop_compose! {
    fn any_line()(
        origin in prop_oneof![
            4 => Just(Origin::Planilla),
            2 => select(vec![Origin::Ach, Origin::AgilData, Origin::Mareigua]),
        ],
        (income, scale) in (option::of(pesos()), option::of(select(SCALES.to_vec()))),
        employer in 0_usize..3,
        back in prop_oneof![2 => 0_i32..4, 1 => 0_i32..30],
        fund in select(vec!["230201", "230301", "25-14"]),
        number in option::weighted(0.8, 0_u32..6),
        line in 0_u32..4,
        letter in select(vec!["E", "E", "I", "N", "M", "A", "J"]),
        role in option::weighted(0.7, select(vec![Correction::AsPaid, Correction::AsCorrected])),
        worker_kind in kinds(),
        subtype in select(vec!["00", "01", "04", "77"]),
        (base, basic_salary) in (per_system(pesos()), option::of(pesos())),
        days in per_system(0_u8..=40),
        salary_kind in option::of(select(vec!['X', 'F', 'V', '0'])),
        (ing, ret, vst, sln, vac) in (mark(), mark(), mark(), mark(), mark()),
        paid in vec(option::of(pesos()), 4),
    ) -> Contribution {
        let employers = ["990100217", "9901002172", "990200435"];
        let who = payer(DocumentKind::Nit, employers[employer], "TALLER EJEMPLO S.A.S.");
        let period = month("2026-03").plus(-back).to_string();
        let mut made = match origin {
            Origin::Planilla => planilla_line("1900500010", who, &period, "", line, 0),
            _ => ach_row("1900500010", who, &period, line, 0),
        };
        made.origin = origin;
        made.planilla.kind = Some(letter.to_owned());
        if origin == Origin::Planilla {
            made.planilla.number = number.map(|number| format!("{number:010}"));
            made.planilla.paid_on = number.map(|_| date("2026-01-10"));
            made.paid = number.is_some();
            made.correction = role.filter(|_| letter == "N");
            made.worker_subtype = Some(subtype.to_owned());
            made.days = days;
            made.amounts.pension = paid[0];
            made.amounts.health = paid[1];
            made.amounts.fsp_solidarity = paid[2];
            made.amounts.ccf = paid[3];
        }
        made.pension_fund = Some(Administrator {
            code: Some(fund.to_owned()),
            name: None,
        });
        made.names.second_surname = fund.to_owned();
        if origin == Origin::Mareigua {
            made.income = income;
            made.worker_kind = None;
            made.worker_scale = scale;
            made.base = PerSystem::default();
        } else {
            made.worker_kind = worker_kind;
            made.base = base;
        }
        made.basic_salary = basic_salary;
        made.salary_kind = salary_kind;
        made.novelties.ing = ing;
        made.novelties.ret = ret;
        if made.novelties_known == NoveltiesKnown::All {
            made.novelties.vst = vst;
            made.novelties.sln = sln;
            made.novelties.vac = vac;
        }
        made
    }
}

fn options() -> impl Strategy<Value = Options> {
    (option::of(0_u32..36), any::<bool>()).prop_map(|(window_months, include_drafts)| Options {
        current_month: month("2026-04"),
        window_months,
        include_drafts,
    })
}

fn shown_months(projection: &Projection) -> BTreeSet<(Document, Month)> {
    let months = projection.employments.iter().flat_map(|employment| {
        employment.months.iter().map(|detail| (employment.payer.clone(), detail.month))
    });
    months.collect()
}

fn seen(lines: &[Contribution], options: &Options) -> Projection {
    project(lines, &[], options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_lines_changes_nothing(
        (lines, shuffled) in vec(any_line(), 0..14)
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        options in options(),
    ) {
        prop_assert_eq!(seen(&lines, &options), seen(&shuffled, &options));
    }

    #[test]
    fn a_second_copy_of_planillas_changes_nothing(
        lines in vec(any_line(), 1..10),
        copied in any::<Index>(),
        options in options(),
    ) {
        let number = copied.get(&lines).planilla.number.clone();
        let copy = lines.iter().filter(|line| {
            line.origin == Origin::Planilla && line.planilla.number == number
        });
        let twice: Vec<_> = lines.iter().chain(copy).cloned().collect();
        prop_assert_eq!(seen(&lines, &options), seen(&twice, &options));
    }

    #[test]
    fn amounts_and_tenure_stay_in_their_bounds(
        lines in vec(any_line(), 0..14),
        options in options(),
    ) {
        let found = seen(&lines, &options);
        for employment in &found.employments {
            for detail in &employment.months {
                prop_assert!(detail.gross_amount.is_none_or(|gross| gross >= 0));
                let bound = |net| detail.gross_amount.is_some_and(|gross| net <= gross);
                prop_assert!(detail.net_amount.is_none_or(|net| net >= 0 && bound(net)));
            }
            let known = lines.iter().map(|line| line.period);
            let (first, last) = (known.clone().min().unwrap(), known.max().unwrap());
            let span = u32::try_from(last.months_since(first)).unwrap() + 1;
            let tenure = employment.employer.tenure;
            prop_assert!((1..=span).contains(&tenure), "tenure {tenure} of {span}");
            prop_assert!(tenure <= employment.provenance.months_contributed);
            prop_assert!(!employment.months.is_empty());
            let shown = employment.months.iter().map(|detail| detail.month);
            let told = employment.provenance.months.iter().map(|origin| origin.month);
            prop_assert!(shown.eq(told));
        }
    }

    /// What one source proves, all of them together prove too, and no more.
    #[test]
    fn no_month_is_lost_or_made_by_merging(
        lines in vec(any_line(), 0..14),
        options in options(),
    ) {
        let origins: BTreeSet<_> = lines.iter().map(|line| line.origin).collect();
        let alone = origins.into_iter().flat_map(|origin| {
            let of_source = lines.iter().filter(|line| line.origin == origin);
            shown_months(&seen(&of_source.cloned().collect::<Vec<_>>(), &options))
        });
        prop_assert_eq!(alone.collect::<BTreeSet<_>>(), shown_months(&seen(&lines, &options)));
    }

    /// Merging is idempotent: a further operator that says what one has said changes nothing.
    #[test]
    fn a_source_that_repeats_another_changes_nothing(
        lines in vec(any_line(), 0..14),
        options in options(),
    ) {
        let lines: Vec<_> =
            lines.into_iter().filter(|line| line.origin != Origin::MareiguaReport).collect();
        for repeated in [Origin::Ach, Origin::AgilData, Origin::Mareigua] {
            let said = lines.iter().filter(|line| line.origin == repeated).cloned();
            let again = said.map(|line| Contribution { origin: Origin::MareiguaReport, ..line });
            let twice: Vec<_> = lines.iter().cloned().chain(again).collect();
            prop_assert_eq!(seen(&lines, &options), seen(&twice, &options));
        }
    }

    #[test]
    fn every_line_of_a_shown_month_is_traced(
        lines in vec(any_line(), 0..14),
        options in options(),
    ) {
        for employment in seen(&lines, &options).employments {
            let traced = trace(&lines, &BTreeSet::new(), &employment.payer, &options);
            let months = &employment.provenance.months;
            prop_assert!(traced.keys().rev().eq(months.iter().map(|told| &told.month)));
            for told in months {
                let of_month = &traced[&told.month];
                let counted = of_month.iter().filter(|line| line.role.counts());
                let counted: Vec<_> = counted.map(|line| &lines[line.index]).collect();
                prop_assert_eq!(counted.len(), told.lines as usize);
                prop_assert!(counted.iter().all(|line| line.origin == told.origin));
                prop_assert_eq!(counted.iter().all(|line| line.paid), told.paid);
                let mut indices: Vec<_> = of_month.iter().map(|line| line.index).collect();
                indices.sort_unstable();
                indices.dedup();
                prop_assert_eq!(indices.len(), of_month.len());
            }
        }
    }

    #[test]
    fn what_does_not_count_can_be_left_out_of_a_month_without_corrections(
        lines in vec(any_line(), 0..14),
        options in options(),
    ) {
        for employment in seen(&lines, &options).employments {
            for (month, of_month) in trace(&lines, &BTreeSet::new(), &employment.payer, &options) {
                let here: Vec<_> = of_month.iter().map(|line| &lines[line.index]).collect();
                if here.iter().any(|line| line.planilla.kind.as_deref() == Some("N")) {
                    continue;
                }
                let counted = of_month.iter().filter(|line| line.role.counts());
                let alone: Vec<_> = counted.map(|line| lines[line.index].clone()).collect();
                let again = seen(&alone, &options);
                let gross = |projection: &Projection| {
                    let same = projection.employments.iter().find(|e| e.payer == employment.payer);
                    same.and_then(|e| e.months.iter().find(|detail| detail.month == month))
                        .map(|detail| detail.gross_amount)
                };
                prop_assert_eq!(gross(&again), gross(&seen(&lines, &options)));
            }
        }
    }

    #[test]
    fn a_wider_window_only_adds_months(lines in vec(any_line(), 0..14)) {
        let with = |window_months| Options {
            current_month: month("2026-04"),
            window_months,
            include_drafts: true,
        };
        let all = seen(&lines, &with(None));
        for employment in seen(&lines, &with(Some(12))).employments {
            let whole = all.employments.iter().find(|e| e.payer == employment.payer).unwrap();
            prop_assert!(whole.months.starts_with(&employment.months));
            prop_assert_eq!(&whole.employer, &employment.employer);
        }
    }
}
