//! A call before it is one: its key by its operation's rule, and its request in wire form. Depends on nothing but the call.

use crate::context::ItemContext;
use gesher_core::operation::Registered;
use gesher_core::{Key, KeyRule, Prepared, Rejection, Text, VendorHandle};
use serde_json::Value;

impl ItemContext {
    /// Everything about a call that depends on nothing but the call: its key and its request.
    pub(crate) fn prepare(
        &self,
        registered: &Registered,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: Value,
    ) -> Result<(Prepared, Option<Key>), Rejection> {
        let key = self.key(registered, operation, who, key)?;
        Ok((registered.prepare(who, request)?, key))
    }

    fn key(
        &self,
        registered: &Registered,
        operation: &str,
        who: &str,
        key: Option<&str>,
    ) -> Result<Option<Key>, Rejection> {
        let rule = registered.entry.descriptor.key;
        match (rule, key) {
            (KeyRule::None, None) => Ok(None),
            (KeyRule::Required | KeyRule::Optional, Some(key)) => {
                let key = Key::clean(key).map_err(|error| Rejection::new("bad_key", error.text()))?;
                if key.is_of_item() { Err(made_up_key(&key)) } else { Ok(Some(key)) }
            }
            (KeyRule::Optional, None) => Ok(Some(Key::of_item(self.item(), self.next_ordinal(operation)))),
            (KeyRule::OncePerVendor, None) => {
                let vendor: VendorHandle = who.parse()?;
                Ok(Some(Key::of_vendor(&vendor)))
            }
            (KeyRule::Required, None) => Err(Rejection::new(
                "missing_key",
                Text::new(format!("ל־{operation} נדרש מפתח"), format!("{operation} needs a key")),
            )),
            (KeyRule::None | KeyRule::OncePerVendor, Some(_)) => Err(Rejection::new(
                "no_key_here",
                Text::new(format!("{operation} אינה מקבלת מפתח"), format!("{operation} takes no key")),
            )),
        }
    }
}

/// A key that only the hub may use: it would name another call's intention.
pub(crate) fn made_up_key(key: &Key) -> Rejection {
    Rejection::new(
        "bad_key",
        Text::new(
            format!("המפתח {key} הוא בצורה ששמורה למערכת; יש לבחור מפתח אחר"),
            format!("the key {key} has the form of the hub's own keys; choose another"),
        ),
    )
}

/// Stands in for the request of a call that was refused before it had a wire form.
pub(crate) fn unprepared(who: &str, registered: &Registered) -> Prepared {
    Prepared {
        who: who.to_owned(),
        endpoint: registered.entry.descriptor.endpoint,
        body: String::new(),
        hash: [0; 32],
        facts: gesher_core::operation::Facts::default(),
        business: None,
        original: None,
        vendors: Vec::new(),
        reach: None,
    }
}
