//! A request body on its way to a thread that may block.

use std::io::{self, Read};

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::{Receiver, channel};

use crate::serve::paced::is_too_slow;

/// Pieces of the body that wait for the spool.
const AHEAD: usize = 4;

/// The reading end, for one blocking thread. An empty piece says that the body has ended: a body that
/// was cut off, or whose request was given up, must not look like one.
pub(crate) struct Upload {
    pieces: Receiver<io::Result<Bytes>>,
    current: Bytes,
    ended: bool,
}

/// Splits a body into a reader and the future that feeds it; the future ends with the body or when the
/// reader is dropped.
pub(crate) fn upload(mut body: Body) -> (Upload, impl Future<Output = ()>) {
    let (sender, pieces) = channel(AHEAD);
    let feed = async move {
        loop {
            let piece = match body.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => Ok(data),
                    _ => continue,
                },
                Some(Err(error)) if is_too_slow(&error) => Err(io::ErrorKind::TimedOut.into()),
                // Who sends it is gone: nothing is wrong here.
                Some(Err(_)) => Err(io::ErrorKind::ConnectionAborted.into()),
                None => Ok(Bytes::new()),
            };
            let last = piece.as_ref().map_or(true, Bytes::is_empty);
            if sender.send(piece).await.is_err() || last {
                return;
            }
        }
    };
    (Upload { pieces, current: Bytes::new(), ended: false }, feed)
}

impl Read for Upload {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !self.ended {
            let piece = self.pieces.blocking_recv();
            self.current = piece.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
            self.ended = self.current.is_empty();
        }
        let taken = out.len().min(self.current.len());
        self.current.copy_to_slice(&mut out[..taken]);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_comes_out_whole() {
        let (mut upload, feed) = upload(Body::from("planilla"));
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            upload.read_to_string(&mut text).map(|_| text)
        });
        feed.await;
        assert_eq!(read.await.unwrap().unwrap(), "planilla");
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_is_told_from_what_fails_here() {
        let pieces = [Ok("plan"), Err(io::Error::other("connection reset"))];
        let (mut upload, feed) = upload(Body::from_stream(futures_util::stream::iter(pieces)));
        let read = tokio::task::spawn_blocking(move || upload.read_to_end(&mut Vec::new()));
        feed.await;
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_is_no_end() {
        let (mut upload, feed) = upload(Body::from("planilla"));
        drop(feed);
        let read = tokio::task::spawn_blocking(move || upload.read_to_end(&mut Vec::new()));
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
