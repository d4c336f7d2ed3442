//! Rules on the shape of a file: its opening comment, its length, nothing unfinished, no path of somebody's machine;
//! and the closed list of files of `gesher-core`.

use super::Report;
use super::tree::Tree;
use super::walls::has_word;

/// Lines of a Rust file outside tests. A longer one is two things, and becomes two files.
const FILE_LINES_MAX: usize = 500;

/// Words that mark unfinished work in a comment.
const UNFINISHED_WORDS: &[&str] = &["TODO", "FIXME", "XXX"];

/// Macros that mark unfinished work in code.
const UNFINISHED_MACROS: &[&str] = &["todo!", "unimplemented!"];

/// The vocabulary is closed: a crate that everything needs grows for ever unless growing takes a decision.
const CORE_FILES: &[&str] = &[
    "caller.rs",
    "card.rs",
    "check.rs",
    "descriptor.rs",
    "failpoint.rs",
    "ids.rs",
    "item.rs",
    "json.rs",
    "key.rs",
    "language.rs",
    "lib.rs",
    "limits.rs",
    "look_up.rs",
    "money.rs",
    "names.rs",
    "operation.rs",
    "outcome.rs",
    "redact.rs",
    "registry.rs",
    "secret.rs",
    "shape.rs",
    "time.rs",
];

/// Hosts of package registries, and folders of the machines that build. Written in halves, so that this file is clean.
const FOREIGN_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("npmjs", ".org"),
    concat!("proxy.golang", ".org"),
];
const FOREIGN_FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

pub(super) fn module_doc(tree: &Tree, report: &mut Report) {
    for file in tree.rust().filter(|file| !file.text.starts_with("//!")) {
        report.find(&file.path, 1, "the file does not say what it is for; begin it with a `//!` comment");
    }
}

pub(super) fn length(tree: &Tree, report: &mut Report) {
    for file in tree.rust() {
        if let Some((number, _)) = file.own_lines().nth(FILE_LINES_MAX) {
            let count = file.own_lines().count();
            let what = format!(
                "{count} lines outside tests, {FILE_LINES_MAX} are allowed; split the file by what it does"
            );
            report.find(&file.path, number, what);
        }
    }
}

pub(super) fn unfinished(tree: &Tree, report: &mut Report) {
    for file in tree.rust() {
        for (at, line) in file.lines.iter().enumerate() {
            let word = UNFINISHED_WORDS.iter().find(|word| has_word(&line.comment, word));
            let found = word.or_else(|| UNFINISHED_MACROS.iter().find(|name| has_word(&line.code, name)));
            if let Some(found) = found {
                report.find(
                    &file.path,
                    at + 1,
                    format!("`{found}` marks unfinished work; finish it, or take it out"),
                );
            }
        }
    }
}

pub(super) fn core_files(tree: &Tree, report: &mut Report) {
    const FOLDER: &str = "crates/gesher-core/src/";
    for file in tree.files.iter().filter(|file| file.path.starts_with(FOLDER)) {
        if !CORE_FILES.contains(&&file.path[FOLDER.len()..]) {
            let what = "gesher-core is a closed list of files; put this where it is used, or widen `CORE_FILES` in \
                        xtask/src/tidy/shape.rs on purpose";
            report.find(&file.path, 1, what);
        }
    }
}

pub(super) fn foreign_path(tree: &Tree, report: &mut Report) {
    for file in tree.files.iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (at, line) in file.text.lines().enumerate() {
            let host = FOREIGN_HOSTS.iter().find(|host| line.contains(**host));
            let found = host.or_else(|| FOREIGN_FOLDERS.iter().find(|folder| has_absolute(line, folder)));
            if let Some(found) = found {
                let what =
                    format!("`{found}` belongs to a registry or to the machine that builds; leave it out");
                report.find(&file.path, at + 1, what);
            }
        }
    }
}

/// Whether the folder stands in the line as the beginning of a path, not in the middle of one.
fn has_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-/}>)".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::super::check_rule;
    use super::*;

    #[test]
    fn a_rust_file_begins_with_what_it_is_for() {
        check_rule("module-doc", &[("a.rs", "//! A.\n"), ("b.rs", "// B.\n"), ("c.toml", "")], &["b.rs:1"]);
        check_rule("module-doc", &[("empty.rs", "")], &["empty.rs:1"]);
    }

    #[test]
    fn a_file_has_at_most_five_hundred_lines_outside_tests() {
        let long = "x();\n".repeat(FILE_LINES_MAX);
        let longer = format!("{long}y();\n");
        let tested = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n{long}");
        check_rule("length", &[("a.rs", &long), ("b.rs", &longer), ("c.rs", &tested)], &["b.rs:501"]);
        check_rule("length", &[("crates/a/tests/b.rs", &longer), ("tests/src/c.rs", &longer)], &[]);
    }

    #[test]
    fn nothing_is_left_unfinished() {
        check_rule(
            "unfinished",
            &[("a.rs", "// TODO: x\n// FIXME\n/* XXX */\ntodo!()\nunimplemented!()\n")],
            &["a.rs:1", "a.rs:2", "a.rs:3", "a.rs:4", "a.rs:5"],
        );
        check_rule("unfinished", &[("a.rs", "// XXXX-1234 todos\nlet a = \"TODO\"; not_todo!();\n")], &[]);
    }

    #[test]
    fn core_is_a_closed_list() {
        check_rule(
            "core-files",
            &[("crates/gesher-core/src/lib.rs", ""), ("crates/gesher-core/Cargo.toml", "")],
            &[],
        );
        check_rule(
            "core-files",
            &[("crates/gesher-core/src/util.rs", "")],
            &["crates/gesher-core/src/util.rs:1"],
        );
    }

    #[test]
    fn no_file_names_a_registry_or_a_building_machine() {
        let host = format!("see {}\n", FOREIGN_HOSTS[0]);
        let folder = format!("\nin `{}x`\n", FOREIGN_FOLDERS[0]);
        check_rule(
            "foreign-path",
            &[("a.md", &host), ("b.toml", &folder), ("Cargo.lock", &host)],
            &["a.md:1", "b.toml:2"],
        );
        let innocent = format!("inbox{}x and $HOME{0} and inbox/.wo\n", FOREIGN_FOLDERS[0]);
        check_rule("foreign-path", &[("a.md", &innocent)], &[]);
    }
}
