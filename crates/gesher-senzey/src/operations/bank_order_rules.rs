//! When a standing order can be sent: the conditional fields of the provider's page, each rule in plain words.
//!
//! Where the page is silent the rule here is the careful one, and says so beside it.

use crate::endpoints::bank_order::{BankOrderRequest, Item, PaymentDetails};
use crate::endpoints::shared::Digits;
use crate::endpoints::words::TransferType;
use crate::rules::{self, has, has_digits, missing, refuse};
use gesher_core::Rejection;
use gesher_core::money::Quantity;
use rust_decimal::Decimal;
use serde_json::Value;

/// Digits of a bank's code. Codes of three are being introduced.
const BANK_CODE_DIGITS_MAX: usize = 3;
/// Digits of a branch.
const BRANCH_DIGITS_MAX: usize = 3;
/// Digits of an account; so many as its IBAN has.
const ACCOUNT_DIGITS_MAX: usize = 13;

/// Every rule, in the order of the page.
pub(super) fn check(request: &BankOrderRequest) -> Result<(), Rejection> {
    rules::no_card_data(request)?;
    client(request)?;
    schedule(request)?;
    item(request.item.as_ref())?;
    means(request)?;
    let bank = request.transfer_type == Some(TransferType::Bank);
    if bank {
        bank_debit(request)?;
    }
    request.payment_details.as_ref().map_or(Ok(()), numbers)
}

fn is_on_file(request: &BankOrderRequest) -> bool {
    request.use_creditcard_onfile == Some(true)
}

/// Rules 1 and 2: whom it concerns.
fn client(request: &BankOrderRequest) -> Result<(), Rejection> {
    let has_id = has_digits(request.senzey_client_id.as_ref());
    if !has_id && !has(request.client_name.as_ref()) {
        return Err(missing(
            "client_name",
            "ללא senzey_client_id דרושים client_name וגם client_email",
            "without senzey_client_id both client_name and client_email are needed",
        ));
    }
    if !has_id && !has(request.client_email.as_ref()) {
        return Err(missing(
            "client_email",
            "ללא senzey_client_id דרושים client_name וגם client_email",
            "without senzey_client_id both client_name and client_email are needed",
        ));
    }
    if is_on_file(request) && !has_id {
        return Err(missing(
            "senzey_client_id",
            "use_creditcard_onfile מחייב כרטיס ששמור אצל לקוח קיים, ולכן דרוש מספר הלקוח ב־Senzey",
            "use_creditcard_onfile charges a card that is saved with an existing client, so the client's number in Senzey is needed",
        ));
    }
    rules::email("client_email", request.client_email.as_ref())?;
    rules::day("client_birthday", request.client_birthday.as_ref())
}

/// Rule 3: when, how often, how much.
fn schedule(request: &BankOrderRequest) -> Result<(), Rejection> {
    rules::day("start_date", Some(&request.start_date))?;
    rules::above_zero("transfer_amount", Some(&request.transfer_amount))?;
    rules::above_zero("first_transfer_amount", request.first_transfer_amount.as_ref())?;
    rules::at_least_one("num_of_transfers", request.num_of_transfers)?;
    let reminder = request.connect_to_project.as_ref().and_then(|project| project.reminder_before_days);
    if reminder.is_some_and(|days| days < 0) {
        return Err(refuse(
            "bad_count",
            "connect_to_project.reminder_before_days: מספר הימים אינו יכול להיות שלילי",
            "connect_to_project.reminder_before_days: it cannot be below zero",
        ));
    }
    Ok(())
}

fn item(item: Option<&Item>) -> Result<(), Rejection> {
    let Some(item) = item else { return Ok(()) };
    rules::quantity("item.quantity", item.quantity.as_ref())?;
    match item.discount {
        Some(Quantity(discount)) if !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&discount) => {
            Err(refuse(
                "bad_discount",
                "item.discount: הנחה נכתבת באחוזים, מ־0 עד 100",
                "item.discount: a discount is in percent, 0 to 100",
            ))
        }
        _ => Ok(()),
    }
}

/// Rules 4, 5, 6 and 10: what it is paid with.
fn means(request: &BankOrderRequest) -> Result<(), Rejection> {
    let on_file = is_on_file(request);
    if !on_file && request.transfer_type.is_none() {
        return Err(missing(
            "transfer_type",
            "כאשר use_creditcard_onfile אינו true יש לציין credit_card, bank או other",
            "where use_creditcard_onfile is not true, say credit_card, bank or other",
        ));
    }
    // The page says nothing of the two together. Somebody would be debited in a way that nobody can foresee.
    let bank = request.transfer_type == Some(TransferType::Bank);
    if bank && (on_file || request.credit_card_payment.is_some()) {
        return Err(refuse(
            "two_payment_methods",
            "transfer_type: חיוב חשבון בנק אינו הולך יחד עם כרטיס (credit_card_payment או use_creditcard_onfile); יש למסור אמצעי תשלום אחד",
            "transfer_type: a bank debit does not go with a card (credit_card_payment or use_creditcard_onfile); give one means of payment",
        ));
    }
    if on_file {
        return Ok(());
    }
    rules::gateway_data(request.transaction_company.as_ref(), request.credit_card_payment.as_ref())?;
    if request.credit_card_payment.is_none() && !has_details(request.payment_details.as_ref()) {
        return Err(missing(
            "payment_details",
            "ללא credit_card_payment וללא use_creditcard_onfile דרוש לפחות פרט אחד של אמצעי התשלום, למשל card_owner_name",
            "without credit_card_payment and use_creditcard_onfile at least one detail of the means of payment is needed, such as card_owner_name",
        ));
    }
    Ok(())
}

/// Whether anything at all is said in them.
fn has_details(details: Option<&PaymentDetails>) -> bool {
    let fields = details.and_then(|details| serde_json::to_value(details).ok()).unwrap_or_default();
    let says = |value: &Value| value.as_str().is_some_and(|text| text != "0");
    fields.as_object().is_some_and(|fields| fields.values().any(says))
}

/// Rules 7 and 8: whose account is debited, and into which of the business's own. Shekels only: the clearing house of the
/// banks knows no other currency.
fn bank_debit(request: &BankOrderRequest) -> Result<(), Rejection> {
    if let Some(currency) = request.currency {
        return Err(refuse(
            "bank_in_shekels",
            format!(
                "currency: חיוב חשבון בנק נעשה בשקלים בלבד, לא ב־{}; יש להשמיט את currency",
                currency.as_str()
            ),
            format!(
                "currency: bank accounts are debited in shekels only, not in {}; leave currency out",
                currency.as_str()
            ),
        ));
    }
    let nothing = PaymentDetails::default();
    let details = request.payment_details.as_ref().unwrap_or(&nothing);
    let payer = [
        ("account_branch", has_digits(details.account_branch.as_ref())),
        ("account_num", has_digits(details.account_num.as_ref())),
        ("bank_code", has_digits(details.bank_code.as_ref()) || has_digits(details.bank_id.as_ref())),
    ];
    if let Some((name, _)) = payer.iter().find(|(_, there)| !there) {
        return Err(missing(
            &format!("payment_details.{name}"),
            "לחיוב חשבון בנק דרושים סניף, מספר חשבון, ו־bank_code או bank_id של המשלם; אפס נחשב ריק, וסניף שכולו אפסים נכתב \"000\"",
            "a bank debit needs the payer's branch, account, and bank_code or bank_id; a zero counts as nothing, and a branch of zeros is written \"000\"",
        ));
    }
    let receiver = [
        ("to_account_branch", has_digits(details.to_account_branch.as_ref())),
        ("to_account_num", has_digits(details.to_account_num.as_ref())),
        (
            "to_bank_code",
            has_digits(details.to_bank_code.as_ref()) || has_digits(details.to_bank_id.as_ref()),
        ),
    ];
    let gap = receiver.iter().find(|(_, there)| !there);
    match gap {
        Some((name, _)) if !has_digits(details.business_bank_id.as_ref()) => Err(missing(
            &format!("payment_details.{name}"),
            "לחיוב חשבון בנק דרוש החשבון המזוכה של העסק: business_bank_id, או to_account_branch, to_account_num, ו־to_bank_code או to_bank_id",
            "a bank debit needs the business's receiving account: business_bank_id, or to_account_branch, to_account_num, and to_bank_code or to_bank_id",
        )),
        _ => Ok(()),
    }
}

/// The lengths of what is given. Whether an account can exist is not checked here.
fn numbers(details: &PaymentDetails) -> Result<(), Rejection> {
    let lengths: [(&str, &Option<Digits>, usize, usize); 7] = [
        ("last_4_digits", &details.last_4_digits, 4, 4),
        ("account_branch", &details.account_branch, 1, BRANCH_DIGITS_MAX),
        ("account_num", &details.account_num, 1, ACCOUNT_DIGITS_MAX),
        ("bank_code", &details.bank_code, 1, BANK_CODE_DIGITS_MAX),
        ("to_account_branch", &details.to_account_branch, 1, BRANCH_DIGITS_MAX),
        ("to_account_num", &details.to_account_num, 1, ACCOUNT_DIGITS_MAX),
        ("to_bank_code", &details.to_bank_code, 1, BANK_CODE_DIGITS_MAX),
    ];
    lengths.iter().try_for_each(|(name, digits, least, most)| {
        rules::length(&format!("payment_details.{name}"), digits.as_ref(), *least, *most)
    })
}
