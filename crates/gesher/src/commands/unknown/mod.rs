//! `unknown`: what the hub does not know, for the people who can find out. Beside a hub that runs, and without one.

mod list;
mod reconcile;
mod resolve;
mod words;

use crate::cli::UnknownCommand;
use crate::config::Config;
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use gesher_core::StepId;
use gesher_engine::EngineError;

/// Runs one of the commands.
pub async fn run(output: Output, config: Config, command: UnknownCommand) -> Result<Exit, HubError> {
    super::banner(output, &config);
    match command {
        UnknownCommand::List => list::run(output, &config).await,
        UnknownCommand::Reconcile(args) => reconcile::run(output, config, args.step).await,
        UnknownCommand::Resolve(args) => resolve::resolve(output, &config, args).await,
        UnknownCommand::Unlock(args) => resolve::unlock(output, &config, args).await,
    }
}

fn no_step(step: &StepId) -> HubError {
    HubError::usage(format!("there is no step {step}")).hint("`gesher unknown list` lists what is unknown")
}

/// What a person asked for and cannot have is no failure of the hub's.
fn failure(error: EngineError, doing: &str) -> HubError {
    match error {
        EngineError::NoStep(step) => no_step(&step),
        EngineError::Refused { why } => HubError::usage(why.en),
        other => HubError::failed(doing).because(other),
    }
}
