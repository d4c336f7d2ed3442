//! The bodies of answers: whole, cut off in the middle, or drop by drop.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Into how many drops a slow answer falls.
const DROPS: u32 = 16;
/// Between the first half of an answer and the break, so that the half is on its way.
const BREAK_AFTER: Duration = Duration::from_millis(10);

/// A body as it shall arrive.
pub(crate) enum ReplyBody {
    /// At once.
    Whole(Option<Bytes>),
    /// The first half, and then the connection breaks.
    Cut { first: Option<Bytes>, announced: u64, wait: Pin<Box<Sleep>> },
    /// A piece, a pause, a piece.
    Drip { rest: Bytes, piece: usize, pause: Duration, wait: Pin<Box<Sleep>> },
}

impl ReplyBody {
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        Self::Whole(Some(body.into()))
    }

    pub(crate) fn cut(mut body: Vec<u8>) -> Self {
        let announced = body.len() as u64;
        body.truncate(body.len() / 2);
        Self::Cut { first: Some(body.into()), announced, wait: Box::pin(sleep(BREAK_AFTER)) }
    }

    pub(crate) fn drip(body: Vec<u8>, over: Duration) -> Self {
        let piece = body.len().div_ceil(DROPS as usize).max(1);
        let pause = over / DROPS;
        Self::Drip { rest: body.into(), piece, pause, wait: Box::pin(sleep(pause)) }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Cut { first, wait, .. } => match first.take() {
                Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
                None if wait.as_mut().poll(cx).is_pending() => Poll::Pending,
                None => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            },
            Self::Drip { rest, piece, pause, wait } => {
                if rest.is_empty() {
                    return Poll::Ready(None);
                }
                if wait.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                *wait = Box::pin(sleep(*pause));
                let drop = rest.split_to((*piece).min(rest.len()));
                Poll::Ready(Some(Ok(Frame::data(drop))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Self::Cut { .. } => false,
            Self::Drip { rest, .. } => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(body) => body.as_ref().map_or(0, |body| body.len() as u64),
            Self::Cut { announced, .. } => *announced,
            Self::Drip { rest, .. } => rest.len() as u64,
        })
    }
}
