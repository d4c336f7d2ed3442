//! Work orders with their payment pages, and tax invoices with receipts.

use super::orders::{currency, sum};
use super::record::{Document, Record, Sum, WorkOrder};
use super::world::World;
use super::{Form, PAY_PATH, Refusal, escaped, is_true, page as html, refuse, text_in};
use gesher_core::money::two_places;
use gesher_provider::simulate::{Answered, Call, Delivery};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// What the provider calls the document of a payment, in its own words; ours.
const RECEIPT_WORDS: &str = "חשבונית מס קבלה";
const FORM: &str = "application/x-www-form-urlencoded";

/// What a work order and a receipt both need.
fn check(form: &Form) -> Result<Decimal, Refusal> {
    for name in ["client_name", "client_email"] {
        if form.text(name).is_none() {
            return refuse(format!("Missing {name}"));
        }
    }
    let Some(total) = form.text("total_payment").and_then(sum) else {
        return refuse("Incorrect total_payment");
    };
    let rows = form.array("items").into_iter().flat_map(Map::values);
    let mut count = 0;
    for row in rows {
        let whole = row
            .as_object()
            .is_some_and(|row| ["name", "price", "quantity"].iter().all(|name| text_in(row, name).is_some()));
        if !whole {
            return refuse("Incorrect items");
        }
        count += 1;
    }
    if count == 0 { refuse("Missing items") } else { Ok(total) }
}

/// Makes a work order.
pub(super) fn add_work_order(world: &mut World, form: &Form, call: &Call<'_>) -> Result<Value, Refusal> {
    let total = check(form)?;
    let currency = currency(form)?;
    let customer_id = world.client_of(form, call.at)?;
    let number = world.next.order;
    let page = is_true(form.text("pay_url")).then(|| world.secret_part(number));
    let address = |name: &str| form.text(name).map(str::to_owned);
    let order = WorkOrder {
        work_order_number: number,
        customer_id,
        amount: Sum(total),
        currency,
        page: page.clone(),
        callback: address("pay_success_callback_url"),
        redirect: address("pay_success_redirect_url"),
    };
    world.commit(Record::WorkOrder(order), call.at);
    let mut answer = Map::new();
    answer.insert("work_order_number".to_owned(), world.id(number));
    answer.insert("client_id".to_owned(), world.id(customer_id));
    if let Some(page) = page {
        let host = call.host.unwrap_or("127.0.0.1");
        answer.insert("pay_url".to_owned(), format!("http://{host}{PAY_PATH}{number}/{page}").into());
    }
    Ok(Value::Object(answer))
}

/// Issues a tax invoice with receipt.
pub(super) fn add_receipt(world: &mut World, form: &Form, at: Timestamp) -> Result<Value, Refusal> {
    let total = check(form)?;
    if form.text("vat_type").is_none() {
        return refuse("Missing vat_type");
    }
    if form.array("payment_details").is_none() && form.text("credit_card_payment").is_none() {
        return refuse("Missing credit_card_payment");
    }
    let currency = currency(form)?;
    let customer_id = world.client_of(form, at)?;
    let document = Document {
        document_number: world.next.document,
        customer_id,
        amount: Sum(total),
        currency,
        work_order_number: None,
    };
    let number = document.document_number;
    world.commit(Record::Receipt(document), at);
    let mut answer = Map::new();
    answer.insert("doc_num".to_owned(), world.id(number));
    answer.insert("client_id".to_owned(), world.id(customer_id));
    Ok(Value::Object(answer))
}

/// The payment page of a work order: shown by GET, paid by POST. It is paid once; then the callback goes out.
pub(super) fn page(world: &mut World, call: &Call<'_>) -> Answered {
    let found = call.path.strip_prefix(PAY_PATH).and_then(|rest| {
        let (number, secret) = rest.split_once('/')?;
        let work = world.work.get(&number.parse().ok()?)?;
        (work.order.page.as_deref() == Some(secret)).then(|| work.clone())
    });
    let Some(work) = found else { return html(404, "<h1>Not Found</h1>") };
    let (amount, currency) = (two_places(work.order.amount.0), escaped(&work.order.currency));
    if !call.is_post {
        let button = "<form method=\"post\"><button>לתשלום</button></form>";
        return html(200, &format!("<h1>{amount} {currency}</h1>{button}"));
    }
    if work.paid.is_none() {
        pay(world, &work.order, call.at);
    }
    match &work.order.redirect {
        Some(address) => {
            Answered {
                status: 303, location: Some(address.clone()), ..html(303, "<h1>התשלום התקבל</h1>")
            }
        }
        None => html(200, "<h1>התשלום התקבל</h1>"),
    }
}

fn pay(world: &mut World, order: &WorkOrder, at: Timestamp) {
    let document = Document {
        document_number: world.next.document,
        customer_id: order.customer_id,
        amount: order.amount,
        currency: order.currency.clone(),
        work_order_number: Some(order.work_order_number),
    };
    let number = document.document_number;
    world.commit(Record::WorkOrderPaid(document), at);
    let Some(url) = &order.callback else { return };
    let report = [
        ("doc_type", RECEIPT_WORDS.to_owned()),
        ("doc_id", number.to_string()),
        ("sum", two_places(order.amount.0)),
        ("work_order_number", order.work_order_number.to_string()),
    ];
    let body = serde_urlencoded::to_string(report).unwrap_or_default().into_bytes();
    world.deliver(Delivery { url: url.clone(), content_type: FORM, body });
}
