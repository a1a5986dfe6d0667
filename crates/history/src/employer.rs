//! `employer_data` of a payer.

use std::collections::BTreeMap;

use vinculo_pila::catalog;
use vinculo_pila::{Contribution, Document, DocumentKind, Payer, PayerProfile};

use crate::merge::Account;
use crate::payer;
use crate::types::{EmployerData, IdType};

/// What is known about a payer: from its own record, else from the newest line that tells.
pub(crate) fn of(
    document: &Document,
    accounts: &[Account<'_>],
    profiles: &[PayerProfile],
    tenure: u32,
) -> EmployerData {
    let profile = profiles.iter().find(|profile| payer::canonical(&profile.document) == *document);
    let payers = Payers { accounts };
    let activity = profile
        .and_then(|profile| filled(profile.activity_code.as_deref()))
        .or_else(|| payers.newest(|payer| payer.activity_code.as_deref()))
        .or_else(|| work_activity(newest_lines(accounts)));
    let class = profile
        .and_then(|profile| filled(profile.class_code.as_deref()))
        .or_else(|| payers.newest(|payer| payer.class_code.as_deref()));
    let kind = payers
        .newest(|payer| payer.kind_code.as_deref())
        .or_else(|| profile.and_then(|profile| filled(profile.kind_code.as_deref())));
    EmployerData {
        name: payers
            .newest(|payer| payer.name.as_deref())
            .or_else(|| profile.and_then(|profile| filled(Some(&profile.name))))
            .map(str::to_owned),
        id_type: id_type(document.kind),
        id_number: integer(&document.number),
        economic_activity_code: activity.and_then(integer),
        economic_activity_code_description: activity.and_then(|code| {
            let known = catalog::activity(&format!("{code:0>4}")).map(|activity| activity.name_es);
            payers.text(code, known, |payer| (&payer.activity_code, &payer.activity_text))
        }),
        contributor_class_code: class.map(str::to_owned),
        contributor_class_code_description: class.and_then(|code| {
            let known = catalog::contributor_class(code).map(|class| class.name_es);
            payers.text(code, known, |payer| (&payer.class_code, &payer.class_text))
        }),
        contributor_type_code: kind.and_then(integer),
        contributor_type_description: kind.and_then(|code| {
            let known = catalog::contributor_type(&format!("{code:0>2}")).map(|kind| kind.name_es);
            payers.text(code, known, |payer| (&payer.kind_code, &payer.kind_text))
        }),
        tenure,
    }
}

/// The payer as the lines of its months describe it.
#[derive(Clone, Copy)]
struct Payers<'a> {
    accounts: &'a [Account<'a>],
}

impl<'a> Payers<'a> {
    /// The value of the newest line that has one.
    fn newest(self, value: impl Fn(&'a Payer) -> Option<&'a str>) -> Option<&'a str> {
        let lines = self.accounts.iter().rev().flat_map(|account| account.all_lines().rev());
        lines.map(|line| &line.payer).find_map(|payer| filled(value(payer)))
    }

    /// The text of a code: of the catalog, else the newest that a line gives for this code.
    fn text(
        self,
        code: &str,
        known: Option<&str>,
        pair: fn(&Payer) -> (&Option<String>, &Option<String>),
    ) -> Option<String> {
        let given = || {
            self.newest(|payer| {
                let (of, text) = pair(payer);
                text.as_deref().filter(|_| filled(of.as_deref()) == Some(code))
            })
        };
        known.or_else(given).map(str::to_owned)
    }
}

/// Counts the CIIU class inside the work-risk activity (detail field 98, characters 2 to 5) of
/// every line of a planilla.
///
/// The class that most lines carry describes work centres, and stands in for the activity of a
/// payer that nothing else describes. [`project`](crate::project) sees one person: a reader of
/// whole planillas asks this of all their lines and keeps the answer as the payer's activity code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkActivities(BTreeMap<&'static str, usize>);

impl WorkActivities {
    /// Counts one line; one without a known class counts for nothing.
    pub fn add(&mut self, line: &Contribution) {
        self.add_activity(line.arl_activity.as_deref().unwrap_or_default());
    }

    /// Counts a line with this work-risk activity (detail field 98), empty when it has none.
    pub fn add_activity(&mut self, activity: &str) {
        if let Some(class) = class_of_work(activity) {
            *self.0.entry(class).or_default() += 1;
        }
    }

    /// The class of most lines; of equals the lowest; `None` when no line has one.
    #[must_use]
    pub fn most_frequent(&self) -> Option<&'static str> {
        let most = self.0.values().max()?;
        self.0.iter().find(|(_, count)| *count == most).map(|(class, _)| *class)
    }
}

/// The class of work that most of these lines carry; see [`WorkActivities`].
pub fn work_activity<'a>(
    lines: impl IntoIterator<Item = &'a Contribution>,
) -> Option<&'static str> {
    let mut activities = WorkActivities::default();
    lines.into_iter().for_each(|line| activities.add(line));
    activities.most_frequent()
}

/// A shorter text lost digits, or stands where spaces moved it: its class would be another one.
fn class_of_work(activity: &str) -> Option<&'static str> {
    const LENGTH: usize = 7;
    let class = activity.get(1..5).filter(|_| activity.len() == LENGTH)?;
    catalog::activity(class).map(|activity| activity.code)
}

fn newest_lines<'a>(accounts: &[Account<'a>]) -> Vec<&'a Contribution> {
    accounts.last().map(|account| account.lines.clone()).unwrap_or_default()
}

fn id_type(kind: DocumentKind) -> Option<IdType> {
    match kind {
        DocumentKind::Nit => Some(IdType::Nit),
        DocumentKind::Cc => Some(IdType::Cc),
        DocumentKind::Ce => Some(IdType::Ce),
        DocumentKind::Pa => Some(IdType::Passport),
        _ => None,
    }
}

fn integer(digits: &str) -> Option<i64> {
    let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| only_digits)
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}
