//! Faults: what may go wrong with a call, and which call it happens to.
//!
//! A plan is data: rules in their order, the first that matches decides; then chance, from a seed. Which fault a call
//! meets depends only on the plan and on the calls before it.

use gesher_provider::simulate::CallFacts;
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The connection is reset as soon as it is made, unread. Counts connections, so only `nth`, `every` and `times`.
    Refuse,
    /// Nothing is done and nothing answered.
    HangBefore,
    /// It is done and not answered.
    HangAfter,
    /// Nothing is done, and the connection is closed without an answer.
    CloseBefore,
    /// It is done, and the connection is closed without an answer.
    CommitThenClose,
    /// It is done, and the answer is an HTTP error: `status`, 502 unless said otherwise.
    CommitThenStatus,
    /// Nothing is done, and the answer is an HTTP error: `status`, 503 unless said otherwise.
    Status,
    /// It is done, and the answer breaks off in the middle.
    Truncate,
    /// A page of somebody in between, with status 200.
    Html200,
    /// JSON of somebody else, with status 200.
    ForeignJson,
    /// A redirect: `status`, 307 unless said otherwise.
    Redirect,
    /// It is done, and the answer comes drop by drop over `delay`.
    SlowDrip,
    /// It is done twice, and answered once.
    Duplicate,
    /// A list does not show what is younger than `delay`.
    ListLag,
    /// A document that is younger than `delay` is not there yet, and its payment does not know it.
    DocumentLag,
    /// A list has each of its entries twice.
    ListRepeats,
    /// A page of a list comes without its entries and says that there are more.
    ListEmptyPage,
    /// It is done, and the answer names another amount.
    WrongAmount,
    /// It is done, and the answer is the provider's technical error.
    Status2AfterCommit,
    /// Status 403 without a body.
    ForbiddenEmpty,
}

impl FaultKind {
    /// Names and kinds.
    pub const TABLE: [(&'static str, Self); 20] = [
        ("refuse", Self::Refuse),
        ("hang_before", Self::HangBefore),
        ("hang_after", Self::HangAfter),
        ("close_before", Self::CloseBefore),
        ("commit_then_close", Self::CommitThenClose),
        ("commit_then_status", Self::CommitThenStatus),
        ("status", Self::Status),
        ("truncate", Self::Truncate),
        ("html_200", Self::Html200),
        ("foreign_json", Self::ForeignJson),
        ("redirect", Self::Redirect),
        ("slow_drip", Self::SlowDrip),
        ("duplicate", Self::Duplicate),
        ("list_lag", Self::ListLag),
        ("document_lag", Self::DocumentLag),
        ("list_repeats", Self::ListRepeats),
        ("list_empty_page", Self::ListEmptyPage),
        ("wrong_amount", Self::WrongAmount),
        ("status2_after_commit", Self::Status2AfterCommit),
        ("forbidden_empty", Self::ForbiddenEmpty),
    ];

    /// The name in fault files and in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::TABLE.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

    /// Whether the call is done all the same, unless a rule says otherwise.
    #[must_use]
    pub const fn commits(self) -> bool {
        match self {
            Self::Refuse
            | Self::HangBefore
            | Self::CloseBefore
            | Self::Status
            | Self::Html200
            | Self::ForeignJson
            | Self::Redirect
            | Self::ForbiddenEmpty => false,
            Self::HangAfter
            | Self::CommitThenClose
            | Self::CommitThenStatus
            | Self::Truncate
            | Self::SlowDrip
            | Self::Duplicate
            | Self::ListLag
            | Self::DocumentLag
            | Self::ListRepeats
            | Self::ListEmptyPage
            | Self::WrongAmount
            | Self::Status2AfterCommit => true,
        }
    }

    /// Whether the caller of something that is done gets the provider's own, true answer. Lists do nothing.
    #[must_use]
    pub const fn answers(self) -> bool {
        matches!(
            self,
            Self::SlowDrip
                | Self::Duplicate
                | Self::ListLag
                | Self::DocumentLag
                | Self::ListRepeats
                | Self::ListEmptyPage
        )
    }
}

/// A fault with its particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// The HTTP status, where the fault has one.
    pub status: Option<u16>,
    /// How long, where the fault takes time.
    pub delay: Option<Duration>,
    /// Whether the call is done all the same, where the kind's own way is not wanted.
    pub commit: Option<bool>,
}

impl Fault {
    /// A fault of that kind with nothing particular.
    #[must_use]
    pub const fn of(kind: FaultKind) -> Self {
        Self { kind, status: None, delay: None, commit: None }
    }

    /// Whether the call is done.
    #[must_use]
    pub fn commits(&self) -> bool {
        self.commit.unwrap_or(self.kind.commits())
    }
}

/// Which calls a rule is for. What is not said matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The path.
    pub path: Option<String>,
    /// Any name of the customer, exactly.
    pub customer: Option<String>,
    /// A part of the document's description.
    pub description: Option<String>,
    /// The sum, as in `9.00`.
    pub amount: Option<String>,
    /// A part of the body's text.
    pub contains: Option<String>,
    /// Which of the calls that match, counted from 1. Empty is all.
    pub nth: Vec<u64>,
    /// Each so-many-th of the calls that match.
    pub every: Option<u64>,
    /// At most so often.
    pub times: Option<u64>,
}

impl Match {
    /// Whether it asks for what only a request says.
    pub(crate) fn reads_request(&self) -> bool {
        self.path.is_some() || self.contains.is_some() || self.needs_facts()
    }

    fn needs_facts(&self) -> bool {
        self.customer.is_some() || self.description.is_some() || self.amount.is_some()
    }

    fn fits(&self, call: &Seen<'_>) -> bool {
        let path_fits = self.path.as_deref().is_none_or(|path| path == call.path);
        let body_fits = self.contains.as_deref().is_none_or(|part| holds(call.body, part.as_bytes()));
        if !path_fits || !body_fits {
            return false;
        }
        if !self.needs_facts() {
            return true;
        }
        let facts = (call.facts)();
        self.customer.as_ref().is_none_or(|name| facts.customer.contains(name))
            && self.amount.as_ref().is_none_or(|amount| facts.amount.as_ref() == Some(amount))
            && self.description.as_ref().is_none_or(|part| {
                facts.description.as_ref().is_some_and(|text| text.contains(part.as_str()))
            })
    }

    fn takes(&self, count: u64, taken: u64) -> bool {
        (self.nth.is_empty() || self.nth.contains(&count))
            && self.every.is_none_or(|every| every > 0 && count.is_multiple_of(every))
            && self.times.is_none_or(|times| taken < times)
    }
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// For which calls.
    pub matches: Match,
    /// What happens to them.
    pub fault: Fault,
}

/// Faults by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RandomFaults {
    /// How many of a thousand calls.
    pub per_thousand: u64,
    /// What chance follows from.
    pub seed: u64,
    /// Which faults, each as likely as the others.
    pub faults: Vec<Fault>,
    /// On which path; on all unless said otherwise.
    pub path: Option<String>,
}

/// Everything that shall go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// Rules in their order.
    pub rules: Vec<Rule>,
    /// Chance, for calls that no rule takes.
    pub random: Option<RandomFaults>,
}

/// A call as the rules see it.
pub(crate) struct Seen<'a> {
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) facts: &'a dyn Fn() -> CallFacts,
}

/// A plan at work: it counts.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    counts: Vec<(u64, u64)>,
    chance: u64,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let counts = vec![(0, 0); plan.rules.len()];
        let chance = plan.random.as_ref().map_or(0, |random| random.seed);
        Self { plan, counts, chance }
    }

    /// Whether nothing ever goes wrong.
    pub(crate) fn is_idle(&self) -> bool {
        self.plan.rules.is_empty() && self.plan.random.is_none()
    }

    /// Whether the next connection is refused.
    pub(crate) fn refuses(&mut self) -> bool {
        self.first(|rule| rule.fault.kind == FaultKind::Refuse).is_some()
    }

    /// What happens to this call.
    pub(crate) fn next(&mut self, call: &Seen<'_>) -> Option<Fault> {
        let by_rule = self.first(|rule| rule.fault.kind != FaultKind::Refuse && rule.matches.fits(call));
        by_rule.or_else(|| self.by_chance(call.path))
    }

    fn first(&mut self, concerns: impl Fn(&Rule) -> bool) -> Option<Fault> {
        for (rule, (count, taken)) in self.plan.rules.iter().zip(&mut self.counts) {
            if !concerns(rule) {
                continue;
            }
            *count += 1;
            if rule.matches.takes(*count, *taken) {
                *taken += 1;
                return Some(rule.fault);
            }
        }
        None
    }

    fn by_chance(&mut self, path: &str) -> Option<Fault> {
        let random = self.plan.random.as_ref()?;
        if random.path.as_deref().is_some_and(|only| only != path) {
            return None;
        }
        let (hit, which) = (mix(&mut self.chance) % 1000, mix(&mut self.chance));
        if hit >= random.per_thousand || random.faults.is_empty() {
            return None;
        }
        let at = usize::try_from(which % random.faults.len() as u64).unwrap_or_default();
        random.faults.get(at).copied()
    }
}

/// One step of the splitmix generator.
fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(faults: &mut Faults, path: &str, body: &str) -> Option<&'static str> {
        let facts = || CallFacts {
            customer: vec!["Dana".to_owned()],
            description: Some("order-17 of March".to_owned()),
            amount: Some("9.00".to_owned()),
        };
        faults.next(&Seen { path, body: body.as_bytes(), facts: &facts }).map(|fault| fault.kind.as_str())
    }

    fn rule(matches: Match, kind: FaultKind) -> Rule {
        Rule { matches, fault: Fault::of(kind) }
    }

    fn plan(rules: Vec<Rule>) -> Faults {
        Faults::new(FaultPlan { rules, random: None })
    }

    #[test]
    fn a_rule_counts_only_what_it_matches() {
        let matches = Match { path: Some("/a/".to_owned()), nth: vec![2], ..Match::default() };
        let mut faults = plan(vec![rule(matches, FaultKind::Status)]);
        assert_eq!(next(&mut faults, "/a/", ""), None);
        assert_eq!(next(&mut faults, "/b/", ""), None);
        assert_eq!(next(&mut faults, "/a/", ""), Some("status"));
        assert_eq!(next(&mut faults, "/a/", ""), None);
    }

    #[test]
    fn a_rule_reads_customer_description_amount_and_text() {
        let text = |text: &str| Some(text.to_owned());
        let matches = [
            (Match { customer: text("Dana"), ..Match::default() }, true),
            (Match { customer: text("Dan"), ..Match::default() }, false),
            (Match { description: text("order-17"), ..Match::default() }, true),
            (Match { description: text("order-18"), ..Match::default() }, false),
            (Match { amount: text("9.00"), ..Match::default() }, true),
            (Match { amount: text("9"), ..Match::default() }, false),
            (Match { contains: text("tok-7"), ..Match::default() }, true),
            (Match { contains: text("tok-8"), ..Match::default() }, false),
            (Match { customer: text("Dana"), amount: text("8.00"), ..Match::default() }, false),
        ];
        for (matches, want) in matches {
            let mut faults = plan(vec![rule(matches.clone(), FaultKind::Truncate)]);
            assert_eq!(next(&mut faults, "/", r#"{"t":"tok-7"}"#).is_some(), want, "{matches:?}");
        }
    }

    #[test]
    fn every_and_times_bound_a_rule() {
        let matches = Match { every: Some(2), times: Some(2), ..Match::default() };
        let mut faults = plan(vec![rule(matches, FaultKind::Html200)]);
        let hits: Vec<bool> = (0..8).map(|_| next(&mut faults, "/", "").is_some()).collect();
        assert_eq!(hits, [false, true, false, true, false, false, false, false]);
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_near_its_rate() {
        let random = RandomFaults {
            per_thousand: 100,
            seed: 7,
            faults: vec![Fault::of(FaultKind::CommitThenClose), Fault::of(FaultKind::Truncate)],
            path: None,
        };
        let run = || {
            let mut faults = Faults::new(FaultPlan { rules: vec![], random: Some(random.clone()) });
            (0..10_000).map(|_| next(&mut faults, "/", "")).collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run());
        let hits = first.iter().flatten().count();
        assert!((800..1200).contains(&hits), "{hits}");
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let mut names: Vec<_> = FaultKind::TABLE.iter().map(|row| row.1.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FaultKind::TABLE.len());
    }
}
