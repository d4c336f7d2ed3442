//! Every operation is in its provider's table: what the compiler cannot miss, since an unlisted one is merely unused.

use super::Report;
use super::tree::Tree;

/// How an operation is written, and how the table names it.
const FORMS: &[(&str, &str)] =
    &[("impl Operation for ", "OperationEntry::of::<"), ("impl Plain for ", "plain::<")];

/// An operation by the folder of its provider's operations, and its type's name.
#[derive(Clone, PartialEq)]
struct Operation {
    folder: String,
    name: String,
    path: String,
    line: usize,
}

pub(super) fn operations(tree: &Tree, report: &mut Report) {
    for (implemented, listed) in FORMS {
        form(tree, report, implemented, listed);
    }
}

fn form(tree: &Tree, report: &mut Report, implemented: &str, table: &str) {
    let implemented = occurrences(tree, implemented);
    let mut listed = occurrences(tree, table);
    for operation in implemented {
        let same = |entry: &Operation| (&entry.folder, &entry.name) == (&operation.folder, &operation.name);
        match listed.iter().position(same) {
            Some(at) => drop(listed.remove(at)),
            None => {
                let what = format!(
                    "`{}` is in no table; add `{table}{}>()` to OPERATIONS",
                    operation.name, operation.name
                );
                report.find(&operation.path, operation.line, what);
            }
        }
    }
    for entry in listed {
        let what =
            format!("`{}` is listed twice, or is no operation of this folder; take the line out", entry.name);
        report.find(&entry.path, entry.line, what);
    }
}

/// Where the pattern stands under `operations/`, with the last part of the type's path that follows it.
fn occurrences(tree: &Tree, pattern: &str) -> Vec<Operation> {
    let mut found = Vec::new();
    for (file, line, text) in tree.hub_lines() {
        let Some((folder, _)) = file.path.split_once("/operations/") else { continue };
        for (at, _) in text.code.match_indices(pattern) {
            let rest = &text.code[at + pattern.len()..];
            let end = rest
                .find(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter)))
                .unwrap_or(rest.len());
            let name = rest[..end].rsplit(':').next().unwrap_or_default();
            found.push(Operation {
                folder: folder.to_owned(),
                name: name.to_owned(),
                path: file.path.clone(),
                line,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::check_rule;

    const MOD: &str = "crates/gesher-officeguy/src/operations/mod.rs";
    const CHARGE: (&str, &str) =
        ("crates/gesher-officeguy/src/operations/charge.rs", "//! x\nimpl Operation for Charge {}\n");

    #[test]
    fn an_operation_that_is_listed_is_silent() {
        check_rule("operations", &[CHARGE, (MOD, "&[\n    OperationEntry::of::<charge::Charge>(),\n]")], &[]);
    }

    #[test]
    fn an_operation_that_is_not_listed_is_found() {
        let found = "crates/gesher-officeguy/src/operations/charge.rs:2";
        check_rule("operations", &[CHARGE, (MOD, "&[]")], &[found]);
        check_rule("operations", &[CHARGE, (MOD, "&[] // OperationEntry::of::<Charge>()")], &[found]);
    }

    #[test]
    fn an_operation_of_the_short_form_is_looked_for_too() {
        let path = "crates/gesher-officeguy/src/operations/customers.rs";
        let short = (path, "//! x\nimpl Plain for CreateCustomer {}\n");
        check_rule("operations", &[short, (MOD, "plain::<customers::CreateCustomer>(),")], &[]);
        check_rule("operations", &[short, (MOD, "&[]")], &[&format!("{path}:2")]);
    }

    #[test]
    fn a_line_for_no_operation_is_found() {
        let twice = "OperationEntry::of::<Charge>(),\nOperationEntry::of::<Charge>(),\n";
        check_rule(
            "operations",
            &[CHARGE, (MOD, twice)],
            &["crates/gesher-officeguy/src/operations/mod.rs:2"],
        );
    }

    #[test]
    fn each_provider_has_its_own_table() {
        let other = ("crates/gesher-senzey/src/operations/mod.rs", "OperationEntry::of::<Charge>(),\n");
        check_rule(
            "operations",
            &[CHARGE, other],
            &[
                "crates/gesher-officeguy/src/operations/charge.rs:2",
                "crates/gesher-senzey/src/operations/mod.rs:1",
            ],
        );
    }
}
