//! What the provider tells a subscribed address, read from each encoding that was seen: JSON, a form whose field `json`
//! holds it, and a form with a field for each value.
//!
//! Pure. Nothing signs these calls, they may come twice, late or in another order, and names of columns mislead: they are
//! hints, and whoever gets one looks the record up again. Whether a call may be believed at all is decided elsewhere.

use crate::endpoints::trigger_type::TriggerType;
use crate::envelope::{field, int, text};
use gesher_core::Text;
use gesher_core::operation::Reader;
use serde_json::{Map, Value, json};

/// Fields of a flat form that are read. More are refused: no view has as many columns.
const FLAT_FIELDS_MAX: usize = 1_000;
/// Steps of a name in a flat form, such as `Properties.Customer[0].ID`.
const FLAT_STEPS_MAX: usize = 8;
/// Places of a list in a flat form.
const FLAT_PLACES_MAX: usize = 1_000;

/// A trigger's call.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerCall {
    /// The folder of the record.
    pub folder: i64,
    /// The record. Look it up by this.
    pub entity_id: i64,
    /// What happened to it.
    pub what: TriggerType,
    /// The columns of the view that was subscribed: each a list of values, or of objects with `ID` and `Name`. In a flat
    /// form all values are texts.
    pub properties: Map<String, Value>,
}

/// How a call was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerEncoding {
    /// The object itself.
    Json,
    /// A form, the object as text in its field `json`.
    JsonInForm,
    /// A form with a field for each value: `Properties.Customer[0].ID=7`.
    FlatForm,
}

/// A body that is no trigger's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TriggerFault {
    /// Neither JSON nor a form.
    #[error("the body is neither JSON nor a form")]
    Unreadable,
    /// It has too many or too deep fields.
    #[error("the form has too many or too deep fields")]
    TooLarge,
    /// `Folder`, `EntityID` or `Type` is missing or has another type.
    #[error("`{0}` is missing or is not what a trigger says there")]
    Missing(&'static str),
}

/// Reads a call by its bytes. The content type is not asked: it was seen to differ from what was sent.
pub fn read(body: &[u8]) -> Result<(TriggerCall, TriggerEncoding), TriggerFault> {
    if body.trim_ascii_start().starts_with(b"{") {
        return call(&from_json(body)?).map(|call| (call, TriggerEncoding::Json));
    }
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(body).map_err(|_| TriggerFault::Unreadable)?;
    if let Some((_, inner)) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("json")) {
        return call(&from_json(inner.as_bytes())?).map(|call| (call, TriggerEncoding::JsonInForm));
    }
    call(&unflattened(&fields)?).map(|call| (call, TriggerEncoding::FlatForm))
}

/// For scripts: `officeguy::trigger(request)`.
pub static READER: Reader = Reader {
    name: "trigger",
    summary: "Reads what OfficeGuy tells a subscribed address: #{ folder, entity_id, type, properties }. A hint: read the \
              record by its id before acting on it.",
    example: r#"{"Folder":1076734599,"EntityID":60000001,"Type":"Create","Properties":{}}"#,
    read: |body| {
        let (call, _) = read(body).map_err(|fault| {
            Text::new("המסירה אינה הודעה של OfficeGuy", format!("this is no trigger of OfficeGuy: {fault}"))
        })?;
        Ok(json!({
            "folder": call.folder, "entity_id": call.entity_id, "type": call.what.word(), "properties": call.properties,
        }))
    },
};

fn from_json(text: &[u8]) -> Result<Value, TriggerFault> {
    serde_json::from_slice(text).map_err(|_| TriggerFault::Unreadable)
}

fn call(object: &Value) -> Result<TriggerCall, TriggerFault> {
    let number =
        |name: &'static str| int(field(object, name)).filter(|id| *id > 0).ok_or(TriggerFault::Missing(name));
    let what = text(field(object, "Type")).and_then(|word| TriggerType::of_word(&word));
    let properties = match field(object, "Properties") {
        Value::Object(properties) => properties.clone(),
        Value::Null => Map::new(),
        _ => return Err(TriggerFault::Missing("Properties")),
    };
    Ok(TriggerCall {
        folder: number("Folder")?,
        entity_id: number("EntityID")?,
        what: what.ok_or(TriggerFault::Missing("Type"))?,
        properties,
    })
}

/// One step of a flat name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'a> {
    Field(&'a str),
    Place(usize),
}

/// The object that the fields of a flat form were.
fn unflattened(fields: &[(String, String)]) -> Result<Value, TriggerFault> {
    if fields.len() > FLAT_FIELDS_MAX {
        return Err(TriggerFault::TooLarge);
    }
    let mut object = Value::Object(Map::new());
    for (name, value) in fields {
        put(&mut object, &steps(name)?, value)?;
    }
    Ok(object)
}

/// `Properties.Customer[0].ID`, also with all of it in brackets: `Properties[Customer][0][ID]`.
fn steps(name: &str) -> Result<Vec<Step<'_>>, TriggerFault> {
    let parts = name.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty());
    let steps: Vec<Step<'_>> =
        parts.map(|part| part.parse().map_or(Step::Field(part), Step::Place)).collect();
    if steps.len() > FLAT_STEPS_MAX || steps.is_empty() {
        return Err(TriggerFault::TooLarge);
    }
    Ok(steps)
}

fn put(into: &mut Value, steps: &[Step<'_>], value: &str) -> Result<(), TriggerFault> {
    let Some((step, rest)) = steps.split_first() else {
        *into = Value::String(value.to_owned());
        return Ok(());
    };
    let inner = match step {
        Step::Field(name) => {
            if !into.is_object() {
                *into = Value::Object(Map::new());
            }
            into.as_object_mut().map(|fields| fields.entry((*name).to_owned()).or_insert(Value::Null))
        }
        Step::Place(at) if *at < FLAT_PLACES_MAX => {
            if !into.is_array() {
                *into = Value::Array(Vec::new());
            }
            into.as_array_mut().and_then(|values| {
                if values.len() <= *at {
                    values.resize(*at + 1, Value::Null);
                }
                values.get_mut(*at)
            })
        }
        Step::Place(_) => None,
    };
    put(inner.ok_or(TriggerFault::TooLarge)?, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(customer: Value) -> TriggerCall {
        TriggerCall {
            folder: 1_076_734_599,
            entity_id: 60_000_001,
            what: TriggerType::Create,
            properties: json!({"Customer": [customer]}).as_object().cloned().unwrap(),
        }
    }

    #[track_caller]
    fn check(body: &str, want: Result<(TriggerCall, TriggerEncoding), TriggerFault>) {
        assert_eq!(read(body.as_bytes()), want, "{body}");
    }

    #[test]
    fn each_encoding_says_the_same() {
        let json = r#"{"Folder":1076734599,"EntityID":60000001,"Type":"Create","Properties":{"Customer":[{"ID":80000001,"Name":"נועה לוי"}]}}"#;
        let typed = || told(json!({"ID": 80_000_001, "Name": "נועה לוי"}));
        check(json, Ok((typed(), TriggerEncoding::Json)));
        let form = serde_urlencoded::to_string([("json", json)]).unwrap();
        check(&form, Ok((typed(), TriggerEncoding::JsonInForm)));
        let flat = |fields: [&str; 5]| {
            let values = ["1076734599", "60000001", "Create", "80000001", "נועה לוי"];
            serde_urlencoded::to_string(fields.into_iter().zip(values).collect::<Vec<_>>()).unwrap()
        };
        let texts = || told(json!({"ID": "80000001", "Name": "נועה לוי"}));
        let dotted =
            ["Folder", "EntityID", "Type", "Properties.Customer[0].ID", "Properties.Customer[0].Name"];
        check(&flat(dotted), Ok((texts(), TriggerEncoding::FlatForm)));
        let indexed =
            ["Folder", "EntityID", "Type", "Properties[Customer][0][ID]", "Properties[Customer][0][Name]"];
        check(&flat(indexed), Ok((texts(), TriggerEncoding::FlatForm)));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        check("", Err(TriggerFault::Missing("Folder")));
        check("{", Err(TriggerFault::Unreadable));
        check("json=%7B", Err(TriggerFault::Unreadable));
        check(r#"{"EntityID":1,"Type":"Create"}"#, Err(TriggerFault::Missing("Folder")));
        check(r#"{"Folder":1,"EntityID":0,"Type":"Create"}"#, Err(TriggerFault::Missing("EntityID")));
        check(r#"{"Folder":1,"EntityID":2,"Type":"Exploded"}"#, Err(TriggerFault::Missing("Type")));
        check(
            r#"{"Folder":1,"EntityID":2,"Type":"Create","Properties":7}"#,
            Err(TriggerFault::Missing("Properties")),
        );
        check("a.b.c.d.e.f.g.h.i=1", Err(TriggerFault::TooLarge));
        check("a[99999999]=1", Err(TriggerFault::TooLarge));
        let many = (0..=FLAT_FIELDS_MAX).map(|at| format!("a{at}=1")).collect::<Vec<_>>().join("&");
        check(&many, Err(TriggerFault::TooLarge));
    }

    #[test]
    fn fields_that_contradict_each_other_leave_the_last() {
        let object = unflattened(&[("a".to_owned(), "1".to_owned()), ("a.b".to_owned(), "2".to_owned())]);
        assert_eq!(object, Ok(json!({"a": {"b": "2"}})));
    }

    #[test]
    fn a_script_gets_it_as_a_map() {
        let read = (READER.read)(READER.example.as_bytes());
        let want =
            json!({"folder": 1_076_734_599, "entity_id": 60_000_001, "type": "Create", "properties": {}});
        assert_eq!(read, Ok(want));
        let refused = (READER.read)(b"{").unwrap_err();
        assert_eq!(refused.en, "this is no trigger of OfficeGuy: the body is neither JSON nor a form");
    }
}
