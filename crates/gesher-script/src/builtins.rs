//! The hub's own functions for scripts, beside the operations: numbers, JSON, CSV, time, the log.
//!
//! [`builtins`] lists them all, for the documentation, for the checks, and for the test that calls each.

use crate::convert::{from_json, to_json};
use crate::item::{Item, Native, placed, terminated};
use crate::limits::{ARRAY_ELEMENTS_MAX, MAP_ENTRIES_MAX};
use crate::seam::Level;
use crate::{handing, il, keeping, reaching};
use gesher_core::Text;
use gesher_core::key::clean_cell;
use gesher_core::money::parse_signed_amount;
use gesher_engine::CallEnd;
use rhai::{
    Array, Dynamic, EvalAltResult, FuncRegistration, INT, ImmutableString, Map, Module, NativeCallContext,
};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Length of an alert, in characters. What is longer is cut.
const ALERT_CHARS_MAX: usize = 2_000;

/// One function that the hub gives to scripts.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// As it is called, such as `json::parse`.
    pub name: &'static str,
    /// Its arguments and its answer.
    pub signature: &'static str,
    /// One sentence with a full stop.
    pub summary: &'static str,
    /// An expression that calls it.
    pub example: &'static str,
}

impl Builtin {
    /// The module and the function's own name.
    #[must_use]
    pub fn parts(&self) -> (Option<&'static str>, &'static str) {
        self.name.split_once("::").map_or((None, self.name), |(module, name)| (Some(module), name))
    }
}

/// All of them, those of the other modules included.
pub fn builtins() -> impl Iterator<Item = &'static Builtin> {
    let of_modules = [il::BUILTINS, reaching::BUILTINS, keeping::BUILTINS, handing::BUILTINS];
    BUILTINS.iter().chain(of_modules.into_iter().flatten())
}

/// Those of this file, by name.
const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "alert",
        signature: "alert(text)",
        summary: "Asks a person to look: a line of the log, and a message to wherever alerts are sent.",
        example: r#"alert("the rate looks wrong")"#,
    },
    Builtin {
        name: "csv::parse",
        signature: "csv::parse(text) -> array of maps",
        summary: "Reads comma separated text whose first line is the header; every cell is text.",
        example: r#"csv::parse("name,amount\nDana,12.50")"#,
    },
    Builtin {
        name: "decimal",
        signature: "decimal(value) -> decimal",
        summary: "Reads an amount: digits, an optional point with at most two places, an optional minus.",
        example: r#"decimal("12.50")"#,
    },
    Builtin {
        name: "int",
        signature: "int(value) -> integer",
        summary: "Reads a whole number: digits and an optional minus.",
        example: r#"int("2030")"#,
    },
    Builtin {
        name: "json::parse",
        signature: "json::parse(text) -> value",
        summary: "Reads JSON; numbers become integers or decimals.",
        example: r#"json::parse("[1, 2.50]")"#,
    },
    Builtin {
        name: "json::stringify",
        signature: "json::stringify(value) -> text",
        summary: "Writes a value as JSON.",
        example: r#"json::stringify(#{ total: 12.50 })"#,
    },
    Builtin {
        name: "log::error",
        signature: "log::error(text)",
        summary: "Writes an error to the log.",
        example: r#"log::error("no such plan")"#,
    },
    Builtin {
        name: "log::info",
        signature: "log::info(text)",
        summary: "Writes a line to the log.",
        example: r#"log::info("first charge of the month")"#,
    },
    Builtin {
        name: "log::warn",
        signature: "log::warn(text)",
        summary: "Writes a warning to the log.",
        example: r#"log::warn("no phone number")"#,
    },
    Builtin {
        name: "time::now",
        signature: "time::now() -> text",
        summary: "The time in the hub's time zone, such as 2026-03-27T09:30:00+03:00; the same again on replay.",
        example: "time::now()",
    },
    Builtin {
        name: "time::today",
        signature: "time::today() -> text",
        summary: "The date in the hub's time zone, such as 2026-03-27; the same again on replay.",
        example: "time::today()",
    },
    Builtin {
        name: "vendors::exists",
        signature: "vendors::exists(handle) -> true or false",
        summary: "Whether the hub knows the vendor, be it open or only being opened.",
        example: r#"vendors::exists("dana")"#,
    },
    Builtin {
        name: "vendors::get",
        signature: "vendors::get(handle) -> map or ()",
        summary: "Where a vendor stands: handle, state, company_id, corporate_number; never a key; the same again on replay.",
        example: r#"vendors::get("dana")"#,
    },
    Builtin {
        name: "vendors::list",
        signature: "vendors::list() -> array of maps",
        summary: "Where all vendors stand, by handle, each as vendors::get answers it.",
        example: "vendors::list()",
    },
];

/// The functions without a module.
pub(crate) fn global_module() -> Module {
    let mut module = Module::new();
    let add = FuncRegistration::new;
    add("decimal").set_into_module(&mut module, |context: NativeCallContext, text: ImmutableString| {
        decimal_of_text(&context, &text)
    });
    add("decimal").set_into_module(&mut module, |value: INT| Decimal::from(value));
    add("decimal").set_into_module(&mut module, |value: Decimal| value);
    add("decimal").set_into_module(&mut module, |context: NativeCallContext, value: Dynamic| {
        Err::<Decimal, _>(not_a_number(&context, "decimal", value.type_name()))
    });
    add("int").set_into_module(&mut module, |context: NativeCallContext, text: ImmutableString| {
        int_of_text(&context, &text)
    });
    add("int").set_into_module(&mut module, |value: INT| value);
    add("int").set_into_module(&mut module, |context: NativeCallContext, value: Decimal| {
        int_of_text(&context, &value.normalize().to_string())
    });
    add("int").set_into_module(&mut module, |context: NativeCallContext, value: Dynamic| {
        Err::<INT, _>(not_a_number(&context, "int", value.type_name()))
    });
    add("alert")
        .with_volatility(true)
        .set_into_module(&mut module, |context: NativeCallContext, line: Dynamic| alert(&context, &line));
    reaching::set_secret(&mut module);
    module
}

/// The functions that have a module, by its name.
pub(crate) fn modules() -> BTreeMap<&'static str, Module> {
    let mut log = Module::new();
    for (name, level) in [("info", Level::Info), ("warn", Level::Warn), ("error", Level::Error)] {
        FuncRegistration::new(name)
            .with_volatility(true)
            .set_into_module(&mut log, move |context: NativeCallContext, line: Dynamic| {
                placed(&context, say(&context, level, &line))
            });
    }
    let mut json = Module::new();
    FuncRegistration::new("parse").set_into_module(&mut json, |context: NativeCallContext, text: &str| {
        placed(&context, parse_json(&context, text))
    });
    FuncRegistration::new("stringify")
        .set_into_module(&mut json, |context: NativeCallContext, value: Dynamic| {
            placed(&context, write_json(&context, &value))
        });
    let mut csv = Module::new();
    FuncRegistration::new("parse").set_into_module(&mut csv, |context: NativeCallContext, text: &str| {
        let item = Item::of(&context)?;
        placed(&context, parse_csv(text).map_err(|text| item.fault(&text)))
    });
    let mut time = Module::new();
    for (name, format) in [("now", "%Y-%m-%dT%H:%M:%S%:z"), ("today", "%Y-%m-%d")] {
        FuncRegistration::new(name)
            .with_volatility(true)
            .set_into_module(&mut time, move |context: NativeCallContext| {
                placed(&context, tell_time(&context, format))
            });
    }
    BTreeMap::from([
        ("log", log),
        ("json", json),
        ("csv", csv),
        ("time", time),
        ("il", il::module()),
        ("vendors", vendors()),
        ("http", reaching::module()),
        ("store", keeping::store()),
        ("flow", keeping::flow()),
        ("run", handing::module()),
    ])
}

fn decimal_of_text(context: &NativeCallContext, text: &str) -> Native<Decimal> {
    parse_signed_amount(text).or_else(|fault| {
        let item = Item::of(context)?;
        let reason = fault.text();
        let said = Text::new(format!("„{text}”: {}", reason.he), format!("`{text}`: {}", reason.en));
        Err(item.coded_fault("bad_amount", &said))
    })
}

fn int_of_text(context: &NativeCallContext, text: &str) -> Native<INT> {
    let clean = clean_cell(text);
    let trimmed = clean.as_str();
    let digits = trimmed.strip_prefix('-').unwrap_or(trimmed);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match trimmed.parse() {
        Ok(number) if all_digits => Ok(number),
        _ => Err(Item::of(context)?.coded_fault(
            "bad_number",
            &Text::new(
                format!("„{trimmed}” אינו מספר שלם: מותר ספרות בלבד, למשל 2030"),
                format!("`{trimmed}` is no whole number: write digits only, such as 2030"),
            ),
        )),
    }
}

fn not_a_number(context: &NativeCallContext, function: &str, given: &str) -> Box<EvalAltResult> {
    let text = Text::new(
        format!("הפונקציה {function} מקבלת טקסט או מספר, אבל התקבל {given}"),
        format!("{function}() takes a text or a number, but got {given}"),
    );
    Item::of(context).map_or_else(|error| error, |item| item.fault(&text))
}

fn say(context: &NativeCallContext, level: Level, line: &Dynamic) -> Native<()> {
    let item = Item::of(context)?;
    if item.is_over() {
        return Err(terminated());
    }
    item.say(level, &line.to_string());
    Ok(())
}

/// A line of the log, and a row for whoever looks after the hub.
fn alert(context: &NativeCallContext, line: &Dynamic) -> Native<()> {
    say(context, Level::Alert, line)?;
    let item = Item::of(context)?;
    let text: String = line.to_string().chars().take(ALERT_CHARS_MAX).collect();
    let text = item.host().redact(&text).into_owned();
    item.outside(|host| host.alert(&text))?.map_err(|end| not_seen(&item, &end))
}

fn parse_json(context: &NativeCallContext, text: &str) -> Native<Dynamic> {
    let item = Item::of(context)?;
    let value = serde_json::from_str(text).map_err(|error| {
        item.fault(&Text::new(
            format!("הטקסט אינו JSON תקין: {error}"),
            format!("the text is no JSON: {error}"),
        ))
    })?;
    from_json(&value).map_err(|fault| item.fault(&fault.text()))
}

fn write_json(context: &NativeCallContext, value: &Dynamic) -> Native<String> {
    let item = Item::of(context)?;
    let json = to_json(value).map_err(|fault| item.fault(&fault.text()))?;
    Ok(json.to_string())
}

fn parse_csv(text: &str) -> Result<Array, Text> {
    let broken = |error: csv::Error| {
        Text::new(format!("הטקסט אינו CSV תקין: {error}"), format!("the text is no CSV: {error}"))
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(broken)?.clone();
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !seen.insert(*name)) {
        return Err(Text::new(
            format!("העמודה {twice} מופיעה פעמיים"),
            format!("the column {twice} is there twice"),
        ));
    }
    let mut rows = Array::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let cells = header.iter().zip(record.iter());
        let row: Map = cells.map(|(name, cell)| (name.trim().into(), cell.into())).collect();
        rows.push(row.into());
        if rows.len() > ARRAY_ELEMENTS_MAX || rows.len().saturating_mul(header.len()) > MAP_ENTRIES_MAX {
            return Err(Text::new(
                format!("יותר מ־{MAP_ENTRIES_MAX} תאים; קובץ גדול יש לשים בתיקייה של תהליך"),
                format!("more than {MAP_ENTRIES_MAX} cells; drop a file that large into a flow's folder"),
            ));
        }
    }
    Ok(rows)
}

/// What scripts may know of vendors.
fn vendors() -> Module {
    let mut vendors = Module::new();
    FuncRegistration::new("get")
        .with_volatility(true)
        .set_into_module(&mut vendors, |context: NativeCallContext, handle: &str| {
            placed(&context, vendor(&context, handle))
        });
    FuncRegistration::new("exists").with_volatility(true).set_into_module(
        &mut vendors,
        |context: NativeCallContext, handle: &str| {
            placed(&context, vendor(&context, handle).map(|vendor| !vendor.is_unit()))
        },
    );
    FuncRegistration::new("list")
        .with_volatility(true)
        .set_into_module(&mut vendors, |context: NativeCallContext| placed(&context, all_vendors(&context)));
    vendors
}

fn vendor(context: &NativeCallContext, handle: &str) -> Native<Dynamic> {
    let item = Item::of(context)?;
    let seen = item.outside(|host| host.vendor(handle))?.map_err(|end| not_seen(&item, &end))?;
    Ok(vendor_of(&seen))
}

fn all_vendors(context: &NativeCallContext) -> Native<Array> {
    let item = Item::of(context)?;
    let seen = item.outside(|host| host.vendors())?.map_err(|end| not_seen(&item, &end))?;
    let seen = seen.as_array().map(Vec::as_slice).unwrap_or_default();
    if seen.len() > ARRAY_ELEMENTS_MAX {
        return Err(item.fault(&Text::new(
            format!("יש יותר מ־{ARRAY_ELEMENTS_MAX} ספקים; יש לשאול על כל אחד לחוד ב־vendors::get"),
            format!("there are more than {ARRAY_ELEMENTS_MAX} vendors; ask for each with vendors::get"),
        )));
    }
    Ok(seen.iter().map(vendor_of).collect())
}

/// A look at vendors is refused only where an item has taken too many steps.
fn not_seen(item: &Item, end: &CallEnd) -> Box<EvalAltResult> {
    match end {
        CallEnd::Refused(answer) => {
            let code = answer.code.as_deref().unwrap_or_default();
            item.coded_fault(code, &Text::verbatim(answer.message.clone()))
        }
        CallEnd::Ended => terminated(),
    }
}

/// A vendor in the words of scripts; `()` for none.
fn vendor_of(seen: &serde_json::Value) -> Dynamic {
    let Some(handle) = seen.get("handle").and_then(serde_json::Value::as_str) else { return Dynamic::UNIT };
    let text = |name: &str| seen.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let or_unit = |text: Option<String>| text.map_or(Dynamic::UNIT, Dynamic::from);
    // An organisation's number is a number, as OfficeGuy writes it.
    let company_id = text("account").map(|account| match account.parse::<INT>() {
        Ok(number) => Dynamic::from(number),
        Err(_) => Dynamic::from(account),
    });
    let mut vendor = Map::new();
    vendor.insert("handle".into(), handle.into());
    vendor.insert("state".into(), or_unit(text("state")));
    vendor.insert("company_id".into(), company_id.unwrap_or(Dynamic::UNIT));
    vendor.insert("corporate_number".into(), or_unit(text("business")));
    vendor.into()
}

fn tell_time(context: &NativeCallContext, format: &str) -> Native<String> {
    let item = Item::of(context)?;
    let now = item.outside(|host| host.now())?.map_err(|_| terminated())?;
    Ok(now.to_zoned(item.host().time_zone().clone()).strftime(format).to_string())
}
