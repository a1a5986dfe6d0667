//! The dated figures of one month.

use jiff::civil::Date;
use vinculo_pila::Month;
use vinculo_pila::catalog::{self, Rate, RateKind};

/// Wages, rates and days of a month.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) month: Month,
    pub(super) first: Date,
    pub(super) last: Date,
    /// Minimum wage and cap of the base, pesos.
    pub(super) wage: i64,
    pub(super) cap: i64,
    /// Working hours of 30 days.
    pub(super) hours: u16,
    pub(super) pension: Rate,
    pub(super) pension_on_leave: Rate,
    pub(super) health: Rate,
    pub(super) health_exonerated: Rate,
    pub(super) health_on_leave: Rate,
    /// Work risk, classes 1 to 5.
    pub(super) risk: [Rate; 5],
    pub(super) family_fund: Rate,
    pub(super) sena: Rate,
    pub(super) sena_public: Rate,
    pub(super) icbf: Rate,
    pub(super) esap: Rate,
    pub(super) men: Rate,
}

impl Figures {
    /// The figures of a month; `None` where a catalog does not reach.
    pub(super) fn of(month: Month) -> Option<Self> {
        let rate = |kind| catalog::rate(kind, month);
        let wages = catalog::wage_figures(month)?;
        let first = Date::new(month.year().try_into().ok()?, month.month().try_into().ok()?, 1);
        let first = first.ok()?;
        Some(Self {
            month,
            first,
            last: first.last_of_month(),
            wage: wages.pesos,
            cap: wages.base_cap,
            hours: catalog::monthly_hours(first)?,
            pension: rate(RateKind::PensionTotal)?,
            pension_on_leave: rate(RateKind::PensionUnpaidLeave)?,
            health: rate(RateKind::HealthTotal)?,
            health_exonerated: rate(RateKind::HealthExonerated)?,
            health_on_leave: rate(RateKind::HealthUnpaidLeave)?,
            risk: [
                rate(RateKind::ArlClass1)?,
                rate(RateKind::ArlClass2)?,
                rate(RateKind::ArlClass3)?,
                rate(RateKind::ArlClass4)?,
                rate(RateKind::ArlClass5)?,
            ],
            family_fund: rate(RateKind::FamilyFund)?,
            sena: rate(RateKind::Sena)?,
            sena_public: rate(RateKind::SenaPublic)?,
            icbf: rate(RateKind::Icbf)?,
            esap: rate(RateKind::Esap)?,
            men: rate(RateKind::Men)?,
        })
    }

    /// The figures of a month; where a catalog does not reach, those of the same calendar month in
    /// the last year that it knows. The hours of work are always the month's own: a law has set them
    /// for later years too, from the middle of one on.
    pub(super) fn near(month: Month) -> Option<Self> {
        let known = (0..40).find_map(|years| Self::of(month.plus(-12 * years)))?;
        let first = Date::new(month.year().try_into().ok()?, month.month().try_into().ok()?, 1);
        let first = first.ok()?;
        let hours = catalog::monthly_hours(first)?;
        Some(Self { month, first, last: first.last_of_month(), hours, ..known })
    }

    /// The rate of a risk class, `1` to `5`; zero for another character.
    pub(super) fn risk_rate(&self, class: char) -> Rate {
        let at = class.to_digit(10).and_then(|digit| digit.checked_sub(1));
        at.and_then(|at| self.risk.get(at as usize)).copied().unwrap_or(Rate::ZERO)
    }

    /// The day of the month with this number, the last one when the month is shorter.
    pub(super) fn day(&self, day: u8) -> Date {
        let day = day.cast_signed().min(self.last.day());
        Date::new(self.first.year(), self.first.month(), day).unwrap_or(self.last)
    }
}
