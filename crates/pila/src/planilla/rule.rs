//! The rules a file is checked against, by name.

/// A record of the regulation; decides article, field names and which fields are personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Header,
    Detail,
    Payer,
}

impl Section {
    /// Where the regulation describes the record.
    pub(super) const fn article(self) -> &'static str {
        match self {
            Self::Header => "Resolución 2388/2016, annex 2, 2.1.1.1",
            Self::Detail => "Resolución 2388/2016, annex 2, 2.1.2.1",
            Self::Payer => "Resolución 2388/2016, annex 2, type-1 file",
        }
    }

    /// Whether the field names or locates a person; a finding shows only the shape of its text.
    pub(super) const fn is_personal(self, field: u16) -> bool {
        match self {
            Self::Header => matches!(field, 4 | 6),
            Self::Detail => matches!(field, 4 | 11..=14 | 75),
            Self::Payer => matches!(field, 1 | 3 | 11 | 15..=18 | 21..=24),
        }
    }
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// A rule. Its code is part of the public answer and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Rule {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Rule {
            /// How many rules there are.
            pub(super) const COUNT: usize = [$(Self::$name),+].len();

            /// The name of the rule in reports.
            pub(super) const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

rules! {
    /// The file holds no record.
    EmptyFile = "empty_file",
    /// The file is not text.
    BinaryContent = "binary_content",
    /// The text is not cp1252.
    WrongEncoding = "wrong_encoding",
    /// A byte order mark before the text.
    ByteOrderMark = "byte_order_mark",
    /// CR without LF.
    LoneCarriageReturn = "lone_carriage_return",
    /// A control character inside a line.
    ControlCharacter = "control_character",
    /// An empty line between records.
    BlankLine = "blank_line",
    /// Empty lines after the last record.
    TrailingBlankLine = "trailing_blank_line",
    /// LF and CR LF in one file.
    MixedLineEnds = "mixed_line_ends",
    /// The DOS end-of-file byte.
    EndOfFileMark = "end_of_file_mark",
    /// A record of another length.
    RecordLength = "record_length",
    /// A record tag that is neither 01 nor 02.
    RecordType = "record_type",
    /// No header before the detail.
    MissingHeader = "missing_header",
    /// A header after another one.
    SecondHeader = "second_header",
    /// A header after the detail.
    HeaderNotFirst = "header_not_first",
    /// A header without detail.
    NoDetail = "no_detail",
    /// More than one type-1 record.
    ExtraRecord = "extra_record",
    /// The sequence of the lines has a gap or a repetition.
    Sequence = "sequence",
    /// A field that must be filled is blank.
    Required = "required",
    /// A numeric field with other characters than digits.
    Numeric = "numeric",
    /// A rate that is not a fraction with a dot.
    Rate = "rate",
    /// Not a day.
    Date = "date",
    /// Not a month, or months that do not belong together.
    Period = "period",
    /// More than 30 days.
    Days = "days",
    /// A code the list does not have.
    Catalog = "catalog",
    /// A mark the field does not know.
    Mark = "mark",
    /// A known mark where it must not stand.
    MarkNotAllowed = "mark_not_allowed",
    /// A document number not written as its kind asks.
    DocumentNumber = "document_number",
    /// The check digit of a NIT does not match.
    CheckDigit = "check_digit",
    /// Small letters in a name.
    LowerCase = "lower_case",
    /// The dates of a novelty are missing or reversed.
    NoveltyDates = "novelty_dates",
    /// Lines A and C of a correction do not come together.
    CorrectionPair = "correction_pair",
    /// The planilla type does not suit the kind of payer.
    PlanillaPayerMismatch = "planilla_payer_mismatch",
    /// The planilla type does not carry this kind of worker.
    PlanillaWorkerMismatch = "planilla_worker_mismatch",
    /// A contribution is not its base times its rate.
    ContributionAmount = "contribution_amount",
    /// A total is not the sum of its parts.
    ContributionTotal = "contribution_total",
    /// The exoneration does not reach this worker.
    Exoneration = "exoneration",
    /// Risk class and work-risk activity do not agree.
    RiskClass = "risk_class",
    /// More hours than a month can have.
    Hours = "hours",
    /// The header counts other workers than the detail holds.
    HeaderTotalContributors = "header_total_contributors",
    /// The header's payroll is not the sum of the detail.
    HeaderPayrollTotal = "header_payroll_total",
}

impl Rule {
    /// The article behind the rule where no field is concerned.
    pub(super) const fn article(self) -> &'static str {
        match self {
            Self::ExtraRecord => Section::Payer.article(),
            Self::MissingHeader | Self::SecondHeader | Self::HeaderNotFirst => {
                Section::Header.article()
            }
            Self::NoDetail => Section::Detail.article(),
            _ => "Resolución 2388/2016, annex 2",
        }
    }
}
