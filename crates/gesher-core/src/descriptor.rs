//! The facts of an operation that hold for every call of it: what it may do, how an intention of it is named, and how an
//! unknown outcome of it is settled. What is done with them is for others.

use crate::ids::Sender;
use std::fmt;

/// What an operation may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Looks.
    Read,
    /// Changes something that is not money.
    Write,
    /// Moves money.
    Money,
}

impl Effect {
    /// The word of the effect.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Money => "money",
        }
    }

    /// Whether it may change anything at the provider.
    #[must_use]
    pub const fn changes(self) -> bool {
        matches!(self, Self::Write | Self::Money)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an operation's intention gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// A read: no key.
    None,
    /// The caller names it.
    Required,
    /// The caller may name it; else item, operation and ordinal do.
    Optional,
    /// It happens once per vendor: the vendor is the key.
    OncePerVendor,
}

/// How an unknown outcome can be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// A read has no unknown outcome that matters.
    NotNeeded,
    /// By asking the provider, with the operation named.
    By(&'static str),
    /// Only a person can: the provider has no way to ask.
    Manual,
}

/// The facts of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// The provider, as in `officeguy`.
    pub provider: &'static str,
    /// Verb and noun, as in `list_payments`; or a word and an endpoint's path, where scripts name the path themselves.
    pub name: &'static str,
    /// One sentence with a full stop.
    pub summary: &'static str,
    /// The endpoint's path on the wire.
    pub endpoint: &'static str,
    /// What it may do.
    pub effect: Effect,
    /// How its intention is named.
    pub key: KeyRule,
    /// How an unknown outcome is settled.
    pub look_up: LookUp,
    /// Whose account sends.
    pub sender: Sender,
}

impl Descriptor {
    /// Refuses a descriptor that contradicts itself, while compiling.
    pub(crate) const fn check(&self) {
        let summary = self.summary.as_bytes();
        assert!(
            !summary.is_empty() && summary[summary.len() - 1] == b'.',
            "a summary is a sentence with a full stop"
        );
        let reads = matches!(self.effect, Effect::Read);
        assert!(matches!(self.key, KeyRule::None) == reads, "reads have no key, and everything else has one");
        assert!(
            matches!(self.look_up, LookUp::NotNeeded) == reads,
            "what has an effect has a look-up or is manual"
        );
        assert!(
            !(matches!(self.effect, Effect::Money) && matches!(self.key, KeyRule::Optional)),
            "money needs a key that its caller names"
        );
    }

    /// `provider.verb_noun`.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.provider, self.name)
    }

    /// The word by which scripts and `allow` know it: its name, up to the path that some have behind it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(word, _)| word)
    }

    /// Whether it is one of many of the same word, told apart by the paths of their endpoints.
    #[must_use]
    pub fn is_by_path(&self) -> bool {
        self.name.contains('/')
    }
}
