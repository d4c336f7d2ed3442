//! Rules on what may be named where: providers, the engine, connections, clocks, randomness, `unsafe`, the one path,
//! and what a secret may never implement.
//!
//! They search texts for words, so a determined author can go round them. They are here for the honest mistake; the
//! lints of `clippy.toml` say the same to the compiler where it can know.

use super::Report;
use super::tree::{File, Tree};

/// Crates that speak to one provider.
const PROVIDER_CRATES: &[&str] = &["gesher-officeguy", "gesher-senzey"];

/// The names of providers, which the engine must not know.
const PROVIDERS: &[&str] = &["officeguy", "senzey"];

/// What opens a connection to elsewhere.
const OUTBOUND: &[&str] =
    &["TcpStream::connect", "TcpSocket::new", "UdpSocket::bind", "reqwest::", "hyper::client"];

/// What reads a clock or makes randomness.
const CLOCKS: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Utc::now",
    "Local::now",
    "SystemRandom",
    "getrandom",
    "rand::",
    "fastrand::",
    "Uuid::new_v4",
    "Uuid::now_v7",
];

/// The runtime's timer may be read: it measures waiting, tests can pause it, and it never enters the journal.
const TIMER: &str = "tokio::time::Instant::now";

/// Calls that reach a provider's operation, and the crates on the one path that may make them.
const ONE_PATH: &[(&str, &[&str])] =
    &[(".perform(", &["gesher-engine", "gesher-provider", "gesher-officeguy", "gesher-senzey"])];

/// Whether the word stands in the line with no letter, digit or underscore attached to either end that has one.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (first, last) = (word.starts_with(is_word), word.ends_with(is_word));
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word);
        !(first && before || last && after)
    })
}

fn is_in(file: &File, crates: &[&str]) -> bool {
    file.hub_crate().is_some_and(|name| crates.contains(&name))
}

/// The texts of the lines of a file that are not tests: code, comments and strings.
fn own_texts(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let test = |at: usize| file.lines.get(at).is_some_and(|line| line.test);
    file.text.lines().enumerate().filter(move |(at, _)| !test(*at)).map(|(at, text)| (at + 1, text))
}

pub(super) fn provider_name(tree: &Tree, report: &mut Report) {
    for file in tree.rust().filter(|file| is_in(file, &["gesher-engine"])) {
        for (number, text) in own_texts(file) {
            let text = text.to_lowercase();
            if let Some(name) = PROVIDERS.iter().find(|name| text.contains(**name)) {
                let what = format!(
                    "the engine names the provider `{name}`; pass what it needs in the operation's table"
                );
                report.find(&file.path, number, what);
            }
        }
    }
}

pub(super) fn engine_name(tree: &Tree, report: &mut Report) {
    let providers =
        tree.rust().filter(|file| is_in(file, PROVIDER_CRATES) || is_in(file, &["gesher-provider"]));
    for file in providers {
        for (number, text) in own_texts(file) {
            if text.contains("gesher_engine") || text.contains("gesher-engine") {
                let what = "a provider names the engine; answer what it asks instead of asking it";
                report.find(&file.path, number, what);
            }
        }
    }
}

pub(super) fn outbound(tree: &Tree, report: &mut Report) {
    for (file, number, line) in tree.hub_lines().filter(|(file, ..)| !is_in(file, &["gesher-provider"])) {
        if let Some(found) = OUTBOUND.iter().find(|pattern| has_word(&line.code, pattern)) {
            let what = format!(
                "`{found}` opens a connection; only gesher-provider does, so call through its transport"
            );
            report.find(&file.path, number, what);
        }
    }
}

pub(super) fn clock(tree: &Tree, report: &mut Report) {
    for (file, number, line) in tree.hub_lines().filter(|(file, ..)| !is_in(file, &["gesher-core"])) {
        let timer = if imports_timer(file) { "Instant::now" } else { TIMER };
        let code = line.code.replace(timer, "");
        if let Some(found) = CLOCKS.iter().find(|pattern| has_word(&code, pattern)) {
            let what = format!(
                "`{found}` reads a clock or makes randomness; ask gesher-core, so that it can be replayed"
            );
            report.find(&file.path, number, what);
        }
    }
}

/// Whether `Instant` in this file is the runtime's. Clippy's ban still holds for the one of the standard library.
fn imports_timer(file: &File) -> bool {
    file.own_lines()
        .any(|(_, line)| line.code.starts_with("use tokio::time::") && has_word(&line.code, "Instant"))
}

/// Tests are held to it too: a plugin's boundary is the only place where `unsafe` has a reason.
pub(super) fn unsafe_code(tree: &Tree, report: &mut Report) {
    for file in tree.rust().filter(|file| !file.hub_crate().is_some_and(|name| name.contains("plugin"))) {
        for (at, _) in file.lines.iter().enumerate().filter(|(_, line)| has_word(&line.code, "unsafe")) {
            let what = "`unsafe` is for the plugin crates; find the safe way";
            report.find(&file.path, at + 1, what);
        }
    }
}

pub(super) fn one_path(tree: &Tree, report: &mut Report) {
    for (file, number, line) in tree.hub_lines() {
        for (pattern, crates) in ONE_PATH {
            if has_word(&line.code, pattern) && !is_in(file, crates) {
                let what =
                    format!("`{pattern}` goes round `Engine::call`; call the operation through the engine");
                report.find(&file.path, number, what);
            }
        }
    }
}

/// A secret prints as `[secret]` and is written nowhere, so these traits are not for it.
pub(super) fn secret(tree: &Tree, report: &mut Report) {
    for (file, number, line) in tree.hub_lines() {
        let implements =
            ["Display for Secret", "Serialize for Secret"].iter().any(|text| has_word(&line.code, text));
        let derives = has_word(&line.code, "struct Secret") && derives_above(file, number);
        if implements || derives {
            let what = "a secret has no `Display`, no `Serialize` and a `Debug` written by hand; take the trait away";
            report.find(&file.path, number, what);
        }
    }
}

/// Whether the attributes directly above the line derive a trait that would show what is inside.
fn derives_above(file: &File, number: usize) -> bool {
    let above = file.lines[..number - 1].iter().rev();
    above
        .take_while(|line| line.code.trim().is_empty() || line.code.trim_start().starts_with("#["))
        .any(|line| ["Debug", "Display", "Serialize"].iter().any(|name| has_word(&line.code, name)))
}

#[cfg(test)]
mod tests {
    use super::super::check_rule;
    use super::*;

    const ENGINE: &str = "crates/gesher-engine/src/a.rs";
    const OFFICEGUY: &str = "crates/gesher-officeguy/src/a.rs";
    const PROVIDER: &str = "crates/gesher-provider/src/a.rs";
    const CORE: &str = "crates/gesher-core/src/lib.rs";

    #[test]
    fn a_word_stands_alone() {
        for (line, word, want) in [
            ("rand::random()", "rand::", true),
            ("Operand::new()", "rand::", false),
            ("x.perform(y)", ".perform(", true),
            ("#![deny(unsafe_code)]", "unsafe", false),
            ("unsafe { x }", "unsafe", true),
        ] {
            assert_eq!(has_word(line, word), want, "{line}");
        }
    }

    #[test]
    fn the_engine_names_no_provider() {
        check_rule(
            "provider-name",
            &[(ENGINE, "//! x\n// as OfficeGuy does\nf(\"senzey\");\n")],
            &["crates/gesher-engine/src/a.rs:2", "crates/gesher-engine/src/a.rs:3"],
        );
        check_rule(
            "provider-name",
            &[(ENGINE, "#[cfg(test)]\nmod tests { \"officeguy\" }\n"), (CORE, "// senzey")],
            &[],
        );
    }

    #[test]
    fn a_provider_names_no_engine() {
        check_rule(
            "engine-name",
            &[(OFFICEGUY, "use gesher_engine::Engine;\n")],
            &["crates/gesher-officeguy/src/a.rs:1"],
        );
        check_rule("engine-name", &[(ENGINE, "gesher_engine::x"), (OFFICEGUY, "// the engine asks")], &[]);
    }

    #[test]
    fn only_the_transport_opens_connections() {
        let code = "tokio::net::TcpStream::connect(a);\nreqwest::Client::new();\n";
        check_rule(
            "outbound",
            &[(OFFICEGUY, code)],
            &["crates/gesher-officeguy/src/a.rs:1", "crates/gesher-officeguy/src/a.rs:2"],
        );
        check_rule(
            "outbound",
            &[(PROVIDER, code), ("tests/src/x.rs", code), ("crates/gesher/tests/x.rs", code)],
            &[],
        );
    }

    #[test]
    fn only_core_reads_clocks_and_randomness() {
        check_rule(
            "clock",
            &[(ENGINE, "SystemTime::now();\nInstant::now();\nring::rand::SystemRandom::new();\n")],
            &[
                "crates/gesher-engine/src/a.rs:1",
                "crates/gesher-engine/src/a.rs:2",
                "crates/gesher-engine/src/a.rs:3",
            ],
        );
        let allowed =
            "// Instant::now\nlet a = \"Zoned::now\";\ntokio::time::Instant::now();\nOperand::new();\n";
        check_rule("clock", &[(ENGINE, allowed), (CORE, "SystemTime::now();")], &[]);
        check_rule("clock", &[(ENGINE, "use tokio::time::{Instant, sleep};\nInstant::now();\n")], &[]);
        check_rule(
            "clock",
            &[(ENGINE, "use tokio::time::sleep;\nInstant::now();\n")],
            &["crates/gesher-engine/src/a.rs:2"],
        );
    }

    #[test]
    fn unsafe_is_for_plugins() {
        let code = "unsafe { f() }\n";
        let elsewhere = [(ENGINE, code), ("tests/src/x.rs", code), ("xtask/src/x.rs", code)];
        check_rule(
            "unsafe",
            &elsewhere,
            &["crates/gesher-engine/src/a.rs:1", "tests/src/x.rs:1", "xtask/src/x.rs:1"],
        );
        check_rule("unsafe", &[("crates/gesher-plugin-host/src/x.rs", code)], &[]);
    }

    #[test]
    fn every_call_goes_through_the_engine() {
        let code = "client.perform(step);\n";
        check_rule(
            "one-path",
            &[("crates/gesher-script/src/a.rs", code)],
            &["crates/gesher-script/src/a.rs:1"],
        );
        check_rule("one-path", &[(ENGINE, code), ("tests/src/x.rs", code)], &[]);
    }

    #[test]
    fn a_secret_shows_itself_to_no_trait() {
        check_rule(
            "secret",
            &[(CORE, "impl<T> fmt::Display for Secret<T> {}\nimpl Serialize for Secret {}\n")],
            &["crates/gesher-core/src/lib.rs:1", "crates/gesher-core/src/lib.rs:2"],
        );
        check_rule(
            "secret",
            &[(CORE, "#[derive(Clone, Debug)]\n/// X.\npub struct Secret(String);\n")],
            &["crates/gesher-core/src/lib.rs:3"],
        );
        check_rule(
            "secret",
            &[(CORE, "#[derive(Debug)]\nstruct A;\n#[derive(Clone)]\nstruct Secret;\n")],
            &[],
        );
    }
}
