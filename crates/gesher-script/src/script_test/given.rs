//! What a test gives and gets, as maps: deliveries and events made whole, and maps of known fields.

use crate::convert::{from_json, to_json};
use rhai::{Dynamic, Map};

/// A map of these fields.
pub(super) fn map<const N: usize>(fields: [(&str, Dynamic); N]) -> Map {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// What a function of the script gets, with every field that it has, of those that a test wrote.
pub(super) fn whole(function: &str, known: Dynamic) -> Result<Dynamic, String> {
    let made = match function {
        "on_webhook" => crate::webhook::request,
        "on_event" => crate::event::event,
        _ => return Ok(known),
    };
    let known = to_json(&known).map_err(|fault| fault.text().en)?;
    from_json(&made(known)).map_err(|fault| fault.text().en)
}
