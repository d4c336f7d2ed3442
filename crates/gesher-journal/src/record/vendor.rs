//! Vendors as the journal keeps them: who they are at a provider, and how far their life there has come.

use super::SealedRow;
use gesher_core::outcome::NoSuchStatus;
use gesher_core::{Key, StepId};
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// Where a vendor stands at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VendorState {
    /// Its account is being opened, or nobody knows whether it was.
    Opening,
    /// It has an account, and its keys are in the vault.
    Open,
    /// Its terminal was asked for; people approve it.
    TerminalRequested,
    /// People refused its terminal, which may be asked for again.
    Refused,
    /// It can charge.
    Live,
}

impl VendorState {
    /// Every state, in the order of a vendor's life.
    pub const ALL: [Self; 5] =
        [Self::Opening, Self::Open, Self::TerminalRequested, Self::Refused, Self::Live];

    /// The word of the state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::TerminalRequested => "terminal-requested",
            Self::Refused => "refused",
            Self::Live => "live",
        }
    }

    /// Whether an outcome brings a vendor from here to `to`. A machine never takes anything back: a vendor that can
    /// charge can do so whatever is asked for meanwhile.
    #[must_use]
    pub fn advances_to(self, to: Self) -> bool {
        match to {
            Self::TerminalRequested => matches!(self, Self::Open | Self::Refused),
            Self::Live => matches!(self, Self::Open | Self::TerminalRequested | Self::Refused),
            Self::Opening | Self::Open | Self::Refused => false,
        }
    }

    /// Whether a person may say that a vendor in this state is now in `to`.
    #[must_use]
    pub fn may_be_said(self, to: Self) -> bool {
        match to {
            Self::Live => self != Self::Opening,
            Self::Refused => matches!(self, Self::TerminalRequested | Self::Refused | Self::Live),
            Self::Opening | Self::Open | Self::TerminalRequested => false,
        }
    }
}

impl fmt::Display for VendorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VendorState {
    type Err = NoSuchStatus;

    fn from_str(word: &str) -> Result<Self, NoSuchStatus> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == word);
        known.ok_or_else(|| NoSuchStatus(word.to_owned()))
    }
}

/// A vendor as it stands. Its keys are in the vault and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorRecord {
    /// The provider, as in `officeguy`.
    pub provider: String,
    /// Its handle.
    pub handle: String,
    /// Where it stands.
    pub state: VendorState,
    /// Its account's id at the provider, such as the CompanyID; none while it is being opened.
    pub account: Option<String>,
    /// The number of its business, by [`business_number`](gesher_core::ids::business_number), where it is known.
    pub business: Option<String>,
    /// The step that opened it; none where a person brought its keys.
    pub step: Option<StepId>,
    /// Since when it is known.
    pub since: Timestamp,
    /// When it came to be in its state.
    pub changed_at: Timestamp,
}

/// What an outcome says of a vendor: it is in that state now, unless it was further already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorMark {
    /// The provider.
    pub provider: String,
    /// The vendor.
    pub handle: String,
    /// The state.
    pub state: VendorState,
}

/// A vendor whose account a person knows.
#[derive(Clone, Debug)]
pub struct KnownVendor {
    /// The provider.
    pub provider: String,
    /// Its handle.
    pub handle: String,
    /// Its account's id.
    pub account: String,
    /// The number of its business, where it was said.
    pub business: Option<String>,
    /// Its sealed keys; none leaves those that are there.
    pub sealed: Option<SealedRow>,
}

/// Vendors that a person makes known: all of them, or none.
#[derive(Clone, Debug)]
pub struct KnownVendors {
    /// The vendors.
    pub vendors: Vec<KnownVendor>,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What a person says of a vendor.
#[derive(Clone, Debug)]
pub struct VendorDecision {
    /// The provider.
    pub provider: String,
    /// The vendor.
    pub handle: String,
    /// Where it stands.
    pub state: VendorState,
    /// Operations of the vendor's account, by their qualified names, that succeeded and may be called again.
    pub frees: Vec<String>,
    /// Under which key they were called.
    pub key: Key,
    /// Who says so.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Why a vendor cannot be what it was said to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VendorRefusal {
    /// There is none.
    #[error("there is no vendor of that name")]
    Missing,
    /// It is being opened: that step is settled first.
    #[error("its opening is not settled (step {0})")]
    Opening(StepId),
    /// Its account was used already.
    #[error("it has another account, {0}, which was used already")]
    OtherAccount(String),
    /// It has another business.
    #[error("it was opened for another business, {0}")]
    OtherBusiness(String),
    /// Another vendor has that account.
    #[error("the account {account} is that of the vendor {of}")]
    AccountTaken {
        /// The account.
        account: String,
        /// Whose it is.
        of: String,
    },
    /// Another vendor has that business.
    #[error("the business {business} is that of the vendor {of}")]
    BusinessTaken {
        /// The number.
        business: String,
        /// Whose it is.
        of: String,
    },
    /// It does not come from its state into that one by a person's word.
    #[error("it is {from}, and nobody can say that it is {to}")]
    State {
        /// Where it stands.
        from: VendorState,
        /// What was said.
        to: VendorState,
    },
    /// A step that would be freed has no final outcome.
    #[error("the step {0} is not settled")]
    Unsettled(StepId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use VendorState::{Live, Open, Opening, Refused, TerminalRequested};

    #[test]
    fn a_vendors_life_goes_forward_and_only_people_take_something_back() {
        let by = |rule: fn(VendorState, VendorState) -> bool| -> Vec<(VendorState, VendorState)> {
            let pairs = VendorState::ALL.into_iter().flat_map(|from| VendorState::ALL.map(|to| (from, to)));
            pairs.filter(|(from, to)| rule(*from, *to)).collect()
        };
        assert_eq!(
            by(VendorState::advances_to),
            [
                (Open, TerminalRequested),
                (Open, Live),
                (TerminalRequested, Live),
                (Refused, TerminalRequested),
                (Refused, Live)
            ]
        );
        assert_eq!(
            by(VendorState::may_be_said),
            [
                (Open, Live),
                (TerminalRequested, Refused),
                (TerminalRequested, Live),
                (Refused, Refused),
                (Refused, Live),
                (Live, Refused),
                (Live, Live)
            ]
        );
        assert_eq!(VendorState::ALL.map(|state| state.as_str().parse().ok()), VendorState::ALL.map(Some));
        assert!(Opening.as_str().parse::<VendorState>().is_ok() && "gone".parse::<VendorState>().is_err());
    }
}
