//! Owners by what is sealed about them (contract 3.5). The database cannot compare it, so the filters
//! it can compare are applied first, and what they leave is opened and looked at here.

use std::borrow::Cow;

use axum::response::Response;
use serde::Deserialize;
use vinculo_store::{LinkId, ObjectFilter, ObjectPosition, Resource, SealedObject, SubjectId};

use crate::App;
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::api::query::Query;
use crate::api::shape::Shape;
use crate::audit::Shown;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};

const EMAIL: &str = "email";
const NAME_PART: &str = "display_name__icontains";

/// Most owners that are opened for one request.
const MOST: i64 = 10_000;

/// Owners read at once.
const SLICE: i64 = 500;

/// What is looked for. Case does not count in a part of a name; accents do.
pub(super) struct Wanted {
    email: Option<String>,
    /// In small letters.
    name_part: Option<String>,
}

#[derive(Deserialize)]
struct Searched<'a> {
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    display_name: Option<Cow<'a, str>>,
}

impl Wanted {
    /// What a query looks for; `None` when nothing.
    ///
    /// # Errors
    /// 400 `min_length` for a part of a name under three characters.
    pub(super) fn of(query: &Query) -> Result<Option<Self>, ApiError> {
        let email = query.get(EMAIL).map(str::to_owned);
        let name_part = query.get(NAME_PART).map(str::to_lowercase);
        if name_part.as_ref().is_some_and(|part| part.chars().count() < 3) {
            let message = "Ensure this field has at least 3 characters.";
            return Err(refused("min_length", NAME_PART, message));
        }
        let any = email.is_some() || name_part.is_some();
        Ok(any.then_some(Self { email, name_part }))
    }

    fn finds(&self, owner: &Searched<'_>) -> bool {
        let email = self.email.as_deref();
        let part = self.name_part.as_deref();
        email.is_none_or(|email| owner.email.as_deref() == Some(email))
            && part.is_none_or(|part| {
                let name = owner.display_name.as_deref();
                name.is_some_and(|name| name.to_lowercase().contains(part))
            })
    }

    fn parameter(&self) -> &'static str {
        if self.name_part.is_some() { NAME_PART } else { EMAIL }
    }
}

/// A page of the owners that are found.
///
/// # Errors
/// 400 when the other filters leave more than [`MOST`].
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    filter: ObjectFilter,
    wanted: &Wanted,
    page: &PageQuery,
) -> Result<Response, ApiError> {
    let workspace = caller.workspace.id;
    let all = filter.clone();
    let look = move |tx: &mut vinculo_store::Tx<'_>| {
        tx.more_objects_than(Resource::Owners, workspace, &all, MOST)
    };
    if app.store().read(look).await? {
        let message = format!(
            "More than {MOST} owners would have to be looked at. Narrow the list by link, id or \
             created_at."
        );
        return Err(refused("validation_error", wanted.parameter(), message));
    }
    let mut found = Found { count: 0, shown: Vec::new(), about: Vec::new() };
    let mut after = None;
    while let Some(last) = found.read(app, caller, (&filter, wanted, page), after).await? {
        after = Some(last);
    }
    let shown = Shown::of(objects::reading(Resource::Owners), found.about);
    caller.trail.read(app, shown).await?;
    page.answer(found.count, found.shown)
}

/// What has been found so far; only the owners of the page are kept.
struct Found {
    count: i64,
    shown: Vec<Vec<u8>>,
    /// Whom and which link each of them is about.
    about: Vec<(SubjectId, LinkId)>,
}

impl Found {
    /// Looks at the next slice; where it ends, unless it was the last.
    async fn read(
        &mut self,
        app: &App,
        caller: &Caller,
        (filter, wanted, page): (&ObjectFilter, &Wanted, &PageQuery),
        after: Option<ObjectPosition>,
    ) -> Result<Option<ObjectPosition>, ApiError> {
        let (workspace, filter) = (caller.workspace.id, filter.clone());
        let read = app
            .store()
            .read(move |tx| tx.objects_after(Resource::Owners, workspace, &filter, after, SLICE));
        let slice = read.await?;
        for (_, object) in &slice {
            self.add(app, object, wanted, page)?;
        }
        let last = slice.last().map(|(position, _)| *position);
        Ok(last.filter(|_| slice.len() as i64 == SLICE))
    }

    fn add(
        &mut self,
        app: &App,
        object: &SealedObject,
        wanted: &Wanted,
        page: &PageQuery,
    ) -> Result<(), ApiError> {
        let document = objects::open(app.all_secrets().vault(), Resource::Owners, object)?;
        if !wanted.finds(&serde_json::from_slice(&document)?) {
            return Ok(());
        }
        let window = page.request();
        if self.count >= window.offset && (self.shown.len() as i64) < window.limit {
            self.shown.push(Shape::of(&page.query).apply(document)?);
            self.about.push((object.subject, object.link));
        }
        self.count += 1;
        Ok(())
    }
}

fn refused(
    code: &'static str,
    field: &'static str,
    message: impl Into<Cow<'static, str>>,
) -> ApiError {
    ApiError::bad_request(vec![ErrorItem::field(code, field, message)])
}
