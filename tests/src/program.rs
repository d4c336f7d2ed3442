//! The program under test, and one call of it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::SystemTime;

/// Names a program to test instead of the one that this workspace builds.
const PROGRAM_VARIABLE: &str = "GESHER_TEST_PROGRAM";

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os(PROGRAM_VARIABLE) {
    Some(path) => PathBuf::from(path),
    // The words of `cargo xtask test`: the features of a dependency follow from them, and others would compile half the
    // workspace twice.
    None => build_if_stale("gesher", &["--workspace", "--tests", "--bins"]),
});

/// Names a program with failpoints and mutants instead of the one that this workspace builds.
const CRASH_PROGRAM_VARIABLE: &str = "GESHER_TEST_CRASH_PROGRAM";

static CRASH_PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os(CRASH_PROGRAM_VARIABLE) {
    Some(path) => PathBuf::from(path),
    None => build_if_stale("gesher-crash", &CRASH_BUILD),
});

/// What builds the program with failpoints: the same words as in `cargo xtask test`.
const CRASH_BUILD: [&str; 5] =
    ["--workspace", "--bin", "gesher-crash", "--features", "gesher/failpoints,gesher/mutants"];

/// The `gesher` of this workspace, built when it is missing or stale.
pub fn gesher() -> &'static Path {
    &PROGRAM
}

/// The same program with failpoints and mutants, which has a name of its own.
pub fn gesher_crash() -> &'static Path {
    &CRASH_PROGRAM
}

/// A program beside the tests. It is built when a source of the hub is younger than it.
fn build_if_stale(name: &str, words: &[&str]) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let program = profile.join(name);
    let sources = ["crates", "scripts", "Cargo.toml", "Cargo.lock"].map(|name| workspace().join(name));
    let newest = sources.iter().filter_map(|path| changed(path)).max();
    if changed(&program) > newest {
        return program;
    }
    let target = profile.parent().expect("a profile lies in the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet"]).args(words).arg("--target-dir").arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let output = cargo.current_dir(workspace()).output().expect("cargo starts");
    assert!(output.status.success(), "the build failed: {}", String::from_utf8_lossy(&output.stderr));
    program
}

/// When a file, or the youngest file below a folder, was last changed. What only tests read does not count.
fn changed(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return path.metadata().and_then(|metadata| metadata.modified()).ok();
    }
    let entries = std::fs::read_dir(path).ok()?.flatten().map(|entry| entry.path());
    let counts = |path: &PathBuf| !path.ends_with("tests") && !path.ends_with("benches");
    entries.filter(counts).filter_map(|path| changed(&path)).max()
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace")
}

/// What a finished program said.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// Standard output as one JSON object a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("no JSON ({error}): {line:?} in {self:?}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Everything it said.
    pub fn words(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// A call of the program without what this terminal set for its own hubs.
pub fn command() -> Command {
    command_of(gesher())
}

/// The same of another program.
pub fn command_of(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GESHER_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs a program to its end, with `input` on its standard input.
pub fn run(command: &mut Command, input: Option<&str>) -> Output {
    use std::io::Write;
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        // A program that refuses its arguments may be gone before it reads.
        drop(pipe.write_all(input.as_bytes()));
    }
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
