//! `cargo xtask`: set up, test, lint, tidy, generate, measure, crash.
//!
//! One table of commands; help and the choice of a command are loops over it. Each command lives in a file of its
//! own. Nothing here knows how Gesher works: this program depends on none of its crates, so that it compiles in
//! seconds and runs also when they do not compile.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer reads this program's output in a terminal"
)]

mod bench;
mod crash;
mod fuzz;
mod generate;
mod header;
mod lint;
mod nearest;
mod setup;
mod shell;
mod test_run;
mod tidy;

use std::process::ExitCode;

use shell::{Failure, Workspace};

/// One command of `cargo xtask`.
struct Command {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&Workspace, &[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        arguments: "[FILTER…]",
        summary: "install what the tests need, build, run every test, count them",
        run: test_run::run,
    },
    Command {
        name: "lint",
        arguments: "",
        summary: "format, clippy, documentation, tidy and generated pages, stopping at the first fault",
        run: lint::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        summary: "the house rules that a compiler does not know",
        run: tidy::run,
    },
    Command {
        name: "generate",
        arguments: "[--check]",
        summary: "write the reference pages, or say which of them are stale",
        run: generate::run,
    },
    Command {
        name: "bench",
        arguments: "[ARGS…]",
        summary: "measure a release build; the arguments go to the benchmark",
        run: bench::run,
    },
    Command {
        name: "crash",
        arguments: "[ARGS…]",
        summary: "kill the hub at every point under every fault, and compare what is left; --help tells more",
        run: crash::run,
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET] [--seconds N]",
        summary: "give random bytes to whatever reads what comes from outside; needs a nightly compiler and cargo-fuzz",
        run: fuzz::run,
    },
    Command { name: "help", arguments: "", summary: "this list", run: help },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match choose_and_run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                eprintln!("xtask: {text}");
            }
            ExitCode::from(failure.code)
        }
    }
}

fn choose_and_run(arguments: &[String]) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", arguments),
    };
    let name = if matches!(name, "-h" | "--help") { "help" } else { name };
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(&workspace, rest),
        None => Err(unknown_command(name)),
    }
}

fn unknown_command(name: &str) -> Failure {
    let known: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let guess = nearest::nearest(name, &known);
    Failure::usage(format!(
        "there is no command `{name}`; did you mean `{guess}`? `cargo xtask help` lists them"
    ))
}

fn help(_: &Workspace, _: &[String]) -> Result<(), Failure> {
    print!("{}", help_text());
    Ok(())
}

fn help_text() -> String {
    let lines: String = COMMANDS
        .iter()
        .map(|command| {
            let call = format!("{} {}", command.name, command.arguments);
            format!("  cargo xtask {call:<21} {}\n", command.summary)
        })
        .collect();
    format!("Tasks of this repository:\n\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_has_one_line_for_every_command() {
        let help = help_text();
        for command in COMMANDS {
            let lines = help.lines().filter(|line| line.contains(&format!("xtask {} ", command.name)));
            assert_eq!(lines.count(), 1, "{}", command.name);
        }
    }

    #[test]
    fn an_unknown_command_is_a_usage_error_that_names_the_nearest() {
        for (typed, meant) in
            [("tets", "test"), ("linter", "lint"), ("generat", "generate"), ("tiddy", "tidy")]
        {
            let failure = unknown_command(typed);
            assert_eq!(failure.code, 2);
            assert!(failure.to_string().contains(&format!("did you mean `{meant}`")), "{failure}");
        }
    }
}
