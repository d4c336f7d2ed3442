//! `cargo xtask fuzz`: gives random bytes to whatever reads what comes from outside, until it breaks a promise.
//!
//! What a target does with its bytes is the matter of the workspace in `fuzz`. Here are only the call, and what it needs: a
//! nightly compiler and `cargo-fuzz`, which nothing else needs.

use crate::nearest;
use crate::shell::{self, Failure, Workspace};
use std::process::Stdio;

/// How long a target runs where nobody says.
const SECONDS_DEFAULT: u64 = 60;
/// Seconds that one input may take; scripts may take two by their own limit, and debug assertions slow them down.
const INPUT_SECONDS_MAX: u64 = 25;
/// Bytes of one input. What is larger finds nothing that smaller inputs do not.
const INPUT_BYTES_MAX: usize = 16 << 10;

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Wanted {
    target: Option<String>,
    seconds: u64,
}

/// Runs one target, or all of them, one after the other.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let wanted = read(arguments)?;
    let manifest = std::fs::read_to_string(workspace.root.join("fuzz/Cargo.toml"))
        .map_err(|error| Failure::fault(format!("fuzz/Cargo.toml cannot be read: {error}")))?;
    let targets = targets(&manifest);
    let chosen = match &wanted.target {
        None => targets,
        Some(name) if targets.contains(&name.as_str()) => vec![name.as_str()],
        Some(name) => {
            let guess = nearest::nearest(name, &targets);
            return Err(Failure::usage(format!("there is no target `{name}`; did you mean `{guess}`?")));
        }
    };
    require_tools(workspace)?;
    for target in chosen {
        println!("{target}: {} seconds", wanted.seconds);
        let grown = workspace.root.join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&grown)
            .map_err(|error| Failure::fault(format!("{} cannot be made: {error}", grown.display())))?;
        let mut fuzz = workspace.command("rustup");
        // Safe code needs no sanitizer, and is fuzzed several times as fast without.
        fuzz.args(["run", "nightly", "cargo", "fuzz", "run", "--sanitizer", "none", target]);
        fuzz.arg(&grown).arg(workspace.root.join("fuzz/kept").join(target)).args([
            "--".to_owned(),
            format!("-max_total_time={}", wanted.seconds),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-max_len={INPUT_BYTES_MAX}"),
            "-print_final_stats=1".to_owned(),
        ]);
        // The pinned compiler of this repository would win over the one that is named.
        fuzz.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTFLAGS");
        shell::run(&mut fuzz)?;
    }
    Ok(())
}

fn read(arguments: &[String]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted { target: None, seconds: SECONDS_DEFAULT };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--seconds" {
            let seconds = rest.next().and_then(|text| text.parse().ok());
            wanted.seconds = seconds
                .ok_or_else(|| Failure::usage("--seconds takes a whole number, as in --seconds 600"))?;
        } else if argument.starts_with('-') || wanted.target.is_some() {
            return Err(Failure::usage("write `cargo xtask fuzz [TARGET] [--seconds N]`"));
        } else {
            wanted.target = Some(argument.clone());
        }
    }
    Ok(wanted)
}

/// The targets of the fuzz workspace, in the order of its manifest.
fn targets(manifest: &str) -> Vec<&str> {
    let parts = manifest.split("[[bin]]").skip(1);
    parts.filter_map(|part| part.split_once("name = \"")?.1.split('"').next()).collect()
}

fn require_tools(workspace: &Workspace) -> Result<(), Failure> {
    let mut asked = workspace.command("rustup");
    asked.args(["run", "nightly", "cargo", "fuzz", "--version"]).env_remove("RUSTUP_TOOLCHAIN");
    let found = asked.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Failure::fault(
        "fuzzing needs a nightly compiler and cargo-fuzz: rustup toolchain install nightly && cargo install cargo-fuzz",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_time_are_read_in_any_order() {
        let read = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            read(&words).map_err(|failure| failure.to_string())
        };
        let wanted =
            |target: Option<&str>, seconds| Ok(Wanted { target: target.map(str::to_owned), seconds });
        assert_eq!(read(""), wanted(None, SECONDS_DEFAULT));
        assert_eq!(read("csv --seconds 600"), wanted(Some("csv"), 600));
        assert_eq!(read("--seconds 5 csv"), wanted(Some("csv"), 5));
        for wrong in ["--seconds", "--seconds x", "csv script", "--fast"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_target_of_the_manifest_is_known() {
        let manifest =
            "[package]\nname = \"all\"\n[[bin]]\nname = \"one\"\npath = \"a\"\n[[bin]]\nname = \"two\"\n";
        assert_eq!(targets(manifest), ["one", "two"]);
    }
}
