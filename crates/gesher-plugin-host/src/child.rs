//! A plugin's own process: `gesher plugin-host`. It loads one library and does what the hub asks over two pipes.
//!
//! It gives up what it has before the library's first instruction: the hub's descriptors, standard input and output,
//! new privileges, memory beyond its limit. It began with an empty environment. It ends when the hub does.

use crate::frame::{self, FRAME_BYTES_MAX, Frame, Kind};
use crate::library::{Ask, Asked, Library};
use crate::verify::LIBRARY_BYTES_MAX;
use gesher_plugin_abi::GESHER_OVER;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

/// Below it are the numbers that a library may find taken: by convention, or because it guesses.
const DESCRIPTOR_MIN: RawFd = 100;
/// The exit code of a child that was called by hand, or whose hub speaks another version.
const NO_HUB: u8 = 2;

/// Runs the process to its end: its exit code.
#[must_use]
pub fn run() -> u8 {
    match serve() {
        Ok(()) => 0,
        Err(error) => {
            // Only a person who called this by hand reads it, or the hub's log.
            eprintln!("gesher plugin-host is started by the hub, and speaks to it alone: {error}");
            NO_HUB
        }
    }
}

fn serve() -> io::Result<()> {
    let (mut input, output) = take_pipes()?;
    let mut held = Vec::new();
    let limit = usize::try_from(LIBRARY_BYTES_MAX).unwrap_or(usize::MAX) + HELLO_NAME_BYTES_MAX;
    let Some(hello) = frame::read(&mut input, &mut held, limit)?.filter(|hello| hello.kind == Kind::Hello)
    else {
        return Err(io::Error::other("no library came"));
    };
    let memory: u64 = hello.name.parse().map_err(io::Error::other)?;
    let line =
        Arc::new(Line { pipes: Mutex::new(Pipes { input, output, held, scratch: Vec::new(), open: true }) });
    die_with_the_hub(&line)?;
    outlast_a_stop();
    confine(memory)?;
    match Library::load(&hello.body) {
        Ok(library) => {
            drop(hello);
            line.say(Kind::Ready, "", library.manifest())?;
            work(&line, &library)
        }
        Err(fault) => line.say(Kind::Failed, "", crate::plugin::chain(&fault).as_bytes()),
    }
}

/// Digits of a number of bytes.
const HELLO_NAME_BYTES_MAX: usize = 32;

fn work(line: &Arc<Line>, library: &Library) -> io::Result<()> {
    while let Some(call) = line.next_call()? {
        let ask = Arc::clone(line) as Arc<dyn Ask>;
        let (status, bytes) = library.invoke(&call.name, &call.body, ask);
        line.answer(status, &bytes)?;
    }
    Ok(())
}

/// The two pipes to the hub. A call's answer and the questions within it go over the same ones, so whoever speaks
/// holds both.
struct Line {
    pipes: Mutex<Pipes>,
}

struct Pipes {
    input: File,
    output: File,
    held: Vec<u8>,
    scratch: Vec<u8>,
    /// Whether a call is on its way, so that the hub listens to questions.
    open: bool,
}

impl Pipes {
    fn say(&mut self, kind: Kind, name: &str, body: &[u8]) -> io::Result<()> {
        frame::write(&mut self.output, &mut self.scratch, kind, name, body)
    }

    fn hear(&mut self) -> io::Result<Option<Frame>> {
        frame::read(&mut self.input, &mut self.held, FRAME_BYTES_MAX)
    }
}

impl Line {
    fn with<T>(&self, act: impl FnOnce(&mut Pipes) -> io::Result<T>) -> io::Result<T> {
        act(&mut self.pipes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn say(&self, kind: Kind, name: &str, body: &[u8]) -> io::Result<()> {
        self.with(|pipes| pipes.say(kind, name, body))
    }

    /// Waits for the next call. None when the hub has gone.
    fn next_call(&self) -> io::Result<Option<Frame>> {
        self.with(|pipes| {
            let call = pipes.hear()?;
            pipes.open = true;
            Ok(call)
        })
    }

    /// Answers the call. A thread of the plugin's that asks for something afterwards is not heard.
    fn answer(&self, status: i32, bytes: &[u8]) -> io::Result<()> {
        self.with(|pipes| {
            pipes.open = false;
            pipes.say(Kind::Answer, &status.to_string(), bytes)
        })
    }
}

impl Ask for Line {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let asked = self.with(|pipes| {
            if !pipes.open {
                return Ok(None);
            }
            pipes.say(Kind::Ask, name, input)?;
            pipes.hear()
        });
        match asked {
            Ok(Some(reply)) if reply.kind == Kind::Reply => (reply.status(), reply.body),
            _ => (GESHER_OVER, Vec::new()),
        }
    }
}

/// Takes the pipes away from the standard numbers, where a library would write by accident, and closes whatever else
/// this process inherited.
fn take_pipes() -> io::Result<(File, File)> {
    let input = fcntl_dupfd_cloexec(io::stdin(), DESCRIPTOR_MIN)?;
    let output = fcntl_dupfd_cloexec(io::stdout(), DESCRIPTOR_MIN)?;
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nowhere)?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    drop(nowhere);
    close_others(&input, &output)?;
    Ok((input.into(), output.into()))
}

#[cfg(target_os = "linux")]
fn close_others(input: &OwnedFd, output: &OwnedFd) -> io::Result<()> {
    let ours = [0, 1, 2, input.as_raw_fd(), output.as_raw_fd()];
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| !ours.contains(number))
        .collect();
    open.into_iter().for_each(close);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn close_others(input: &OwnedFd, output: &OwnedFd) -> io::Result<()> {
    let ours = [input.as_raw_fd(), output.as_raw_fd()];
    (3..DESCRIPTOR_MIN + 64).filter(|number| !ours.contains(number)).for_each(close);
    Ok(())
}

/// Closes a descriptor that may be closed already, as that by which the list of them was read.
fn close(number: RawFd) {
    // SAFETY: it is only asked whether it is open, and nothing else of this process opens or closes any.
    let is_open = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) }).is_ok();
    if is_open {
        // SAFETY: nothing of this process has opened anything yet that it still means to use.
        unsafe { rustix::io::close(number) };
    }
}

/// A hub that dies takes its plugins with it, whatever they are doing.
fn die_with_the_hub(line: &Arc<Line>) -> io::Result<()> {
    let pipe = line.with(|pipes| pipes.input.try_clone())?;
    std::thread::Builder::new().name("hub".to_owned()).spawn(move || {
        loop {
            // Asked for nothing, it answers only that the other end is gone.
            match poll(&mut [PollFd::new(&pipe, PollFlags::empty())], None) {
                Ok(_) => std::process::exit(0),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    })?;
    Ok(())
}

/// A supervisor that stops the hub tells all of its processes so at once. The hub finishes what is in flight, and this
/// process with it: it ends when the hub does.
fn outlast_a_stop() {
    unsafe extern "C" {
        fn signal(number: i32, handler: usize) -> usize;
    }
    /// `SIG_IGN` of every system that this runs on.
    const IGNORED: usize = 1;
    for stop in [Signal::TERM, Signal::INT, Signal::HUP] {
        // SAFETY: a signal that is ignored runs nothing, and the library has no thread here yet.
        let _before = unsafe { signal(stop.as_raw(), IGNORED) };
    }
}

/// Gives up what the library must not have.
fn confine(memory: u64) -> io::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)?;
    #[cfg(target_os = "linux")]
    {
        rustix::thread::set_no_new_privs(true)?;
        let limit = address_space()?.saturating_add(memory);
        setrlimit(Resource::As, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    #[cfg(not(target_os = "linux"))]
    setrlimit(Resource::Data, Rlimit { current: Some(memory), maximum: Some(memory) })?;
    Ok(())
}

/// What this process has mapped already, which its limit comes on top of.
#[cfg(target_os = "linux")]
fn address_space() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| io::Error::other("its own size is not known"))
}
