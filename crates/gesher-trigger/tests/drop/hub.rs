//! A hub in a temporary folder: a real journal, a real engine, and a program in Rust where the script host stands.

use crate::bank::Bank;
use gesher_core::{Clock, Language, Provider, Redactor, Registry, SystemClock, Text};
use gesher_engine::journal::{Journal, ScriptBundle, SqliteJournal};
use gesher_engine::{
    Allow, CallEnd, Engine, EngineParts, Entry, Flow, FlowLimits, Input, ItemContext, OnUnknown, Program,
    ProgramEnd, Progress, ScriptHost, Scripts, Stop,
};
use gesher_trigger::drop::{
    DropConfig, DropTrigger, EncodingChoice, FileEnd, RowKey, Separator, TriggerError,
};
use gesher_vault::{MasterKeySource, Vault};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Pays what each row says; a row without an answer calls nothing. Orders bear the mark of the script that paid them.
pub(crate) struct PayRows {
    /// Stands for the script's text. That of the usual one is empty.
    pub mark: &'static str,
    /// The same as a hash.
    pub hash: String,
    /// What `on_finish` throws, if there is one.
    pub on_finish: Option<&'static str>,
    /// Rows at a time.
    pub concurrency: usize,
    /// What unknown answers do.
    pub on_unknown: OnUnknown,
    /// How much money it may move.
    pub limits: FlowLimits,
}

impl Default for PayRows {
    fn default() -> Self {
        Self::marked("")
    }
}

impl PayRows {
    /// Another script.
    pub(crate) fn marked(mark: &'static str) -> Self {
        let (hash, on_unknown) = (format!("hash of {mark}"), OnUnknown::Continue);
        Self { mark, hash, on_finish: None, concurrency: 4, on_unknown, limits: FlowLimits::default() }
    }
}

/// Makes the scripts that runs kept, but for those with a mark of which it knows nothing.
struct Host {
    knows: &'static [&'static str],
}

impl ScriptHost for Host {
    fn program(&self, kept: &ScriptBundle) -> Result<Arc<dyn Program>, Text> {
        let mark = self.knows.iter().find(|mark| kept.files["pay.rhai"] == **mark);
        let mark = mark.ok_or_else(|| Text::verbatim("pay.rhai:1: there is no bank"))?;
        Ok(Arc::new(PayRows::marked(mark)))
    }
}

impl Program for PayRows {
    fn hash(&self) -> &str {
        &self.hash
    }

    fn script(&self) -> ScriptBundle {
        let files = [("pay.rhai".to_owned(), self.mark.to_owned())].into();
        ScriptBundle { hash: self.hash.clone(), main: "pay.rhai".to_owned(), files }
    }

    fn reads(&self) -> Vec<String> {
        vec!["answer".to_owned()]
    }

    fn has(&self, entry: Entry) -> bool {
        entry == Entry::Row || (entry == Entry::Finish && self.on_finish.is_some())
    }

    fn run(&self, context: &Arc<ItemContext>, input: Input) -> ProgramEnd {
        let Input::Row(row) = input else {
            return ProgramEnd::Threw { code: "finish".into(), message: self.on_finish.unwrap().into() };
        };
        let cell = |name: &str| {
            let column = row.header.iter().position(|header| header == name);
            column.map(|column| row.cells[column].trim().to_owned()).unwrap_or_default()
        };
        if cell("answer").is_empty() {
            return ProgramEnd::Returned(Value::Null);
        }
        let order = cell("order") + self.mark;
        let amount = if cell("pays").is_empty() { cell("amount") } else { cell("pays") };
        let request = json!({ "answer": cell("answer"), "order": order, "amount": amount });
        match context.call("bank.pay", "marketplace", Some(&order), request) {
            Ok(answer) => ProgramEnd::Returned(json!(answer.status.as_str())),
            Err(CallEnd::Refused(answer)) => {
                ProgramEnd::Threw { code: answer.code.unwrap_or_default(), message: answer.message }
            }
            Err(CallEnd::Ended) => ProgramEnd::Ended,
        }
    }
}

/// The marks of the scripts that this version of the hub can run.
const KNOWN: &[&str] = &["", "/new"];

fn scripts(current: PayRows, knows: &'static [&'static str]) -> Scripts {
    Scripts::new(Arc::new(current), Arc::new(Host { knows }))
}

/// A hub, and the bank behind it.
pub(crate) struct Hub {
    pub base: PathBuf,
    pub bank: Arc<Bank>,
    pub engine: Engine,
    pub trigger: Arc<DropTrigger>,
}

impl Hub {
    /// Opens the hub in `base`, with the bank that was there before it.
    pub(crate) fn open(base: &Path, bank: &Arc<Bank>) -> Self {
        Self::with(base, bank, Language::He, |_| {})
    }

    pub(crate) fn with(
        base: &Path,
        bank: &Arc<Bank>,
        language: Language,
        change: impl FnOnce(&mut DropConfig),
    ) -> Self {
        Self::of(base, bank, language, (PayRows::default(), KNOWN), Arc::new(SystemClock::new()), change)
    }

    /// Opens the hub with another script.
    pub(crate) fn scripted(base: &Path, bank: &Arc<Bank>, script: PayRows) -> Self {
        Self::of(base, bank, Language::He, (script, KNOWN), Arc::new(SystemClock::new()), |_| {})
    }

    /// Opens the hub with another script, in a version that cannot run the usual one.
    pub(crate) fn without_the_usual(base: &Path, bank: &Arc<Bank>, script: PayRows) -> Self {
        Self::of(base, bank, Language::He, (script, &[]), Arc::new(SystemClock::new()), |_| {})
    }

    /// Opens the hub with a clock that the test moves.
    pub(crate) fn clocked(base: &Path, bank: &Arc<Bank>, clock: Arc<dyn Clock>) -> Self {
        Self::of(base, bank, Language::En, (PayRows::default(), KNOWN), clock, |_| {})
    }

    fn of(
        base: &Path,
        bank: &Arc<Bank>,
        language: Language,
        (script, knows): (PayRows, &'static [&'static str]),
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut DropConfig),
    ) -> Self {
        let data = base.join("data");
        std::fs::create_dir_all(&data).unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let provider: Arc<dyn Provider> = bank.clone();
        let journal =
            SqliteJournal::open(&data.join("gesher.db"), None, &[provider.environment()], now).unwrap();
        let hub_id = journal.hub_id().clone();
        let source = MasterKeySource { file: data.join("master.key"), ..MasterKeySource::default() };
        let engine = Engine::new(EngineParts {
            registry: Arc::new(Registry::new(&[provider])),
            journal: Arc::new(journal),
            vault: Arc::new(Vault::open(&source).unwrap()),
            clock,
            redactor: Arc::new(Redactor::new()),
            language,
            time_zone: jiff::tz::TimeZone::UTC,
            runtime: tokio::runtime::Handle::current(),
            accounts: Vec::new(),
            tells_of_troubles: true,
        });
        let mut config = DropConfig {
            folder: base.join("inbox"),
            pattern: "*.[ct]sv".replace("[ct]", "?"),
            row_key: RowKey::Columns(vec!["order".into()]),
            amount: Some("amount".into()),
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            settle: Duration::from_millis(100),
            done_file: None,
            control: None,
            subfolders: false,
            not_cards: Vec::new(),
        };
        change(&mut config);
        let flow = Flow {
            name: "pay".into(),
            allow: vec![Allow::Provider("bank".into())],
            concurrency: script.concurrency,
            on_unknown: script.on_unknown,
            limits: script.limits,
            reach: gesher_engine::FlowReach::default(),
        };
        let trigger = DropTrigger::new(
            engine.clone(),
            Arc::new(flow),
            Arc::new(scripts(script, knows)),
            config,
            hub_id,
            data,
        );
        Self { base: base.to_owned(), bank: Arc::clone(bank), engine, trigger: Arc::new(trigger.unwrap()) }
    }

    pub(crate) async fn run(&self, path: &Path) -> Result<FileEnd, TriggerError> {
        self.trigger.run_file(path, &Stop::new(), &Progress::default()).await
    }

    /// Writes a file outside the folder and runs it.
    pub(crate) async fn run_text(&self, name: &str, text: impl AsRef<[u8]>) -> FileEnd {
        let path = self.base.join(name);
        std::fs::write(&path, text).unwrap();
        self.run(&path).await.unwrap()
    }

    /// The usual scripts, beside the trigger's own.
    pub(crate) fn scripts(&self) -> Scripts {
        scripts(PayRows::default(), KNOWN)
    }

    /// The names in a folder of the inbox.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.base.join("inbox").join(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The rows of a CSV file that the hub wrote, by column.
pub(crate) fn table(path: &Path) -> Vec<Vec<(String, String)>> {
    let bytes = std::fs::read(path).unwrap();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").expect("Excel needs the mark");
    let mut reader = csv::Reader::from_reader(text);
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        header.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect()
    });
    rows.collect()
}

/// One column of it.
pub(crate) fn column(path: &Path, name: &str) -> Vec<String> {
    let rows = table(path);
    rows.into_iter().map(|row| row.into_iter().find(|cell| cell.0 == name).unwrap().1).collect()
}
