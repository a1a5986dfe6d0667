//! After an import: the links it touches are projected again, and customers of recurrent links hear
//! of what came or changed.

use uuid::Uuid;
use vinculo_store::{AccessMode, Import, Link, LinkId, Resource, Tx};

use super::announce::{Announcement, Webhook};
use super::changes::Held;
use super::failure::JobFailure;
use crate::App;
use crate::consents::Standing;
use crate::error::ApiError;
use crate::filling::Filling;
use crate::projection::LinkSecrets;

/// Links projected again in one page.
const LINKS: i64 = 100;

/// Brings the links of every person the import touches up to date, one transaction a link. One that does not open
/// keeps no other from that: it is tried again afterwards, with all of them.
pub(super) async fn project_again(app: &App, import: &Import) -> Result<(), JobFailure> {
    let (mut after, mut left) = (LinkId(0), 0);
    loop {
        let touched = import.clone();
        let page = app.store().read(move |tx| tx.links_touched_by(&touched, after, LINKS)).await?;
        let Some(&(last, _)) = page.last() else { break };
        for (link, _) in page {
            match project_link(app, import.uuid, link).await {
                Err(error) if error.is_unavailable() => return Err(error.into()),
                Err(error) => {
                    let cause = error.cause();
                    tracing::warn!(link = link.0, cause, "a link is not brought up to date");
                    left += 1;
                }
                Ok(()) => {}
            }
        }
        after = last;
    }
    match left {
        0 => Ok(()),
        _ => Err(JobFailure::retry(format!("{left} links were not brought up to date"))),
    }
}

async fn project_link(app: &App, import: Uuid, id: LinkId) -> Result<(), ApiError> {
    let worker = app.clone();
    app.store()
        .write(move |tx| {
            let Some(seen) = tx.link_by_id(id)? else { return Ok(()) };
            tx.lock_subject(seen.subject)?;
            // It may have been deleted before the lock was had.
            let Some(link) = tx.link_by_id(id)? else { return Ok(()) };
            // A load that was under way when the import was accepted has ended by now, or will see
            // the import: both hold the same lock.
            let mut resources = tx.loaded_resources(id)?;
            // What the person no longer allows stays as it was, and nobody hears of it.
            let (standing, now) = (Standing::of(tx, link.subject)?, worker.now_micros());
            resources.retain(|&resource| !standing.withholds(resource, now));
            match resources.is_empty() {
                true => Ok(()),
                false => project_locked(tx, &worker, import, &link, &resources),
            }
        })
        .await
}

/// The customer of a recurrent link hears of employments that came or changed; a single link was
/// filled once and is only kept right.
fn project_locked(
    tx: &mut Tx<'_>,
    app: &App,
    import: Uuid,
    link: &Link,
    resources: &[Resource],
) -> Result<(), ApiError> {
    let key = app.all_secrets().vault().unwrap_key(&link.key)?;
    let own = LinkSecrets::open(&key, link.uuid, &link.sealed)?;
    // A link whose document is no longer stored stays as it was filled.
    let Some(person) = &own.document else { return Ok(()) };
    let secrets = app.secrets(link.workspace)?;
    let filling =
        Filling { app, secrets: &secrets, link, key: &key, person, collected_at: app.now() };
    let projection = filling.project(tx, &[])?;
    let recurrent = link.access_mode == AccessMode::Recurrent;
    for &resource in resources {
        let watched = recurrent && resource == Resource::Employments;
        let held = if watched { Some(Held::read(tx, resource, link, &key)?) } else { None };
        let (_, documents) = filling.put(tx, resource, &projection, None)?;
        let news = held.map_or(Ok(0), |held| held.news(&documents))?;
        if news > 0 {
            let external_id = own.external_id.as_deref();
            let about =
                Announcement { app, link, key: &key, external_id, load: None, request_id: import };
            about.emit(tx, &Webhook::news(resource, news))?;
        }
    }
    Ok(())
}
