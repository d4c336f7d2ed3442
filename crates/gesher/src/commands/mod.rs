//! The commands, each in a file of its own; and from what was typed to the one that runs.

pub mod backup;
pub mod check;
pub mod completions;
pub mod decide;
pub mod definitions;
pub mod demo;
pub mod dev;
pub mod doctor;
pub mod dry_run;
pub mod hooks;
pub mod new;
pub mod operations;
pub mod plugins;
pub mod run;
pub mod runs;
pub mod schedule;
pub mod secrets;
pub mod serve;
pub mod show;
pub mod simulate;
pub mod test;
pub mod unknown;
pub mod vendors;

use crate::cli::{Cli, Command, Page};
use crate::compose::store::Store;
use crate::config::{Config, FlowConfig};
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use std::future::Future;

/// What every surface of a hub that runs its own simulator says first.
pub const BANNER: &str = "SIMULATOR: this hub charges nobody; all money here is make-believe";

/// Runs the command that was typed. A failure is printed once, here.
pub fn dispatch(cli: Cli) -> Exit {
    let output = Output::new(cli.json);
    match run(output, cli) {
        Ok(exit) => exit,
        Err(error) => {
            output.failure(&error);
            error.exit()
        }
    }
}

/// Says what is wrong with what was typed, or prints the help that was asked for. Under `--json` a fault is the same
/// document as that of any failure.
pub fn misread(error: &clap::Error) -> Exit {
    // A reader that went away is no fault of the hub's.
    drop(error.print());
    if !error.use_stderr() {
        return Exit::Well;
    }
    let asks_for_json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    Output::new(asks_for_json).failure_document(&misread_words(error));
    Exit::Usage
}

fn misread_words(error: &clap::Error) -> HubError {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return HubError::usage("a command is missing").hint("`gesher --help` lists the commands");
    }
    let text = error.render().to_string();
    let one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = text.split("\n\n").map(one_line).filter(|part| !part.is_empty());
    let what = parts.next().unwrap_or_default();
    let hint = parts.collect::<Vec<_>>().join("; ");
    HubError::usage(what.trim_start_matches("error: ")).hint(hint)
}

fn run(output: Output, cli: Cli) -> Result<Exit, HubError> {
    let load = || Config::load(&cli.hub).map_err(HubError::faults);
    match cli.command {
        Command::New(args) => new::run(output, &args),
        Command::Operations(args) => operations::run(output, &cli.hub, args.name.as_deref()),
        Command::Definitions(args) => definitions::run(output, &cli.hub, &args),
        Command::Plugins(args) => plugins::run(output, &cli.hub, args.command),
        Command::Completions(args) => Ok(completions::run(output, &args)),
        Command::Reference(args) => {
            output.raw(&match args.page {
                Page::Operations => operations::reference()?,
                Page::Commands => completions::reference(),
                Page::Config => crate::config::reference::page(),
            });
            Ok(Exit::Well)
        }
        Command::Check => block_on(check::run(output, &cli.hub)),
        Command::Demo(args) => block_on(demo::run(output, &args)),
        Command::Test(args) => test::run(output, &load()?, &args),
        Command::Serve => block_on(serve::run(output, load()?, serve::Way::Serve)),
        Command::Dev => block_on(dev::run(output, &cli.hub)),
        Command::Run(args) => block_on(run::run(output, load()?, &args)),
        Command::Schedule(args) => schedule::run(output, &load()?, &args),
        Command::Runs(args) => block_on(runs::run(output, &load()?, &args)),
        Command::Show(args) => block_on(show::run(output, &load()?, &args)),
        Command::Backup(args) => block_on(backup::back_up(output, &load()?, &args)),
        Command::Restore(args) => block_on(backup::restore(output, &load()?, &args)),
        Command::Doctor(args) if args.adopt_intents => block_on(doctor::adopt(output, &load()?)),
        Command::Doctor(_) => block_on(doctor::run(output, &cli.hub)),
        Command::Resume(args) => {
            block_on(decide::run(output, &load()?, &args, gesher_engine::journal::DecisionKind::Resume))
        }
        Command::Cancel(args) => {
            block_on(decide::run(output, &load()?, &args, gesher_engine::journal::DecisionKind::Cancel))
        }
        Command::Approve(args) => {
            block_on(decide::run(output, &load()?, &args, gesher_engine::journal::DecisionKind::Approve))
        }
        Command::Reject(args) => {
            block_on(decide::run(output, &load()?, &args, gesher_engine::journal::DecisionKind::Reject))
        }
        Command::Unknown(command) => block_on(unknown::run(output, load()?, command)),
        Command::Vendors(args) => block_on(vendors::run(output, load()?, args.command)),
        Command::Hooks(command) => block_on(hooks::run(output, &load()?, command)),
        Command::Simulate(args) => block_on(simulate::run(output, &args)),
        Command::Secrets(command) => {
            let config = load()?;
            block_on(async move { secrets::run(output, &config, &Store::open(&config)?, command).await })
        }
    }
}

/// Says that a hub's money is make-believe, on every surface that shows some.
fn banner(output: Output, config: &Config) {
    if config.is_simulated() {
        output.note(BANNER);
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, HubError>>) -> Result<T, HubError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .doing("the runtime cannot be started")?;
    runtime.block_on(work)
}

/// The flow of that name, or a refusal with the nearest one.
pub fn flow_of<'a>(config: &'a Config, name: &str) -> Result<&'a FlowConfig, HubError> {
    config.flow(name).ok_or_else(|| {
        let names = config.flows.iter().map(|flow| flow.name.as_str());
        let hint = crate::config::value::did_you_mean(name, names);
        let known: Vec<&str> = config.flows.iter().map(|flow| flow.name.as_str()).collect();
        HubError::usage(format!("there is no flow {name}{hint}"))
            .hint(format!("the flows are: {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_wrong_command_line_says_what_is_wrong_in_one_sentence() {
        for (line, want) in [
            ("gesher", "a command is missing"),
            ("gesher frobnicate", "unrecognized subcommand 'frobnicate'"),
            ("gesher --json demo --rows 0", "invalid value '0' for '--rows <N>': 0 is not in 1..=100000"),
            ("gesher show", "the following required arguments were not provided: <RUN>"),
        ] {
            let error = misread_words(&Cli::try_parse_from(line.split(' ')).unwrap_err());
            assert_eq!(error.to_string(), want, "{line}");
            assert_eq!(error.exit(), Exit::Usage);
            assert!(error.hint_text().is_some_and(|hint| hint.contains("--help")), "{line}");
        }
    }
}
