//! How sources name kinds of documents.

use serde_json::json;
use vinculo_pila::DocumentKind::{Cc, Ce, Nit, Pa, Pt, Ti};
use vinculo_sources::DocumentCodes;
use vinculo_sources::ach::AchConfig;
use vinculo_sources::mareigua;

use crate::support::{connector, outcome_of, person, resolved, row};

#[test]
fn codes_are_read_in_both_directions() {
    let codes: DocumentCodes = " CC=1, NI=3,PT=11 ,PA".parse().expect("codes");
    for (kind, code) in [(Cc, "1"), (Nit, "3"), (Pt, "11"), (Pa, "PA")] {
        assert_eq!(codes.code(kind), Some(code));
        assert_eq!(codes.kind(code), Some(kind));
    }
    assert_eq!((codes.kind("01"), codes.kind(" pa ")), (Some(Cc), Some(Pa)));
    assert_eq!((codes.code(Ce), codes.kind("2"), codes.kind("")), (None, None, None));
    assert_eq!((codes.kind("TI"), codes.kind_or_letters("ti")), (None, Some(Ti)));
    assert_eq!(codes.to_string(), "CC=1,NI=3,PT=11,PA=PA");
}

#[test]
fn the_codes_of_an_operator_are_understood_in_its_rows() {
    let documents = "CC=CED,PT=PP,NI=31".parse().expect("codes");
    let ach = connector(AchConfig { documents, ..AchConfig::new("https://operator.invalid") });
    for (worker, payer, kind) in [("CED", "31", Nit), ("cc", "NI", Nit), ("CED", "PP", Pt)] {
        let rows = json!([row(json!({
            "tipoDocumentoUsuario": worker,
            "tipoDocumentoAportante": payer,
        }))]);
        let body = rows.to_string();
        let answer = resolved(outcome_of(&ach, 200, None, body.as_bytes(), &person()));
        let document = &answer.contributions[0].payer.document;
        assert_eq!((document.kind, document.number.as_str()), (kind, "999500101"));
    }
}

#[test]
fn what_is_shipped_is_what_was_seen() {
    assert_eq!(AchConfig::new("").documents.to_string(), "CC=CC,CE=CE,CD=CD,PA=PA,RC=RC,TI=TI");
    assert_eq!(mareigua::documents().to_string(), "CC=1,NI=3");
}

#[test]
fn tables_that_say_nothing_are_refused() {
    for (text, entry) in
        [("", ""), ("CC,,TI", ""), ("XX=1", "XX=1"), ("CC=", "CC="), ("CC=1;2", "CC=1;2")]
    {
        let error = text.parse::<DocumentCodes>().expect_err("a refusal").to_string();
        assert!(error.starts_with(&format!("{entry:?} names no kind")), "{error}");
    }
    assert!("CC=1,CC=2".parse::<DocumentCodes>().is_err());
}
