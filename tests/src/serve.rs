//! Programs that run beside a test: `gesher serve` and `gesher simulate`. Each ends with its owner.

use crate::hub::Hub;
use crate::program::{Output, command};
use crate::wait::until;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a program may take to start or stop.
const START_SECONDS: u64 = 30;
/// How long a page of the hub may take.
const PAGE: Duration = Duration::from_secs(30);

/// The first of the ports that tests give out, and how many there are. The system takes those of connections, and those of
/// listeners that asked for any, from above them: one of these stays free until its hub listens, and also while it does not.
const PORTS: (u32, u32) = (12_000, 20_000);
/// Processes that run beside each other begin so many ports apart.
const PORTS_APART: u32 = 613;
/// How many ports this process has looked at.
static PORTS_SEEN: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 on which nobody listens now, and which no other test of this process is given.
pub fn free_port() -> u16 {
    let (first, many) = PORTS;
    let begin = std::process::id().wrapping_mul(PORTS_APART);
    let next = || begin.wrapping_add(PORTS_SEEN.fetch_add(1, Ordering::Relaxed));
    let mut ports = (0..many).map(|_| u16::try_from(first + next() % many).unwrap());
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a port that is free")
}

/// A program that runs beside the test; killed when dropped.
pub struct Background {
    child: Child,
    words: PathBuf,
}

impl Background {
    /// Starts a program; all that it says goes into the file `words`.
    pub fn start(command: &mut Command, words: PathBuf) -> Self {
        let file = File::create(&words).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, words }
    }

    /// What it said so far.
    pub fn words(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.words).unwrap()).into_owned()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn sigterm(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Asks it to read its scripts anew.
    pub fn sighup(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Lets a stopped process go on.
    pub fn sigcont(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// Whether it is stopped: it neither works nor ends.
    pub fn is_stopped(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:") && line.contains('T'))
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait_exit(&mut self) -> Output {
        let status = until("the program's end", START_SECONDS, || self.child.try_wait().unwrap());
        Output { code: status.code().unwrap_or(-1), stdout: String::new(), stderr: self.words() }
    }

    /// The signal that ended it, once it has ended by one.
    pub fn wait_signal(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        self.child.wait().unwrap().signal()
    }

    /// The most memory it ever held, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A hub that serves.
pub struct Serving {
    /// The process.
    pub process: Background,
    port: u16,
}

impl Serving {
    /// Starts `gesher serve` and waits until `/readyz` says 200.
    #[track_caller]
    pub fn start(hub: &Hub) -> Self {
        let mut serving = Self::start_unready(hub);
        let port = serving.port;
        until("/readyz to be 200", START_SECONDS, || {
            assert!(serving.process.runs(), "serve ended: {}", serving.process.words());
            (http_get(port, "/readyz").is_some_and(|(status, _)| status == 200)).then_some(())
        });
        serving
    }

    /// Starts `gesher serve` and does not wait.
    pub fn start_unready(hub: &Hub) -> Self {
        let process = Background::start(hub.command().arg("serve"), hub.next_words_file());
        Self { process, port: hub.port() }
    }

    /// Asks a page of the hub's listener: status and body.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        http_get(self.port, path)
    }

    /// Asks it to stop and waits for its end.
    #[track_caller]
    pub fn stop(mut self) -> Output {
        self.process.sigterm();
        self.process.wait_exit()
    }
}

/// Starts `gesher simulate` on a free port with its ledger in `folder`; `more` are further arguments.
#[track_caller]
pub fn simulate(folder: &Path, more: &[&str]) -> (Background, String) {
    let mut command = command();
    // It takes a port itself and says which: one that was free a moment ago may be another simulator's by now, and a hub
    // must not be played against a provider whose ledger is not looked at.
    command.args(["simulate", "--officeguy", "127.0.0.1:0", "--ledger"]);
    command.arg(folder.join("ledger.jsonl")).args(more);
    let mut process = Background::start(&mut command, folder.join("simulate.log"));
    let base_url = until("the simulator to listen", START_SECONDS, || {
        assert!(process.runs(), "simulate ended: {}", process.words());
        let words = process.words();
        let (_, said) = words.split_once("OfficeGuy is simulated at ")?;
        said.split_once(';').map(|(address, _)| address.to_owned())
    });
    (process, base_url)
}

/// One GET request: status and body, or nothing when nobody answers.
pub fn http_get(port: u16, path: &str) -> Option<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PAGE).ok()?;
    stream.set_read_timeout(Some(PAGE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Some((status, body))
}
