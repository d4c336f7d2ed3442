//! The rows that everybody charges, and the request that a row becomes.
//!
//! Every row has an order, a customer and a card of its own, so nobody gains by knowing one already.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::failure::{Failure, While};

/// The organisation that charges.
pub(crate) const COMPANY: u64 = 2_410_000_001;
/// Its key: any text, for a provider that is played on this machine.
pub(crate) const API_KEY: &str = "bench-key-0001";
/// Where a charge goes.
pub(crate) const PATH: &str = "/billing/payments/charge/";

const HEADER: &str = "order_id,customer,email,token,exp_month,exp_year,item,amount";

/// The hub's script for such a row.
pub(crate) const SCRIPT: &str = r#"// Charges each row's card.
fn on_row(row) {
    officeguy::charge("marketplace", row.order_id, #{
        Customer: #{ Name: row.customer, EmailAddress: row.email, SearchMode: "Automatic" },
        PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: int(row.exp_month),
                          CreditCard_ExpirationYear: int(row.exp_year), Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: row.item }, Quantity: 1, UnitPrice: decimal(row.amount) } ],
        VATIncluded: true,
        SendDocumentByEmail: true,
    })
}
"#;

/// Writes a file of `rows` good rows. `from` is the number of the first, so that two files have no row in common.
pub(crate) fn write_file(path: &Path, from: usize, rows: usize) -> Result<(), Failure> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "{HEADER}")?;
        for number in from..from + rows {
            // Amounts from 10.00 to 509.99.
            let (shekels, agorot) = (10 + number % 500, number % 100);
            writeln!(
                file,
                "order-{number},Customer {number},c{number}@example.test,tok-{number},12,2030,Blue bowl,\
                 {shekels}.{agorot:02}"
            )?;
        }
        file.flush()
    };
    write().or_fail(&format!("write {}", path.display()))
}

/// One row as the bare client reads it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Row {
    pub(crate) order_id: String,
    customer: String,
    email: String,
    token: String,
    exp_month: u32,
    exp_year: u32,
    item: String,
    amount: String,
}

impl Row {
    /// The same bytes as the hub sends for the row, but for the order of fields. No cell of these rows needs escaping.
    pub(crate) fn request(&self) -> String {
        let Self { order_id, customer, email, token, exp_month, exp_year, item, amount } = self;
        let mut text = String::with_capacity(640);
        // Writing to a string cannot fail.
        let _always = write!(
            text,
            r#"{{"Credentials":{{"CompanyID":{COMPANY},"APIKey":"{API_KEY}"}},"Customer":{{"Name":"{customer}","EmailAddress":"{email}","SearchMode":"Automatic"}},"PaymentMethod":{{"CreditCard_Token":"{token}","CreditCard_ExpirationMonth":{exp_month},"CreditCard_ExpirationYear":{exp_year},"Type":"CreditCard"}},"Items":[{{"Item":{{"Name":"{item}"}},"Quantity":1,"UnitPrice":{amount}}}],"VATIncluded":true,"SendDocumentByEmail":true,"DocumentDescription":"{order_id}"}}"#
        );
        text
    }
}
