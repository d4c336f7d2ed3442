//! `[flow.NAME.schedule]`: what is written becomes a schedule with its rules, or faults, each with its place. Reads the
//! files of dates that `skip` names; everything else is pure.

use super::value::{Value, did_you_mean};
use super::{Config, Fault, FlowConfig, Section, SourceText, inside};
use gesher_core::{Descriptor, Effect};
use gesher_trigger::schedule::{
    Calendar, Cron, DATES_BYTES_MAX, Missed, Overlap, Rest, Schedule, ScheduleRules, WhenSkipped, read_dates,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// The longest time by which a tick may be put off.
const JITTER_MAX: Duration = Duration::from_secs(60 * 60);

/// The schedule of a flow, as written.
#[derive(Clone, Debug)]
pub struct SchedulePart {
    section: Section,
}

/// The faults that can be found without the disk, of all schedules.
pub(super) fn faults(config: &Config, operations: &[Descriptor]) -> Vec<Fault> {
    let parts = config.flows.iter().filter_map(|flow| Some((flow, flow.schedule.as_ref()?)));
    parts.flat_map(|(flow, part)| part.faults(config, flow.may(Effect::Money, operations))).collect()
}

impl SchedulePart {
    pub(super) fn of(section: &Section) -> Self {
        Self { section: section.clone() }
    }

    fn fault(
        &self,
        config: &Config,
        setting: &str,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Fault {
        config.source.fault(&self.section.place(setting), what, mend)
    }

    /// A fault inside of the quotes of `cron`.
    fn cron_fault(&self, config: &Config, at: usize, what: String, mend: String) -> Fault {
        let place = self.section.place("cron");
        let inner = (place.start + 1 + at).min(place.end.saturating_sub(1)).max(place.start);
        config.source.fault(&(inner..inner), what, mend)
    }

    fn cron(&self, config: &Config) -> Result<Cron, Fault> {
        let clamp = self.section.get("clamp") == Some(&Value::Flag(true));
        Cron::parse(&self.section.text("cron"), clamp)
            .map_err(|fault| self.cron_fault(config, fault.at, format!("`cron`: {}", fault.what), fault.mend))
    }

    fn jitter(&self) -> Duration {
        match self.section.get("jitter") {
            Some(Value::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    fn faults(&self, config: &Config, moves_money: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        match self.cron(config) {
            Err(fault) => faults.push(fault),
            Ok(cron) => {
                if let Some(at) = cron.leaves_out_months().filter(|_| moves_money) {
                    let what = "a flow that may move money fires on a day that not every month has, so shorter months \
                                would be left out";
                    let mend = "write `L` for the last day of the month, or clamp = true for the last day of shorter ones";
                    faults.push(self.cron_fault(config, at, what.to_owned(), mend.to_owned()));
                }
            }
        }
        if TimeZone::get(&config.time_zone).is_err() {
            let what =
                format!("this machine knows no time zone \"{}\", and a schedule needs it", config.time_zone);
            faults.push(config.source.fault(
                &config.hub.place("time_zone"),
                what,
                "install the package tzdata",
            ));
        }
        let jitter = self.jitter();
        if jitter > Duration::ZERO && moves_money {
            let what = "`jitter` is for flows that move no money: when money moves is said to the second";
            faults.push(self.fault(config, "jitter", what, "take `jitter` out"));
        } else if jitter > JITTER_MAX {
            faults.push(self.fault(config, "jitter", "`jitter` is at most 1h", "write \"1h\" or less"));
        }
        faults
    }

    /// The dates of the files that `skip` names.
    fn dates(&self, config: &Config) -> Result<BTreeSet<Date>, Vec<Fault>> {
        let (mut dates, mut faults) = (BTreeSet::new(), Vec::new());
        for name in self.section.texts("skip").iter().filter(|word| Rest::named(word).is_none()) {
            let path = inside(&config.root, name);
            match read(&path) {
                Ok(text) => match read_dates(&text) {
                    Ok(found) => dates.extend(found),
                    Err(fault) => {
                        let source = SourceText::new(name, &text);
                        faults.push(source.fault(&(fault.at..fault.at), fault.what, fault.mend));
                    }
                },
                Err(why) => {
                    let words = Rest::ALL.map(Rest::as_str);
                    let hint = did_you_mean(name, words);
                    let what = format!(
                        "`skip`: `{name}` is none of {}, and no file of dates: {why}{hint}",
                        words.join(", ")
                    );
                    faults.push(self.fault(
                        config,
                        "skip",
                        what,
                        "write one of these words, or make the file",
                    ));
                }
            }
        }
        if faults.is_empty() { Ok(dates) } else { Err(faults) }
    }

    /// The schedule with its rules, or every fault of it.
    pub fn rules(
        &self,
        config: &Config,
        flow: &FlowConfig,
        operations: &[Descriptor],
    ) -> Result<ScheduleRules, Vec<Fault>> {
        let moves_money = flow.may(Effect::Money, operations);
        let mut faults = self.faults(config, moves_money);
        let dates = self.dates(config).unwrap_or_else(|of_files| {
            faults.extend(of_files);
            BTreeSet::new()
        });
        let (Ok(cron), Ok(zone), true) =
            (self.cron(config), TimeZone::get(&config.time_zone), faults.is_empty())
        else {
            return Err(faults);
        };
        let rests =
            self.section.texts("skip").iter().filter_map(|word| Rest::named(word)).collect::<Vec<_>>();
        let schedule = Schedule {
            cron,
            zone,
            calendar: Calendar::new(rests, dates),
            when_skipped: WhenSkipped::named(&self.section.text("when_skipped")).unwrap_or_default(),
        };
        if schedule.next_after(long_ago()).is_none() {
            let what = "every tick of this schedule falls on a day that is left out, so it would never fire";
            return Err(vec![self.fault(config, "skip", what, "mend `cron`, `skip` or `when_skipped`")]);
        }
        Ok(ScheduleRules {
            schedule,
            missed: Missed::named(&self.section.text("missed"))
                .unwrap_or_else(|| Missed::by_default(moves_money)),
            overlap: Overlap::named(&self.section.text("overlap")).unwrap_or_default(),
            jitter: self.jitter(),
        })
    }
}

/// From where on a schedule has to fire at some time.
fn long_ago() -> Timestamp {
    civil::date(2020, 1, 1).to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |begin| begin.timestamp())
}

/// The text of a file of dates, or why there is none.
fn read(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("it cannot be read: {error}"),
    })?;
    let mut text = String::new();
    let read = file.take(DATES_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if u64::try_from(bytes).is_ok_and(|bytes| bytes <= DATES_BYTES_MAX) => Ok(text),
        Ok(_) => Err("it is larger than 1 MiB".to_owned()),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}
