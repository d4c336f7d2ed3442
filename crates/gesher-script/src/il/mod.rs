//! `il::` for scripts: the Israeli rules of `gesher-il`, with arguments read from cells and answers as maps.
//!
//! Checks answer `#{ status, value, message }` and never throw for a bad value: what to do about it is the script's. What
//! depends on the day takes it as an argument, so that a replay answers the same. Only arguments that are no dates or no
//! amounts at all are thrown.

mod answers;
mod arguments;
mod catalogue;

pub(crate) use catalogue::BUILTINS;

use crate::item::{Item, Native, placed};
use answers as answer;
use arguments::{Arguments, Days};
use gesher_il::business;
use rhai::{Dynamic, FuncRegistration, Module, NativeCallContext};

/// The functions, in one module.
pub(crate) fn module() -> Module {
    let mut module = Module::new();
    one(&mut module, "check_id", |call, value| {
        Ok(answer::verdict(call, &gesher_il::identity::check_id(&call.cell(&value)?)))
    });
    one(&mut module, "check_company", |call, value| {
        Ok(answer::company(call, &gesher_il::identity::check_company(&call.cell(&value)?)))
    });
    one(&mut module, "check_iban", |call, value| Ok(answer::iban(call, &call.cell(&value)?)));
    one(&mut module, "check_phone", |call, value| Ok(answer::phone(call, &call.cell(&value)?)));
    three(&mut module, "check_bank_account", |call, bank, branch, account| {
        let (bank, branch, account) = (call.cell(&bank)?, call.cell(&branch)?, call.cell(&account)?);
        Ok(answer::verdict(call, &gesher_il::bank::check_account(&bank, &branch, &account)))
    });
    one(&mut module, "bank", |call, code| Ok(answer::bank(call, &call.cell(&code)?)));
    money(&mut module);
    dates(&mut module);
    business_days(&mut module);
    module
}

fn money(module: &mut Module) {
    one(module, "vat_rate", |call, date| Ok(answer::optional(gesher_il::vat::rate_on(call.date(&date)?))));
    two(module, "vat_included", |call, amount, date| {
        let (total, rate) = (call.shekels(&amount)?, call.vat_rate(&date)?);
        gesher_il::vat::included(total, rate).map(answer::vat).ok_or_else(|| call.too_large())
    });
    two(module, "vat_added", |call, amount, date| {
        let (net, rate) = (call.shekels(&amount)?, call.vat_rate(&date)?);
        gesher_il::vat::added(net, rate).map(answer::vat).ok_or_else(|| call.too_large())
    });
    two(module, "allocation", |call, amount, date| {
        let (net, date) = (call.shekels(&amount)?, call.date(&date)?);
        Ok(answer::allocation(call, gesher_il::allocation::check_invoice(net, date)))
    });
}

fn dates(module: &mut Module) {
    one(module, "iso_date", |call, date| Ok(gesher_il::dates::iso(call.date(&date)?).into()));
    one(module, "date_text", |call, date| Ok(gesher_il::dates::day_first(call.date(&date)?).into()));
    one(module, "period", |call, date| Ok(gesher_il::dates::period(call.date(&date)?).into()));
    one(module, "hebrew_date", |call, date| Ok(answer::hebrew(call, call.date(&date)?)));
    three(module, "gregorian_date", |call, year, month, day| {
        let date = call.hebrew(&year, &month, &day)?;
        Ok(gesher_il::dates::iso(date).into())
    });
    one(module, "day", |call, date| Ok(answer::day(call, call.date(&date)?)));
    one(module, "is_rest_time", |call, instant| {
        Ok(gesher_il::rest::is_rest_at(call.instant(&instant)?).into())
    });
}

fn business_days(module: &mut Module) {
    with_closed(module, "is_bank_business_day", |_, date, closed| {
        Ok(business::is_business_day(date, closed).into())
    });
    with_closed(module, "next_bank_business_day", |call, date, closed| {
        call.found(business::on_or_after(date, closed))
    });
    with_closed(module, "previous_bank_business_day", |call, date, closed| {
        call.found(business::on_or_before(date, closed))
    });
    let name = "add_bank_business_days";
    two(module, name, |call, date, count| {
        call.found(business::add(call.date(&date)?, call.count(&count)?, &[]))
    });
    three(module, name, |call, date, count, closed| {
        let closed = call.closed(closed)?;
        call.found(business::add(call.date(&date)?, call.count(&count)?, &closed))
    });
}

/// Registers a function of one argument.
fn one(module: &mut Module, name: &'static str, act: fn(&Arguments, Dynamic) -> Native<Dynamic>) {
    FuncRegistration::new(name).set_into_module(module, move |context: NativeCallContext, a: Dynamic| {
        placed(&context, call(&context, name, |arguments| act(arguments, a)))
    });
}

/// Registers a function of two arguments.
fn two(module: &mut Module, name: &'static str, act: fn(&Arguments, Dynamic, Dynamic) -> Native<Dynamic>) {
    FuncRegistration::new(name).set_into_module(
        module,
        move |context: NativeCallContext, a: Dynamic, b: Dynamic| {
            placed(&context, call(&context, name, |arguments| act(arguments, a, b)))
        },
    );
}

/// Registers a function of three arguments.
fn three(
    module: &mut Module,
    name: &'static str,
    act: fn(&Arguments, Dynamic, Dynamic, Dynamic) -> Native<Dynamic>,
) {
    FuncRegistration::new(name).set_into_module(
        module,
        move |context: NativeCallContext, a: Dynamic, b: Dynamic, c: Dynamic| {
            placed(&context, call(&context, name, |arguments| act(arguments, a, b, c)))
        },
    );
}

/// What a function of a date does with it and the days on which banks are closed beside the calendar's.
type OfDate = fn(&Arguments, jiff::civil::Date, &Days) -> Native<Dynamic>;

/// Registers a function of a date, with and without a list of closed days.
fn with_closed(module: &mut Module, name: &'static str, act: OfDate) {
    FuncRegistration::new(name).set_into_module(module, move |context: NativeCallContext, date: Dynamic| {
        placed(&context, call(&context, name, |arguments| act(arguments, arguments.date(&date)?, &[])))
    });
    FuncRegistration::new(name).set_into_module(
        module,
        move |context: NativeCallContext, date: Dynamic, closed: Dynamic| {
            let made = call(&context, name, |arguments| {
                let closed = arguments.closed(closed)?;
                act(arguments, arguments.date(&date)?, &closed)
            });
            placed(&context, made)
        },
    );
}

fn call(
    context: &NativeCallContext,
    function: &'static str,
    act: impl FnOnce(&Arguments) -> Native<Dynamic>,
) -> Native<Dynamic> {
    act(&Arguments { item: Item::of(context)?, function })
}
