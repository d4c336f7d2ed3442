//! Who is told when something changes: `officeguy.subscribe_trigger`, `unsubscribe_trigger`; and the folders and views
//! that a trigger is made from, `list_folders` and `list_views`.

use crate::endpoints::triggers as wire;
use crate::envelope::field;
use crate::plain::{Plain, Request, nothing};
use crate::rules::{self, refuse};
use gesher_core::{Effect, Example, Outcome, Rejection, Text};
use serde_json::{Value, json};

/// Has an address called.
pub(crate) struct SubscribeTrigger;

impl Plain for SubscribeTrigger {
    type Wire = wire::SubscribeTrigger;
    const NAME: &'static str = "subscribe_trigger";
    const SUMMARY: &'static str = "Have an address called when records of a folder change.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Be told of new documents",
        who: "dana-pottery",
        key: Some("dana-pottery/documents-hook"),
        request: r#"{"URL": "https://hub.example.test/hooks/officeguy?token=3f9a0c", "Folder": "1000000002",
            "View": 1000000021, "TriggerType": "Create"}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::web_address("URL", &request.url)?;
        if request.url.contains('+') {
            return Err(refuse(
                "plus_in_address",
                "URL: סימן + בכתובת מגיע חזרה כרווח; סוד בכתובת נכתב בספרות הקסדצימליות",
                "URL: a + comes back as a space; write a secret in hexadecimal digits",
            ));
        }
        if !request.folder.trim().bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse(
                "bad_id",
                "Folder: מזהה תיקייה הוא מספר, כפי ש־officeguy::list_folders משיבה",
                "Folder: a folder's id is a number, as officeguy::list_folders answers it",
            ));
        }
        rules::id("View", request.view)
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "Folder": request.folder, "View": request.view, "TriggerType": request.trigger_type })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new(
            "הכתובת נרשמה; ל־OfficeGuy אין רשימה של כתובות, ולכן כדאי לזכור אותה",
            "The address was subscribed; OfficeGuy has no list of them, so keep it in mind",
        );
        nothing(data)
    }
}

/// Ends what an address was subscribed to.
pub(crate) struct UnsubscribeTrigger;

impl Plain for UnsubscribeTrigger {
    type Wire = wire::UnsubscribeTrigger;
    const NAME: &'static str = "unsubscribe_trigger";
    const SUMMARY: &'static str = "Have an address called no more.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Be told no more",
        who: "dana-pottery",
        key: Some("dana-pottery/documents-hook/end"),
        request: r#"{"URL": "https://hub.example.test/hooks/officeguy?token=3f9a0c"}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::web_address("URL", &request.url)
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("הרישום של הכתובת בוטל", "The address is called no more");
        nothing(data)
    }
}

/// Lists folders.
pub(crate) struct ListFolders;

impl Plain for ListFolders {
    type Wire = wire::ListFolders;
    const NAME: &'static str = "list_folders";
    const SUMMARY: &'static str = "List the folders of the organisation's records.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Find the folder of documents",
        who: "dana-pottery",
        key: None,
        request: r#"{"NameFilter": "מסמכים"}"#,
        answer: r#"{"Folders": "*"}"#,
    }];

    fn rules(_: &Request<Self>) -> Result<(), Rejection> {
        Ok(())
    }

    fn read(data: &Value, _: &mut Outcome) -> Option<()> {
        field(data, "Folders").is_array().then_some(())
    }
}

/// Lists views.
pub(crate) struct ListViews;

impl Plain for ListViews {
    type Wire = wire::ListViews;
    const NAME: &'static str = "list_views";
    const SUMMARY: &'static str = "List the views of a folder.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "List the views of the folder of documents",
        who: "dana-pottery",
        key: None,
        request: r#"{"FolderID": 1000000002}"#,
        answer: r#"{"Views": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::id("FolderID", request.folder_id)
    }

    fn read(data: &Value, _: &mut Outcome) -> Option<()> {
        field(data, "Views").is_array().then_some(())
    }
}
