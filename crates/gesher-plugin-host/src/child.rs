//! A plugin's own process: `gesher plugin-host`. It loads one library and does what the hub asks over two pipes.
//!
//! It gives up what it has before the library's first instruction: the hub's descriptors, standard input and output,
//! new privileges, memory beyond its limit. It began with an empty environment. It ends when the hub does, and with it
//! whatever the library started.

use crate::frame::{self, FRAME_BYTES_MAX, Frame, Kind};
use crate::library::{Ask, Asked, Library};
use crate::looks::Looks;
use crate::verify::LIBRARY_BYTES_MAX;
use gesher_plugin_abi::GESHER_OVER;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::process::{
    Resource, Rlimit, Signal, getpgrp, getpid, getrlimit, kill_current_process_group, setrlimit,
};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Below it are the numbers that a library may find taken: by convention, or because it guesses.
const DESCRIPTOR_MIN: RawFd = 100;
/// Descriptors that a library may have: as many as the sets of select() hold.
const DESCRIPTORS_MAX: u64 = 1_024;
/// The exit code of a child that was called by hand, or whose hub speaks another version.
const NO_HUB: u8 = 2;
/// Stack of the thread that runs the library, in bytes: as large as a first thread's, as a rule.
const STACK_BYTES: usize = 8 << 20;

/// Runs the process to its end: its exit code.
#[must_use]
pub fn run() -> u8 {
    serve().map_or_else(|error| no_hub(&error), |()| 0)
}

fn no_hub(error: &io::Error) -> u8 {
    // Only a person who called this by hand reads it, or the hub's log.
    eprintln!("gesher plugin-host is started by the hub, and speaks to it alone: {error}");
    NO_HUB
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
    let hub = File::from(fcntl_dupfd_cloexec(&input, DESCRIPTOR_MIN)?);
    let pipes =
        Pipes { input, output, held, scratch: Vec::new(), looks: Looks::default(), calls: 0, open: None };
    let line = Arc::new(Line { pipes: Mutex::new(pipes) });
    outlast_a_stop();
    confine(memory)?;
    // The system interrupts the first thread where it can choose, so a stop disturbs nothing that the library waits for.
    thread::Builder::new().name("plugin".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        // A panic of this thread alone would leave the hub waiting.
        let ran = catch_unwind(AssertUnwindSafe(|| run_library(&line, hello)));
        let ran = ran.unwrap_or_else(|_panic| Err(io::Error::other("it broke off")));
        end(ran.map_or_else(|error| no_hub(&error), |()| 0));
    })?;
    wait_for_the_end_of_the_hub(&hub);
    end(0)
}

fn run_library(line: &Arc<Line>, hello: Frame) -> io::Result<()> {
    match Library::load(&hello.body) {
        Ok(library) => {
            drop(hello);
            line.say(Kind::Ready, "", library.manifest())?;
            work(line, &library)
        }
        Err(fault) => line.say(Kind::Failed, "", crate::plugin::chain(&fault).as_bytes()),
    }
}

/// Digits of a number of bytes.
const HELLO_NAME_BYTES_MAX: usize = 32;

fn work(line: &Arc<Line>, library: &Library) -> io::Result<()> {
    while let Some((number, call)) = line.next_call()? {
        let asker = Arc::new(Asker { line: Arc::clone(line), number });
        let (status, bytes) = library.invoke(&call.name, &call.body, asker);
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
    looks: Looks,
    /// Calls that came so far.
    calls: u64,
    /// Which call is on its way, so that the hub listens to its questions.
    open: Option<u64>,
}

impl Pipes {
    fn say(&mut self, kind: Kind, name: &str, body: &[u8]) -> io::Result<()> {
        frame::write(&mut self.output, &mut self.scratch, kind, name, body)
    }

    fn hear(&mut self) -> io::Result<Option<Frame>> {
        self.looks.look_into(&self.input);
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

    /// Waits for the next call: it and its number. None when the hub has gone.
    fn next_call(&self) -> io::Result<Option<(u64, Frame)>> {
        self.with(|pipes| {
            let Some(call) = pipes.hear()? else { return Ok(None) };
            pipes.calls += 1;
            pipes.open = Some(pipes.calls);
            Ok(Some((pipes.calls, call)))
        })
    }

    /// Answers the call. A thread of the plugin's that asks for something afterwards is not heard.
    fn answer(&self, status: i32, bytes: &[u8]) -> io::Result<()> {
        self.with(|pipes| {
            pipes.open = None;
            pipes.say(Kind::Answer, &status.to_string(), bytes)
        })
    }
}

/// What answers one call's questions.
struct Asker {
    line: Arc<Line>,
    number: u64,
}

impl Ask for Asker {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let asked = self.line.with(|pipes| {
            // A thread that was left behind may have waited here since a call before.
            if pipes.open != Some(self.number) {
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
fn wait_for_the_end_of_the_hub(pipe: &File) {
    // Asked for nothing, it answers only that the other end is gone.
    while let Ok(0) | Err(Errno::INTR) = poll(&mut [PollFd::new(pipe, PollFlags::empty())], None) {}
}

/// Ends this process and whatever the library has started, which nobody would end otherwise.
fn end(code: u8) -> ! {
    // Called by hand it may be in a group of others.
    if getpgrp() == getpid() {
        let _gone = kill_current_process_group(Signal::KILL);
    }
    std::process::exit(code.into())
}

/// A supervisor that stops the hub tells all of its processes so at once. The hub finishes what is in flight, and this
/// process with it: it ends when the hub does. What the library starts hears of a stop as any program does: a signal
/// that is ignored stays so in another program, and one that is dealt with does not.
fn outlast_a_stop() {
    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    }
    extern "C" fn outlast(_: i32) {}
    for stop in [Signal::TERM, Signal::INT, Signal::HUP] {
        // SAFETY: the handler does nothing at all, and the library has no thread here yet.
        let _before = unsafe { signal(stop.as_raw(), outlast) };
    }
}

/// Gives up what the library must not have.
fn confine(memory: u64) -> io::Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)?;
    // The hub asks for many descriptors. A library that waits with select() sees none beyond what its sets hold, unless it
    // asks for more as well.
    let descriptors = getrlimit(Resource::Nofile);
    let few = descriptors.current.map_or(DESCRIPTORS_MAX, |current| current.min(DESCRIPTORS_MAX));
    setrlimit(Resource::Nofile, Rlimit { current: Some(few), ..descriptors })?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_on_behalf_of_a_call_before_is_not_asked_within_this_one() {
        let (input, mut hub) = std::io::pipe().unwrap();
        let (mut heard, output) = std::io::pipe().unwrap();
        let (input, output) = (OwnedFd::from(input).into(), OwnedFd::from(output).into());
        let pipes = Pipes {
            input,
            output,
            held: Vec::new(),
            scratch: Vec::new(),
            looks: Looks::default(),
            calls: 0,
            open: None,
        };
        let line = Arc::new(Line { pipes: Mutex::new(pipes) });
        let asker = |number| Asker { line: Arc::clone(&line), number };
        for (kind, status) in [(Kind::Call, "call/x"), (Kind::Call, "call/x"), (Kind::Reply, "0")] {
            frame::write(&mut hub, &mut Vec::new(), kind, status, b"").unwrap();
        }
        let (first, _) = line.next_call().unwrap().unwrap();
        line.answer(0, b"").unwrap();
        let (second, _) = line.next_call().unwrap().unwrap();
        assert_eq!(asker(first).ask("log", b"").0, GESHER_OVER);
        assert_eq!(asker(second).ask("now", b"").0, 0, "the hub's one reply is left for it");
        let mut held = Vec::new();
        let kinds = [(); 2].map(|()| frame::read(&mut heard, &mut held, 100).unwrap().unwrap().name);
        assert_eq!(kinds, ["0", "now"]);
    }
}
