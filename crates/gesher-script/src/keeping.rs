//! `store::…` and `flow::start`: what a flow keeps from one run to the next, and how it starts another.

use crate::bindings::{key_of, refusal};
use crate::builtins::Builtin;
use crate::convert::{from_json, to_json};
use crate::item::{Item, Native, placed, terminated};
use gesher_core::{Decimal, Text};
use gesher_engine::{Answer, CallEnd, Keep};
use rhai::{Array, Dynamic, FuncRegistration, ImmutableString, Map, Module, NativeCallContext};
use serde_json::Value;

/// The functions of this file.
pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "flow::start",
        signature: "flow::start(name, key, args) -> map",
        summary: "Starts a run of another flow's on_call(args), once for ever per key: run, replayed.",
        example: r#"flow::start("receipts", "order-7", #{ order: 7 })"#,
    },
    Builtin {
        name: "store::get",
        signature: "store::get(key) -> value or ()",
        summary: "What the flow keeps under a key; the same again on replay.",
        example: r#"store::get("cursor")"#,
    },
    Builtin {
        name: "store::increment",
        signature: "store::increment(key) or (key, by) -> number",
        summary: "Makes a number grow, and answers the sum; where nothing is, it begins at nought.",
        example: r#"store::increment("orders", 2)"#,
    },
    Builtin {
        name: "store::list",
        signature: "store::list() or (beginning) -> array of texts",
        summary: "The keys that the flow keeps something under, all or those that begin so, sorted.",
        example: r#"store::list("order-")"#,
    },
    Builtin {
        name: "store::remove",
        signature: "store::remove(key)",
        summary: "Keeps nothing under a key any more.",
        example: r#"store::remove("cursor")"#,
    },
    Builtin {
        name: "store::set",
        signature: "store::set(key, value)",
        summary: "Keeps a value: text, number, true or false, array or map.",
        example: r#"store::set("cursor", #{ page: 7, sum: 12.50 })"#,
    },
    Builtin {
        name: "store::update",
        signature: "store::update(key, expected, new) -> true or false",
        summary: "Keeps the new value if what is there is what was expected, () being nothing; answers whether it did.",
        example: r#"store::update("lock", (), "taken")"#,
    },
];

/// `store::…`
pub(crate) fn store() -> Module {
    let mut store = Module::new();
    let add = |name| FuncRegistration::new(name).with_volatility(true);
    add("get").set_into_module(&mut store, |context: NativeCallContext, key: Dynamic| {
        placed(&context, get(&context, &key))
    });
    add("set").set_into_module(&mut store, |context: NativeCallContext, key: Dynamic, value: Dynamic| {
        let done = written(&context, &value).and_then(|value| keep(&context, &key, Keep::Set(value)));
        placed(&context, done.map(drop))
    });
    add("remove").set_into_module(&mut store, |context: NativeCallContext, key: Dynamic| {
        placed(&context, keep(&context, &key, Keep::Set(None)).map(drop))
    });
    add("update").set_into_module(
        &mut store,
        |context: NativeCallContext, key: Dynamic, expected: Dynamic, new: Dynamic| {
            placed(&context, update(&context, &key, &expected, &new))
        },
    );
    add("increment").set_into_module(&mut store, |context: NativeCallContext, key: Dynamic| {
        placed(&context, increment(&context, &key, &Dynamic::from_int(1)))
    });
    add("increment").set_into_module(&mut store, |context: NativeCallContext, key: Dynamic, by: Dynamic| {
        placed(&context, increment(&context, &key, &by))
    });
    add("list")
        .set_into_module(&mut store, |context: NativeCallContext| placed(&context, list(&context, "")));
    add("list").set_into_module(&mut store, |context: NativeCallContext, prefix: ImmutableString| {
        placed(&context, list(&context, &prefix))
    });
    store
}

/// `flow::start`
pub(crate) fn flow() -> Module {
    let mut flow = Module::new();
    FuncRegistration::new("start").with_volatility(true).set_into_module(
        &mut flow,
        |context: NativeCallContext, name: Dynamic, key: Dynamic, args: Dynamic| {
            placed(&context, start(&context, &name, &key, &args))
        },
    );
    flow
}

/// A key is a text; a number is taken as its digits.
fn key_text(item: &Item, key: &Dynamic) -> Native<ImmutableString> {
    key_of(key).ok_or_else(|| {
        let given = key.type_name();
        item.coded_fault(
            "wrong_type",
            &Text::new(
                format!("מפתח הוא טקסט או מספר שלם, אבל התקבל {given}"),
                format!("a key is a text or an integer, but got {given}"),
            ),
        )
    })
}

/// A value as it is kept; `()` is nothing.
fn written(context: &NativeCallContext, value: &Dynamic) -> Native<Option<Value>> {
    let item = Item::of(context)?;
    let value = to_json(value).map_err(|fault| item.coded_fault("wrong_type", &fault.text()))?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

fn get(context: &NativeCallContext, key: &Dynamic) -> Native<Dynamic> {
    let item = Item::of(context)?;
    let key = key_text(&item, key)?;
    let kept = item.outside(|host| host.kept(&key))?.map_err(|end| ended(&end))?;
    from_json(&kept).map_err(|fault| item.fault(&fault.text()))
}

fn keep(context: &NativeCallContext, key: &Dynamic, keep: Keep) -> Native<Answer> {
    let item = Item::of(context)?;
    let key = key_text(&item, key)?;
    item.outside(|host| host.keep(&key, keep))?.map_err(|end| ended(&end))
}

fn update(context: &NativeCallContext, key: &Dynamic, expected: &Dynamic, new: &Dynamic) -> Native<bool> {
    let (expected, new) = (written(context, expected)?, written(context, new)?);
    let answer = keep(context, key, Keep::Update { expected, new })?;
    Ok(answer.data.get("written").and_then(Value::as_bool).unwrap_or_default())
}

fn increment(context: &NativeCallContext, key: &Dynamic, by: &Dynamic) -> Native<Dynamic> {
    let item = Item::of(context)?;
    let number = by.as_int().map(Decimal::from).ok().or_else(|| by.as_decimal().ok());
    let number = number.ok_or_else(|| {
        let given = by.type_name();
        item.coded_fault(
            "wrong_type",
            &Text::new(
                format!("store::increment מוסיפה מספר, אבל התקבל {given}"),
                format!("store::increment adds a number, but got {given}"),
            ),
        )
    })?;
    let answer = keep(context, key, Keep::Add(number))?;
    let sum = answer.data.get("value").cloned().unwrap_or_default();
    from_json(&sum).map_err(|fault| item.fault(&fault.text()))
}

fn list(context: &NativeCallContext, prefix: &str) -> Native<Array> {
    let item = Item::of(context)?;
    let keys = item.outside(|host| host.kept_keys(prefix))?.map_err(|end| ended(&end))?;
    Ok(keys.into_iter().map(Dynamic::from).collect())
}

fn start(context: &NativeCallContext, name: &Dynamic, key: &Dynamic, args: &Dynamic) -> Native<Dynamic> {
    let item = Item::of(context)?;
    let flow = name.read_lock::<ImmutableString>().map(|name| name.clone());
    let flow = flow.ok_or_else(|| {
        let given = name.type_name();
        item.coded_fault(
            "wrong_type",
            &Text::new(
                format!("flow::start מקבלת שם של תהליך, אבל התקבל {given}"),
                format!("flow::start takes a flow's name, but got {given}"),
            ),
        )
    })?;
    let key = if key.is_unit() { None } else { Some(key_text(&item, key)?) };
    let args = to_json(args).map_err(|fault| item.coded_fault("wrong_type", &fault.text()))?;
    let started = item.outside(|host| host.start_flow(&flow, key.as_deref(), args))?;
    let answer = started.map_err(|end| ended(&end))?;
    let field = |name: &str| answer.data.get(name).cloned().unwrap_or_default();
    let mut map = Map::new();
    map.insert("run".into(), field("run").as_str().map_or(Dynamic::UNIT, Into::into));
    map.insert("replayed".into(), (!field("new").as_bool().unwrap_or_default()).into());
    Ok(Dynamic::from_map(map))
}

fn ended(end: &CallEnd) -> Box<rhai::EvalAltResult> {
    match end {
        CallEnd::Refused(answer) => refusal(answer),
        CallEnd::Ended => terminated(),
    }
}
