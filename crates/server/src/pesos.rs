//! Amounts for people.

use std::fmt::{self, Write as _};

/// Pesos as they are written in Colombia: `1.750.905`.
#[derive(Debug, Clone, Copy)]
pub struct Pesos(pub i64);

impl fmt::Display for Pesos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(".")?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pesos_are_grouped_by_threes() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1.000"),
            (1_750_905, "1.750.905"),
            (-1_000, "-1.000"),
        ];
        for (pesos, text) in cases {
            assert_eq!(Pesos(pesos).to_string(), text);
        }
    }
}
