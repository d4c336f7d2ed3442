//! The provider's enums: their names and numbers, once.
//!
//! A request may say the name (as written here), the number or the number in digits; the wire gets the number, since
//! the label form of the provider's own documents is refused by its server. Case counts: a slip is answered with the
//! nearest name before anything is sent.

use gesher_core::check::ENUM_KEYWORD;
use serde_json::{Map, Value};

/// What every enum of the provider can do.
pub trait WireEnum: Copy + 'static {
    /// Names and numbers, in the provider's order.
    const TABLE: &'static [(&'static str, i64, Self)];

    /// The number on the wire.
    fn number(self) -> i64;

    /// The value of a number.
    fn of_number(number: i64) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == number).map(|row| row.2)
    }

    /// The value of a name, as written or in another case.
    fn of_name(name: &str, any_case: bool) -> Option<Self> {
        let same = |known: &str| known == name || any_case && known.eq_ignore_ascii_case(name);
        Self::TABLE.iter().find(|row| same(row.0)).map(|row| row.2)
    }
}

/// The value that a request's JSON says, or a message about it.
fn read<E: WireEnum>(value: &Value) -> Result<E, String> {
    let found = match value {
        Value::Number(number) => number.as_i64().and_then(E::of_number),
        Value::String(text) => E::of_name(text, false).or_else(|| text.parse().ok().and_then(E::of_number)),
        _ => None,
    };
    found.ok_or_else(|| format!("{value} is none of its names and numbers"))
}

fn table_schema<E: WireEnum>() -> schemars::Schema {
    let names = E::TABLE.iter().map(|row| (row.0.to_owned(), Value::from(row.1)));
    let mut schema = Map::new();
    schema.insert(ENUM_KEYWORD.to_owned(), Value::Object(names.collect()));
    schemars::Schema::from(schema)
}

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($variant), "`, ", stringify!($number), " on the wire.")] $variant),+
        }

        impl WireEnum for $name {
            const TABLE: &'static [(&'static str, i64, Self)] =
                &[$((stringify!($variant), $number, Self::$variant)),+];

            fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $number),+
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.number())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                table_schema::<Self>()
            }
        }
    };
}

wire_enum! {
    /// How a customer is looked for among those that exist. Without it each call makes a new customer.
    CustomerSearch { Automatic = 0, None = 1, ExternalIdentifier = 2, Name = 3, CompanyNumber = 4, Phone = 5, EmailAddress = 6 }
}
wire_enum! {
    /// How an item is looked for among those that exist.
    ItemSearch { Automatic = 0, None = 1, ExternalIdentifier = 2, Name = 3, SKU = 4, Description = 5 }
}
wire_enum! {
    /// What a payment is made with.
    PaymentMethodType { Other = 0, CreditCard = 1, DirectDebit = 2 }
}
wire_enum! {
    /// The kinds of documents.
    DocumentType {
        Invoice = 0, InvoiceAndReceipt = 1, Receipt = 2, ProformaInvoice = 3, DonationReceipt = 4, CreditInvoice = 5,
        CreditInvoiceAndReceipt = 6, CreditReceipt = 7, Order = 8, DeliveryNote = 9, GoodsReturnNote = 10,
        PurchasingOrder = 11, PriceQuotation = 12, PaymentRequest = 13, CreditDonationReceipt = 14,
        ExpenseInvoiceReceipt = 15, ExpenseInvoice = 16, ExpenseReceipt = 17, ExpenseRequest = 18,
        CreditExpenseInvoiceReceipt = 19, CreditExpenseInvoice = 20, CreditExpenseReceipt = 21, SupplierPayment = 22,
    }
}
wire_enum! {
    /// The language of a document or a mail.
    DocumentLanguage { Hebrew = 0, English = 1, Arabic = 2, Spanish = 3 }
}
wire_enum! {
    /// How a document was paid.
    DocumentPaymentType {
        Automatic = 0, General = 1, Cash = 2, BankTransfer = 3, Cheque = 4, CreditCard = 5, Digital = 6,
        TaxWithholding = 7, Other = 8,
    }
}
wire_enum! {
    /// The legal form of an organisation.
    CompanyType {
        CompanyWithVAT = 0, VATExemptDealer = 1, LicensedDealer = 2, Fellowship = 3, Partnership = 4,
        CommunityInterestCompany = 5, Cooperative = 6, HouseCommittee = 7, ElectionGroup = 8, Party = 9,
        SelfEmployed = 10, PublicTrust = 11,
    }
}
wire_enum! {
    /// The modules that a new organisation gets.
    Application {
        CreditCard = 0, DirectDebit = 1, RecurringBilling = 2, PurchasePages = 3, CRM = 4, EmailSubscriptions = 5,
        SMS = 6, Accounting = 7, Expenses = 8, Cheques = 9, PayPal = 10, TaskManagement = 11, TimeClock = 12,
        TimeRecorder = 13, BusinessCard = 14, Calendar = 16, Fax = 17, AccountingHashExport = 18,
    }
}
wire_enum! {
    /// The price plan of a new organisation, by the month or by the year.
    BizPackage { P1 = 2, P1Yearly = 8 }
}
wire_enum! {
    /// The fee plan of a clearing terminal.
    UpayProgram { OFFICEGUYNEW10 = 1, UPAYTRANSACTION = 2, OFFICEGUYNEWMONTHLY10 = 3, OFFICEGUYMONTHLYNEW10 = 4 }
}
wire_enum! {
    /// The documents from which a debt is reckoned.
    DebtSource {
        TaxInvoice = 1, ProformaInvoice = 2, PaymentRequest = 3, Receipt = 4, ProformaInvoicePaymentRequest = 5,
        ProformaInvoicePaymentRequestTaxInvoice = 6,
    }
}
wire_enum! {
    /// The main table of currencies. Below 32 the numbers are the provider's own.
    Currency {
        ILS = 0, USD = 1, EUR = 2, CAD = 3, CHF = 4, GBP = 5, AUD = 6, JPY = 8, SEK = 9, NOK = 10, DKK = 11,
        ZAR = 12, JOD = 13, LBP = 14, EGP = 15, ARS = 32, BSD = 44, BHD = 48, BDT = 50, AMD = 51, BBD = 52,
        BMD = 60, BTN = 64, BOB = 68, BWP = 72, BZD = 84, SBD = 90, BND = 96, MMK = 104, BIF = 108,
        KHR = 116, CVE = 132, KYD = 136, LKR = 144, CLP = 152, CNY = 156, COP = 170, KMF = 174, CRC = 188,
        HRK = 191, CUP = 192, CZK = 203, DOP = 214, SVC = 222, ETB = 230, ERN = 232, FKP = 238, FJD = 242,
        DJF = 262, GMD = 270, GIP = 292, GTQ = 320, GNF = 324, GYD = 328, HTG = 332, HNL = 340, HKD = 344,
        HUF = 348, ISK = 352, INR = 356, IDR = 360, IRR = 364, IQD = 368, JMD = 388, KZT = 398, KES = 404,
        KPW = 408, KRW = 410, KWD = 414, KGS = 417, LAK = 418, LSL = 426, LRD = 430, LYD = 434, MOP = 446,
        MWK = 454, MYR = 458, MVR = 462, MUR = 480, MXN = 484, MNT = 496, MDL = 498, MAD = 504, OMR = 512,
        NAD = 516, NPR = 524, ANG = 532, AWG = 533, VUV = 548, NZD = 554, NIO = 558, NGN = 566, PKR = 586,
        PAB = 590, PGK = 598, PYG = 600, PEN = 604, PHP = 608, QAR = 634, RUB = 643, RWF = 646, SHP = 654,
        SAR = 682, SCR = 690, SLL = 694, SGD = 702, VND = 704, SOS = 706, SZL = 748, SYP = 760, THB = 764,
        TOP = 776, TTD = 780, AED = 784, TND = 788, UGX = 800, MKD = 807, TZS = 834, UYU = 858, UZS = 860,
        WST = 882, YER = 886, TWD = 901, CUC = 931, ZWL = 932, BYN = 933, TMT = 934, GHS = 936, SDG = 938,
        RSD = 941, MZN = 943, AZN = 944, RON = 946, TRY = 949, XAF = 950, XCD = 951, XOF = 952, XPF = 953,
        XAU = 959, XDR = 960, XAG = 961, ZMW = 967, SRD = 968, MGA = 969, AFN = 971, TJS = 972, AOA = 973,
        BGN = 975, CDF = 976, BAM = 977, UAH = 980, GEL = 981, PLN = 985, BRL = 986, CLF = 990,
    }
}

/// Whether the provider knows that currency, so that a call can be in it.
#[must_use]
pub fn moves(currency: gesher_core::Currency) -> bool {
    Currency::TABLE.iter().any(|row| row.0 == currency.as_str())
}

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn letters(self) -> &'static str {
        Self::TABLE.iter().find(|row| row.2 == self).map_or("", |row| row.0)
    }

    /// The same in the hub's words. Every name of the table is three capital letters.
    #[must_use]
    pub fn to_core(self) -> gesher_core::Currency {
        self.letters().parse().unwrap_or(gesher_core::Currency::ILS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(said: Value, want: Option<CustomerSearch>) {
        assert_eq!(serde_json::from_value::<CustomerSearch>(said.clone()).ok(), want, "{said}");
    }

    #[test]
    fn a_name_a_number_and_digits_are_the_same() {
        check(json!("ExternalIdentifier"), Some(CustomerSearch::ExternalIdentifier));
        check(json!(2), Some(CustomerSearch::ExternalIdentifier));
        check(json!("2"), Some(CustomerSearch::ExternalIdentifier));
        check(json!("externalidentifier"), None);
        check(json!("ExternalIdentifier (2)"), None);
        check(json!(7), None);
        check(json!(null), None);
        check(json!(true), None);
    }

    #[test]
    fn the_wire_gets_numbers() {
        assert_eq!(serde_json::to_string(&[Currency::ILS, Currency::BRL]).unwrap(), "[0,986]");
    }

    #[test]
    fn every_currency_has_three_letters_and_a_number_of_its_own() {
        let mut numbers: Vec<i64> = Currency::TABLE.iter().map(|row| row.1).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!((Currency::TABLE.len(), numbers.len()), (155, 155));
        for (letters, number, currency) in Currency::TABLE {
            assert_eq!(currency.to_core().as_str(), *letters);
            assert!(moves(currency.to_core()));
            assert_eq!(Currency::of_number(*number), Some(*currency));
        }
        assert!(!moves("XQZ".parse().unwrap()));
    }
}
