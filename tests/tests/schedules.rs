//! When schedules fire: two years in Asia/Jerusalem, worked out by hand; what moves and why; what is refused and where.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::program::{run, workspace};
use gesher_tests::{Hub, gesher};
use serde_json::Value;
use std::process::Command;

/// A hub with one flow `tick` that moves no money, and the lines of its schedule.
fn hub(schedule: &str) -> Hub {
    let hub = Hub::bulk("en", "simulator");
    hub.write("scripts/tick.rhai", "fn on_schedule(tick) { log::info(tick.nominal); }\n");
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    let flow = format!("\n[flow.tick]\nscript = \"scripts/tick.rhai\"\n[flow.tick.schedule]\n{schedule}\n");
    hub.write("gesher.toml", text + &flow);
    hub
}

/// The lines of `schedule tick --from FROM --next N`.
fn lines(hub: &Hub, from: &str, next: usize) -> Vec<Value> {
    let output = hub.cmd(&["--json", "schedule", "tick", "--from", from, "--next", &next.to_string()]);
    output.expect(0).json_lines()
}

/// Those that fire, in the wall clock, as `2026-03-27 06:00`.
fn fires(lines: &[Value]) -> Vec<String> {
    let local = |line: &Value| Some(line["local"].as_str()?[..16].replace('T', " "));
    lines.iter().filter_map(local).collect()
}

/// The ticks of a schedule from a day on, by the wall clock.
#[track_caller]
fn check(schedule: &str, from: &str, want: &[&str]) {
    let found = fires(&lines(&hub(schedule), from, want.len()));
    assert_eq!(found, want, "{schedule}");
}

/// The same by instants: `2026-03-27T00:00:00Z`, without what all have in common.
#[track_caller]
fn check_instants(cron: &str, from: &str, want: &[&str]) {
    let lines = lines(&hub(&format!("cron = \"{cron}\"")), from, want.len());
    let found: Vec<String> =
        lines.iter().filter_map(|line| Some(line["at"].as_str()?[5..16].replace('T', " "))).collect();
    assert_eq!(found, want, "{cron}");
}

/// Summer time begins on the Friday before the last Sunday of March, at 2:00: the hour from 2:00 on is missing.
/// 2026: last Sunday 29 March, so Friday the 27th; 2027: last Sunday 28 March, so Friday the 26th. Before it is
/// two hours ahead of Greenwich, after it three: 2:00 is 00:00Z in both years.
#[test]
fn in_the_nights_in_which_summer_time_begins_a_fixed_time_fires_once() {
    // 2:30 of the 26th is 00:30Z; that of the 27th does not exist and fires at 3:00, which is 00:00Z; on the 28th 2:30 is
    // 23:30Z of the evening before.
    check_instants("30 2 * * *", "2026-03-26T00:00", &["03-26 00:30", "03-27 00:00", "03-27 23:30"]);
    check_instants("30 2 * * *", "2027-03-25T00:00", &["03-25 00:30", "03-26 00:00", "03-26 23:30"]);
    // A list is of fixed times; those of the gap are one tick.
    check_instants("0,30 2 * * *", "2026-03-27T00:00", &["03-27 00:00", "03-27 23:00", "03-27 23:30"]);
    // Where 3:00 has a tick of its own, that is the one.
    check_instants("30 2,3 * * *", "2026-03-27T00:00", &["03-27 00:00", "03-27 00:30", "03-27 23:30"]);
    check_instants("0 2,3 * * *", "2026-03-27T00:00", &["03-27 00:00", "03-27 23:00", "03-28 00:00"]);
    let lines = lines(&hub("cron = \"30 2 * * *\""), "2026-03-27", 1);
    assert_eq!(lines[0]["local"], "2026-03-27T03:00:00");
    assert_eq!(lines[0]["moved_from"], "2026-03-27T02:30:00");
    assert!(lines[0]["reason"].as_str().unwrap().contains("clocks go forward"), "{lines:?}");
}

/// It ends on the last Sunday of October at 2:00: the hour from 1:00 on comes twice. 25 October 2026 and 31 October 2027;
/// the first pass begins at 22:00Z of the day before, the second at 23:00Z.
#[test]
fn in_the_nights_in_which_summer_time_ends_a_fixed_time_fires_in_the_first_pass() {
    check_instants("30 1 * * *", "2026-10-24T00:00", &["10-23 22:30", "10-24 22:30", "10-25 23:30"]);
    check_instants("30 1 * * *", "2027-10-30T00:00", &["10-29 22:30", "10-30 22:30", "10-31 23:30"]);
    check_instants("0,30 1 * * *", "2026-10-25T00:00", &["10-24 22:00", "10-24 22:30", "10-25 23:00"]);
}

#[test]
fn an_interval_follows_real_time_in_all_four_nights() {
    // From 23:00 by the wall clock: 21:00Z in winter, so the hours after it are those of real time, with none missing.
    check_instants(
        "0 * * * *",
        "2026-03-27T00:00",
        &["03-26 22:00", "03-26 23:00", "03-27 00:00", "03-27 01:00"],
    );
    check_instants(
        "0 * * * *",
        "2027-03-26T00:00",
        &["03-25 22:00", "03-25 23:00", "03-26 00:00", "03-26 01:00"],
    );
    check_instants(
        "0 * * * *",
        "2026-10-25T00:00",
        &["10-24 21:00", "10-24 22:00", "10-24 23:00", "10-25 00:00", "10-25 01:00"],
    );
    check_instants(
        "*/30 1 * * *",
        "2027-10-31T00:00",
        &["10-30 22:00", "10-30 22:30", "10-30 23:00", "10-30 23:30", "10-31 23:00"],
    );
    // What stands in the gap alone has no tick that night, and it is said.
    let lines = lines(&hub("cron = \"*/30 2 * * *\""), "2026-03-27T00:00", 1);
    assert_eq!(lines[0]["skipped"], "2026-03-27T02:00:00", "{lines:?}");
    assert_eq!(lines[1]["local"], "2026-03-28T02:00:00", "{lines:?}");
}

/// The last days of the months of 2026 and 2027, with their weekdays from a wall calendar: 2026 Sat, Sat, Tue, Thu, Sun,
/// Tue, Fri, Mon, Wed, Sat, Mon, Thu; 2027 Sun, Sun, Wed, Fri, Mon, Wed, Sat, Tue, Thu, Sun, Tue, Fri. Neither is a leap
/// year.
const ENDS: [&str; 24] = [
    "2026-01-31 06:00",
    "2026-02-28 06:00",
    "2026-03-31 06:00",
    "2026-04-30 06:00",
    "2026-05-31 06:00",
    "2026-06-30 06:00",
    "2026-07-31 06:00",
    "2026-08-31 06:00",
    "2026-09-30 06:00",
    "2026-10-31 06:00",
    "2026-11-30 06:00",
    "2026-12-31 06:00",
    "2027-01-31 06:00",
    "2027-02-28 06:00",
    "2027-03-31 06:00",
    "2027-04-30 06:00",
    "2027-05-31 06:00",
    "2027-06-30 06:00",
    "2027-07-31 06:00",
    "2027-08-31 06:00",
    "2027-09-30 06:00",
    "2027-10-31 06:00",
    "2027-11-30 06:00",
    "2027-12-31 06:00",
];

#[test]
fn month_ends_of_two_years() {
    check("cron = \"0 6 L * *\"", "2026-01-01", &ENDS);
    check("cron = \"0 6 31 * *\"\nclamp = true", "2026-01-01", &ENDS);
    // The 30th: February is the only month without one.
    let thirtieth: Vec<String> = ENDS
        .iter()
        .map(|end| if end[5..7] == *"02" { (*end).to_owned() } else { format!("{}30 06:00", &end[..8]) })
        .collect();
    check(
        "cron = \"0 6 30 * *\"\nclamp = true",
        "2026-01-01",
        &thirtieth.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    // Without clamp a flow that moves no money may have it so: seven months of a year have a 31st.
    let long: Vec<&str> = ENDS.into_iter().filter(|end| end[8..10] == *"31").collect();
    assert_eq!(long.len(), 14);
    check("cron = \"0 6 31 * *\"", "2026-01-01", &long);
}

/// `W` is Monday to Friday. The last weekday: a month that ends on a Saturday has it a day before, on a Sunday two days. The
/// 15th of August 2026 and May 2027 is a Saturday, so the Friday before; that of February, March and November 2026 and of
/// August 2027 is a Sunday, so the Monday after.
#[test]
fn weekdays_of_two_years() {
    let days = |days: [u8; 24]| -> Vec<String> {
        let month = |(at, day): (usize, u8)| format!("{}-{:02}-{day:02} 06:00", 2026 + at / 12, at % 12 + 1);
        days.into_iter().enumerate().map(month).collect()
    };
    for (cron, of) in [
        (
            "0 6 LW * *",
            [30, 27, 31, 30, 29, 30, 31, 31, 30, 30, 30, 31, 29, 26, 31, 30, 31, 30, 30, 31, 30, 29, 30, 31],
        ),
        (
            "0 6 15W * *",
            [15, 16, 16, 15, 15, 15, 15, 14, 15, 15, 16, 15, 15, 15, 15, 15, 14, 15, 15, 16, 15, 15, 15, 15],
        ),
        ("0 6 * * MON#1", [5, 2, 2, 6, 4, 1, 6, 3, 7, 5, 2, 7, 4, 1, 1, 5, 3, 7, 5, 2, 6, 4, 1, 6]),
    ] {
        let want = days(of);
        check(
            &format!("cron = \"{cron}\""),
            "2026-01-01",
            &want.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    // Fridays that are the fifth of their month, in two years.
    check(
        "cron = \"0 6 * * FRI#5\"",
        "2026-01-01",
        &[
            "2026-01-30 06:00",
            "2026-05-29 06:00",
            "2026-07-31 06:00",
            "2026-10-30 06:00",
            "2027-01-29 06:00",
            "2027-04-30 06:00",
            "2027-07-30 06:00",
            "2027-10-29 06:00",
            "2027-12-31 06:00",
        ],
    );
}

/// Tishri of 5787: Rosh Hashana on Saturday and Sunday, 12 and 13 September 2026; Yom Kippur on Monday the 21st; Sukkot on
/// Saturday the 26th; Shemini Atzeret on Saturday, 3 October. Of 5788: Rosh Hashana on Saturday and Sunday, 2 and 3 October
/// 2027; Yom Kippur on Monday the 11th; Sukkot on Saturday the 16th; Shemini Atzeret on Saturday the 23rd. The days between
/// are ordinary ones. At 6:00 in the morning an eve is free unless `erev` is left out too; Fridays are eves of Shabbat.
#[test]
fn tishri_of_two_years_day_by_day() {
    let september =
        |days: &[u8]| -> Vec<String> { days.iter().map(|day| format!("2026-09-{day:02} 06:00")).collect() };
    let rests = "cron = \"0 6 * * *\"\nskip = [\"shabbat\", \"yom-tov\"]";
    let want = september(&[10, 11, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 27, 28, 29, 30]);
    check(rests, "2026-09-10", &want.iter().map(String::as_str).collect::<Vec<_>>());
    // 11 (Rosh Hashana's), 18 (Shabbat's), 20 (Yom Kippur's) and 25 (Sukkot's) are eves; so is Friday, 2 October.
    let with_eves =
        "cron = \"0 6 * * *\"\nskip = [\"shabbat\", \"yom-tov\", \"erev\"]\nwhen_skipped = \"drop\"";
    let mut want = september(&[10, 14, 15, 16, 17, 22, 23, 24, 27, 28, 29, 30]);
    want.extend(["2026-10-01 06:00", "2026-10-04 06:00"].map(str::to_owned));
    check(with_eves, "2026-09-10", &want.iter().map(String::as_str).collect::<Vec<_>>());
    let october: Vec<String> = [4, 5, 6, 7, 8, 10, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 24]
        .map(|day: u8| format!("2027-10-{day:02} 06:00"))
        .to_vec();
    check(rests, "2027-10-02", &october.iter().map(String::as_str).collect::<Vec<_>>());
    // Banks: both days of Rosh Hashana, the eve and the day of Yom Kippur, Sukkot and Shemini Atzeret; not Shabbat as such.
    let banks = "cron = \"0 6 * * *\"\nskip = [\"bank-holidays\"]\nwhen_skipped = \"drop\"";
    let want = september(&[11, 14, 15, 16, 17, 18, 19, 22, 23, 24, 25, 27]);
    check(banks, "2026-09-11", &want.iter().map(String::as_str).collect::<Vec<_>>());
}

/// From 16:00 on the eve until 21:00 on the day, in Jerusalem's time. 20 and 21 March 2026 are a Friday and a Saturday.
#[test]
fn shabbat_has_its_hours() {
    let skip = "skip = [\"shabbat\"]\nwhen_skipped = \"drop\"";
    check(
        &format!("cron = \"0 15-21/2 * * *\"\n{skip}"),
        "2026-03-20",
        &["2026-03-20 15:00", "2026-03-21 21:00", "2026-03-22 15:00"],
    );
    check(
        &format!("cron = \"59 20 * * *\"\n{skip}"),
        "2026-03-20",
        &["2026-03-22 20:59", "2026-03-23 20:59"],
    );
}

/// The 1st of each month of two years at 6:00, without Shabbat, festivals and eves, moved to the next free day:
/// 1 April 2026 is Pesach's eve, the 2nd Pesach, the 3rd a Friday, the 4th a Shabbat; 1 May 2026 and 1 January 2027 are
/// Fridays; 1 August 2026 and 1 May 2027 are Saturdays; 1 October 2027 is the eve of Rosh Hashana, which lasts until the 3rd.
#[test]
fn the_first_of_each_month_moves_off_days_of_rest() {
    let rule = "cron = \"0 6 1 * *\"\nskip = [\"shabbat\", \"yom-tov\", \"erev\"]";
    let hub = hub(rule);
    let lines = lines(&hub, "2026-01-01", 24);
    let want: Vec<String> = (0..24)
        .map(|at| {
            let day = match at {
                3 => 5,
                4 | 12 => 3,
                7 | 16 => 2,
                21 => 4,
                _ => 1,
            };
            format!("{}-{:02}-{day:02} 06:00", 2026 + at / 12, at % 12 + 1)
        })
        .collect();
    assert_eq!(fires(&lines), want);
    let moved: Vec<(&str, &str)> = lines
        .iter()
        .filter_map(|line| Some((line["moved_from"].as_str()?, line["reason"].as_str()?)))
        .collect();
    assert_eq!(
        moved,
        [
            ("2026-04-01T06:00:00", "the eve of Pesach"),
            ("2026-05-01T06:00:00", "the eve of Shabbat"),
            ("2026-08-01T06:00:00", "Shabbat"),
            ("2027-01-01T06:00:00", "the eve of Shabbat"),
            ("2027-05-01T06:00:00", "Shabbat"),
            ("2027-10-01T06:00:00", "the eve of Rosh Hashana"),
        ]
    );
    // Nothing is left out, so nothing comes extra; and a tick that stays where it is has no reason.
    assert_eq!(lines.len(), 24);
    assert!(lines.iter().all(|line| line["flow"] == "tick" && line["skipped"].is_null()));
    // The day before: 31 March, 30 April, 30 July (a Thursday, before the eve), 31 December, 29 April, 30 September.
    let before = format!("{rule}\nwhen_skipped = \"previous\"");
    let hub = self::hub(&before);
    let lines = self::lines(&hub, "2026-01-01", 24);
    let moved: Vec<&str> = lines
        .iter()
        .filter(|line| !line["moved_from"].is_null())
        .filter_map(|line| line["local"].as_str())
        .collect();
    assert_eq!(
        moved,
        [
            "2026-03-31T06:00:00",
            "2026-04-30T06:00:00",
            "2026-07-30T06:00:00",
            "2026-12-31T06:00:00",
            "2027-04-29T06:00:00",
            "2027-09-30T06:00:00",
        ]
    );
}

#[test]
fn what_is_skipped_comes_extra_with_its_day() {
    let hub = hub("cron = \"0 6 * * *\"\nskip = [\"yom-tov\", \"closed.txt\"]\nwhen_skipped = \"drop\"");
    hub.write("closed.txt", "# our own days\n2026-09-22   # inventory\n\n");
    let lines = lines(&hub, "2026-09-20", 3);
    let shown: Vec<String> = lines
        .iter()
        .map(|line| match line["skipped"].as_str() {
            Some(skipped) => format!("- {skipped} {}", line["reason"].as_str().unwrap()),
            None => format!("{} {}", line["local"].as_str().unwrap(), line["at"].as_str().unwrap()),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2026-09-20T06:00:00 2026-09-20T03:00:00Z",
            "- 2026-09-21T06:00:00 Yom Kippur",
            "- 2026-09-22T06:00:00 a date in the hub's own list",
            "2026-09-23T06:00:00 2026-09-23T03:00:00Z",
            "2026-09-24T06:00:00 2026-09-24T03:00:00Z",
        ]
    );
    let words = hub.cmd(&["schedule", "tick", "--from", "2026-09-20", "--next", "3"]).expect(0).stdout;
    assert!(words.contains("skipped  2026-09-21 06:00:00  Mon") && words.contains("Yom Kippur"), "{words}");
}

#[test]
fn faults_of_a_schedule_are_found_before_anything_runs() {
    let money = |schedule: &str| {
        let hub = hub(schedule);
        hub.edit(
            "gesher.toml",
            "script = \"scripts/tick.rhai\"\n",
            "script = \"scripts/tick.rhai\"\nallow = [\"officeguy.charge\"]\n",
        );
        hub
    };
    let own = "cron = \"0 6 1 * *\"\nskip = [\"mine.txt\"]";
    for (hub, what, mend) in [
        (money("cron = \"0 6 29 * *\""), "fires on a day that not every month has", "clamp = true"),
        (
            money("cron = \"0 6 1 * *\"\njitter = \"10m\""),
            "`jitter` is for flows that move no money",
            "take `jitter` out",
        ),
        (hub("cron = \"0 25 * * *\""), "`25` is no hour", "from 0 to 23"),
        (hub(own), "there is no such file", "or make the file"),
        (hub("cron = \"0 6 1 * *\"\nskip = [\"shabbath\"]"), "did you mean `shabbat`?", "one of these words"),
        (
            hub("cron = \"0 6 * * 6\"\nskip = [\"shabbat\"]\nwhen_skipped = \"drop\""),
            "never fire",
            "when_skipped",
        ),
    ] {
        for command in ["check", "serve"] {
            let said = hub.cmd(&[command]).expect(2).words();
            assert!(said.contains(what) && said.contains(mend), "{command}: {said}");
        }
    }
    let hub = hub(own);
    hub.write("mine.txt", "2026-09-13\n# closed\n13.9.2026\n");
    let said = hub.cmd(&["check"]).expect(2).words();
    assert!(said.contains("mine.txt:3:1: `13.9.2026` is no date"), "{said}");
    hub.write("mine.txt", "2026-09-13\n");
    hub.cmd(&["check"]).expect(0);
    hub.write("scripts/tick.rhai", "fn on_call(args) { }\n");
    let said = hub.cmd(&["check"]).expect(2).words();
    assert!(said.contains("no function on_schedule(tick)"), "{said}");
}

#[test]
fn a_question_that_means_nothing_is_refused_in_plain_words() {
    let hub = hub("cron = \"0 6 1 * *\"");
    for (arguments, what) in [
        (&["schedule", "tock"][..], "there is no flow tock; did you mean `tick`?"),
        (&["schedule", "bulk-charge"], "the flow bulk-charge has no schedule"),
        (&["schedule", "tick", "--from", "tomorrow"], "`tomorrow` is no time"),
        (&["schedule", "tick", "--next", "0"], "0 is not in 1..=10000"),
        (&["run", "tick", "--at", "2026-11-01T06:01"], "has no tick at 2026-11-01T06:01"),
        (&["run", "tick", "--at", "2026-11-31T06:00"], "`2026-11-31T06:00` is no time"),
        (&["run", "bulk-charge", "--at", "2026-11-01T06:00"], "has no schedule"),
        (&["run", "tick", "--at", "2026-11-01T06:00", "--body", "-"], "cannot be used with"),
    ] {
        let said = hub.cmd(arguments).expect(2).words();
        assert!(said.contains(what), "{arguments:?}: {said}");
    }
    let said = hub.cmd(&["run", "tick", "--at", "2026-11-01T06:01"]).words();
    assert!(said.contains("2026-11-01T06:00:00 and 2026-12-01T06:00:00"), "{said}");
    // Without a flow: all that have a schedule.
    assert_eq!(hub.cmd(&["--json", "schedule", "--next", "3"]).expect(0).json_lines().len(), 3);
}

#[test]
fn every_block_of_the_page_about_schedules_runs_as_written() {
    let scratch = tempfile::tempdir().unwrap();
    let (bin, home) = (scratch.path().join("bin"), scratch.path().join("home"));
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(gesher(), bin.join("gesher")).unwrap();
    let page = std::fs::read_to_string(workspace().join("docs/schedules.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("\n```")?.0)).collect();
    assert!(blocks.len() >= 3);
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(format!("set -euo pipefail\n{}\n", blocks.join("\n"))).current_dir(&home).env_clear();
    bash.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("TMPDIR", scratch.path());
    let said = run(&mut bash, None).expect(0);
    // The tick of December, asked for twice: one run, in which both subscriptions were charged.
    assert!(said.stdout.contains("138.90 ILS"), "{}", said.stdout);
    assert_eq!(said.stderr.matches("this tick has its run already").count(), 1, "{}", said.stderr);
    // The page shows the schedule that the template has.
    let toml = std::fs::read_to_string(home.join("h/gesher.toml")).unwrap();
    let shown = page.split("```toml\n").nth(1).and_then(|rest| rest.split_once("\n```")).unwrap().0;
    for line in shown.lines().filter_map(|line| line.split('#').next()).map(str::trim_end) {
        assert!(toml.contains(line), "`{line}` is not in the template");
    }
}
