//! Whether one of a provider's records is what became of a step whose outcome is unknown. Pure.
//!
//! Money never closes as "not charged" here: nothing found, or not surely found, leaves the step as it is. A record
//! is chosen only when it is no other step's, not older than the intent, and either bears the step's own stamp, or
//! fits in every respect, in its time too, while no other record or open step could be meant as well.

use super::people::NOT_CHARGED_AFTER;
use gesher_core::look_up::{Agreement, CLOCK_ALLOWANCE, Candidate, Stamp, Stamped};
use gesher_core::{OutcomeStatus, StepId, Text};
use gesher_journal::StepRecord;
use jiff::{SignedDuration, Timestamp};

/// How far another step's intent may lie from this one's for a record to be of either: the whole time that a record may
/// come after its intent, and the clocks' allowance at both ends.
const NEAR: SignedDuration = SignedDuration::from_mins(40);

/// What has to be known of the step.
#[derive(Clone, Debug)]
pub(crate) struct StepFacts {
    /// The stamp that its request carried.
    pub(crate) stamp: Option<Stamp>,
    /// When its intent was journalled.
    pub(crate) intent_at: Timestamp,
}

impl StepFacts {
    /// Of a step as the journal has it.
    pub(crate) fn of(step: &StepRecord) -> Self {
        // A stamp that cannot be read is as good as none: then everything has to agree.
        let stamp = step.stamp.as_deref().and_then(|stamp| stamp.parse().ok());
        Self { stamp, intent_at: step.intent_at }
    }

    /// Between which intents, of the earliest and of the latest step, the others lie that one record could be of too.
    pub(crate) fn near(&self) -> (Timestamp, Timestamp) {
        let at = self.intent_at;
        (at.checked_sub(NEAR).unwrap_or(Timestamp::MIN), at.checked_add(NEAR).unwrap_or(Timestamp::MAX))
    }

    /// Whether a record can be of this step by what its text says of a stamp: a request with one makes no text without.
    fn may_bear(&self, stamped: &Stamped) -> bool {
        match stamped {
            Stamped::As(stamp) => self.stamp.as_ref() == Some(stamp),
            Stamped::Not => self.stamp.is_none(),
            Stamped::Unread => true,
        }
    }

    /// Whether a record of that time can be of this step. Long after the intent it may be, by a slip of all clocks, and is
    /// not likely to be: a sum that is paid every week looks the same each time. So it is left open.
    fn in_time(&self, at: Option<Timestamp>) -> Agreement {
        let Some(at) = at else {
            return Agreement::CannotTell;
        };
        let latest = self.intent_at.checked_add(NOT_CHARGED_AFTER).unwrap_or(Timestamp::MAX);
        let latest = latest.checked_add(CLOCK_ALLOWANCE).unwrap_or(Timestamp::MAX);
        if at < oldest(self.intent_at) {
            Agreement::No
        } else if at <= latest {
            Agreement::Yes
        } else {
            Agreement::CannotTell
        }
    }
}

/// The earliest time of a record of an intent.
fn oldest(intent_at: Timestamp) -> Timestamp {
    intent_at.checked_sub(CLOCK_ALLOWANCE).unwrap_or(Timestamp::MIN)
}

/// Another step of the account that is in flight, unknown or in conflict.
#[derive(Clone, Debug)]
pub(crate) struct Sibling {
    /// Which.
    pub(crate) id: StepId,
    /// What is known of it.
    pub(crate) facts: StepFacts,
    /// Whether the provider compared the records with it, so that a candidate says whether it could be its own.
    pub(crate) compared: bool,
}

impl Sibling {
    /// Whether a record could be this step's. One that began after the provider was asked is not compared, and may be.
    fn may_be(&self, candidate: &Candidate) -> bool {
        (!self.compared || candidate.also.contains(&self.id))
            && self.facts.may_bear(&candidate.stamped)
            && match self.facts.in_time(candidate.at) {
                Agreement::Yes => true,
                Agreement::No => false,
                Agreement::CannotTell => candidate.at.is_none(),
            }
    }
}

/// What the records say.
#[derive(Debug)]
pub(crate) enum Verdict<'a> {
    /// This is it, and it succeeded.
    One(&'a Candidate),
    /// They contradict: more than one is the step's, or the one is for another amount. A person decides.
    Several(Vec<&'a Candidate>),
    /// Nothing is sure. It stays unknown, and this says why.
    NoneFound(Text),
}

/// Decides. `taken` are references and documents that other steps have; `siblings` are the other open steps of the time.
pub(crate) fn decide<'a>(
    step: &StepFacts,
    candidates: &'a [Candidate],
    taken: &[String],
    siblings: &[Sibling],
) -> Verdict<'a> {
    let free: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| !taken.contains(&candidate.reference))
        .filter(|candidate| step.in_time(candidate.at) != Agreement::No)
        .collect();
    let is_ours = |candidate: &Candidate| match (&step.stamp, &candidate.stamped) {
        (Some(ours), Stamped::As(stamp)) => stamp == ours,
        _ => false,
    };
    let ours: Vec<&Candidate> = free.iter().copied().filter(|candidate| is_ours(candidate)).collect();
    let may_become_ours = |other: &&&Candidate| {
        other.pending
            && step.may_bear(&other.stamped)
            && is_done(other)
            && fits(step, other, taken) != Agreement::No
    };
    match ours.as_slice() {
        [] => by_criteria(step, &free, candidates.len(), taken, siblings),
        [one] if !is_done(one) => Verdict::NoneFound(declined(one)),
        // The stamp decides alone, but not against the sum, and not while a second one may be about to bear it.
        [one] if one.amount_agrees != Agreement::No => match free.iter().find(may_become_ours) {
            Some(other) => Verdict::NoneFound(pending(one, other)),
            None => Verdict::One(one),
        },
        _ => Verdict::Several(ours),
    }
}

/// Without the stamp everything has to agree, and nothing else may be meant.
fn by_criteria<'a>(
    step: &StepFacts,
    free: &[&'a Candidate],
    seen: usize,
    taken: &[String],
    siblings: &[Sibling],
) -> Verdict<'a> {
    let may_be: Vec<&Candidate> = free
        .iter()
        .copied()
        .filter(|candidate| {
            step.may_bear(&candidate.stamped) && fits(step, candidate, taken) != Agreement::No
        })
        .collect();
    let (succeeded, others): (Vec<&Candidate>, Vec<&Candidate>) =
        may_be.into_iter().partition(|candidate| is_done(candidate));
    if succeeded.is_empty() {
        return Verdict::NoneFound(others.first().map_or_else(|| nothing(seen), |other| declined(other)));
    }
    for candidate in &succeeded {
        let open = siblings.iter().filter(|sibling| sibling.may_be(candidate)).count();
        if open > 0 {
            return Verdict::NoneFound(sibling(candidate, open));
        }
    }
    if let Some(unclear) = succeeded.iter().find(|candidate| fits(step, candidate, taken) != Agreement::Yes) {
        return Verdict::NoneFound(unclear_record(unclear));
    }
    match succeeded.as_slice() {
        [one] => Verdict::One(one),
        _ => Verdict::Several(succeeded),
    }
}

fn is_done(candidate: &Candidate) -> bool {
    candidate.outcome.status == OutcomeStatus::Succeeded
}

/// Whether customer, method, amount, currency and time fit. Where another step has a document of that number it is left
/// open: numbers are told apart by their kind, which is not known here.
fn fits(step: &StepFacts, candidate: &Candidate, taken: &[String]) -> Agreement {
    let is_taken = candidate.document.as_ref().is_some_and(|number| taken.contains(number));
    let document = if is_taken { Agreement::CannotTell } else { Agreement::Yes };
    candidate.agrees.and(candidate.amount_agrees).and(step.in_time(candidate.at)).and(document)
}

fn nothing(seen: usize) -> Text {
    if seen == 0 {
        return Text::new(
            "אצל הספק לא נמצא רישום מתאים; אין בכך ראיה שהפעולה לא בוצעה",
            "no record that fits was found at the provider; that is no evidence that nothing was done",
        );
    }
    Text::new(
        format!("נבדקו {seen} רישומים אצל הספק, ואף אחד מהם אינו של הצעד הזה; אין בכך ראיה שהפעולה לא בוצעה"),
        format!(
            "{seen} records of the provider were compared and none is this step's; that is no evidence that nothing was done"
        ),
    )
}

fn declined(candidate: &Candidate) -> Text {
    let reference = &candidate.reference;
    Text::new(
        format!("נמצא רק רישום של סירוב ({reference}); סגירה של חיוב כלא מבוצע היא החלטה של אדם"),
        format!("only a declined record was found ({reference}); to close it as not charged is for a person"),
    )
}

fn sibling(candidate: &Candidate, open: usize) -> Text {
    let reference = &candidate.reference;
    Text::new(
        format!("נמצא רישום ({reference}), אבל {open} צעדים דומים עדיין פתוחים ולא ידוע של מי הוא"),
        format!(
            "a record was found ({reference}), but {open} equal steps are open too and it cannot be told whose it is"
        ),
    )
}

fn unclear_record(candidate: &Candidate) -> Text {
    let reference = &candidate.reference;
    Text::new(
        format!("נמצא רישום ({reference}) שאי אפשר לקבוע אם הוא של הצעד הזה"),
        format!("a record was found ({reference}) of which it cannot be told whether it is this step's"),
    )
}

fn pending(candidate: &Candidate, other: &Candidate) -> Text {
    let (reference, other) = (&candidate.reference, &other.reference);
    Text::new(
        format!(
            "נמצא רישום של הצעד הזה ({reference}), אבל ייתכן שגם {other} שלו: המסמך של {other} עוד לא נמסר. הבירור יחזור"
        ),
        format!(
            "this step's record was found ({reference}), but {other} may be its own too: the document of {other} is \
             not there yet. It will be looked up again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::Outcome;
    use proptest::prelude::*;
    use serde_json::Value;

    const STAMP: &str = "k7mq2xd.12.1";
    const OTHER: &str = "k7mq2xd.13.1";
    const INTENT: &str = "2026-03-15T10:00:00Z";

    fn stamp(text: &str) -> Stamp {
        text.parse().unwrap()
    }

    fn stamped() -> StepFacts {
        StepFacts { stamp: Some(stamp(STAMP)), intent_at: INTENT.parse().unwrap() }
    }

    fn unstamped() -> StepFacts {
        StepFacts { stamp: None, ..stamped() }
    }

    /// A record that fits in every respect and says nothing of a stamp.
    fn record(reference: &str) -> Candidate {
        let amount = "9.00 ILS".parse().ok();
        Candidate {
            reference: reference.to_owned(),
            document: None,
            at: "2026-03-15T10:00:02Z".parse().ok(),
            amount,
            amount_agrees: Agreement::Yes,
            stamped: Stamped::Unread,
            pending: false,
            agrees: Agreement::Yes,
            also: Vec::new(),
            outcome: Outcome::new(OutcomeStatus::Succeeded, "000", Text::default()),
            evidence: Value::Null,
        }
    }

    fn ours(reference: &str) -> Candidate {
        Candidate { stamped: Stamped::As(stamp(STAMP)), ..record(reference) }
    }

    fn of_another(reference: &str) -> Candidate {
        Candidate { stamped: Stamped::As(stamp(OTHER)), ..record(reference) }
    }

    fn at(time: &str, candidate: Candidate) -> Candidate {
        Candidate { at: time.parse().ok(), ..candidate }
    }

    fn not_paid(candidate: Candidate) -> Candidate {
        Candidate { outcome: Outcome::new(OutcomeStatus::Declined, "004", Text::default()), ..candidate }
    }

    /// `one X`, `several X Y` or `none`.
    fn word(verdict: &Verdict<'_>) -> String {
        match verdict {
            Verdict::One(one) => format!("one {}", one.reference),
            Verdict::Several(several) => {
                let references: Vec<&str> = several.iter().map(|one| one.reference.as_str()).collect();
                format!("several {}", references.join(" "))
            }
            Verdict::NoneFound(_) => "none".to_owned(),
        }
    }

    /// So many other steps, of the same moment and without stamps, that began after the provider was asked.
    fn others(count: u64) -> Vec<Sibling> {
        let of = |ordinal| format!("aaaaaaa.{ordinal}.1").parse().unwrap();
        (0..count).map(|ordinal| Sibling { id: of(ordinal), facts: unstamped(), compared: false }).collect()
    }

    #[track_caller]
    fn check(step: &StepFacts, candidates: &[Candidate], taken: &[&str], siblings: u64, want: &str) {
        let siblings = others(siblings);
        let taken: Vec<String> = taken.iter().map(|taken| (*taken).to_owned()).collect();
        let verdict = decide(step, candidates, &taken, &siblings);
        assert_eq!(word(&verdict), want);
        if let Verdict::NoneFound(why) = verdict {
            assert!(!why.he.is_empty() && !why.en.is_empty());
        }
    }

    #[test]
    fn the_stamp_decides_alone() {
        let strange = Candidate { agrees: Agreement::No, ..ours("1") };
        check(&stamped(), &[ours("1")], &[], 0, "one 1");
        check(&stamped(), &[strange], &[], 0, "one 1");
        check(&stamped(), &[Candidate { at: None, ..ours("1") }], &[], 0, "one 1");
        check(
            &stamped(),
            &[Candidate { amount_agrees: Agreement::CannotTell, ..ours("1") }],
            &[],
            0,
            "one 1",
        );
        check(&stamped(), &[record("2"), ours("1"), of_another("3")], &[], 7, "one 1");
        check(&stamped(), &[ours("1"), ours("2")], &[], 0, "several 1 2");
        check(&stamped(), &[ours("1"), not_paid(ours("2"))], &[], 0, "several 1 2");
        check(&stamped(), &[Candidate { amount_agrees: Agreement::No, ..ours("1") }], &[], 0, "several 1");
    }

    #[test]
    fn a_declined_record_closes_nothing() {
        check(&stamped(), &[not_paid(ours("1"))], &[], 0, "none");
        check(&stamped(), &[not_paid(record("1"))], &[], 0, "none");
        check(&unstamped(), &[not_paid(record("1"))], &[], 0, "none");
        check(&unstamped(), &[not_paid(record("1")), record("2")], &[], 0, "one 2");
    }

    #[test]
    fn what_is_taken_or_older_is_never_chosen() {
        for step in [stamped(), unstamped()] {
            for candidate in [ours("1"), record("1")] {
                check(&step, std::slice::from_ref(&candidate), &["1"], 0, "none");
                check(&step, &[at("2026-03-15T09:54:59Z", candidate)], &[], 0, "none");
            }
            check(&step, &[at("2026-03-15T09:55:00Z", record("1"))], &[], 0, "one 1");
            check(&step, &[record("1"), record("2")], &["1"], 0, "one 2");
        }
    }

    #[test]
    fn without_a_stamp_everything_has_to_agree() {
        use Agreement::{CannotTell, No};
        let plain = |candidate: Candidate| Candidate { stamped: Stamped::Not, ..candidate };
        check(&unstamped(), &[plain(record("1"))], &[], 0, "one 1");
        check(&unstamped(), &[record("1")], &[], 0, "one 1");
        check(&unstamped(), &[], &[], 0, "none");
        for agrees in [No, CannotTell] {
            check(&unstamped(), &[Candidate { agrees, ..record("1") }], &[], 0, "none");
            check(&unstamped(), &[Candidate { amount_agrees: agrees, ..record("1") }], &[], 0, "none");
        }
        check(&unstamped(), &[Candidate { at: None, ..record("1") }], &[], 0, "none");
        check(&unstamped(), &[record("1")], &[], 1, "none");
        check(&unstamped(), &[record("1"), record("2")], &[], 0, "several 1 2");
        check(&unstamped(), &[record("1"), Candidate { agrees: No, ..record("2") }], &[], 0, "one 1");
        check(&unstamped(), &[record("1"), Candidate { agrees: CannotTell, ..record("2") }], &[], 0, "none");
        check(&unstamped(), &[of_another("1")], &[], 0, "none");
    }

    #[test]
    fn a_stamped_request_leaves_no_record_without_its_stamp() {
        check(&stamped(), &[Candidate { stamped: Stamped::Not, ..record("1") }], &[], 0, "none");
        check(&stamped(), &[of_another("1")], &[], 0, "none");
        // A record whose text nobody could read may be ours all the same.
        check(&stamped(), &[record("1")], &[], 0, "one 1");
        check(&stamped(), &[record("1")], &[], 1, "none");
    }

    #[test]
    fn what_came_long_after_the_intent_is_another_payment_or_needs_a_person() {
        for step in [stamped(), unstamped()] {
            check(&step, &[at("2026-03-15T10:35:00Z", record("1"))], &[], 0, "one 1");
            check(&step, &[at("2026-03-15T10:35:01Z", record("1"))], &[], 0, "none");
            check(&step, &[at("2026-03-22T10:00:00Z", record("1"))], &[], 0, "none");
            check(&step, &[record("1"), at("2026-03-22T10:00:00Z", record("2"))], &[], 0, "none");
        }
        check(&stamped(), &[at("2026-03-22T10:00:00Z", ours("1"))], &[], 0, "one 1");
    }

    #[test]
    fn a_document_that_another_step_has_is_not_chosen() {
        let made = |number: &str| Candidate { document: Some(number.to_owned()), ..record("1") };
        check(&unstamped(), &[made("1001")], &["1001"], 0, "none");
        check(&unstamped(), &[made("1002")], &["1001"], 0, "one 1");
        // Numbers are not unique over all kinds, so they do not speak for another record either.
        check(&unstamped(), &[made("1001"), record("2")], &["1001"], 0, "none");
        check(
            &stamped(),
            &[Candidate { document: Some("1001".to_owned()), ..ours("1") }],
            &["1001"],
            0,
            "one 1",
        );
    }

    #[test]
    fn a_second_payment_whose_document_is_on_its_way_is_waited_for() {
        let pending = |candidate| Candidate { pending: true, agrees: Agreement::CannotTell, ..candidate };
        check(&stamped(), &[ours("1"), pending(record("2"))], &[], 0, "none");
        check(&stamped(), &[ours("1"), record("2")], &[], 0, "one 1");
        check(&stamped(), &[ours("1"), pending(record("2"))], &["2"], 0, "one 1");
        check(&stamped(), &[ours("1"), not_paid(pending(record("2")))], &[], 0, "one 1");
        let other_sum = Candidate { amount_agrees: Agreement::No, ..pending(record("2")) };
        check(&stamped(), &[ours("1"), other_sum], &[], 0, "one 1");
    }

    #[track_caller]
    fn check_sibling(candidate: Candidate, sibling: Sibling, want: &str) {
        let (candidates, siblings) = ([candidate], [sibling]);
        assert_eq!(word(&decide(&unstamped(), &candidates, &[], &siblings)), want);
    }

    #[test]
    fn a_record_that_another_open_step_could_have_is_not_chosen() {
        let sibling = || Sibling { compared: true, ..others(1).remove(0) };
        let begun = |time: &str| {
            let facts = StepFacts { intent_at: time.parse().unwrap(), ..unstamped() };
            Sibling { facts, compared: false, ..sibling() }
        };
        let also = || Candidate { also: vec![sibling().id], ..record("1") };
        check_sibling(record("1"), sibling(), "one 1");
        check_sibling(also(), sibling(), "none");
        check_sibling(record("1"), Sibling { compared: false, ..sibling() }, "none");
        // Its text was read and bears no stamp, and the other's would.
        let stamped_sibling = Sibling { facts: stamped(), ..sibling() };
        check_sibling(Candidate { stamped: Stamped::Not, ..also() }, stamped_sibling.clone(), "one 1");
        check_sibling(also(), stamped_sibling, "none");
        // It cannot have been made so long after or before the other's intent.
        for (time, want) in [
            ("2026-03-15T09:25:01Z", "one 1"),
            ("2026-03-15T09:25:02Z", "none"),
            ("2026-03-15T10:05:02Z", "none"),
            ("2026-03-15T10:05:03Z", "one 1"),
        ] {
            check_sibling(record("1"), begun(time), want);
        }
    }

    fn any_agreement() -> impl Strategy<Value = Agreement> {
        prop_oneof![Just(Agreement::Yes), Just(Agreement::No), Just(Agreement::CannotTell)]
    }

    fn any_stamped() -> impl Strategy<Value = Stamped> {
        prop_oneof![
            Just(Stamped::As(stamp(STAMP))),
            Just(Stamped::As(stamp(OTHER))),
            Just(Stamped::Not),
            Just(Stamped::Unread)
        ]
    }

    prop_compose! {
        fn any_record()(
            reference in 1..6_u8,
            minutes in prop::option::of(prop_oneof![-20..50_i64, -10_000..30_000_i64]),
            pending in any::<bool>(),
            amount_agrees in any_agreement(),
            stamped in any_stamped(),
            agrees in any_agreement(),
            paid in any::<bool>(),
        ) -> Candidate {
            let intent: Timestamp = INTENT.parse().unwrap();
            let made = |minutes: i64| intent.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
            let candidate = Candidate {
                at: minutes.map(made), amount_agrees, stamped, pending, agrees, ..record(&reference.to_string())
            };
            if paid { candidate } else { not_paid(candidate) }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_ever_closed_on_a_hunch(
            has_stamp in any::<bool>(),
            candidates in prop::collection::vec(any_record(), 0..6),
            taken in prop::collection::vec(1..6_u8, 0..4),
            siblings in 0..3_u64,
        ) {
            let step = if has_stamp { stamped() } else { unstamped() };
            let taken: Vec<String> = taken.iter().map(ToString::to_string).collect();
            let oldest = step.intent_at.checked_sub(CLOCK_ALLOWANCE).unwrap();
            let usable = |candidate: &Candidate| {
                !taken.contains(&candidate.reference) && candidate.at.is_none_or(|at| at >= oldest)
            };
            let is_ours = |candidate: &Candidate| has_stamp && candidate.stamped == Stamped::As(stamp(STAMP));
            match decide(&step, &candidates, &taken, &others(siblings)) {
                Verdict::One(one) => {
                    prop_assert_eq!(one.outcome.status, OutcomeStatus::Succeeded);
                    prop_assert!(usable(one));
                    prop_assert_ne!(one.amount_agrees, Agreement::No);
                    let mine = candidates.iter().filter(|other| usable(other) && is_ours(other)).count();
                    prop_assert!(mine <= 1);
                    if !is_ours(one) {
                        prop_assert_eq!(siblings, 0);
                        prop_assert_eq!(mine, 0);
                        prop_assert_eq!(one.agrees.and(one.amount_agrees), Agreement::Yes);
                        let latest = step.intent_at.checked_add(SignedDuration::from_mins(35)).unwrap();
                        prop_assert!(one.at.is_some_and(|at| at <= latest));
                        prop_assert!(!matches!(one.stamped, Stamped::As(_)));
                        prop_assert!(!has_stamp || one.stamped == Stamped::Unread);
                    }
                }
                Verdict::Several(several) => {
                    prop_assert!(several.iter().all(|one| usable(one)));
                    prop_assert!(several.len() > 1 || several.iter().all(|one| one.amount_agrees == Agreement::No));
                }
                Verdict::NoneFound(why) => prop_assert!(!why.is_empty()),
            }
        }
    }
}
