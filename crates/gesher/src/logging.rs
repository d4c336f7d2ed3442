//! Where log lines go: standard error, each through the redaction that knows the hub's secrets.

use gesher_core::Redactor;
use std::io::Write;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged when nobody says otherwise.
const DEFAULT_FILTER: &str = "info";

/// Begins logging for the rest of the process. `GESHER_LOG` or `RUST_LOG` say what is logged.
pub fn begin(redactor: Arc<Redactor>, default: &str) {
    let wanted = std::env::var("GESHER_LOG").or_else(|_| std::env::var("RUST_LOG"));
    let filter = wanted.ok().and_then(|text| EnvFilter::try_new(text).ok());
    let filter =
        filter.unwrap_or_else(|| EnvFilter::new(if default.is_empty() { DEFAULT_FILTER } else { default }));
    let begun = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Redacted { redactor })
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .try_init();
    // A second beginning keeps the first, which is what tests in one process want.
    drop(begun);
}

/// Writes to standard error what the redactor leaves.
struct Redacted {
    redactor: Arc<Redactor>,
}

/// One log line on its way.
struct Line {
    redactor: Arc<Redactor>,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { redactor: Arc::clone(&self.redactor), bytes: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        self.bytes.clear();
        std::io::stderr().lock().write_all(self.redactor.text(&text).as_bytes())
    }
}

impl Drop for Line {
    /// A whole line is cleaned at once: a secret may come in several pieces. A closed standard error is nobody's fault.
    fn drop(&mut self) {
        drop(self.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::Secret;

    #[test]
    fn a_secret_that_comes_in_pieces_is_taken_out() {
        let redactor = Arc::new(Redactor::new());
        redactor.learn(&Secret::from("canary-4711"));
        let mut line = Redacted { redactor: Arc::clone(&redactor) }.make_writer();
        line.write_all(b"key=cana").unwrap();
        line.write_all(b"ry-4711\n").unwrap();
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        assert_eq!(redactor.text(&text), "key=[secret]\n");
    }
}
