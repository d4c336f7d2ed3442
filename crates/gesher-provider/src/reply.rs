//! What a server answered, as plain data. It does not say what the answer means: see `classify`.

use std::fmt;

use bytes::Bytes;

/// A whole HTTP answer, its body read to the end and below the size limit.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header, when it is there and readable.
    pub content_type: Option<String>,
    /// The body as it came; never decompressed.
    pub body: Bytes,
}

impl Reply {
    /// Whether the answer can be a JSON object at all: it says that it is JSON and begins like an object. Cheap, and
    /// enough to tell a provider's answer from a login page; whether the JSON is whole is for the provider to find.
    pub fn looks_like_json_object(&self) -> bool {
        let declared = self.content_type.as_deref().is_some_and(is_json);
        declared && self.body.trim_ascii_start().first() == Some(&b'{')
    }
}

/// The body may hold personal data, so only its size is shown.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/json" | "text/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: Option<&str>, body: &'static str, want: bool) {
        let reply = Reply {
            status: 200,
            content_type: content_type.map(str::to_owned),
            body: Bytes::from_static(body.as_bytes()),
        };
        assert_eq!(reply.looks_like_json_object(), want, "{content_type:?} {body}");
    }

    #[test]
    fn a_json_object_is_told_from_a_page() {
        check(Some("application/json; charset=utf-8"), "{}", true);
        check(Some("Application/JSON"), " \r\n{\"Status\":0}", true);
        check(Some("text/json"), "{", true);
        check(Some("application/problem+json"), "{}", true);
        check(Some("text/html"), "{}", false);
        check(Some("text/plain"), "{}", false);
        check(None, "{}", false);
        check(Some("application/json"), "", false);
        check(Some("application/json"), "<html>", false);
        check(Some("application/json"), "[]", false);
        check(Some("application/jsonp"), "{}", false);
    }

    #[test]
    fn the_body_is_not_in_the_debug_form() {
        let reply = Reply { status: 200, content_type: None, body: Bytes::from_static(b"canary") };
        assert!(!format!("{reply:?}").contains("canary"));
    }
}
