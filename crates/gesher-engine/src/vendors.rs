//! What calls mean for vendors, and what programs may know of them: where they stand, and never a key.

use crate::context::CallFault;
use crate::engine::Engine;
use gesher_core::operation::Registered;
use gesher_core::{
    Effect, MARKETPLACE, Outcome, OutcomeStatus, Prepared, Registry, Sender, Text, VendorRole,
};
use gesher_journal::{StoredOutcome, VendorMark, VendorRecord, VendorState};
use serde_json::{Value, json};

/// The code of a call that would open an account for a vendor that has one by a person's hand.
pub(crate) const VENDOR_KNOWN: &str = "vendor_known";
/// The code of a call that would open a second account for one business.
pub(crate) const BUSINESS_TAKEN: &str = "business_taken";

/// The business that a call opens an account for, empty where it names none; none for other calls.
pub(crate) fn opens(registered: &Registered, prepared: &Prepared) -> Option<String> {
    let opens = registered.entry.vendor == VendorRole::Opens;
    opens.then(|| prepared.business.clone().unwrap_or_default())
}

/// What an outcome says of the vendor in whose name something was called. Whoever moved money with its own account can
/// charge.
pub(crate) fn mark(registered: &Registered, who: &str, outcome: &StoredOutcome) -> Option<VendorMark> {
    let descriptor = &registered.entry.descriptor;
    if outcome.status != OutcomeStatus::Succeeded || descriptor.sender != Sender::Who || who == MARKETPLACE {
        return None;
    }
    let state = match (registered.entry.vendor, descriptor.effect) {
        (VendorRole::AsksForTerminal, _) => VendorState::TerminalRequested,
        // What moves money and took none, such as a setting, proves no terminal.
        (VendorRole::None, Effect::Money) if outcome.amount.is_some_and(|sum| !sum.amount.is_zero()) => {
            VendorState::Live
        }
        _ => return None,
    };
    Some(VendorMark { provider: descriptor.provider.to_owned(), handle: who.to_owned(), state })
}

/// The provider at which vendors are opened.
pub(crate) fn provider_of(registry: &Registry) -> Option<&'static str> {
    let opens = registry.iter().find(|(_, registered)| registered.entry.vendor == VendorRole::Opens);
    opens.map(|(_, registered)| registered.entry.descriptor.provider)
}

/// The answer to a call that would open an account where one is.
pub(crate) fn in_the_way(who: &str, vendor: &VendorRecord) -> Outcome {
    let (handle, account) = (&vendor.handle, vendor.account.as_deref().unwrap_or("-"));
    let business = vendor.business.as_deref().unwrap_or("-");
    let (code, text) = if handle == who {
        let text = Text::new(
            format!("הספק {handle} כבר קיים עם הארגון {account}, ולכן לא נפתח לו ארגון נוסף; לא נשלח דבר"),
            format!(
                "the vendor {handle} is there already, with the organisation {account}; nothing was sent"
            ),
        );
        (VENDOR_KNOWN, text)
    } else {
        let text = Text::new(
            format!(
                "לעסק {business} כבר יש ארגון (או שהוא בתהליך פתיחה) בשם הספק {handle}; ארגון שני לא נפתח, ולא נשלח דבר"
            ),
            format!(
                "the business {business} has an organisation already, or is getting one, as the vendor {handle}; no second one is opened, and nothing was sent"
            ),
        );
        (BUSINESS_TAKEN, text)
    };
    Outcome::new(OutcomeStatus::Rejected, code, text)
}

impl Engine {
    /// Where a vendor stands, as a value for programs; null where there is none.
    pub(crate) async fn vendor_seen(&self, handle: &str) -> Result<Value, CallFault> {
        let Some(provider) = provider_of(self.registry()) else { return Ok(Value::Null) };
        let found = self.journal().vendor(provider, handle).await;
        let found = found.map_err(CallFault::journal("reading a vendor"))?;
        Ok(found.map_or(Value::Null, |vendor| seen(&vendor)))
    }

    /// Where all vendors stand.
    pub(crate) async fn vendors_seen(&self) -> Result<Value, CallFault> {
        let Some(provider) = provider_of(self.registry()) else { return Ok(json!([])) };
        let found = self.journal().vendors(provider).await;
        let found = found.map_err(CallFault::journal("reading the vendors"))?;
        Ok(found.iter().map(seen).collect())
    }
}

fn seen(vendor: &VendorRecord) -> Value {
    json!({
        "handle": vendor.handle,
        "state": vendor.state.as_str(),
        "account": vendor.account,
        "business": vendor.business,
    })
}
