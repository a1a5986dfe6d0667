//! How rows become contributions.

use proptest::prelude::*;
use serde_json::{Value, json};
use vinculo_pila::{Document, DocumentKind, NoveltiesKnown, Origin, PerSystem};
use vinculo_sources::Outcome;

use crate::support::{answer, outcome_of, person, read, reader, resolved, row};

fn line(changes: Value) -> vinculo_pila::Contribution {
    let mut answer = answer(changes);
    assert_eq!(answer.contributions.len(), 1);
    answer.contributions.remove(0)
}

#[test]
fn a_row_fills_what_the_contract_has_and_leaves_the_rest_unknown() {
    let line = line(json!({
        "codActividadEconomica": "0111",
        "desActividadEconomica": " Cultivo de cereales ",
        "codClaseAportante": "a",
        "desClaseAportante": "200 o más",
        "codTipoAportante": "1",
        "desTipoAportante": "Empleador",
        "primerNombre": " ANA ", "segundoNombre": "", "primerApellido": "MUÑOZ",
        "segundoApellido": null,
        "ingresoBaseCotizacionPension": 2_500_000,
        "ingresoBaseCotizacionSubFamiliar": 0,
        "algoNuevo": {"no": ["importa"]},
    }));
    assert_eq!(line.origin, Origin::Ach);
    assert_eq!(line.person, person());
    assert_eq!((line.names.first.as_str(), line.names.second.as_str()), ("ANA", ""));
    assert_eq!(line.names.surname, "MUÑOZ");
    assert_eq!(line.payer.document, Document::new(DocumentKind::Nit, "999500101"));
    assert_eq!(line.payer.name.as_deref(), Some("HILADOS EJEMPLO S.A.S."));
    assert_eq!(line.payer.activity_code.as_deref(), Some("0111"));
    assert_eq!(line.payer.activity_text.as_deref(), Some("Cultivo de cereales"));
    assert_eq!(line.payer.class_code.as_deref(), Some("A"));
    assert_eq!(line.payer.kind_code.as_deref(), Some("01"));
    assert_eq!(line.period.to_string(), "2026-09");
    assert_eq!(line.planilla.kind.as_deref(), Some("E"));
    assert_eq!(line.worker_kind.as_deref(), Some("01"));
    assert_eq!(line.base.pension, Some(2_500_000));
    assert_eq!(line.base.ccf, Some(0));
    assert_eq!(line.basic_salary, Some(2_600_000));
    assert!(line.paid);

    assert_eq!(line.base.arl, None);
    assert_eq!(line.days, PerSystem::default());
    assert_eq!(line.worker_subtype, None);
    assert_eq!(line.novelties_known, NoveltiesKnown::StartAndEnd);
    assert_eq!((line.pension_fund, line.health_provider), (None, None));
    assert_eq!(line.amounts, vinculo_pila::Amounts::default());
    assert_eq!(line.planilla.number, None);
}

#[test]
fn amounts_come_as_numbers_or_text() {
    let cases = [
        (json!(2600000), Some(2_600_000)),
        (json!(2600000.0), Some(2_600_000)),
        (json!(1333333.5), Some(1_333_334)),
        (json!("2600000"), Some(2_600_000)),
        (json!(" 2 600 000 "), Some(2_600_000)),
        (json!("2600000.49"), Some(2_600_000)),
        (json!("2600000.5"), Some(2_600_001)),
        (json!("0"), Some(0)),
        (json!(0), Some(0)),
        (json!(""), None),
        (json!("  "), None),
        (json!(null), None),
    ];
    for (value, expected) in cases {
        let answer = answer(json!({ "salarioBasico": value }));
        assert_eq!(answer.contributions[0].basic_salary, expected, "{value}");
        assert!(answer.notes.is_empty(), "{value}");
    }
}

#[test]
fn what_is_not_an_amount_is_unknown_and_noted() {
    for value in [
        json!("2,600,000"),
        json!("$2600000"),
        json!("2600000."),
        json!(".5"),
        json!("1e6"),
        json!("99999999999999999999"),
        json!(1e300),
        json!(true),
        json!([1]),
    ] {
        let answer = answer(json!({ "salarioBasico": value }));
        assert_eq!(answer.contributions[0].basic_salary, None, "{value}");
        assert_eq!(answer.notes, ["amount_not_readable"], "{value}");
        assert!(answer.complete);
    }
}

#[test]
fn marks_are_read_in_every_spelling() {
    for set in ["X", " x ", "S", "si", "SÍ", "sí", "Y", "yes", "1", "TRUE"] {
        let line = line(json!({"ingreso": set, "retiro": "", "salarioIntegral": set}));
        assert_eq!(line.novelties.ing, Some('X'), "{set}");
        assert_eq!(line.novelties.ret, None);
        assert_eq!(line.salary_kind, Some('X'), "{set}");
    }
    assert_eq!(line(json!({"retiro": true})).novelties.ret, Some('X'));
    assert_eq!(line(json!({"retiro": 1})).novelties.ret, Some('X'));
    for unset in
        [json!(""), json!("N"), json!("no"), json!("0"), json!("false"), json!(null), json!(0)]
    {
        let answer = answer(json!({"ingreso": unset, "salarioIntegral": unset}));
        assert_eq!(answer.contributions[0].novelties.ing, None, "{unset}");
        assert_eq!(answer.contributions[0].salary_kind, None, "{unset}");
        assert!(answer.notes.is_empty());
    }
}

#[test]
fn other_marks_of_start_and_end_are_noted() {
    for (value, kept) in [("C", Some('C')), ("p", Some('P')), ("quizás", None)] {
        let answer = answer(json!({ "retiro": value }));
        assert_eq!(answer.contributions[0].novelties.ret, kept);
        assert_eq!(answer.notes, ["mark_not_mapped"]);
    }
}

#[test]
fn fixed_and_variable_salaries_are_not_integral() {
    assert_eq!(line(json!({"salarioIntegral": "f"})).salary_kind, Some('F'));
    assert_eq!(line(json!({"salarioIntegral": "V"})).salary_kind, Some('V'));
    let odd = answer(json!({"salarioIntegral": "Q"}));
    assert_eq!(odd.contributions[0].salary_kind, None);
    assert_eq!(odd.notes, ["mark_not_mapped"]);
}

#[test]
fn periods_come_in_several_forms() {
    for text in [
        json!("2026-09"),
        json!("202609"),
        json!(202609),
        json!("2026-09-30"),
        json!("2026-09-30T00:00:00"),
        json!("2026-09-01T05:00:00.000-05:00"),
        json!(" 2026-09 "),
    ] {
        let line = line(json!({ "periodoCotizacion": text }));
        assert_eq!(line.period.to_string(), "2026-09", "{text}");
    }
}

#[test]
fn a_row_without_a_period_is_dropped_with_a_note() {
    for text in [
        json!("2026-13"),
        json!("septiembre"),
        json!(""),
        json!(null),
        json!("2026-09-31"),
        json!("2026-09-31T00:00:00"),
        json!("añomes"),
    ] {
        let answer =
            resolved(read(json!([row(json!({})), row(json!({ "periodoCotizacion": text }))])));
        assert_eq!(answer.contributions.len(), 1, "{text}");
        assert_eq!(answer.notes, ["period_not_readable"]);
        assert!(!answer.complete);
    }
}

#[test]
fn rows_that_are_all_unreadable_are_a_fault_not_an_empty_history() {
    let Outcome::Fault(text) = read(json!([row(json!({ "periodoCotizacion": "?" }))])) else {
        panic!("not a fault");
    };
    assert!(text.contains("period_not_readable"), "{text}");
}

#[test]
fn payer_documents_lose_signs_and_the_check_digit() {
    let cases = [
        ("NI", json!(" 999.500.101 "), "999500101"),
        ("NI", json!(999500101), "999500101"),
        ("NI", json!("999500101-4"), "999500101"),
        ("NI", json!("0999500101"), "999500101"),
        ("NIT", json!("999500101"), "999500101"),
        ("nit", json!("0999500101-4"), "999500101"),
        // The check digit of 800197268 is 4: a well-known NIT of the tax authority.
        ("NI", json!("8001972684"), "800197268"),
        ("NI", json!("8001972685"), "8001972685"),
        ("NI", json!("1900500001"), "1900500001"),
        ("CC", json!("1.900.500.001"), "1900500001"),
        ("PA", json!("ax440010"), "AX440010"),
    ];
    for (kind, number, expected) in cases {
        let line =
            line(json!({"tipoDocumentoAportante": kind, "numeroDocumentoAportante": number}));
        assert_eq!(line.payer.document.number, expected, "{kind} {number}");
        assert_eq!(line.payer.document.kind.code(), kind[..2].to_uppercase());
    }
}

#[test]
fn a_payer_without_kind_takes_the_one_another_row_gives() {
    let rows = json!([
        row(json!({"tipoDocumentoAportante": null})),
        row(json!({"periodoCotizacion": "2026-08"})),
        row(json!({"tipoDocumentoAportante": "", "numeroDocumentoAportante": "19990000"})),
        row(json!({"numeroDocumentoAportante": null})),
    ]);
    let answer = resolved(read(rows));
    assert_eq!(answer.contributions.len(), 2);
    assert!(answer.contributions.iter().all(|line| line.payer.document.kind == DocumentKind::Nit));
    assert_eq!(answer.notes, ["payer_not_readable"]);
    assert!(!answer.complete);
}

#[test]
fn the_number_of_a_payer_may_tell_its_kind() {
    for (number, kind, expected) in [
        ("999500102", DocumentKind::Nit, "999500102"),
        ("800.197.268-4", DocumentKind::Nit, "800197268"),
        ("8001972684", DocumentKind::Nit, "800197268"),
        ("1.900.500.001", DocumentKind::Cc, "1900500001"),
    ] {
        let payer = json!({"tipoDocumentoAportante": null, "numeroDocumentoAportante": number});
        let answer = resolved(read(json!([row(payer)])));
        let document = &answer.contributions[0].payer.document;
        assert_eq!((document.kind, document.number.as_str()), (kind, expected), "{number}");
        assert!(answer.complete && answer.notes.is_empty(), "{number}");
    }
}

#[test]
fn rows_of_other_people_are_dropped() {
    let rows = json!([
        row(json!({})),
        row(json!({"numeroDocumentoUsuario": "1900500002"})),
        row(json!({"tipoDocumentoUsuario": "TI"})),
        row(json!({"tipoDocumentoUsuario": "??"})),
        row(json!({"numeroDocumentoUsuario": null})),
        row(json!({"numeroDocumentoUsuario": "001900500001", "tipoDocumentoUsuario": " cc "})),
        row(json!({"numeroDocumentoUsuario": 1900500001, "periodoCotizacion": "2026-08"})),
        // Every key may be left out: an equal number is the person's.
        row(json!({"tipoDocumentoUsuario": null, "periodoCotizacion": "2026-07"})),
    ]);
    let answer = resolved(read(rows));
    let lines: Vec<_> = answer.contributions.iter().map(|line| line.line).collect();
    assert_eq!(lines, [7, 6, 0, 5]);
    assert_eq!(answer.notes, ["foreign_row"]);
    assert!(answer.complete);
}

#[test]
fn entries_that_are_not_rows_do_not_spoil_the_others() {
    let answer = resolved(read(json!([null, row(json!({})), 7])));
    assert_eq!(answer.contributions.len(), 1);
    assert_eq!(answer.contributions[0].line, 1);
    assert_eq!(answer.notes, ["row_not_object"]);
    assert!(!answer.complete);
}

#[test]
fn lines_are_sorted_by_period_payer_and_planilla_kind() {
    let rows = json!([
        row(json!({"periodoCotizacion": "2026-10", "codTipoPlanilla": "N"})),
        row(json!({"periodoCotizacion": "2026-10"})),
        row(json!({"periodoCotizacion": "2026-10", "numeroDocumentoAportante": "999500099"})),
        row(json!({"periodoCotizacion": "2026-08"})),
    ]);
    let answer = resolved(read(rows));
    let order: Vec<_> = answer.contributions.iter().map(|line| line.line).collect();
    assert_eq!(order, [3, 2, 1, 0]);
}

#[test]
fn numbers_as_codes_keep_their_width() {
    let line = line(json!({
        "codTipoCotizante": 1, "codTipoAportante": 2.0, "codActividadEconomica": 111,
    }));
    assert_eq!(line.worker_kind.as_deref(), Some("01"));
    assert_eq!(line.payer.kind_code.as_deref(), Some("02"));
    assert_eq!(line.payer.activity_code.as_deref(), Some("0111"));
}

#[test]
fn keys_beyond_the_contract_are_read_when_present() {
    let line = line(json!({
        "nombreAdministradoraPension": "FONDO EJEMPLO",
        "nombreAdministradoraSalud": "EPS EJEMPLO",
        "subtipoCotizante": "1", "diasCotizados": "15",
        "ingresoBaseCotizacionPension": 0, "ingresoBaseCotizacionSubFamiliar": 2_600_000,
        "vacaciones": "X", "licenciaNoRemunerada": "", "incapacidad": "S",
        "licenciaMaternidad": "", "variacionPermanente": "X", "variacionTransitoria": "1",
    }));
    assert_eq!(line.pension_fund.and_then(|fund| fund.name).as_deref(), Some("FONDO EJEMPLO"));
    assert_eq!(line.health_provider.and_then(|eps| eps.name).as_deref(), Some("EPS EJEMPLO"));
    assert_eq!(line.worker_subtype.as_deref(), Some("01"));
    assert_eq!(line.days, PerSystem { pension: None, health: Some(15), arl: None, ccf: Some(15) });
    let marks = line.novelties;
    assert_eq!([marks.vac, marks.ige, marks.vsp, marks.vst], [Some('X'); 4]);
    assert_eq!([marks.sln, marks.lma], [None; 2]);
    assert_eq!(line.novelties_known, NoveltiesKnown::All);
}

#[test]
fn an_operator_with_some_marks_does_not_report_all_of_them() {
    let line = line(json!({"vacaciones": "X"}));
    assert_eq!(line.novelties.vac, Some('X'));
    assert_eq!(line.novelties_known, NoveltiesKnown::StartAndEnd);
}

#[test]
fn impossible_days_are_unknown() {
    for days in [json!(31), json!(-1), json!(300)] {
        let answer = answer(json!({ "diasCotizados": days }));
        assert_eq!(answer.contributions[0].days, PerSystem::default(), "{days}");
        assert_eq!(answer.notes, ["days_not_readable"]);
    }
}

#[test]
fn text_is_decoded_by_charset_then_utf8_then_windows_1252() {
    let body = json!([row(json!({"primerApellido": "MUÑOZ"}))]).to_string();
    let utf8 = body.clone().into_bytes();
    let latin: Vec<u8> = body.chars().map(|c| u8::try_from(u32::from(c)).expect("latin")).collect();
    let utf16: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_bom = [b"\xEF\xBB\xBF".as_slice(), &utf8].concat();
    let cases = [
        (None, &utf8, false),
        (None, &with_bom, false),
        (None, &latin, false),
        (Some("application/json"), &latin, false),
        (Some("application/json; charset=UTF-8"), &utf8, false),
        (Some("application/json;charset=\"ISO-8859-1\""), &latin, false),
        (Some("application/json; charset=utf-16le"), &utf16, false),
        (Some("application/json; charset=utf-8"), &latin, true),
        (Some("application/json; charset=klingon"), &latin, false),
    ];
    for (content_type, bytes, contradicted) in cases {
        let answer = resolved(outcome_of(reader(), 200, content_type, bytes, &person()));
        assert_eq!(answer.contributions[0].names.surname, "MUÑOZ", "{content_type:?}");
        let notes: &[&str] = if contradicted { &["charset_contradicted"] } else { &[] };
        assert_eq!(answer.notes, notes, "{content_type:?}");
    }
}

proptest! {
    #[test]
    fn whole_amounts_survive_as_number_and_as_text(pesos in 0_i64..=1_000_000_000_000) {
        for value in [json!(pesos), json!(pesos.to_string()), json!(format!("{pesos}.00"))] {
            prop_assert_eq!(line(json!({ "salarioBasico": value })).basic_salary, Some(pesos));
        }
    }

    #[test]
    fn order_of_rows_decides_nothing_but_the_line(order in Just(vec![1_u32, 2, 3, 4, 5, 6]).prop_shuffle()) {
        let rows: Vec<_> = order
            .iter()
            .map(|month| row(json!({"periodoCotizacion": format!("2026-{month:02}")})))
            .collect();
        let months: Vec<_> = resolved(read(json!(rows)))
            .contributions
            .iter()
            .map(|line| line.period.month())
            .collect();
        prop_assert_eq!(months, vec![1, 2, 3, 4, 5, 6]);
    }
}
