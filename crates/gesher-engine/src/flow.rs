//! A flow as the engine sees it: its name, what it may do, how much, and when it stops by itself.

use gesher_core::{Descriptor, Money, Rejection, Text};

/// Unknown answers in a row after which a flow takes no new items, where it says nothing else.
const UNKNOWN_IN_A_ROW_MAX: u32 = 5;

/// What a flow may do and how many items at a time.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its name in `gesher.toml`.
    pub name: String,
    /// The operations it may call; nothing by default.
    pub allow: Vec<Allow>,
    /// Items at a time, at least one.
    pub concurrency: usize,
    /// What unknown answers do to its runs.
    pub on_unknown: OnUnknown,
    /// Bounds on the money that it may move.
    pub limits: FlowLimits,
}

/// What unknown answers do to a run. Only answers that this process got itself count: what a crash left, and what is
/// answered from the record, says nothing about how the provider is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// So many in a row, and the run takes no new items. Items at work go on to their end.
    After(u32),
    /// Nothing.
    Continue,
    /// At the first, the run takes no new items, and items at work send nothing more that has an effect.
    Halt,
}

impl Default for OnUnknown {
    fn default() -> Self {
        Self::After(UNKNOWN_IN_A_ROW_MAX)
    }
}

/// Bounds on the money that a flow may move; none by default. What moves money the other way counts as much: a refund
/// of 100 takes 100 of a limit. Under a limit, a call without an amount or in another currency is not sent, since
/// nobody could say that it keeps to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowLimits {
    /// For one call.
    pub per_call: Option<Money>,
    /// For one run.
    pub per_run: Option<Money>,
    /// For one day of the hub's time zone, over all runs of the flow.
    pub per_day: Option<Money>,
    /// A run whose validated total is above it waits for a person before its first item.
    pub approve_above: Option<Money>,
    /// What a person let this one run move: the total that was approved. Set by the trigger, for its run.
    pub approved: Option<Money>,
}

/// One entry of a flow's `allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// One operation: `provider.verb_noun`.
    Operation(String),
    /// All of a provider's: `provider.*`.
    Provider(String),
    /// All with an effect: `*:read`.
    Effect(gesher_core::Effect),
}

impl Allow {
    /// Reads one entry of `allow`: `provider.operation`, `provider.*`, `*:read`, `*:write` or `*:money`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        use gesher_core::Effect;
        let name_like = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        match text {
            "*:read" => Some(Self::Effect(Effect::Read)),
            "*:write" => Some(Self::Effect(Effect::Write)),
            "*:money" => Some(Self::Effect(Effect::Money)),
            _ => {
                let (provider, name) = text.split_once('.')?;
                match (name_like(provider), name) {
                    (true, "*") => Some(Self::Provider(provider.to_owned())),
                    (true, name) if name_like(name) => Some(Self::Operation(text.to_owned())),
                    _ => None,
                }
            }
        }
    }

    /// Whether it covers the operation.
    #[must_use]
    pub fn covers(&self, operation: &Descriptor) -> bool {
        match self {
            Self::Operation(name) => name.split_once('.') == Some((operation.provider, operation.word())),
            Self::Provider(provider) => provider == operation.provider,
            Self::Effect(effect) => *effect == operation.effect,
        }
    }
}

impl Flow {
    /// Refuses an operation that the flow's `allow` does not name.
    pub fn permit(&self, operation: &Descriptor) -> Result<(), Rejection> {
        if self.allow.iter().any(|allow| allow.covers(operation)) {
            return Ok(());
        }
        let name = operation.qualified_name();
        Err(Rejection::new(
            "not_allowed",
            Text::new(
                format!(
                    "התהליך {} אינו רשאי לקרוא ל־{name}; יש להוסיף אותה ל־allow של התהליך בקובץ gesher.toml",
                    self.name
                ),
                format!(
                    "the flow {} may not call {name}; add it to the flow's `allow` in gesher.toml",
                    self.name
                ),
            ),
        ))
    }
}
