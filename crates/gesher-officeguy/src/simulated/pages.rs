//! Plays payment pages: one is prepared, shown, paid on once or left, and tells whom it was told to.
//!
//! Paying charges as the charge itself does. The page of the provider keeps robots out; this one is made for them.

use super::books::{Line, NamedCustomer, lines_of, resolve, with_vat};
use super::changes::{Change, Page};
use super::company_changes::change;
use super::wire::{Fields, Refusal};
use super::world::{Caller, World, token_of};
use super::{done, required, serve};
use crate::endpoints::charge::Charge;
use crate::endpoints::enums::{DocumentLanguage, DocumentType};
use crate::endpoints::redirect::{BeginRedirect, BeginRedirectAnswer};
use crate::envelope::{self, field, id, text};
use gesher_core::money::two_places;
use gesher_provider::endpoint::{Endpoint, Simulated};
use gesher_provider::simulate::{Answered, Call, Delivery};
use serde_json::{Value, json};

/// Where pages are.
pub(super) const PATH: &str = "/x/a/redirectpayment/";
/// The life of a page in hours, unless the request says otherwise.
const HOURS_DEFAULT: i64 = 1;
/// The longest life of a page, in hours.
const HOURS_MAX: i64 = 240;
const SECONDS_PER_HOUR: i64 = 3600;
/// What a page charges where its visitor names no card.
const CARD: &str = "11111111-2222-4333-8444-555555554444";

struct Input {
    customer: Option<NamedCustomer>,
    lines: Vec<Line>,
    vat_included: bool,
    hours: Option<i64>,
    heading: Option<String>,
    then: Option<String>,
    on_cancel: Option<String>,
    external: Option<String>,
    ipn: Option<String>,
    /// The fields that the charge takes over as they are.
    charge: Value,
}

impl Input {
    fn read(body: &Fields<'_>, whole: &Value) -> Result<Self, Refusal> {
        let lines = body.list("Items")?;
        let lines = lines.iter().map(|line| Line::read(line, &["UnitPrice"], &["Total"]));
        body.int("MaximumPayments")?;
        body.one_of::<DocumentLanguage>("Language")?;
        body.one_of::<DocumentType>("DocumentType")?;
        let prevents_saving = body.truth("PreventSavingPaymentMethod")?;
        let mut charge = json!({"CardTokenNotNeeded": prevents_saving});
        for name in
            ["Items", "VATIncluded", "VATRate", "DocumentType", "DocumentDescription", "DraftDocument"]
        {
            if let Some(value) = whole.get(name) {
                charge[name] = value.clone();
            }
        }
        Ok(Self {
            customer: body.object("Customer")?.map(|customer| NamedCustomer::read(&customer)).transpose()?,
            lines: lines.collect::<Result<_, _>>()?,
            vat_included: body.truth("VATIncluded")?,
            hours: body.int("ExpirationHours")?,
            heading: body.text("Header")?,
            then: body.text("RedirectURL")?,
            on_cancel: body.text("CancelRedirectURL")?,
            external: body.text("ExternalIdentifier")?,
            ipn: body.text("IPNURL")?,
            charge,
        })
    }
}

impl Simulated for BeginRedirect {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        let whole: Value = serde_json::from_slice(call.body).unwrap_or_default();
        serve(
            world,
            call,
            |body| Input::read(body, &whole),
            |world, caller, input| begin(world, caller, call, input),
        )
    }
}

fn begin(
    world: &mut World,
    caller: Caller,
    call: &Call<'_>,
    input: Input,
) -> Result<BeginRedirectAnswer, Refusal> {
    required(call, &[("Customer", input.customer.is_some()), ("Items", !input.lines.is_empty())])?;
    super::charge::may_clear(world, caller)?;
    let (_, net) = lines_of(&input.lines)?;
    let named = input.customer.unwrap_or_default();
    let no_vat = named.entry.no_vat;
    let sum = if input.vat_included { net } else { with_vat(world, caller.company, no_vat, net) };
    let (customer_id, new) = resolve(world, caller.company, named)?;
    if let Some(new) = new {
        super::customers::write(world, caller, Change::CustomerMade, new);
    }
    let heading = input.heading.or_else(|| world.company(caller.company).details.name.clone());
    let page_id = token_of(world.options.seed, -i64::try_from(world.pages.len()).unwrap_or_default() - 1);
    let hours = input.hours.unwrap_or(HOURS_DEFAULT).clamp(1, HOURS_MAX);
    let mut charge = input.charge;
    charge["Customer"] = json!({"ID": customer_id});
    let page = Page {
        id: page_id.clone(),
        company: caller.company,
        charge,
        heading: heading.unwrap_or_default(),
        sum: two_places(sum),
        then: input.then,
        on_cancel: input.on_cancel,
        external: input.external,
        ipn: input.ipn,
        until: caller.at.as_second() + hours * SECONDS_PER_HOUR,
        paid: false,
    };
    change(world, caller, Change::PageOpened(Box::new(page)));
    // The page is on this machine, where the call came to.
    let host =
        call.host.map_or_else(|| "https://pay.sumit.co.il".to_owned(), |host| format!("http://{host}"));
    Ok(BeginRedirectAnswer { redirect_url: Some(format!("{host}{PATH}?redirectid={page_id}")) })
}

/// Shows a page, or takes what its visitor decided: `action=pay`, with a `token` where it shall be another card, or
/// `action=cancel`.
pub(super) fn answer(world: &mut World, call: &Call<'_>) -> Answered {
    let of_query = |name: &str| value_of(call.query.as_bytes(), name);
    let page = of_query("redirectid").and_then(|id| world.pages.get(&id).cloned());
    let Some(page) = page.filter(|page| call.at.as_second() <= page.until) else {
        return html(404, "הדף אינו קיים או שפג תוקפו", "");
    };
    if page.paid {
        return html(200, "התשלום כבר התקבל", "");
    }
    if !call.is_post {
        return html(200, &page.heading, &form(&page));
    }
    if value_of(call.body, "action").as_deref() == Some("cancel") {
        return match &page.on_cancel {
            Some(url) => leave(url, &[("OG-ExternalIdentifier", page.external.clone().unwrap_or_default())]),
            None => html(200, &page.heading, &form(&page)),
        };
    }
    let token = value_of(call.body, "token").unwrap_or_else(|| CARD.to_owned());
    pay(world, call, page, &token)
}

fn pay(world: &mut World, call: &Call<'_>, page: Page, token: &str) -> Answered {
    let mut body = page.charge.clone();
    let key = world.company(page.company).key.as_ref().map_or("any", |key| key.expose()).to_owned();
    body["Credentials"] = json!({"CompanyID": page.company, "APIKey": key});
    body["PaymentMethod"] = json!({"CreditCard_Token": token, "CreditCard_ExpirationMonth": 12,
        "CreditCard_ExpirationYear": 2040, "Type": 1});
    let body = body.to_string();
    let charged =
        Charge::answer(world, &Call { body: body.as_bytes(), path: <Charge as Endpoint>::PATH, ..*call });
    let envelope = envelope::parse(&charged.body);
    let data = envelope.as_ref().map_or(&Value::Null, |envelope| &envelope.data);
    let payment = field(data, "Payment");
    let (Some(payment_id), true) = (id(field(payment, "ID")), field(payment, "ValidPayment") == true) else {
        let words = text(field(payment, "StatusDescription"));
        let refused = envelope.as_ref().map(|envelope| envelope.words().to_owned());
        let words = words.or(refused).unwrap_or_default();
        let content = format!("<p>{}</p>{}", escaped(&words), form(&page));
        return Answered { records: charged.records, ..html(200, &page.heading, &content) };
    };
    let caller = Caller { company: page.company, at: call.at };
    change(world, caller, Change::PagePaid(page.id.clone()));
    let customer = text(field(data, "CustomerID")).unwrap_or_default();
    let document = text(field(data, "DocumentID")).unwrap_or_default();
    let answered = match &page.then {
        Some(url) => leave(
            url,
            &[
                ("OG-CustomerID", customer.clone()),
                ("OG-PaymentID", payment_id.to_string()),
                ("OG-ExternalIdentifier", page.external.clone().unwrap_or_default()),
                ("OG-DocumentID", document.clone()),
            ],
        ),
        None => html(200, "התשלום התקבל", ""),
    };
    let mut answered = done(world, answered);
    answered.records.splice(0..0, charged.records);
    answered.deliveries.extend(charged.deliveries);
    answered.deliveries.extend(page.ipn.map(|url| Delivery {
        url,
        content_type: "application/x-www-form-urlencoded",
        body: pairs(&[("documentid", document), ("customerid", customer)]).into_bytes(),
    }));
    answered
}

/// Sends the visitor on, with more behind the address.
fn leave(url: &str, more: &[(&str, String)]) -> Answered {
    let sign = if url.contains('?') { '&' } else { '?' };
    Answered { status: 302, location: Some(format!("{url}{sign}{}", pairs(more))), ..Answered::default() }
}

fn pairs(pairs: &[(&str, String)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

fn value_of(form: &[u8], name: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(form).ok()?;
    pairs.into_iter().find(|pair| pair.0 == name).map(|pair| pair.1)
}

fn form(page: &Page) -> String {
    format!(
        "<p>{}</p><form method=\"post\"><input name=\"token\" value=\"{CARD}\">\
         <button name=\"action\" value=\"pay\">לתשלום</button>\
         <button name=\"action\" value=\"cancel\">ביטול</button></form>",
        escaped(&page.sum)
    )
}

fn html(status: u16, heading: &str, content: &str) -> Answered {
    let heading = escaped(heading);
    let body = format!(
        "<!doctype html><html lang=\"he\" dir=\"rtl\"><meta charset=\"utf-8\"><title>{heading}</title>\
         <h1>{heading}</h1>{content}</html>"
    );
    let content_type = Some("text/html; charset=utf-8");
    Answered { status, content_type, body: body.into_bytes(), ..Answered::default() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
