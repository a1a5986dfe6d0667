//! Whole files of random values: written, checked, read and written again.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use vinculo_pila::planilla::{self, DetailBuf, DetailLength, FieldError, HeaderBuf, Writer};
use vinculo_pila::{Document, DocumentKind, Month, Names};

use crate::helpers::planilla;
use crate::writer::rebuilt;

/// What a line is given.
#[derive(Debug, Clone)]
struct Line {
    person: Document,
    names: Names,
    kind: u8,
    days: [u8; 5],
    salary: i64,
    salary_kind: Option<char>,
    bases: [i64; 5],
    rates: [u32; 3],
    amounts: [i64; 12],
    marks: [Option<char>; 4],
    leave: Option<(Date, i64)>,
    exonerated: char,
    class: Option<char>,
    activity: u32,
    hours: u16,
}

fn name() -> impl Strategy<Value = String> {
    "[A-ZÑÁÉÍÓÚÜ][A-ZÑÁÉÍÓÚÜ'’ .-]{0,16}[A-Z]".prop_map(|text| text)
}

fn person() -> impl Strategy<Value = Document> {
    let card = "[1-9][0-9]{2,9}".prop_map(|number| Document::new(DocumentKind::Cc, number));
    let passport = "[A-Z]{2}[0-9]{3,14}".prop_map(|number| Document::new(DocumentKind::Pa, number));
    prop_oneof![card, passport]
}

fn day() -> impl Strategy<Value = Date> {
    (2000_i16..2100, 1_i8..13, 1_i8..29).prop_map(|(year, month, day)| date(year, month, day))
}

fn pesos<const N: usize>() -> impl Strategy<Value = [i64; N]> {
    let one = prop_oneof![2 => Just(0), 3 => 0_i64..1_000_000_000];
    vec(one, N).prop_map(|all| all.try_into().unwrap())
}

prop_compose! {
    fn line()(
        person in person(),
        (first, second, surname, second_surname) in (name(), name(), name(), name()),
        kind in select(vec![1_u8, 2, 3, 12, 19, 51, 59]),
        days in vec(0_u8..=30, 5),
        (salary, bases, amounts) in (0_i64..1_000_000_000, pesos::<5>(), pesos::<12>()),
        salary_kind in option::of(select(vec!['X', 'F', 'V', '0'])),
        rates in vec(0_u32..100_000, 3),
        marks in vec(option::weighted(0.2, Just('X')), 4),
        leave in option::of((day(), 0_i64..60)),
        exonerated in select(vec!['S', 'N']),
        class in option::of(select(vec!['1', '2', '3', '4', '5'])),
        (activity, hours) in (0_u32..10_000_000, 0_u16..1_000),
    ) -> Line {
        Line {
            person,
            names: Names { first, second, surname, second_surname },
            kind,
            days: days.try_into().unwrap(),
            salary,
            salary_kind,
            bases,
            rates: rates.try_into().unwrap(),
            amounts,
            marks: marks.try_into().unwrap(),
            leave,
            exonerated,
            class,
            activity,
            hours,
        }
    }
}

fn record(line: &Line, length: DetailLength) -> Result<DetailBuf, FieldError> {
    let mut to = DetailBuf::of_length(length);
    to.set_person(&line.person)?.set_names(&line.names)?.set_number::<5>(line.kind)?;
    to.set_text::<9>("11")?.set_text::<10>("001")?;
    let [ing, ret, vsp, vst] = line.marks;
    to.set_mark::<15>(ing)?.set_mark::<16>(ret)?.set_mark::<21>(vsp)?.set_mark::<23>(vst)?;
    if let Some((start, days)) = line.leave {
        to.set_mark::<24>('X')?.set_date::<83>(start)?.set_date::<84>(start + days.days())?;
    }
    let [irl, pension, health, risk, family] = line.days;
    to.set_number::<30>(irl)?.set_number::<36>(pension)?.set_number::<37>(health)?;
    to.set_number::<38>(risk)?.set_number::<39>(family)?;
    to.set_number::<40>(line.salary)?.set_mark::<41>(line.salary_kind)?;
    let [b42, b43, b44, b45, b95] = line.bases;
    to.set_number::<42>(b42)?.set_number::<43>(b43)?.set_number::<44>(b44)?;
    to.set_number::<45>(b45)?.set_number::<95>(b95)?;
    let [r46, r54, r64] = line.rates.map(|rate| format!("0.{rate:05}").parse().unwrap());
    to.set_rate::<46>(r46)?.set_rate::<54>(r54)?.set_rate::<64>(r64)?;
    let [a47, a48, a49, a50, a51, a52, a53, a55, a63, a65, a67, a69] = line.amounts;
    to.set_number::<47>(a47)?.set_number::<48>(a48)?.set_number::<49>(a49)?;
    to.set_number::<50>(a50)?.set_number::<51>(a51)?.set_number::<52>(a52)?;
    to.set_number::<53>(a53)?.set_number::<55>(a55)?.set_number::<63>(a63)?;
    to.set_number::<65>(a65)?.set_number::<67>(a67)?.set_number::<69>(a69)?;
    to.set_mark::<76>(line.exonerated)?.set_mark::<78>(line.class)?;
    to.set_number::<96>(line.hours)?;
    if length == DetailLength::L693 {
        to.set_number::<98>(line.activity)?;
    }
    Ok(to)
}

fn header(name: &str, nit: u32, letter: char, month: Month) -> Result<HeaderBuf, FieldError> {
    let mut to = HeaderBuf::new();
    to.set_text::<4>(name)?
        .set_payer(&Document::new(DocumentKind::Nit, nit.to_string()))?
        .set_mark::<8>(letter)?
        .set_month::<15>(month)?
        .set_month::<16>(month.plus(1))?
        .set_number::<21>(1)?;
    Ok(to)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_whole_file_is_written_checked_and_rebuilt(
        (payer, nit) in (name(), 800_000_000_u32..1_000_000_000),
        letter in select(vec!['E', 'A', 'M', 'S', 'Y']),
        month in (2016_i32..2030, 1_u32..13),
        length in select(DetailLength::ALL.to_vec()),
        lines in vec(line(), 1..12),
    ) {
        let month = Month::new(month.0, month.1).unwrap();
        let mut header = header(&payer, nit, letter, month).unwrap();
        let mut details: Vec<_> = lines.iter().map(|line| record(line, length).unwrap()).collect();
        let mut writer = Writer::new(Vec::new());
        writer.planilla(&mut header, &mut details).unwrap();
        let bytes = writer.finish().unwrap();
        let report = planilla::check(&bytes);
        prop_assert!(report.accepted(), "{:#?}", report.findings);
        prop_assert!(rebuilt(&bytes).unwrap() == bytes);
        let read: Vec<_> = planilla(&bytes).contributions().collect();
        prop_assert_eq!(read.len(), lines.len());
        for (read, line) in read.iter().zip(&lines) {
            prop_assert_eq!(&read.person, &line.person);
            prop_assert_eq!(&read.names, &line.names);
            let [pension, health, arl, ccf, _] = line.bases.map(Some);
            let bases = [read.base.pension, read.base.health, read.base.arl, read.base.ccf];
            prop_assert_eq!(bases, [pension, health, arl, ccf]);
            prop_assert_eq!(read.novelties.sln.is_some(), line.leave.is_some());
            prop_assert_eq!((read.period, read.salary_kind), (month, line.salary_kind));
        }
    }
}
