//! `officeguy.multivendor_charge`: one card, charged by several vendors at once.
//!
//! Every vendor's answer is inspected, since the provider calls the whole a success whatever became of each. What each
//! answer means, and whose it is, is decided in `vendors`.

use super::PROVIDER;
use crate::charging;
use crate::classify::open;
use crate::endpoints::enums::Currency;
use crate::endpoints::multi_vendor::{MultiVendorAnswer, MultiVendorCharge as Wire, MultiVendorRequest};
use crate::paying;
use crate::rules::{self, refuse};
use crate::vendors::{self, Share};
use gesher_core::money::Money;
use gesher_core::operation::{Facts, MARKETPLACE, Prepared, Reply, VendorHandle};
use gesher_core::{Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, Rejection, Sender};
use gesher_provider::endpoint::Endpoint;
use rust_decimal::Decimal;

/// The operation.
pub(crate) struct MultivendorCharge;

impl Operation for MultivendorCharge {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "multivendor_charge",
        summary: "Charge one card for several vendors at once, each its own share.",
        endpoint: Wire::PATH,
        effect: Effect::Money,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Charge a cart of two sellers",
        who: "marketplace",
        key: Some("cart-501"),
        request: r#"{
            "Customer": {"Name": "נועה לוי", "EmailAddress": "noa@example.test", "SearchMode": "Automatic"},
            "PaymentMethod": {"CreditCard_Token": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "Type": "CreditCard"},
            "Items": [
                {"Vendor": "dana-pottery", "Item": {"Name": "קערה"}, "UnitPrice": 6},
                {"Vendor": "marketplace", "Item": {"Name": "משלוח"}, "UnitPrice": 3}
            ],
            "VATIncluded": true,
            "DocumentDescription": "cart-501"
        }"#,
        answer: r#"{"Vendors": "*"}"#,
    }];
    type Request = MultiVendorRequest;
    type Answer = MultiVendorAnswer;

    fn rules(request: &MultiVendorRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::customer_named("Customer", &request.customer)?;
        for (at, line) in request.items.iter().enumerate() {
            rules::item_named(at, &line.item)?;
            if line.vendor != MARKETPLACE {
                let _checked: VendorHandle = line.vendor.parse()?;
            }
        }
        charging::instalments("Payments_Count", request.payments_count)?;
        charging::vat_rate(request.vat_rate)?;
        paying::rules(request.payment_method.as_ref(), request.single_use_token.as_ref())?;
        for share in shares(request)? {
            if share.net <= Decimal::ZERO {
                return Err(refuse(
                    "not_positive",
                    format!("Items: החלק של {} אינו גדול מאפס", share.vendor),
                    format!("Items: the share of {} is not above zero", share.vendor),
                ));
            }
        }
        Ok(())
    }

    fn facts(request: &MultiVendorRequest) -> Facts {
        let shares = shares(request).unwrap_or_default();
        let sums = shares.iter().map(|share| share.sum);
        let amount =
            sums.reduce(|sum, share| Some(Money { amount: sum?.amount.checked_add(share?.amount)?, ..sum? }));
        Facts { subject: rules::subject(&request.customer), amount: amount.flatten(), ..Facts::default() }
    }

    fn vendors(request: &MultiVendorRequest) -> Vec<String> {
        let mut vendors: Vec<String> = Vec::new();
        for line in &request.items {
            if !vendors.contains(&line.vendor) {
                vendors.push(line.vendor.clone());
            }
        }
        vendors
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let envelope = match open(reply, Effect::Money) {
            Ok(envelope) => envelope,
            Err(outcome) => return *outcome,
        };
        let request = rules::reread::<MultiVendorRequest>(&prepared.body);
        let shares = request.and_then(|request| shares(&request).ok()).unwrap_or_default();
        vendors::classify(&shares, prepared.facts.amount, envelope.data)
    }
}

/// What each vendor gets, in the order in which the lines name them.
fn shares(request: &MultiVendorRequest) -> Result<Vec<Share>, Rejection> {
    let currency = request.items.first().and_then(|line| line.currency).unwrap_or(Currency::ILS);
    let adds_vat = !request.vat_included && request.customer.no_vat != Some(true);
    let rate = request.vat_rate.map(|rate| rate.0);
    let mut lines: Vec<(&str, Vec<Decimal>)> = Vec::new();
    for (at, line) in request.items.iter().enumerate() {
        if line.currency.unwrap_or(Currency::ILS) != currency {
            return Err(rules::mixed_currencies(at));
        }
        let (unit, total) = (line.unit_price.map(|unit| unit.0), line.total.map(|total| total.0));
        let sum = rules::line_total(at, line.quantity.0, unit, total)?;
        match lines.iter_mut().find(|(vendor, _)| *vendor == line.vendor) {
            Some((_, sums)) => sums.push(sum),
            None => lines.push((&line.vendor, vec![sum])),
        }
    }
    let share = |(vendor, sums): (&str, Vec<Decimal>)| {
        let net = rules::total_of(sums.iter().copied().map(Ok))?;
        let bare = Money { amount: net, currency: currency.to_core() };
        Ok(Share {
            vendor: vendor.to_owned(),
            net,
            sum: if adds_vat { charging::gross(bare, rate) } else { Some(bare) },
            may_be: charging::sums_of(&sums, adds_vat, rate),
        })
    };
    lines.into_iter().map(share).collect()
}
