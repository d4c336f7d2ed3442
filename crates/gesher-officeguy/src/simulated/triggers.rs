//! Plays triggers: who is subscribed, what they are told, and in which of the observed encodings.
//!
//! Folders, views and columns are made up, since every organisation has its own.

use super::changes::{Change, Subscription};
use super::company_changes::change;
use super::record::{Kind, Record};
use super::wire::refuse;
use super::world::World;
use super::{enveloped, required, said, serve};
use crate::endpoints::company_changes::EmptyAnswer;
use crate::endpoints::trigger_type::TriggerType;
use crate::endpoints::triggers::{
    ListFolders, ListFoldersAnswer, ListViews, ListViewsAnswer, Named, SubscribeTrigger, UnsubscribeTrigger,
};
use crate::envelope::field;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call, Delivery};
use serde_json::{Value, json};

/// The folder of customers.
pub(super) const CUSTOMERS: i64 = 1_000_000_001;
/// The folder of documents.
pub(super) const DOCUMENTS: i64 = 1_000_000_002;
/// The folder of payments.
pub(super) const PAYMENTS: i64 = 1_000_000_003;
/// The folders and their names. Each has one view.
const FOLDERS: [(i64, &str); 3] = [(CUSTOMERS, "לקוחות"), (DOCUMENTS, "מסמכים"), (PAYMENTS, "תשלומים")];

/// How a trigger's call is written. All three were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON, as it is.
    Json,
    /// A form whose one field `json` holds it.
    #[default]
    Form,
    /// A form with a field for each value.
    Flat,
}

/// The view of a folder: the folder's id with a digit behind its last one.
fn view_of(folder: i64) -> i64 {
    1_000_000_000 + (folder - 1_000_000_000) * 10 + 1
}

impl Simulated for SubscribeTrigger {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                let folder = body.text("Folder")?;
                Ok((body.text("URL")?, folder, body.plain_int("View")?, body.text("TriggerType")?))
            },
            |world, caller, (url, folder, view, of)| {
                required(
                    call,
                    &[
                        ("URL", said(url.as_ref())),
                        ("Folder", said(folder.as_ref())),
                        ("View", view > 0),
                        ("TriggerType", said(of.as_ref())),
                    ],
                )?;
                let folder = folder.and_then(|folder| folder.trim().parse().ok()).unwrap_or_default();
                let of = of.as_deref().and_then(TriggerType::of_word);
                // The texts were never recorded: ours.
                if !FOLDERS.iter().any(|row| row.0 == folder) {
                    return refuse("Folder not found");
                }
                let (Some(of), Some(url)) = (of, url) else {
                    return refuse("TriggerType is not known");
                };
                change(world, caller, Change::Subscribed(Subscription { url, folder, view, of }));
                Ok(EmptyAnswer {})
            },
        )
    }
}

impl Simulated for UnsubscribeTrigger {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.text("URL"),
            |world, caller, url| {
                required(call, &[("URL", said(url.as_ref()))])?;
                change(world, caller, Change::Unsubscribed(url.unwrap_or_default()));
                Ok(EmptyAnswer {})
            },
        )
    }
}

impl Simulated for ListFolders {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.text("NameFilter"),
            |_, _, filter| {
                let filter = filter.unwrap_or_default();
                let folders = FOLDERS.iter().filter(|row| row.1.contains(filter.trim()));
                let folders = folders.map(|row| Named { id: row.0, name: Some(row.1.to_owned()) });
                Ok(ListFoldersAnswer { folders: folders.collect() })
            },
        )
    }
}

impl Simulated for ListViews {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.plain_int("FolderID"),
            |_, _, folder| {
                let views = FOLDERS.iter().filter(|row| row.0 == folder);
                let views = views.map(|row| Named { id: view_of(row.0), name: Some("הכול".to_owned()) });
                Ok(ListViewsAnswer { views: views.collect() })
            },
        )
    }
}

/// Chooses the encoding in the place of whoever decides it at the provider.
pub(super) fn choose_encoding(world: &mut World, call: &Call<'_>) -> Answered {
    let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
    world.encoding = match field(&body, "Encoding").as_str() {
        Some("json") => Encoding::Json,
        Some("form") => Encoding::Form,
        Some("flat") => Encoding::Flat,
        _ => return enveloped::<()>(refuse("Encoding: one of json, form, flat"), call),
    };
    enveloped(Ok(EmptyAnswer {}), call)
}

/// Something that happened to a record of a folder.
struct Event {
    folder: i64,
    entity: i64,
    what: TriggerType,
}

/// What has to be told because of what was done, once for each that is subscribed.
pub(super) fn told(world: &World, record: &Record) -> Vec<Delivery> {
    let Some(company) = world.companies.get(&record.company) else {
        return Vec::new();
    };
    let subscriptions = &company.changes.subscriptions;
    if subscriptions.is_empty() {
        return Vec::new();
    }
    let customer = record.customer_id.and_then(|id| company.customers.get(&id));
    let name = customer.and_then(|customer| customer.entry.name.clone());
    let mut deliveries = Vec::new();
    for event in events(record) {
        let tells = |subscription: &&Subscription| {
            subscription.folder == event.folder && subscription.of.tells_of(event.what)
        };
        for subscription in subscriptions.iter().filter(tells) {
            let told = written(&event, record, name.as_deref());
            deliveries.push(encoded(world.encoding, subscription.url.clone(), &told));
        }
    }
    deliveries
}

fn events(record: &Record) -> Vec<Event> {
    let mut events = Vec::new();
    let mut push = |folder, entity: Option<i64>, what| {
        events.extend(entity.map(|entity| Event { folder, entity, what }));
    };
    match &record.change {
        Some(Change::Booked(id)) => push(DOCUMENTS, Some(*id), TriggerType::Update),
        Some(Change::Cancelled(id)) => push(DOCUMENTS, Some(*id), TriggerType::Update),
        _ => {}
    }
    if record.document.is_some() {
        push(DOCUMENTS, record.document_id, TriggerType::Create);
    }
    if record.kind == Kind::Charge {
        push(PAYMENTS, record.payment_id, TriggerType::Create);
    }
    if let Some(customer) = &record.customer {
        let is_changed = matches!(record.change, Some(Change::CustomerChanged));
        let what = if is_changed { TriggerType::Update } else { TriggerType::Create };
        push(CUSTOMERS, Some(customer.id), what);
    }
    events
}

/// A call as the provider writes it: values stand in lists, and references in objects with id and name.
fn written(event: &Event, record: &Record, customer: Option<&str>) -> Value {
    let mut properties = json!({});
    if let Some(id) = record.customer_id {
        properties["Customer"] = json!([{"ID": id, "Name": customer}]);
    }
    if let Some(amount) = record.amount.filter(|_| event.folder != CUSTOMERS) {
        properties["Amount"] = json!([amount]);
    }
    json!({"Folder": event.folder, "EntityID": event.entity, "Type": event.what.word(), "Properties": properties})
}

fn encoded(encoding: Encoding, url: String, told: &Value) -> Delivery {
    let form = |pairs: &[(String, String)]| Delivery {
        url: url.clone(),
        content_type: "application/x-www-form-urlencoded",
        body: serde_urlencoded::to_string(pairs).unwrap_or_default().into_bytes(),
    };
    match encoding {
        Encoding::Json => Delivery {
            url,
            content_type: "application/json; charset=utf-8",
            body: told.to_string().into_bytes(),
        },
        Encoding::Form => form(&[("json".to_owned(), told.to_string())]),
        Encoding::Flat => {
            let mut pairs = Vec::new();
            flatten(told, String::new(), &mut pairs);
            form(&pairs)
        }
    }
}

/// `Properties.Customer[0].ID=7`: dots for fields, brackets for places in lists.
fn flatten(value: &Value, path: String, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(value, inner, pairs);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                flatten(value, format!("{path}[{at}]"), pairs);
            }
        }
        Value::Null => {}
        Value::String(text) => pairs.push((path, text.clone())),
        other => pairs.push((path, other.to_string())),
    }
}
