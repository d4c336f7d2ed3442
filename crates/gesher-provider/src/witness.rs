//! Counts the bytes of a request that may have left this process.
//!
//! The count is taken on the plaintext side of the connection, so a TLS handshake is not in it: zero means that the
//! provider cannot have seen any part of the request. It only counts; what a count means is decided in `classify`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the sending process itself can say about the request. A second process never has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Witness {
    /// Provably no byte of the request left.
    NothingLeft,
    /// Bytes of the request left, or may have left.
    SomethingLeft {
        /// How many, at most.
        bytes: u64,
    },
}

/// The shared counter: the connection writes it, the caller reads it when the connection is gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentBytes(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    write_failed: AtomicBool,
}

impl SentBytes {
    pub(crate) fn witness(&self) -> Witness {
        match self.0.bytes.load(Ordering::Acquire) {
            0 => Witness::NothingLeft,
            bytes => Witness::SomethingLeft { bytes },
        }
    }

    /// Whether a write was refused, so that part of the request stayed here.
    pub(crate) fn write_failed(&self) -> bool {
        self.0.write_failed.load(Ordering::Acquire)
    }

    /// Books one write of `offered` bytes. A refused write is booked whole: a TLS stream may have passed some records
    /// on before it failed. `Pending` took nothing, which both stream kinds promise.
    fn book(&self, offered: usize, written: &Poll<io::Result<usize>>) {
        let left = match written {
            Poll::Pending => 0,
            Poll::Ready(Ok(count)) => *count,
            Poll::Ready(Err(_)) => {
                self.0.write_failed.store(true, Ordering::Release);
                offered
            }
        };
        self.0.bytes.fetch_add(left as u64, Ordering::AcqRel);
    }
}

/// A stream whose writes are counted.
#[derive(Debug)]
pub(crate) struct Witnessed<S> {
    stream: S,
    sent: SentBytes,
}

impl<S> Witnessed<S> {
    pub(crate) fn new(stream: S, sent: SentBytes) -> Self {
        Self { stream, sent }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Witnessed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Witnessed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        gesher_core::failpoint!(
            "send.half",
            drop(Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len() / 2]))
        );
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent.book(bytes.len(), &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        gesher_core::failpoint!(
            "send.half",
            drop(Pin::new(&mut self.stream).poll_write(cx, &gesher_core::failpoint::half_of(slices)))
        );
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.sent.book(offered, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(writes: &[(usize, Poll<io::Result<usize>>)], want: Witness, write_failed: bool) {
        let sent = SentBytes::default();
        for (offered, written) in writes {
            sent.book(*offered, written);
        }
        assert_eq!((sent.witness(), sent.write_failed()), (want, write_failed));
    }

    #[test]
    fn only_what_may_have_left_is_counted() {
        let refused = || Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        check(&[], Witness::NothingLeft, false);
        check(&[(9, Poll::Pending)], Witness::NothingLeft, false);
        check(&[(9, Poll::Ready(Ok(4)))], Witness::SomethingLeft { bytes: 4 }, false);
        check(
            &[(9, Poll::Ready(Ok(4))), (5, Poll::Pending), (5, Poll::Ready(Ok(5)))],
            Witness::SomethingLeft { bytes: 9 },
            false,
        );
        check(&[(9, refused())], Witness::SomethingLeft { bytes: 9 }, true);
        check(&[(9, Poll::Ready(Ok(4))), (5, refused())], Witness::SomethingLeft { bytes: 9 }, true);
    }
}
