//! A flow as the engine sees it: its name, what it may do, how much, and when it stops by itself.

use gesher_core::operation::{OperationEntry, Reach};
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
    /// What it may reach beside the providers.
    pub reach: FlowReach,
}

/// What a flow may reach beside the providers; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowReach {
    /// Scheme, host and port of each, in the spelling of [`Reach::origin`].
    pub origins: Vec<String>,
    /// The names of the secrets that it may put into what it sends there.
    pub secrets: Vec<String>,
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
    /// Refuses a call that the flow may not make: an operation that its `allow` does not name, or, for one that reaches a
    /// host of the script's choosing, a host or a secret that the flow does not list. A request that cannot be read
    /// reaches nothing, and is refused for that.
    pub fn permit_call(&self, entry: &OperationEntry, reach: Option<&Reach>) -> Result<(), Rejection> {
        match entry.reaches {
            false => self.permit(&entry.descriptor),
            true => reach.map_or(Ok(()), |reach| self.permit_reach(reach)),
        }
    }

    fn permit_reach(&self, reach: &Reach) -> Result<(), Rejection> {
        let (flow, origin) = (&self.name, &reach.origin);
        if !self.reach.origins.contains(origin) {
            return Err(Rejection::new(
                "host_not_allowed",
                Text::new(
                    format!(
                        "התהליך {flow} אינו רשאי לפנות אל \u{2068}{origin}\u{2069}; יש להוסיף את השרת ל־http של \
                         התהליך בקובץ gesher.toml"
                    ),
                    format!(
                        "the flow {flow} may not call {origin}; add the host to the flow's `http` in gesher.toml"
                    ),
                ),
            ));
        }
        match reach.secrets.iter().find(|name| !self.reach.secrets.contains(name)) {
            None => Ok(()),
            Some(name) => Err(Rejection::new(
                "secret_not_allowed",
                Text::new(
                    format!("התהליך {flow} אינו רשאי להשתמש בסוד {name}; יש להוסיף אותו ל־secrets של התהליך"),
                    format!("the flow {flow} may not use the secret {name}; add it to the flow's `secrets`"),
                ),
            )),
        }
    }

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
