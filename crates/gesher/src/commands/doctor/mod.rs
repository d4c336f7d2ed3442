//! `doctor`: looks whether everything that the hub needs is in order, a line a check, and changes nothing; and
//! `doctor --adopt-intents`, which takes over what only the intent log knows.
//!
//! What a check finds is decided here and in `checks`; opening, reading and asking is everybody else's as always.

mod accounts;
mod alerts;
mod checks;

use crate::compose::lock::{HubLock, Role};
use crate::compose::require_sound;
use crate::compose::store::{journal_path, open_with_log};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::{Clock, SystemClock};
use gesher_engine::journal::Guard;
use serde_json::json;
use std::path::Path;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In order.
    Well,
    /// The hub works, and somebody should look.
    Look,
    /// The hub cannot work, with the exit code of that.
    Fault(Exit),
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Look => "look",
            Self::Fault(_) => "fault",
        }
    }
}

/// One check and what it found.
#[derive(Debug)]
struct Check {
    name: String,
    state: State,
    found: String,
    /// What to do about it; empty where nothing is to be done.
    mend: String,
}

impl Check {
    fn new(name: impl Into<String>, state: State, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name: name.into(), state, found: found.into(), mend: mend.into() }
    }

    fn well(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, State::Well, found, "")
    }

    fn look(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Look, found, mend)
    }

    fn failed(name: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Fault(Exit::Failed), found, mend)
    }

    /// A fault with the words, the hint and the exit code of an error.
    fn of(name: impl Into<String>, error: &HubError) -> Self {
        let mend = error.hint_text().unwrap_or_default();
        Self::new(name, State::Fault(error.exit()), error.chain(), mend)
    }
}

/// Runs every check of the hub at `root`.
pub async fn run(output: Output, root: &Path) -> Result<Exit, HubError> {
    let checks = match Config::load(root) {
        Err(faults) => vec![checks::configuration_faults(&faults)],
        Ok(config) => {
            super::banner(output, &config);
            let mut all = checks::of_configuration(&config)?;
            all.extend(checks::of_journal(&config).await);
            all.extend(checks::of_vault(&config).await);
            all.extend(accounts::tried(&config).await);
            all.extend(checks::of_disks(&config));
            all.extend(checks::of_folders(&config));
            all.push(checks::versions());
            all
        }
    };
    Ok(told(output, &checks))
}

fn told(output: Output, checks: &[Check]) -> Exit {
    let mut exit = Exit::Well;
    let mut table = TextTable::new(&["check", "is", "found"]);
    for check in checks {
        if let State::Fault(fault) = check.state {
            exit = exit.and(fault);
        }
        output.json(&json!({
            "check": check.name, "is": check.state.word(), "found": check.found,
            "mend": (!check.mend.is_empty()).then_some(&check.mend),
        }));
        table.row([check.name.clone(), check.state.word().to_owned(), check.found.clone()]);
    }
    output.text(&table.render());
    for check in checks.iter().filter(|check| !check.mend.is_empty()) {
        output.text(&format!("{}: {}", check.name, check.mend));
    }
    exit
}

/// Takes over, as unknown, what the intent log says was begun and the journal does not know.
pub async fn adopt(output: Output, config: &Config) -> Result<Exit, HubError> {
    require_sound(config)?;
    if !journal_path(config).is_file() {
        return Err(HubError::usage("this hub has no journal, and without one nothing can be taken over")
            .hint("put a backup in its place first: `gesher restore FILE`"));
    }
    let _lock = HubLock::require(config, Role::Mend).await?;
    let now = SystemClock::new().now();
    let journal = open_with_log(config, now)?;
    if journal.guard() == Guard::Complete {
        output.text("the journal knows everything that the intent log does; nothing was taken over");
        return Ok(Exit::Well);
    }
    let steps = journal.adopt_intents(now).await.doing("taking over what only the intent log knows")?;
    for step in &steps {
        output.json(&json!({ "adopted": step.to_string(), "state": "unknown" }));
        output.text(&format!("{step} is unknown now: nobody can tell from here whether it was carried out"));
    }
    let many = if steps.len() == 1 { "1 step".to_owned() } else { format!("{} steps", steps.len()) };
    output.note(&format!(
        "{many} taken over; none of them is sent again. `gesher unknown list` shows them, and \
         `gesher unknown reconcile` looks them up at the provider"
    ));
    Ok(Exit::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_worst_fault_and_a_look_is_none() {
        let check = |state| Check::new("x", state, "", "");
        for (states, want) in [
            (vec![State::Well, State::Look], Exit::Well),
            (vec![State::Fault(Exit::Usage), State::Look], Exit::Usage),
            (vec![State::Fault(Exit::Usage), State::Fault(Exit::Failed)], Exit::Failed),
            (vec![], Exit::Well),
        ] {
            let checks: Vec<Check> = states.into_iter().map(check).collect();
            assert_eq!(told(Output::new(true), &checks), want, "{checks:?}");
        }
    }
}
