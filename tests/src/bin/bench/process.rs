//! Other processes: one that is measured from its start to its end, and one that serves until it is dropped.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gesher_core::Clock;
use gesher_core::time::SystemClock;

use crate::failure::{Failure, While};

/// How often a process is looked at while it runs. Its end is waited for, not looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long a server may take to be reachable.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How often it is tried whether a server is there.
const TRY_EVERY: Duration = Duration::from_millis(1);
/// Ticks of processor time in a second: the same on every Linux that there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// The most memory that was ever resident, in MiB.
    pub(crate) peak_mib: f64,
    /// Processor time, its own and the kernel's for it, up to the last look.
    pub(crate) cpu_seconds: f64,
    /// What it wrote to its standard output.
    pub(crate) output: String,
}

/// Runs a process to its end, which must be a success.
pub(crate) fn run(command: &mut Command) -> Result<Ran, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let clock = SystemClock::new();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .or_fail(&format!("start {name}"))?;
    let id = child.id();
    let over = AtomicBool::new(false);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ran = thread::scope(|scope| {
        let looking = scope.spawn(|| look_at(id, &over));
        let output = scope.spawn(move || read_all(stdout));
        let errors = scope.spawn(move || read_all(stderr));
        let status = child.wait();
        let seconds = clock.monotonic().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let (peak_mib, cpu_seconds) = looking.join().unwrap_or_default();
        let output = output.join().unwrap_or_default();
        let errors = errors.join().unwrap_or_default();
        status.map(|status| (status, errors, Ran { seconds, peak_mib, cpu_seconds, output }))
    });
    let (status, errors, ran) = ran.or_fail(&format!("wait for {name}"))?;
    if status.success() {
        return Ok(ran);
    }
    let said = format!("{}\n{errors}", ran.output);
    Err(Failure::new(format!("{name} ended with {status}:\n{}", said.trim())))
}

fn read_all(pipe: Option<impl std::io::Read>) -> String {
    let mut text = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read until a pipe broke is still the best description of what happened.
        let _broken = pipe.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Looks at a process until it is over; answers the peak of its memory in MiB and its processor time in seconds.
fn look_at(id: u32, over: &AtomicBool) -> (f64, f64) {
    let (mut peak, mut cpu) = (0.0_f64, 0.0_f64);
    while !over.load(Ordering::Relaxed) {
        peak = memory_mib(id, "VmHWM:").unwrap_or(peak).max(peak);
        cpu = cpu_seconds(id).unwrap_or(cpu).max(cpu);
        thread::sleep(LOOK_EVERY);
    }
    (peak, cpu)
}

/// A line of a process's status that is given in kB, in MiB.
pub(crate) fn memory_mib(id: u32, line: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let value = status.lines().find_map(|found| found.strip_prefix(line))?;
    let kib: f64 = value.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// The processor time of a process so far.
pub(crate) fn cpu_seconds(id: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold anything; user and kernel time are the 12th and 13th fields after it.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// A process that serves at an address until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it serves.
    pub(crate) address: SocketAddr,
    /// From its start until it was reachable.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts a process that is ready when `is_ready` says so of its address.
    pub(crate) fn start(
        command: &mut Command,
        address: SocketAddr,
        is_ready: fn(SocketAddr) -> bool,
    ) -> Result<Self, Failure> {
        let name = command.get_program().to_string_lossy().into_owned();
        let clock = SystemClock::new();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .or_fail(&format!("start {name}"))?;
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        while !is_ready(address) {
            if let Ok(Some(status)) = server.child.try_wait() {
                let said = read_all(server.child.stderr.take());
                return Err(Failure::new(format!("{name} ended with {status}:\n{}", said.trim())));
            }
            if clock.monotonic() > READY_WITHIN {
                return Err(Failure::new(format!("{name} did not become ready at {address}")));
            }
            thread::sleep(TRY_EVERY);
        }
        server.ready_after = clock.monotonic();
        if let Some(errors) = server.child.stderr.take() {
            // Somebody has to read what it says, or it waits for ever once the pipe is full.
            thread::spawn(move || BufReader::new(errors).lines().map_while(Result::ok).for_each(drop));
        }
        Ok(server)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Whether somebody listens.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// An address of this machine at which nobody listens now.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .or_fail("find a free port on this machine")
}
