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

/// Whether a record has neither marks nor dates, as most have.
fn is_plain(detail: &Detail<'_>) -> bool {
    let is_blank_block = |block| detail.bytes().get(block).is_none_or(is_blank);
    is_blank_block(MARKS_BLOCK) && detail.raw::<30>() == b"00" && is_blank_block(DATES_BLOCK)
}

/// Checks that a marked novelty has its dates and that no stretch ends before it starts.
///
/// A missing date is a warning: writers repeat ING and RET on every line of the month and date
/// one of them.
pub(super) fn check(line: u64, detail: &Detail<'_>, month: Option<Month>, findings: &mut Findings) {
    if is_plain(detail) {
        return;
    }
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
        let start = cell(novelty.start);
        let end = novelty.end.map(cell);
        let marked = !matches!(cell(novelty.mark).raw, b" " | b"00");
        for date in [Some(start), end].into_iter().flatten() {
            if marked && is_blank(date.raw) {
                let expected = format!("a day, because field {} is marked", novelty.mark);
                findings.warn(Rule::NoveltyDates, &date, &expected);
            }
        }
        // Days written YYYY-MM-DD compare as text.
        if let Some(end) = end
            && !is_blank(start.raw)
            && !is_blank(end.raw)
            && end.raw < start.raw
        {
            findings.error(Rule::NoveltyDates, &end, "a day not before the start");
        }
    }
}
