//! Unknown answers halt a run, and a person lets it go on or gives the rest of it up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::files::names_in;
use gesher_tests::{Background, Done, FakeProvider, Hub, Reply, charges_csv, nap, simulate, until};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Faults that charge these orders, and lose the answer.
fn lost_answers(orders: &[u32]) -> String {
    let rule = |order: &u32| {
        format!(
            "[[rule]]\nmatch = {{ contains = \"4ccc-8ddd-{order:012}\" }}\nfault = \"commit_then_close\"\n"
        )
    };
    orders.iter().map(rule).collect()
}

/// A hub that charges at `base_url`, one row at a time, and halts as the flow says.
fn hub(base_url: &str, on_unknown: &str) -> Hub {
    let hub = Hub::bulk("en", base_url);
    hub.set("flow.bulk-charge", "on_unknown", on_unknown);
    hub.set("flow.bulk-charge", "concurrency", "1");
    hub
}

/// The simulator with these answers lost, and a hub that halts at two unknown answers in a row.
fn with_lost_answers(scratch: &Path, orders: &[u32]) -> (Background, Hub) {
    let faults = scratch.join("faults.toml");
    std::fs::write(&faults, lost_answers(orders)).unwrap();
    let (simulator, base_url) = simulate(scratch, &["--faults", faults.to_str().unwrap()]);
    (simulator, hub(&base_url, "2"))
}

/// How many charges stand in the simulator's ledger.
fn charges(scratch: &Path) -> usize {
    let text = std::fs::read_to_string(scratch.join("ledger.jsonl")).unwrap_or_default();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["kind"] == "charge" && entry["valid"] == true).count()
}

/// The newest run.
fn newest(hub: &Hub) -> Value {
    hub.cmd(&["--json", "runs"]).expect(0).json_lines().remove(0)
}

#[track_caller]
fn waits(hub: &Hub, run: &str) {
    let found = newest(hub);
    assert_eq!((found["run"].as_str(), found["state"].as_str()), (Some(run), Some("halted")), "{found}");
    let message = found["message"].as_str().unwrap();
    for part in ["2 answers in a row", &format!("{run}.3.1, {run}.4.1"), &format!("gesher resume {run}")] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    assert_eq!(names_in(&hub.inbox(".work")), [format!("{run}.march.csv")]);
    assert!(names_in(&hub.inbox("done")).is_empty());
}

#[test]
fn two_unknown_answers_halt_a_run_that_waits_through_a_restart_until_it_is_resumed() {
    let scratch = tempfile::tempdir().unwrap();
    let (_simulator, hub) = with_lost_answers(scratch.path(), &[3, 4, 6]);
    let (output, done) = hub.run_file("march.csv", charges_csv(1, 10));
    assert!(done.is_none());
    let run = newest(&hub)["run"].as_str().unwrap().to_owned();
    assert_eq!(output.code, 3, "{output:#?}");
    for part in [format!("gesher resume {run}"), format!("gesher cancel {run}")] {
        assert!(output.stdout.contains(&part), "{output:#?}");
    }
    waits(&hub, &run);
    assert_eq!(charges(scratch.path()), 4);
    hub.cmd(&["show", &run]).expect(3);

    let serving = hub.serve();
    // The same bytes again are the halted run's: nobody gets around it by dropping the file once more.
    hub.drop_file("again.csv", charges_csv(1, 10));
    hub.wait_duplicate("again.csv");
    assert_eq!(charges(scratch.path()), 4);
    hub.cmd(&["resume", &run, "--reason", "asked the bank"]).expect(0);
    let done = hub.wait_done("march.csv");
    done.adds_up();
    let mut want = vec!["succeeded"; 10];
    for lost in [3, 4, 6] {
        want[lost - 1] = "unknown";
    }
    assert_eq!(done.statuses(), want);
    assert_eq!(charges(scratch.path()), 10);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn halt_stops_at_the_first_unknown_answer_and_continue_at_none() {
    for (on_unknown, charged) in [("\"halt\"", 3), ("\"continue\"", 10)] {
        let scratch = tempfile::tempdir().unwrap();
        let (_simulator, hub) = with_lost_answers(scratch.path(), &[3, 4, 5, 6, 7, 8]);
        hub.set("flow.bulk-charge", "on_unknown", on_unknown);
        let (output, _) = hub.run_file("march.csv", charges_csv(1, 10));
        assert_eq!((output.code, charges(scratch.path())), (3, charged), "{on_unknown}: {output:#?}");
    }
}

#[test]
fn a_halted_run_is_cancelled_without_a_running_hub_and_ends_at_the_next_start() {
    let scratch = tempfile::tempdir().unwrap();
    let (_simulator, hub) = with_lost_answers(scratch.path(), &[3, 4]);
    hub.run_file("march.csv", charges_csv(1, 10)).0.expect(3);
    let run = newest(&hub)["run"].as_str().unwrap().to_owned();
    let said = hub.cmd(&["cancel", &run, "--reason", "wrong month"]).expect(0);
    assert!(said.stdout.contains("gesher serve"), "{said:#?}");
    // What waits is shown, and is not asked for twice.
    let pending = |shown: &Value| -> Vec<String> {
        shown["pending"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["decision"].as_str().unwrap().to_owned())
            .collect()
    };
    let shown = hub.cmd(&["--json", "show", &run]).json();
    assert_eq!(
        (pending(&shown), &shown["pending"][0]["reason"]),
        (vec!["cancel".to_owned()], &"wrong month".into())
    );
    assert!(hub.cmd(&["show", &run]).stdout.contains("asked to cancel it on"));
    let again = hub.cmd(&["cancel", &run, "--reason", "another reason"]).expect(0);
    assert!(again.stdout.contains("wrong month") && again.stdout.contains("nothing was added"), "{again:#?}");
    let again = hub.cmd(&["--json", "cancel", &run]).expect(0).json();
    assert_eq!(again["already_asked"]["reason"], "wrong month", "{again:#}");
    assert_eq!(pending(&hub.cmd(&["--json", "show", &run]).json()).len(), 1);
    let other = hub.cmd(&["resume", &run]).expect(0);
    assert!(other.stdout.contains("asked to cancel it on") && other.stdout.contains("as well"), "{other:#?}");
    assert_eq!(pending(&hub.cmd(&["--json", "show", &run]).json()), ["cancel", "resume"]);
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    done.adds_up();
    assert_eq!([done.count("succeeded"), done.count("unknown"), done.count("cancelled")], [2, 2, 6]);
    assert_eq!(done.retry_rows().len(), 6);
    let cancelled =
        until("the end of the run", 10, || Some(newest(&hub)).filter(|found| found["state"] == "cancelled"));
    assert!(cancelled["message"].as_str().unwrap().contains("wrong month"), "{cancelled}");
    hub.drop_file("march.csv", charges_csv(1, 10));
    let again = hub.wait_done_after("march.csv", &[&run]);
    assert_eq!([again.count("duplicate"), again.count("succeeded")], [4, 6]);
    assert_eq!(charges(scratch.path()), 10);
    assert_eq!(serving.stop().code, 0);
}

/// A provider that takes its time, and always approves. After the first rows it takes long enough for a person's commands
/// to find the run at work.
fn slow() -> FakeProvider {
    FakeProvider::start(|_, before| {
        let takes = if (10..40).contains(&before) { 200 } else { 40 };
        Reply::After(Duration::from_millis(takes), Box::new(Reply::Approve))
    })
}

/// The file once more: each row of it is charged once by now.
#[track_caller]
fn the_other_half(provider: &FakeProvider, hub: &Hub, first: &Done) {
    first.adds_up();
    let (succeeded, cancelled) = (first.count("succeeded"), first.count("cancelled"));
    assert!(succeeded > 0 && cancelled > 0 && succeeded + cancelled == 60, "{}", first.report);
    assert_eq!((provider.charges(), first.retry_rows().len()), (succeeded, cancelled));
    let (output, again) = hub.run_file("march.csv", charges_csv(1, 60));
    let again = again.unwrap();
    assert_eq!((again.count("duplicate"), again.count("succeeded")), (succeeded, cancelled), "{output:#?}");
    assert!(provider.charged().values().all(|taken| taken.len() == 1));
    assert_eq!(provider.charges(), 60);
}

#[test]
fn a_file_that_is_cancelled_half_way_and_dropped_again_charges_the_other_half() {
    let provider = slow();
    let hub = hub(provider.base_url(), "5");
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 60));
    until("some charges", 30, || (provider.charges() >= 10).then_some(()));
    let run = newest(&hub)["run"].as_str().unwrap().to_owned();
    let said = hub.cmd(&["--json", "cancel", &run]).expect(0).json();
    assert_eq!(
        (said["applied"].as_bool(), said["state"].as_str()),
        (Some(true), Some("cancelled")),
        "{said}"
    );
    let first = hub.wait_done("march.csv");
    assert_eq!(serving.stop().code, 0);
    the_other_half(&provider, &hub, &first);
}

#[test]
fn a_run_in_the_foreground_obeys_a_cancel() {
    let provider = slow();
    let hub = hub(provider.base_url(), "5");
    let file = hub.scratch().join("march.csv");
    std::fs::write(&file, charges_csv(1, 60)).unwrap();
    let mut run = hub.command();
    run.args(["run", "bulk-charge", "--file"]).arg(&file);
    let mut run = Background::start(&mut run, hub.scratch().join("run.log"));
    until("some charges", 30, || (provider.charges() >= 10).then_some(()));
    let id = newest(&hub)["run"].as_str().unwrap().to_owned();
    hub.cmd(&["cancel", &id]).expect(0);
    let ended = run.wait_exit();
    assert_eq!(ended.code, 4, "{ended:#?}");
    assert!(ended.stderr.contains("drop the original file again"), "{ended:#?}");
    let first = hub.wait_done("march.csv");
    the_other_half(&provider, &hub, &first);
}

#[test]
fn a_hub_killed_while_it_gives_a_run_up_goes_on_giving_it_up() {
    let provider = slow();
    let hub = hub(provider.base_url(), "5");
    let mut serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 60));
    until("some charges", 30, || (provider.charges() >= 10).then_some(()));
    serving.process.kill9();
    let run = newest(&hub)["run"].as_str().unwrap().to_owned();
    hub.cmd(&["cancel", &run]).expect(0);
    let sent = provider.count();
    let serving = hub.serve();
    let done = hub.wait_done("march.csv");
    done.adds_up();
    assert_eq!(provider.count(), sent, "nothing is sent after the decision");
    assert!(done.count("cancelled") >= 40 && done.count("unknown") <= 1, "{}", done.report);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn what_cannot_be_decided_is_refused_in_plain_words() {
    let provider = FakeProvider::approving();
    let hub = hub(provider.base_url(), "5");
    let (_, done) = hub.run_file("march.csv", charges_csv(1, 2));
    let run = done.unwrap().run;
    for (arguments, words) in [
        (["resume", "march"], "no run id".to_owned()),
        (["cancel", "zzzzzzz"], "there is no run zzzzzzz".to_owned()),
        (["resume", &run], format!("run {run} is finished already")),
        (["cancel", &run], format!("run {run} is finished already")),
    ] {
        let said = hub.cmd(&arguments).expect(2);
        assert!(said.stderr.contains(&words), "{arguments:?}: {said:#?}");
    }
    // A run at work waits for nobody.
    let provider = slow();
    let hub = self::hub(provider.base_url(), "5");
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, 60));
    until("a charge", 30, || (provider.charges() > 0).then_some(()));
    let run = newest(&hub)["run"].as_str().unwrap().to_owned();
    let said = hub.cmd(&["resume", &run]).expect(2);
    assert!(said.stderr.contains("is running"), "{said:#?}");
    nap(1);
    drop(serving);
}
