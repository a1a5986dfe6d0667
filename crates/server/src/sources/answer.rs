//! An operator's answer as it is kept: sealed, and complete enough to be read again.

use vinculo_sources::{Call, Outcome};

/// Bytes of an answer without data that are worth keeping.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// A payload with what its reading depends on.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Status of the answer.
    pub status: u16,
    /// Media type as sent.
    pub content_type: Option<String>,
    /// Bytes as received.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAnswer").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl KeptAnswer {
    /// What is kept of a call: the payload of a resolved one, and of any other that is not long.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let length = call.raw.as_ref().map_or(0, Vec::len);
        if length > LONGEST_REFUSAL && !matches!(call.outcome, Outcome::Resolved(_)) {
            return None;
        }
        Some(Self {
            status: call.http_status?,
            content_type: call.content_type.clone(),
            body: call.raw.clone()?,
        })
    }

    /// The rows of a person in the result of a job, as a single question is answered with them.
    pub(super) fn of_rows(rows: Vec<u8>) -> Self {
        Self { status: 200, content_type: Some("application/json".to_owned()), body: rows }
    }

    /// One line of status and media type, then the payload.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let media = self.content_type.as_deref().unwrap_or_default().replace(['\r', '\n'], " ");
        let mut bytes = format!("{} {media}\n", self.status).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The answer written by [`Self::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let line = std::str::from_utf8(&bytes[..end]).ok()?;
        let (status, media) = line.split_once(' ')?;
        Some(Self {
            status: status.parse().ok()?,
            content_type: Some(media.to_owned()).filter(|media| !media.is_empty()),
            body: bytes[end + 1..].to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_kept_comes_back(
            status in 100_u16..600,
            content_type in proptest::option::of("[a-z]{1,9}/[a-z]{1,9}(; charset=[a-z0-9-]{1,9})?"),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let kept = KeptAnswer { status, content_type, body };
            prop_assert_eq!(KeptAnswer::from_bytes(&kept.to_bytes()), Some(kept));
        }
    }
}
