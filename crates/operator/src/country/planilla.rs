//! The files of the country.

use std::io::Write;

use vinculo_pila::planilla::{FieldError, HeaderBuf, WriteError, Writer};

use super::Country;
use super::figures::Figures;
use super::filing::{Filed, Purpose, Standing, paid_on};
use super::line::Line;
use super::payer::Payer;
use super::person::Identity;
use super::record;

/// Numbers of planillas are counted from here.
const FIRST_NUMBER: u64 = 5_000_000_000;

/// A planilla of the country, ready to be written. It holds the lines of one file; who stands in
/// them is derived again when it is written.
#[derive(Clone)]
pub struct Planilla<'a> {
    country: &'a Country,
    figures: Figures,
    payer: Payer,
    /// The branch and how many there are.
    branch: (u32, u32),
    purpose: Purpose,
    lines: Vec<Line>,
}

impl std::fmt::Debug for Planilla<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planilla({}, {} lines)", self.file_name(), self.lines.len())
    }
}

impl<'a> Planilla<'a> {
    /// The planillas of a branch about a month; a planilla without lines is not filed.
    pub(super) fn of_branch(
        country: &'a Country,
        payer: &Payer,
        branch: (u32, u32),
        figures: &Figures,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let Filed { regular, newcomers, arrears, corrections } =
            country.filed(payer, branch.0, figures);
        let (draft, regular) = match country.standing(payer.index, figures.month) {
            Standing::Paid => (Vec::new(), regular),
            Standing::PaidAfterDraft => (regular.clone(), regular),
            Standing::Draft => (regular, Vec::new()),
        };
        let filed = [
            (Purpose::Draft, draft),
            (Purpose::Regular, regular),
            (Purpose::Newcomers, newcomers),
            (Purpose::Arrears, arrears),
            (Purpose::Corrections, corrections),
        ];
        let (payer, figures) = (payer.clone(), *figures);
        filed.into_iter().filter(|(_, lines)| !lines.is_empty()).map(move |(purpose, lines)| Self {
            country,
            figures,
            payer: payer.clone(),
            branch,
            purpose,
            lines,
        })
    }

    /// A name for the file, another for every planilla of the country.
    #[must_use]
    pub fn file_name(&self) -> String {
        let letter = self.purpose.letter(self.payer.trade);
        let draft = if self.purpose == Purpose::Draft { "-draft" } else { "" };
        let (month, payer, branch) = (self.figures.month, self.payer.index, self.branch.0 + 1);
        format!("{month}-{payer:06}-{branch:03}-{letter}{draft}.txt")
    }

    /// Detail records, at most 99,999.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// When `out` fails. A field that cannot hold its value is an error too; no country has one.
    pub fn write_to(&self, out: impl Write) -> Result<(), WriteError> {
        let mut header = self.header()?;
        let mut details = Vec::with_capacity(self.lines.len());
        let mut known: Option<(u32, Identity)> = None;
        for line in &self.lines {
            if known.as_ref().is_none_or(|(person, _)| *person != line.person) {
                known = Some((line.person, self.country.identity(line.person)));
            }
            if let Some((_, identity)) = &known {
                details.push(record::detail(line, identity, &self.payer)?);
            }
        }
        let mut writer = Writer::new(out);
        writer.planilla(&mut header, &mut details)?;
        writer.finish()?;
        Ok(())
    }

    fn header(&self) -> Result<HeaderBuf, FieldError> {
        let month = self.figures.month;
        let ahead = i32::from(self.payer.trade.has_employees());
        let insured = self.lines.iter().any(|line| line.days.risk > 0);
        let paid = self.purpose != Purpose::Draft;
        let operator = self.country.operator(self.payer.index, month);
        let mut header = HeaderBuf::new();
        header
            .set_text::<4>(&self.payer.name)?
            .set_payer(&self.payer.document)?
            .set_mark::<8>(self.purpose.letter(self.payer.trade))?
            .set_text::<14>(if insured { self.payer.insurer } else { "" })?
            .set_month::<15>(month)?
            .set_month::<16>(month.plus(ahead))?
            .set_date::<18>(paid_on(self.purpose, &self.payer, &self.figures))?
            .set_text::<21>(self.payer.kind)?
            .set_text::<22>(if paid { operator } else { "00" })?;
        if paid {
            header.set_text::<17>(&self.number(self.purpose))?;
        }
        if self.purpose == Purpose::Corrections {
            let day = paid_on(Purpose::Regular, &self.payer, &self.figures);
            header.set_text::<9>(&self.number(Purpose::Regular))?.set_date::<10>(day)?;
        }
        if self.branch.1 > 1 {
            let branch = format!("{:03}", self.branch.0 + 1);
            header.set_mark::<11>('S')?.set_text::<12>(&branch)?;
            header.set_text::<13>(&format!("SUCURSAL {branch}"))?;
        }
        Ok(header)
    }

    /// The number the operator gave: none is given twice in a country.
    fn number(&self, purpose: Purpose) -> String {
        let month = self.country.month_number(self.figures.month).unwrap_or_default();
        let months = u64::from(month.unsigned_abs());
        let payer = months * u64::from(self.country.size.payers) + u64::from(self.payer.index);
        let branch = payer * u64::from(self.country.most_branches) + u64::from(self.branch.0);
        format!("{:010}", FIRST_NUMBER + branch * Purpose::PLACES + purpose.place())
    }
}

/// The type-1 file of a payer: its class, activity and legal nature.
#[derive(Clone)]
pub struct PayerRecord<'a> {
    country: &'a Country,
    payer: Payer,
    figures: Figures,
}

impl std::fmt::Debug for PayerRecord<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PayerRecord({})", self.file_name())
    }
}

impl<'a> PayerRecord<'a> {
    pub(super) const fn new(country: &'a Country, payer: Payer, figures: Figures) -> Self {
        Self { country, payer, figures }
    }

    /// A name for the file, another for every payer.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("payer-{:06}.txt", self.payer.index)
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// As [`Planilla::write_to`].
    pub fn write_to(&self, out: impl Write) -> Result<(), WriteError> {
        let index = self.payer.index;
        let operator = self.country.operator(index, self.figures.month);
        let branches = self.country.branches(index);
        let record = record::payer_record(&self.payer, operator, branches, &self.figures)?;
        let mut writer = Writer::new(out);
        writer.record(&record)?;
        writer.finish()?;
        Ok(())
    }
}
