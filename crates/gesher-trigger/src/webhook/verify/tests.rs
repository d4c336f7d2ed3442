//! Each scheme as a table: what is signed, by vectors that others published or that another program worked out, and every
//! way in which a delivery is not what it says.

use super::*;
use gesher_core::Secret;
use hyper::header::HeaderValue;
use proptest::prelude::*;

/// The secret of the example of the Standard Webhooks reference libraries.
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn verifier(scheme: Scheme, secrets: &[&str]) -> Verifier {
    let named: Vec<(String, Secret)> =
        secrets.iter().enumerate().map(|(at, secret)| (format!("s{at}"), Secret::from(*secret))).collect();
    Verifier::new(scheme, &named).unwrap()
}

/// What comes of a delivery: the secret's name, or the refusal; and the code of what is probably wrong.
fn outcome(
    verifier: &Verifier,
    now: i64,
    lines: &[&str],
    tokens: &[&str],
    body: &[u8],
) -> Result<String, Refusal> {
    let headers = headers(lines);
    let tokens: Vec<String> = tokens.iter().map(|token| (*token).to_owned()).collect();
    let delivery = Delivery { headers: &headers, tokens: &tokens, body };
    verifier
        .verify(&delivery, Timestamp::from_second(now).unwrap())
        .map(|verified| verified.secret.unwrap_or_default())
}

#[track_caller]
fn hinted(verifier: &Verifier, now: i64, lines: &[&str], body: &[u8], want: &str) {
    let headers = headers(lines);
    let delivery = Delivery { headers: &headers, tokens: &[], body };
    let refusal = verifier.verify(&delivery, Timestamp::from_second(now).unwrap()).unwrap_err();
    let found = diagnose(verifier, &delivery, &refusal);
    assert_eq!(found.as_ref().map(|hint| hint.code), Some(want), "{refusal}: {found:?}");
}

/// The example of the reference libraries; `hmac.new(b64decode("MfKQ…"), b"msg_p5j….1614265330." + body, sha256)` in
/// Python gives the same.
const AT: i64 = 1_614_265_330;
const ID: &str = "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: &str = "webhook-timestamp: 1614265330";
const SIGNATURE: &str = "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const BODY: &[u8] = br#"{"test": 2432232314}"#;

#[test]
fn standard_webhooks_sign_id_time_and_body() {
    let check = |now: i64, lines: &[&str], body: &[u8], want: Result<&str, Refusal>| {
        let found =
            outcome(&verifier(Scheme::StandardWebhooks, &[OTHER_WHSEC, WHSEC]), now, lines, &[], body);
        assert_eq!(found, want.map(ToOwned::to_owned), "{lines:?}");
    };
    let malformed = |header: HeaderName, expected| Err(Refusal::Malformed { header, expected });
    let time = "a time in whole seconds since 1970, in digits";
    check(AT, &[ID, TIME, SIGNATURE], BODY, Ok("s1"));
    check(AT + 300, &[ID, TIME, SIGNATURE], BODY, Ok("s1"));
    check(AT - 300, &[ID, TIME, SIGNATURE], BODY, Ok("s1"));
    check(AT + 301, &[ID, TIME, SIGNATURE], BODY, Err(Refusal::Old { seconds: 301 }));
    check(AT - 301, &[ID, TIME, SIGNATURE], BODY, Err(Refusal::Ahead { seconds: 301 }));
    let listed =
        "webhook-signature: v1a,AAAA v1,AAAA v1,%% v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=  v2,x";
    check(AT, &[ID, TIME, listed], BODY, Ok("s1"));
    check(AT, &[ID, TIME, SIGNATURE], br#"{"test":2432232314}"#, Err(Refusal::Wrong));
    check(AT, &["webhook-id: msg_other", TIME, SIGNATURE], BODY, Err(Refusal::Wrong));
    check(AT, &[ID, "webhook-timestamp: 1614265331", SIGNATURE], BODY, Err(Refusal::Wrong));
    for odd in ["+1614265330", "1614265330.0", "-1", "", "1e9", "99999999999999999999", "१६१४२६५३३०"]
    {
        let line = format!("webhook-timestamp: {odd}");
        let want = if odd.is_ascii() { time } else { "plain text" };
        check(AT, &[ID, &line, SIGNATURE], BODY, malformed(WEBHOOK_TIMESTAMP, want));
    }
    check(AT, &[TIME, SIGNATURE], BODY, Err(Refusal::Missing(WEBHOOK_ID)));
    check(AT, &[ID, SIGNATURE], BODY, Err(Refusal::Missing(WEBHOOK_TIMESTAMP)));
    check(AT, &[ID, TIME], BODY, Err(Refusal::Missing(WEBHOOK_SIGNATURE)));
    for twice in [ID, TIME, SIGNATURE] {
        let name = headers(&[twice]).keys().next().unwrap().clone();
        check(AT, &[ID, TIME, SIGNATURE, twice], BODY, Err(Refusal::Twice(name)));
    }
    check(AT, &["webhook-id: a.1614265330", TIME, SIGNATURE], BODY, Err(Refusal::AmbiguousId));
    let only_other = "webhook-signature: v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let none = Err(Refusal::NoSignature { header: WEBHOOK_SIGNATURE, kind: "v1" });
    check(AT, &[ID, TIME, only_other], BODY, none);
    let many = format!("webhook-signature: {}", ["v1,AAAA"; SIGNATURES_MAX + 1].join(" "));
    check(AT, &[ID, TIME, &many], BODY, Err(Refusal::TooMany(WEBHOOK_SIGNATURE)));
}

#[test]
fn what_is_signed_here_is_what_others_sign() {
    let at = Timestamp::from_second(AT).unwrap();
    let signed = sign_standard(&Secret::from(WHSEC), "msg_p5jXN8AQM9LWM0D4loKWxJek", at, BODY).unwrap();
    let lines = signed.map(|(name, value)| format!("{name}: {value}"));
    assert_eq!(lines, [ID, TIME, SIGNATURE]);
    assert!(sign_standard(&Secret::from("no base64"), "x", at, BODY).is_none());
}

#[test]
fn a_time_that_no_number_holds_is_refused_and_never_overflows() {
    let line = "webhook-timestamp: 999999999999999999";
    // In Python: hmac.new(b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b"a.999999999999999999.", sha256), in base64.
    let signature = "webhook-signature: v1,Q9YWvsykTKXKFpY4O0e8Qs9p2jNyzXjjSRZeeiMWINo=";
    let found = outcome(
        &verifier(Scheme::StandardWebhooks, &[WHSEC]),
        AT,
        &["webhook-id: a", line, signature],
        &[],
        b"",
    );
    assert_eq!(found, Err(Refusal::Ahead { seconds: 999_999_999_999_999_999 - 1_614_265_330 }));
}

/// GitHub's own example (docs.github.com, "Validating webhook deliveries"); Python's hmac gives the same.
const GITHUB: &str =
    "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const GITHUB_SECRET: &str = "It's a Secret to Everybody";

#[test]
fn github_signs_the_body() {
    let check = |lines: &[&str], body: &[u8], want: Result<&str, Refusal>| {
        let found = outcome(&verifier(Scheme::GitHub, &["old", GITHUB_SECRET]), 0, lines, &[], body);
        assert_eq!(found, want.map(ToOwned::to_owned), "{lines:?}");
    };
    check(&[GITHUB], b"Hello, World!", Ok("s1"));
    check(&[&GITHUB.replace("757107ea", "757107EA")], b"Hello, World!", Ok("s1"));
    check(&[GITHUB], b"Hello, World!\n", Err(Refusal::Wrong));
    check(&[GITHUB, GITHUB], b"Hello, World!", Err(Refusal::Twice(X_HUB_SIGNATURE_256)));
    check(&[], b"Hello, World!", Err(Refusal::Missing(X_HUB_SIGNATURE_256)));
    let expected = "its prefix and hexadecimal digits";
    for odd in ["sha1=75", "757107ea", "sha256=", "sha256=xx", "sha256=7"] {
        let line = format!("X-Hub-Signature-256: {odd}");
        let want = Refusal::Malformed { header: X_HUB_SIGNATURE_256, expected };
        check(&[&line], b"Hello, World!", Err(want));
    }
}

/// In Python: hmac.new(b"whsec_test_secret", b'1492774577.{"id":"evt_1","object":"event"}', sha256).hexdigest()
const STRIPE: &str = "654b43d3508ecadb3f8cefc4bc7d3d2bdc5ba9e03bf2c89b2d0657a8e24e4543";
const STRIPE_BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
const STRIPE_AT: i64 = 1_492_774_577;

#[test]
fn stripe_signs_time_and_body_with_the_letters_of_its_secret() {
    let check = |now: i64, value: &str, want: Result<&str, Refusal>| {
        let verifier = verifier(Scheme::Stripe, &["whsec_other", "whsec_test_secret"]);
        let line = format!("Stripe-Signature: {value}");
        let found = outcome(&verifier, now, &[&line], &[], STRIPE_BODY);
        assert_eq!(found, want.map(ToOwned::to_owned), "{value}");
    };
    let good = format!("t=1492774577,v1={STRIPE}");
    let malformed =
        || Err(Refusal::Malformed { header: STRIPE_SIGNATURE, expected: "`t=TIME,v1=SIGNATURE`" });
    check(STRIPE_AT, &good, Ok("s1"));
    check(STRIPE_AT, &format!("t=1492774577, v0=00, v1=zz, v1=00, v1={STRIPE}"), Ok("s1"));
    check(STRIPE_AT + 301, &good, Err(Refusal::Old { seconds: 301 }));
    check(
        STRIPE_AT,
        &good.replace("v1", "v0"),
        Err(Refusal::NoSignature { header: STRIPE_SIGNATURE, kind: "v1" }),
    );
    check(STRIPE_AT, &good.replace("t=1492774577", "t=1492774578"), Err(Refusal::Wrong));
    check(STRIPE_AT, &format!("v1={STRIPE}"), malformed());
    check(STRIPE_AT, &format!("t=1492774577,t=1492774577,v1={STRIPE}"), malformed());
    check(STRIPE_AT, "nonsense", malformed());
}

/// In Python: hmac.new(b"s3cret-of-the-shop", '{"order":"הזמנה 7"}'.encode(), sha256), its hexdigest() and its digest() in base64.
const HEBREW: &str = r#"{"order":"הזמנה 7"}"#;
const HEX: &str = "4fde8d75e7d542df72916d50797ee6a79eb1e3e66b19bb243b8054a7eaad983b";
const BASE64: &str = "T96NdefVQt9ykW1QeX7mp56x4+ZrGbskO4BUp+qtmDs=";

fn own(encoding: Encoding, prefix: &str) -> Scheme {
    Scheme::Hmac { header: HeaderName::from_static("x-shop-signature"), encoding, prefix: prefix.to_owned() }
}

#[test]
fn a_signature_of_ones_own_is_read_as_configured() {
    let check = |scheme: Scheme, value: &str, is_good: bool| {
        let line = format!("X-Shop-Signature: {value}");
        let found = outcome(&verifier(scheme, &["s3cret-of-the-shop"]), 0, &[&line], &[], HEBREW.as_bytes());
        assert_eq!(found.is_ok(), is_good, "{value}: {found:?}");
    };
    check(own(Encoding::Hex, ""), HEX, true);
    check(own(Encoding::Hex, "sha256="), &format!("sha256={HEX}"), true);
    check(own(Encoding::Hex, "sha256="), HEX, false);
    check(own(Encoding::Base64, ""), BASE64, true);
    check(own(Encoding::Base64, "HMAC "), &format!("HMAC {BASE64}"), true);
    check(own(Encoding::Base64, ""), HEX, false);
    check(own(Encoding::Hex, ""), BASE64, false);
    check(own(Encoding::Base64, ""), BASE64.trim_end_matches('='), false);
}

#[test]
fn a_token_stands_in_the_address_or_in_its_header() {
    let check =
        |header: Option<&'static str>, lines: &[&str], tokens: &[&str], want: Result<&str, Refusal>| {
            let header = header.map(HeaderName::from_static);
            let scheme = Scheme::Token { header, prefix: "Bearer ".to_owned() };
            let found = outcome(&verifier(scheme, &["3f9a2b", "77e1c0"]), 0, lines, tokens, b"");
            assert_eq!(found, want.map(ToOwned::to_owned), "{lines:?} {tokens:?}");
        };
    check(None, &[], &["77e1c0"], Ok("s1"));
    check(None, &[], &["77e1c"], Err(Refusal::WrongWord));
    check(None, &[], &[""], Err(Refusal::WrongWord));
    check(None, &[], &[], Err(Refusal::NoToken));
    check(None, &[], &["77e1c0", "77e1c0"], Err(Refusal::TwoTokens));
    check(None, &["authorization: Bearer 77e1c0"], &[], Err(Refusal::NoToken));
    check(Some("authorization"), &["authorization: Bearer 3f9a2b"], &[], Ok("s0"));
    check(Some("authorization"), &["authorization: Bearer x"], &[], Err(Refusal::WrongWord));
    let expected = "its prefix and the token";
    let malformed = Refusal::Malformed { header: AUTHORIZATION, expected };
    check(Some("authorization"), &["authorization: 3f9a2b"], &[], Err(malformed));
    check(Some("authorization"), &[], &["3f9a2b"], Err(Refusal::Missing(AUTHORIZATION)));
}

#[test]
fn a_user_with_a_password_is_compared_as_a_whole() {
    let check = |value: &str, want: Result<&str, Refusal>| {
        let line = format!("Authorization: {value}");
        let found = outcome(&verifier(Scheme::Basic, &["shop:p:w", "dana:סוד"]), 0, &[&line], &[], b"");
        assert_eq!(found, want.map(ToOwned::to_owned), "{value}");
    };
    let malformed = || Err(Refusal::Malformed { header: AUTHORIZATION, expected: "`Basic ` and base64" });
    // `printf 'shop:p:w' | base64`, `printf 'dana:סוד' | base64`, `printf 'shop:p' | base64`
    check("Basic c2hvcDpwOnc=", Ok("s0"));
    check("basic ZGFuYTrXodeV15M=", Ok("s1"));
    check("Basic c2hvcDpw", Err(Refusal::WrongWord));
    check("Basic", malformed());
    check("Basic %%%", malformed());
    check("Bearer c2hvcDpwOnc=", malformed());
}

#[test]
fn a_secret_that_proves_nothing_is_refused_before_it_is_used() {
    let check = |scheme: Scheme, secret: &str, want: Option<SecretFault>| {
        let found = Verifier::new(scheme, &[("n".to_owned(), Secret::from(secret))]);
        assert_eq!(found.err(), want, "{secret:?}");
    };
    check(Scheme::StandardWebhooks, WHSEC, None);
    check(Scheme::StandardWebhooks, &WHSEC.replace("whsec_", ""), None);
    check(Scheme::StandardWebhooks, &format!("{WHSEC}\n"), None);
    for text in ["whsec_", "a secret", "whsec_%%%%"] {
        check(Scheme::StandardWebhooks, text, Some(SecretFault::NotStandard("n".into())));
    }
    check(Scheme::GitHub, " \n", Some(SecretFault::Empty("n".into())));
    check(Scheme::Basic, "user", Some(SecretFault::NotAUser("n".into())));
    check(Scheme::Basic, "user:", None);
}

#[test]
fn the_usual_slips_are_recognised() {
    let standard = verifier(Scheme::StandardWebhooks, &[WHSEC]);
    hinted(&standard, AT + 9_000, &[ID, TIME, SIGNATURE], BODY, "old");
    hinted(&standard, AT, &[ID, TIME, SIGNATURE], br#"{"test":2432232314}"#, "body");
    hinted(&standard, AT, &[ID, TIME, SIGNATURE], b"{\"test\": 2432232314}\n", "body");
    hinted(&verifier(Scheme::StandardWebhooks, &[OTHER_WHSEC]), AT, &[ID, TIME, SIGNATURE], BODY, "secret");
    hinted(&standard, AT, &[GITHUB], BODY, "other_header");
    hinted(&standard, AT, &["svix-signature: v1,x"], BODY, "other_header");
    hinted(&standard, AT, &["webhook-ids: x"], BODY, "other_header");
    hinted(&standard, AT, &[], BODY, "header_missing");
    hinted(&standard, AT, &[ID, ID, TIME, SIGNATURE], BODY, "header_twice");
    let shop = |scheme: Scheme, line: &str, body: &str, want: &str| {
        hinted(
            &verifier(scheme, &["s3cret-of-the-shop"]),
            0,
            &[&format!("X-Shop-Signature: {line}")],
            body.as_bytes(),
            want,
        );
    };
    shop(own(Encoding::Hex, ""), BASE64, HEBREW, "encoding");
    shop(own(Encoding::Base64, ""), HEX, HEBREW, "encoding");
    shop(own(Encoding::Hex, ""), &format!("sha256={HEX}"), HEBREW, "encoding");
    shop(own(Encoding::Hex, ""), HEX, &format!("{HEBREW}\r\n"), "body");
    shop(own(Encoding::Hex, ""), HEX, "{\"order\": \"\\u05d4\\u05d6\\u05de\\u05e0\\u05d4 7\"}", "body");
    shop(own(Encoding::Hex, ""), HEX, "{\"order\":\"other\"}", "secret");
    // In Python: hmac.new(b"whsec_MfKQ…", b"msg_p5j….1614265330." + body, sha256): the letters of the secret, not its bytes.
    let letters = "webhook-signature: v1,TcxlhK9b6UD6iVI1ZU2tTqp8PEVfYRseNNfa6b+LcUg=";
    hinted(&standard, AT, &[ID, TIME, letters], BODY, "secret_use");
}

proptest! {
    #[test]
    fn whatever_the_headers_say_nothing_panics_and_nothing_is_believed(
        id in "[ -~]{0,30}", time in "[ -~]{0,25}", signature in "[ -~]{0,80}", body in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let lines = [format!("webhook-id: {id}"), format!("webhook-timestamp: {time}"), format!("webhook-signature: {signature}"),
            format!("stripe-signature: {signature}"), format!("x-hub-signature-256: {signature}"), format!("authorization: {signature}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let headers = headers(&lines);
        let tokens = [signature.clone()];
        let delivery = Delivery { headers: &headers, tokens: &tokens, body: &body };
        for scheme in [Scheme::StandardWebhooks, Scheme::GitHub, Scheme::Stripe, Scheme::Basic, own(Encoding::Base64, ""),
            Scheme::Token { header: None, prefix: String::new() }] {
            let secret = if scheme == Scheme::Basic { "u:p-of-nobody" } else { WHSEC };
            let verifier = verifier(scheme, &[secret]);
            let refusal = verifier.verify(&delivery, Timestamp::UNIX_EPOCH).unwrap_err();
            drop(diagnose(&verifier, &delivery, &refusal));
        }
    }

    #[test]
    fn one_changed_byte_is_noticed(body in prop::collection::vec(any::<u8>(), 1..60), at in any::<prop::sample::Index>()) {
        let secret = "s3cret-of-the-shop";
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let line = format!("X-Shop-Signature: {}", crate::webhook::encoding::to_hex(hmac::sign(&key, &body).as_ref()));
        let verifier = verifier(own(Encoding::Hex, ""), &[secret]);
        prop_assert!(outcome(&verifier, 0, &[&line], &[], &body).is_ok());
        let mut changed = body.clone();
        changed[at.index(body.len())] ^= 1;
        prop_assert_eq!(outcome(&verifier, 0, &[&line], &[], &changed), Err(Refusal::Wrong));
    }
}
