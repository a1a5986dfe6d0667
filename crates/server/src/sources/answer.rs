//! An operator's answer as it is kept: sealed, and complete enough to be read again.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use vinculo_sources::{Call, Outcome};

/// The first byte of an answer that is compressed. One that was kept before answers were begins with
/// its status.
const COMPRESSED: u8 = 1;

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

    /// One line of status and media type, then the payload, compressed: operators repeat the names of
    /// their fields in every line.
    #[must_use]
    pub fn pack(&self) -> PackedAnswer {
        let media = self.content_type.as_deref().unwrap_or_default().replace(['\r', '\n'], " ");
        let line = format!("{} {media}\n", self.status);
        let mut encoder = DeflateEncoder::new(vec![COMPRESSED], Compression::fast());
        let written =
            encoder.write_all(line.as_bytes()).and_then(|()| encoder.write_all(&self.body));
        // Writing into memory does not fail; if it did, the answer would be kept as it is.
        let packed = written.and_then(|()| encoder.finish());
        PackedAnswer(packed.unwrap_or_else(|_| [line.as_bytes(), &self.body].concat()))
    }

    /// The answer that was packed; `None` when the bytes are none.
    #[must_use]
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let Some((&COMPRESSED, compressed)) = bytes.split_first() else {
            return Self::from_bytes(bytes);
        };
        let mut plain = Vec::with_capacity(compressed.len() * 8);
        DeflateDecoder::new(compressed).read_to_end(&mut plain).ok()?;
        Self::from_bytes(&plain)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
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

/// An answer as it is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct PackedAnswer(Vec<u8>);

impl PackedAnswer {
    /// What is sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for PackedAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackedAnswer").field("bytes", &self.0.len()).finish_non_exhaustive()
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
            prop_assert_eq!(KeptAnswer::unpack(kept.pack().as_bytes()), Some(kept));
        }

        #[test]
        fn a_part_of_an_answer_is_none(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            kept in 0.0..1.0,
        ) {
            let answer = KeptAnswer { status: 200, content_type: None, body };
            let packed = answer.pack();
            let part = (packed.as_bytes().len() as f64 * kept) as usize;
            prop_assert_eq!(KeptAnswer::unpack(&packed.as_bytes()[..part]), None);
        }
    }

    #[test]
    fn what_was_kept_before_answers_were_compressed_is_read() {
        let kept = KeptAnswer::unpack(b"200 application/json\n{}").expect("not read");
        let expected = (200, Some("application/json"), &b"{}"[..]);
        assert_eq!((kept.status, kept.content_type.as_deref(), &kept.body[..]), expected);
    }

    #[test]
    fn lines_that_repeat_their_names_take_a_tenth() {
        let line =
            r#"{"tipoDocumentoAportante":"NI","numeroDocumentoAportante":"900000001","dias":30},"#;
        let body = line.repeat(54).into_bytes();
        let kept = KeptAnswer { status: 200, content_type: None, body };
        assert!(kept.pack().as_bytes().len() * 10 < kept.body.len());
    }
}
