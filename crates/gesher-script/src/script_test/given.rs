//! What a test gives and gets, as maps: deliveries made whole, and maps of known fields.

use crate::convert::{from_json, to_json};
use rhai::{Dynamic, Map};

/// A map of these fields.
pub(super) fn map<const N: usize>(fields: [(&str, Dynamic); N]) -> Map {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// A delivery with every field that one has, of those that a test wrote.
pub(super) fn delivery(known: &Dynamic) -> Result<Dynamic, String> {
    let known = to_json(known).map_err(|fault| fault.text().en)?;
    from_json(&crate::webhook::request(known)).map_err(|fault| fault.text().en)
}
