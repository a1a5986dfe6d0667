//! `/manage/v1/settings/`: what a workspace has decided about its links.

use axum::Json;
use axum::extract::State;
use vinculo_store::Resource;

use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::settings::Settings;
use crate::terms::RefreshRate;

const NAMES: [&str; 5] = [
    "allow_duplicate_links",
    "refresh_rate",
    "fetch_resources",
    "accept_unknown_people",
    "include_drafts",
];

/// The settings of the workspace.
#[utoipa::path(
    get, path = "/manage/v1/settings/", tag = "settings", operation_id = "ReadSettings",
    responses((status = 200, description = "The settings", body = Settings))
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Settings>, ApiError> {
    let workspace = caller.workspace.id;
    Ok(Json(app.store().read(move |tx| Settings::read(tx, workspace)).await?))
}

/// Changes the settings that are named; the others stay. They hold for what happens from now on.
#[utoipa::path(
    patch, path = "/manage/v1/settings/", tag = "settings", operation_id = "ChangeSettings",
    request_body = Settings,
    responses(
        (status = 200, description = "All settings", body = Settings),
        (status = 400, description = "An unknown setting, or a value it cannot have")
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    body: JsonObject,
) -> Result<Json<Settings>, ApiError> {
    let changes = Changes::parse(&body)?;
    let (workspace, now) = (caller.workspace.id, app.now_micros());
    let changed = app.store().write(move |tx| {
        let settings = changes.applied(Settings::read(tx, workspace)?);
        tx.put_workspace_settings(workspace, &serde_json::to_string(&settings)?, now)?;
        Ok::<_, ApiError>(settings)
    });
    Ok(Json(changed.await?))
}

struct Changes {
    allow_duplicate_links: Option<bool>,
    refresh_rate: Option<RefreshRate>,
    fetch_resources: Option<Vec<Resource>>,
    accept_unknown_people: Option<bool>,
    include_drafts: Option<bool>,
}

impl Changes {
    fn parse(body: &JsonObject) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body);
        let unknown: Vec<_> = fields.names().filter(|name| !NAMES.contains(name)).collect();
        for name in unknown {
            let message = format!("There is no setting {}.", shown(name));
            fields.refuse(ErrorItem::field("invalid", shown(name), message));
        }
        let changes = Self {
            allow_duplicate_links: fields.optional_bool("allow_duplicate_links"),
            refresh_rate: fields.optional_choice("refresh_rate", RefreshRate::parse),
            fetch_resources: crate::api::links::fields::resources(&mut fields),
            accept_unknown_people: fields.optional_bool("accept_unknown_people"),
            include_drafts: fields.optional_bool("include_drafts"),
        };
        fields.finish()?;
        Ok(changes)
    }

    fn applied(self, settings: Settings) -> Settings {
        let names = |resources: Vec<Resource>| {
            resources.iter().map(|resource| resource.as_str().to_owned()).collect()
        };
        Settings {
            allow_duplicate_links: self
                .allow_duplicate_links
                .unwrap_or(settings.allow_duplicate_links),
            refresh_rate: self
                .refresh_rate
                .map_or(settings.refresh_rate, |rate| rate.as_str().to_owned()),
            fetch_resources: self.fetch_resources.map_or(settings.fetch_resources, names),
            accept_unknown_people: self
                .accept_unknown_people
                .unwrap_or(settings.accept_unknown_people),
            include_drafts: self.include_drafts.unwrap_or(settings.include_drafts),
        }
    }
}
