//! `cargo xtask test`: sets up, builds, runs every test and counts them honestly.
//!
//! The test harness prints a result line for each program it runs. This file adds them up, notices programs that ended
//! without one, and takes from the passed those tests that wrote down that they could not run here.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::shell::{self, Failure, Workspace};
use crate::{crash, setup};

/// Names the file to which a test that cannot run here appends one line, `name: reason`, before it returns. The
/// harness shows nothing that a passing test prints, so a file is the only way to be counted.
const SKIPS_VARIABLE: &str = "GESHER_TEST_SKIPS";

/// What the harness said so far.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Test programs that announced their tests and have not given a result line.
    open: usize,
    /// `name: reason` of the tests that the harness ignored.
    reasons: Vec<String>,
}

impl Tally {
    /// Takes in one line of the harness's output; most lines mean nothing here.
    fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")) {
            self.open += 1;
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.open = self.open.saturating_sub(1);
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
        } else if let Some((name, verdict)) =
            line.strip_prefix("test ").and_then(|line| line.split_once(" ... ignored"))
        {
            let reason = verdict.strip_prefix(", ").unwrap_or("ignored");
            self.reasons.push(format!("{name}: {reason}"));
        }
    }

    /// The closing line. A program that died without a result is one failure; a test that skipped itself did not pass.
    fn summary(&self, skips: usize) -> Summary {
        Summary {
            passed: self.passed.saturating_sub(skips),
            failed: self.failed + self.open,
            skipped: self.ignored + skips,
        }
    }
}

#[derive(Debug, PartialEq)]
struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// The number before `word` in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> usize {
    let words: Vec<&str> = counts.split([' ', ';']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|found| *found == word).unwrap_or(0);
    at.checked_sub(1).and_then(|number| words[number].parse().ok()).unwrap_or(0)
}

pub(crate) fn run(workspace: &Workspace, filters: &[String]) -> Result<(), Failure> {
    setup::install_missing(workspace, setup::TESTS)?;
    let skips = skips_file(workspace)?;
    shell::timed("build", || {
        shell::run(&mut workspace.cargo(["build", "--workspace", "--tests", "--bins"]))
    })?;
    shell::timed("build what the crash tests kill", || crash::build_program(workspace))?;

    let mut command = workspace.cargo(test_arguments(filters));
    command.env(SKIPS_VARIABLE, &skips);
    let (tally, success) = stream(&mut command)?;

    let skips = fs::read_to_string(&skips).unwrap_or_default();
    let skips = distinct_lines(&skips);
    let mut reasons = tally.reasons.clone();
    reasons.extend(skips.iter().map(|line| (*line).to_owned()));
    if !reasons.is_empty() {
        println!("\nskipped:");
        reasons.iter().for_each(|reason| println!("  {reason}"));
    }
    let summary = tally.summary(skips.len());
    if tally.open > 0 {
        println!("\ntest programs that ended without a result: {}", tally.open);
    }
    if !success && summary.failed == 0 {
        println!("\ncargo failed though no test did: its message is above");
    }
    println!("\n{} passed, {} failed, {} skipped", summary.passed, summary.failed, summary.skipped);
    if success && summary.failed == 0 { Ok(()) } else { Err(Failure::told()) }
}

/// Plain words are filters for the harness, any number of them. With an option among them, cargo gets all as they are.
fn test_arguments(filters: &[String]) -> Vec<String> {
    let has = |names: &[&str]| filters.iter().any(|filter| names.contains(&filter.as_str()));
    let options = filters.iter().any(|filter| filter.starts_with('-'));
    let mut arguments = vec!["test".to_owned(), "--no-fail-fast".to_owned()];
    if !has(&["-p", "--package"]) {
        arguments.push("--workspace".to_owned());
    }
    if !options && !filters.is_empty() {
        arguments.push("--".to_owned());
    }
    arguments.extend_from_slice(filters);
    arguments
}

/// A new, empty file in the build folder.
fn skips_file(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let metadata = workspace.metadata()?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let path = Path::new(target).join("test-skips.txt");
    fs::create_dir_all(target)
        .and_then(|()| fs::write(&path, ""))
        .map_err(|error| Failure::fault(format!("could not write {}: {error}", path.display())))?;
    Ok(path)
}

fn distinct_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Runs the tests, passing on each line as it comes.
fn stream(command: &mut Command) -> Result<(Tally, bool), Failure> {
    let broken =
        |error: std::io::Error| Failure::fault(format!("the output of `cargo test` broke off: {error}"));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::fault(format!("could not start `cargo test`: {error}")))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut terminal = std::io::stdout().lock();
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).map_err(broken)? > 0 {
            terminal.write_all(&line).map_err(broken)?;
            tally.read(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child.wait().map_err(broken)?;
    Ok((tally, status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, skips: usize, want: (usize, usize, usize)) {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        let (passed, failed, skipped) = want;
        assert_eq!(tally.summary(skips), Summary { passed, failed, skipped });
    }

    const TWO_PROGRAMS: &str = "
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.00s

running 1 test
test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";

    #[test]
    fn the_results_of_all_programs_are_added_up() {
        check(TWO_PROGRAMS, 0, (12, 2, 1));
    }

    #[test]
    fn a_test_that_skipped_itself_is_skipped_and_not_passed() {
        check(TWO_PROGRAMS, 2, (10, 2, 3));
    }

    #[test]
    fn a_program_that_dies_without_a_result_is_a_failure() {
        check(
            "running 7 tests\nrunning 1 test\ntest result: ok. 1 passed; 0 failed; 0 ignored",
            0,
            (1, 1, 0),
        );
    }

    #[test]
    fn no_output_is_no_test() {
        check("", 0, (0, 0, 0));
    }

    #[test]
    fn an_ignored_test_is_listed_with_its_reason() {
        let mut tally = Tally::default();
        tally.read("test store::postgres ... ignored, needs a server");
        tally.read("test store::other ... ignored");
        assert_eq!(tally.reasons, ["store::postgres: needs a server", "store::other: ignored"]);
    }

    #[test]
    fn a_skip_written_twice_counts_once() {
        assert_eq!(distinct_lines("b: x\n\na: y\nb: x\n"), ["a: y", "b: x"]);
    }

    #[track_caller]
    fn check_arguments(filters: &[&str], want: &str) {
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        assert_eq!(test_arguments(&filters).join(" "), want);
    }

    #[test]
    fn filters_go_to_the_harness_and_options_to_cargo() {
        check_arguments(&[], "test --no-fail-fast --workspace");
        check_arguments(&["drop", "money"], "test --no-fail-fast --workspace -- drop money");
        check_arguments(&["-p", "gesher-core", "money"], "test --no-fail-fast -p gesher-core money");
        check_arguments(
            &["drop", "--", "--nocapture"],
            "test --no-fail-fast --workspace drop -- --nocapture",
        );
    }
}
