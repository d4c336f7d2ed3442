//! Reads a body: so much, in so much time, not too slowly, and all of them together in so much memory.

use super::limits::{
    BODY_BYTES_AT_FIRST, BODY_BYTES_MAX, BODY_BYTES_PER_SECOND_MIN, BODY_GRACE, BODY_TIME_MAX,
};
use super::reply::Refused;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// How long after its beginning a body of which so much has come may keep the hub waiting for more.
fn time_for(received: usize) -> Duration {
    let received = u32::try_from(received).unwrap_or(u32::MAX);
    let earned = Duration::from_secs(1) * received / BODY_BYTES_PER_SECOND_MIN;
    (BODY_GRACE + earned).min(BODY_TIME_MAX)
}

/// How much memory a body is given once so much of it is there: twice as much each time, and never more than it may need.
fn room_for(length: usize, most: usize) -> usize {
    length.next_power_of_two().max(BODY_BYTES_AT_FIRST).min(most).max(length)
}

/// The whole body with its part of the `memory` that all bodies share, or why not. The memory is taken as the body comes:
/// whoever only says that it is long takes nothing from others. Nobody waits for memory, since whoever has some may keep
/// it until its time is over.
pub(super) async fn read<B>(
    mut body: B,
    memory: &Semaphore,
) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    let hint = body.size_hint();
    if hint.lower() > BODY_BYTES_MAX as u64 {
        return Err(Refused::TooLarge);
    }
    let upper = hint.upper().and_then(|upper| usize::try_from(upper).ok());
    let most = upper.map_or(BODY_BYTES_MAX, |upper| upper.min(BODY_BYTES_MAX));
    let began = Instant::now();
    let mut bytes = Vec::new();
    let (mut part, mut room) = (more(memory, 0)?, 0);
    loop {
        let frame = timeout_at(began + time_for(bytes.len()), body.frame()).await;
        let Some(frame) = frame.map_err(|_| Refused::TooSlow)? else { return Ok((bytes, part)) };
        let frame = frame.map_err(|_| Refused::Broken)?;
        // Trailers say nothing that was signed.
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > BODY_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        if length > room {
            let wanted = room_for(length, most);
            part.merge(more(memory, wanted - room)?);
            room = wanted;
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
}

fn more(memory: &Semaphore, bytes: usize) -> Result<SemaphorePermit<'_>, Refused> {
    let bytes = u32::try_from(bytes).map_err(|_| Refused::TooLarge)?;
    memory.try_acquire_many(bytes).map_err(|_| {
        tracing::debug!("a delivery was not read: the memory for bodies is taken");
        Refused::Unavailable
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn send(length: usize, memory: &Semaphore) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refused> {
        read(Full::new(Bytes::from(vec![b'x'; length])), memory).await
    }

    #[tokio::test]
    async fn bodies_share_their_memory_and_give_it_back() {
        let memory = Semaphore::new(BODY_BYTES_MAX + 10);
        let (bytes, large) = send(BODY_BYTES_MAX, &memory).await.unwrap();
        assert_eq!((bytes.len(), memory.available_permits()), (BODY_BYTES_MAX, 10));
        let (_, small) = send(10, &memory).await.unwrap();
        assert!(send(0, &memory).await.is_ok(), "what takes nothing is read");
        assert_eq!(send(1, &memory).await.err(), Some(Refused::Unavailable));
        assert_eq!(send(BODY_BYTES_MAX + 1, &memory).await.err(), Some(Refused::TooLarge));
        drop(small);
        assert!(send(1, &memory).await.is_ok());
        drop(large);
        assert!(send(BODY_BYTES_MAX, &memory).await.is_ok());
        assert_eq!(memory.available_permits(), BODY_BYTES_MAX + 10);
    }

    #[test]
    fn a_body_is_given_memory_as_it_grows() {
        const FIRST: usize = BODY_BYTES_AT_FIRST;
        for (length, most, want) in [
            (1, 10, 10),
            (10, 10, 10),
            (1, BODY_BYTES_MAX, FIRST),
            (FIRST + 1, BODY_BYTES_MAX, 2 * FIRST),
            (FIRST + 1, FIRST + 2, FIRST + 2),
            (BODY_BYTES_MAX, BODY_BYTES_MAX, BODY_BYTES_MAX),
        ] {
            assert_eq!(room_for(length, most), want, "{length} {most}");
        }
    }

    #[test]
    fn a_body_earns_its_time_byte_by_byte() {
        for (received, seconds) in
            [(0, 5), (1_024, 6), (10 * 1_024, 15), (15 * 1_024, 20), (BODY_BYTES_MAX, 20), (usize::MAX, 20)]
        {
            assert_eq!(time_for(received), Duration::from_secs(seconds), "{received}");
        }
    }
}
