//! `http::…` and `secret(…)`: calls of a flow's own hosts, and the secrets that go with them and that no script sees.
//!
//! A secret is a handle: it can be joined with text and put into a request, and nothing else. What it stands for is
//! opened when the request is sent.

use crate::bindings::{key_of, refusal};
use crate::builtins::Builtin;
use crate::convert::{ConvertFault, from_json, to_json};
use crate::item::{Item, Native, placed, terminated};
use crate::seam::Level;
use gesher_core::limits::JSON_DEPTH_MAX;
use gesher_core::names::nearest;
use gesher_core::{MARKETPLACE, Text};
use gesher_engine::{Answer, CallEnd};
use rhai::{
    Array, Dynamic, EvalAltResult, FuncRegistration, ImmutableString, Map, Module, NativeCallContext,
};
use serde_json::{Value, json};

/// The field by which a request says that a text is a secret's.
const MARK: &str = "$secret";
/// What the last argument of a call may hold.
const OPTIONS: [&str; 5] = ["headers", "query", "form", "timeout", "key"];

/// The functions of this file.
pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "http::basic",
        signature: "http::basic(user, password) -> secret",
        summary: "The value of an Authorization header with a user's name and a password.",
        example: r#"http::basic("dana", secret("stock.password"))"#,
    },
    Builtin {
        name: "http::delete",
        signature: "http::delete(url) or (url, options) -> map",
        summary: "Deletes something at one of the flow's hosts, once.",
        example: r#"http::delete("https://api.example.com/orders/7")"#,
    },
    Builtin {
        name: "http::get",
        signature: "http::get(url) or (url, options) -> map",
        summary: "Reads from one of the flow's hosts: status, headers, body, json; the same again on replay.",
        example: r#"http::get("https://api.example.com/orders/7")"#,
    },
    Builtin {
        name: "http::head",
        signature: "http::head(url) or (url, options) -> map",
        summary: "Reads the headers of an answer alone.",
        example: r#"http::head("https://api.example.com/orders/7")"#,
    },
    Builtin {
        name: "http::patch",
        signature: "http::patch(url, body) or (url, body, options) -> map",
        summary: "Changes something at one of the flow's hosts, once.",
        example: r#"http::patch("https://api.example.com/orders/7", #{ paid: true })"#,
    },
    Builtin {
        name: "http::post",
        signature: "http::post(url, body) or (url, body, options) -> map",
        summary: "Sends a map or an array as JSON, or a text as it is, to one of the flow's hosts, once.",
        example: r#"http::post("https://api.example.com/orders", #{ order: 7 }, #{ key: "order-7" })"#,
    },
    Builtin {
        name: "http::put",
        signature: "http::put(url, body) or (url, body, options) -> map",
        summary: "Puts something at one of the flow's hosts, once.",
        example: r#"http::put("https://api.example.com/orders/7", #{ paid: true })"#,
    },
    Builtin {
        name: "secret",
        signature: "secret(name) -> secret",
        summary: "One of the flow's secrets, as a handle that only http:: can open.",
        example: r#"secret("stock.token")"#,
    },
];

/// A handle of a text that holds secrets: its parts, as a request writes them.
#[derive(Clone, Debug)]
pub(crate) struct SecretText(Vec<Value>);

impl SecretText {
    fn joined(mut self, other: Vec<Value>) -> Self {
        self.0.extend(other);
        self
    }
}

/// Whether a value is a handle.
pub(crate) fn is_secret(value: &Dynamic) -> bool {
    value.is::<SecretText>()
}

/// How handles are joined with text, and what is shown of them.
pub(crate) fn handles() -> Module {
    let mut module = Module::new();
    let text = |text: ImmutableString| vec![json!(text.as_str())];
    FuncRegistration::new("+")
        .set_into_module(&mut module, move |one: ImmutableString, other: SecretText| {
            SecretText(text(one)).joined(other.0)
        });
    FuncRegistration::new("+")
        .set_into_module(&mut module, move |one: SecretText, other: ImmutableString| one.joined(text(other)));
    FuncRegistration::new("+")
        .set_into_module(&mut module, |one: SecretText, other: SecretText| one.joined(other.0));
    for name in ["to_string", "to_debug"] {
        FuncRegistration::new(name)
            .set_into_module(&mut module, |_: SecretText| gesher_core::redact::REDACTED.to_owned());
    }
    module
}

/// `secret(name)`.
pub(crate) fn set_secret(module: &mut Module) {
    FuncRegistration::new("secret").set_into_module(module, |context: NativeCallContext, name: Dynamic| {
        let name = text_of(&context, "secret(name)", &name)?;
        Native::Ok(SecretText(vec![json!({ "name": name.as_str() })]))
    });
}

/// `http::…`
pub(crate) fn module() -> Module {
    let mut http = Module::new();
    for method in ["get", "head", "delete"] {
        FuncRegistration::new(method).with_volatility(true).set_into_module(
            &mut http,
            move |context: NativeCallContext, url: Dynamic| {
                placed(&context, call(&context, method, &url, None, None))
            },
        );
        FuncRegistration::new(method).with_volatility(true).set_into_module(
            &mut http,
            move |context: NativeCallContext, url: Dynamic, options: Dynamic| {
                placed(&context, call(&context, method, &url, None, Some(&options)))
            },
        );
    }
    for method in ["post", "put", "patch"] {
        FuncRegistration::new(method).with_volatility(true).set_into_module(
            &mut http,
            move |context: NativeCallContext, url: Dynamic, body: Dynamic| {
                placed(&context, call(&context, method, &url, Some(&body), None))
            },
        );
        FuncRegistration::new(method).with_volatility(true).set_into_module(
            &mut http,
            move |context: NativeCallContext, url: Dynamic, body: Dynamic, options: Dynamic| {
                placed(&context, call(&context, method, &url, Some(&body), Some(&options)))
            },
        );
    }
    FuncRegistration::new("basic").set_into_module(
        &mut http,
        |context: NativeCallContext, user: Dynamic, password: Dynamic| {
            placed(&context, basic(&context, &user, &password))
        },
    );
    http
}

fn text_of(context: &NativeCallContext, function: &str, value: &Dynamic) -> Native<ImmutableString> {
    match value.read_lock::<ImmutableString>() {
        Some(text) => Ok(text.clone()),
        None => {
            let given = value.type_name();
            Err(Item::of(context)?.fault(&Text::new(
                format!("{function} מקבלת טקסט, אבל התקבל {given}"),
                format!("{function} takes a text, but got {given}"),
            )))
        }
    }
}

fn basic(context: &NativeCallContext, user: &Dynamic, password: &Dynamic) -> Native<SecretText> {
    let mut inner = Vec::new();
    for (at, part) in [user, password].into_iter().enumerate() {
        if at > 0 {
            inner.push(json!(":"));
        }
        match part.read_lock::<SecretText>() {
            Some(secret) => inner.extend(secret.0.iter().cloned()),
            None => inner.push(json!(text_of(context, "http::basic(user, password)", part)?.as_str())),
        }
    }
    Ok(SecretText(vec![json!("Basic "), json!({ "base64": inner })]))
}

fn call(
    context: &NativeCallContext,
    method: &str,
    url: &Dynamic,
    body: Option<&Dynamic>,
    options: Option<&Dynamic>,
) -> Native<Dynamic> {
    let item = Item::of(context)?;
    let mut request = serde_json::Map::new();
    request
        .insert("url".to_owned(), json!(text_of(context, &format!("http::{method}(url, …)"), url)?.as_str()));
    let mut key = None;
    if let Some(options) = options {
        let given = options.read_lock::<Map>();
        let given = given.ok_or_else(|| item.coded_fault("wrong_type", &words::options_are_a_map(method)))?;
        for (name, value) in given.iter() {
            match name.as_str() {
                "key" if value.is_unit() => {}
                "key" => {
                    let found = key_of(value);
                    key = Some(found.ok_or_else(|| item.coded_fault("wrong_type", &words::a_key()))?);
                }
                name if OPTIONS.contains(&name) => {
                    request.insert(name.to_owned(), converted(&item, value)?);
                }
                name => return Err(item.coded_fault("unknown_field", &words::no_option(name))),
            }
        }
    }
    if let Some(body) = body.filter(|body| !body.is_unit()) {
        let field = if body.is_string() || is_secret(body) { "text" } else { "json" };
        request.insert(field.to_owned(), converted(&item, body)?);
    }
    let operation = format!("http.{method}");
    match item.outside(|host| host.call(&operation, MARKETPLACE, key.as_deref(), Value::Object(request)))? {
        Ok(answer) => Ok(answered(&item, &answer)),
        Err(CallEnd::Refused(answer)) => Err(refused(&item, &answer)),
        Err(CallEnd::Ended) => Err(terminated()),
    }
}

/// A value as a request has it, with handles as their marks.
fn converted(item: &Item, value: &Dynamic) -> Native<Value> {
    marked(value, 0).map_err(|fault| match fault {
        Some(fault) => item.coded_fault("wrong_type", &fault.text()),
        None => item.coded_fault("wrong_type", &words::mark()),
    })
}

fn marked(value: &Dynamic, depth: usize) -> Result<Value, Option<ConvertFault>> {
    if depth > JSON_DEPTH_MAX {
        // The usual converter says so in its words.
        return to_json(value).map_err(Some);
    }
    if let Some(secret) = value.read_lock::<SecretText>() {
        return Ok(json!({ MARK: secret.0 }));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(|item| marked(item, depth + 1)).collect::<Result<_, _>>().map(Value::Array);
    }
    if let Some(fields) = value.read_lock::<Map>() {
        if fields.contains_key(MARK) {
            return Err(None);
        }
        let fields = fields.iter().map(|(name, field)| Ok((name.to_string(), marked(field, depth + 1)?)));
        return fields.collect::<Result<_, _>>().map(Value::Object);
    }
    to_json(value).map_err(Some)
}

/// What a script gets: the answer's status, headers and body, and the body as JSON where it is some.
fn answered(item: &Item, answer: &Answer) -> Dynamic {
    let field = |name: &str| answer.data.get(name).cloned().unwrap_or_default();
    let shown = |value: &Value| {
        from_json(value).unwrap_or_else(|fault| {
            item.say(Level::Warn, &format!("a part of the answer is left out: {}", fault.text().en));
            Dynamic::UNIT
        })
    };
    let body = field("body");
    let parsed = body.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut map = Map::new();
    map.insert("status".into(), shown(&field("status")));
    map.insert("headers".into(), shown(&field("headers")));
    map.insert("json".into(), parsed.map_or(Dynamic::UNIT, |json| shown(&json)));
    map.insert("body".into(), shown(&body));
    map.insert("replayed".into(), answer.replayed.into());
    Dynamic::from_map(map)
}

/// What a script may catch. Where the host answered, its answer is in it.
fn refused(item: &Item, answer: &Answer) -> Box<EvalAltResult> {
    let mut error = refusal(answer);
    if answer.data.get("status").is_some()
        && let EvalAltResult::ErrorRuntime(thrown, _) = &mut *error
        && let Some(mut fields) = thrown.write_lock::<Map>()
    {
        fields.insert("answer".into(), answered(item, answer));
    }
    error
}

mod words {
    use super::{OPTIONS, Text, nearest};

    pub(super) fn options_are_a_map(method: &str) -> Text {
        Text::new(
            format!("האפשרויות של http::{method} הן מפה, למשל #{{ headers: #{{ … }} }}"),
            format!("the options of http::{method} are a map, such as #{{ headers: #{{ … }} }}"),
        )
    }

    pub(super) fn a_key() -> Text {
        Text::new("key הוא טקסט או מספר שלם", "`key` is a text or an integer")
    }

    pub(super) fn no_option(name: &str) -> Text {
        let near = nearest(name, OPTIONS);
        let (he, en) = near
            .map(|near| (format!("; אולי {near}?"), format!("; did you mean {near}?")))
            .unwrap_or_else(|| (String::new(), format!("; there are {}", OPTIONS.join(", "))));
        Text::new(format!("אין אפשרות בשם {name}{he}"), format!("there is no option {name}{en}"))
    }

    pub(super) fn mark() -> Text {
        Text::new(
            "השם $secret שמור למערכת; סוד נכתב secret(\"שם\")",
            "the name $secret is the hub's own; a secret is written secret(\"name\")",
        )
    }
}
