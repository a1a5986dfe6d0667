//! Habits of writers that even accepted files have on most of their lines: one finding tells of each.

use super::detail::RecordCheck;
use super::field;
use super::month::count;
use crate::catalog;
use crate::planilla::finding::Findings;
use crate::planilla::layout::DETAIL;
use crate::planilla::rule::Rule;

/// Characters of a work-risk activity, field 98.
const ACTIVITY: usize = 7;

/// What was seen of them so far.
#[derive(Debug, Default)]
pub(super) struct Habits {
    salary_kind: Tally<1>,
    activity: Tally<ACTIVITY>,
    /// The activity of the line before, already looked up.
    known: [u8; ACTIVITY],
}

/// The first line with something, what stands there, and how many lines have the like.
#[derive(Debug, Default)]
struct Tally<const LENGTH: usize> {
    first: Option<(u64, [u8; LENGTH])>,
    lines: u64,
}

impl<const LENGTH: usize> Tally<LENGTH> {
    fn add(&mut self, line: u64, raw: [u8; LENGTH]) {
        self.first.get_or_insert((line, raw));
        self.lines += 1;
    }

    fn report(&self, rule: Rule, field: usize, expected: &str, findings: &mut Findings) {
        let Some((line, raw)) = self.first else { return };
        let found = || format!("{:?}, the first of {}", field::code(&raw), count(self.lines));
        findings.warn_sum(rule, line, &DETAIL[field - 1], found, expected);
    }
}

impl Habits {
    /// Takes the next record, whose fields have the right form.
    pub(super) fn see(&mut self, record: &RecordCheck<'_>) {
        if record.detail.raw::<41>() == b"0" {
            self.salary_kind.add(record.line, *b"0");
        }
        // The older records do not have the field, and who is not insured has no activity.
        let insured = record.detail.raw::<78>() != b" ";
        let Some(&activity) = record.detail.raw::<98>().first_chunk() else { return };
        if !insured || activity == self.known || !activity.iter().all(u8::is_ascii_digit) {
            return;
        }
        if catalog::risk_activity(field::code(&activity)).is_some() {
            self.known = activity;
        } else {
            self.activity.add(record.line, activity);
        }
    }

    /// Tells of them once the file has ended.
    pub(super) fn report(&self, findings: &mut Findings) {
        self.salary_kind.report(Rule::Mark, 41, "one of blank X F V", findings);
        let expected = "an activity of the table of Decreto 768/2022";
        self.activity.report(Rule::Catalog, 98, expected, findings);
    }
}
