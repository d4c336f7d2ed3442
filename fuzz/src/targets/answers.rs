//! What a provider answered. The first byte chooses the operation, the second the HTTP status and the kind of body.

use super::{choice, registry};
use gesher_core::operation::{Prepared, Reply};
use gesher_core::{Effect, OperationEntry, OutcomeStatus};
use std::sync::OnceLock;

/// HTTP statuses that providers, and what stands in front of them, answer with.
const STATUSES: [u16; 8] = [200, 204, 302, 400, 403, 429, 500, 502];
/// Kinds of bodies.
const TYPES: [Option<&str>; 4] =
    [Some("application/json; charset=utf-8"), Some("text/html"), Some("text/plain"), None];

/// Every operation with the request of its first example.
fn calls() -> &'static [(&'static OperationEntry, Prepared)] {
    static CALLS: OnceLock<Vec<(&OperationEntry, Prepared)>> = OnceLock::new();
    CALLS.get_or_init(|| {
        let registry = registry();
        let prepared = registry.iter().filter_map(|(_, found)| {
            let example = found.entry.examples.first()?;
            let request = serde_json::from_str(example.request).ok()?;
            Some((found.entry, found.prepare(example.who, request).ok()?))
        });
        prepared.collect()
    })
}

/// Says what an answer means: always the same, and never that what may have moved money can be sent again.
pub fn answers(data: &[u8]) {
    let Some((operation, rest)) = choice(data) else { return };
    let Some((kind, body)) = choice(rest) else { return };
    let (entry, prepared) = &calls()[operation % calls().len()];
    let content_type = TYPES[kind / STATUSES.len() % TYPES.len()].map(str::to_owned);
    let reply = Reply { status: STATUSES[kind % STATUSES.len()], content_type, body: body.to_vec() };
    let outcome = entry.classify(prepared, &reply);
    let again = entry.classify(prepared, &reply);
    assert_eq!((outcome.status, &outcome.code), (again.status, &again.code));
    assert!(!outcome.message.en.is_empty() || outcome.status == OutcomeStatus::Succeeded, "{outcome:?}");
    match entry.descriptor.effect {
        Effect::Read => {
            assert!(
                matches!(outcome.status, OutcomeStatus::Succeeded | OutcomeStatus::Rejected),
                "{outcome:?}"
            );
        }
        // Whoever answers has read the request: "not sent" is the sender's word alone.
        Effect::Write | Effect::Money => assert_ne!(outcome.status, OutcomeStatus::NotSent),
    }
    if outcome.status == OutcomeStatus::Succeeded {
        assert!(reply.status < 300 && !body.is_empty(), "{}: {outcome:?}", entry.descriptor.name);
    }
}
