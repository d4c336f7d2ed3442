//! How an unknown outcome is settled by asking the provider: the stamp that a request carries, what a look-up is
//! told, and what it finds.
//!
//! Words only. Finding is the provider's; whether a finding is the step's own is decided by the engine.

use crate::ids::{IdError, StepId};
use crate::language::Text;
use crate::money::Money;
use crate::outcome::Outcome;
use jiff::Timestamp;
use serde_json::Value;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How far the provider's clock and ours may disagree. A record that is older than the intent by more is not the
/// step's own.
pub const CLOCK_ALLOWANCE: Duration = Duration::from_secs(5 * 60);
/// Length of the longest stamp between its brackets, in bytes: a run, an ordinal and a position with all their digits.
const STAMP_BYTES_MAX: usize = 40;

/// The hub's own reference of a step, as it stands in what the provider keeps: `[k7mq2xd.12.1]`. People may type it
/// with or without its brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    step: StepId,
    /// The step as a text, in brackets: each call writes it down and into its request.
    text: String,
}

impl Stamp {
    /// The stamp of a step.
    #[must_use]
    pub fn of(step: &StepId) -> Self {
        Self { step: step.clone(), text: format!("[{step}]") }
    }

    /// The step that it names.
    #[must_use]
    pub fn step(&self) -> &StepId {
        &self.step
    }

    /// As it is written into a text: in brackets, so that it is found again between other words.
    #[must_use]
    pub fn in_text(&self) -> &str {
        &self.text
    }

    /// The stamps of `text`, each once, in their order.
    #[must_use]
    pub fn all_in(text: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for (at, _) in text.match_indices('[') {
            let inner = text.get(at + 1..).unwrap_or_default();
            let Some(end) = inner.bytes().take(STAMP_BYTES_MAX + 1).position(|byte| byte == b']') else {
                continue;
            };
            if let Some(Ok(step)) = inner.get(..end).map(str::parse) {
                let stamp = Self::of(&step);
                if !found.contains(&stamp) {
                    found.push(stamp);
                }
            }
        }
        found
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)
    }
}

impl FromStr for Stamp {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bare = text.trim();
        let bare = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(bare);
        bare.parse().map(|step| Self::of(&step))
    }
}

/// What is known of a stamp on a provider's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamped {
    /// Its text bears this one and no other.
    As(Stamp),
    /// Its text was read and bears none.
    Not,
    /// It has no text yet, or one with several stamps.
    Unread,
}

impl Stamped {
    /// What a text says.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        match Stamp::all_in(text).as_slice() {
            [] => Self::Not,
            [stamp] => Self::As(stamp.clone()),
            _ => Self::Unread,
        }
    }
}

/// Whether a record fits what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Everything that both sides say is the same, and that is enough to tell.
    Yes,
    /// Something differs.
    No,
    /// One side says too little.
    CannotTell,
}

impl Agreement {
    /// Both together: a no of either is a no, and both have to be sure.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::CannotTell,
        }
    }
}

/// What a look-up is told of the step whose outcome is unknown.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it would have moved.
    pub amount: Option<Money>,
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What the operation noted for its look-up ([`crate::operation::Facts::look_up`]).
    pub facts: Value,
    /// The stamp that its request carried.
    pub stamp: Option<Stamp>,
    /// When its intent was journalled.
    pub intent_at: Timestamp,
    /// The end of the time to look at: now.
    pub until: Timestamp,
    /// Other steps of the account and the time of which nobody knows either.
    pub siblings: Vec<Sibling>,
    /// How the look-up waits for its turn before each of its requests.
    pub pace: Pace,
}

/// Another step whose outcome is not known, of which a record could be as well.
#[derive(Clone, Debug)]
pub struct Sibling {
    /// Which step.
    pub step: StepId,
    /// The endpoint of its operation; none where the operation is not known.
    pub endpoint: Option<&'static str>,
    /// What it would have moved.
    pub amount: Option<Money>,
    /// What its operation noted for its look-up.
    pub facts: Value,
}

/// A turn at the provider, over when it is dropped; or why none came.
pub type TurnFuture<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Send>, Text>> + Send + 'a>>;

/// Gives turns at a provider.
pub trait Turns: Send + Sync {
    /// Waits for a turn.
    fn turn(&self) -> TurnFuture<'_>;
}

/// How a look-up waits for its turns. The default does not wait.
#[derive(Clone, Default)]
pub struct Pace {
    turns: Option<Arc<dyn Turns>>,
    is_hurried: bool,
}

impl Pace {
    /// Takes every turn from `turns`.
    #[must_use]
    pub fn of(turns: Arc<dyn Turns>) -> Self {
        Self { turns: Some(turns), is_hurried: false }
    }

    /// The same for a look-up that somebody waits for: it has seconds where others have minutes.
    #[must_use]
    pub fn hurried(self) -> Self {
        Self { is_hurried: true, ..self }
    }

    /// Whether somebody waits for the look-up.
    #[must_use]
    pub fn is_hurried(&self) -> bool {
        self.is_hurried
    }

    /// Waits for a turn, to be kept for one request.
    pub async fn turn(&self) -> Result<Option<Box<dyn Send>>, LookUpFailure> {
        match &self.turns {
            Some(turns) => turns.turn().await.map(Some).map_err(LookUpFailure::Unavailable),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_turns = self.turns.is_some();
        f.debug_struct("Pace").field("turns", &has_turns).field("is_hurried", &self.is_hurried).finish()
    }
}

/// What a look-up found: every record of the time that may be the step's own. Never a part of it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The records, those of other steps among them.
    pub candidates: Vec<Candidate>,
}

/// One record of the provider that may be the step's own.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The provider's id of it, as the outcome would have named it.
    pub reference: String,
    /// The number of its document.
    pub document: Option<String>,
    /// When it was made; none where the provider says no more than the day.
    pub at: Option<Timestamp>,
    /// What it moved.
    pub amount: Option<Money>,
    /// Whether that is what was asked for, with whatever the provider may add or round.
    pub amount_agrees: Agreement,
    /// What its text says of a stamp.
    pub stamped: Stamped,
    /// Whether its text is still to be expected, and may then say whose it is.
    pub pending: bool,
    /// Whether customer, payment method and whatever else the request named fit.
    pub agrees: Agreement,
    /// Those of [`Wanted::siblings`] that it does not contradict: it could be theirs as well, for all that it says
    /// beside its time and its stamp.
    pub also: Vec<StepId>,
    /// The outcome that it is, by its own record: succeeded or declined.
    pub outcome: Outcome,
    /// What the provider showed, for the person who checks. Without secrets; redacted before it is kept.
    pub evidence: Value,
}

/// Why nothing can be said. It never means that there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUpFailure {
    /// The provider did not answer, or not everything. Ask again later.
    Unavailable(Text),
    /// The provider refused the credentials: the account has to pause, or it may be blocked.
    Refused(Text),
    /// Nobody vouches for the provider's server, so it was not asked. Ask again later; a person is told.
    Untrusted(Text),
    /// The provider cannot be asked; only a person can settle it.
    Manual,
}

/// The future of a look-up.
pub type LookUpFuture<'a> = Pin<Box<dyn Future<Output = Result<Found, LookUpFailure>> + Send + 'a>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let found: Vec<String> = Stamp::all_in(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn a_stamp_is_found_between_other_words() {
        check("[k7mq2xd.12.1]", &["k7mq2xd.12.1"]);
        check("הזמנה 1007 [k7mq2xd.12.1]", &["k7mq2xd.12.1"]);
        check("[k7mq2xd.12.1] order", &["k7mq2xd.12.1"]);
        check("[[k7mq2xd.12.1]]", &["k7mq2xd.12.1"]);
        check("a [k7mq2xd.12.1] b [k7mq2xd.12.1] c [aaaaaaa.0.3]", &["k7mq2xd.12.1", "aaaaaaa.0.3"]);
        check("[K7MQ2XD.12.1]", &["k7mq2xd.12.1"]);
        check(
            &format!("[{}]", "k7mq2xd.18446744073709551615.4294967295"),
            &["k7mq2xd.18446744073709551615.4294967295"],
        );
    }

    #[test]
    fn other_brackets_are_no_stamps() {
        for text in [
            "",
            "[]",
            "[",
            "order [12]",
            "[k7mq2xd]",
            "[k7mq2xd.12]",
            "[k7mq2xd.12.1",
            "k7mq2xd.12.1",
            "[דוגמה.1.1]",
        ] {
            check(text, &[]);
        }
        check(&format!("[{}k7mq2xd.12.1]", " ".repeat(60)), &[]);
    }

    #[test]
    fn a_text_with_two_stamps_decides_nothing() {
        let stamp: Stamp = "k7mq2xd.12.1".parse().unwrap();
        assert_eq!(Stamped::of_text("x [k7mq2xd.12.1]"), Stamped::As(stamp));
        assert_eq!(Stamped::of_text("x"), Stamped::Not);
        assert_eq!(Stamped::of_text("[k7mq2xd.12.1] [k7mq2xd.12.2]"), Stamped::Unread);
    }

    #[test]
    fn a_stamp_reads_back_with_and_without_brackets() {
        let stamp: Stamp = "k7mq2xd.12.1".parse().unwrap();
        assert_eq!(stamp.in_text().parse::<Stamp>().unwrap(), stamp);
        assert_eq!(Stamp::of(stamp.step()), stamp);
        assert_eq!(stamp.to_string(), "k7mq2xd.12.1");
        assert!("[k7mq2xd.12.1".parse::<Stamp>().is_err());
    }

    #[test]
    fn agreements_add_up_to_the_worse() {
        use Agreement::{CannotTell, No, Yes};
        for (one, other, want) in
            [(Yes, Yes, Yes), (Yes, CannotTell, CannotTell), (CannotTell, No, No), (No, Yes, No)]
        {
            assert_eq!((one.and(other), other.and(one)), (want, want));
        }
    }
}
