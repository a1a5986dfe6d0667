//! What asking a source can end in.

use std::fmt;
use std::time::Duration;

use vinculo_pila::Contribution;

use crate::Named;

/// The one result of one call. The HTTP status alone never decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Data about the right person.
    Resolved(Answer),
    /// The source answered and has nothing.
    NoData(NoDataReason),
    /// The source has an answer and does not show it.
    Withheld(WithheldReason),
    /// The source cannot answer now.
    RetryLater {
        /// Why not.
        reason: RetryReason,
        /// How long to stay away, counted from the answer: what the source asked for, or, after a
        /// daily cap, until midnight in Bogotá. `None` leaves it to the caller's schedule.
        not_before: Option<Duration>,
    },
    /// Our question is wrong and will stay wrong.
    InvalidInput(InvalidField),
    /// Our credentials, certificate or contract were refused; says nothing about the person.
    NotAuthorized,
    /// An answer that cannot be understood, or one about another person.
    ///
    /// The text is for whoever runs the installation, never for the API client. It carries no
    /// personal data.
    Fault(String),
}

impl Outcome {
    /// Stable name of the outcome, for records and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Resolved(_) => "resolved",
            Self::NoData(_) => "no_data",
            Self::Withheld(_) => "withheld",
            Self::RetryLater { .. } => "retry_later",
            Self::InvalidInput(_) => "invalid_input",
            Self::NotAuthorized => "not_authorized",
            Self::Fault(_) => "fault",
        }
    }

    /// When asking again makes sense, by the outcome alone; `None` for data.
    #[must_use]
    pub const fn retry_class(&self) -> Option<RetryClass> {
        match self {
            Self::Resolved(_) => None,
            Self::NoData(_) | Self::Withheld(_) => Some(RetryClass::NextWindow),
            Self::RetryLater { reason: RetryReason::DailyCap, .. } => Some(RetryClass::NextDay),
            Self::RetryLater { .. } => Some(RetryClass::Backoff),
            Self::InvalidInput(_) => Some(RetryClass::Never),
            Self::NotAuthorized => Some(RetryClass::Repair),
            Self::Fault(_) => Some(RetryClass::Twice),
        }
    }

    /// Stable name of the reason, for the outcomes that have one.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::NoData(reason) => Some(reason.code()),
            Self::Withheld(reason) => Some(reason.code()),
            Self::RetryLater { reason, .. } => Some(reason.code()),
            Self::InvalidInput(field) => Some(field.code()),
            Self::Resolved(_) | Self::NotAuthorized | Self::Fault(_) => None,
        }
    }
}

/// The contributions of one person as one source tells them. `Debug` shows counts and notes only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Lines in the normal form, sorted by period, payer and planilla kind.
    pub contributions: Vec<Contribution>,
    /// Who the person is, where the source says so without any line.
    pub named: Option<Box<Named>>,
    /// Whether every line of the person could be read; `false` asks for a second source.
    pub complete: bool,
    /// What was noticed while reading, each note once (`foreign_row`, `mark_not_mapped`, …).
    pub notes: Vec<String>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("contributions", &self.contributions.len())
            .field("complete", &self.complete)
            .field("notes", &self.notes)
            .finish()
    }
}

/// One call as it must be recorded. `Debug` shows the size of the payload, not its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// How it ended.
    pub outcome: Outcome,
    /// Status of the HTTP answer; `None` when there was no answer.
    pub http_status: Option<u16>,
    /// Media type of the answer as sent, needed to read [`Call::raw`] again.
    pub content_type: Option<String>,
    /// Answer code in the source's own scale, for the sources that have one.
    pub raw_code: Option<String>,
    /// When asking again makes sense; `None` after data.
    pub retry: Option<RetryClass>,
    /// What broke the way to an answer: a refused connection, an unknown host, a certificate. It names no
    /// person.
    pub broken: Option<String>,
    /// From the question to the outcome, by the connector's clock, also when that is set meanwhile.
    pub duration: Duration,
    /// Payload as received, at most 32 MiB; what arrived of it when the answer was cut short.
    pub raw: Option<Vec<u8>>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("outcome", &self.outcome)
            .field("http_status", &self.http_status)
            .field("content_type", &self.content_type)
            .field("raw_code", &self.raw_code)
            .field("retry", &self.retry)
            .field("broken", &self.broken)
            .field("duration", &self.duration)
            .field("raw_bytes", &self.raw.as_ref().map(Vec::len))
            .finish()
    }
}

/// Declares a reason with its stable code.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Stable name, for records and metrics.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

reasons! {
    /// Why a source has nothing.
    NoDataReason {
        /// The person is not known to the source.
        NotFound => "not_found",
        /// The person is not affiliated to the system the source covers.
        NotAffiliated => "not_affiliated",
        /// The person is known and has no contributions.
        NoHistory => "no_history",
        /// The person draws a pension and contributes no more.
        Pensioner => "pensioner",
        /// The source does not say.
        Unknown => "unknown",
    }
}

reasons! {
    /// Why a source keeps its answer back.
    WithheldReason {
        /// The answer cannot be billed to us.
        NotBillable => "not_billable",
        /// The holder's consent is missing.
        Consent => "consent",
        /// Our contract does not include it.
        Product => "product",
    }
}

reasons! {
    /// Why a source cannot answer now.
    RetryReason {
        /// The source says it has too much to do.
        Saturated => "saturated",
        /// The day's number of questions about this person is used up.
        DailyCap => "daily_cap",
        /// We ask too fast.
        RateLimited => "rate_limited",
        /// The source, or the way to it, is broken.
        UpstreamDown => "upstream_down",
        /// No complete answer before the deadline.
        Timeout => "timeout",
        /// The bulk job is not finished.
        JobRunning => "job_running",
    }
}

reasons! {
    /// Which part of the question is wrong.
    InvalidField {
        /// A kind of document the source does not take.
        DocumentKind => "document_kind",
        /// A number that is not a document number.
        DocumentNumber => "document_number",
        /// Anything else, or the source does not say.
        Other => "other",
    }
}

reasons! {
    /// When the same question may be asked again. Schedules are the caller's.
    RetryClass {
        /// Not before the question changes.
        Never => "never",
        /// At once with short pauses while somebody waits, then ever more slowly for a day.
        Backoff => "backoff",
        /// Twice, ever more slowly; then somebody has to look.
        Twice => "twice",
        /// On the next day in Bogotá.
        NextDay => "next_day",
        /// Once the next payment window has closed: nothing new is known earlier.
        NextWindow => "next_window",
        /// Not before the configuration or the contract with the source changes.
        Repair => "repair",
    }
}
