//! After an import: the links it touches are projected again, and customers of recurrent links hear
//! of what came or changed.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;
use vinculo_store::{
    AccessMode, Import, Link, LinkId, ObjectFilter, PageRequest, Resource, SealedObject, Tx,
};
use vinculo_vault::DataKey;

use super::announce::{Announcement, Webhook};
use super::failure::JobFailure;
use crate::App;
use crate::error::ApiError;
use crate::projection::{Filling, LinkSecrets, object_context};

/// Links projected again in one page.
const LINKS: i64 = 100;

/// Brings the links of every person the import touches up to date, one transaction a link.
pub(super) async fn project_again(app: &App, import: &Import) -> Result<(), JobFailure> {
    let mut after = LinkId(0);
    loop {
        let touched = import.clone();
        let page = app.store().read(move |tx| tx.links_touched_by(&touched, after, LINKS)).await?;
        let Some(&(last, _)) = page.last() else { return Ok(()) };
        for (link, _) in page {
            project_link(app, import.uuid, link).await?;
        }
        after = last;
    }
}

async fn project_link(app: &App, import: Uuid, id: LinkId) -> Result<(), JobFailure> {
    let worker = app.clone();
    app.store()
        .write(move |tx| {
            let Some(seen) = tx.link_by_id(id)? else { return Ok(()) };
            tx.lock_subject(seen.subject)?;
            // It may have been deleted before the lock was had.
            let Some(link) = tx.link_by_id(id)? else { return Ok(()) };
            // A load that was under way when the import was accepted has ended by now, or will see
            // the import: both hold the same lock.
            match tx.loaded_resources(id)? {
                resources if resources.is_empty() => Ok(()),
                resources => project_locked(tx, &worker, import, &link, &resources),
            }
        })
        .await?;
    Ok(())
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
    let secrets = app.secrets(link.workspace)?;
    let watched =
        link.access_mode == AccessMode::Recurrent && resources.contains(&Resource::Employments);
    let before = if watched { employments(tx, link, &key)? } else { HashMap::new() };
    let (person, collected_at) = (&own.document, app.now());
    Filling { app, secrets: &secrets, link, key: &key, person, collected_at }.run(tx, resources)?;
    if !watched {
        return Ok(());
    }
    let after = employments(tx, link, &key)?;
    let new = after.iter().filter(|(id, document)| before.get(*id) != Some(document)).count();
    if new > 0 {
        let external_id = own.external_id.as_deref();
        let about =
            Announcement { app, link, key: &key, external_id, load: None, request_id: import };
        about.emit(tx, &Webhook::new_employments(new))?;
    }
    Ok(())
}

/// The employments a link holds, by id, without the moment they were read.
fn employments(
    tx: &mut Tx<'_>,
    link: &Link,
    key: &DataKey,
) -> Result<HashMap<Uuid, Map<String, Value>>, ApiError> {
    let resource = Resource::Employments;
    let filter = ObjectFilter { links: Some(vec![link.uuid]), ..ObjectFilter::default() };
    let all = PageRequest { limit: i64::MAX, offset: 0 };
    let page = tx.objects(resource, link.workspace, &filter, all)?;
    let open = |object: &SealedObject| {
        let bytes = key.open(object_context(resource, object.uuid), &object.sealed)?;
        let mut document: Map<String, Value> = serde_json::from_slice(&bytes)?;
        document.remove("collected_at");
        Ok((object.uuid, document))
    };
    page.rows.iter().map(open).collect()
}
