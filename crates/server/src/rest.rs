//! What a handler leaves unread of a request's body.
//!
//! A refusal is often there before the body is. The connection would then end under the client's next
//! request, without having announced it. So the rest is read and thrown away while the answer is on
//! its way, unless it is long or does not come; then the connection does end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use http::Request;
use http::header::EXPECT;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::serve::paced::Paced;

/// A body that is read to its end by somebody.
pub(crate) struct Whole {
    /// `None` when it has ended. Clients send in the machine's time, whatever the application plays.
    body: Option<Paced<Incoming, SystemClock>>,
    /// Most bytes to throw away.
    most: usize,
    /// Longest time for them to come.
    longest: Duration,
}

impl Whole {
    /// The request with its body, whatever will be left of it.
    pub(crate) fn of(request: Request<Incoming>, config: &Config) -> Request<Self> {
        // Whoever asks before sending a body sends none after a refusal.
        let asks = request.headers().contains_key(EXPECT);
        let (most, longest) = (config.body_limit, config.header_timeout);
        let most = if asks { 0 } else { most };
        request.map(|body| {
            let body = Paced::new(body, SystemClock, config.body_timeout);
            Self { body: Some(body), most, longest }
        })
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        let left = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if self.most == 0 || left > self.most {
            return;
        }
        let (mut rest, longest) = (Limited::new(body.into_inner(), self.most), self.longest);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(longest, async move {
                while let Some(Ok(_)) = rest.frame().await {}
            }));
        }
    }
}
