//! What is odd about an answer that can be read.

/// A thing noticed while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
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
    /// A payer that is no object, or without payments that are a list, was dropped.
    PayerNotObject,
    /// A payment that is no object, or does not say whether it was made, was dropped.
    PaymentNotReadable,
    /// The source says that its data is incomplete.
    SourceIncomplete,
    /// Payers are named, and none of them has paid for a month.
    NoPaidMonth,
    /// The person draws a pension.
    Pensioner,
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
            Self::PayerNotObject => "payer_not_object",
            Self::PaymentNotReadable => "payment_not_readable",
            Self::SourceIncomplete => "source_incomplete",
            Self::NoPaidMonth => "no_paid_month",
            Self::Pensioner => "pensioner",
            Self::CharsetContradicted => "charset_contradicted",
        }
    }
}

/// Notes in the order they came up, each once.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    pub(crate) fn add(&mut self, note: Note) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// Whether something of the answer was dropped because it cannot be read.
    pub(crate) fn dropped(&self) -> bool {
        use Note::{
            PayerNotObject, PayerNotReadable, PaymentNotReadable, PeriodNotReadable, RowNotObject,
        };
        [PayerNotObject, PayerNotReadable, PaymentNotReadable, PeriodNotReadable, RowNotObject]
            .iter()
            .any(|note| self.0.contains(note))
    }

    /// Whether something is missing, by what was read or by what the source says.
    pub(crate) fn incomplete(&self) -> bool {
        self.dropped() || self.0.contains(&Note::SourceIncomplete)
    }

    pub(crate) fn codes(&self) -> Vec<String> {
        self.0.iter().map(|note| note.code().to_owned()).collect()
    }
}
