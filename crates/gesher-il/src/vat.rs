//! Value added tax: its rate by date, and what it makes of an amount.
//!
//! The rate is in percent, as OfficeGuy writes it (`18`, not `0.18`). Eilat, exports and exempt dealers have no tax: that
//! depends on the deal and not on the day, so it is for the caller to know.

use gesher_core::money::round_half_up;
use gesher_core::{Decimal, Money};
use jiff::civil::Date;

/// A rate and the day from which it held: year, month, day, rate in tenths of a percent.
const RATES: [(i16, i8, i8, i64); 11] = [
    (1993, 1, 1, 170),
    (2002, 6, 15, 180),
    (2004, 3, 1, 170),
    (2005, 9, 1, 165),
    (2006, 7, 1, 155),
    (2009, 7, 1, 165),
    (2010, 1, 1, 160),
    (2012, 9, 1, 170),
    (2013, 6, 2, 180),
    (2015, 10, 1, 170),
    (2025, 1, 1, 180),
];

/// The rate in percent on a day; none before 1993, where this table begins. For days to come it is the last rate that is
/// known.
#[must_use]
pub fn rate_on(date: Date) -> Option<Decimal> {
    let day = (date.year(), date.month(), date.day());
    let rate = RATES.iter().rev().find(|(year, month, first, _)| (*year, *month, *first) <= day);
    rate.map(|(_, _, _, tenths)| Decimal::new(*tenths, 1).normalize())
}

/// An amount split into net and tax. `net + vat == total`, to the agora.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VatParts {
    /// The rate in percent.
    pub rate: Decimal,
    /// Without the tax.
    pub net: Money,
    /// The tax.
    pub vat: Money,
    /// With it.
    pub total: Money,
}

/// Takes the tax at `rate` percent out of an amount that includes it. The net is rounded half away from zero and the tax
/// is the rest. None where the rate is below zero or the numbers are too large.
#[must_use]
pub fn included(total: Money, rate: Decimal) -> Option<VatParts> {
    let whole = factor(rate)?;
    let net = round_half_up(total.amount.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)?, 2);
    let vat = total.amount.checked_sub(net)?;
    Some(parts(rate, total, net, vat, total.amount))
}

/// Adds the tax at `rate` percent to an amount without it. The tax is rounded half away from zero. None as
/// [`included`].
#[must_use]
pub fn added(net: Money, rate: Decimal) -> Option<VatParts> {
    factor(rate)?;
    let vat = round_half_up(net.amount.checked_mul(rate)?.checked_div(Decimal::ONE_HUNDRED)?, 2);
    let total = net.amount.checked_add(vat)?;
    Some(parts(rate, net, net.amount, vat, total))
}

/// A hundred and the rate.
fn factor(rate: Decimal) -> Option<Decimal> {
    if rate.is_sign_negative() && !rate.is_zero() { None } else { rate.checked_add(Decimal::ONE_HUNDRED) }
}

fn parts(rate: Decimal, like: Money, net: Decimal, vat: Decimal, total: Decimal) -> VatParts {
    let of = |amount| Money { amount, currency: like.currency };
    VatParts { rate, net: of(net), vat: of(vat), total: of(total) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::Currency;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn shekels(agorot: i64) -> Money {
        Money { amount: Decimal::new(agorot, 2), currency: Currency::ILS }
    }

    #[test]
    fn the_rate_is_that_of_the_day() {
        for (day, want) in [
            (date(1992, 12, 31), None),
            (date(1993, 1, 1), Some("17")),
            (date(2002, 6, 14), Some("17")),
            (date(2002, 6, 15), Some("18")),
            (date(2005, 12, 31), Some("16.5")),
            (date(2008, 1, 1), Some("15.5")),
            (date(2013, 6, 1), Some("17")),
            (date(2013, 6, 2), Some("18")),
            (date(2015, 9, 30), Some("18")),
            (date(2015, 10, 1), Some("17")),
            (date(2024, 12, 31), Some("17")),
            (date(2025, 1, 1), Some("18")),
            (date(2026, 11, 22), Some("18")),
            (date(2100, 1, 1), Some("18")),
        ] {
            assert_eq!(rate_on(day).map(|rate| rate.to_string()).as_deref(), want, "{day}");
        }
    }

    #[test]
    fn the_tax_is_taken_out_or_added_to_the_agora() {
        for (total, net, vat) in
            [(11_800, 10_000, 1_800), (9_990, 8_466, 1_524), (1, 1, 0), (0, 0, 0), (-11_800, -10_000, -1_800)]
        {
            let parts = included(shekels(total), Decimal::from(18)).unwrap();
            assert_eq!((parts.net, parts.vat, parts.total), (shekels(net), shekels(vat), shekels(total)));
        }
        for (net, vat, total) in [(10_000, 1_800, 11_800), (8_466, 1_524, 9_990), (3, 1, 4), (-3, -1, -4)] {
            let parts = added(shekels(net), Decimal::from(18)).unwrap();
            assert_eq!((parts.net, parts.vat, parts.total), (shekels(net), shekels(vat), shekels(total)));
        }
        assert_eq!(included(shekels(100), Decimal::from(-18)), None);
        let endless = Money { amount: Decimal::MAX, currency: Currency::ILS };
        assert_eq!(added(endless, Decimal::from(18)), None);
        assert_eq!(included(endless, Decimal::from(18)), None);
    }

    proptest! {
        #[test]
        fn net_and_tax_are_the_total(agorot in -1_000_000_000_000_i64..1_000_000_000_000, tenths in 0_i64..300) {
            let rate = Decimal::new(tenths, 1);
            for parts in [included(shekels(agorot), rate).unwrap(), added(shekels(agorot), rate).unwrap()] {
                prop_assert_eq!(parts.net.amount + parts.vat.amount, parts.total.amount);
                prop_assert!(parts.vat.amount.normalize().scale() <= 2);
            }
        }

        #[test]
        fn adding_what_was_taken_out_comes_within_an_agora(agorot in 0_i64..1_000_000_000_000) {
            let out = included(shekels(agorot), Decimal::from(18)).unwrap();
            let back = added(out.net, Decimal::from(18)).unwrap();
            prop_assert!((back.total.amount - out.total.amount).abs() <= Decimal::new(1, 2));
        }
    }
}
