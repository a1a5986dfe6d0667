//! What a check may let pass.

use super::rule::Rule;

/// Which refusing rules a check lets pass as warnings.
///
/// Only rules about totals can be allowed: they compare what the header claims with what the
/// detail adds up to, and leave no doubt about what the bytes say. Their findings stay in the
/// report, marked [`allowed`](super::Finding::allowed).
///
/// ```
/// use vinculo_pila::planilla::{self, CheckOptions};
///
/// let options = CheckOptions::allowing(&["header_payroll_total"])?;
/// # let bytes = include_bytes!("../../tests/samples/bad/15-header-total.txt");
/// assert!(!planilla::check(bytes).accepted());
/// let report = planilla::check_with(bytes, options);
/// assert!(report.accepted() && report.findings[0].allowed);
///
/// assert!(CheckOptions::allowing(&["record_length"]).is_err());
/// # Ok::<(), planilla::NotOverridable>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckOptions {
    allowed: [bool; OVERRIDABLE.len()],
}

/// Rules that can be allowed.
const OVERRIDABLE: [Rule; 2] = [Rule::HeaderTotalContributors, Rule::HeaderPayrollTotal];

/// A name that is no rule, or that of a rule which always refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be allowed: only header_total_contributors and header_payroll_total can")]
pub struct NotOverridable {
    /// The name.
    pub name: String,
}

impl CheckOptions {
    /// Lets these rules pass, named by their code.
    ///
    /// # Errors
    ///
    /// When a name is not one of [`overridable`](Self::overridable).
    pub fn allowing(names: &[&str]) -> Result<Self, NotOverridable> {
        let mut options = Self::default();
        for &name in names {
            let slot = OVERRIDABLE.iter().position(|rule| rule.code() == name);
            match slot.and_then(|at| options.allowed.get_mut(at)) {
                Some(allowed) => *allowed = true,
                None => return Err(NotOverridable { name: name.to_owned() }),
            }
        }
        Ok(options)
    }

    /// Codes of the rules that can be allowed.
    pub fn overridable() -> impl Iterator<Item = &'static str> {
        OVERRIDABLE.iter().map(|rule| rule.code())
    }

    pub(super) fn allows(self, rule: Rule) -> bool {
        OVERRIDABLE.iter().zip(self.allowed).any(|(&listed, allowed)| allowed && listed == rule)
    }
}
