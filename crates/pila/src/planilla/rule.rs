//! The rules a file is checked against: one table, which the checks, the reports and the
//! documentation share.

use super::finding::Severity;
use super::layout::{DETAIL, Field, HEADER, PAYER};
use super::options::CheckOptions;

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

    /// Its fields.
    const fn layout(self) -> &'static [Field] {
        match self {
            Self::Header => &HEADER,
            Self::Detail => &DETAIL,
            Self::Payer => &PAYER,
        }
    }

    /// Its name as the layouts have it.
    const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Detail => "detail",
            Self::Payer => "payer",
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

/// A rule as reports and documentation describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its name in reports; never changes its meaning.
    pub code: &'static str,
    /// What its findings can be. A rule with both refuses what is ambiguous and warns about what is
    /// only odd.
    pub severities: &'static [Severity],
    /// What a finding says.
    pub meaning: &'static str,
    /// What should be there.
    pub expected: &'static str,
    /// A law besides the layout of the record.
    law: Option<&'static str>,
    header: &'static [u16],
    detail: &'static [u16],
    payer: &'static [u16],
}

/// A field that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleField {
    /// The record: `header`, `detail` or `payer`.
    pub record: &'static str,
    /// The field, with its number and its Spanish and English names.
    pub field: &'static Field,
}

impl RuleInfo {
    /// The fields its findings can name; none for a rule about lines or about the file.
    pub fn fields(&self) -> impl Iterator<Item = RuleField> + use<> {
        let sections = [
            (Section::Header, self.header),
            (Section::Detail, self.detail),
            (Section::Payer, self.payer),
        ];
        sections.into_iter().flat_map(|(section, numbers)| {
            let field = move |&number: &u16| section.layout().get(usize::from(number) - 1);
            let fields = numbers.iter().filter_map(field);
            fields.map(move |field| RuleField { record: section.name(), field })
        })
    }

    /// Where the rule comes from.
    #[must_use]
    pub const fn article(&self) -> &'static str {
        match self {
            Self { law: Some(law), .. } => law,
            Self { header: [_, ..], detail: [], payer: [], .. } => Section::Header.article(),
            Self { header: [], detail: [_, ..], payer: [], .. } => Section::Detail.article(),
            Self { header: [], detail: [], payer: [_, ..], .. } => Section::Payer.article(),
            _ => "Resolución 2388/2016, annex 2",
        }
    }

    /// Whether [`CheckOptions`] can let it pass.
    #[must_use]
    pub fn overridable(&self) -> bool {
        CheckOptions::overridable().any(|code| code == self.code)
    }
}

/// Every rule, in the order in which a file is looked at.
pub fn rules() -> impl Iterator<Item = &'static RuleInfo> {
    RULES.iter()
}

const ERROR: &[Severity] = &[Severity::Error];
const WARNING: &[Severity] = &[Severity::Warning];
const BOTH: &[Severity] = &[Severity::Error, Severity::Warning];

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $severities:ident, $expected:literal
        $(, law $law:expr)? $(, header $header:expr)? $(, detail $detail:expr)?
        $(, payer $payer:expr)?;)+) => {
        /// A rule. Its code is part of the public answer and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Rule {
            $($(#[doc = $doc])+ $name,)+
        }

        static RULES: [RuleInfo; Rule::COUNT] = [$(RuleInfo {
            code: $code,
            severities: $severities,
            meaning: concat!($($doc),+).trim_ascii(),
            expected: $expected,
            law: rules!(@option $($law)?),
            header: rules!(@fields $($header)?),
            detail: rules!(@fields $($detail)?),
            payer: rules!(@fields $($payer)?),
        },)+];

        impl Rule {
            /// How many rules there are.
            pub(super) const COUNT: usize = [$(Self::$name),+].len();
        }
    };
    (@option) => { None };
    (@option $law:expr) => { Some($law) };
    (@fields) => { &[] };
    (@fields $fields:expr) => { &$fields };
}

rules! {
    /// The file holds no record.
    EmptyFile = "empty_file", ERROR, "at least two records";
    /// The file is not text.
    BinaryContent = "binary_content", ERROR, "a text file";
    /// The text is not cp1252, or a byte has no character there.
    WrongEncoding = "wrong_encoding", ERROR, "cp1252";
    /// A byte order mark stands before the text.
    ByteOrderMark = "byte_order_mark", ERROR, "cp1252 text without a mark";
    /// A CR has no LF after it.
    LoneCarriageReturn = "lone_carriage_return", ERROR, "CR LF or LF";
    /// A line holds a control character.
    ControlCharacter = "control_character", ERROR, "no control characters";
    /// An empty line stands between records.
    BlankLine = "blank_line", ERROR, "a record";
    /// Empty lines follow the last record.
    TrailingBlankLine = "trailing_blank_line", WARNING, "the end of the file";
    /// Some lines end with LF and others with CR LF.
    MixedLineEnds = "mixed_line_ends", WARNING, "the same line end on every line";
    /// A DOS end-of-file byte follows the last record.
    EndOfFileMark = "end_of_file_mark", WARNING, "the end of the file";
    /// A record has another length.
    RecordLength = "record_length", ERROR,
        "359; then 676, 686 or 693 for all details (702 in spaces); 567 or 552 for a payer";
    /// A line starts with a tag that is neither 01 nor 02.
    RecordType = "record_type", ERROR, "01 or 02", detail [1];
    /// No header stands before the detail.
    MissingHeader = "missing_header", ERROR, "01 on the first line", header [1];
    /// A header follows another one.
    SecondHeader = "second_header", ERROR, "one header per file", header [1];
    /// A header follows the detail.
    HeaderNotFirst = "header_not_first", ERROR, "the header before the detail", header [1];
    /// A header has no detail.
    NoDetail = "no_detail", ERROR, "at least one detail record", law Section::Detail.article();
    /// A file of type 1 holds more than one record.
    ExtraRecord = "extra_record", ERROR, "one record per file", law Section::Payer.article();
    /// The sequence of the lines has a gap or a repetition.
    Sequence = "sequence", ERROR, "00001, 00002 and so on", detail [2];
    /// The sequence of the header is zero.
    HeaderSequence = "header_sequence", WARNING, "0001", header [3];
    /// A field that must be filled is blank.
    Required = "required", BOTH, "a value", header [4, 6, 9, 10, 12, 17, 18],
        detail [4, 9, 10, 11, 13, 22, 74, 75], payer [1, 3, 18];
    /// A numeric field holds other characters than digits; a warning where writers leave blanks.
    Numeric = "numeric", BOTH, "digits, zeros on the left",
        header [2, 3, 7, 9, 17, 19, 20, 21, 22],
        detail [6, 30, 36, 37, 38, 39, 40, 42, 43, 44, 45, 47, 48, 49, 50, 51, 52, 53, 55, 56, 58,
            60, 62, 63, 65, 67, 69, 70, 71, 72, 73, 95, 96, 98],
        payer [4, 14, 15, 16, 28, 30];
    /// A rate is not a fraction with a dot; a warning when its value is certain nevertheless.
    Rate = "rate", BOTH, "a fraction with a dot, like 0.16000",
        detail [46, 54, 61, 64, 66, 68, 70, 72];
    /// A text is padded on the left.
    Alignment = "alignment", WARNING, "text that starts at the first position",
        header [4, 12, 13], detail [11, 12, 13, 14];
    /// Zeros stand where spaces say that there is nothing.
    ZeroFilled = "zero_filled", WARNING, "spaces", header [9, 17];
    /// A planilla that relates to no other one names one, or its day of payment.
    RelatedPlanilla = "related_planilla", WARNING,
        "spaces: only planillas N, F, J, O, Q and U relate to another", header [9, 10];
    /// A date is no day of the calendar.
    Date = "date", ERROR, "YYYY-MM-DD or spaces", header [10, 18],
        detail [80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 97],
        payer [25, 27, 31];
    /// A period is no month; a warning for one after the month of payment.
    Period = "period", BOTH, "YYYY-MM", header [15, 16], payer [29];
    /// The month of health does not belong to the month of work.
    HealthPeriod = "health_period", WARNING,
        "the month after the work for employees, the same month for the self-employed",
        law "Resolución 2388/2016, annex 2, 2.1.1.1; Resolución 3559/2018", header [16];
    /// More than 30 days.
    Days = "days", ERROR, "00 to 30", detail [30, 36, 37, 38, 39];
    /// A code is not on its list, or not in the month; a warning where lists are known to lag behind.
    Catalog = "catalog", BOTH, "a code of the list", header [2, 5, 8, 11, 14, 21, 22],
        detail [3, 5, 6, 9, 10, 31, 33, 35, 77, 98], payer [2, 7, 8, 9, 10, 12, 13, 14, 28, 30, 32, 33, 34];
    /// The class of a payer does not suit its kind.
    PayerClass = "payer_class", WARNING, "a class that the kind of payer may have", payer [7];
    /// A mail address holds no @.
    MailAddress = "mail_address", WARNING, "an address with @, or blank", payer [17];
    /// A mark that the field does not know; a warning, told once, for a salary kind of 0.
    Mark = "mark", BOTH, "a letter of the field, or blank",
        detail [7, 8, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 41, 76, 78, 79];
    /// A mark of a transfer stands in a month that leaves it blank.
    TransferMark = "transfer_mark", WARNING, "blank from January 2026 on",
        law "Resolución 010/2026, annex 2", detail [17, 18, 19, 20];
    /// A correction mark stands in a planilla that corrects nothing.
    MarkNotAllowed = "mark_not_allowed", ERROR, "blank: only planilla N corrects", detail [22];
    /// The mark of a foreigner or of a national abroad does not suit the document.
    Nationality = "nationality", WARNING,
        "field 7 with foreign documents only, field 8 with a national's only", detail [7, 8];
    /// A document number is not written as its kind asks.
    DocumentNumber = "document_number", BOTH, "the characters and the length of its kind",
        law "Resolución 2388/2016, annex 2; Resolución 1529/2026",
        header [6], detail [4], payer [3];
    /// The check digit of a NIT does not match.
    CheckDigit = "check_digit", ERROR, "the digit modulo 11", header [7], payer [4];
    /// A name or a document holds small letters.
    LowerCase = "lower_case", WARNING, "capital letters",
        header [4, 6], detail [4, 11, 12, 13, 14], payer [1, 3];
    /// A novelty lacks a date (warning), or ends before it starts.
    NoveltyDates = "novelty_dates", BOTH, "a day, and an end not before the start",
        detail [80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94];
    /// A person has lines A without lines C; a warning for lines C alone.
    CorrectionPair = "correction_pair", BOTH, "lines A and lines C of each person", detail [22];
    /// The planilla type does not suit the payer; an error for type E of a self-employed payer (02).
    PlanillaPayerMismatch = "planilla_payer_mismatch", BOTH,
        "E and Y of who pays for others, I of who pays alone", header [8], detail [4];
    /// The planilla type does not carry this kind of worker.
    PlanillaWorkerMismatch = "planilla_worker_mismatch", WARNING,
        "a worker kind that the planilla type carries",
        law "Resolución 2388/2016, annex 2, 2.1.2.3.1", detail [5];
    /// A contribution is not its base times its rate, rounded up.
    ContributionAmount = "contribution_amount", WARNING,
        "base times rate, rounded up to 100 pesos; 0 where the rate is 0",
        law "Decreto 780/2016, art. 3.2.1.5", detail [47, 55, 63, 65, 67, 69, 71, 73];
    /// The total of pensions is not the sum of its parts.
    ContributionTotal = "contribution_total", WARNING, "the sum of fields 47 to 49", detail [50];
    /// The days of health, work risk and family fund of an employee differ or are zero.
    DaysAgree = "days_agree", WARNING, "the same days, not 0", detail [37, 38, 39];
    /// The bases of an employee's normal days do not agree or are zero.
    BasesAgree = "bases_agree", WARNING,
        "the same base for health and work risk, no smaller one for the family fund, not 0",
        detail [43, 44, 45];
    /// A base is below the minimum wage by days.
    BaseFloor = "base_floor", WARNING, "at least one minimum wage by days",
        law "Ley 797/2003, art. 5; Decreto 510/2003, art. 3", detail [42, 43, 44];
    /// A person's bases exceed 25 minimum wages; the family fund has no cap, nor worker kind 18.
    BaseCap = "base_cap", WARNING, "25 minimum wages at most",
        law "Ley 797/2003, art. 5; Decreto 510/2003, art. 3", detail [42, 43, 44];
    /// The solidarity fund is not what the pension base of the month asks for.
    SolidarityFund = "solidarity_fund", WARNING,
        "nothing below 4 minimum wages; 0.5 % and, from 16, up to 1.5 % in the second account",
        law "Ley 797/2003, arts. 7 and 8", detail [51, 52];
    /// A line of unpaid leave pays the rates of work.
    UnpaidLeaveRate = "unpaid_leave_rate", WARNING,
        "the employer's share of pensions; for health the employer's share or nothing",
        detail [46, 54];
    /// The base of SENA and ICBF does not suit what is paid to them.
    OtherParafiscalBase = "other_parafiscal_base", WARNING,
        "0 when exonerated, not 0 when SENA or ICBF is paid, no more than the other bases",
        law "Estatuto Tributario, art. 114-1", detail [95];
    /// The exoneration does not reach this worker.
    Exoneration = "exoneration", WARNING,
        "N from 10 minimum wages, and for worker kinds without exoneration",
        law "Estatuto Tributario, art. 114-1", detail [76];
    /// An exonerated worker's line does not pay the worker's share of health.
    ExoneratedHealth = "exonerated_health", WARNING, "0.04000, unless the leave is unpaid",
        law "Estatuto Tributario, art. 114-1", detail [54];
    /// Risk class and work-risk activity do not agree.
    RiskClass = "risk_class", WARNING, "an activity that starts with the risk class",
        law "Decreto 768/2022", detail [98];
    /// No hours, or more than the days of the line can have.
    Hours = "hours", WARNING, "some hours, and no more than the legal ones of the month, by days",
        law "Código Sustantivo del Trabajo, art. 161; Ley 2101/2021", detail [96];
    /// The days of a person do not make a month.
    MonthDays = "month_days", WARNING, "30 days; fewer only with ING or RET",
        detail [36, 37, 38, 39];
    /// The header counts other workers than the detail holds; a warning when it counts two forms of
    /// a document as two.
    HeaderTotalContributors = "header_total_contributors", BOTH,
        "the distinct documents of the detail, without worker kind 40", header [19];
    /// The header's payroll is not the sum of the detail; a warning up to a peso a line.
    HeaderPayrollTotal = "header_payroll_total", BOTH, "the sum of detail field 45", header [20];
}

impl Rule {
    /// The rule in words.
    pub(super) const fn info(self) -> &'static RuleInfo {
        &RULES[self as usize]
    }

    /// The name of the rule in reports.
    pub(super) const fn code(self) -> &'static str {
        self.info().code
    }

    /// A law besides the layout of the record.
    pub(super) const fn law(self) -> Option<&'static str> {
        self.info().law
    }
}
