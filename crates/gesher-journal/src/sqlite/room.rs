//! Room that rows are given for what they will end with.
//!
//! A row that grows outgrows its page, and SQLite then moves half of its neighbours to another one, over and over while a
//! run goes on. So a row that will grow is about as long from the start as it will be: with spaces where its end will
//! stand, which nobody reads before that.

/// What the answer to a charge takes beside its intent, in bytes.
const ANSWER_BYTES: usize = 900;
/// What the end of a charged row takes, in bytes.
const END_BYTES: usize = 64;

/// What a money step has for `data` until its outcome comes.
pub(super) const FOR_ANSWER: &str = spaces(&[b' '; ANSWER_BYTES]);
/// What an item has for `message` until it ends.
pub(super) const FOR_END: &str = spaces(&[b' '; END_BYTES]);

const fn spaces(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(spaces) => spaces,
        Err(_) => "",
    }
}
