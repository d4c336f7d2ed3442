//! Why a call brought no whole answer, and what the sender can prove about it.
//!
//! Nothing here holds an address, a query or a header, so a failure may be logged and stored as it is.

use crate::witness::Witness;
use gesher_core::Text;
use std::fmt;

/// What stopped the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailureKind {
    /// The path or a header cannot be put into an HTTP request.
    #[error("the request cannot be written as HTTP")]
    InvalidRequest,
    /// The host name has no address, or nobody could be asked.
    #[error("the host name could not be resolved")]
    Dns,
    /// The host answered that nobody listens there.
    #[error("the connection was refused")]
    Refused,
    /// There is no way to the host.
    #[error("the host could not be reached")]
    Unreachable,
    /// Resolving, connecting and the TLS handshake together took too long.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The TLS handshake failed.
    #[error("no secure connection could be agreed on")]
    Tls,
    /// The server's certificate is not to be trusted: perhaps somebody stands in between.
    #[error("the server's certificate is not trusted")]
    Certificate,
    /// Connected, and failed before any byte of the request was handed over.
    #[error("the connection broke before the request began")]
    BeforeFirstByte,
    /// Part of the request was handed over, and the rest was refused.
    #[error("the connection broke while the request was being sent")]
    PartialWrite,
    /// The whole time was over before the answer was whole.
    #[error("no whole answer came in time")]
    ResponseTimeout,
    /// The connection ended before an answer began.
    #[error("the connection was closed without an answer")]
    ClosedWithoutResponse,
    /// The answer began and its body did not end.
    #[error("the answer broke off")]
    TruncatedBody,
    /// What came is not an HTTP/1 answer.
    #[error("the answer is not valid HTTP")]
    MalformedResponse,
    /// The head or the body of the answer is above the limit.
    #[error("the answer is too large")]
    TooLarge,
}

impl FailureKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 14] = [
        Self::InvalidRequest,
        Self::Dns,
        Self::Refused,
        Self::Unreachable,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Certificate,
        Self::BeforeFirstByte,
        Self::PartialWrite,
        Self::ResponseTimeout,
        Self::ClosedWithoutResponse,
        Self::TruncatedBody,
        Self::MalformedResponse,
        Self::TooLarge,
    ];

    /// A stable word for results and logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Certificate => gesher_core::outcome::CERTIFICATE,
            Self::BeforeFirstByte => "before_first_byte",
            Self::PartialWrite => "partial_write",
            Self::ResponseTimeout => "response_timeout",
            Self::ClosedWithoutResponse => "closed_without_response",
            Self::TruncatedBody => "truncated_body",
            Self::MalformedResponse => "malformed_response",
            Self::TooLarge => "too_large",
        }
    }

    /// The same for people: one wording, whoever was called.
    #[must_use]
    pub fn text(self) -> Text {
        let he = match self {
            Self::InvalidRequest => "לא ניתן לכתוב את הבקשה כ־HTTP",
            Self::Dns => "כתובת השרת לא נמצאה",
            Self::Refused => "השרת סירב להתחבר",
            Self::Unreachable => "אין דרך להגיע לשרת",
            Self::ConnectTimeout => "ההתחברות לשרת נמשכה זמן רב מדי",
            Self::Tls => "לא נוצר חיבור מאובטח לשרת",
            Self::Certificate => {
                "האישור (certificate) של השרת אינו מהימן; יש לערב איש מקצוע לפני ניסיון נוסף"
            }
            Self::BeforeFirstByte => "החיבור נותק לפני שהבקשה נשלחה",
            Self::PartialWrite => "החיבור נותק באמצע שליחת הבקשה",
            Self::ResponseTimeout => "התשובה לא הגיעה בזמן",
            Self::ClosedWithoutResponse => "החיבור נסגר ללא תשובה",
            Self::TruncatedBody => "התשובה נקטעה באמצע",
            Self::MalformedResponse => "התשובה אינה HTTP תקין",
            Self::TooLarge => "התשובה גדולה מדי",
        };
        Text::new(he, self.to_string())
    }
}

/// A call that brought no whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendFailure {
    /// What stopped it.
    pub kind: FailureKind,
    /// What had left by then.
    pub witness: Witness,
    detail: Option<Box<str>>,
}

impl SendFailure {
    /// A failure with what its sender knows.
    pub const fn new(kind: FailureKind, witness: Witness) -> Self {
        Self { kind, witness, detail: None }
    }

    /// A failure before any byte of the request was handed over.
    pub const fn nothing_left(kind: FailureKind) -> Self {
        Self::new(kind, Witness::NothingLeft)
    }

    /// Adds the words of the system or of the TLS library. They name at most the host.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string().into());
        self
    }

    /// The words of the system or of the TLS library, when it said any.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        match self.witness {
            Witness::NothingLeft => write!(f, "; nothing of the request had left"),
            Witness::SomethingLeft { bytes } => {
                write!(f, "; up to {bytes} bytes of the request had left")
            }
        }
    }
}

impl std::error::Error for SendFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let mut codes: Vec<_> = FailureKind::ALL.iter().map(|kind| kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), FailureKind::ALL.len());
    }

    #[test]
    fn every_kind_has_words_of_its_own_in_both_languages() {
        let words = |text: fn(&Text) -> &String| {
            let texts = FailureKind::ALL.map(FailureKind::text);
            texts.iter().map(|words| text(words).clone()).collect::<std::collections::BTreeSet<_>>()
        };
        let (he, en) = (words(|text| &text.he), words(|text| &text.en));
        assert_eq!((he.len(), en.len()), (FailureKind::ALL.len(), FailureKind::ALL.len()));
        assert!(he.is_disjoint(&en) && en.contains("the connection was refused"));
    }

    #[test]
    fn a_failure_says_what_happened_and_what_had_left() {
        let failure = SendFailure::nothing_left(FailureKind::Refused);
        assert_eq!(failure.to_string(), "the connection was refused; nothing of the request had left");
        let witness = Witness::SomethingLeft { bytes: 12 };
        let failure = SendFailure::new(FailureKind::TruncatedBody, witness).with_detail("reset");
        assert_eq!(
            failure.to_string(),
            "the answer broke off (reset); up to 12 bytes of the request had left"
        );
    }
}
