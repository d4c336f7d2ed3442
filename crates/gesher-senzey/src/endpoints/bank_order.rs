//! `/extapi/bank_order/add.php`: a standing order. Field by field as the provider's own page has it.

use super::shared::{ClientFields, Day, Digits, GatewayData, day, digits, filled, gateway};
use super::words::{DocumentLanguage, ForeignCurrency, Period, TransferType, VatType};
use gesher_core::money::{Amount, Quantity};
use gesher_provider::endpoint::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The endpoint.
pub struct BankOrder;

impl Endpoint for BankOrder {
    const PATH: &'static str = "/extapi/bank_order/add.php";
    type Request = BankOrderRequest;
    type Answer = BankOrderAnswer;
}

/// A standing order.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BankOrderRequest {
    /// The client's number in Senzey. Needed where `client_name` and `client_email` are not given, and for a card on
    /// file.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub senzey_client_id: Option<Digits>,
    /// The client's name. Needed for a new client.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The client's e-mail address. Needed for a new client.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_email: Option<String>,
    /// The client's identity number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_idn: Option<String>,
    /// The client's number as a registered dealer.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_business_idn: Option<String>,
    /// Street and house.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// A telephone number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_phone: Option<String>,
    /// The city.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub client_city: Option<String>,
    /// The language of the client's documents; Hebrew unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_lang: Option<DocumentLanguage>,
    /// The client's birthday.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub client_birthday: Option<Day>,
    /// Fields of the account's own: a list of texts (`client_fields[]`), or a map from the field's id to its text
    /// (`client_fields[17]`). The provider's page does not say which it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_fields: Option<ClientFields>,
    /// The currency, where it is not the shekel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<ForeignCurrency>,
    /// The day of the first payment; not in the past.
    pub start_date: Day,
    /// How often it pays.
    pub transfer_period: Period,
    /// How many payments; without it, presumably without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_of_transfers: Option<i64>,
    /// What each payment comes to. Whether VAT is in it the provider's page does not say.
    pub transfer_amount: Amount,
    /// What the first payment comes to, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_transfer_amount: Option<Amount>,
    /// True for a billing record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_billing: Option<bool>,
    /// True for a deal invoice, which is a request for payment and no tax document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_deal_invoice: Option<bool>,
    /// True for a tax invoice with receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_tax_invoice_receipt: Option<bool>,
    /// The kind of income, by its number in the account.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub invoice_type: Option<Digits>,
    /// Whether VAT is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_type: Option<VatType>,
    /// Notes on the document.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub doc_comments: Option<String>,
    /// What is paid for: one product. It has no price; the amount is `transfer_amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// What it is paid with. Needed unless `use_creditcard_onfile` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_type: Option<TransferType>,
    /// The clearing company, such as `yaad` or `zcredit`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub transaction_company: Option<String>,
    /// Everything that the clearing company answered: its text as it came, or a map of its fields.
    #[serde(default, deserialize_with = "gateway", skip_serializing_if = "Option::is_none")]
    pub credit_card_payment: Option<GatewayData>,
    /// True to charge the card that is saved in the client's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_creditcard_onfile: Option<bool>,
    /// The means of payment, where it is neither a clearing company's nor on file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_details: Option<PaymentDetails>,
    /// The project that the order belongs to. The client's billing settings in it are set from the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_to_project: Option<Project>,
}

/// What a standing order pays for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The product's name.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its stock keeping number.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A discount in percent. How it changes the payment is not said; best left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Quantity>,
    /// How many; 1 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// More words about it.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
}

/// A means of payment: whose account or card, and into which account of the business.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentDetails {
    /// The card's name, as in `Visa`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub credit_card_name: Option<String>,
    /// The card's last four digits.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub last_4_digits: Option<Digits>,
    /// Whose card or account it is.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub card_owner_name: Option<String>,
    /// The payer's branch. Needed for a bank debit.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub account_branch: Option<Digits>,
    /// The payer's account. Needed for a bank debit.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub account_num: Option<Digits>,
    /// The number that the payer's bank has inside Senzey. A bank debit needs it or `bank_code`.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub bank_id: Option<Digits>,
    /// The payer's bank by its code at the Bank of Israel, as in 12.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub bank_code: Option<Digits>,
    /// The name of the payer's bank.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub bank_name: Option<String>,
    /// The number that the business's own, receiving account has inside Senzey.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub business_bank_id: Option<Digits>,
    /// The receiving branch.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub to_account_branch: Option<Digits>,
    /// The receiving account.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub to_account_num: Option<Digits>,
    /// The number that the receiving bank has inside Senzey.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub to_bank_id: Option<Digits>,
    /// The receiving bank by its code at the Bank of Israel.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub to_bank_code: Option<Digits>,
    /// The name of the receiving bank.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub to_bank_name: Option<String>,
}

/// The project that a standing order belongs to.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The project's number.
    #[serde(default, deserialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Digits>,
    /// A description.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many days before the end a reminder is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder_before_days: Option<i64>,
    /// Notes on the payment.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub payment_notes: Option<String>,
    /// Other notes.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub comments: Option<String>,
}

/// The standing order that was made.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct BankOrderAnswer {
    /// Its number.
    pub bank_order_num: i64,
    /// The number of the document, where one was made.
    pub doc_num: Option<i64>,
    /// The client's number in Senzey.
    pub client_id: Option<i64>,
}
