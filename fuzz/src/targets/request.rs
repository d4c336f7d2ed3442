//! A request as a script makes it. The first byte chooses the operation; the rest is its JSON.

use super::{choice, registry};
use gesher_core::Registry;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Checks a request: refused in words, or brought into one wire form, in which no fault was foreseen.
pub fn request(data: &[u8]) {
    static REGISTRY: OnceLock<(Registry, Vec<String>)> = OnceLock::new();
    let (registry, names) = REGISTRY.get_or_init(|| {
        let registry = registry();
        let names = registry.iter().map(|(name, _)| name.to_owned()).collect();
        (registry, names)
    });
    let Some((operation, text)) = choice(data) else { return };
    let Ok(request) = serde_json::from_slice::<serde_json::Value>(text) else { return };
    let found = registry.find(&names[operation % names.len()]).unwrap();
    match found.prepare("dana", request.clone()) {
        Ok(prepared) => {
            assert!(!prepared.body.contains("CreditCard_Number"));
            assert_eq!(found.foreseen(&request, &BTreeSet::new()), []);
            let again = found.prepare("dana", request).unwrap();
            assert_eq!((prepared.body, prepared.hash), (again.body, again.hash));
        }
        Err(rejection) => assert!(!rejection.message.en.is_empty() && !rejection.message.he.is_empty()),
    }
}
