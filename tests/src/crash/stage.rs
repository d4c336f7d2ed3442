//! Plays a case: hub and simulator in processes of their own, kills at failpoints, restarts, until nothing moves.

use super::case::{Case, Kill};
use super::check::{self, Violation};
use super::evidence::{self, Evidence};
use super::rows::{self, AGAIN, FILE, ONE, REFUSED, TWIN};
use crate::Hub;
use crate::files::names_in;
use crate::program::gesher_crash;
use crate::serve::{Background, simulate};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use tempfile::TempDir;

/// Between two looks.
const LOOK_MS: u64 = 10;

/// What came of a case.
#[derive(Debug)]
pub struct Played {
    /// The case.
    pub case: String,
    /// Kills that happened.
    pub kills: usize,
    /// Kills whose point was not passed.
    pub missed: usize,
    /// Steps that ended unknown or in conflict, by their cause, before anybody looked them up.
    pub unknown: BTreeMap<String, usize>,
    /// Of those, how many a look-up closed.
    pub closed: usize,
    /// What is not as it has to be.
    pub violations: Vec<Violation>,
}

/// Plays a case to its end, and checks what it left behind.
pub fn play(case: &Case) -> Played {
    let mut stage = Stage::set(case);
    let mut violations = Vec::new();
    if let Err(violation) = stage.run_through(case) {
        violations.push(violation);
    }
    if case.kills_surely && stage.missed > 0 {
        violations.push(Violation::of("no kill", "the failpoint was not passed"));
    }
    let (mut unknown, mut closed) = (BTreeMap::new(), 0);
    if let Some(evidence) = stage.seen(case, &mut violations) {
        unknown = evidence.unknown();
    }
    if !unknown.is_empty() && violations.is_empty() {
        // What nobody knows is looked up, at a provider that does nothing wrong any more.
        let asked = stage.hub.cmd(&["unknown", "reconcile", "--json"]);
        if !matches!(asked.code, 0 | 3) {
            violations.push(Violation::of("unknown reconcile", asked.words()));
        }
        if let Some(evidence) = stage.seen(case, &mut violations) {
            violations.extend(check::still_unknown(&evidence));
            closed = unknown.values().sum::<usize>() - evidence.unknown().values().sum::<usize>();
        }
    }
    if !violations.is_empty() {
        violations.push(Violation::of("seen", stage.hub.listing()));
    }
    Played { case: case.to_string(), kills: stage.kills, missed: stage.missed, unknown, closed, violations }
}

/// A hub and its provider, set up for a case.
pub struct Stage {
    /// The hub.
    pub hub: Hub,
    /// The provider's ledger.
    pub ledger: PathBuf,
    _provider: TempDir,
    _simulator: Background,
    kills: usize,
    missed: usize,
}

/// How a life of the hub ended.
enum End {
    Killed,
    AtRest,
}

impl Stage {
    /// Sets it up. Nothing runs but the simulator.
    pub fn set(case: &Case) -> Self {
        let provider = tempfile::tempdir().unwrap();
        let plan = provider.path().join("faults.toml");
        std::fs::write(&plan, case.fault.plan(&rows::TARGETS)).unwrap();
        let (simulator, base_url) = simulate(provider.path(), &["--faults", plan.to_str().unwrap()]);
        let mut hub = Hub::bulk("en", &base_url);
        let mutant: Vec<(&str, &str)> = case.mutant.iter().map(|name| ("GESHER_MUTANT", *name)).collect();
        hub.use_program(gesher_crash(), &mutant);
        // An answer that comes has to come within it, however busy the machine is with other cases.
        hub.set("officeguy", "timeout", "\"3s\"");
        hub.set("dashboard", "listen", "\"127.0.0.1:0\"");
        hub.set("flow.bulk-charge", "concurrency", &case.concurrency.to_string());
        // So that of three rows and more some are written down while they wait for others to come back.
        hub.set("officeguy", "max_in_flight", &(case.concurrency * 2).div_ceil(3).to_string());
        hub.write("scripts/charge.rhai", rows::SCRIPT);
        let ledger = provider.path().join("ledger.jsonl");
        Self { hub, ledger, _provider: provider, _simulator: simulator, kills: 0, missed: 0 }
    }

    /// Drops the files of every case but the last.
    pub fn drop_files(&self) {
        for (name, bytes) in [
            (REFUSED, rows::refused_csv().to_owned()),
            (FILE, rows::csv(&rows::ROWS, "a")),
            (ONE, rows::csv(&[rows::ONE_ROW], "a")),
            (TWIN, rows::csv(&[rows::ONE_ROW], "a")),
        ] {
            self.hub.drop_file(name, bytes);
        }
    }

    /// What lies there now, if it can be read, and what of it is not as it has to be.
    fn seen(&self, case: &Case, violations: &mut Vec<Violation>) -> Option<Evidence> {
        // What a broken hub leaves behind may be such that it cannot even be read.
        let collect = || evidence::collect(&self.hub, &self.ledger, case, self.kills);
        let seen = catch_unwind(AssertUnwindSafe(collect));
        match seen.unwrap_or_else(|_| Err(Violation::of("no evidence", "it could not be gathered"))) {
            Ok(evidence) => {
                violations.extend(check::violations(&evidence));
                Some(evidence)
            }
            Err(violation) => {
                violations.push(violation);
                None
            }
        }
    }

    /// All lives of the hub.
    fn run_through(&mut self, case: &Case) -> Result<(), Violation> {
        self.drop_files();
        for kill in &case.kills {
            match self.live(Some(kill), case.patience_seconds)? {
                End::Killed => self.kills += 1,
                End::AtRest => self.missed += 1,
            }
        }
        self.last_life(case.patience_seconds)
    }

    /// A life that comes to its end, and the last file.
    fn last_life(&self, seconds: u64) -> Result<(), Violation> {
        self.live(None, seconds)?;
        self.hub.drop_file(AGAIN, rows::csv(&rows::ROWS, "b"));
        self.live(None, seconds).map(drop)
    }

    /// A life that comes to its end, the last file, and what was left behind after so many kills.
    pub fn finish(&self, case: &Case, kills: usize) -> Result<Evidence, Violation> {
        self.last_life(case.patience_seconds)?;
        evidence::collect(&self.hub, &self.ledger, case, kills)
    }

    /// Starts a life and does not wait. `failpoint` is as in the environment.
    pub fn start(&self, failpoint: Option<&str>) -> Background {
        let mut command = self.hub.command();
        if let Some(failpoint) = failpoint {
            command.env("GESHER_FAILPOINT", failpoint);
        }
        Background::start(command.arg("serve"), self.hub.next_words_file())
    }

    /// One life: until it kills itself, or until everything is at rest and it is asked to stop.
    fn live(&self, kill: Option<&Kill>, seconds: u64) -> Result<End, Violation> {
        let failpoint = kill.map(|kill| format!("{}:{}", kill.point, kill.nth));
        let mut process = self.start(failpoint.as_deref());
        for _ in 0..seconds * 1000 / LOOK_MS {
            if !process.runs() {
                let killed = process.wait_signal() == Some(9);
                return match killed {
                    true => Ok(End::Killed),
                    false => Err(Violation::of("serve ended", process.words())),
                };
            }
            // Before it is ready it would not know that it was asked to stop.
            if process.words().contains("ready: ") && self.is_at_rest() {
                process.sigterm();
                let code = process.wait_exit().code;
                // The last points lie behind what can be seen in the folder.
                return match (code, process.wait_signal()) {
                    (0, _) => Ok(End::AtRest),
                    (_, Some(9)) => Ok(End::Killed),
                    _ => Err(Violation::of("serve ended", process.words())),
                };
            }
            crate::nap(LOOK_MS);
        }
        Err(Violation::of("not at rest", self.hub.listing()))
    }

    /// Whether no file waits or is worked on. A run may still be a moment away from its last state.
    fn is_at_rest(&self) -> bool {
        let waiting = names_in(&self.hub.inbox("")).iter().any(|name| name.ends_with(".csv"));
        let worked_on = names_in(&self.hub.inbox(".work"));
        !waiting && worked_on.is_empty()
    }
}
