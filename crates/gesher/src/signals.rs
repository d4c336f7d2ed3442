//! SIGTERM and Ctrl-C: the first asks for a stop, the second does not wait. SIGHUP asks for the scripts to be read anew.

use crate::error::{Doing, HubError};
use crate::output::Output;
use gesher_engine::Stop;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// The exit code of a hub that was told twice to stop, as shells count it.
const EXIT_FORCED: i32 = 130;

/// The signal of a write beyond the limit on the size of files (SIGXFSZ); by itself it ends the process.
const FILE_SIZE: i32 = rustix::process::Signal::XFSZ.as_raw();

/// Signals that come sooner than this after the first belong to it: a terminal and a supervisor often send both.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// SIGHUP, which asks a hub to read its scripts anew. By itself it ends the process.
pub fn hang_ups() -> Result<Signal, HubError> {
    signal(SignalKind::hangup()).doing("signals cannot be received")
}

/// Lets signals ask for `stop`. After a second one, whatever is in flight becomes `unknown` at the next start.
pub fn ask(output: Output, stop: &Stop) -> Result<(), HubError> {
    let mut terminate = signal(SignalKind::terminate()).doing("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).doing("signals cannot be received")?;
    // Once somebody listens to this one, a file that may not grow any more is an error of the write, as a full disk
    // is, and no death in the middle of a call.
    let file_size = signal(SignalKind::from_raw(FILE_SIZE)).doing("signals cannot be received")?;
    let stop = stop.clone();
    tokio::spawn(async move {
        let _listening = file_size;
        let mut first: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            match first {
                Some(first) if first.elapsed() >= SAME_REQUEST => std::process::exit(EXIT_FORCED),
                Some(_) => {}
                None => {
                    first = Some(Instant::now());
                    output.note("stopping: what is in flight is finished first; once more stops at once");
                    stop.request();
                }
            }
        }
    });
    Ok(())
}
