//! The report of 825 columns.

use proptest::prelude::*;
use vinculo_pila::{Document, DocumentKind, NoveltiesKnown, Origin};
use vinculo_sources::mareigua::{ReportError, ReportFormat, ReportLine, documents, read_report};
use vinculo_sources::{Answer, NoDataReason, Outcome};

use crate::conformance::told;
use crate::support::resolved;

const REPORT: &[u8] = include_bytes!("../fixtures/mareigua_report/report.csv");

fn format() -> ReportFormat {
    ReportFormat { documents: documents(), success: vec!["exitosa".to_owned()], charset: None }
}

fn lines() -> Vec<ReportLine> {
    read_report(REPORT, Some("text/csv"), &format()).expect("a report").lines
}

fn first() -> Answer {
    resolved(lines().remove(0).outcome)
}

#[test]
fn every_line_is_about_somebody_or_a_fault_of_its_own() {
    let told: Vec<_> = lines()
        .iter()
        .map(|line| {
            let number = line.person.as_ref().map_or("nobody", |person| person.number.as_str());
            format!("{} {number} {} {:?}", line.number, line.outcome.code(), line.outcome.reason())
        })
        .collect();
    assert_eq!(
        told,
        [
            "2 1900500001 resolved None",
            "3 1900500002 no_data Some(\"unknown\")",
            "4 1900500003 no_data Some(\"unknown\")",
            "5 nobody fault None",
            "6 1900500005 no_data Some(\"no_history\")",
            "7 nobody fault None",
            "8 1900500007 resolved None",
        ]
    );
    assert_eq!(lines()[3].outcome, Outcome::Fault("line 5 has 5 fields, not 825".to_owned()));
}

#[test]
fn a_line_has_payers_with_their_months() {
    let answer = first();
    assert!(answer.complete && answer.notes.is_empty(), "{:?}", answer.notes);
    let lines: Vec<_> = answer.contributions.iter().map(told).collect();
    assert_eq!(
        lines,
        [
            "2026-07 NI999500101 income=2600000 worker=01 activity=1311 class=A",
            "2026-08 NI999500102 income=900000 afp=FONDO EJEMPLO eps=EPS EJEMPLO",
            "2026-09 NI999500101 income=3100000 kind=X worker=01 activity=1311 class=A ret=X \
         afp=FONDO EJEMPLO eps=EPS EJEMPLO",
        ]
    );
    let newest = &answer.contributions[2];
    assert_eq!(newest.origin, Origin::MareiguaReport);
    assert_eq!(newest.person, Document::new(DocumentKind::Cc, "1900500001"));
    assert_eq!(
        (newest.names.first.as_str(), newest.names.second_surname.as_str()),
        ("PERSONA", "MUÑOZ")
    );
    assert_eq!(newest.payer.name.as_deref(), Some("HILADOS, EJEMPLO S.A.S."));
    assert_eq!(newest.payer.activity_text.as_deref(), Some("Hilatura, textil"));
    assert_eq!((newest.novelties.vsp, newest.novelties.vst), (Some('X'), None));
    assert_eq!(newest.risk_class, Some('1'));
    // What holds "currently" says nothing about earlier months.
    let oldest = &answer.contributions[0];
    assert_eq!((oldest.novelties_known, oldest.risk_class), (NoveltiesKnown::None, None));
    assert_eq!(oldest.novelties, vinculo_pila::Novelties::default());
}

#[test]
fn the_hour_is_on_the_scale_of_24() {
    let told = |index: usize| lines()[index].asked_at.map(|moment| moment.to_string());
    assert_eq!(told(0).as_deref(), Some("2026-11-24T15:04:05"));
    assert_eq!(told(1).as_deref(), Some("2026-11-24T09:00:00"));
    assert_eq!(told(2), None);
}

#[test]
fn what_cannot_be_read_in_a_line_makes_it_partial() {
    let answer = resolved(lines().remove(6).outcome);
    assert!(!answer.complete);
    let notes = ["amount_not_readable", "period_not_readable", "payment_not_readable"];
    assert_eq!(answer.notes, notes);
    let lines: Vec<_> = answer.contributions.iter().map(told).collect();
    assert_eq!(lines, ["2026-09 NI999500101"]);
}

#[test]
fn columns_go_by_name() {
    let text = "Numero_de_Documento;otra;Respuesta;Tipo_de_Documento\n1900500001;x;Exitosa;CC\n";
    let report = read_report(text.as_bytes(), None, &format()).expect("a report");
    assert_eq!(report.lines[0].outcome, Outcome::NoData(NoDataReason::NoHistory));
    assert_eq!(report.lines[0].person, Some(Document::new(DocumentKind::Cc, "1900500001")));
}

#[test]
fn a_file_that_is_no_report_is_refused() {
    for (text, error) in [
        ("", ReportError::Empty),
        (" \r\n\n\"\"\n", ReportError::Empty),
        ("<html></html>", ReportError::Column("Respuesta")),
        ("Respuesta;Tipo_de_Documento\n", ReportError::Column("Numero_de_Documento")),
    ] {
        let refused = read_report(text.as_bytes(), None, &format()).err();
        assert_eq!(refused, Some(error), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at in 0..REPORT.len(),
        with in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let _ = read_report(&bytes, None, &format());
        let mut damaged = REPORT.to_vec();
        damaged.splice(at..(at + with.len()).min(REPORT.len()), with);
        if let Ok(report) = read_report(&damaged, None, &format()) {
            prop_assert!(report.lines.iter().all(|line| line.number > 1));
        }
    }
}
