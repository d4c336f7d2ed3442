//! What a row costs in the script alone: twenty lines, three items and one operation that does nothing.
//!
//! `cargo bench -p gesher-script` prints a table. It is a measurement, not a test.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[allow(dead_code)]
#[path = "../src/testing.rs"]
mod testing;

use gesher_core::{Clock, SystemClock};
use gesher_engine::{Input, ProgramEnd};
use gesher_script::{CompileOptions, Host, RhaiProgram, compile};
use std::sync::Arc;

/// Rows of one round.
const ROWS: u32 = 20_000;
/// The best of so many rounds counts.
const ROUNDS: u32 = 5;

const TWENTY_LINES: &str = r#"
const CURRENCY = "ILS";
fn on_row(row) {
    let amount = decimal(row.amount);
    let shipping = if amount < 200.0 { 29.90 } else { 0.0 };
    let discount = (amount * 0.05).round(2);
    let total = amount + shipping - discount;
    let name = row.customer.to_upper();
    let items = [
        #{ Item: #{ Name: row.item }, Quantity: 1, UnitPrice: amount },
        #{ Item: #{ Name: "Shipping" }, Quantity: 1, UnitPrice: shipping },
        #{ Item: #{ Name: "Discount" }, Quantity: 1, UnitPrice: -discount },
    ];
    let answer = officeguy::charge(row.vendor, `order-${row.order_id}`, #{
        Customer: #{ Name: name, EmailAddress: row.email, SearchMode: "Automatic" },
        PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: int(row.exp_month),
                          CreditCard_ExpirationYear: int(row.exp_year), Type: "CreditCard" },
        Items: items, VATIncluded: true, DocumentDescription: `${total} ${global::CURRENCY}`,
    });
    answer.status
}
"#;

const NOTHING: &str = "fn on_row(row) { }";

fn program(script: &str) -> Arc<RhaiProgram> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("row.rhai");
    std::fs::write(&file, script).unwrap();
    compile(folder.path(), &file, &testing::registry(), &CompileOptions::default()).unwrap()
}

fn input() -> Input {
    Input::Row(testing::row(&[
        ("vendor", "dana"),
        ("order_id", "1007"),
        ("customer", "Dana Cohen"),
        ("email", "dana@example.test"),
        ("token", "tok-1007"),
        ("exp_month", "12"),
        ("exp_year", "2030"),
        ("item", "Blue bowl"),
        ("amount", "118.00"),
    ]))
}

/// A world that does nothing, shared by all rows of a thread.
struct Nowhere(Arc<testing::Recorder>);

impl Host for Nowhere {
    fn call(
        &self,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: serde_json::Value,
    ) -> Result<gesher_engine::Answer, gesher_engine::CallEnd> {
        Ok(testing::succeeded())
    }
    fn now(&self) -> Result<jiff::Timestamp, gesher_engine::CallEnd> {
        self.0.now()
    }
    fn is_dead(&self) -> bool {
        self.0.is_dead()
    }
    fn monotonic(&self) -> std::time::Duration {
        self.0.monotonic()
    }
    fn time_zone(&self) -> &jiff::tz::TimeZone {
        self.0.time_zone()
    }
    fn language(&self) -> gesher_core::Language {
        self.0.language()
    }
    fn redact<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        self.0.redact(text)
    }
    fn log(&self, _: gesher_script::Level, _: &str) {}
}

/// Nanoseconds that this thread has had a processor, which others cannot lengthen. Linux only; else none.
fn processor_time() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The rows of one thread, and their processor time.
fn rows(program: &RhaiProgram) -> Option<u64> {
    let before = processor_time();
    let host: Arc<Nowhere> = Arc::new(Nowhere(testing::all_succeeds()));
    let input = input();
    for _ in 0..ROWS {
        let end = program.run_with(Arc::<Nowhere>::clone(&host), input.clone());
        assert!(matches!(end, ProgramEnd::Returned(_)), "{end:?}");
    }
    Some(processor_time()? - before?)
}

/// Nanoseconds of processor time a row, and rows a second over all threads; the best round of each.
fn measure(script: &str, threads: u32) -> (u64, u128) {
    let program = program(script);
    let clock = SystemClock::new();
    let (mut best_cost, mut best_time) = (u64::MAX, u128::MAX);
    for _ in 0..ROUNDS {
        let before = clock.monotonic();
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let program = Arc::clone(&program);
                std::thread::Builder::new().stack_size(16 << 20).spawn(move || rows(&program)).unwrap()
            })
            .collect();
        let spent: u64 = running.into_iter().filter_map(|thread| thread.join().unwrap()).sum();
        best_cost = best_cost.min(spent / u64::from(ROWS * threads));
        best_time = best_time.min((clock.monotonic() - before).as_nanos());
    }
    (best_cost, u128::from(ROWS * threads) * 1_000_000_000 / best_time)
}

fn main() {
    println!("{:<26} {:>7} {:>15} {:>10}", "script", "threads", "CPU ns per row", "rows/s");
    for (name, script) in [("20 lines, one operation", TWENTY_LINES), ("nothing", NOTHING)] {
        for threads in [1, 2] {
            let (nanoseconds, per_second) = measure(script, threads);
            println!("{name:<26} {threads:>7} {nanoseconds:>15} {per_second:>10}");
        }
    }
}
