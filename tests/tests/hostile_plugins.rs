//! Libraries that misbehave in every way that we could think of, in a process of their own and in the hub's: each call
//! comes to the one outcome that is honest, its message names the plugin, and the next call is answered.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_core::{Caller, Clock, Outcome, OutcomeStatus, Registry, SystemClock};
use gesher_plugin_host::{Capability, HttpFault, Isolation, Plugin, PluginProvider, Services, Sha256, Spec};
use gesher_tests::gesher;
use gesher_tests::libraries::{self, Library};
use gesher_tests::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

const HOSTILE: &str = "crates/gesher-plugin-host/tests/libraries/hostile.c";
/// A plugin in Rust without a crate.
const BARE: &str = "crates/gesher-plugin-host/tests/libraries/bare.rs";
/// What a call may take.
const TIMEOUT: Duration = Duration::from_millis(2_500);

/// A hub that has a fault where it looks for a secret, and finds more than anybody can be given where it fetches
/// something.
struct Faulty;

impl Services for Faulty {
    fn secret(&self, _: &str) -> Result<gesher_core::Secret, String> {
        panic!("a fault of the hub's own")
    }

    fn http(&self, _: &Value, _: Duration, _: bool) -> Result<Value, HttpFault> {
        Ok(Value::String("x".repeat(9 << 20)))
    }

    fn is_stopping(&self) -> bool {
        false
    }
}

/// Requests that change something, by their addresses.
static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A network with a host that answers, one that is away, one that the plugin is not granted, and others whose answers are
/// lost.
struct Network;

impl Services for Network {
    fn secret(&self, _: &str) -> Result<gesher_core::Secret, String> {
        Err("there is none".to_owned())
    }

    fn http(&self, request: &Value, _: Duration, _: bool) -> Result<Value, HttpFault> {
        let (url, method) = (request["url"].as_str().unwrap(), request["method"].as_str());
        if method == Some("POST") {
            SENT.lock().unwrap_or_else(PoisonError::into_inner).push(url.to_owned());
        }
        let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap();
        match (host, method) {
            ("away.example.com", _) => {
                Err(HttpFault::NotSent { code: "dns".to_owned(), message: "no such host".to_owned() })
            }
            ("else.example.com", _) => Err(HttpFault::NotGranted("http:else.example.com".to_owned())),
            _ if url.ends_with("/reserve") => Ok(json!({ "status": 201, "headers": {}, "body": "" })),
            (_, None) => Ok(json!({ "status": 404, "headers": {}, "body": "" })),
            _ => Err(HttpFault::MayHaveLeft("nobody answered".to_owned())),
        }
    }

    fn is_stopping(&self) -> bool {
        false
    }
}

fn process() -> Isolation {
    Isolation::Process { program: gesher().to_owned() }
}

fn spec(library: &Library, name: &str, isolation: Isolation) -> Spec {
    let (path, sha256) = (library.path.clone(), library.sha256);
    Spec { name: name.to_owned(), path, sha256, isolation, allow: Vec::new(), timeout: TIMEOUT }
}

/// A plugin in the hub's table. Those of one name are tested one after the other, since the last one has the name.
struct Opened {
    registry: Arc<Registry>,
    name: String,
    runtime: Runtime,
    _alone: MutexGuard<'static, ()>,
}

/// What a call without a request comes to, made as an item's thread makes it.
fn called(registry: &Registry, runtime: &Handle, operation: &str) -> Outcome {
    let found = registry.find(operation).unwrap();
    let prepared = found.prepare("marketplace", json!({})).unwrap();
    let account = found.provider.marketplace();
    runtime.block_on(found.provider.perform(found.entry, &account, &prepared, None))
}

/// The item of a call that asks for nothing.
struct Nobody;

impl Caller for Nobody {
    fn call(&self, _: &str, _: &str, _: Option<&str>, _: Value) -> Option<Value> {
        None
    }

    fn now(&self) -> Option<jiff::Timestamp> {
        None
    }

    fn is_over(&self) -> bool {
        false
    }

    fn place(&self) -> String {
        "here".to_owned()
    }
}

static ALONE: Mutex<()> = Mutex::new(());

impl Opened {
    #[track_caller]
    fn of(library: &Library, name: &str, isolation: Isolation) -> Self {
        Self::with(library, name, isolation, Arc::new(SystemClock::new()), Arc::new(Network))
    }

    #[track_caller]
    fn with(
        library: &Library,
        name: &str,
        isolation: Isolation,
        clock: Arc<dyn Clock>,
        services: Arc<dyn Services>,
    ) -> Self {
        Self::of_spec(spec(library, name, isolation), clock, services)
    }

    /// Granted so much by a hub that has faults.
    #[track_caller]
    fn granted(library: &Library, name: &str, isolation: Isolation, allow: &str) -> Self {
        let allow = vec![Capability::parse(allow).unwrap()];
        let spec = Spec { allow, ..spec(library, name, isolation) };
        Self::of_spec(spec, Arc::new(SystemClock::new()), Arc::new(Faulty))
    }

    #[track_caller]
    fn of_spec(spec: Spec, clock: Arc<dyn Clock>, services: Arc<dyn Services>) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let name = spec.name.clone();
        let plugin = Plugin::open(spec, clock).unwrap();
        let registry = Registry::new(&[Arc::new(PluginProvider::new(Arc::new(plugin), services))]);
        let (registry, runtime) = (Arc::new(registry), Runtime::new().unwrap());
        Self { registry, name, runtime, _alone: alone }
    }

    #[track_caller]
    fn call(&self, operation: &str) -> Outcome {
        called(&self.registry, self.runtime.handle(), &format!("{}.{operation}", self.name))
    }

    /// Calls an operation that may call others.
    fn compose(&self, operation: &str, request: Value) -> Outcome {
        let found = self.registry.find(&format!("{}.{operation}", self.name)).unwrap();
        let prepared = found.prepare("marketplace", request).unwrap();
        found.composer().unwrap().compose(found.entry, &prepared, &Nobody).into_outcome()
    }

    #[track_caller]
    fn check(&self, operation: &str, want: &str, words: &str) {
        let clock = SystemClock::new();
        let began = clock.monotonic();
        let outcome = self.call(operation);
        let code = outcome.code.clone().unwrap_or_default();
        assert_eq!(format!("{} {code}", outcome.status), want, "{operation}: {outcome:?}");
        let said = &outcome.message;
        assert!(said.en.contains(words), "{operation}: `{words}` is not in `{}`", said.en);
        if !words.is_empty() {
            assert!(said.en.contains(&self.name) && said.he.contains(&self.name), "{operation}: {said:?}");
        }
        let took = clock.monotonic().saturating_sub(began);
        assert!(took < Duration::from_secs(30), "{operation} took {took:?}");
    }

    /// The process that answers the next call.
    #[track_caller]
    fn process(&self) -> Pid {
        let answered = self.call("environment").data.tree()["pid"].as_i64();
        answered.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).unwrap()
    }

    /// An operation without an effect and its twin that has one; and after each of them the plugin is well.
    #[track_caller]
    fn both(&self, operation: &str, code: &str, words: &str) {
        self.check(operation, &format!("rejected {code}"), words);
        self.check("well", "succeeded ", "");
        self.check(&format!("write_{operation}"), &format!("unknown {code}"), words);
        self.check("write_well", "succeeded ", "");
    }
}

#[track_caller]
fn hostile(words: &[&str]) -> (TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let library = libraries::c(folder.path(), "hostile", HOSTILE, words);
    (folder, library)
}

/// The hub's key is free after `not_sent` and `rejected`, and what was sent would be sent again.
fn nothing_that_left_can_be_taken_back(plugin: &Opened) {
    for (operation, words) in [
        ("write_failover", "had left"),
        ("write_half", "had left"),
        ("write_in_part", "did not find out"),
        ("write_forgets", "had left"),
        ("write_gives_up", "did not find out"),
    ] {
        SENT.lock().unwrap_or_else(PoisonError::into_inner).clear();
        plugin.check(operation, "unknown plugin_broke_off", words);
        let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let again = sent.iter().any(|url| url.ends_with("/b"));
        assert!(!sent.is_empty() && !again, "{operation}: what was lost is not sent elsewhere: {sent:?}");
    }
    plugin.check("write_finds_out", "rejected no", "");
}

/// What only says something wrong, and can be told from what is right in any isolation.
fn says_something_wrong(plugin: &Opened) {
    plugin.both("garbage", "plugin_answer", "not understood");
    plugin.both("misfit", "plugin_answer", "does not fit its schema");
    plugin.both("huge", "plugin_broke_off", "67108864 bytes");
    plugin.both("nowhere", "plugin_broke_off", "bytes");
    plugin.both("status", "plugin_broke_off", "a status that there is not");
    // What may have left is not undone by a plugin that says so; what has no effect sends nothing of the kind.
    plugin.check("write_http", "unknown plugin_broke_off", "nobody answered");
    plugin.check("write_denies", "unknown plugin_broke_off", "may have left");
    nothing_that_left_can_be_taken_back(plugin);
    plugin.check("http", "rejected plugin_http", "");
    plugin.check("denies", "rejected no", "");
    for effect in ["", "write_"] {
        plugin.check(&format!("{effect}refuse"), "rejected no", "");
        plugin.check(&format!("{effect}secret"), "rejected plugin_not_allowed", "");
        plugin.check(&format!("{effect}call"), "rejected plugin_may_not_call", "");
        plugin.check(&format!("{effect}flood"), "succeeded ", "");
        plugin.check(&format!("{effect}threads"), "succeeded ", "");
        plugin.check("well", "succeeded ", "");
    }
}

#[test]
fn a_process_that_dies_hangs_or_babbles_costs_one_call_its_answer() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    plugin.both("segfault", "plugin_died", "segmentation fault");
    plugin.both("abort", "plugin_died", "abort");
    plugin.both("exit", "plugin_died", "ended with code 0");
    plugin.both("stack", "plugin_died", "its process");
    plugin.both("leak", "plugin_died", "abort");
    plugin.both("loop", "plugin_late", "did not answer within 2500 ms");
    plugin.both("pipes", "plugin_died", "its process");
    plugin.both("scribble", "plugin_answer", "no answer");
    plugin.both("late", "plugin_late", "2500 ms");
    says_something_wrong(&plugin);
}

#[test]
fn a_library_in_the_hub_s_own_process_is_told_from_one_that_is_well_as_far_as_that_goes() {
    let (_folder, library) = hostile(&["-DIN_PROCESS"]);
    let plugin = Opened::of(&library, "hostile", Isolation::InProcess);
    plugin.both("late", "plugin_late", "2500 ms");
    says_something_wrong(&plugin);
    for _ in 0..4 {
        plugin.check("write_loop", "unknown plugin_late", "2500 ms");
    }
    plugin.check("write_well", "not_sent plugin_not_called", "never came back");
    drop(plugin);
    says_something_wrong(&Opened::of(&library, "hostile", Isolation::Inline));
}

#[test]
fn inline_a_call_takes_no_thread_but_its_caller_s_and_one_that_never_comes_back_holds_no_other() {
    let (_folder, library) = hostile(&["-DIN_PROCESS"]);
    let plugin = Opened::of(&library, "hostile", Isolation::Inline);
    let thread = |plugin: &Opened| plugin.call("environment").data.tree()["thread"].as_i64().unwrap();
    let own = i64::from(rustix::thread::gettid().as_raw_nonzero().get());
    assert_eq!(thread(&plugin), own);
    // More than a library is given threads of its own, and none of them comes back while this process lives.
    for _ in 0..20 {
        let (registry, runtime) = (Arc::clone(&plugin.registry), plugin.runtime.handle().clone());
        std::thread::spawn(move || called(&registry, &runtime, "hostile.loop"));
    }
    for _ in 0..100 {
        assert_eq!(thread(&plugin), own);
        plugin.check("well", "succeeded ", "");
    }
    // What calls others has its time all the same.
    let outcome = plugin.compose("composed_loop", json!({ "number": 1 }));
    assert_eq!(outcome.code.as_deref(), Some("plugin_late"), "{outcome:?}");
}

/// A network whose every answer takes so long, by a clock of its own; and whether the hub stops.
#[derive(Default)]
struct Slow {
    passed: AtomicU64,
    /// What each request was given, in seconds, and whether it gives way to a stop.
    given: Mutex<Vec<(u64, bool)>>,
    is_stopping: AtomicBool,
}

const SLOW_SECONDS: u64 = 200;

impl Clock for Slow {
    fn now(&self) -> jiff::Timestamp {
        SystemClock::new().now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.passed.load(Ordering::Relaxed))
    }
}

impl Services for Slow {
    fn secret(&self, _: &str) -> Result<gesher_core::Secret, String> {
        Err("there is none".to_owned())
    }

    fn http(&self, _: &Value, within: Duration, gives_way: bool) -> Result<Value, HttpFault> {
        self.passed.fetch_add(SLOW_SECONDS, Ordering::Relaxed);
        self.given.lock().unwrap().push((within.as_secs(), gives_way));
        Ok(json!({ "status": 200, "headers": {}, "body": "" }))
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

/// How each kind of isolation wants the library compiled.
fn isolations() -> [(Isolation, &'static [&'static str]); 3] {
    [(process(), &[]), (Isolation::InProcess, &["-DIN_PROCESS"]), (Isolation::Inline, &["-DIN_PROCESS"])]
}

#[test]
fn an_operation_that_hangs_is_not_made_to_hang_again_and_costs_those_of_another_kind_nothing() {
    let (_folder, library) = hostile(&["-DIN_PROCESS"]);
    let plugin = Opened::of(&library, "hostile", Isolation::InProcess);
    let late = |numbers: std::ops::Range<u32>| {
        std::thread::scope(|scope| {
            for number in numbers {
                let plugin = &plugin;
                scope.spawn(move || {
                    let outcome = plugin.compose("composed_loop", json!({ "number": number }));
                    assert_eq!(outcome.code.as_deref(), Some("plugin_late"), "{number}: {outcome:?}");
                });
            }
        });
    };
    let refused = |number: u32, words: &str| {
        let Outcome { status, message, .. } = plugin.compose("composed_loop", json!({ "number": number }));
        assert_eq!(status, OutcomeStatus::NotSent, "{message:?}");
        assert!(message.en.contains(words) && message.en.contains("the plugin hostile"), "{message:?}");
    };
    late(0..3);
    for _ in 0..8 {
        refused(0, "the same call was made before and has not come back");
    }
    late(3..4);
    refused(4, "too many of its calls never came back");
    plugin.check("write_well", "succeeded ", "");
}

#[test]
fn a_panic_of_the_hub_while_it_answers_keeps_no_process_and_no_thread() {
    for (isolation, words) in isolations() {
        let (_folder, library) = hostile(words);
        let plugin = Opened::granted(&library, "hostile", isolation, "secret:officeguy.api_key");
        // More than there are of either.
        for _ in 0..20 {
            until("a panic", 30, || {
                catch_unwind(AssertUnwindSafe(|| plugin.call("secrets"))).is_err().then_some(())
            });
            plugin.check("well", "succeeded ", "");
        }
    }
}

#[test]
fn the_requests_of_one_call_have_one_time_and_a_stop_leaves_little_of_it() {
    let (_folder, library) = hostile(&[]);
    let slow = Arc::new(Slow::default());
    let clock = Arc::<Slow>::clone(&slow);
    let plugin = Opened::with(&library, "hostile", process(), clock, Arc::<Slow>::clone(&slow) as _);
    let given = || std::mem::take(&mut *slow.given.lock().unwrap());
    for (operation, gives_way) in [("fetches", true), ("write_fetches", false)] {
        let outcome = plugin.call(operation);
        assert_eq!(outcome.code.as_deref(), Some("plugin_http"), "{outcome:?}");
        assert!(outcome.message.en.contains("300 s"), "{outcome:?}");
        assert_eq!(given(), [(300, gives_way), (100, gives_way)], "{operation}");
    }
    slow.is_stopping.store(true, Ordering::Relaxed);
    let outcome = plugin.call("fetches");
    assert_eq!((outcome.status, outcome.code.as_deref()), (OutcomeStatus::NotSent, Some("stopping")));
    assert_eq!(given(), []);
    // What has begun comes to its end, and soon.
    assert_eq!(plugin.call("write_fetches").code.as_deref(), Some("plugin_http"));
    assert_eq!(given(), [(30, false)]);
}

#[test]
fn an_answer_that_is_too_large_for_a_plugin_is_told_at_once_and_not_as_a_refusal() {
    for (isolation, words) in isolations() {
        let (_folder, library) = hostile(words);
        let plugin = Opened::granted(&library, "hostile", isolation, "http:example.com");
        plugin.check("fetch", "rejected plugin_broke_off", "and a plugin is given 8388608 at most");
        plugin.check("well", "succeeded ", "");
    }
}

#[test]
fn a_thread_that_a_call_left_behind_asks_for_nothing_within_the_next_call() {
    for (isolation, words) in isolations() {
        let (_folder, library) = hostile(words);
        let plugin = Opened::of(&library, "hostile", isolation);
        for round in 0..20 {
            plugin.check("stray", "succeeded ", "");
            let heard = plugin.call("heard");
            assert_eq!(heard.data.tree()["strays"], 0, "round {round}: {heard:?}");
        }
    }
}

/// A frame to a plugin's process.
fn frame(kind: u8, name: &str, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(name.len() + body.len()).unwrap().to_le_bytes();
    let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
    [&length[..], &[kind, 0], &name_length, name.as_bytes(), body].concat()
}

/// The kind and the body of a frame that comes from one.
fn heard(from: &mut impl Read) -> (u8, Vec<u8>) {
    let mut header = [0; 8];
    from.read_exact(&mut header).unwrap();
    let [a, b, c, d, kind, _, e, f] = header;
    let mut body = vec![0; u32::from_le_bytes([a, b, c, d]) as usize];
    from.read_exact(&mut body).unwrap();
    (kind, body.split_off(u16::from_le_bytes([e, f]).into()))
}

#[test]
fn what_a_library_has_started_hears_of_a_stop_and_ends_with_the_hub() {
    let (_folder, library) = hostile(&[]);
    let mut command = Command::new(gesher());
    command.arg("plugin-host").process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let (mut to, mut from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
    to.write_all(&frame(1, "536870912", &std::fs::read(&library.path).unwrap())).unwrap();
    assert_eq!(heard(&mut from).0, 2, "it is ready");
    to.write_all(&frame(4, "call/helper", b"{}")).unwrap();
    let (kind, body) = heard(&mut from);
    let said: Value = serde_json::from_slice(&body).unwrap();
    let pid = Pid::from_raw(i32::try_from(said["data"]["pid"].as_i64().unwrap()).unwrap()).unwrap();
    assert_eq!(kind, 5, "it has answered");
    let ignored = until("the helper", 10, || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        let ignored = u64::from_str_radix(ignored.trim(), 16).ok()?;
        status.starts_with("Name:\tsleep").then_some(ignored)
    });
    for stop in [Signal::TERM, Signal::INT, Signal::HUP] {
        assert_eq!(ignored >> (stop.as_raw() - 1) & 1, 0, "{stop:?}");
    }
    drop(to);
    process.wait().unwrap();
    until("the end of the helper", 10, || is_gone(pid).then_some(()));
}

/// Whether a process has ended. Its first thread may be gone before its others are.
fn is_gone(pid: Pid) -> bool {
    let place = format!("/proc/{}", pid.as_raw_nonzero());
    let Ok(threads) = std::fs::read_dir(format!("{place}/task")) else { return true };
    let is_last = threads.count() <= 1;
    let stat = std::fs::read_to_string(format!("{place}/stat"));
    is_last && stat.map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn a_process_has_nothing_of_the_hub_s() {
    let (folder, library) = hostile(&[]);
    let open = std::fs::File::create(folder.path().join("open")).unwrap();
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    let plugin = Opened::of(&library, "hostile", process());
    let outcome = plugin.call("environment");
    let data = outcome.data.tree();
    assert_eq!(data["path"], "", "{data}");
    // Its two pipes, the one that tells it of the hub's end, and the library itself.
    assert_eq!(data["open"], 4, "{data}");
}

#[test]
fn a_plugin_that_only_fails_is_left_alone_for_longer_and_longer() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    for _ in 0..6 {
        plugin.check("write_abort", "unknown plugin_died", "abort");
    }
    plugin.check("write_abort", "not_sent plugin_not_called", "it failed several times just now");
    plugin.check("abort", "not_sent plugin_not_called", "is tried again in");
}

#[test]
fn a_process_that_ends_while_nobody_uses_it_costs_no_call_its_answer() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    // More often than a plugin that fails would be started again without a pause.
    for _ in 0..8 {
        let pid = plugin.process();
        kill_process(pid, Signal::KILL).unwrap();
        until("the end of the process", 10, || is_gone(pid).then_some(()));
        plugin.check("write_well", "succeeded ", "");
        assert_ne!(plugin.process(), pid);
    }
}

#[test]
fn a_process_that_breaks_off_or_babbles_while_nobody_uses_it_is_not_used_again() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    for _ in 0..4 {
        for how in ["leave", "noise"] {
            let pid = plugin.process();
            let before = threads(pid);
            plugin.check(how, "succeeded ", "");
            // What it does afterwards it does on a thread of its own, which then ends.
            until("the end of its thread", 10, || (threads(pid) <= before).then_some(()));
            plugin.check("write_well", "succeeded ", "");
            assert_ne!(plugin.process(), pid, "{how}");
        }
    }
}

#[test]
fn a_stop_that_a_supervisor_tells_to_all_processes_ends_none_of_a_plugin_s() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    let pid = plugin.process();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        kill_process(pid, signal).unwrap();
        plugin.check("write_well", "succeeded ", "");
    }
    assert_eq!(plugin.process(), pid);
}

#[test]
fn what_a_plugin_does_not_say_of_a_request_is_not_sent_and_what_it_is_compared_by_needs_no_plugin() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    let found = plugin.registry.find("hostile.write_unprepared").unwrap();
    let prepare = || found.prepare("marketplace", json!({ "a": 1 })).unwrap();
    // Each of them costs the plugin a process; in the end it rests.
    for (code, words) in std::iter::repeat_n(("plugin_prepare", "abort"), 6)
        .chain([("plugin_not_called", "it failed several times just now")])
    {
        let mut prepared = prepare();
        let outcome = found.facts(&mut prepared).unwrap_err();
        assert_eq!(prepared.hash, prepare().hash);
        let said = &outcome.message;
        assert_eq!((outcome.status, outcome.code.as_deref()), (OutcomeStatus::NotSent, Some(code)));
        assert!(said.en.contains(words) && said.he.contains("hostile"), "{said:?}");
    }
}

/// The threads of a process; none once it is gone.
fn threads(of: Pid) -> usize {
    std::fs::read_dir(format!("/proc/{}/task", of.as_raw_nonzero())).map_or(0, Iterator::count)
}

/// Threads of plugins in this process.
fn plugin_threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task").unwrap();
    let names = names.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "plugin").count()
}

#[test]
fn threads_that_run_a_library_in_the_hub_s_own_process_are_used_again_and_go_with_it() {
    let (_folder, library) = hostile(&["-DIN_PROCESS"]);
    let plugin = Opened::of(&library, "hostile", Isolation::InProcess);
    let thread = || plugin.call("environment").data.tree()["thread"].clone();
    let first = thread();
    assert!(first.is_i64() && (0..100).all(|_| thread() == first));
    let before = plugin_threads();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| (0..50).for_each(|_| plugin.check("write_well", "succeeded ", "")));
        }
    });
    let more = plugin_threads().saturating_sub(before);
    assert!(more < 16, "{more} threads more for one plugin");
    drop(plugin);
    let (_folder, library) = hostile(&[]);
    let _in_its_place = Opened::of(&library, "hostile", process());
    until("the threads' way home", 10, || (plugin_threads() < before).then_some(()));
}

#[track_caller]
fn refused(library: &Library, name: &str, isolation: Isolation, words: &str) {
    let Err(error) = Plugin::open(spec(library, name, isolation.clone()), Arc::new(SystemClock::new()))
    else {
        panic!("{words}: it was opened")
    };
    let chain: Vec<String> = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source())
        .map(ToString::to_string)
        .collect();
    assert!(chain.join(": ").contains(words), "{isolation:?}: `{words}` is not in {chain:?}");
}

#[test]
fn a_library_that_is_not_what_it_should_be_is_not_used() {
    for (isolation, _) in isolations() {
        for (words, want) in [
            (&["-DSYMBOL=other_symbol"][..], "no symbol `gesher_plugin_v1`"),
            (&["-DABI=2"], "version 2 of the interface"),
            (&["-DSIZE=8"], "too short"),
            (&["-DBAD_MANIFEST"], "manifest cannot be read"),
            (&["-DNOTHING"], "nowhere"),
        ] {
            let (_folder, library) = hostile(words);
            refused(&library, "hostile", isolation.clone(), want);
        }
        let (folder, library) = hostile(&[]);
        refused(&library, "another", isolation.clone(), "is the plugin `hostile`");
        let other = Library { sha256: Sha256::of(b"another"), path: library.path.clone() };
        refused(&other, "hostile", isolation.clone(), "another library");
        let text = folder.path().join("text.so");
        std::fs::write(&text, "no library at all").unwrap();
        refused(&Library::at(text), "hostile", isolation.clone(), "the system cannot load it");
        let gone = Library { path: folder.path().join("gone.so"), ..other };
        refused(&gone, "hostile", isolation.clone(), "cannot be read");
        let nothing = Library { path: folder.path().to_owned(), ..gone };
        refused(&nothing, "hostile", isolation, "it is no file");
    }
    let (_folder, library) = hostile(&["-DDIES_WHEN_LOADED"]);
    refused(&library, "hostile", process(), "segmentation fault");
}

#[test]
fn a_library_that_was_changed_after_it_was_opened_changes_nothing() {
    let (_folder, library) = hostile(&[]);
    let plugin = Opened::of(&library, "hostile", process());
    std::fs::write(&library.path, "another library").unwrap();
    plugin.check("write_abort", "unknown plugin_died", "abort");
    plugin.check("well", "succeeded ", "");
}

#[test]
fn a_plugin_of_another_version_of_rust_is_loaded() {
    let others = libraries::other_toolchains();
    if others.is_empty() {
        return gesher_tests::skip(
            "a_plugin_of_another_version_of_rust_is_loaded",
            "there is one toolchain only",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    for toolchain in &others {
        let bare = libraries::rust_alone(folder.path(), BARE, Some(toolchain));
        for isolation in [process(), Isolation::InProcess] {
            let plugin = Opened::of(&bare, "bare", isolation);
            assert_eq!(plugin.call("length").status.as_str(), "succeeded", "{toolchain}");
        }
    }
}

#[test]
fn a_plugin_of_another_compiler_or_of_no_crate_at_all_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let bare = libraries::rust_alone(folder.path(), BARE, None);
    let plugin = Opened::of(&bare, "bare", process());
    assert_eq!(
        plugin.call("length").data.tree()["length"],
        json!({ "reference": null, "request": {} }).to_string().len()
    );
    plugin.check("panic", "unknown plugin_died", "abort");
    drop(plugin);
    let plugin = Opened::of(&bare, "bare", Isolation::InProcess);
    assert_eq!(plugin.call("length").status.as_str(), "succeeded");
    drop(plugin);
    let greeting = libraries::c(folder.path(), "greeting", "plugins/greeting-c/greeting.c", &["-std=c11"]);
    assert!(Path::new(&greeting.path).is_file());
    drop(Opened::of(&greeting, "greeting", process()));
    drop(Opened::of(&greeting, "greeting", Isolation::InProcess));
}
