//! What the key that is used for a change may do to others and to itself.

use std::net::IpAddr;

use uuid::Uuid;
use vinculo_store::{ApiKeyId, ListedKey, Tx, WorkspaceId};

use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::keys::Terms;
use crate::scopes::Scope;

/// The caller's own key, as it is in the transaction of the change.
pub(super) struct Holder {
    workspace: WorkspaceId,
    id: ApiKeyId,
    terms: Terms,
}

impl Holder {
    /// Holds the keys of the workspace until the transaction ends: two changes come one after the
    /// other.
    ///
    /// # Errors
    /// 401 when the caller's key was revoked since the request began.
    pub(super) fn of(tx: &mut Tx<'_>, caller: &Caller) -> Result<Self, ApiError> {
        let workspace = caller.workspace.id;
        tx.lock_workspace(workspace)?;
        let own = match caller.key {
            Some(id) => tx.listed_api_key_by_id(id)?,
            None => None,
        };
        let own = own.ok_or_else(ApiError::unauthenticated)?;
        Ok(Self { workspace, id: own.id, terms: Terms::of(&own.terms)? })
    }

    /// Whether a key is the caller's own.
    pub(super) fn is(&self, key: &ListedKey) -> bool {
        self.id == key.id
    }

    /// Whether a key with these terms may be made.
    ///
    /// # Errors
    /// 403 for a scope that this key lacks, 400 for a place or a time that it does not have.
    pub(super) fn may_give(&self, terms: &Terms) -> Result<(), ApiError> {
        if let Some(scope) = self.terms.scopes.lack_of(terms.scopes) {
            return Err(ApiError::denied_without(scope));
        }
        let mut wrong = Vec::new();
        if !self.terms.networks.cover(&terms.networks) {
            let message = "The key of this request is bound to addresses, and gives no others.";
            wrong.push(ErrorItem::field("invalid", "allow_list", message));
        }
        let longer = |end| terms.expires_at.is_none_or(|at| at > end);
        if self.terms.expires_at.is_some_and(longer) {
            let message = "The key of this request ends before that, and gives no longer time.";
            wrong.push(ErrorItem::field("invalid", "expires_at", message));
        }
        if wrong.is_empty() { Ok(()) } else { Err(ApiError::bad_request(wrong)) }
    }

    /// A key that this one may change: it has nothing that this one has not.
    ///
    /// # Errors
    /// 404 when the workspace has no such key, and as [`Self::may_give`].
    pub(super) fn find(&self, tx: &mut Tx<'_>, id: Uuid) -> Result<(ListedKey, Terms), ApiError> {
        let key = tx.listed_api_key(self.workspace, id)?.ok_or_else(ApiError::not_found)?;
        let terms = Terms::of(&key.terms)?;
        self.may_give(&terms)?;
        Ok((key, terms))
    }
}

/// Whether the caller can still manage keys from where it is, with its own key on these terms.
///
/// # Errors
/// 400 with what it would take from itself.
pub(super) fn keeps_itself(terms: &Terms, address: Option<IpAddr>) -> Result<(), ApiError> {
    let mut wrong = Vec::new();
    if !terms.scopes.allow(Scope::Keys) {
        let message = "This request uses the key itself, which would lose the scope keys.";
        wrong.push(ErrorItem::field("invalid", "scopes", message));
    }
    if !terms.networks.allow(address) {
        let address = address.map_or_else(|| "an unknown address".to_owned(), |it| it.to_string());
        let message = format!("This request uses the key itself, from {address}.");
        wrong.push(ErrorItem::field("invalid", "allow_list", message));
    }
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::bad_request(wrong)) }
}
