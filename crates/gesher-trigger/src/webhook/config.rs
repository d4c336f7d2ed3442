//! What a flow's webhook is: its path, how a delivery proves where it comes from, what names it, what is answered.

use super::identity::IdPointer;
use gesher_core::Secret;
use hyper::header::HeaderName;

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Two hexadecimal digits a byte.
    #[default]
    Hex,
    /// Base64 with its padding.
    Base64,
}

impl Encoding {
    /// The word of the setting.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

/// How a delivery proves where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, all of it signed.
    StandardWebhooks,
    /// `X-Hub-Signature-256` over the body.
    GitHub,
    /// `Stripe-Signature` over a time and the body.
    Stripe,
    /// HMAC-SHA256 over the body, in a header of the sender's choice.
    Hmac {
        /// The header.
        header: HeaderName,
        /// How the signature is written.
        encoding: Encoding,
        /// What stands before it, such as `sha256=`.
        prefix: String,
    },
    /// A word that only the sender knows: in this header, else behind the path or in the query's `token`.
    Token {
        /// The header; without one the word is part of the address.
        header: Option<HeaderName>,
        /// What stands before it in the header, such as `Bearer `.
        prefix: String,
    },
    /// `Authorization: Basic …`; each secret is `user:password`.
    Basic,
    /// Nothing is proved.
    None,
}

impl Scheme {
    /// The word of the setting.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::StandardWebhooks => "standard-webhooks",
            Self::GitHub => "github",
            Self::Stripe => "stripe",
            Self::Hmac { .. } => "hmac",
            Self::Token { .. } => "token",
            Self::Basic => "basic",
            Self::None => "none",
        }
    }

    /// Whether the proof is over the body, so that it has to be read first.
    #[must_use]
    pub const fn signs_the_body(&self) -> bool {
        matches!(self, Self::StandardWebhooks | Self::GitHub | Self::Stripe | Self::Hmac { .. })
    }

    /// Whether the word that proves it may stand in the address.
    #[must_use]
    pub const fn is_in_the_address(&self) -> bool {
        matches!(self, Self::Token { header: None, .. })
    }

    /// The headers that the proof stands in. One that comes twice is refused: nobody knows which is meant.
    #[must_use]
    pub fn headers(&self) -> Vec<HeaderName> {
        match self {
            Self::StandardWebhooks => vec![WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE],
            Self::GitHub => vec![X_HUB_SIGNATURE_256],
            Self::Stripe => vec![STRIPE_SIGNATURE],
            Self::Hmac { header, .. } | Self::Token { header: Some(header), .. } => vec![header.clone()],
            Self::Basic => vec![hyper::header::AUTHORIZATION],
            Self::Token { header: None, .. } | Self::None => Vec::new(),
        }
    }
}

/// The delivery's id, in Standard Webhooks.
pub const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
/// When the delivery was tried, in seconds since 1970.
pub const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// The signatures, with a space between two.
pub const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// GitHub's signature.
pub const X_HUB_SIGNATURE_256: HeaderName = HeaderName::from_static("x-hub-signature-256");
/// Stripe's time and signatures.
pub const STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

/// What a sender is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// The run's id, as soon as the delivery is on the disk.
    #[default]
    Async,
    /// What the script answers, where it answers in time.
    Sync,
}

/// A flow's webhook.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// The path of its address, as in `/hooks/onboard`.
    pub path: String,
    /// How a delivery proves where it comes from.
    pub scheme: Scheme,
    /// What it is proved with, with the names for people; any of them will do.
    pub secrets: Vec<(String, Secret)>,
    /// Where the body names the delivery. Without it the scheme's own id does, or else the body itself.
    pub id: Option<IdPointer>,
    /// What a sender is told.
    pub reply: Reply,
}
