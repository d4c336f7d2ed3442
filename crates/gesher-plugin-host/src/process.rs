//! A plugin's process from the hub's side: started, called once at a time, and ended without mercy.
//!
//! Whatever the process does, a call comes back by its deadline: reads and writes never block beyond it. A process
//! that broke a call is killed with all that it started, and is not used again.

use crate::frame::{self, FRAME_BYTES_MAX, Frame, Kind, Parsed};
use crate::library::{Asked, Questions};
use crate::looks::{Looks, is_readable};
use gesher_core::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How long a process may take to load its library.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// How long a process may take to die once it is told to.
const DEATH_TIME_MAX: Duration = Duration::from_secs(2);
/// What a process may write to its standard error before the rest is left out, in bytes.
const WORDS_BYTES_MAX: u64 = 64 << 10;

/// What a call broke by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The process ended.
    Died(String),
    /// Its time was over.
    Late(Duration),
    /// It said something that is no answer.
    Garbage(&'static str),
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The process was gone before it was told anything of the call.
    Untold,
    /// It was told, and broke.
    Broken(Broken),
}

/// Why something could not be said whole.
struct Unsaid {
    broken: Broken,
    /// Whether some of it was.
    in_part: bool,
}

impl From<Unsaid> for Broken {
    fn from(unsaid: Unsaid) -> Self {
        unsaid.broken
    }
}

/// Why there is no process.
#[derive(Debug)]
pub(crate) enum StartFault {
    /// The system cannot start one.
    Spawn(std::io::Error),
    /// The library cannot be loaded in it.
    Load(String),
    /// It broke before it was ready.
    Broken(Broken),
}

/// A process with a library in it.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    held: Vec<u8>,
    scratch: Vec<u8>,
    looks: Looks,
    clock: Arc<dyn Clock>,
}

impl Process {
    /// Starts a process of `program` and has it load `library`: the process, and the library's manifest.
    pub(crate) fn start(
        program: &Path,
        plugin: &str,
        library: &[u8],
        memory: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Vec<u8>), StartFault> {
        let mut command = Command::new(program);
        command.arg("plugin-host").env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(StartFault::Spawn)?;
        let (input, output, words) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err(StartFault::Spawn(std::io::Error::other("it has no pipes")));
        };
        if let Some(words) = words {
            listen(plugin, words);
        }
        let mut process = Self {
            child,
            input,
            output,
            held: Vec::new(),
            scratch: Vec::new(),
            looks: Looks::default(),
            clock,
        };
        ioctl_fionbio(&process.input, true).map_err(|error| StartFault::Spawn(error.into()))?;
        ioctl_fionbio(&process.output, true).map_err(|error| StartFault::Spawn(error.into()))?;
        let deadline = process.clock.monotonic() + START_TIME_MAX;
        let begun = process.say(Kind::Hello, &memory.to_string(), library, deadline);
        let said = begun.map_err(Broken::from).and_then(|()| process.hear(deadline, START_TIME_MAX));
        process.scratch = Vec::new();
        match said.map_err(|broken| StartFault::Broken(process.broken(broken)))? {
            Frame { kind: Kind::Ready, body, .. } => Ok((process, body)),
            Frame { kind: Kind::Failed, body, .. } => {
                Err(StartFault::Load(String::from_utf8_lossy(&body).into_owned()))
            }
            _ => Err(StartFault::Broken(Broken::Garbage("what came is no answer"))),
        }
    }

    /// Calls the plugin. The time that its own questions take is not the plugin's.
    pub(crate) fn invoke(
        &mut self,
        name: &str,
        input: &[u8],
        time: Duration,
        ask: Questions<'_>,
    ) -> Result<Asked, Failed> {
        let deadline = self.clock.monotonic() + time;
        if let Err(unsaid) = self.say(Kind::Call, name, input, deadline) {
            let broken = self.broken(unsaid.broken);
            return Err(if unsaid.in_part { Failed::Broken(broken) } else { Failed::Untold });
        }
        let answered = self.until_answered(deadline, time, ask);
        answered.map_err(|broken| Failed::Broken(self.broken(broken)))
    }

    fn until_answered(
        &mut self,
        mut deadline: Duration,
        time: Duration,
        ask: Questions<'_>,
    ) -> Result<Asked, Broken> {
        loop {
            let frame = self.hear(deadline, time)?;
            match frame.kind {
                Kind::Answer => {
                    let status = frame.status();
                    return Ok((status, frame.body));
                }
                Kind::Ask => {
                    let before = self.clock.monotonic();
                    let (status, bytes) = ask(&frame.name, &frame.body);
                    deadline += self.clock.monotonic().saturating_sub(before);
                    self.say(Kind::Reply, &status.to_string(), &bytes, deadline)?;
                }
                _ => return Err(Broken::Garbage("what came is no answer")),
            }
        }
    }

    /// Whether it can be called: it lives, and said nothing since its last answer.
    pub(crate) fn is_well(&mut self) -> bool {
        self.held.is_empty() && !is_readable(&self.output) && matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the process, and finds out what it died of where it did so by itself.
    fn broken(&mut self, broken: Broken) -> Broken {
        match broken {
            Broken::Died(_) => {
                Broken::Died(self.wait().map_or_else(|| "it closed its pipes".to_owned(), died))
            }
            other => other,
        }
    }

    /// Waits a moment for a process that has closed its pipes.
    fn wait(&mut self) -> Option<ExitStatus> {
        let deadline = self.clock.monotonic() + DEATH_TIME_MAX;
        while self.clock.monotonic() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(_) => return None,
            }
        }
        None
    }

    fn say(&mut self, kind: Kind, name: &str, body: &[u8], deadline: Duration) -> Result<(), Unsaid> {
        let mut scratch = std::mem::take(&mut self.scratch);
        frame::encode(&mut scratch, kind, name, body);
        let mut rest = scratch.as_slice();
        let (mut said, mut in_part) = (Ok(()), false);
        while !rest.is_empty() && said.is_ok() {
            match rustix::io::write(&self.input, rest) {
                Ok(wrote) => {
                    in_part |= wrote > 0;
                    rest = rest.get(wrote..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => said = self.ready(self.input.as_fd(), PollFlags::OUT, deadline),
                Err(_) => said = Err(Broken::Died(String::new())),
            }
        }
        self.scratch = scratch;
        said.map_err(|broken| Unsaid { broken, in_part })
    }

    fn hear(&mut self, deadline: Duration, time: Duration) -> Result<Frame, Broken> {
        loop {
            let wanted = match frame::parse(&self.held, FRAME_BYTES_MAX) {
                Parsed::Frame(frame, used) => {
                    self.held.drain(..used);
                    return Ok(frame);
                }
                Parsed::Garbage(what) => return Err(Broken::Garbage(what)),
                Parsed::More(wanted) => wanted,
            };
            let late =
                |broken| if broken == Broken::Late(Duration::ZERO) { Broken::Late(time) } else { broken };
            self.looks.look_into(&self.output);
            self.ready(self.output.as_fd(), PollFlags::IN, deadline).map_err(late)?;
            let start = frame::make_room(&mut self.held, wanted);
            let read = rustix::io::read(&self.output, &mut self.held[start..]);
            self.held.truncate(start + read.unwrap_or(0));
            match read {
                Ok(0) => return Err(Broken::Died(String::new())),
                Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Err(Broken::Died(String::new())),
            }
        }
    }

    /// Waits until a pipe can be used, at most until the deadline.
    fn ready(
        &self,
        pipe: std::os::fd::BorrowedFd<'_>,
        flags: PollFlags,
        deadline: Duration,
    ) -> Result<(), Broken> {
        loop {
            let left = deadline.saturating_sub(self.clock.monotonic());
            if left.is_zero() {
                return Err(Broken::Late(Duration::ZERO));
            }
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut [PollFd::from_borrowed_fd(pipe, flags)], Some(&left)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(_) => return Err(Broken::Died(String::new())),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // With all that it started. One that is gone already has no group to kill.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process_group(group, Signal::KILL);
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What a process writes to its standard error goes to the log, as far as a person would read it.
fn listen(plugin: &str, words: ChildStderr) {
    let plugin = plugin.to_owned();
    let read = move || {
        let mut words = BufReader::new(words);
        for line in words.by_ref().take(WORDS_BYTES_MAX).split(b'\n').map_while(Result::ok) {
            tracing::warn!(target: "gesher::plugin", plugin, "{}", String::from_utf8_lossy(&line));
        }
        // Read on, so that the process never waits for somebody to hear it.
        let _unheard = std::io::copy(&mut words, &mut std::io::sink());
    };
    // Without it the process may stop at a full pipe, and its time is over some day.
    let _listens = std::thread::Builder::new().name("plugin words".to_owned()).spawn(read);
}

fn died(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("its process was ended by signal {signal}{}", signal_name(signal)),
        (None, Some(code)) => format!("its process ended with code {code}"),
        (None, None) => "its process ended".to_owned(),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => " (illegal instruction)",
        6 => " (abort)",
        7 => " (bus error)",
        8 => " (arithmetic)",
        9 => " (killed)",
        11 => " (segmentation fault)",
        24 => " (processor time)",
        _ => "",
    }
}
