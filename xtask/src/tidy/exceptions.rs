//! The written exceptions to the rules: one a line, `path | rule | reason`. `#` begins a remark.
//!
//! An exception covers one rule in one file. One that covers nothing any more is itself a fault, so that the file
//! shrinks as the tree gets better.

use super::{EXCEPTIONS, Finding, RULES};

const RULE: &str = "exceptions";

struct Exception<'a> {
    line: usize,
    path: &'a str,
    rule: &'a str,
}

/// The findings that no exception covers, and the faults of the exceptions themselves.
pub(super) fn apply(findings: Vec<Finding>, listed: &str) -> Vec<Finding> {
    let mut left = Vec::new();
    let exceptions = parse(listed, &mut left);
    for exception in &exceptions {
        if !findings.iter().any(|finding| covers(exception, finding)) {
            let what = format!(
                "nothing breaks `{}` in {} any more; take the line out",
                exception.rule, exception.path
            );
            left.push(fault(exception.line, what));
        }
    }
    left.extend(
        findings.into_iter().filter(|finding| !exceptions.iter().any(|exception| covers(exception, finding))),
    );
    left
}

fn covers(exception: &Exception<'_>, finding: &Finding) -> bool {
    exception.path == finding.path && exception.rule == finding.rule
}

fn parse<'a>(listed: &'a str, faults: &mut Vec<Finding>) -> Vec<Exception<'a>> {
    let mut exceptions = Vec::new();
    for (at, text) in listed.lines().enumerate() {
        let line = at + 1;
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = text.splitn(3, '|').map(str::trim).collect();
        match parts[..] {
            [path, rule, reason] if !reason.is_empty() => {
                if !RULES.iter().any(|known| known.name == rule) {
                    faults.push(fault(line, format!("there is no rule `{rule}`; mend its name")));
                }
                exceptions.push(Exception { line, path, rule });
            }
            _ => faults.push(fault(line, "write it as `path | rule | reason`, with a reason".to_owned())),
        }
    }
    exceptions
}

fn fault(line: usize, what: String) -> Finding {
    Finding { path: EXCEPTIONS.to_owned(), line, rule: RULE, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listed: &str, want: &[&str]) {
        let finding = Finding { path: "a.rs".into(), line: 7, rule: "length", what: String::new() };
        let left = apply(vec![finding], listed);
        assert_eq!(left.iter().map(|f| format!("{}:{}", f.path, f.line)).collect::<Vec<_>>(), want);
    }

    #[test]
    fn an_exception_covers_its_rule_in_its_file() {
        check("", &["a.rs:7"]);
        check("# a remark\n\na.rs | length | a table\n", &[]);
    }

    #[test]
    fn an_exception_that_covers_nothing_is_a_fault() {
        check("b.rs | length | was long\n", &["xtask/tidy-exceptions.txt:1", "a.rs:7"]);
        check("a.rs | clock | other rule\n", &["xtask/tidy-exceptions.txt:1", "a.rs:7"]);
    }

    #[test]
    fn an_exception_has_a_known_rule_and_a_reason() {
        check("a.rs | length |\n", &["xtask/tidy-exceptions.txt:1", "a.rs:7"]);
        check("a.rs length\n", &["xtask/tidy-exceptions.txt:1", "a.rs:7"]);
        check("a.rs | size | x\n", &["xtask/tidy-exceptions.txt:1", "xtask/tidy-exceptions.txt:1", "a.rs:7"]);
    }
}
