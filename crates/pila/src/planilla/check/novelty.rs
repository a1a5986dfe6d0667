//! Novelties and their dates (annex 2, 2.1.2.1 fields 15 to 30 and 80 to 94).

use std::ops::Range;

use crate::Month;
use crate::planilla::finding::{Cell, Findings};
use crate::planilla::layout::{DETAIL, detail_span};
use crate::planilla::rule::{Rule, Section};
use crate::planilla::text::is_blank;
use crate::planilla::view::Detail;

/// A novelty: the field of its mark and those of its first and last day.
struct Novelty {
    mark: usize,
    start: usize,
    end: Option<usize>,
}

const NOVELTIES: [Novelty; 9] = [
    single(15, 80),
    single(16, 81),
    single(21, 82),
    stretch(24, 83),
    stretch(25, 85),
    stretch(26, 87),
    stretch(27, 89),
    stretch(29, 91),
    stretch(30, 93),
];

const fn single(mark: usize, start: usize) -> Novelty {
    Novelty { mark, start, end: None }
}

const fn stretch(mark: usize, start: usize) -> Novelty {
    Novelty { mark, start, end: Some(start + 1) }
}

/// Transfers between health and pension administrators.
const TRANSFERS: [usize; 4] = [17, 18, 19, 20];

/// Transfers are left blank since version 29 of annex 2 (Resolución 010/2026).
const NO_TRANSFERS_SINCE: Month = match Month::new(2026, 1) {
    Some(month) => month,
    None => panic!("January is a month"),
};

/// The bytes of the marks, fields 15 to 29.
const MARKS_BLOCK: Range<usize> = detail_span(15, 29);

/// The bytes of the dates, fields 80 to 94.
pub(super) const DATES_BLOCK: Range<usize> = detail_span(80, 94);

/// Whether a record has no mark of a novelty.
pub(super) fn has_no_marks(detail: &Detail<'_>) -> bool {
    detail
        .bytes()
        .get(MARKS_BLOCK)
        .is_none_or(|marks| marks == [b' '; MARKS_BLOCK.end - MARKS_BLOCK.start])
}

/// Whether a record has neither marks nor dates, as most have.
fn is_plain(detail: &Detail<'_>) -> bool {
    has_no_marks(detail)
        && detail.raw::<30>() == b"00"
        && detail.bytes().get(DATES_BLOCK).is_none_or(is_blank)
}

/// Checks that a marked novelty has its dates and that no stretch ends before it starts.
///
/// A missing date is a warning: writers repeat ING and RET on every line of the month and date
/// one of them.
pub(super) fn check(line: u64, detail: &Detail<'_>, month: Option<Month>, findings: &mut Findings) {
    if is_plain(detail) {
        return;
    }
    let raw = |number: usize| detail.field(&DETAIL[number - 1]);
    let cell = |number: usize| {
        let field = &DETAIL[number - 1];
        Cell { line, section: Section::Detail, field, raw: detail.field(field) }
    };
    if month.is_some_and(|month| month >= NO_TRANSFERS_SINCE) {
        for transfer in TRANSFERS.map(cell).iter().filter(|cell| cell.raw != b" ") {
            findings.warn(Rule::TransferMark, transfer, "blank, as since January 2026");
        }
    }
    for novelty in &NOVELTIES {
        if !matches!(raw(novelty.mark), b" " | b"00") {
            for date in [Some(novelty.start), novelty.end].into_iter().flatten() {
                if is_blank(raw(date)) {
                    let expected = format!("a day, because field {} is marked", novelty.mark);
                    findings.warn(Rule::NoveltyDates, &cell(date), &expected);
                }
            }
        }
        // Days written YYYY-MM-DD compare as text.
        if let Some(end) = novelty.end
            && raw(end) < raw(novelty.start)
            && !is_blank(raw(end))
        {
            findings.error(Rule::NoveltyDates, &cell(end), "a day not before the start");
        }
    }
}
