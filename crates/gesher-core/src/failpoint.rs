//! Places where a test ends this process as a power cut would, and rules that a test breaks to see whether the checks
//! notice.
//!
//! The points and switches are the macros `failpoint!` and `mutant!`. Without the features of the same name they are
//! nothing at all, so no program that anybody uses has a trace of them; with the features they still do nothing until
//! the environment says so:
//!
//! * `GESHER_FAILPOINT=name:nth` kills the process with SIGKILL at the nth passing of that point (the first, where no
//!   number is given). `name:nth:stop` stops it with SIGSTOP instead, for a test that wants a process which neither
//!   lives nor dies.
//! * `GESHER_MUTANT=name` breaks the rule of that name, in this process.
//!
//! Which points there are, and what is checked at them, is the tests' matter: `docs/crash-testing.md`.

/// A point at which the process may be made to die. With a second argument, that is done right before, and only then.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::pass($name)
    };
    ($name:literal, $before:expr) => {
        if $crate::failpoint::is_due($name) {
            $before;
            $crate::failpoint::act();
        }
    };
}

/// A point at which the process may be made to die; nothing in a program without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal $(, $before:expr)?) => {};
}

/// Whether the rule of this name is to be broken in this process.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        $crate::failpoint::is_mutant($name)
    };
}

/// Whether the rule of this name is to be broken; never in a program without the feature `mutants`.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        false
    };
}

#[cfg(feature = "failpoints")]
pub use points::{act, half_of, is_due, pass};

#[cfg(feature = "failpoints")]
mod points {
    use rustix::process::{Signal, getpid, kill_process};
    use std::io::IoSlice;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// Names the point, the passing and perhaps the way to end.
    const VARIABLE: &str = "GESHER_FAILPOINT";

    /// How long a signal to this process may take to reach the thread that sent it.
    const SIGNAL_WAIT: Duration = Duration::from_millis(200);

    struct Armed {
        name: String,
        nth: u64,
        signal: Signal,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn read(text: &str) -> Armed {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default().to_owned();
        let nth = parts.next().and_then(|nth| nth.parse().ok()).unwrap_or(1);
        let signal = if parts.next() == Some("stop") { Signal::STOP } else { Signal::KILL };
        Armed { name, nth, signal }
    }

    fn armed() -> Option<&'static Armed> {
        ARMED.get_or_init(|| std::env::var(VARIABLE).ok().map(|text| read(&text))).as_ref()
    }

    /// Passes a point, and counts it where it is the one.
    pub fn pass(name: &str) {
        if is_due(name) {
            act();
        }
    }

    /// Counts a passing, and answers whether the process is to end at it.
    #[must_use]
    pub fn is_due(name: &str) -> bool {
        armed()
            .is_some_and(|armed| armed.name == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == armed.nth)
    }

    /// Ends or stops this process, as the environment says.
    pub fn act() {
        let Some(armed) = armed() else { return };
        if kill_process(getpid(), armed.signal).is_err() {
            std::process::abort();
        }
        // The other threads go on until the signal has reached them; this one does not come past the point before.
        std::thread::sleep(SIGNAL_WAIT);
        while armed.signal == Signal::KILL {
            std::thread::park();
        }
    }

    /// The first half of some bytes that are to be written.
    #[must_use]
    pub fn half_of(slices: &[IoSlice<'_>]) -> Vec<u8> {
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        bytes.truncate(bytes.len() / 2);
        bytes
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_read_with_its_number_and_its_signal() {
            for (text, want) in [
                ("a.b", ("a.b", 1, Signal::KILL)),
                ("a.b:3", ("a.b", 3, Signal::KILL)),
                ("a.b:3:stop", ("a.b", 3, Signal::STOP)),
            ] {
                let armed = read(text);
                assert_eq!((armed.name.as_str(), armed.nth, armed.signal), want, "{text}");
            }
        }

        #[test]
        fn half_of_some_slices_is_the_first_half() {
            assert_eq!(half_of(&[IoSlice::new(b"head"), IoSlice::new(b"body")]), b"head");
            assert_eq!(half_of(&[IoSlice::new(b"abc")]), b"a");
        }
    }
}

/// Whether the environment names this rule as the one to break.
#[cfg(feature = "mutants")]
#[must_use]
pub fn is_mutant(name: &str) -> bool {
    static BROKEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    BROKEN.get_or_init(|| std::env::var("GESHER_MUTANT").ok()).as_deref() == Some(name)
}
