//! What customers pay again and again in the simulation, and how it is charged while the simulated clock goes on.
//!
//! The provider keeps the schedule itself, and so does this: nothing is sent for the later charges. The clock is set
//! forward by hand ([`ADVANCE_CLOCK_PATH`]), and whatever falls due on the way is charged on its day, in its order. To
//! change an agreement, commit a record of [`Kind::Recurring`] with the whole entry as it shall be.

use super::acquirer::{Card, decide};
use super::books::with_vat;
use super::charge::add_document;
use super::record::{Kind, LineEntry, MethodEntry, Record};
use super::wire::{Refusal, refuse};
use super::world::World;
use super::{done, enveloped};
use crate::endpoints::enums::{Currency, DocumentType, WireEnum};
use crate::envelope::{self, field};
use gesher_core::money::{Amount, Quantity, round_half_up};
use gesher_provider::simulate::{Answered, Call};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// Sets the simulated clock forward: `{"Days": 31}` or `{"Seconds": 3600}`. Not a path of the provider.
pub const ADVANCE_CLOCK_PATH: &str = "/simulator/clock/advance/";

/// It is charged on its days.
pub(crate) const ACTIVE: i64 = 0;
/// A charge of it was refused, and no other is tried: a choice, since the provider's retries are not published.
pub(crate) const DISABLED_FAILED: i64 = 3;
/// It was charged as often as was agreed.
pub(crate) const FINISHED: i64 = 9;
/// The hour of a day at which is charged what falls due: a choice.
const BILLING_HOUR: i8 = 6;
/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How far the clock goes at once, in seconds: ten years.
const ADVANCE_SECONDS_MAX: i64 = 10 * 366 * DAY_SECONDS;
/// Charges of one advance. More is a slip, and the rest falls due at the next.
const BILLINGS_MAX: usize = 10_000;

/// A day, in the ledger as `2026-07-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// An agreement to pay again and again, as the books have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RecurringEntry {
    pub(crate) id: i64,
    pub(crate) customer_id: i64,
    /// The name of what is paid for.
    pub(crate) name: Option<String>,
    pub(crate) quantity: Quantity,
    pub(crate) unit: Quantity,
    /// By its number.
    pub(crate) currency: i64,
    pub(crate) vat_included: bool,
    /// The time between two charges: months and days together.
    pub(crate) months: i64,
    pub(crate) days: i64,
    /// Charges still to come; none is without end.
    pub(crate) left: Option<i64>,
    /// The first charge.
    pub(crate) start: Day,
    /// The next charge; none when there is no other.
    pub(crate) next: Option<Day>,
    /// The last charge that was made.
    pub(crate) previous: Option<Day>,
    /// The day after which nothing is charged.
    pub(crate) last: Option<Day>,
    /// One of the provider's numbers: [`ACTIVE`] and others.
    pub(crate) status: i64,
    pub(crate) description: Option<String>,
    /// The card, where it is not the customer's own of the day.
    pub(crate) method: Option<MethodEntry>,
    /// The kind of its documents, by its number.
    pub(crate) document: Option<i64>,
}

impl RecurringEntry {
    /// What one charge comes to before VAT is added.
    pub(crate) fn net(&self) -> Option<Decimal> {
        Some(round_half_up(self.unit.0.checked_mul(self.quantity.0)?, 2))
    }

    /// The entry after a charge of `day` was made.
    pub(crate) fn charged_on(&self, day: Day) -> Self {
        let step = Span::new().try_months(self.months).and_then(|step| step.try_days(self.days));
        let next = step.and_then(|step| day.0.checked_add(step)).ok().map(Day).filter(|next| *next > day);
        let left = self.left.map(|left| left - 1);
        let goes_on = left.is_none_or(|left| left > 0)
            && next.is_some_and(|next| self.last.is_none_or(|last| next <= last));
        Self {
            left,
            previous: Some(day),
            next: next.filter(|_| goes_on),
            status: if goes_on { self.status } else { FINISHED },
            ..self.clone()
        }
    }

    fn due(&self) -> Option<Day> {
        self.next.filter(|_| self.status == ACTIVE)
    }
}

/// Answers the call that sets the clock forward.
pub(super) fn advance(world: &mut World, call: &Call<'_>) -> Answered {
    let advanced = advance_by(world, call);
    done(world, enveloped(advanced, call))
}

fn advance_by(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(call.body).map_err(|_| Refusal::NotJson)?;
    let number = |name| envelope::int(field(&body, name)).unwrap_or_default();
    let seconds = number("Days").saturating_mul(DAY_SECONDS).saturating_add(number("Seconds"));
    if !(1..=ADVANCE_SECONDS_MAX).contains(&seconds) {
        return refuse("Days or Seconds: the clock goes forward, by ten years at most");
    }
    let until = call.at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(call.at);
    world.commit(Record { kind: Kind::Clock, seconds: Some(seconds), ..Record::default() }, call.at);
    let charged = bill(world, call.at, until);
    Ok(serde_json::json!({ "Now": world.written(until), "Charged": charged }))
}

/// Charges what falls due until then, and says how many charges that were.
fn bill(world: &mut World, since: Timestamp, until: Timestamp) -> usize {
    let today = Day(until.to_zoned(world.zone.clone()).date());
    for charged in 0..BILLINGS_MAX {
        let due = world.companies.iter().flat_map(|(company, books)| {
            books.recurring.values().filter_map(|agreed| Some((agreed.due()?, *company, agreed.id)))
        });
        let Some((day, company, id)) = due.filter(|(day, ..)| *day <= today).min() else {
            return charged;
        };
        bill_one(world, company, id, (day, since));
    }
    BILLINGS_MAX
}

fn bill_one(world: &mut World, company: i64, id: i64, (day, since): (Day, Timestamp)) {
    let Some(agreed) = world.company(company).recurring.get(&id).cloned() else {
        return;
    };
    let hour = day.0.at(BILLING_HOUR, 0, 0, 0).to_zoned(world.zone.clone());
    let at = hour.map_or(since, |hour| hour.timestamp().max(since));
    let customer = world.company(company).customers.get(&agreed.customer_id).cloned().unwrap_or_default();
    let net = agreed.net().unwrap_or_default();
    let amount = if agreed.vat_included { net } else { with_vat(world, company, customer.entry.no_vat, net) };
    let method = customer.method.as_deref().cloned().or_else(|| agreed.method.clone());
    let code = method.as_ref().map_or("004", |method| {
        let card =
            Card { token: method.token.as_deref(), number: None, month: method.month, year: method.year };
        decide(card, amount, day.0)
    });
    let after = agreed.charged_on(day);
    let after =
        if code == "000" { after } else { RecurringEntry { status: DISABLED_FAILED, next: None, ..after } };
    let letters = Currency::of_number(agreed.currency).unwrap_or(Currency::ILS).letters();
    let mut record = Record {
        kind: Kind::Charge,
        company,
        payment_id: Some(world.next.payment),
        customer_id: Some(agreed.customer_id),
        amount: Some(Amount(amount)),
        currency: Some(letters.to_owned()),
        valid: Some(code == "000"),
        code: Some(code.to_owned()),
        description: agreed.description.clone(),
        items: agreed.name.iter().cloned().collect(),
        method,
        recurring_ids: vec![id],
        recurring: Some(Box::new(after)),
        made_at: Some(at.as_second()),
        ..Record::default()
    };
    if code == "000" {
        let line = LineEntry {
            name: agreed.name.clone(),
            quantity: agreed.quantity,
            unit: agreed.unit,
            total: Amount(net),
            description: agreed.description.clone(),
        };
        let kind = agreed.document.and_then(DocumentType::of_number);
        add_document(world, &mut record, (kind, None, false), vec![line]);
    }
    world.commit(record, at);
}
