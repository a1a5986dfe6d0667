//! What may be fetched about a person, and what is withheld.
//!
//! A resource may be fetched while a consent for it holds. Nobody having recorded any, the customer
//! attests by contract that it has one, unless the workspace requires consents to be recorded. After
//! a revocation nothing is fetched or shown but under a consent that stood beside the one taken back,
//! after the end of a consent nothing is fetched, until there is a new one.

use uuid::Uuid;
use vinculo_store::{Allowed, Link, Micros, Resource, SubjectId, Tx};

use crate::error::ApiError;
use crate::settings::Settings;

/// What a person has allowed and taken back.
pub(crate) struct Standing(Vec<Allowed>);

/// Nothing may be fetched: the person took the consent back, it ended, or none was recorded where one
/// must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied;

impl From<Denied> for ApiError {
    fn from(_: Denied) -> Self {
        Self::denied()
    }
}

/// How it stands with one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A consent holds.
    Holds,
    /// A consent was taken back, none that stood beside it holds, and none was given since.
    Revoked,
    /// There was a consent, and its time is over.
    Expired,
    /// Nothing was ever recorded.
    Unsaid,
}

impl Standing {
    /// Of somebody whom the workspace does not know.
    pub(crate) const fn of_nobody() -> Self {
        Self(Vec::new())
    }

    /// Reads what a person has allowed.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn of(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Self, vinculo_store::Error> {
        tx.allowed_by(subject).map(Self)
    }

    /// The consent under which these resources may be fetched; `None` when the customer attests by
    /// contract. Where several consents have to come together, the newest for the first resource.
    ///
    /// # Errors
    /// When one of them may not be fetched.
    pub(crate) fn basis(
        &self,
        resources: &[Resource],
        now: Micros,
        required: bool,
    ) -> Result<Option<Uuid>, Denied> {
        let words: Vec<_> = resources.iter().map(|&resource| self.word(resource, now)).collect();
        let denied = |word: &Word| match word {
            Word::Holds => false,
            Word::Unsaid => required,
            Word::Revoked | Word::Expired => true,
        };
        if words.iter().any(denied) {
            return Err(Denied);
        }
        let holding = |wanted: &[Resource]| {
            let holds = |allowed: &&Allowed| {
                wanted.iter().all(|&resource| self.holds(allowed, resource, now))
            };
            self.0.iter().find(holds).map(|allowed| allowed.consent)
        };
        let first = resources.iter().zip(&words).find(|(_, word)| **word == Word::Holds);
        Ok(holding(resources).or_else(|| first.and_then(|(resource, _)| holding(&[*resource]))))
    }

    /// Whether what is known of a resource may not be shown.
    pub(crate) fn withholds(&self, resource: Resource, now: Micros) -> bool {
        self.word(resource, now) == Word::Revoked
    }

    /// When a resource that is shown is withheld because the last consent ends that a revocation has
    /// left; `None` when that does not come.
    pub(crate) fn withholds_from(&self, resource: Resource, now: Micros) -> Option<Micros> {
        let holding = self.0.iter().filter(|allowed| self.holds(allowed, resource, now));
        let ends = holding.map(|allowed| allowed.expires_at.unwrap_or(Micros::MAX));
        ends.max().filter(|&end| end < Micros::MAX && self.withholds(resource, end))
    }

    /// Whether what is known of a resource has been withheld since it was last taken back.
    pub(crate) fn withholds_since(&self, resource: Resource) -> bool {
        self.last_revocation(resource).is_some_and(|at| self.withholds(resource, at))
    }

    /// The consents that hold for anything, the newest first.
    pub(crate) fn holding(&self, now: Micros) -> Vec<Uuid> {
        let holds = |allowed: &&Allowed| {
            allowed.resources.iter().any(|&resource| self.holds(allowed, resource, now))
        };
        self.0.iter().filter(holds).map(|allowed| allowed.consent).collect()
    }

    fn word(&self, resource: Resource, now: Micros) -> Word {
        if self.0.iter().any(|allowed| self.holds(allowed, resource, now)) {
            return Word::Holds;
        }
        let about = || self.0.iter().filter(|allowed| allowed.resources.contains(&resource));
        // What was given after the last revocation has overruled it, also once it has ended.
        let overruled =
            |at| about().any(|allowed| allowed.revoked_at.is_none() && allowed.granted_at > at);
        match self.last_revocation(resource) {
            Some(at) if !overruled(at) => Word::Revoked,
            None if about().next().is_none() => Word::Unsaid,
            _ => Word::Expired,
        }
    }

    /// Whether a consent holds for a resource. One that was recorded after a revocation and given
    /// before it does not: an old paper is no new consent.
    fn holds(&self, allowed: &Allowed, resource: Resource, now: Micros) -> bool {
        let is_old_paper = |at| allowed.created_at > at && allowed.granted_at <= at;
        allowed.resources.contains(&resource)
            && allowed.revoked_at.is_none()
            && allowed.expires_at.is_none_or(|end| end > now)
            && !self.last_revocation(resource).is_some_and(is_old_paper)
    }

    fn last_revocation(&self, resource: Resource) -> Option<Micros> {
        let about = self.0.iter().filter(|allowed| allowed.resources.contains(&resource));
        about.filter_map(|allowed| allowed.revoked_at).max()
    }
}

/// As [`Standing::basis`], for a link that is there.
///
/// # Errors
/// When the database fails.
pub(crate) fn basis(
    tx: &mut Tx<'_>,
    link: &Link,
    resources: &[Resource],
    now: Micros,
) -> Result<Result<Option<Uuid>, Denied>, ApiError> {
    let required = Settings::read(tx, link.workspace)?.require_consent;
    Ok(Standing::of(tx, link.subject)?.basis(resources, now, required))
}

/// As [`basis`], for a handler.
///
/// # Errors
/// 403 when one of the resources may not be fetched.
pub(crate) fn permit(
    tx: &mut Tx<'_>,
    link: &Link,
    resources: &[Resource],
    now: Micros,
) -> Result<Option<Uuid>, ApiError> {
    Ok(basis(tx, link, resources, now)??)
}

#[cfg(test)]
mod tests {
    use Resource::{Employments, Owners};

    use super::*;

    fn allowed(
        n: u128,
        resources: &[Resource],
        created_at: Micros,
        (expires_at, revoked_at): (Option<Micros>, Option<Micros>),
    ) -> Allowed {
        let (consent, resources) = (Uuid::from_u128(n), resources.to_vec());
        let granted_at = created_at;
        Allowed { consent, resources, granted_at, expires_at, revoked_at, created_at }
    }

    /// The number of the consent that everything may be fetched under, 0 for an attestation.
    fn permitted(standing: &Standing, resources: &[Resource], required: bool) -> Option<u128> {
        let consent = standing.basis(resources, 100, required).ok()?;
        Some(consent.map_or(0, |consent| consent.as_u128()))
    }

    #[test]
    fn what_was_said_last_counts() {
        let both = [Employments, Owners];
        let held = allowed(1, &both, 10, (Some(101), None));
        let ended = allowed(2, &both, 20, (Some(100), None));
        let revoked = allowed(3, &both, 30, (None, Some(50)));
        let later = allowed(4, &both, 60, (Some(70), None));
        let paper = Allowed { granted_at: 40, ..allowed(5, &both, 60, (None, None)) };
        let stood = allowed(6, &both, 20, (Some(90), None));
        let again = allowed(7, &both, 60, (None, Some(80)));
        for (consents, permitted_under, withheld) in [
            (vec![], Some(0), false),
            (vec![&held], Some(1), false),
            (vec![&ended], None, false),
            (vec![&revoked], None, true),
            (vec![&ended, &held], Some(1), false),
            (vec![&revoked, &held], Some(1), false),
            (vec![&revoked, &ended], None, true),
            (vec![&paper, &revoked], None, true),
            (vec![&paper], Some(5), false),
            (vec![&revoked, &stood], None, true),
            (vec![&again, &revoked, &held], Some(1), false),
            (vec![&later, &again, &revoked], None, true),
            (vec![&later, &revoked], None, false),
        ] {
            let standing = Standing(consents.into_iter().cloned().collect());
            assert_eq!(permitted(&standing, &both, false), permitted_under, "{:?}", standing.0);
            assert_eq!(standing.withholds(Employments, 100), withheld, "{:?}", standing.0);
        }
    }

    #[test]
    fn every_resource_needs_its_own() {
        let nothing = Standing::of_nobody();
        assert_eq!(permitted(&nothing, &[Employments], true), None);
        let jobs = allowed(1, &[Employments], 10, (None, None));
        let people = allowed(2, &[Owners], 20, (None, None));
        let all = allowed(3, &[Employments, Owners], 5, (None, None));
        let one = Standing(vec![jobs.clone()]);
        assert_eq!(permitted(&one, &[Employments], true), Some(1));
        assert_eq!(permitted(&one, &[Owners], true), None);
        assert_eq!(permitted(&one, &[Employments, Owners], true), None);
        assert_eq!(permitted(&one, &[Owners, Employments], false), Some(1));
        let two = Standing(vec![people.clone(), jobs.clone()]);
        assert_eq!(permitted(&two, &[Employments, Owners], true), Some(1));
        let three = Standing(vec![people, jobs, all]);
        assert_eq!(permitted(&three, &[Employments, Owners], true), Some(3));
    }
}
