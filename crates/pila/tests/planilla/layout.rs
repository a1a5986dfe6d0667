//! Layouts against their tables, and views over records.

use crate::helpers::{planilla, sample};
use vinculo_pila::planilla::layout::{DETAIL, Field, FieldType, HEADER, PAYER};
use vinculo_pila::planilla::{Detail, Header, PayerRecord, character, decode, nit_check_digit};
use vinculo_pila::{DocumentKind, Month};

fn assert_like_table(fields: &[Field], table: &str) {
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split('\t').collect()).collect();
    assert_eq!(fields.len(), rows.len());
    for (field, row) in fields.iter().zip(rows) {
        assert_eq!(field.number.to_string(), row[0]);
        assert_eq!(field.start.to_string(), row[1]);
        assert_eq!(field.end.to_string(), row[2]);
        assert_eq!(field.range().len().to_string(), row[3]);
        assert_eq!(field.kind == FieldType::Numeric, row[4] == "N");
        assert_eq!(field.name_es, row[5]);
        assert_eq!(field.name_en, row[6]);
        assert_eq!(field.columns(), (u32::from(field.start), u32::from(field.end)));
    }
}

#[test]
fn layouts_are_those_of_the_tables() {
    assert_like_table(&HEADER, include_str!("../../data/layout/type2-header.tsv"));
    assert_like_table(&DETAIL, include_str!("../../data/layout/type2-detail.tsv"));
    assert_like_table(&PAYER, include_str!("../../data/layout/type1-payer.tsv"));
}

#[test]
fn a_header_is_viewed_by_field_number() {
    let bytes = sample("06-nandu-N-2025-11.txt");
    let header = Header::new(&bytes[..359]).unwrap();
    assert_eq!(header.raw::<1>(), b"01");
    assert_eq!(header.text::<4>(), "INDUSTRIAS ÑANDÚ DEL CAFÉ S.A.S.");
    assert_eq!(header.payer().unwrap().kind, DocumentKind::Nit);
    assert_eq!(header.payer().unwrap().number, "990100217");
    assert_eq!(header.planilla_kind(), Some('N'));
    assert_eq!(header.filled::<9>().as_deref(), Some("0071000207"));
    assert_eq!(header.branch(), None);
    assert_eq!(header.period(), Month::new(2025, 11));
    assert_eq!(header.planilla_number().as_deref(), Some("0071000502"));
    assert_eq!(header.paid_on(), Some(jiff::civil::date(2026, 1, 28)));
    assert_eq!(header.number::<19>(), Some(2));
    assert!(Header::new(&bytes[..358]).is_none());
    assert!(Header::new(&bytes[1..360]).is_none());
}

#[test]
fn a_shorter_detail_record_has_empty_last_fields() {
    let old = sample("26-penon-E-2018-01-676.txt");
    let detail = planilla(&old).details().next().unwrap();
    assert_eq!(detail.bytes().len(), 676);
    assert_eq!(detail.number::<96>(), Some(240));
    assert!(detail.raw::<97>().is_empty());
    assert!(detail.is_blank::<98>());
    assert_eq!(detail.date::<97>(), None);

    let new = sample("01-nandu-E-2025-10.txt");
    let detail = planilla(&new).details().next().unwrap();
    assert_eq!(detail.text::<98>(), "2011101");
}

#[test]
fn a_detail_record_is_told_by_tag_and_length() {
    let bytes = sample("01-nandu-E-2025-10.txt");
    let line = &bytes[361..361 + 693];
    assert!(Detail::new(line).is_some());
    assert!(Detail::new(&line[..692]).is_none());
    assert!(Detail::new(&line[..686]).is_some());
    assert!(Detail::new(&bytes[..676]).is_none());

    let mut padded = line[..686].to_vec();
    padded.resize(702, b' ');
    assert_eq!(Detail::new(&padded).unwrap().bytes().len(), 676);
    padded[701] = b'0';
    assert!(Detail::new(&padded).is_none());
}

#[test]
fn the_older_payer_record_has_one_digit_for_the_kind_of_payer() {
    let bytes = sample("type1/type1-nandu.txt");
    let record = PayerRecord::new(&bytes[..567]).unwrap();
    assert_eq!(record.contributor_type().as_deref(), Some("01"));

    let mut old = bytes[..551].to_vec();
    old.push(b'4');
    let record = PayerRecord::new(&old).unwrap();
    assert_eq!(record.contributor_type().as_deref(), Some("04"));
    assert_eq!(record.payer().unwrap().number, "990100217");
    assert!(PayerRecord::new(&bytes[..566]).is_none());
}

#[test]
fn debug_shows_no_person() {
    let bytes = sample("01-nandu-E-2025-10.txt");
    let planilla = planilla(&bytes);
    let detail = planilla.details().next().unwrap();
    assert_eq!(format!("{detail:?}"), "Record(detail, 693 bytes)");
    let shown = format!("{planilla:?}");
    for private in ["1900000101", "990100217", "PEÑARANDA", "INDUSTRIAS"] {
        assert!(!shown.contains(private), "{shown}");
    }
}

#[test]
fn cp1252_has_five_bytes_without_character() {
    let without: Vec<u8> = (0..=255).filter(|&byte| character(byte).is_none()).collect();
    assert_eq!(without, [0x81, 0x8d, 0x8f, 0x90, 0x9d]);
    assert_eq!(decode(b"\xd1AND\xda \x80"), "ÑANDÚ €");
    assert_eq!(decode(b"\x81"), "\u{fffd}");
}

#[test]
fn check_digits_of_tax_numbers() {
    // Published tax numbers of well-known institutions, then those of the samples.
    for (number, digit) in [
        ("899999068", 1),
        ("800197268", 4),
        ("899999239", 2),
        ("860034313", 7),
        ("990100217", 2),
        ("990200435", 0),
        ("990400879", 5),
    ] {
        assert_eq!(nit_check_digit(number), Some(digit), "{number}");
    }
    assert_eq!(nit_check_digit(""), None);
    assert_eq!(nit_check_digit("12A"), None);
    assert!(nit_check_digit("999999999999999").is_some());
    assert_eq!(nit_check_digit("9999999999999999"), None);
}
