//! The classification against the whole table of observations, one row a line.

use bytes::Bytes;
use proptest::prelude::*;

use super::Class::{Answered, CertificateAlarm, NotSent, TurnedAway, Unknown};
use super::*;

const REJECTED: Class = Class::Rejected { pause_account: false };
const PAUSED: Class = Class::Rejected { pause_account: true };
const ENVELOPE: &str = r#"{"Data":null,"Status":1,"UserErrorMessage":"x"}"#;
const TAKEN: &str = r#"{"Data":{},"Status":0,"UserErrorMessage":null}"#;

/// Like a provider that has been looked at: 302 for unknown paths, and a limiter in front.
const PROBED: Profile = Profile {
    is_refusal: |reply| {
        reply.looks_like_json_object() && reply.body.windows(10).any(|w| w == b"\"Status\":1")
    },
    before_processing: &[
        Signature { status: 302, body: BodyMatch::Any, means: Early::Rejected },
        Signature { status: 403, body: BodyMatch::Empty, means: Early::TurnedAway },
        Signature { status: 429, body: BodyMatch::Any, means: Early::TurnedAway },
        Signature { status: 503, body: BodyMatch::Exactly(b"busy"), means: Early::TurnedAway },
        // Listed by mistake; no list can make these safe.
        Signature { status: 408, body: BodyMatch::Any, means: Early::TurnedAway },
        Signature { status: 500, body: BodyMatch::Any, means: Early::Rejected },
        Signature { status: 502, body: BodyMatch::Any, means: Early::TurnedAway },
        Signature { status: 200, body: BodyMatch::Any, means: Early::TurnedAway },
    ],
};

/// The same with nothing listed.
const CAREFUL: Profile = Profile { before_processing: &[], ..PROBED };

fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    let content_type = (!content_type.is_empty()).then(|| content_type.to_owned());
    Reply { status, content_type, body: Bytes::copy_from_slice(body.as_bytes()) }
}

#[track_caller]
fn check_failure(line: u8, kind: FailureKind, bytes: u64, want: Class) {
    let witness = if bytes == 0 { Witness::NothingLeft } else { Witness::SomethingLeft { bytes } };
    let failure = SendFailure::new(kind, witness);
    assert_eq!(classify(Err(&failure), &PROBED), want, "line {line}: {failure}");
}

/// The class with nothing listed, and with the list above.
#[track_caller]
fn check_reply(line: u8, status: u16, content_type: &str, body: &str, careful: Class, probed: Class) {
    let reply = reply(status, content_type, body);
    let got = (classify(Ok(&reply), &CAREFUL), classify(Ok(&reply), &PROBED));
    assert_eq!(got, (careful, probed), "line {line}: {status} {content_type} {body}");
}

#[test]
fn calls_without_a_whole_answer() {
    use FailureKind::*;
    check_failure(1, InvalidRequest, 0, REJECTED);
    check_failure(2, Dns, 0, NotSent);
    check_failure(3, Refused, 0, NotSent);
    check_failure(3, Unreachable, 0, NotSent);
    check_failure(3, ConnectTimeout, 0, NotSent);
    check_failure(4, Tls, 0, NotSent);
    check_failure(4, Certificate, 0, CertificateAlarm);
    check_failure(5, ResponseTimeout, 1, Unknown);
    check_failure(6, BeforeFirstByte, 0, NotSent);
    check_failure(7, PartialWrite, 17, Unknown);
    check_failure(8, ResponseTimeout, 900, Unknown);
    check_failure(9, ClosedWithoutResponse, 900, Unknown);
    check_failure(10, TruncatedBody, 900, Unknown);
    check_failure(10, MalformedResponse, 900, Unknown);
    check_failure(10, TooLarge, 900, Unknown);
    // HTTP/2 is not spoken: its frames are no answer.
    check_failure(23, MalformedResponse, 900, Unknown);
}

#[test]
fn answers_of_the_provider_and_of_others() {
    let json = "application/json; charset=utf-8";
    check_reply(11, 200, "text/html", "<html>", Unknown, Unknown);
    check_reply(11, 200, "text/html", ENVELOPE, Unknown, Unknown);
    check_reply(11, 200, json, "<html>", Unknown, Unknown);
    check_reply(11, 200, json, "", Unknown, Unknown);
    check_reply(11, 204, "", "", Unknown, Unknown);
    check_reply(12, 200, json, ENVELOPE, Answered, Answered);
    check_reply(12, 201, json, ENVELOPE, Answered, Answered);
    check_reply(16, 302, "", "", Unknown, REJECTED);
    for status in [300, 301, 303, 304, 307, 308] {
        check_reply(16, status, "", "", Unknown, Unknown);
        check_reply(16, status, json, ENVELOPE, Unknown, Unknown);
    }
    for status in [400, 404, 405, 409, 413, 415, 422] {
        check_reply(17, status, json, ENVELOPE, REJECTED, REJECTED);
        check_reply(18, status, "text/html", "<html>", Unknown, Unknown);
        check_reply(18, status, json, r#"{"error":"proxy"}"#, Unknown, Unknown);
        check_reply(18, status, "", "", Unknown, Unknown);
        check_reply(18, status, json, TAKEN, Unknown, Unknown);
    }
    check_reply(18, 401, json, TAKEN, Unknown, Unknown);
    check_reply(18, 403, json, TAKEN, Unknown, Unknown);
    check_reply(17, 401, json, ENVELOPE, PAUSED, PAUSED);
    check_reply(17, 403, json, ENVELOPE, PAUSED, PAUSED);
    check_reply(18, 403, "", "", Unknown, TurnedAway);
    check_reply(18, 403, "text/html", "<html>", Unknown, Unknown);
    check_reply(18, 402, json, ENVELOPE, Unknown, Unknown);
    check_reply(19, 408, json, ENVELOPE, Unknown, Unknown);
    check_reply(20, 429, "", "", Unknown, TurnedAway);
    check_reply(20, 429, json, ENVELOPE, Unknown, TurnedAway);
    check_reply(21, 503, json, ENVELOPE, Unknown, Unknown);
    check_reply(21, 503, "", "busy", Unknown, TurnedAway);
    for status in [500, 501, 502, 504, 505, 520, 599] {
        check_reply(22, status, json, ENVELOPE, Unknown, Unknown);
    }
    check_reply(10, 101, "", "", Unknown, Unknown);
    check_reply(10, 999, json, ENVELOPE, Unknown, Unknown);
}

#[test]
fn a_provider_nobody_has_looked_at_rejects_nothing() {
    for status in (100..=999).filter(|status| !(200..300).contains(status)) {
        let reply = reply(status, "application/json", ENVELOPE);
        assert_eq!(classify_reply(&reply, &Profile::default()), Unknown, "{status}");
    }
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let content_type = prop_oneof![Just(""), Just("application/json"), Just("text/html"), Just("garbage;;")];
    let body =
        prop_oneof![Just(ENVELOPE.to_owned()), Just("busy".to_owned()), Just(String::new()), ".{0,40}"];
    (0_u16.., content_type, body).prop_map(|(status, kind, body)| reply(status, kind, &body))
}

proptest! {
    #[test]
    fn once_a_byte_has_left_a_failure_is_unknown(kind in 0..FailureKind::ALL.len(), bytes in 1_u64..) {
        let failure = SendFailure::new(FailureKind::ALL[kind], Witness::SomethingLeft { bytes });
        prop_assert_eq!(classify(Err(&failure), &PROBED), Unknown);
    }

    #[test]
    fn with_nothing_left_a_failure_is_never_unknown(kind in 0..FailureKind::ALL.len()) {
        let failure = SendFailure::nothing_left(FailureKind::ALL[kind]);
        prop_assert!([NotSent, CertificateAlarm, REJECTED].contains(&classify(Err(&failure), &PROBED)));
    }

    #[test]
    fn every_answer_has_a_class_and_none_is_a_claim_that_nothing_left(reply in any_reply()) {
        for profile in [Profile::default(), CAREFUL, PROBED] {
            let class = classify(Ok(&reply), &profile);
            prop_assert!(!matches!(class, NotSent | CertificateAlarm));
            prop_assert!(class != Answered || (200..300).contains(&reply.status));
        }
    }

    #[test]
    fn only_a_listed_answer_is_turned_away(reply in any_reply()) {
        prop_assert_ne!(classify(Ok(&reply), &CAREFUL), TurnedAway);
    }

    #[test]
    fn no_list_makes_a_server_error_safe(
        status in prop_oneof![Just(408_u16), 500_u16..503, 504_u16..],
        body in ".{0,20}",
        turned_away in any::<bool>(),
    ) {
        let means = if turned_away { Early::TurnedAway } else { Early::Rejected };
        let signature: &'static [Signature] = Box::leak(Box::new([Signature { status, body: BodyMatch::Any, means }]));
        let profile = Profile { before_processing: signature, ..PROBED };
        prop_assert_eq!(classify(Ok(&reply(status, "application/json", &body)), &profile), Unknown);
    }
}
