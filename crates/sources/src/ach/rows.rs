//! A list of rows as an answer about one person.

use std::collections::HashMap;

use serde_json::{Map, Value};
use vinculo_pila::{Contribution, Document, DocumentKind};

use super::row::Row;
use crate::reading::coded::sorted;
use crate::reading::fields;
use crate::reading::notes::{Note, Notes};
use crate::reading::value;
use crate::{Answer, DocumentCodes, Outcome};

/// Reads the rows of `person`; a row of anybody else is never kept.
pub(super) fn read(
    rows: &[Value],
    documents: &DocumentCodes,
    person: &Document,
    notes: Notes,
) -> Outcome {
    let mut reader = Reader {
        person,
        documents,
        payer_kinds: payer_kinds(rows, documents),
        contributions: Vec::new(),
        notes,
        rows_of_person: 0,
        unreadable: 0,
    };
    for (index, row) in rows.iter().enumerate() {
        reader.take(u32::try_from(index).unwrap_or(u32::MAX), row);
    }
    reader.finish()
}

/// The kinds of the payers' documents by number, from the rows that name both: some rows repeat
/// only the number.
fn payer_kinds(rows: &[Value], documents: &DocumentCodes) -> HashMap<String, DocumentKind> {
    let mut unheard = Notes::default();
    rows.iter()
        .filter_map(Value::as_object)
        .filter_map(|fields| {
            let row = Row::new(fields, &mut unheard);
            Some((row.payer_number()?, row.payer_kind(documents)?))
        })
        .collect()
}

/// The kind of a payer's document that no row names: the person's own number is the person's document, and
/// a number of nine digits is a NIT, for no document of a person has as many.
fn kind_of_number(number: &str, person: &Document) -> Option<DocumentKind> {
    if fields::same_number(number, &person.number) {
        return Some(person.kind);
    }
    let digits = value::nit(number.to_owned());
    let is_nit = digits.len() == 9 && digits.bytes().all(|b| b.is_ascii_digit());
    is_nit.then_some(DocumentKind::Nit)
}

struct Reader<'a> {
    person: &'a Document,
    documents: &'a DocumentCodes,
    payer_kinds: HashMap<String, DocumentKind>,
    contributions: Vec<Contribution>,
    notes: Notes,
    rows_of_person: usize,
    unreadable: usize,
}

impl Reader<'_> {
    fn take(&mut self, line: u32, row: &Value) {
        let Some(fields) = row.as_object() else {
            self.notes.add(Note::RowNotObject);
            self.unreadable += 1;
            return;
        };
        if !Row::new(fields, &mut self.notes).is_about(self.person, self.documents) {
            self.notes.add(Note::ForeignRow);
            return;
        }
        self.rows_of_person += 1;
        match self.contribution(line, fields) {
            Ok(contribution) => self.contributions.push(contribution),
            Err(note) => {
                self.notes.add(note);
                self.unreadable += 1;
            }
        }
    }

    fn contribution(
        &mut self,
        line: u32,
        fields: &Map<String, Value>,
    ) -> Result<Contribution, Note> {
        let row = Row::new(fields, &mut self.notes);
        let period = row.period().ok_or(Note::PeriodNotReadable)?;
        let number = row.payer_number().ok_or(Note::PayerNotReadable)?;
        let kind = row
            .payer_kind(self.documents)
            .or_else(|| self.payer_kinds.get(&number).copied())
            .or_else(|| kind_of_number(&number, self.person))
            .ok_or(Note::PayerNotReadable)?;
        let payer = fields::payer(kind, &number).ok_or(Note::PayerNotReadable)?;
        Ok(row.contribution(self.person, payer, period, line))
    }

    fn finish(self) -> Outcome {
        if self.rows_of_person == 0 {
            return Outcome::Fault(format!(
                "no row is about the person asked for: {}",
                self.notes.codes().join(", ")
            ));
        }
        if self.contributions.is_empty() {
            // Resolved with nothing would tell a lender that the person does not work.
            return Outcome::Fault(format!(
                "none of the {} rows of the person can be read: {}",
                self.rows_of_person,
                self.notes.codes().join(", ")
            ));
        }
        Outcome::Resolved(Answer {
            contributions: sorted(self.contributions),
            named: None,
            complete: self.unreadable == 0,
            notes: self.notes.codes(),
        })
    }
}
