//! The words of the findings.

use vinculo_pila::planilla;

use crate::helpers::{altered, sample};

const MONTH: &str = "01-nandu-E-2025-10.txt";
const PAYER: &str = "type1/type1-nandu.txt";

/// The findings of each file under its title.
fn findings<'a>(files: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> String {
    let mut text = String::new();
    for (title, bytes) in files {
        text.push_str(&format!("## {title}\n"));
        for finding in planilla::check(&bytes).findings {
            text.push_str(&format!("{finding}\n"));
        }
    }
    text
}

fn bad(names: &[&'static str]) -> Vec<(&'static str, Vec<u8>)> {
    names.iter().map(|&name| (name, sample(&format!("bad/{name}.txt")))).collect()
}

#[test]
fn files_that_are_no_planilla() {
    let mut files = bad(&["01-empty", "16-utf8", "19-zip", "36-carriage-returns"]);
    files.push(("some text", b"hello\n".to_vec()));
    files.push(("UTF-16 without mark", b"0\x001\x001\x00".to_vec()));
    insta::assert_snapshot!(findings(files));
}

#[test]
fn order_and_form_of_records() {
    insta::assert_snapshot!(findings(bad(&[
        "03-short-detail",
        "37-mixed-versions",
        "07-sequence-gap",
        "08-sequence-repeated",
        "13-record-type",
        "20-no-header",
        "22-header-last",
        "43-two-planillas-glued",
        "25-tab",
        "35-undefined-byte",
        "ok-03-mixed-line-ends",
        "ok-04-trailing-blank-lines",
        "ok-05-eof-mark",
    ])));
}

#[test]
fn header() {
    let mut files = bad(&[
        "09-check-digit",
        "14-header-count",
        "15-header-total",
        "ok-08-total-rounding",
        "30-planilla-type",
        "32-correction-without-related",
        "34-period",
        "41-e-from-independent",
    ]);
    files.push(("planilla of pensioners", altered(MONTH, 1, 227, b"P")));
    files.push(("health three months later", altered(MONTH, 1, 312, b"2026-01")));
    files.push(("number without payment", altered(MONTH, 1, 329, b"          ")));
    files.push(("unknown operator", altered(MONTH, 1, 358, b"99")));
    files.push(("no name", altered(MONTH, 1, 8, &[b' '; 200])));
    insta::assert_snapshot!(findings(files));
}

#[test]
fn detail() {
    let mut files = bad(&[
        "10-letter-in-amount",
        "27-rate-without-dot",
        "28-days",
        "33-letters-in-cc",
        "ok-07-lower-case",
        "ok-10-blank-unused-amounts",
        "ok-11-letters-in-pt",
        "31-correction-A-alone",
        "38-dates-reversed",
        "39-shifted",
        "40-correction-mark-in-E",
    ]);
    files.push(("small letter as mark", altered(MONTH, 2, 137, b"x")));
    files.push(("leave without dates", altered(MONTH, 2, 146, b"X")));
    files.push(("self-employed among employees", altered(MONTH, 2, 26, b"03")));
    files.push(("unknown pension fund", altered(MONTH, 2, 154, b"999999")));
    files.push(("tax number of a worker", altered(MONTH, 2, 8, b"NI")));
    files.push(("birth record of a worker", altered(MONTH, 2, 8, b"RC")));
    files.push(("number aligned to the right", altered(MONTH, 2, 10, b" 1900000101")));
    insta::assert_snapshot!(findings(files));
}

#[test]
fn fields_that_do_not_agree() {
    let files = [
        ("contribution", altered(MONTH, 2, 315, b"000157000")),
        ("one step of rounding", altered(MONTH, 2, 315, b"000056900")),
        ("sum of pension", altered(MONTH, 2, 272, b"000227900")),
        ("foreigner with a national's card", altered(MONTH, 2, 30, b"X")),
        ("abroad with a foreign document", altered("09-penon-E-2025-10.txt", 4, 31, b"X")),
        ("exonerated above the limit", altered(MONTH, 4, 506, b"S")),
        ("exonerated apprentice", altered("05-nandu-E-2026-01.txt", 5, 506, b"S")),
        ("risk class", altered(MONTH, 2, 513, b"3")),
        ("hours", altered(MONTH, 2, 674, b"241")),
    ];
    insta::assert_snapshot!(findings(files));
}

#[test]
fn document_lengths_bind_since_october_2026() {
    let mut late = altered(MONTH, 1, 329, b"2026-10-01");
    let record = 361;
    let mut files = vec![("before", altered(MONTH, 2, 8, b"CE"))];
    late[record + 7..record + 9].copy_from_slice(b"CE");
    files.push(("since", late));
    insta::assert_snapshot!(findings(files));
}

#[test]
fn payer_record() {
    let files = [
        ("check digit", altered(PAYER, 1, 219, b"9")),
        ("unknown activity", altered(PAYER, 1, 319, b"9999")),
        ("unknown class", altered(PAYER, 1, 270, b"Z")),
        ("two records", sample(PAYER).repeat(2)),
        ("first letter lost", sample(PAYER).split_off(1)),
        ("cut", sample(PAYER)[..500].to_vec()),
    ];
    insta::assert_snapshot!(findings(files));
}
