//! Plays the rates of currencies and the check of bank accounts. All figures are made up.

use super::wire::refuse;
use super::world::World;
use super::{required, said, serve};
use crate::endpoints::general::{
    GetExchangeRate, GetExchangeRateAnswer, VerifyBankAccount, VerifyBankAccountAnswer,
};
use crate::endpoints::shared::Double;
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use rust_decimal::Decimal;

/// What one of each currency is worth in shekels, in agorot.
const SHEKELS: &[(&str, i64)] = &[("ILS", 100), ("USD", 370), ("EUR", 400), ("GBP", 470)];
/// Banks whose accounts can be checked.
const BANKS: &[i64] = &[4, 9, 10, 11, 12, 13, 14, 17, 20, 31, 34, 46, 52, 54];
/// The branch that no bank has.
const NO_BRANCH: i64 = 999;

impl Simulated for GetExchangeRate {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                body.date("Date")?;
                Ok((body.text("Currency_From")?, body.text("Currency_To")?))
            },
            |_, _, (from, to)| {
                required(
                    call,
                    &[("Currency_From", said(from.as_ref())), ("Currency_To", said(to.as_ref()))],
                )?;
                let worth = |letters: Option<String>| {
                    SHEKELS
                        .iter()
                        .find(|row| Some(row.0) == letters.as_deref())
                        .map(|row| Decimal::from(row.1))
                };
                match (worth(from), worth(to)) {
                    (Some(from), Some(to)) => {
                        let rate = from.checked_div(to).unwrap_or_default().round_dp(4);
                        Ok(GetExchangeRateAnswer { rate: Double(rate) })
                    }
                    // The text was never recorded: ours.
                    _ => refuse("Exchange rate not found"),
                }
            },
        )
    }
}

impl Simulated for VerifyBankAccount {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                let numbers = (
                    body.plain_int("BankCode")?,
                    body.plain_int("BranchCode")?,
                    body.plain_int("AccountNumber")?,
                );
                Ok((numbers, body.truth("VerifyBranchNumber")?, body.truth("VerifyLimitedAccount")?))
            },
            |_, _, ((bank, branch, account), of_branch, of_limits)| {
                required(
                    call,
                    &[("BankCode", bank > 0), ("BranchCode", branch > 0), ("AccountNumber", account > 0)],
                )?;
                // Rules of this simulation: short numbers are wrong, and those on 99 are limited.
                let known = BANKS.contains(&bank);
                Ok(VerifyBankAccountAnswer {
                    result: known.then_some(account > 9_999),
                    valid_branch: (known && of_branch).then_some(branch != NO_BRANCH),
                    is_limited_account: (known && of_limits).then_some(account % 100 == 99),
                })
            },
        )
    }
}
