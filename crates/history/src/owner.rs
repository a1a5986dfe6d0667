//! The person, as the newest line names them.

use vinculo_pila::{Contribution, Correction, DocumentKind, Names, Origin};

use crate::select;
use crate::types::Owner;

/// The owner from the newest line that has a name: month, then source (planillas first), payment
/// date and line. Lines "as paid" of a correction do not speak. `None` without any line.
pub(crate) fn of(lines: &[&Contribution]) -> Option<Owner> {
    let newest = |named: bool| {
        let lines = lines.iter().filter(|line| line.correction != Some(Correction::AsPaid));
        lines.filter(|line| !named || has_name(&line.names)).max_by(|a, b| {
            let source = |line: &Contribution| (line.period, line.origin == Origin::Planilla);
            source(a).cmp(&source(b)).then_with(|| select::filed(a, b)).then_with(|| a.cmp(b))
        })
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
