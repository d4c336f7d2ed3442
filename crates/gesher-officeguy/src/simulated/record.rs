//! What the simulation did, one record an effect: the ledger's lines, from which an earlier life is told again.
//!
//! A record holds no key: those of an organisation are made again from a number, so that a ledger can lie about.

use super::recurring_items::RecurringEntry;
use gesher_core::money::Amount;
use gesher_core::money::Quantity;
use serde::{Deserialize, Serialize};

/// What kind of effect a record is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A card was charged, or refused.
    #[default]
    Charge,
    /// Money was held on a card.
    Hold,
    /// A document was made without a charge.
    Document,
    /// An organisation was opened.
    Company,
    /// A terminal was asked for.
    TerminalRequested,
    /// A terminal was approved by hand.
    TerminalApproved,
    /// A terminal was refused by hand.
    TerminalRefused,
    /// Something else was changed.
    Change,
    /// Something that is paid again and again was agreed, changed or ended. Its charges are records of their own.
    Recurring,
    /// The clock was set forward by hand.
    Clock,
}

/// One effect. The front adds number, time and whether it was answered.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) company: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) items: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document_number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<DocumentEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<CustomerEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<MethodEntry>,
    /// Whether the method became the customer's own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) method_saved: bool,
    /// A mark of the single-use token that this spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spent: Option<u64>,
    /// The organisation that was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opened: Option<CompanyEntry>,
    /// What was changed beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<super::changes::Change>,
    /// The authorisation of a hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth: Option<String>,
    /// The authorisation of the hold that this captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) captures: Option<String>,
    /// The agreements that a charge is of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) recurring_ids: Vec<i64>,
    /// An agreement as it is from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recurring: Option<Box<RecurringEntry>>,
    /// When it happened by the simulated clock, where that is not the time of the call, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) made_at: Option<i64>,
    /// By how many seconds the clock was set forward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<i64>,
}

/// A customer as the books have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct CustomerEntry {
    pub(crate) id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) no_vat: bool,
}

/// A payment method as the books have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct MethodEntry {
    pub(crate) id: i64,
    pub(crate) kind: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_digits: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) month: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) year: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) citizen: Option<String>,
}

/// A document as the books have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct DocumentEntry {
    pub(crate) kind: i64,
    /// Its date, where it is another than that of the call, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) draft: bool,
    pub(crate) language: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_reference: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lines: Vec<LineEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) payments: Vec<PaidEntry>,
}

/// A line of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct LineEntry {
    pub(crate) name: Option<String>,
    pub(crate) quantity: Quantity,
    pub(crate) unit: Quantity,
    pub(crate) total: Amount,
    pub(crate) description: Option<String>,
}

/// A payment of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct PaidEntry {
    pub(crate) amount: Amount,
    pub(crate) kind: i64,
}

/// An organisation as the books have it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct CompanyEntry {
    /// What its keys are made from.
    pub(crate) key_seed: u64,
    /// Who opened it and pays its plan.
    pub(crate) opened_by: i64,
    pub(crate) package: i64,
    pub(crate) details: crate::endpoints::companies::Company,
}
