//! Kills at every failpoint under every fault of the provider: a sample of the matrix, and the mutants that prove that
//! the checks can fail. The whole matrix is `cargo xtask crash`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, which prints its figures"
)]

use gesher_tests::crash::long::Long;
use gesher_tests::crash::stage::Stage;
use gesher_tests::crash::{
    Case, Kill, Sums, case, check, evidence, faults, mutants, play_all, points, table,
};
use gesher_tests::files::holds;
use gesher_tests::program::{gesher, gesher_crash};
use gesher_tests::{Background, nap, until};

/// Cases of the sample: every point twice and every fault twice; less than a minute on two cores.
const SAMPLE_CASES: usize = 68;

#[track_caller]
fn all_hold(cases: &[Case]) {
    let played = play_all(cases, |_| {});
    let sums = Sums::of(&played);
    assert_eq!(sums.broken, 0, "{sums}\n{}", table::broken(&played));
    println!("{sums}");
}

#[test]
fn the_sample_has_every_point_and_every_fault() {
    let sample = case::sample(SAMPLE_CASES);
    for point in points::POINTS {
        assert!(sample.iter().any(|case| case.kills == [Kill::at(point)]), "{point:?}");
    }
    for fault in faults::FAULTS {
        assert!(sample.iter().any(|case| case.fault == *fault), "{}", fault.name);
    }
}

#[test]
fn whatever_moment_the_hub_dies_at_the_ledger_and_the_hub_agree() {
    all_hold(&case::sample(SAMPLE_CASES));
}

#[test]
fn every_broken_rule_is_noticed() {
    let cases: Vec<Case> = mutants::MUTANTS.iter().map(|mutant| mutant.case().broken(mutant.name)).collect();
    let played = play_all(&cases, |_| {});
    for (mutant, played) in mutants::MUTANTS.iter().zip(&played) {
        let noticed = played.violations.iter().any(|violation| mutant.noticed.contains(&violation.rule));
        assert!(noticed, "{} was not noticed: {played:#?}", mutant.name);
    }
}

#[test]
fn the_cases_of_the_mutants_are_sound_where_no_rule_is_broken() {
    let patient = |mutant: &mutants::Mutant| Case { patience_seconds: 180, ..mutant.case() };
    let cases: Vec<Case> = mutants::MUTANTS.iter().map(patient).collect();
    all_hold(&cases);
}

#[test]
fn the_lists_of_points_mutants_and_faults_are_those_of_the_sources() {
    let mut points: Vec<&str> = points::POINTS.iter().map(|point| point.name).collect();
    points.extend(points::ROTATION_POINTS);
    points.extend(points::DROP_POINTS);
    points.extend(points::CALL_POINTS);
    points.sort_unstable();
    points.dedup();
    assert_eq!(points, points::in_sources());
    let mut mutants: Vec<&str> = mutants::MUTANTS.iter().map(|mutant| mutant.name).collect();
    mutants.push("ignore_lock");
    mutants.sort_unstable();
    assert_eq!(mutants, mutants::in_sources());
    for (kind, _) in gesher_simulator::FaultKind::TABLE {
        let has =
            |fault: &faults::Fault| fault.kind == kind || fault.lists.is_some_and(|list| list.0 == kind);
        assert!(faults::FAULTS.iter().any(has), "no case has the fault {kind}");
    }
}

#[test]
fn a_long_file_survives_kills_at_random_moments() {
    let long = Long { rows: 1_200, kills: 8, concurrency: 8, seed: 3 };
    let played = long.play();
    assert_eq!(played.violations, [], "{played:#?}");
    assert!(played.in_flight > 0, "no kill found anything in flight: {played:#?}");
}

/// A hub that was stopped at a point, so that it neither lives nor dies.
fn stopped(stage: &Stage, point: &str) -> Background {
    let first = stage.start(Some(&format!("{point}:2:stop")));
    until("the hub to stop", 30, || first.is_stopped().then_some(()));
    first
}

/// Whether a second hub on the same folder is refused.
fn second_is_refused(stage: &Stage) -> bool {
    let mut second = stage.start(None);
    until("the second hub to end, or to be ready", 30, || {
        (!second.runs() || second.words().contains("ready: ")).then_some(())
    });
    !second.runs() && second.words().contains("a hub is serving")
}

fn case_without_fault() -> Case {
    let mut case = Case::of(Kill { point: "send.begun", nth: 2 }, faults::NONE);
    case.concurrency = 1;
    case
}

#[test]
fn a_second_hub_is_refused_while_the_first_lives_and_may_only_call_its_row_unknown_after_a_kill() {
    // The first stops after its intent and before its first byte; then with the answer in its hands.
    for (point, charged) in [("send.begun", 0), ("answer.received", 1)] {
        let case = case_without_fault();
        let stage = Stage::set(&case);
        stage.drop_files();
        let mut first = stopped(&stage, point);
        assert!(second_is_refused(&stage), "{}", stage.hub.listing());
        let before = evidence::read_ledger(&stage.ledger).len();
        first.kill9();
        let evidence = stage.finish(&case, 1).unwrap();
        let violations = check::violations(&evidence);
        assert!(violations.is_empty(), "{point}: {violations:#?}");
        assert_eq!(evidence.unknown().get("interrupted"), Some(&1), "{point}");
        let of_row = evidence.ledger.iter().filter(|charge| charge.order == "102").count();
        assert_eq!((of_row, before), (charged, 1 + charged), "{point}: nothing is sent again");
    }
}

#[test]
fn a_hub_that_goes_on_after_a_stop_finishes_as_if_nothing_had_been() {
    let case = case_without_fault();
    let stage = Stage::set(&case);
    stage.hub.set("officeguy", "timeout", "\"30s\"");
    stage.drop_files();
    let mut first = stopped(&stage, "send.begun");
    assert!(second_is_refused(&stage), "{}", stage.hub.listing());
    first.sigcont();
    stage.hub.wait_duplicate("twin.csv");
    first.sigterm();
    assert_eq!(first.wait_exit().code, 0, "{}", first.words());
    let evidence = stage.finish(&case, 0).unwrap();
    assert_eq!(check::violations(&evidence), []);
    assert!(evidence.unknown().is_empty());
}

#[test]
fn a_hub_that_goes_on_after_its_time_is_over_sends_nothing_late() {
    let case = case_without_fault();
    let stage = Stage::set(&case);
    stage.drop_files();
    let mut first = stopped(&stage, "send.begun");
    nap(3_200);
    first.sigcont();
    stage.hub.wait_duplicate("twin.csv");
    first.kill9();
    let evidence = stage.finish(&case, 0).unwrap();
    let ends = evidence.runs.iter().flat_map(|run| &run.items).filter(|item| item.order == "102");
    let ends: Vec<&str> = ends.map(|item| item.status.as_str()).collect();
    assert_eq!(ends, ["not_sent", "succeeded"], "it goes through when it is dropped again, and only then");
    assert_eq!(evidence.ledger.iter().filter(|charge| charge.order == "102").count(), 1);
}

#[test]
fn a_hub_that_ignores_the_lock_is_noticed() {
    let stage = Stage::set(&case_without_fault().broken("ignore_lock"));
    stage.drop_files();
    let mut first = stopped(&stage, "send.begun");
    assert!(!second_is_refused(&stage));
    first.kill9();
}

#[test]
fn the_program_that_people_use_has_no_failpoint_and_no_mutant() {
    for (program, has_them) in [(gesher(), false), (gesher_crash(), true)] {
        let bytes = std::fs::read(program).unwrap();
        for name in ["GESHER_FAILPOINT", "GESHER_MUTANT", "skip_intent"] {
            assert_eq!(holds(&bytes, name.as_bytes()), has_them, "{name} in {}", program.display());
        }
    }
}
