//! A request repeated with its `Idempotency-Key` has its effect once and gets its first answer
//! again. The public contract has no such header (section 2.10); clients that do not send it notice
//! nothing.
//!
//! A handler hands its work to [`Once::of`] and [`Attempt::run`], and calls [`Claim::record`] in the
//! transaction of its effect: after a crash there are both, effect and answer, or neither. Only
//! what was done is kept; a refusal has no effect to protect, and the same key may try again.

mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use vinculo_store::{AuditAction, KeptAnswer, LinkId, Micros, NewKeptAnswer, Seal, SubjectId, Tx};
use vinculo_vault::{BlindIndex, Context, DataKey};

use crate::App;
use crate::api::page::json;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::secrets::WorkspaceSecrets;

pub(crate) use turns::{Turn, Turns};

/// How long an answer is kept, microseconds: 24 hours.
pub(crate) const KEPT: Micros = 24 * 60 * 60 * 1_000_000;

/// Longest key, characters.
const LONGEST: usize = 255;

const HEADER: &str = "Idempotency-Key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The `Idempotency-Key` of a request, when it has one, and what was asked. Stands after the
/// [`Caller`] in a handler's parameters: who it is comes before what is wrong.
pub(crate) struct Once {
    key: Option<String>,
    method: http::Method,
    target: String,
}

/// A request that is known: whose it is, under which key, and what it asks for.
pub(crate) struct Attempt {
    app: App,
    keyed: Option<Arc<Keyed>>,
}

/// The right to answer a request. Without an `Idempotency-Key` there is nothing to record.
#[derive(Clone)]
pub(crate) struct Claim(Option<Arc<Keyed>>);

/// What an answer is about.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    /// The person.
    pub(crate) subject: SubjectId,
    /// The link, when it is about one; the answer goes with it.
    pub(crate) link: Option<LinkId>,
    /// What seals everything about the person.
    pub(crate) key: &'a DataKey,
}

struct Keyed {
    app: App,
    trail: Trail,
    secrets: Arc<WorkspaceSecrets>,
    key: BlindIndex,
    request: BlindIndex,
    /// Whether a twin in another process was first.
    beaten: AtomicBool,
}

impl FromRequestParts<App> for Once {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let key = given.next().map(|value| read(value, given.next().is_some())).transpose()?;
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        Ok(Self { key, method: parts.method.clone(), target: target.to_owned() })
    }
}

fn read(value: &HeaderValue, repeated: bool) -> Result<String, ApiError> {
    let key = value.to_str().unwrap_or_default();
    let sound = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if sound && !repeated {
        return Ok(key.to_owned());
    }
    let message = "Ensure this header is given once, with 1 to 255 visible ASCII characters.";
    Err(ApiError::bad_request(vec![ErrorItem::field("invalid", HEADER, message)]))
}

impl Once {
    /// Whose request this is, and the bytes of its body (or what stands for them).
    ///
    /// # Errors
    /// When the caller's workspace is unknown to this process.
    pub(crate) fn of(self, app: &App, caller: &Caller, body: &[u8]) -> Result<Attempt, ApiError> {
        let Some(key) = self.key else { return Ok(Attempt { app: app.clone(), keyed: None }) };
        let secrets = app.secrets(caller.workspace.id)?;
        let parts = [self.method.as_str().as_bytes(), self.target.as_bytes(), body];
        let keyed = Keyed {
            app: app.clone(),
            trail: caller.trail.clone(),
            key: secrets.indexes().idempotency_key(&key),
            request: secrets.indexes().request(&parts),
            secrets,
            beaten: AtomicBool::new(false),
        };
        Ok(Attempt { app: app.clone(), keyed: Some(Arc::new(keyed)) })
    }
}

impl Attempt {
    /// Gives the answer kept from an earlier time, or does the work. The work goes on when the client
    /// goes away: a source may be answering already, and what it says is paid for.
    ///
    /// # Errors
    /// What `work` gives; 409 when the key was used for another request.
    pub(crate) async fn run<W>(self, work: impl FnOnce(Claim) -> W) -> Result<Response, ApiError>
    where
        W: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        let Self { app, keyed } = self;
        let Some(keyed) = keyed else {
            return app.complete(work(Claim(None))).await;
        };
        let turns = app.turns();
        let turn = turns.wait(keyed.secrets.workspace().id, keyed.key).await;
        if let Some(answer) = keyed.kept().await? {
            return Ok(answer);
        }
        let work = work(Claim(Some(Arc::clone(&keyed))));
        let task = async move {
            let done = work.await;
            if keyed.beaten.load(Ordering::SeqCst)
                && let Some(answer) = keyed.kept().await?
            {
                return Ok(answer);
            }
            drop(turn);
            done
        };
        app.complete(task).await
    }
}

impl Attempt {
    /// As [`Self::run`], for work that is one transaction and about no person.
    ///
    /// # Errors
    /// As [`Self::run`], and when the database fails.
    pub(crate) async fn write<T: Serialize>(
        self,
        app: &App,
        status: StatusCode,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let both = |tx: &mut Tx<'_>| {
            let body = serde_json::to_vec(&work(tx)?)?;
            Ok([body.clone(), body])
        };
        self.write_apart(app, status, both).await
    }

    /// As [`Self::write`], with the body that is answered now and the one that is kept for repeats:
    /// a secret is shown once.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) async fn write_apart(
        self,
        app: &App,
        status: StatusCode,
        work: impl FnOnce(&mut Tx<'_>) -> Result<[Vec<u8>; 2], ApiError> + Send + 'static,
    ) -> Result<Response, ApiError> {
        let app = app.clone();
        self.run(|claim| async move {
            let written = app.store().write(move |tx| {
                let [shown, kept] = work(tx)?;
                claim.record(tx, status, &kept, None)?;
                Ok::<_, ApiError>(shown)
            });
            Ok(json(status, written.await?))
        })
        .await
    }
}

impl Claim {
    /// Of a request that has no key.
    pub(crate) const fn unkeyed() -> Self {
        Self(None)
    }

    /// Keeps the answer, in the transaction of its effect and as its last statement. With `about`
    /// it is sealed with that person's key, and goes with the link.
    ///
    /// # Errors
    /// When the database fails, or a twin in another process was first: the transaction must not
    /// be committed.
    pub(crate) fn record(
        &self,
        tx: &mut Tx<'_>,
        status: StatusCode,
        body: &[u8],
        about: Option<About<'_>>,
    ) -> Result<(), ApiError> {
        let Some(keyed) = &self.0 else { return Ok(()) };
        let seal = about.map_or(keyed.secrets.data_key(), |about| about.key);
        let now = keyed.app.now_micros();
        let answer = NewKeptAnswer {
            workspace: keyed.secrets.workspace().id,
            key: &keyed.key,
            request: &keyed.request,
            subject: about.map(|about| about.subject),
            link: about.and_then(|about| about.link),
            status: status.as_u16(),
            body: &seal.seal(keyed.context(), body)?,
            created_at: now,
        };
        if tx.keep_answer(&answer, now - KEPT)? {
            return Ok(());
        }
        keyed.beaten.store(true, Ordering::SeqCst);
        Err(reused("This key is in use by another request."))
    }
}

impl Keyed {
    async fn kept(&self) -> Result<Option<Response>, ApiError> {
        let (workspace, key) = (self.secrets.workspace().id, self.key);
        let since = self.app.now_micros() - KEPT;
        let kept = self.app.store().read(move |tx| tx.kept_answer(workspace, &key, since)).await?;
        let Some(kept) = kept else { return Ok(None) };
        let answer = self.answer(&kept)?;
        let entry = Entry::of(AuditAction::AnswerRepeated);
        let entry = kept.subject.map_or(entry, |subject| entry.person(subject));
        self.trail.read_one(&self.app, entry).await?;
        Ok(Some(answer))
    }

    fn answer(&self, kept: &KeptAnswer) -> Result<Response, ApiError> {
        if kept.request != self.request {
            return Err(reused("This key was used for another request in the last 24 hours."));
        }
        let body = match &kept.seal {
            Seal::Workspace => self.secrets.data_key().open(self.context(), &kept.body)?,
            Seal::Subject(key) => {
                let key = self.app.all_secrets().vault().unwrap_key(key)?;
                key.open(self.context(), &kept.body)?
            }
            Seal::Erased => {
                return Err(reused("The answer to this key was erased with its person."));
            }
        };
        let status = u16::try_from(kept.status).ok().and_then(|s| StatusCode::from_u16(s).ok());
        let status = status.ok_or_else(|| ApiError::unexpected("a kept answer has no status"))?;
        let mut answer = json(status, body.to_vec());
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(answer)
    }

    /// What binds a kept answer to its row.
    fn context(&self) -> Context<'_> {
        Context::of_bytes("idempotency_keys", self.key.as_bytes())
    }
}

fn reused(message: &'static str) -> ApiError {
    let item = ErrorItem::field("idempotency_key_reused", HEADER, message);
    ApiError::with_items(StatusCode::CONFLICT, vec![item])
}
