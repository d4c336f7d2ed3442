//! What a row costs in its script alone, with an operation that does nothing behind it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gesher_core::time::SystemClock;
use gesher_core::{Clock, Language, OutcomeStatus, Registry, Secret};
use gesher_engine::{Answer, CallEnd, Input, ProgramEnd, Row};
use gesher_officeguy::{OfficeGuy, OfficeGuyConfig, StampPlace};
use gesher_provider::BaseUrl;
use gesher_script::{CompileOptions, Host, Level, RhaiProgram, compile};
use jiff::tz::TimeZone;

use crate::failure::{Failure, While};
use crate::report::{Figure, Section};
use crate::rows;

/// What a row may cost, in microseconds.
const MICROS_MAX: f64 = 25.0;
/// Rows of one round, and rounds, of which the best counts: whatever disturbs makes it slower, nothing makes it
/// faster.
const ROWS: u32 = 20_000;
const ROUNDS: usize = 7;
/// The stack of a thread that runs scripts, as in the hub.
const STACK_BYTES: usize = 16 << 20;

/// Twenty lines that do what such scripts do: sums, a condition, texts, a list.
const TWENTY_LINES: &str = r#"// An order with shipping and a discount for members.
const SHIPPING = "29.90";
fn on_row(row) {
    let amount = decimal(row.amount);
    let total = amount;
    let items = [ #{ Item: #{ Name: row.item }, Quantity: 1, UnitPrice: amount } ];
    if amount < decimal("200.00") {
        let shipping = decimal(global::SHIPPING);
        items.push(#{ Item: #{ Name: "Shipping" }, Quantity: 1, UnitPrice: shipping });
        total += shipping;
    }
    let answer = officeguy::charge("marketplace", `order/${row.order_id}`, #{
        Customer: #{ Name: row.customer, EmailAddress: row.email, SearchMode: "Automatic" },
        PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: int(row.exp_month),
                          CreditCard_ExpirationYear: int(row.exp_year), Type: "CreditCard" },
        Items: items,
        VATIncluded: true,
        DocumentDescription: `Total ${total}`,
    });
    answer.status
}
"#;

/// A world in which every operation succeeds at once.
struct Nowhere {
    clock: SystemClock,
    zone: TimeZone,
}

impl Host for Nowhere {
    fn call(&self, _: &str, _: &str, _: Option<&str>, _: serde_json::Value) -> Result<Answer, CallEnd> {
        Ok(Answer {
            status: OutcomeStatus::Succeeded,
            reference: Some("90000001".to_owned()),
            document: Some("1001".to_owned()),
            code: Some("000".to_owned()),
            message: "approved".to_owned(),
            replayed: false,
            data: serde_json::json!({ "DocumentID": 60_000_001, "CustomerID": 80_000_001 }).into(),
        })
    }

    fn vendor(&self, _: &str) -> Result<serde_json::Value, CallEnd> {
        Ok(serde_json::Value::Null)
    }

    fn vendors(&self) -> Result<serde_json::Value, CallEnd> {
        Ok(serde_json::json!([]))
    }

    fn now(&self) -> Result<jiff::Timestamp, CallEnd> {
        Ok(self.clock.now())
    }

    fn is_dead(&self) -> bool {
        false
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    fn language(&self) -> Language {
        Language::En
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }

    fn log(&self, _: Level, _: &str) {}

    fn reads_result(&self) -> bool {
        false
    }
}

/// The section of scripts.
pub(crate) fn section(work: &Path) -> Result<Section, Failure> {
    let mut section = Section {
        title: "Script cost a row".into(),
        about: "Script alone, in this process: the row in, the request out, an operation that succeeds at once, the \
                answer in. Best of several rounds on one thread."
            .into(),
        figures: Vec::new(),
    };
    for (name, text, bar) in
        [("twenty lines, one operation", TWENTY_LINES, true), ("the bulk charge above", rows::SCRIPT, false)]
    {
        let program = program(work, text)?;
        let measuring =
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || best_micros(&program));
        let measuring = measuring.or_fail("start a thread for scripts")?;
        let micros = measuring.join().map_err(|_| Failure::new("a script panicked"))??;
        let mut figure = Figure::of(name, format!("{micros:.1} µs"));
        if bar {
            figure = figure.bar(format!("below {MICROS_MAX} µs"), micros < MICROS_MAX);
        }
        eprintln!("{}", figure.line());
        section.figures.push(figure);
    }
    Ok(section)
}

fn program(work: &Path, text: &str) -> Result<Arc<RhaiProgram>, Failure> {
    let file = work.join("row.rhai");
    std::fs::write(&file, text).or_fail("write a script")?;
    let provider = OfficeGuy::new(OfficeGuyConfig {
        base_url: BaseUrl::parse("http://127.0.0.1:9").or_fail("read an address")?,
        company_id: 1,
        api_key: Secret::from("none"),
        language: Language::En,
        timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(1),
        stamp: StampPlace::End,
    });
    let registry = Registry::new(&[Arc::new(provider.or_fail("make a provider")?)]);
    compile(work, &file, &registry, &CompileOptions::default())
        .map_err(|faults| Failure::new(format!("the benchmark's script does not compile: {faults:?}")))
}

fn best_micros(program: &RhaiProgram) -> Result<f64, Failure> {
    let header = ["order_id", "customer", "email", "token", "exp_month", "exp_year", "item", "amount"];
    let cells = ["1007", "Dana Cohen", "dana@example.test", "tok-1007", "12", "2030", "Blue bowl", "118.00"];
    let row =
        Row { header: header.map(str::to_owned).to_vec().into(), cells: cells.map(str::to_owned).to_vec() };
    let host = Arc::new(Nowhere { clock: SystemClock::new(), zone: TimeZone::UTC });
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let clock = SystemClock::new();
        for _ in 0..ROWS {
            let end = program.run_with(Arc::<Nowhere>::clone(&host), Input::Row(row.clone()));
            if !matches!(end, ProgramEnd::Returned(_)) {
                return Err(Failure::new(format!("the benchmark's script failed: {end:?}")));
            }
        }
        best = best.min(clock.monotonic().as_secs_f64() * 1e6 / f64::from(ROWS));
    }
    Ok(best)
}
