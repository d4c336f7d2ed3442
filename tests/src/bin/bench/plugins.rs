//! What a call of a plugin costs: in the hub's own process and in one of the plugin's, small and large, and beside each
//! what the same costs without a hub.

use std::hint::black_box;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gesher_core::{Clock, Outcome, OutcomeStatus, Registry, SystemClock};
use gesher_plugin_host::{
    HttpFault, Isolation, Plugin, PluginProvider, Services, Sha256, Spec, read_verified,
};
use serde_json::{Value, json};

use crate::contest::Place;
use crate::failure::{Failure, While};
use crate::report::{Figure, Section, grouped};

/// What a small call may cost, in nanoseconds: in the hub's own process on its caller's thread, and over pipes.
const INLINE_NANOS_MAX: f64 = 3_000.0;
const PIPED_NANOS_MAX: f64 = 15_000.0;
/// Rounds, of which the best counts: whatever disturbs makes it slower, nothing makes it faster. Many short ones, since
/// two threads or processes that take turns are disturbed by anything else on their two cores.
const ROUNDS: usize = 50;
/// What is said and answered, in bytes, and how often in a round.
const SIZES: [(&str, usize, u32); 2] = [("100 bytes", 100, 2_000), ("100 kB", 100_000, 40)];
/// The peer in C, and the header that it needs.
const BARE_CALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/bare_call.c");
const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/gesher-plugin-abi/include");

struct Nothing;

impl Services for Nothing {
    fn secret(&self, _: &str) -> Result<gesher_core::Secret, String> {
        Err("there is none".to_owned())
    }

    fn http(&self, _: &Value, _: Duration, _: bool) -> Result<Value, HttpFault> {
        Err(HttpFault::MayHaveLeft("there is none".to_owned()))
    }

    fn is_stopping(&self) -> bool {
        false
    }
}

/// The section of plugins. Their library lies in the folder of examples `beside` this program.
pub(crate) fn section(place: &Place, beside: &Path) -> Result<Section, Failure> {
    let library = beside.join("examples/libecho.so");
    if !library.is_file() {
        return Err(Failure::new(format!(
            "there is no {}; `cargo xtask bench` builds it",
            library.display()
        )));
    }
    let mut section = Section {
        title: "Calls of plugins".into(),
        about: "A plugin in Rust, made with the SDK, that is given a text and says it again: as much in each direction. \
                Nanoseconds a call, one after the other, in the best of several rounds: from the checked request to the \
                outcome, JSON read and written on both sides and checked against its schema, without intent and outcome in \
                the journal. The bare call is `dlopen` and the same library's function with the same bytes, on one thread, \
                with an answer that nobody reads; the bare echo is a child that reads bytes and writes them back."
            .into(),
        figures: Vec::new(),
    };
    let process = Isolation::Process { program: place.gesher.clone() };
    for (words, isolation, most) in [
        ("in the hub's process, on its caller's thread", Isolation::Inline, Some(INLINE_NANOS_MAX)),
        ("in the hub's process, on a thread of its own", Isolation::InProcess, None),
        ("in a process of its own", process, Some(PIPED_NANOS_MAX)),
    ] {
        let hub = Hub::of(&library, isolation)?;
        for (size, bytes, calls) in SIZES {
            let nanos = hub.nanos(bytes, calls)?;
            let mut figure = Figure::of(format!("{words}, {size}"), format!("{} ns", grouped(nanos)));
            if let Some(most) = most.filter(|_| bytes == SIZES[0].1) {
                figure = figure.bar(format!("below {} ns", grouped(most)), nanos < most);
            }
            eprintln!("{}", figure.line());
            section.figures.push(figure);
        }
    }
    for (size, bytes, calls) in SIZES {
        for (words, nanos) in [
            ("bare call", bare_call(place, &library, bytes, calls)?),
            ("bare echo over two pipes", bare_echo(place, bytes, calls)?),
        ] {
            let figure = Figure::of(format!("{words}, {size}"), format!("{} ns", grouped(nanos)));
            eprintln!("{}", figure.line());
            section.figures.push(figure);
        }
    }
    Ok(section)
}

/// The nanoseconds of one of so many calls, in the best round.
fn best_nanos(calls: u32, mut call: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let clock = SystemClock::new();
        for _ in 0..calls {
            call()?;
        }
        best = best.min(clock.monotonic().as_secs_f64() * 1e9 / f64::from(calls));
    }
    Ok(best)
}

/// A text of so many bytes.
fn text(bytes: usize) -> String {
    "shalom ".chars().cycle().take(bytes).collect()
}

/// A plugin as a hub has it, called as an item's thread calls it.
struct Hub {
    registry: Registry,
    runtime: tokio::runtime::Runtime,
}

impl Hub {
    fn of(library: &Path, isolation: Isolation) -> Result<Self, Failure> {
        let bytes = read_verified(library, None).or_fail("read the plugin")?;
        let spec = Spec {
            name: "echo".to_owned(),
            path: library.to_owned(),
            sha256: Sha256::of(&bytes),
            isolation,
            allow: Vec::new(),
            timeout: Duration::from_secs(30),
        };
        let plugin = Plugin::open(spec, Arc::new(SystemClock::new())).or_fail("open the plugin")?;
        let registry = Registry::new(&[Arc::new(PluginProvider::new(Arc::new(plugin), Arc::new(Nothing)))]);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Ok(Self { registry, runtime: runtime.or_fail("start a runtime")? })
    }

    fn nanos(&self, bytes: usize, calls: u32) -> Result<f64, Failure> {
        let found = self.registry.find("echo.echo").or_fail("find the operation")?;
        let request = json!({ "text": text(bytes) });
        let prepared = found.prepare("marketplace", request.clone()).or_fail("prepare a call")?;
        let account = found.provider.marketplace();
        let call = || self.runtime.block_on(found.provider.perform(found.entry, &account, &prepared, None));
        let outcome = call();
        if outcome.status != OutcomeStatus::Succeeded || *outcome.data.tree() != request {
            return Err(Failure::new(format!("the plugin answered {}", outcome.status)));
        }
        best_nanos(calls, || match black_box(call()) {
            Outcome { status: OutcomeStatus::Succeeded, .. } => Ok(()),
            other => Err(Failure::new(format!("a call of the plugin ended as {}", other.status))),
        })
    }
}

/// The same library without a hub, in a program of its own.
fn bare_call(place: &Place, library: &Path, bytes: usize, calls: u32) -> Result<f64, Failure> {
    let (program, input) = (place.work.join("bare_call"), place.work.join("input.json"));
    if !program.is_file() {
        let mut cc = Command::new("cc");
        let made = cc.args(["-O2", "-I", HEADER, BARE_CALL, "-ldl", "-o"]).arg(&program).status();
        if !made.or_fail("call the compiler")?.success() {
            return Err(Failure::new("the peer in C does not compile"));
        }
    }
    let call = json!({ "reference": null, "request": { "text": text(bytes) } });
    std::fs::write(&input, call.to_string()).or_fail("write what a plugin is told")?;
    let mut bare = Command::new(&program);
    let said = bare.arg(library).arg("call/echo").arg(&input).arg(calls.to_string()).output();
    let said = said.or_fail("run the peer in C")?;
    let nanos = String::from_utf8_lossy(&said.stdout).trim().parse();
    nanos.map_err(|_| {
        Failure::new(format!("the peer in C says nothing: {}", String::from_utf8_lossy(&said.stderr)))
    })
}

/// A child that says again what it reads, and nothing else.
struct Bare {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Bare {
    fn start(bench: &PathBuf) -> Result<Self, Failure> {
        let mut child = Command::new(bench);
        let child = child.arg("echo").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.spawn().or_fail("start a child")?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { child, input, output }),
            _ => Err(Failure::new("a child has no pipes")),
        }
    }

    /// Says this, and reads as much.
    fn call(&mut self, said: &[u8], heard: &mut [u8]) -> io::Result<()> {
        self.input.write_all(said)?;
        self.output.read_exact(heard)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}

fn bare_echo(place: &Place, bytes: usize, calls: u32) -> Result<f64, Failure> {
    let mut bare = Bare::start(&place.bench)?;
    let mut said = u32::try_from(bytes).or_fail("say so much")?.to_le_bytes().to_vec();
    said.extend_from_slice(text(bytes).as_bytes());
    let mut heard = vec![0; said.len()];
    best_nanos(calls, || bare.call(&said, &mut heard).or_fail("speak with a child"))
}

/// The child's side: a length, so many bytes, and the same back at once.
pub(crate) fn echo() -> Result<(), Failure> {
    let (mut input, mut output) = (BufReader::new(io::stdin()), BufWriter::new(io::stdout()));
    let mut length = [0; 4];
    let mut held = Vec::new();
    while input.read_exact(&mut length).is_ok() {
        held.clear();
        held.extend_from_slice(&length);
        held.resize(length.len() + u32::from_le_bytes(length) as usize, 0);
        input.read_exact(&mut held[length.len()..]).or_fail("read")?;
        output.write_all(&held).and_then(|()| output.flush()).or_fail("write")?;
    }
    Ok(())
}
