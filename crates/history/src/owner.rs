//! The person, as the newest line names them.

use std::cmp::Reverse;

use vinculo_pila::{Contribution, Correction, DocumentKind, Names, Origin};

use crate::types::Owner;

/// The owner from the newest line that has a name; `None` without any line.
///
/// `lines` are in the order of filing: within the newest month the source that is believed first
/// speaks, and of its lines the one filed last. Lines "as paid" of a correction never
/// speak, and what an operator did not see paid speaks for want of anything else.
pub(crate) fn of(lines: &[&Contribution]) -> Option<Owner> {
    let newest = |named: bool| {
        let lines = lines.iter().filter(|line| line.correction != Some(Correction::AsPaid));
        let named = lines.filter(|line| !named || has_name(&line.names));
        let counts = |line: &Contribution| line.paid || line.origin == Origin::Planilla;
        // Of equals the last.
        named.max_by_key(|line| (counts(line), line.period, Reverse(line.origin)))
    };
    newest(true).or_else(|| newest(false)).map(|line| owner(line))
}

fn has_name(names: &Names) -> bool {
    let Names { first, second, surname, second_surname } = names;
    joined(&[first, second, surname, second_surname]).is_some()
}

fn owner(line: &Contribution) -> Owner {
    let Names { first, second, surname, second_surname } = &line.names;
    Owner {
        display_name: joined(&[first, second, surname, second_surname]),
        first_name: joined(&[first, second]),
        last_name: joined(&[surname]),
        second_last_name: joined(&[second_surname]),
        document_type: match line.person.kind {
            DocumentKind::Pa => "PASSPORT".to_owned(),
            kind => kind.code().to_owned(),
        },
        document_number: line.person.number.clone(),
    }
}

/// The words of the parts with single spaces between them; `None` when there is none.
fn joined(parts: &[&String]) -> Option<String> {
    let words: Vec<_> = parts.iter().flat_map(|part| part.split_whitespace()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
