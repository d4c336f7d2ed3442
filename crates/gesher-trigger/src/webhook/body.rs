//! Reads a body: so much, in so much time, and not too slowly.

use super::limits::{BODY_BYTES_MAX, BODY_BYTES_PER_SECOND_MIN, BODY_GRACE, BODY_TIME_MAX};
use super::reply::Refused;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long after its beginning a body of which so much has come may keep the hub waiting for more.
fn time_for(received: usize) -> Duration {
    let received = u32::try_from(received).unwrap_or(u32::MAX);
    let earned = Duration::from_secs(1) * received / BODY_BYTES_PER_SECOND_MIN;
    (BODY_GRACE + earned).min(BODY_TIME_MAX)
}

/// The whole body, or why not.
pub(super) async fn read(mut body: Incoming) -> Result<Vec<u8>, Refused> {
    let declared = body.size_hint().lower();
    if declared > BODY_BYTES_MAX as u64 {
        return Err(Refused::TooLarge);
    }
    let began = Instant::now();
    let mut bytes = Vec::new();
    loop {
        let frame = timeout_at(began + time_for(bytes.len()), body.frame()).await;
        let Some(frame) = frame.map_err(|_| Refused::TooSlow)? else { return Ok(bytes) };
        let frame = frame.map_err(|_| Refused::Broken)?;
        // Trailers say nothing that was signed.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_earns_its_time_byte_by_byte() {
        for (received, seconds) in
            [(0, 5), (1_024, 6), (10 * 1_024, 15), (15 * 1_024, 20), (BODY_BYTES_MAX, 20), (usize::MAX, 20)]
        {
            assert_eq!(time_for(received), Duration::from_secs(seconds), "{received}");
        }
    }
}
