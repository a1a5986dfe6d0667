//! The compact form of a contribution keeps all of it, and opens what earlier versions kept.

#![expect(clippy::expect_used, reason = "helpers of tests fail the test")]

use proptest::option;
use proptest::prelude::*;
use vinculo_pila::planilla::{self, File};
use vinculo_pila::{
    Administrator, Amounts, Contribution, Correction, Document, DocumentKind, Month, Names,
    Novelties, NoveltiesKnown, Origin, Payer, PerSystem, PlanillaRef, WorkerScale,
};

/// The first line of a sample.
fn line() -> Contribution {
    let bytes = include_bytes!("samples/02-nandu-E-2025-11.txt");
    let Ok(File::Planilla(planilla)) = planilla::read(bytes) else { panic!("refused") };
    planilla.contributions().next().expect("a line")
}

fn text() -> impl Strategy<Value = String> {
    "[A-ZÑÁ0-9 .]{0,20}"
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

fn mark() -> impl Strategy<Value = Option<char>> {
    option::of(any::<char>())
}

fn amount() -> impl Strategy<Value = Option<i64>> {
    option::of(any::<i64>())
}

prop_compose! {
    fn documents()(kind in 0..DocumentKind::ALL.len(), number in text()) -> Document {
        Document::new(DocumentKind::ALL[kind], number)
    }
}

prop_compose! {
    fn names()(all in [text(), text(), text(), text()]) -> Names {
        let [first, second, surname, second_surname] = all;
        Names { first, second, surname, second_surname }
    }
}

prop_compose! {
    fn payers()(
        document in documents(),
        all in [
            some_text(), some_text(), some_text(), some_text(), some_text(), some_text(),
            some_text(),
        ],
    ) -> Payer {
        let [name, activity_code, activity_text, class_code, class_text, kind_code, kind_text] =
            all;
        Payer {
            document, name, activity_code, activity_text, class_code, class_text, kind_code,
            kind_text,
        }
    }
}

prop_compose! {
    fn planillas()(
        all in [some_text(), some_text(), some_text(), some_text()],
        paid_on in some_day(),
    ) -> PlanillaRef {
        let [kind, number, branch, operator] = all;
        PlanillaRef { kind, number, branch, operator, paid_on }
    }
}

fn some_day() -> impl Strategy<Value = Option<jiff::civil::Date>> {
    let day = |(year, month, day)| jiff::civil::Date::new(year, month, day).expect("a day");
    option::of((1_i16..3_000, 1_i8..13, 1_i8..29).prop_map(day))
}

prop_compose! {
    fn novelties()(
        all in proptest::collection::vec(mark(), 14),
        irl_days: u8,
    ) -> Novelties {
        let [ing, ret, tde, tae, tdp, tap, vsp, vst, sln, ige, lma, vac, avp, vct] =
            <[Option<char>; 14]>::try_from(all).expect("as many");
        Novelties {
            ing, ret, tde, tae, tdp, tap, vsp, vst, sln, ige, lma, vac, avp, vct, irl_days,
        }
    }
}

fn per_system<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = Option<T>> + Clone,
) -> impl Strategy<Value = PerSystem<T>> {
    let all = (value.clone(), value.clone(), value.clone(), value);
    all.prop_map(|(pension, health, arl, ccf)| PerSystem { pension, health, arl, ccf })
}

prop_compose! {
    fn amounts()(all in proptest::collection::vec(amount(), 9)) -> Amounts {
        let [pension, voluntary_worker, fsp_solidarity, fsp_subsistence, health, arl, ccf, sena,
            icbf] = <[Option<i64>; 9]>::try_from(all).expect("as many");
        Amounts {
            pension, voluntary_worker, fsp_solidarity, fsp_subsistence, health, arl, ccf, sena,
            icbf,
        }
    }
}

fn administrators() -> impl Strategy<Value = Option<Administrator>> {
    option::of((some_text(), some_text()).prop_map(|(code, name)| Administrator { code, name }))
}

fn origins() -> impl Strategy<Value = Origin> {
    use Origin::{Ach, AgilData, Mareigua, MareiguaReport, Planilla};
    proptest::sample::select(vec![Planilla, Ach, AgilData, Mareigua, MareiguaReport])
}

fn novelties_known() -> impl Strategy<Value = NoveltiesKnown> {
    use NoveltiesKnown::{All, None, StartAndEnd};
    proptest::sample::select(vec![All, StartAndEnd, None])
}

fn worker_scales() -> impl Strategy<Value = Option<WorkerScale>> {
    use WorkerScale::{Employee, Pensioner, SelfEmployed};
    option::of(proptest::sample::select(vec![Employee, SelfEmployed, Pensioner]))
}

prop_compose! {
    fn contributions()(
        (origin, known, scale) in (origins(), novelties_known(), worker_scales()),
        paid: bool,
        who in (documents(), names(), payers(), planillas()),
        period in (1900_i32..2200, 1_u32..13),
        line: u32,
        correction in 0_usize..3,
        texts in [some_text(), some_text(), some_text()],
        days in per_system(option::of(any::<u8>()).boxed()),
        money in (per_system(amount().boxed()), amount(), amount(), amounts()),
        marks in (mark(), mark(), novelties()),
        funds in (administrators(), administrators()),
        dates in (some_day(), some_day()),
    ) -> Contribution {
        let (person, names, payer, planilla) = who;
        let [worker_kind, worker_subtype, arl_activity] = texts;
        let ((base, basic_salary, income, amounts), (salary_kind, risk_class, novelties)) =
            (money, marks);
        Contribution {
            origin, person, names, payer, planilla, line,
            period: Month::new(period.0, period.1).expect("a month"),
            correction: [None, Some(Correction::AsPaid), Some(Correction::AsCorrected)][correction],
            worker_kind, worker_subtype, worker_scale: scale, days, base, income, basic_salary,
            salary_kind, novelties,
            novelties_known: known,
            started_on: dates.0,
            ended_on: dates.1,
            amounts,
            pension_fund: funds.0,
            health_provider: funds.1,
            risk_class, arl_activity, paid,
        }
    }
}

proptest! {
    #[test]
    fn every_contribution_comes_back(contribution in contributions()) {
        prop_assert_eq!(Contribution::from_bytes(&contribution.clone().into_bytes()), Ok(contribution));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let with_form = [&[1], bytes.as_slice()].concat();
        for bytes in [&bytes, &with_form] {
            if let Ok(contribution) = Contribution::from_bytes(bytes) {
                prop_assert_eq!(Contribution::from_bytes(&contribution.clone().into_bytes()), Ok(contribution));
            }
        }
    }
}

#[test]
fn a_line_of_a_planilla_is_small() {
    let bytes = line().into_bytes();
    assert!(bytes.len() < 300, "{} bytes", bytes.len());
}

/// The line as the first version of the form kept it.
const KEPT: &str = "\
    0112100a024343120a313930303030303130311a220a064d4152c38d4112054a4f53c3891a0a5045c3914152\
    414e444122054e49c3914f223a0a0f0a024e4912093939303130303231371223494e445553545249415320c3\
    91414e44c39a2044454c20434146c38920532e412e532e3a023031288fae0c32180a0145120a303037313030\
    3032303720ca84d4092a02383838014a023031520230305a080818101818182018621008f0c04510f0c04518\
    f0c04520f0c045688cf15672007a19089c900b10001800200028a0e40230fc5c38a0e4024000480080014692\
    01080a063233303330319a01080a06455053303337a00132aa010732303131313031b00101";

/// What a database holds must open for ever.
#[test]
fn what_was_kept_stays_readable() {
    let digits = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    let kept: Vec<u8> = KEPT.as_bytes().chunks(2).map(digits).collect();
    assert_eq!(Contribution::from_bytes(&kept), Ok(line()));
    assert_eq!(line().into_bytes(), kept, "no field has lost its number");
}

#[test]
fn a_field_of_a_newer_version_is_skipped() {
    let mut bytes = line().into_bytes();
    // Field 99, a text.
    bytes.extend([0x9a, 0x06, 3, b'n', b'e', b'w']);
    assert_eq!(Contribution::from_bytes(&bytes), Ok(line()));
}

#[test]
fn what_is_no_kept_contribution_is_told() {
    let error = |bytes: &[u8]| Contribution::from_bytes(bytes).expect_err("read").to_string();
    assert_eq!(error(b""), "not a kept contribution: another form");
    assert_eq!(error(b"{}"), "not a kept contribution: another form");
    assert_eq!(error(&[1, 0xff]), "not a kept contribution: damaged");
    // No origin has the number 9, no month the number 0.
    assert_eq!(error(&[1, 8, 9]), "not a kept contribution: a value has no meaning");
    assert_eq!(error(&[1]), "not a kept contribution: a value has no meaning");
}
