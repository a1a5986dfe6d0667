//! Writing: files rebuilt from what was read, byte by byte.

use proptest::prelude::*;
use vinculo_pila::catalog::{self, Rate, RateKind};
use vinculo_pila::planilla::layout::{DETAIL, Field, FieldType, HEADER, PAYER};
use vinculo_pila::planilla::{
    self, Detail, DetailBuf, DetailLength, FieldError, FieldProblem, Header, HeaderBuf, Layout,
    LineEnding, PayerRecord, PayerRecordBuf, RecordBuf, WriteError, Writer, byte_of, character,
};
use vinculo_pila::{Document, DocumentKind, Month, Names};

use crate::helpers::{planilla, sample, samples, text_files};

type Fallible = Result<(), FieldError>;

/// Sets every field of `$to` from what `$from` reads, each with the setter of its sort.
macro_rules! rebuild {
    ($from:expr, $to:expr;
     numbers $($number:literal)*; rates $($rate:literal)*; dates $($date:literal)*;
     months $($month:literal)*; marks $($mark:literal)*; texts $($text:literal)*) => {{
        $(match $from.number::<$number>() {
            Some(value) => { $to.set_number::<$number>(value)?; }
            None => { $to.set_text::<$number>(&$from.text::<$number>())?; }
        })*
        $($to.set_rate::<$rate>($from.text::<$rate>().parse::<Rate>().unwrap())?;)*
        $($to.set_date::<$date>($from.date::<$date>())?;)*
        $($to.set_month::<$month>($from.month::<$month>().unwrap())?;)*
        $($to.set_mark::<$mark>($from.mark::<$mark>())?;)*
        $($to.set_text::<$text>(&$from.text::<$text>())?;)*
        $to
    }};
}

fn header(from: &Header<'_>) -> Result<HeaderBuf, FieldError> {
    let mut to = HeaderBuf::new();
    Ok(rebuild!(from, to;
        numbers 1 2 3 7 9 17 19 20 21 22; rates; dates 10 18; months 15 16; marks 8 11;
        texts 4 5 6 12 13 14))
}

fn detail(from: &Detail<'_>) -> Result<DetailBuf, FieldError> {
    let length = DetailLength::ALL.into_iter().find(|l| l.characters() == from.bytes().len());
    let mut to = DetailBuf::of_length(length.unwrap());
    if length >= Some(DetailLength::L686) {
        to.set_date::<97>(from.date::<97>())?;
    }
    if length == Some(DetailLength::L693) {
        to.set_text::<98>(&from.text::<98>())?;
    }
    Ok(rebuild!(from, to;
        numbers 1 2 5 6 30 36 37 38 39 40 42 43 44 45 47 48 49 50 51 52 53 55 56 58 60 62 63 65 67
            69 71 73 95 96;
        rates 46 54 61 64 66 68 70 72;
        dates 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94;
        months;
        marks 7 8 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 41 76 78 79;
        texts 3 4 9 10 11 12 13 14 31 32 33 34 35 57 59 74 75 77))
}

fn payer(from: &PayerRecord<'_>) -> Result<PayerRecordBuf, FieldError> {
    let mut to = PayerRecordBuf::new();
    Ok(rebuild!(from, to;
        numbers 4 8 14 15 16 19 26 28 30; rates; dates 25 27 31; months 29; marks 7 9 10 33 34;
        texts 1 2 3 5 6 11 12 13 17 18 20 21 22 23 24 32))
}

/// A planilla written anew, field by field, from what is read of it.
pub(crate) fn rebuilt(bytes: &[u8]) -> Result<Vec<u8>, WriteError> {
    let planilla = planilla(bytes);
    let details: Result<Vec<DetailBuf>, _> = planilla.details().map(|line| detail(&line)).collect();
    let mut writer = Writer::new(Vec::new());
    writer.records(&header(planilla.header())?, &details?)?;
    writer.finish()
}

#[test]
fn every_planilla_is_rebuilt_byte_by_byte() {
    for path in text_files(&samples()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(rebuilt(&bytes).unwrap() == bytes, "{}", path.display());
    }
}

#[test]
fn every_payer_record_is_rebuilt_byte_by_byte() {
    for path in text_files(&samples().join("type1")) {
        let bytes = std::fs::read(&path).unwrap();
        let view = PayerRecord::new(&bytes[..567]).unwrap();
        let mut writer = Writer::new(Vec::new());
        writer.record(&payer(&view).unwrap()).unwrap();
        assert!(writer.finish().unwrap() == bytes, "{}", path.display());
    }
}

#[test]
fn what_can_be_computed_is_what_the_samples_say() {
    for path in text_files(&samples()) {
        let bytes = std::fs::read(&path).unwrap();
        let planilla = planilla(&bytes);
        let mut header = HeaderBuf::from(*planilla.header());
        header.set_number::<19>(0).unwrap().set_number::<20>(0).unwrap();
        if planilla.header().raw::<5>() == b"NI" {
            header.set_raw::<7>(b"0").unwrap();
        }
        let mut details: Vec<DetailBuf> = planilla.details().map(DetailBuf::from).collect();
        for detail in &mut details {
            detail.set_number::<2>(0).unwrap();
        }
        let mut writer = Writer::new(Vec::new());
        writer.planilla(&mut header, &mut details).unwrap();
        assert!(writer.finish().unwrap() == bytes, "{}", path.display());
    }
}

#[test]
fn line_ends_are_a_choice() {
    let bytes = sample("16-casa-S-2025-12.txt");
    let planilla = planilla(&bytes);
    let header = HeaderBuf::from(*planilla.header());
    let details: Vec<DetailBuf> = planilla.details().map(DetailBuf::from).collect();
    let write = |writer: Writer<Vec<u8>>| {
        let mut writer = writer;
        writer.records(&header, &details).unwrap();
        writer.finish().unwrap()
    };
    let lines = |end: &[u8]| {
        let mut records = vec![header.bytes()];
        records.extend(details.iter().map(RecordBuf::bytes));
        records.join(end)
    };
    let plain = || Writer::new(Vec::new());
    assert_eq!(write(plain().final_line_end(false)), lines(b"\r\n"));
    assert_eq!(write(plain().line_ending(LineEnding::Lf).final_line_end(false)), lines(b"\n"));
    let mut ended = lines(b"\n");
    ended.push(b'\n');
    assert_eq!(write(plain().line_ending(LineEnding::Lf)), ended);
}

#[test]
fn a_new_record_holds_blanks() {
    fn assert_blank<L: Layout>(record: &RecordBuf<L>, fields: &[Field], set: &[u16]) {
        for field in fields.iter().filter(|field| !set.contains(&field.number)) {
            let raw = &record.bytes()[field.range()];
            let expected = match field.kind {
                _ if field.name_en.starts_with("rate_") => &b"0.0000000"[..raw.len()],
                FieldType::Numeric => &b"000000000000"[..raw.len()],
                FieldType::Text => &[b' '; 200][..raw.len()],
            };
            assert_eq!(raw, expected, "field {}", field.number);
        }
    }
    assert_blank(&HeaderBuf::new(), &HEADER, &[1, 2, 3, 9, 11, 17]);
    assert_blank(&DetailBuf::new(), &DETAIL, &[1]);
    assert_blank(&PayerRecordBuf::new(), &PAYER, &[10, 33, 34]);
    for (length, count) in DetailLength::ALL.into_iter().zip([676, 686, 693]) {
        assert_eq!(DetailBuf::of_length(length).bytes().len(), count);
        assert_eq!(length.characters(), count);
    }
}

#[test]
fn values_that_do_not_fit_are_refused_by_the_name_of_their_field() {
    let mut line = DetailBuf::new();
    let mut says = |change: &dyn Fn(&mut DetailBuf) -> Fallible| {
        let before = line.clone();
        let error = change(&mut line).unwrap_err();
        assert_eq!(line, before, "a refused value changes nothing");
        error.to_string()
    };
    let text =
        |text: &'static str| move |line: &mut DetailBuf| line.set_text::<13>(text).map(|_| ());
    let shown = [
        says(&text("A NAME OF TWENTY-ONE.")),
        says(&text("IGNACY ŁUKASZ")),
        says(&text("TAB\t")),
        says(&|line| line.set_text::<42>("12.5").map(|_| ())),
        says(&|line| line.set_number::<42>(1_000_000_000).map(|_| ())),
        says(&|line| line.set_number::<42>(-1).map(|_| ())),
        says(&|line| line.set_rate::<46>("0.123456".parse().unwrap()).map(|_| ())),
        says(&|line| line.set_rate::<46>("1".parse().unwrap()).map(|_| ())),
        says(&|line| line.set_raw::<46>(b"0.16").map(|_| ())),
        says(&|line| line.set_mark::<15>('\n').map(|_| ())),
    ];
    insta::assert_snapshot!(shown.join("\n"));
    let mut old = DetailBuf::of_length(DetailLength::L676);
    let error = old.set_number::<98>(1).unwrap_err();
    assert_eq!(error.problem, FieldProblem::Absent { length: 676 });
}

#[test]
fn too_many_lines_have_no_sequence_number() {
    let mut details = vec![DetailBuf::new(); 100_000];
    let error = planilla::write::complete(&mut HeaderBuf::new(), &mut details).unwrap_err();
    assert_eq!((error.record, error.number), ("detail", 2));
}

#[test]
fn payers_and_people_are_set_at_once() {
    let nit = Document::new(DocumentKind::Nit, "990100217");
    let card = Document::new(DocumentKind::Cc, "1900000888");
    let mut header = HeaderBuf::new();
    assert_eq!(header.set_payer(&nit).unwrap().view().raw::<7>(), b"2");
    assert_eq!(header.set_payer(&card).unwrap().view().raw::<7>(), b"0");
    assert_eq!(header.view().payer(), Some(card.clone()));
    let mut payer = PayerRecordBuf::new();
    assert_eq!(payer.set_payer(&nit).unwrap().view().raw::<4>(), b"2");
    let names = Names {
        first: "MARÍA".to_owned(),
        second: "JOSÉ".to_owned(),
        surname: "PEÑARANDA".to_owned(),
        second_surname: "NIÑO".to_owned(),
    };
    let mut line = DetailBuf::new();
    line.set_person(&card).unwrap().set_names(&names).unwrap();
    assert_eq!(line.view().person(), Some(card));
    assert_eq!(line.view().text::<12>(), "NIÑO");
    assert_eq!(format!("{line:?}"), "RecordBuf(detail, 693 bytes)");
}

#[test]
fn rates_take_the_width_of_their_field() {
    let december = Month::new(2025, 12).unwrap();
    let class_5 = catalog::rate(RateKind::ArlClass5, december).unwrap();
    let mut line = DetailBuf::new();
    line.set_rate::<61>(class_5).unwrap().set_rate::<46>("0.16".parse().unwrap()).unwrap();
    assert_eq!(line.view().raw::<61>(), b"0.0696000");
    assert_eq!(line.view().raw::<46>(), b"0.16000");
}

#[test]
fn a_destination_that_fails_is_reported() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = Writer::new(Full).record(&HeaderBuf::new()).unwrap_err();
    assert!(matches!(error, WriteError::Io(_)));
}

#[test]
fn every_character_has_one_byte() {
    for byte in 0..=u8::MAX {
        if let Some(character) = character(byte) {
            assert_eq!(byte_of(character), Some(byte));
        }
    }
    assert_eq!(byte_of('Ł'), None);
    assert_eq!(byte_of('\u{81}'), None);
}

proptest! {
    #[test]
    fn what_is_set_is_what_is_read(
        name in "[A-ZÑÁÉÍÓÚÜ€'’][A-ZÑÁÉÍÓÚÜ€'’ .]{0,18}[A-Z]",
        pesos in 0_i64..1_000_000_000,
        rate in 0_u32..10_000_000,
        day in (1900_i16..2200, 1_i8..13, 1_i8..29),
        mark in proptest::option::of("[A-Z0]"),
    ) {
        let mut line = DetailBuf::new();
        let day = jiff::civil::date(day.0, day.1, day.2);
        let rate: Rate = format!("0.{rate:07}").parse().unwrap();
        let mark = mark.map(|text| char::from(text.as_bytes()[0]));
        line.set_text::<13>(&name).unwrap();
        line.set_number::<42>(pesos).unwrap();
        line.set_rate::<61>(rate).unwrap();
        line.set_date::<80>(day).unwrap();
        line.set_mark::<15>(mark).unwrap();
        let read = line.view();
        prop_assert_eq!(read.text::<13>(), name);
        prop_assert_eq!(read.pesos::<42>(), Some(pesos));
        prop_assert_eq!(read.text::<61>().parse::<Rate>().unwrap(), rate);
        prop_assert_eq!(read.date::<80>(), Some(day));
        prop_assert_eq!(read.mark::<15>(), mark);
        prop_assert_eq!(Detail::new(line.bytes()).unwrap().bytes(), line.bytes());
        prop_assert_eq!(detail(&read).unwrap(), line);
    }

    #[test]
    fn any_text_is_set_whole_or_refused(text in any::<String>()) {
        let mut header = HeaderBuf::new();
        match header.set_text::<4>(&text) {
            Ok(_) => prop_assert_eq!(header.view().text::<4>(), text.trim_matches(' ')),
            Err(_) => prop_assert_eq!(&header, &HeaderBuf::new()),
        }
        prop_assert_eq!(header.bytes().len(), 359);
    }
}
