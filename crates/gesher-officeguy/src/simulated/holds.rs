//! Money that is held on cards in the simulation, until it is captured or the hold dies.
//!
//! How long a hold lives, and what a capture beyond it comes to, was never recorded: choices, marked as such.

use super::record::{Kind, Record};
use super::world::Company;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

/// How long a hold lives: a choice. It cannot be released, it dies.
pub const HOLD_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Money held on a card.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    amount: Decimal,
    at: Timestamp,
    is_captured: bool,
}

impl Company {
    /// What a record says of holds.
    pub(crate) fn apply_hold(&mut self, record: &Record, amount: Decimal, at: Timestamp) {
        if let (Kind::Hold, Some(auth)) = (record.kind, &record.auth) {
            self.holds.insert(auth.clone(), Hold { amount, at, is_captured: false });
        }
        let captured = record.captures.as_ref().and_then(|auth| self.holds.get_mut(auth));
        if let (Some(hold), Some(true)) = (captured, record.valid) {
            hold.is_captured = true;
        }
    }

    /// Whether a capture finds its hold alive and large enough. Without one it is refused as the provider refuses a hold
    /// that is over; the same for a second capture and for more than was held, which is a choice.
    pub(crate) fn may_capture(&self, auth: &str, amount: Decimal, now: Timestamp) -> bool {
        self.holds.get(auth).is_some_and(|hold| {
            !hold.is_captured && amount <= hold.amount && now.duration_since(hold.at) <= HOLD_LIFE
        })
    }
}
