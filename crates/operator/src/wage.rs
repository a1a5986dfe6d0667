//! Pay in proportion to the minimum wage, so that everybody's salary rises in January.

use vinculo_pila::{Month, catalog};

/// The minimum wage of a month in pesos. Outside the decrees known the nearest one holds: a
/// sandbox may be moved beyond the year that has one.
pub(crate) fn minimum_wage(month: Month) -> i64 {
    catalog::minimum_wage(month).unwrap_or_else(|| {
        let distance = |year: i32| (year - month.year()).abs();
        catalog::minimum_wages().min_by_key(|wage| distance(wage.year)).map_or(0, |wage| wage.pesos)
    })
}

/// `thousandths` of the month's minimum wage, rounded up to a thousand pesos as salaries are;
/// the minimum wage itself stays exact.
pub(crate) fn pay(thousandths: i64, month: Month) -> i64 {
    let pesos = minimum_wage(month);
    if thousandths == 1000 {
        return pesos;
    }
    divided_up(pesos * thousandths, 1_000_000) * 1000
}

/// The part of a monthly amount that belongs to `days` of a month of 30, rounded up to one peso
/// as contribution bases are (Decreto 1990 de 2016).
pub(crate) fn for_days(monthly: i64, days: u8) -> i64 {
    divided_up(monthly * i64::from(days), 30)
}

/// `amount × percent / 100`, rounded up to one peso.
pub(crate) fn percent(amount: i64, percent: i64) -> i64 {
    divided_up(amount * percent, 100)
}

/// Division of non-negative numbers, rounded up.
pub(crate) fn divided_up(amount: i64, by: i64) -> i64 {
    (amount + by - 1) / by
}
