//! Faults of schedules.

use super::*;

#[test]
fn a_schedule_is_refused_at_the_place_that_is_wrong() {
    let schedule = |lines: &str| format!("{FLOW}[flow.a.schedule]\n{lines}\n");
    for good in [
        "cron = \"0 6 1 * *\"",
        "cron = \"@monthly\"",
        "cron = \"0 6 L * *\"",
        "cron = \"0 6 31 * *\"\nclamp = true",
        "cron = \"0 0 6 ? * MON#1\"\nskip = [\"shabbat\", \"yom-tov\", \"erev\", \"bank-holidays\"]",
        "cron = \"0 6 1 * *\"\nmissed = \"run-once\"\noverlap = \"queue\"\nwhen_skipped = \"previous\"",
    ] {
        check_heads(&schedule(good), &[]);
    }
    for (lines, head) in [
        (
            "cron = \"0 6 31 * *\"",
            "7:13: a flow that may move money fires on a day that not every month has, so shorter months would be left out",
        ),
        ("cron = \"0 6 1 * 8\"", "7:17: `cron`: `8` is no day of the week"),
        ("cron = \"0 6 30 2 *\"", "7:13: `cron`: no year has such a day, so this would never fire"),
        (
            "cron = \"0 6 1 *\"",
            "7:9: `cron`: a schedule has five fields, or six with seconds first; this has 4",
        ),
        (
            "cron = \"0 6 1 * *\"\njitter = \"5m\"",
            "8:10: `jitter` is for flows that move no money: when money moves is said to the second",
        ),
        ("skip = []", "6:9: `cron` is missing in [flow.a.schedule]"),
        (
            "cron = \"0 6 1 * *\"\nmissed = \"hald\"",
            "8:10: `missed`: \"hald\" is not known here; did you mean `hold`?",
        ),
        (
            "cron = \"0 6 1 * *\"\nskipp = []",
            "8:1: `skipp` is not known in [flow.a.schedule]; did you mean `skip`?",
        ),
    ] {
        check_heads(&schedule(lines), &[&format!("gesher.toml:{head}")]);
    }
}
