//! Answers that are files: what is one, and how a script gets it.
//!
//! On one address the provider answers a file, or an envelope that says why there is none; the first bytes tell.

use crate::classify::{open, unreadable};
use gesher_core::operation::{Effect, Reply};
use gesher_core::{Outcome, OutcomeStatus, Text};
use serde_json::{Value, json};

/// Size of a file. A larger one is refused: it would stand in the journal with the call's answer.
const FILE_BYTES_MAX: usize = 4 << 20;

/// What a reply is where a file is asked for; `is_one` knows a file by its bytes.
pub(crate) fn file(reply: &Reply, effect: Effect, is_one: impl Fn(&[u8]) -> bool) -> Outcome {
    if reply.status != 200 || !is_one(&reply.body) {
        return match open(reply, effect) {
            // Taken, and yet no file.
            Ok(envelope) => unreadable(effect, envelope.data),
            Err(outcome) => *outcome,
        };
    }
    if reply.body.len() > FILE_BYTES_MAX {
        let mebibytes = FILE_BYTES_MAX >> 20;
        let text = Text::new(
            format!("הקובץ גדול מ־{mebibytes} מגה־בתים ולא נמסר"),
            format!("the file is larger than {mebibytes} MiB and was left out"),
        );
        return Outcome::new(OutcomeStatus::Rejected, "file_too_large", text);
    }
    let size = reply.body.len();
    let message = Text::new(format!("התקבל קובץ של {size} בתים"), format!("Fetched a file of {size} bytes"));
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
    outcome.code = None;
    outcome.data = data(reply).into();
    outcome
}

fn data(reply: &Reply) -> Value {
    json!({
        "ContentType": reply.content_type.as_deref().unwrap_or("application/octet-stream"),
        "Bytes": reply.body.len(),
        "Base64": base64(&reply.body),
    })
}

/// Base64 with its padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = usize::try_from(group >> (18 - 6 * place) & 63).unwrap_or_default();
            let is_there = place <= three.len();
            text.push(if is_there { LETTERS.get(letter).copied().map_or('A', char::from) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: &str) {
        assert_eq!(base64(bytes), want);
    }

    #[test]
    fn base64_is_as_everybody_writes_it() {
        check(b"", "");
        check(b"f", "Zg==");
        check(b"fo", "Zm8=");
        check(b"foo", "Zm9v");
        check(b"foob", "Zm9vYg==");
        check(&[0xfb, 0xff, 0xbf], "+/+/");
    }

    fn reply(content_type: &str, body: &[u8]) -> Reply {
        Reply { status: 200, content_type: Some(content_type.to_owned()), body: body.to_vec() }
    }

    fn pdf(reply: &Reply) -> Outcome {
        file(reply, Effect::Read, |body| body.starts_with(b"%PDF"))
    }

    #[test]
    fn the_first_bytes_tell_a_file_from_an_envelope() {
        let outcome = pdf(&reply("text/plain", b"%PDF-1.4 x"));
        assert_eq!((outcome.status, &outcome.data["Bytes"]), (OutcomeStatus::Succeeded, &json!(10)));
        let refused = r#"{"Data":null,"Status":1,"UserErrorMessage":"Document not found"}"#;
        let outcome = pdf(&reply("application/json", refused.as_bytes()));
        assert_eq!(
            (outcome.status, outcome.code.as_deref()),
            (OutcomeStatus::Rejected, Some("business_error"))
        );
        let taken = r#"{"Data":{},"Status":0}"#;
        assert_eq!(
            pdf(&reply("application/json", taken.as_bytes())).code.as_deref(),
            Some("unreadable_answer")
        );
        assert_eq!(pdf(&reply("text/html", b"<html>")).status, OutcomeStatus::Rejected);
    }

    #[test]
    fn a_file_that_is_too_large_is_left_out() {
        let mut body = b"%PDF".to_vec();
        body.resize(FILE_BYTES_MAX + 1, b'x');
        let outcome = pdf(&reply("application/pdf", &body));
        assert_eq!(outcome.code.as_deref(), Some("file_too_large"));
        assert!(outcome.data.is_null());
    }
}
