//! A request's body, whose sender has to get on with it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::clock::{Clock, Sleep, after};

/// So much of a body, or what is left of it, has to come within the time. However long a body is, it is
/// never cut off while it comes on like that.
const STEP: usize = 8 * 1024;

/// A body that fails when its next step takes longer than it may.
pub(crate) struct Paced<B, C> {
    body: B,
    clock: C,
    longest: Duration,
    /// Bytes of the step that have come.
    came: usize,
    /// Runs from the first wait for the step.
    patience: Option<Sleep>,
}

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
#[error("the body comes too slowly")]
struct TooSlow;

/// Whether a body could not be read because it came too slowly.
pub(crate) fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|error| error.is::<TooSlow>())
}

impl<B, C: Clock> Paced<B, C> {
    pub(crate) fn new(body: B, clock: C, longest: Duration) -> Self {
        Self { body, clock, longest, came: 0, patience: None }
    }

    pub(crate) fn into_inner(self) -> B {
        self.body
    }

    fn wait(&self) -> Sleep {
        self.clock.sleep_until(after(self.clock.now(), self.longest))
    }
}

impl<B, C> Body for Paced<B, C>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    C: Clock + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            let read = frame.as_ref().and_then(|frame| frame.as_ref().ok());
            this.came += read.and_then(Frame::data_ref).map_or(0, Bytes::len);
            if this.came >= STEP {
                (this.came, this.patience) = (0, None);
            }
            return Poll::Ready(frame.map(|read| read.map_err(Into::into)));
        }
        let begun = this.patience.take().unwrap_or_else(|| this.wait());
        let patience = this.patience.insert(begun);
        patience.as_mut().poll(context).map(|()| Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures_util::stream::poll_fn;
    use http_body_util::StreamBody;
    use jiff::Timestamp;
    use tokio::sync::mpsc::channel;

    use super::*;
    use crate::clock::ManualClock;

    const LONGEST: Duration = Duration::from_secs(30);

    /// Sends pieces, each of this size and after this wait, to whoever reads them at once: how many
    /// were read before the body was cut off, if it was.
    fn cut_off_after(pieces: usize, size: usize, wait: Duration) -> Option<usize> {
        let (sender, mut sent) = channel::<Result<Frame<Bytes>, BoxError>>(1);
        let body = StreamBody::new(poll_fn(move |context| sent.poll_recv(context)));
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let mut body = Paced::new(body, clock.clone(), LONGEST);
        let mut poll = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        for number in 0..pieces {
            assert!(poll().is_pending(), "nothing was sent yet");
            clock.advance(wait);
            match poll() {
                Poll::Pending => {}
                Poll::Ready(Some(Err(error))) if is_too_slow(&*error) => return Some(number),
                Poll::Ready(other) => panic!("{other:?}"),
            }
            sender.try_send(Ok(Frame::data(vec![b'x'; size].into()))).unwrap();
            let Poll::Ready(Some(Ok(read))) = poll() else { panic!("piece {number} did not come") };
            assert_eq!(read.into_data().unwrap().len(), size);
        }
        drop(sender);
        assert!(matches!(poll(), Poll::Ready(None)), "the body did not end");
        None
    }

    #[test]
    fn a_body_that_comes_on_may_take_any_time() {
        let wait = Duration::from_secs(29);
        assert_eq!(cut_off_after(1000, STEP, wait), None, "eight hours");
        assert_eq!(cut_off_after(1000, STEP / 10 + 1, wait / 10), None);
        assert_eq!(cut_off_after(2, 3, wait / 2), None, "all of it came in time");
    }

    #[test]
    fn a_body_that_trickles_is_cut_off() {
        assert_eq!(cut_off_after(1000, 1, Duration::from_secs(10)), Some(2));
        assert_eq!(cut_off_after(1000, STEP / 10, LONGEST / 10), Some(9));
        assert_eq!(cut_off_after(2, STEP, LONGEST), Some(0), "silence");
    }
}
