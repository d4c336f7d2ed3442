//! Plays the endpoints that have no behaviour of their own, by nothing but the contract: it takes what the contract has,
//! and answers with an answer's fields, empty but for ids.
//!
//! What these endpoints really answer was never seen. The acquirer's own call decides about cards and amounts as a charge
//! does, and stands in the ledger with its sum.

use super::acquirer::{Card, decide, words};
use super::changes::Change;
use super::record::{Kind, Record};
use super::wire::{Fields, Refusal};
use super::world::{Caller, World, mark, token_of};
use super::{required, serve, without_data};
use crate::contract::{self, EndpointContract, Type, fields};
use gesher_core::money::Amount;
use gesher_provider::simulate::{Answered, Call};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// The acquirer's own call.
const TRANSACTION: &str = "/creditguy/gateway/transaction/";
/// A batch of them, which is taken with an id for each.
const LOAD: &str = "/creditguy/billing/load/";

/// Answers one call.
pub(super) fn answer(world: &mut World, call: &Call<'_>, endpoint: EndpointContract) -> Answered {
    // Files in forms are not played.
    if endpoint.is_form() {
        return Answered { status: 415, ..Answered::default() };
    }
    let answered = serve(
        world,
        call,
        |body| {
            read(endpoint.asks(), body)?;
            Ok((declared(endpoint.asks(), body), Asked::read(call.path, body)?))
        },
        |world, caller, (declared, asked)| {
            required(call, &declared)?;
            Ok(act(world, caller, call.path, endpoint, asked))
        },
    );
    match endpoint.answers() {
        Value::Null => without_data(answered),
        _ if endpoint.answers_bytes() && answered.body.starts_with(b"{\"Data\":{}") => Answered {
            content_type: Some("text/html; charset=utf-8"),
            body: b"<!doctype html><html><meta charset=\"utf-8\"><table></table></html>".to_vec(),
            ..answered
        },
        _ => answered,
    }
}

/// Reads every field as its type, as the server does before it asks who is calling.
fn read(of: &'static Value, body: &Fields<'_>) -> Result<(), Refusal> {
    for (name, kind) in fields(of) {
        let inner = contract::object(kind.name);
        match kind {
            Type { is_list: true, .. } if inner.is_object() => {
                body.list(name)?.iter().try_for_each(|one| read(inner, one))?;
            }
            Type { is_list: true, .. } => {}
            _ if inner.is_object() => {
                if let Some(object) = body.object(name)? {
                    read(inner, &object)?;
                }
            }
            Type { name: "int32" | "int64", may_be_null: false, .. } => drop(body.plain_int(name)?),
            Type { name: "int32" | "int64", .. } => drop(body.int(name)?),
            Type { name: "decimal", .. } => drop(body.decimal(name)?),
            Type { name: "bool", .. } => drop(body.truth(name)?),
            Type { name: "date-time", .. } => drop(body.date(name)?),
            Type { name: "string", .. } => drop(body.text(name)?),
            _ => {}
        }
    }
    Ok(())
}

/// The required fields in their order, and whether each is there.
fn declared(of: &'static Value, body: &Fields<'_>) -> Vec<(&'static str, bool)> {
    fields(of).filter(|(_, kind)| kind.is_required).map(|(name, _)| (name, body.says(name))).collect()
}

/// What the acquirer's own call asks for.
#[derive(Default)]
struct Asked {
    token: Option<String>,
    month: Option<i64>,
    year: Option<i64>,
    amount: Decimal,
    /// How many transactions a batch has.
    loaded: usize,
}

impl Asked {
    fn read(path: &str, body: &Fields<'_>) -> Result<Self, Refusal> {
        if path != TRANSACTION {
            let loaded = if path == LOAD { body.list("Transactions")?.len() } else { 0 };
            return Ok(Self { loaded, ..Self::default() });
        }
        let card = body.text("CardToken")?.or(body.text("SingleUseToken")?);
        Ok(Self {
            token: card.or(body.text("FormatPreservingToken")?),
            month: body.int("ExpirationMonth")?,
            year: body.int("ExpirationYear")?,
            amount: body.decimal("Amount")?.unwrap_or_default(),
            loaded: 0,
        })
    }
}

fn act(world: &mut World, caller: Caller, path: &str, endpoint: EndpointContract, asked: Asked) -> Value {
    let number = world.next.document;
    let mut answer = match endpoint.answers() {
        Value::Object(_) => filled(endpoint.answers(), number),
        Value::String(_) if !endpoint.answers_bytes() => json!(0),
        _ => json!({}),
    };
    let mut record = Record {
        kind: Kind::Change,
        company: caller.company,
        document_id: Some(number),
        change: Some(Change::Other(path.to_owned())),
        ..Record::default()
    };
    if path == LOAD {
        answer["TransactionIDs"] = (0..asked.loaded).map(|_| json!(number)).collect();
    }
    if path == TRANSACTION {
        let card = Card { token: asked.token.as_deref(), number: None, month: asked.month, year: asked.year };
        let today = caller.at.to_zoned(world.zone.clone()).date();
        let code = decide(card, asked.amount, today);
        let valid = code == "000";
        record.amount = Some(Amount(asked.amount));
        record.valid = Some(valid);
        record.code = Some(code.to_owned());
        answer["Success"] = json!(valid);
        answer["ResultCode"] = json!(code);
        answer["ResultDescription"] = json!(words(code));
        answer["AuthNumber"] =
            if valid { json!(format!(" {:06}", mark(&number) % 1_000_000)) } else { Value::Null };
    }
    world.commit(record, caller.at);
    answer
}

/// An answer with its fields: ids are told, lists are empty, the rest is null or nothing.
fn filled(of: &'static Value, number: i64) -> Value {
    let mut answer = Map::new();
    for (name, kind) in fields(of) {
        let value = match kind {
            Type { is_list: true, .. } => json!([]),
            Type { name: "int64" | "int32", .. } if name.ends_with("ID") => json!(number),
            Type { name: "string", .. } if name.ends_with("Token") => json!(token_of(0, number)),
            Type { may_be_null: true, .. } => Value::Null,
            Type { name: "int64" | "int32" | "decimal", .. } => json!(0),
            Type { name: "bool", .. } => json!(false),
            kind => contract::numbers(kind.name).as_object().map_or(Value::Null, |numbers| {
                let first = numbers.iter().next();
                first.map_or(
                    Value::Null,
                    |(name, number)| {
                        if number.is_null() { json!(name) } else { number.clone() }
                    },
                )
            }),
        };
        answer.insert(name.to_owned(), value);
    }
    Value::Object(answer)
}
