//! Reads a fault plan from TOML. Whatever it does not know is refused with the nearest name that it does.
//!
//! ```toml
//! [[rule]]
//! match = { path = "/billing/payments/charge/", customer = "Dana", nth = [3] }
//! fault = "commit_then_status"
//! status = 502
//!
//! [random]
//! per_thousand = 20
//! seed = 7
//! faults = ["commit_then_close", "truncate"]
//! ```
//!
//! `match` knows `path`, `customer`, `description`, `amount`, `contains`, `nth`, `every`, `times`; a rule knows `fault`,
//! `status`, `delay_ms`, `commit`.

use crate::fault::{Fault, FaultKind, FaultPlan, Match, RandomFaults, Rule};
use gesher_core::names::nearest;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

/// Why a fault file is refused.
#[derive(Debug, thiserror::Error)]
pub enum FaultFileError {
    /// The file cannot be read.
    #[error("{0}: the file cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    /// It is no TOML.
    #[error("the fault file is not TOML")]
    Toml(#[source] toml::de::Error),
    /// A name that is not known.
    #[error("{at}: `{name}` is not known{}", .nearest.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    Unknown {
        /// Where.
        at: String,
        /// What.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A value of another kind than its name takes.
    #[error("{at}: {wanted} is expected")]
    Wrong {
        /// Where.
        at: String,
        /// What belongs there.
        wanted: &'static str,
    },
}

const PLAN: &[&str] = &["rule", "random"];
const RULE: &[&str] = &["match", "fault", "status", "delay_ms", "commit"];
const MATCH: &[&str] = &["path", "customer", "description", "amount", "contains", "nth", "every", "times"];
const RANDOM: &[&str] = &["per_thousand", "seed", "faults", "path"];

impl FaultPlan {
    /// Reads a plan from a file.
    pub fn read(path: &Path) -> Result<Self, FaultFileError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| FaultFileError::File(path.to_owned(), error))?;
        Self::parse(&text)
    }

    /// Reads a plan from TOML.
    pub fn parse(text: &str) -> Result<Self, FaultFileError> {
        let table: Table = text.parse().map_err(FaultFileError::Toml)?;
        let plan = Part::new(&table, String::new(), PLAN)?;
        let mut rules = Vec::new();
        for (at, rule) in plan.list("rule")?.iter().enumerate() {
            let at = format!("rule {}", at + 1);
            let rule = rule.as_table().ok_or_else(|| wrong(&at, "a table"))?;
            rules.push(read_rule(&Part::new(rule, at, RULE)?)?);
        }
        let random = plan.table("random", RANDOM)?.map(|random| read_random(&random)).transpose()?;
        Ok(Self { rules, random })
    }
}

fn read_rule(rule: &Part<'_>) -> Result<Rule, FaultFileError> {
    let kind = rule.text("fault")?.ok_or_else(|| wrong(&rule.path_of("fault"), "the name of a fault"))?;
    let matches =
        rule.table("match", MATCH)?.map(|matches| read_match(&matches)).transpose()?.unwrap_or_default();
    let status = match rule.int("status")? {
        Some(status @ 200..=599) => u16::try_from(status).ok(),
        Some(_) => return Err(wrong(&rule.path_of("status"), "an HTTP status from 200 to 599")),
        None => None,
    };
    let fault = Fault {
        kind: kind_of(&rule.path_of("fault"), &kind)?,
        status,
        delay: rule.int("delay_ms")?.map(Duration::from_millis),
        commit: rule.truth("commit")?,
    };
    if fault.kind == FaultKind::Refuse && matches.reads_request() {
        let wanted =
            "only nth, every or times (a connection is refused before its request is read; see close_before)";
        return Err(wrong(&rule.path_of("match"), wanted));
    }
    Ok(Rule { matches, fault })
}

fn read_match(matches: &Part<'_>) -> Result<Match, FaultFileError> {
    let nth = match matches.table.get("nth") {
        None => Vec::new(),
        Some(Value::Array(_)) => matches.ints("nth")?,
        Some(_) => matches.int("nth")?.into_iter().collect(),
    };
    Ok(Match {
        path: matches.text("path")?,
        customer: matches.text("customer")?,
        description: matches.text("description")?,
        amount: matches.text("amount")?,
        contains: matches.text("contains")?,
        nth,
        every: matches.int("every")?,
        times: matches.int("times")?,
    })
}

fn read_random(random: &Part<'_>) -> Result<RandomFaults, FaultFileError> {
    let mut faults = Vec::new();
    for name in random.list("faults")? {
        let at = random.path_of("faults");
        let name = name.as_str().ok_or_else(|| wrong(&at, "a list of names"))?;
        let kind = kind_of(&at, name)?;
        if kind == FaultKind::Refuse {
            return Err(wrong(&at, "a fault of a request (refuse is one of a connection, for a rule)"));
        }
        faults.push(Fault::of(kind));
    }
    Ok(RandomFaults {
        per_thousand: random.int("per_thousand")?.unwrap_or_default(),
        seed: random.int("seed")?.unwrap_or(1),
        faults,
        path: random.text("path")?,
    })
}

fn kind_of(at: &str, name: &str) -> Result<FaultKind, FaultFileError> {
    let found = FaultKind::TABLE.iter().find(|row| row.0 == name).map(|row| row.1);
    found.ok_or_else(|| unknown(at, name, FaultKind::TABLE.iter().map(|row| row.0)))
}

fn unknown<'a>(at: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> FaultFileError {
    let nearest = nearest(name, known).map(str::to_owned);
    FaultFileError::Unknown { at: at.to_owned(), name: name.to_owned(), nearest }
}

fn wrong(at: &str, wanted: &'static str) -> FaultFileError {
    FaultFileError::Wrong { at: at.to_owned(), wanted }
}

/// A table of the file and where it stands.
struct Part<'a> {
    table: &'a Table,
    path: String,
}

impl<'a> Part<'a> {
    fn new(table: &'a Table, path: String, known: &[&str]) -> Result<Self, FaultFileError> {
        for name in table.keys() {
            if !known.contains(&name.as_str()) {
                let at = if path.is_empty() { "fault file" } else { path.as_str() };
                return Err(unknown(at, name, known.iter().copied()));
            }
        }
        Ok(Self { table, path })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}, {name}", self.path) }
    }

    fn read<T>(
        &self,
        name: &str,
        wanted: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FaultFileError> {
        let value = self.table.get(name);
        value.map(|value| read(value).ok_or_else(|| wrong(&self.path_of(name), wanted))).transpose()
    }

    fn text(&self, name: &str) -> Result<Option<String>, FaultFileError> {
        self.read(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    fn int(&self, name: &str) -> Result<Option<u64>, FaultFileError> {
        self.read(name, "a whole number", |value| u64::try_from(value.as_integer()?).ok())
    }

    fn ints(&self, name: &str) -> Result<Vec<u64>, FaultFileError> {
        let each = |value: &Value| u64::try_from(value.as_integer()?).ok();
        let all =
            self.read(name, "a list of whole numbers", |value| value.as_array()?.iter().map(each).collect())?;
        Ok(all.unwrap_or_default())
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, FaultFileError> {
        self.read(name, "true or false", Value::as_bool)
    }

    fn list(&self, name: &str) -> Result<&'a [Value], FaultFileError> {
        Ok(self.read(name, "a list", |value| value.as_array().map(Vec::as_slice))?.unwrap_or_default())
    }

    fn table(&self, name: &str, known: &[&str]) -> Result<Option<Part<'a>>, FaultFileError> {
        let table = self.read(name, "a table", Value::as_table)?;
        table.map(|table| Part::new(table, self.path_of(name), known)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_written() {
        let plan = FaultPlan::parse(
            r#"
            [[rule]]
            match = { path = "/a/", customer = "דנה", nth = [3, 5] }
            fault = "commit_then_status"
            status = 502

            [[rule]]
            match = { every = 7, times = 2 }
            fault = "slow_drip"
            delay_ms = 250

            [random]
            per_thousand = 20
            faults = ["truncate"]
            "#,
        )
        .unwrap();
        assert_eq!(plan.rules.len(), 2);
        assert_eq!(plan.rules[0].matches.nth, [3, 5]);
        assert_eq!(plan.rules[0].fault.status, Some(502));
        assert_eq!(plan.rules[1].fault.delay, Some(Duration::from_millis(250)));
        assert_eq!(plan.random.unwrap().faults, [Fault::of(FaultKind::Truncate)]);
        assert_eq!(FaultPlan::parse("").unwrap(), FaultPlan::default());
    }

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(FaultPlan::parse(text).unwrap_err().to_string(), want, "{text}");
    }

    #[test]
    fn what_is_not_known_is_refused_with_the_nearest() {
        check("[[rules]]\n", "fault file: `rules` is not known; did you mean rule?");
        check(
            "[[rule]]\nfault = \"truncat\"",
            "rule 1, fault: `truncat` is not known; did you mean truncate?",
        );
        check("[[rule]]\nfualt = \"status\"", "rule 1: `fualt` is not known; did you mean fault?");
        check(
            "[[rule]]\nfault = \"status\"\nmatch = { pth = \"/\" }",
            "rule 1, match: `pth` is not known; did you mean path?",
        );
        check("[[rule]]\n", "rule 1, fault: the name of a fault is expected");
        check(
            "[[rule]]\nfault = \"status\"\nstatus = 700",
            "rule 1, status: an HTTP status from 200 to 599 is expected",
        );
        check("[random]\nfaults = [\"truncate\", 3]", "random, faults: a list of names is expected");
        check(
            "[[rule]]\nfault = \"refuse\"\nmatch = { path = \"/\" }",
            "rule 1, match: only nth, every or times (a connection is refused before its request is read; see \
             close_before) is expected",
        );
    }
}
