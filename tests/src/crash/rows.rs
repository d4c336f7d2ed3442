//! The files of a case: what is dropped, and what each row is at a provider that does nothing wrong.

use std::fmt::Write;

/// The file with the rows.
pub const FILE: &str = "march.csv";
/// A file that is refused whole.
pub const REFUSED: &str = "a-refused.csv";
/// A file with one good row.
pub const ONE: &str = "one.csv";
/// The same bytes as [`ONE`].
pub const TWIN: &str = "twin.csv";
/// The same rows again, as other intentions: only keys of rows protect them.
pub const AGAIN: &str = "again.csv";

/// What a row comes to when nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The card is charged.
    Good,
    /// The issuer says no.
    Declined,
    /// The hub refuses it before the first call.
    Invalid,
}

/// The rows of every case: order and kind.
pub const ROWS: [(&str, Kind); 8] = [
    ("101", Kind::Good),
    ("102", Kind::Good),
    ("103", Kind::Declined),
    ("104", Kind::Good),
    ("105", Kind::Invalid),
    ("106", Kind::Good),
    ("107", Kind::Good),
    ("108", Kind::Good),
];

/// The orders whose charges meet the fault of a case.
pub const TARGETS: [&str; 2] = ["101", "104"];

/// What an order costs, as its cell says.
pub fn amount(order: &str) -> String {
    format!("{}.50", order.trim_start_matches('1').trim_start_matches('0'))
}

/// The row of [`ONE`].
pub const ONE_ROW: (&str, Kind) = ("109", Kind::Good);

/// Rows as a file. The operation's key is order and batch, and so is the customer; the row's key is the order alone.
pub fn csv(rows: &[(&str, Kind)], batch: &str) -> String {
    let mut text = String::from("order_id,name,token,amount,batch\r\n");
    for (order, kind) in rows.iter().copied() {
        let token = match kind {
            Kind::Declined => "test-card-004".to_owned(),
            Kind::Good | Kind::Invalid => format!("aaaaaaaa-bbbb-4ccc-8ddd-{order:0>12}"),
        };
        let amount = if kind == Kind::Invalid { "0.00".to_owned() } else { amount(order) };
        write!(text, "{order},Dana Levi,{token},{amount},{batch}\r\n").unwrap();
    }
    text
}

/// A file that lacks the columns which a row needs.
pub fn refused_csv() -> &'static str {
    "first,second\r\n1,2\r\n"
}

/// The flow's script.
pub const SCRIPT: &str = r#"// Charges each row.
fn on_row(row) {
    officeguy::charge("marketplace", row.order_id + "/" + row.batch, #{
        Customer: #{ ExternalIdentifier: row.order_id + row.batch, Name: row.name,
                     SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: "Order " + row.order_id }, Quantity: 1, UnitPrice: decimal(row.amount) } ],
        VATIncluded: true,
    })
}
"#;
