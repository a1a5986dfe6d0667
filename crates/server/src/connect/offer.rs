//! What the page asks the person of a session for.

use jiff::Timestamp;
use jiff::civil::Date;
use vinculo_store::{AccessMode, Link, Micros, Resource, Tx};

use super::lender::Lender;
use super::session::Session;
use super::text::{self, ConsentText, Facts};
use crate::App;
use crate::clock::{bogota_day, next_day};
use crate::dashboard::Language;
use crate::error::ApiError;
use crate::settings::Settings;
use crate::terms::RefreshRate;

/// Who asks for what, and the text that says so.
pub(super) struct Offer {
    pub(super) lender: Lender,
    pub(super) text: ConsentText,
    pub(super) resources: Vec<Resource>,
    pub(super) access_mode: AccessMode,
    /// From when on the consent holds no longer.
    pub(super) ends: Timestamp,
}

impl Offer {
    /// What a session asks for; `None` when the link that was to be updated is gone.
    ///
    /// # Errors
    /// 503 when nobody has decided who asks; when the database fails.
    pub(super) async fn of(
        app: &App,
        session: &Session,
        language: Language,
    ) -> Result<Option<Self>, ApiError> {
        let (workspace, link) = (session.row.workspace, session.contents.claims.link_id);
        let read = app.store().read(move |tx: &mut Tx<'_>| {
            let settings = Settings::read(tx, workspace)?;
            let found = link.map(|id| tx.link(workspace, id)).transpose()?;
            Ok::<_, ApiError>((settings, found))
        });
        match read.await? {
            (_, Some(None)) => Ok(None),
            (settings, link) => {
                Self::with(session, settings, link.flatten().as_ref(), language).map(Some)
            }
        }
    }

    fn with(
        session: &Session,
        settings: Settings,
        link: Option<&Link>,
        language: Language,
    ) -> Result<Self, ApiError> {
        let claims = &session.contents.claims;
        let environment = session.secrets.workspace().environment;
        let decided = settings.fetch_resources.iter().filter_map(|name| Resource::parse(name));
        let named = match link {
            Some(link) => link.fetch_resources.clone(),
            None => claims.defaults.fetch_resources.clone().unwrap_or_else(|| decided.collect()),
        };
        let resources = Resource::or_all(&named).to_vec();
        let access_mode = link.map_or_else(|| wanted_mode(session), |link| link.access_mode);
        let rate = match link {
            Some(link) => link.refresh_rate.as_deref().and_then(RefreshRate::parse),
            None => Some(settings.refresh_rate()),
        };
        let lender = Lender::of(settings, claims, environment)?;
        let (last, ends) = last_day(session.row.created_at, lender.months);
        let text = text::write(
            language,
            &Facts {
                lender: &lender.name,
                contact: &lender.contact,
                purpose: &lender.purpose,
                resources: &resources,
                rate: rate.filter(|_| access_mode == AccessMode::Recurrent),
                last,
            },
        );
        Ok(Self { lender, text, resources, access_mode, ends })
    }
}

fn wanted_mode(session: &Session) -> AccessMode {
    let contents = &session.contents;
    let chosen = contents.access_mode.as_deref().and_then(AccessMode::parse);
    chosen.unwrap_or_else(|| contents.claims.defaults.access_mode())
}

/// The last day of a consent that begins now, in Bogotá, and when that day ends. It begins with the
/// session, so that the text is the same whenever it is sent.
fn last_day(begins: Micros, months: u32) -> (Date, Timestamp) {
    let begins = Timestamp::from_microsecond(begins).unwrap_or(Timestamp::MAX);
    let first = bogota_day(begins);
    let last = first.saturating_add(jiff::Span::new().months(i64::from(months)));
    let noon = jiff::tz::offset(-5).to_timestamp(last.at(12, 0, 0, 0));
    (last, noon.map_or(Timestamp::MAX, next_day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::micros;

    #[test]
    fn a_consent_holds_through_its_last_day_in_bogota() {
        for (begins, months, last, ends) in [
            ("2026-11-24T12:00:00Z", 12, "2027-11-24", "2027-11-25T05:00:00Z"),
            ("2026-11-24T04:59:59Z", 1, "2026-12-23", "2026-12-24T05:00:00Z"),
            ("2027-01-31T12:00:00Z", 1, "2027-02-28", "2027-03-01T05:00:00Z"),
        ] {
            let begins = micros(begins.parse().unwrap());
            let expected = (last.parse().unwrap(), ends.parse().unwrap());
            assert_eq!(last_day(begins, months), expected);
        }
    }
}
