//! Standing orders: the conditional rules of the provider's page in their order, and the order that is made.
//!
//! Written from the page and not from the client's own rules, so that the two check each other.

use super::record::{Order, Record, Sum};
use super::world::World;
use super::{Form, Refusal, is_true, refuse, text_in};
use crate::endpoints::shared::Day;
use gesher_core::money::parse_amount;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// The currencies that are not shekels. `NULL` is how some callers write shekels.
const CURRENCIES: &[&str] = &["USD", "EUR", "AUD", "GBP"];

/// A sum, as PHP would read one that a careful caller wrote.
pub(crate) fn sum(text: &str) -> Option<Decimal> {
    parse_amount(text).ok()
}

/// The currency of a form.
pub(crate) fn currency(form: &Form) -> Result<String, Refusal> {
    match form.text("currency") {
        None | Some("NULL") => Ok("ILS".to_owned()),
        Some(currency) if CURRENCIES.contains(&currency) => Ok(currency.to_owned()),
        Some(_) => refuse("Incorrect currency"),
    }
}

/// A day, in the form of the page or in ISO form.
pub(crate) fn day(text: &str) -> Option<Date> {
    Day::read(text).date()
}

/// Makes a standing order.
pub(super) fn add(world: &mut World, form: &Form, at: Timestamp) -> Result<Value, Refusal> {
    check(form)?;
    let (start, amount) = schedule(form)?;
    let currency = currency(form)?;
    let first_amount = match form.text("first_transfer_amount") {
        None => None,
        Some(text) => Some(Sum(sum(text).map_or_else(|| refuse("Incorrect first_transfer_amount"), Ok)?)),
    };
    let times = match form.text("num_of_transfers") {
        None => None,
        Some(text) => match text.parse() {
            Ok(times) if times > 0 => Some(times),
            _ => return refuse("Incorrect num_of_transfers"),
        },
    };
    let documents = ["issue_deal_invoice", "issue_tax_invoice_receipt"];
    let has_document = documents.iter().any(|name| is_true(form.text(name)));
    let customer_id = world.client_of(form, at)?;
    let order = Order {
        bank_order_num: world.next.order,
        customer_id,
        amount: Sum(amount),
        first_amount,
        currency,
        period: form.text("transfer_period").unwrap_or_default().to_owned(),
        start: start.to_string(),
        times,
        document_number: has_document.then_some(world.next.document),
        form: form.pairs.clone(),
    };
    let (number, document) = (order.bank_order_num, order.document_number);
    world.commit(Record::BankOrder(order), at);
    super::schedule::settle(world, at);
    let mut answer = Map::new();
    answer.insert("bank_order_num".to_owned(), world.id(number));
    if let Some(document) = document {
        answer.insert("doc_num".to_owned(), world.id(document));
    }
    answer.insert("client_id".to_owned(), world.id(customer_id));
    Ok(Value::Object(answer))
}

/// The mandatory fields that depend on others.
fn check(form: &Form) -> Result<(), Refusal> {
    let there = |name: &str| form.text(name).is_some();
    let on_file = is_true(form.text("use_creditcard_onfile"));
    let is_named = there("client_name") && there("client_email");
    if !is_named && !there("senzey_client_id") {
        return refuse("Missing client_name or client_email");
    }
    if on_file && !there("senzey_client_id") {
        return refuse("Missing senzey_client_id");
    }
    let kind = form.text("transfer_type");
    if !on_file && !kind.is_some_and(|kind| ["credit_card", "bank", "other"].contains(&kind)) {
        return refuse("Incorrect transfer_type");
    }
    let gateway = there("credit_card_payment") || form.array("credit_card_payment").is_some();
    let company = form.text("transaction_company").unwrap_or_default().to_lowercase();
    if ["yaad", "zcredit"].contains(&company.as_str()) && !on_file && !gateway {
        return refuse("Missing credit_card_payment");
    }
    let details = form.array("payment_details");
    if !gateway && !on_file && details.is_none() {
        return refuse("Missing payment_details");
    }
    if kind == Some("bank") {
        return bank(details);
    }
    Ok(())
}

fn bank(details: Option<&Map<String, Value>>) -> Result<(), Refusal> {
    let there = |name: &str| details.is_some_and(|details| text_in(details, name).is_some());
    for name in ["account_branch", "account_num"] {
        if !there(name) {
            return refuse(format!("Missing payment_details[{name}]"));
        }
    }
    if !there("bank_id") && !there("bank_code") {
        return refuse("Missing payment_details[bank_id] or payment_details[bank_code]");
    }
    let receiving = there("to_account_branch")
        && there("to_account_num")
        && (there("to_bank_id") || there("to_bank_code"));
    if there("business_bank_id") || receiving {
        Ok(())
    } else {
        refuse("Missing payment_details[business_bank_id]")
    }
}

/// First day and sum. A day that has passed is taken: what the provider does with one is not known.
fn schedule(form: &Form) -> Result<(Date, Decimal), Refusal> {
    let Some(start) = form.text("start_date").and_then(day) else {
        return refuse("Incorrect start_date");
    };
    if !form.text("transfer_period").is_some_and(|period| ["month", "week", "year"].contains(&period)) {
        return refuse("Incorrect transfer_period");
    }
    match form.text("transfer_amount").and_then(sum) {
        Some(amount) => Ok((start, amount)),
        None => refuse("Incorrect transfer_amount"),
    }
}

/// An order as the simulator shows it.
pub(super) fn shown(standing: &super::world::Standing) -> Value {
    let order = &standing.order;
    json!({
        "bank_order_num": order.bank_order_num,
        "client_id": order.customer_id,
        "amount": order.amount,
        "first_amount": order.first_amount,
        "currency": order.currency,
        "period": order.period,
        "start": order.start,
        "times": order.times,
        "form": order.form,
        "transfers": standing.transfers,
    })
}
