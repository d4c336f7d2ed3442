//! From a request to a mail: addresses, headers, parts. Pure.

use crate::Mail;
use gesher_plugin::{Rejection, Text};
use lettre::Message;
use lettre::message::header::ContentTransferEncoding;
use lettre::message::header::ContentType;
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

/// Receivers of one mail.
const RECEIVERS_MAX: usize = 100;
/// Size of a mail's text and files together, in bytes.
const MAIL_BYTES_MAX: usize = 5 << 20;

fn wrong(at: &str, he: &str, en: &str) -> Rejection {
    Rejection::new("smtp_mail", Text::new(format!("{at}: {he}"), format!("{at}: {en}")))
}

fn mailbox(at: &str, text: &str) -> Result<Mailbox, Rejection> {
    text.parse().map_err(|_| wrong(at, "אין זו כתובת דואר", "this is no mail address"))
}

/// The Message-ID of a step: always the same for the same step, so that a mail that came twice would be seen as one.
pub(crate) fn id(reference: &str) -> String {
    format!("<{reference}@gesher.invalid>")
}

/// The mail of a request.
pub(crate) fn of(request: &Mail, reference: &str) -> Result<Message, Rejection> {
    let sum = request
        .attachments
        .iter()
        .map(|file| file.text.len())
        .fold(request.text.len(), usize::saturating_add);
    if sum > MAIL_BYTES_MAX {
        return Err(wrong(
            "text",
            &format!("הדואר גדול מ־{MAIL_BYTES_MAX} בתים"),
            &format!("the mail is larger than {MAIL_BYTES_MAX} bytes"),
        ));
    }
    if request.to.is_empty() || request.to.len() > RECEIVERS_MAX {
        return Err(wrong("to", "מספר הנמענים שגוי", &format!("1 to {RECEIVERS_MAX} receivers are needed")));
    }
    let one_line = |at: &str, text: &str| match text.chars().any(char::is_control) {
        true => Err(wrong(at, "נדרשת שורה אחת", "this has to be one line")),
        false => Ok(()),
    };
    one_line("subject", &request.subject)?;
    let mut builder = Message::builder()
        .message_id(Some(id(reference)))
        .from(mailbox("from", &request.from)?)
        .subject(request.subject.clone());
    for (at, to) in request.to.iter().enumerate() {
        builder = builder.to(mailbox(&format!("to[{at}]"), to)?);
    }
    let mut parts = MultiPart::mixed().singlepart(SinglePart::plain(request.text.clone()));
    for (at, file) in request.attachments.iter().enumerate() {
        let place = format!("attachments[{at}].name");
        one_line(&place, &file.name)?;
        if file.name.trim().is_empty() || file.name.contains(['/', '\\']) {
            return Err(wrong(&place, "נדרש שם של קובץ", "the name of a file is needed, without folders"));
        }
        let kind = if file.name.to_lowercase().ends_with(".csv") {
            "text/csv; charset=utf-8"
        } else {
            "text/plain; charset=utf-8"
        };
        let kind = ContentType::parse(kind).map_err(|_| wrong(&place, "סוג קובץ", "the kind of file"))?;
        // As bytes: of a text, ends of lines would be made alike on the way, and a file arrives as it is.
        let bytes = file.text.clone().into_bytes();
        let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
            .map_err(|_| wrong(&place, "לא ניתן לקודד את הקובץ", "the file cannot be encoded"))?;
        parts = parts.singlepart(lettre::message::Attachment::new(file.name.clone()).body(body, kind));
    }
    builder
        .multipart(parts)
        .map_err(|error| wrong("request", "אין אפשרות לבנות את הדואר", &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attachment;

    fn mail(change: impl Fn(&mut Mail)) -> Result<String, String> {
        let mut mail = Mail {
            from: "Billing <billing@example.com>".into(),
            to: vec!["boss@example.com".into()],
            subject: "סיכום".into(),
            text: "שלום".into(),
            attachments: vec![Attachment { name: "דוח.csv".into(), text: "a,b\n".into() }],
        };
        change(&mut mail);
        let text = |message: Message| String::from_utf8_lossy(&message.formatted()).into_owned();
        of(&mail, "k7mq2xd.1.1").map(text).map_err(|rejection| rejection.message.en)
    }

    #[test]
    fn a_mail_has_its_parts_and_the_reference_of_its_step() {
        let text = mail(|_| {}).unwrap_or_default();
        for part in [
            "Message-ID: <k7mq2xd.1.1@gesher.invalid>",
            "To: boss@example.com",
            "text/csv",
            "multipart/mixed",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn what_is_no_mail_is_refused_with_its_place() {
        type Change = fn(&mut Mail);
        let cases: [(Change, &str); 6] = [
            (|m| m.from = "nobody".into(), "from: this is no mail address"),
            (|m| m.to.push("x".into()), "to[1]"),
            (|m| m.to.clear(), "1 to 100"),
            (|m| m.subject = "a\r\nBcc: x@example.com".into(), "one line"),
            (|m| m.attachments[0].name = "../x".into(), "without folders"),
            (|m| m.text = "x".repeat(6 << 20), "larger than"),
        ];
        for (change, want) in cases {
            let refused = mail(change);
            assert!(refused.as_ref().is_err_and(|words| words.contains(want)), "{want}: {refused:?}");
        }
    }
}
