//! What is odd about an answer that can be read.

/// A thing noticed while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// A row about another person was dropped.
    ForeignRow,
    /// An entry of the list is not a row.
    RowNotObject,
    /// A row without a readable period was dropped.
    PeriodNotReadable,
    /// A row that names no payer was dropped.
    PayerNotReadable,
    /// A value that is not an amount was taken as unknown.
    AmountNotReadable,
    /// Days outside 0–30 were taken as unknown.
    DaysNotReadable,
    /// A mark that is neither yes nor no gives no status.
    MarkNotMapped,
    /// The bytes contradict the charset the answer names.
    CharsetContradicted,
}

impl Note {
    const fn code(self) -> &'static str {
        match self {
            Self::ForeignRow => "foreign_row",
            Self::RowNotObject => "row_not_object",
            Self::PeriodNotReadable => "period_not_readable",
            Self::PayerNotReadable => "payer_not_readable",
            Self::AmountNotReadable => "amount_not_readable",
            Self::DaysNotReadable => "days_not_readable",
            Self::MarkNotMapped => "mark_not_mapped",
            Self::CharsetContradicted => "charset_contradicted",
        }
    }
}

/// Notes in the order they came up, each once.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn add(&mut self, note: Note) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    pub(super) fn codes(&self) -> Vec<String> {
        self.0.iter().map(|note| note.code().to_owned()).collect()
    }
}
