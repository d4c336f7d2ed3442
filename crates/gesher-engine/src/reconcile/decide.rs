//! Whether one of a provider's records is what became of a step whose outcome is unknown. Pure.
//!
//! Money never closes as "not charged" here: nothing found, or not surely found, leaves the step as it is. A record
//! is chosen only when it is no other step's, not older than the intent, and either bears the step's own stamp, or
//! fits in every respect while no other record or open step could be meant as well.

use gesher_core::look_up::{Agreement, CLOCK_ALLOWANCE, Candidate, Stamp, Stamped};
use gesher_core::{OutcomeStatus, Text};
use gesher_journal::StepRecord;
use jiff::Timestamp;

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

/// Decides. `taken` are references that other steps have; `open_siblings` counts other steps of the same subject and
/// amount that are in flight or unknown.
pub(crate) fn decide<'a>(
    step: &StepFacts,
    candidates: &'a [Candidate],
    taken: &[String],
    open_siblings: u64,
) -> Verdict<'a> {
    let oldest = step.intent_at.checked_sub(CLOCK_ALLOWANCE).unwrap_or(Timestamp::MIN);
    let free: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| !taken.contains(&candidate.reference))
        .filter(|candidate| candidate.at.is_none_or(|at| at >= oldest))
        .collect();
    let is_ours = |candidate: &Candidate| match (&step.stamp, &candidate.stamped) {
        (Some(ours), Stamped::As(stamp)) => stamp == ours,
        _ => false,
    };
    let ours: Vec<&Candidate> = free.iter().copied().filter(|candidate| is_ours(candidate)).collect();
    match ours.as_slice() {
        [] => by_criteria(step, &free, candidates.len(), open_siblings),
        [one] if one.outcome.status != OutcomeStatus::Succeeded => Verdict::NoneFound(declined(one)),
        // The stamp decides alone, but not against the sum.
        [one] if one.amount_agrees != Agreement::No => Verdict::One(one),
        _ => Verdict::Several(ours),
    }
}

/// Without the stamp everything has to agree, and nothing else may be meant.
fn by_criteria<'a>(step: &StepFacts, free: &[&'a Candidate], seen: usize, open_siblings: u64) -> Verdict<'a> {
    let may_be: Vec<&Candidate> = free
        .iter()
        .copied()
        .filter(|candidate| match candidate.stamped {
            // Another step's.
            Stamped::As(_) => false,
            // Ours would bear its stamp.
            Stamped::Not => step.stamp.is_none(),
            Stamped::Unread => true,
        })
        .filter(|candidate| fits(candidate) != Agreement::No)
        .collect();
    let (succeeded, others): (Vec<&Candidate>, Vec<&Candidate>) =
        may_be.into_iter().partition(|candidate| candidate.outcome.status == OutcomeStatus::Succeeded);
    let Some(first) = succeeded.first() else {
        return Verdict::NoneFound(others.first().map_or_else(|| nothing(seen), |other| declined(other)));
    };
    if open_siblings > 0 {
        return Verdict::NoneFound(sibling(first, open_siblings));
    }
    if let Some(unclear) = succeeded.iter().find(|candidate| fits(candidate) != Agreement::Yes) {
        return Verdict::NoneFound(unclear_record(unclear));
    }
    match succeeded.as_slice() {
        [one] => Verdict::One(one),
        _ => Verdict::Several(succeeded),
    }
}

/// Whether customer, method, amount, currency and time fit. Time that is not known leaves it open.
fn fits(candidate: &Candidate) -> Agreement {
    let time = if candidate.at.is_some() { Agreement::Yes } else { Agreement::CannotTell };
    candidate.agrees.and(candidate.amount_agrees).and(time)
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

fn sibling(candidate: &Candidate, open: u64) -> Text {
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
            agrees: Agreement::Yes,
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

    #[track_caller]
    fn check(step: &StepFacts, candidates: &[Candidate], taken: &[&str], siblings: u64, want: &str) {
        let taken: Vec<String> = taken.iter().map(|taken| (*taken).to_owned()).collect();
        let verdict = decide(step, candidates, &taken, siblings);
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
            minutes in prop::option::of(-20..20_i64),
            amount_agrees in any_agreement(),
            stamped in any_stamped(),
            agrees in any_agreement(),
            paid in any::<bool>(),
        ) -> Candidate {
            let intent: Timestamp = INTENT.parse().unwrap();
            let made = |minutes: i64| intent.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
            let candidate = Candidate {
                at: minutes.map(made), amount_agrees, stamped, agrees, ..record(&reference.to_string())
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
            match decide(&step, &candidates, &taken, siblings) {
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
                        prop_assert!(one.at.is_some());
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
