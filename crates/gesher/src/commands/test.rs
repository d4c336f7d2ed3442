//! `test`: the scripts' own tests, each with its place and what it wanted when it fails; and which lines of the scripts
//! they ran.

use crate::cli::TestArgs;
use crate::compose::store::time_zone;
use crate::compose::{scripts_folder, shown};
use crate::config::{Config, Fault};
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::plugins;
use gesher_core::Registry;
use gesher_script::script_test::{SUFFIX, Setting, Suite, TestResult};
use gesher_script::{CompileOptions, Coverage, ScriptFault};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders inside one another that are looked through for files of tests.
const FOLDERS_DEEP_MAX: usize = 16;

/// Runs the tests of a hub's scripts.
pub fn run(output: Output, config: &Config, args: &TestArgs) -> Result<Exit, HubError> {
    let registry = Arc::new(plugins::vocabulary(config)?);
    let files = files(config)?;
    let (mut suites, mut faults) = (Vec::new(), Vec::new());
    for file in &files {
        match open(config, file, &registry) {
            Ok(opened) => suites.push((named(config, file), opened)),
            Err(found) => faults.extend(found),
        }
    }
    if !faults.is_empty() {
        return Err(HubError::faults(faults));
    }
    let (mut passed, mut failed) = (0_usize, 0_usize);
    let mut covered = Covered::default();
    for (file, opened) in &suites {
        let suite = &opened.suite;
        for name in suite.names().filter(|name| is_wanted(args, file, name)) {
            let Some(result) = suite.run(name).doing("a test cannot be started")? else { continue };
            *(if result.failure.is_none() { &mut passed } else { &mut failed }) += 1;
            print(output, file, &result);
        }
        // Of scripts whose tests were filtered out nothing is known.
        if suite.names().any(|name| is_wanted(args, file, name)) {
            covered.note(config, opened);
        }
    }
    if passed + failed == 0 {
        return none_ran(output, args, files.len());
    }
    covered.print(output);
    output.text(&format!("\n{}", summary(passed, failed)));
    Ok(if failed == 0 { Exit::Well } else { Exit::Partly })
}

/// A file of tests, and the folder that its script's files are called from.
struct Opened {
    suite: Suite,
    folder: PathBuf,
}

/// Which lines ran, by file, line and name of their function. A file that several scripts import is tested by all of
/// their tests.
#[derive(Default)]
struct Covered(BTreeMap<(String, usize, String), BTreeMap<usize, bool>>);

impl Covered {
    fn note(&mut self, config: &Config, opened: &Opened) {
        let functions = opened.suite.coverage().map(Coverage::functions).unwrap_or_default();
        for function in functions {
            let file = named(config, &opened.folder.join(&function.file));
            let lines = self.0.entry((file, function.line, function.name)).or_default();
            for (line, ran) in function.lines {
                *lines.entry(line).or_default() |= ran;
            }
        }
    }

    /// One line a function.
    fn print(&self, output: Output) {
        let called = |file: &str, line: usize, name: &str| format!("{file}:{line} {name}");
        let width = self.0.keys().map(|(file, line, name)| called(file, *line, name).chars().count()).max();
        if !self.0.is_empty() {
            output.text("\nlines that ran");
        }
        for ((file, line, name), lines) in &self.0 {
            let missed: Vec<usize> = lines.iter().filter(|(_, ran)| !**ran).map(|(line, _)| *line).collect();
            let (all, ran) = (lines.len(), lines.len() - missed.len());
            output.json(&json!({
                "file": file, "function": name, "line": line, "lines": all, "ran": ran, "missed": missed,
            }));
            let not = if missed.is_empty() { String::new() } else { format!("; not {}", spans(&missed)) };
            let width = width.unwrap_or_default();
            output.text(&format!("  {:width$}  {ran} of {all}{not}", called(file, *line, name)));
        }
    }
}

/// Lines in their order, neighbours as one span: `3, 7-9`.
fn spans(lines: &[usize]) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for line in lines {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *line => *last = *line,
            _ => spans.push((*line, *line)),
        }
    }
    let shown = spans.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn is_wanted(args: &TestArgs, file: &str, test: &str) -> bool {
    args.filter.as_ref().is_none_or(|filter| format!("{file}::{test}").contains(filter.as_str()))
}

fn none_ran(output: Output, args: &TestArgs, files: usize) -> Result<Exit, HubError> {
    if let Some(filter) = &args.filter {
        let hint = "`gesher test` without a filter runs all tests";
        return Err(HubError::usage(format!("no test has {filter} in its name")).hint(hint));
    }
    output.text(match files {
        0 => "no tests: write functions `fn test_…()` in scripts/NAME.test.rhai, beside scripts/NAME.rhai",
        _ => "the files of tests have no function `fn test_…()`",
    });
    Ok(Exit::Well)
}

fn summary(passed: usize, failed: usize) -> String {
    match failed {
        0 => format!("{passed} passed"),
        _ => format!("{passed} passed, {failed} failed"),
    }
}

fn print(output: Output, file: &str, result: &TestResult) {
    let failure = result.failure.as_ref();
    let place = failure.map_or(&result.place, |failure| &failure.place);
    output.json(&json!({
        "file": file,
        "test": result.name,
        "ok": failure.is_none(),
        "line": place.line,
        "column": place.column,
        "message": failure.map(|failure| failure.message.as_str()),
        "expected": failure.and_then(|failure| failure.expected.as_deref()),
        "actual": failure.and_then(|failure| failure.actual.as_deref()),
        "log": result.log,
    }));
    let Some(failure) = failure else {
        output.text(&format!("ok      {file}::{}", result.name));
        return;
    };
    output.text(&format!("FAILED  {file}::{}", result.name));
    output.text(&indented(&failure.render()));
    if !result.log.is_empty() {
        output.text(&indented(&format!("its log:\n{}", result.log.join("\n"))));
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}\n")).collect()
}

/// A file as it is called from the hub's folder.
fn named(config: &Config, file: &Path) -> String {
    file.strip_prefix(&config.root).unwrap_or(file).display().to_string()
}

fn open(config: &Config, file: &Path, registry: &Arc<Registry>) -> Result<Opened, Vec<Fault>> {
    let folder = scripts_folder(config, file);
    let name = file.to_string_lossy();
    let script = PathBuf::from(format!("{}.rhai", name.strip_suffix(SUFFIX).unwrap_or(&name)));
    if !script.is_file() {
        let what = format!("the script {} that it tests is not there", named(config, &script));
        let (text, mend) = (String::new(), "name a file of tests like its script".to_owned());
        return Err(vec![Fault { file: named(config, file), line: 1, column: 1, text, what, mend }]);
    }
    let shown = |faults: Vec<ScriptFault>| -> Vec<Fault> {
        faults.iter().map(|fault| shown(config, &folder, fault)).collect()
    };
    let options = CompileOptions { covered: true, ..CompileOptions::default() };
    let program = gesher_script::compile(&folder, &script, registry, &options).map_err(shown)?;
    let setting = Setting { language: config.language, time_zone: time_zone(config) };
    let suite = Suite::open(&folder, file, program, Arc::clone(registry), setting).map_err(shown)?;
    Ok(Opened { suite, folder })
}

/// Every file of tests: below the scripts folder, and beside scripts that lie elsewhere.
fn files(config: &Config) -> Result<Vec<PathBuf>, HubError> {
    let mut found = BTreeSet::new();
    let usual = config.root.join("scripts");
    if usual.is_dir() {
        collect(&usual, FOLDERS_DEEP_MAX, &mut found)?;
    }
    for flow in &config.flows {
        let script = config.root.join(&flow.script);
        if let Some(folder) = script.parent().filter(|folder| !folder.starts_with(&usual) && folder.is_dir())
        {
            collect(folder, 0, &mut found)?;
        }
    }
    Ok(found.into_iter().collect())
}

fn collect(folder: &Path, deeper: usize, found: &mut BTreeSet<PathBuf>) -> Result<(), HubError> {
    let unreadable = format!("the folder {} cannot be read", folder.display());
    for entry in std::fs::read_dir(folder).doing(unreadable.as_str())? {
        let path = entry.doing(unreadable.as_str())?.path();
        if path.is_dir() && deeper > 0 {
            collect(&path, deeper - 1, found)?;
        } else if path.is_file() && path.to_string_lossy().ends_with(SUFFIX) {
            found.insert(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_lines_are_one_span() {
        for (lines, want) in [(&[3][..], "3"), (&[3, 4], "3-4"), (&[1, 3, 4, 5, 9], "1, 3-5, 9"), (&[], "")] {
            assert_eq!(spans(lines), want);
        }
    }
}
