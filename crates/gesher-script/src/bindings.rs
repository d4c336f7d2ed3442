//! The providers' operations as functions of scripts: a module a provider, a function an operation.
//!
//! Everything comes from the registry's descriptors. What a call means is the engine's; here arguments become JSON
//! and answers become maps.

use crate::convert::{from_json, to_json};
use crate::item::{Item, Native, placed, terminated};
use crate::seam::Level;
use gesher_core::operation::Reader;
use gesher_core::{Descriptor, KeyRule, MARKETPLACE, Registry, Text};
use gesher_engine::{Answer, CallEnd};
use rhai::{
    Dynamic, EvalAltResult, FuncRegistration, ImmutableString, Map, Module, NativeCallContext, Position,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many arguments a call of an operation may have, the path aside of one that is called by its path. Without vendors
/// there is no *who*.
#[must_use]
pub fn arities(descriptor: &Descriptor) -> &'static [usize] {
    match (descriptor.sender.takes_who(), descriptor.key) {
        (true, KeyRule::Required) => &[3],
        (true, KeyRule::Optional) => &[2, 3],
        (true, KeyRule::None | KeyRule::OncePerVendor) | (false, KeyRule::Required) => &[2],
        (false, KeyRule::Optional) => &[1, 2],
        (false, KeyRule::None | KeyRule::OncePerVendor) => &[1],
    }
}

/// At which argument of a call with that many arguments its key stands, where it has one; the path aside of one that is
/// called by its path.
pub(crate) fn key_position(descriptor: &Descriptor, arguments: usize) -> Option<usize> {
    let who = usize::from(descriptor.sender.takes_who());
    let takes_one = matches!(descriptor.key, KeyRule::Required | KeyRule::Optional);
    (takes_one && arguments == who + 2).then_some(who)
}

/// How a call of an operation is written.
#[must_use]
pub fn expected_call(descriptor: &Descriptor) -> String {
    let arguments = match (descriptor.sender.takes_who(), descriptor.key) {
        (true, KeyRule::Required) => "who, key, #{...}",
        (true, KeyRule::Optional) => "who, key, #{...}) or (who, #{...}",
        (true, KeyRule::None | KeyRule::OncePerVendor) => "who, #{...}",
        (false, KeyRule::Required) => "key, #{...}",
        (false, KeyRule::Optional) => "key, #{...}) or (#{...}",
        (false, KeyRule::None | KeyRule::OncePerVendor) => "#{...}",
    };
    let word = descriptor.word();
    if descriptor.is_by_path() {
        let arguments = arguments.replace("(who", "(path, who");
        return format!("{}::{word}(path, {arguments})", descriptor.provider);
    }
    format!("{}::{word}({arguments})", descriptor.provider)
}

/// One module a provider, by its name.
pub(crate) fn modules(registry: &Registry) -> BTreeMap<&'static str, Module> {
    let mut modules = BTreeMap::new();
    let mut by_path = BTreeSet::new();
    for (qualified_name, registered) in registry.iter() {
        let descriptor = registered.entry.descriptor;
        // What reaches hosts of the script's own is called by functions of its own: see `reaching`.
        if registered.entry.reaches {
            continue;
        }
        let module: &mut Module = modules.entry(descriptor.provider).or_default();
        if descriptor.is_by_path() {
            if by_path.insert((descriptor.provider, descriptor.word())) {
                bind_by_path(module, descriptor.provider, descriptor.word());
            }
            continue;
        }
        let bound = Arc::new(Bound {
            name: qualified_name.to_owned(),
            expected: expected_call(&descriptor),
            takes_who: descriptor.sender.takes_who(),
        });
        for arity in arities(&descriptor) {
            bind(module, descriptor.name, &bound, *arity);
        }
    }
    for provider in registry.providers() {
        for reader in provider.readers() {
            bind_reader(modules.entry(provider.name()).or_default(), provider.name(), *reader);
        }
    }
    modules
}

/// Binds a function that reads what a provider sent to a webhook. It takes the delivery, or the text of its body.
fn bind_reader(module: &mut Module, provider: &'static str, reader: Reader) {
    FuncRegistration::new(reader.name).set_into_module(
        module,
        move |context: NativeCallContext, request: Dynamic| {
            let read = || {
                let item = Item::of(&context)?;
                let of_delivery = request.read_lock::<Map>().and_then(|map| text_of(map.get("body")?));
                let body = of_delivery.or_else(|| text_of(&request)).ok_or_else(|| {
                    let (name, given) = (reader.name, request.type_name());
                    item.fault(&Text::new(
                        format!("{provider}::{name} מקבלת את המסירה או את הטקסט שלה, אבל התקבל {given}"),
                        format!("{provider}::{name} takes the delivery or its text, but is given {given}"),
                    ))
                })?;
                let value = (reader.read)(body.as_bytes());
                let value = value.map_err(|text| item.coded_fault("unreadable", &text))?;
                from_json(&value).map_err(|fault| item.coded_fault("unreadable", &fault.text()))
            };
            placed(&context, read())
        },
    );
}

struct Bound {
    name: String,
    expected: String,
    takes_who: bool,
}

fn bind(module: &mut Module, name: &str, bound: &Arc<Bound>, arity: usize) {
    let registration = FuncRegistration::new(name).with_volatility(true);
    let bound = Arc::clone(bound);
    match (arity, bound.takes_who) {
        (3, _) => registration.set_into_module(
            module,
            move |context: NativeCallContext, who: Dynamic, key: Dynamic, request: Dynamic| {
                placed(&context, bound.call(&context, Some(&who), Some(&key), &request))
            },
        ),
        (2, true) => registration.set_into_module(
            module,
            move |context: NativeCallContext, who: Dynamic, request: Dynamic| {
                placed(&context, bound.call(&context, Some(&who), None, &request))
            },
        ),
        (2, false) => registration.set_into_module(
            module,
            move |context: NativeCallContext, key: Dynamic, request: Dynamic| {
                placed(&context, bound.call(&context, None, Some(&key), &request))
            },
        ),
        _ => registration.set_into_module(module, move |context: NativeCallContext, request: Dynamic| {
            placed(&context, bound.call(&context, None, None, &request))
        }),
    };
}

/// Binds a word whose first argument is the path of the endpoint that is meant.
fn bind_by_path(module: &mut Module, provider: &'static str, word: &'static str) {
    let expected = format!("{provider}::{word}(path, who, key, #{{...}}) or (path, who, #{{...}})");
    let operation = move |context: &NativeCallContext, path: &Dynamic| {
        let unnamed = Bound { name: String::new(), expected: expected.clone(), takes_who: true };
        let item = Item::of(context)?;
        let path = text_of(path).ok_or_else(|| unnamed.wrong(&item, "path", "טקסט", "a text", path))?;
        Ok(Bound { name: format!("{provider}.{word}{path}"), ..unnamed })
    };
    let same = operation.clone();
    FuncRegistration::new(word).with_volatility(true).set_into_module(
        module,
        move |context: NativeCallContext, path: Dynamic, who: Dynamic, request: Dynamic| {
            let called =
                same(&context, &path).and_then(|bound| bound.call(&context, Some(&who), None, &request));
            placed(&context, called)
        },
    );
    FuncRegistration::new(word).with_volatility(true).set_into_module(
        module,
        move |context: NativeCallContext, path: Dynamic, who: Dynamic, key: Dynamic, request: Dynamic| {
            let called = operation(&context, &path)
                .and_then(|bound| bound.call(&context, Some(&who), Some(&key), &request));
            placed(&context, called)
        },
    );
}

impl Bound {
    fn call(
        &self,
        context: &NativeCallContext,
        who: Option<&Dynamic>,
        key: Option<&Dynamic>,
        request: &Dynamic,
    ) -> Native<Dynamic> {
        let item = Item::of(context)?;
        let who = match who {
            Some(who) => text_of(who).ok_or_else(|| self.wrong(&item, "who", "טקסט", "a text", who))?,
            None => MARKETPLACE.into(),
        };
        let key =
            match key {
                Some(key) => Some(key_of(key).ok_or_else(|| {
                    self.wrong(&item, "key", "טקסט או מספר שלם", "a text or an integer", key)
                })?),
                None => None,
            };
        if !request.is_map() {
            return Err(self.wrong(&item, "request", "מפה", "a map", request));
        }
        let request = to_json(request).map_err(|fault| item.coded_fault("wrong_type", &fault.text()))?;
        match item.outside(|host| host.call(&self.name, &who, key.as_deref(), request))? {
            Ok(_) if item.is_unread(context) => Ok(Dynamic::UNIT),
            Ok(answer) => Ok(answer_map(&item, &answer)),
            Err(CallEnd::Refused(answer)) => Err(refusal(&answer)),
            Err(CallEnd::Ended) => Err(terminated()),
        }
    }

    fn wrong(&self, item: &Item, name: &str, he: &str, en: &str, given: &Dynamic) -> Box<EvalAltResult> {
        let (expected, given) = (&self.expected, given.type_name());
        item.fault(&Text::new(
            format!("הארגומנט {name} של {expected} צריך להיות {he}, אבל התקבל {given}"),
            format!("the argument {name} of {expected} must be {en}, but is {given}"),
        ))
    }
}

fn text_of(value: &Dynamic) -> Option<ImmutableString> {
    value.read_lock::<ImmutableString>().map(|text| text.clone())
}

/// A key is a text; a number is taken as its digits.
pub(crate) fn key_of(value: &Dynamic) -> Option<ImmutableString> {
    text_of(value).or_else(|| value.as_int().ok().map(|number| number.to_string().into()))
}

fn optional(value: Option<&str>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Into::into)
}

/// The one shape of all answers.
fn answer_map(item: &Item, answer: &Answer) -> Dynamic {
    // Whatever came, the call is done and its answer recorded: data that cannot be shown must not undo that.
    let data = from_json(&answer.data).unwrap_or_else(|fault| {
        item.say(Level::Warn, &format!("the answer's data is left out: {}", fault.text().en));
        Dynamic::UNIT
    });
    let mut map = Map::new();
    map.insert("status".into(), answer.status.as_str().into());
    map.insert("reference".into(), optional(answer.reference.as_deref()));
    map.insert("document".into(), optional(answer.document.as_deref()));
    map.insert("code".into(), optional(answer.code.as_deref()));
    map.insert("message".into(), answer.message.as_str().into());
    map.insert("replayed".into(), answer.replayed.into());
    map.insert("data".into(), data);
    Dynamic::from_map(map)
}

/// What a script may catch: nothing happened.
pub(crate) fn refusal(answer: &Answer) -> Box<EvalAltResult> {
    let mut map = Map::new();
    map.insert("status".into(), answer.status.as_str().into());
    map.insert("code".into(), optional(answer.code.as_deref()));
    map.insert("message".into(), answer.message.as_str().into());
    EvalAltResult::ErrorRuntime(Dynamic::from_map(map), Position::NONE).into()
}
