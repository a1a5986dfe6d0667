//! One visit to the page: from the exchange of a token until its end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_store::{ConnectSession, ConnectState, Micros, Tx};
use vinculo_vault::{BlindIndex, Context, Sealed};

use super::{MINUTE, REMEMBERED};
use crate::App;
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;
use crate::tokens::{Claims, Widget, WidgetToken};

/// How long somebody may take.
const LONGEST: Micros = 30 * MINUTE;

/// After how long a question that has not ended was given up by a process that is gone.
const ABANDONED: Micros = 3 * MINUTE;

/// How often a source is asked for one token: a page that tells whether somebody is known must not be
/// asked about everybody.
pub(super) const MOST_ATTEMPTS: i64 = 5;

/// What is sealed of a session.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) claims: Claims,
    /// What the address said, and the token does not: `single` or `recurrent`.
    pub(super) access_mode: Option<String>,
    pub(super) external_id: Option<String>,
    /// What the person wrote, until the link is made.
    pub(super) typed: Option<Typed>,
    /// Why there is no link yet.
    pub(super) refused: Option<Refused>,
    /// The link that was made or updated.
    pub(super) link: Option<Uuid>,
}

/// What the person wrote.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Typed {
    pub(super) document_type: String,
    pub(super) document_number: String,
}

/// An error of the API.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) message: String,
}

/// A session whose cookie was shown.
pub(super) struct Session {
    pub(super) row: ConnectSession,
    pub(super) contents: Contents,
    pub(super) secrets: Arc<WorkspaceSecrets>,
}

/// How far somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The page asks.
    Form,
    /// The source is being asked.
    Asking,
    /// The link is there.
    Done(Uuid),
    /// The person said no.
    Left,
    /// It took too long.
    Over,
}

impl Contents {
    pub(super) fn of(claims: Claims) -> Self {
        Self {
            claims,
            access_mode: None,
            external_id: None,
            typed: None,
            refused: None,
            link: None,
        }
    }

    /// How the page looks, and where it leads.
    pub(super) fn widget(&self) -> Widget {
        self.claims.widget.clone().unwrap_or_default()
    }

    pub(super) fn seal(
        &self,
        secrets: &WorkspaceSecrets,
        session: Uuid,
    ) -> Result<Sealed, ApiError> {
        Ok(secrets.data_key().seal(context(session), &serde_json::to_vec(self)?)?)
    }
}

fn context(session: Uuid) -> Context<'static> {
    Context::of_uuid("connect_sessions", session.into_bytes())
}

impl Session {
    /// The session with this id, for whoever has its cookie.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) async fn find(app: &App, id: Uuid, token: BlindIndex) -> Result<Self, ApiError> {
        let (reader, since) = (app.clone(), app.now_micros() - REMEMBERED);
        let found = app.store().read(move |tx| {
            let found = tx.connect_session(id, &token)?.filter(|it| it.created_at > since);
            let found = found.ok_or_else(ApiError::not_found)?;
            if reader.secrets(found.workspace).is_err() {
                // Another process made the organization since this one began.
                reader.all_secrets().learn(tx.workspaces()?)?;
            }
            Ok::<_, ApiError>(found)
        });
        let row = found.await?;
        let secrets = app.secrets(row.workspace)?;
        let contents = secrets.data_key().open(context(row.uuid), &row.sealed)?;
        let contents = serde_json::from_slice(&contents)?;
        Ok(Self { row, contents, secrets })
    }

    /// How far it is.
    pub(super) fn stage(&self, now: Micros) -> Stage {
        let Self { row, contents, .. } = self;
        match (row.state, contents.link) {
            (ConnectState::Done, Some(link)) => Stage::Done(link),
            (ConnectState::Left, _) => Stage::Left,
            (ConnectState::Asking, _) if now - row.changed_at < ABANDONED => Stage::Asking,
            _ if now - row.created_at >= LONGEST => Stage::Over,
            _ => Stage::Form,
        }
    }

    /// The token it was opened with.
    pub(super) fn token(&self) -> WidgetToken {
        WidgetToken::of(Arc::clone(&self.secrets), self.contents.claims.clone())
    }

    /// Whether the source was asked so often for the token that it is not asked any more.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn has_asked_enough(&self, app: &App) -> Result<bool, ApiError> {
        let (workspace, jti) = (self.row.workspace, self.row.jti);
        let asked = app.store().read(move |tx| tx.connect_attempts(workspace, jti)).await?;
        Ok(asked >= MOST_ATTEMPTS)
    }

    /// Ends it with its link, in the transaction that makes or updates it.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn end(&self, tx: &mut Tx<'_>, link: Uuid, now: Micros) -> Result<(), ApiError> {
        let ended = Contents { typed: None, link: Some(link), ..self.contents.clone() };
        let sealed = self.seal(&ended)?;
        tx.change_connect_session(&self.row, ConnectState::Done, now, &sealed)?;
        Ok(())
    }

    /// Other contents for it.
    pub(super) fn seal(&self, contents: &Contents) -> Result<Sealed, ApiError> {
        contents.seal(&self.secrets, self.row.uuid)
    }
}
