//! Leads and clients, and the list of them. The list's form is a choice: nobody has written down the provider's.

use super::record::{Contact, Record};
use super::world::World;
use super::{Form, Refusal, is_true, refuse};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What a contact is, as the provider's numbers have it.
const CLIENT: i64 = 2;
const POTENTIAL_CLIENT: i64 = 3;
/// What is listed of a contact where the caller does not say.
const FIELDS: &str = "name,id,user_type,phone,mobile";

/// Adds a lead or a client.
pub(super) fn add(world: &mut World, form: &Form, potential: bool, at: Timestamp) -> Result<Value, Refusal> {
    let Some(name) = form.text("x_name") else {
        return refuse("Missing x_name");
    };
    let text = |name: &str| form.text(name).unwrap_or_default().to_owned();
    let id = if potential { world.next.lead } else { world.next.client };
    let contact = Contact {
        customer_id: id,
        name: name.to_owned(),
        email: text("x_email1"),
        phone: text("x_phone"),
        mobile: text("x_mobile"),
        potential,
    };
    world.commit(Record::Contact(contact), at);
    Ok(json!({ "success": 1, "data": { "id": world.id(id) } }))
}

/// Lists contacts.
pub(super) fn list(world: &World, query: &Form, at: Timestamp) -> Result<Value, Refusal> {
    let with_potential = is_true(query.text("incl_pclient"));
    let wanted = query.text("fields").unwrap_or(FIELDS);
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    let phone = query.text("phone");
    let old_enough =
        |since: &Timestamp| since.checked_add(world.list_lag).is_ok_and(|shown_from| shown_from <= at);
    let found = world.contacts.iter().filter(|(contact, since)| {
        let by_phone =
            phone.is_none_or(|phone| [&contact.phone, &contact.mobile].iter().any(|own| *own == phone));
        (with_potential || !contact.potential) && by_phone && old_enough(since)
    });
    Ok(Value::Array(found.map(|(contact, _)| shown(world, contact, &wanted)).collect()))
}

fn shown(world: &World, contact: &Contact, wanted: &[&str]) -> Value {
    let all = [
        ("id", world.id(contact.customer_id)),
        ("name", json!(contact.name)),
        ("user_type", json!(if contact.potential { POTENTIAL_CLIENT } else { CLIENT })),
        ("phone", json!(contact.phone)),
        ("mobile", json!(contact.mobile)),
        ("email1", json!(contact.email)),
    ];
    let kept = all.into_iter().filter(|(name, _)| wanted.contains(name));
    Value::Object(kept.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}
