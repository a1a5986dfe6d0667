//! A request body on its way to a thread that may block.

use std::io::{self, Read};

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::{Receiver, channel};

/// Pieces of the body that wait for the spool.
const AHEAD: usize = 4;

/// The reading end, for one blocking thread.
pub(super) struct Upload {
    pieces: Receiver<io::Result<Bytes>>,
    current: Bytes,
}

/// Splits a body into a reader and the future that feeds it; the future ends with the body, or when
/// the reader is dropped.
pub(super) fn upload(mut body: Body) -> (Upload, impl Future<Output = ()>) {
    let (sender, pieces) = channel(AHEAD);
    let feed = async move {
        while let Some(frame) = body.frame().await {
            let piece = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => {
                    // A body that was cut off must not look like one that ended.
                    let _ = sender.send(Err(io::Error::other(error))).await;
                    return;
                }
            };
            if sender.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    };
    (Upload { pieces, current: Bytes::new() }, feed)
}

impl Read for Upload {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let taken = out.len().min(self.current.len());
        self.current.copy_to_slice(&mut out[..taken]);
        Ok(taken)
    }
}
