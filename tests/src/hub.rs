//! A hub in a folder of its own: made, configured, called, and fed with files.

use crate::disk::SmallDisk;
use crate::files::{Done, Failed, names_in};
use crate::program::{Output, command, command_of, run};
use crate::serve::{Serving, free_port};
use crate::wait::look;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The organisation of hubs that call a provider by its address.
pub const COMPANY_ID: &str = "2410000001";
/// Its key: no byte of it may stand in anything that the hub writes or prints.
pub const API_KEY: &str = "KeyCanaryQ7wZ2mN8xR4tV6bY1cD3fG5hJ9kL0pS2aE4uI6o";
/// How long a file may take.
const FILE_SECONDS: u64 = 60;

/// A flow's script that charges a row, with the columns of [`charges_csv`].
const SCRIPT: &str = r#"// Charges each row.
fn on_row(row) {
    officeguy::charge("marketplace", row.order_id, #{
        Customer: #{ ExternalIdentifier: row.order_id, Name: row.name, SearchMode: "ExternalIdentifier" },
        PaymentMethod: #{ CreditCard_Token: row.token, CreditCard_ExpirationMonth: 12,
                          CreditCard_ExpirationYear: 2030, Type: "CreditCard" },
        Items: [ #{ Item: #{ Name: "Order " + row.order_id }, Quantity: 1, UnitPrice: decimal(row.amount) } ],
        VATIncluded: true,
    })
}
"#;

/// A file of `rows` good rows, `order_id` from `first` on.
pub fn charges_csv(first: u32, rows: u32) -> String {
    let mut text = String::from("order_id,name,token,amount\r\n");
    for at in first..first + rows {
        write!(text, "{at},Dana Levi,{},{}.50\r\n", token(at), 10 + at % 90).unwrap();
    }
    text
}

/// A card token, in the form of the provider's own.
pub fn token(of: u32) -> String {
    format!("aaaaaaaa-bbbb-4ccc-8ddd-{of:012}")
}

/// A hub folder; it goes with the test.
pub struct Hub {
    scratch: TempDir,
    folder: PathBuf,
    port: u16,
    words: AtomicU32,
    environment: Vec<(String, String)>,
    program: Option<PathBuf>,
    disk: Option<Arc<SmallDisk>>,
}

impl Hub {
    /// A hub as `gesher new` makes it, in a language, with ports of its own.
    #[track_caller]
    pub fn template(language: &str) -> Self {
        let hub = Self::in_scratch();
        let made = run(command().arg("new").arg(&hub.folder), None);
        assert_eq!(made.code, 0, "{made:#?}");
        hub.listen_here();
        hub.set("hub", "language", &format!("\"{language}\""));
        hub
    }

    /// A hub with one flow, `bulk-charge`, that takes files from `inbox/charges` and charges at `base_url`, which is
    /// `simulator` or an address.
    pub fn bulk(language: &str, base_url: &str) -> Self {
        let mut hub = Self::in_scratch();
        let credentials = if base_url == "simulator" {
            String::new()
        } else {
            hub.environment.push(("GESHER_SECRET_OFFICEGUY_API_KEY".into(), API_KEY.into()));
            format!("company_id = {COMPANY_ID}\napi_key = {{ secret = \"officeguy.api_key\" }}\n")
        };
        let (port, hooks) = (hub.port, free_port());
        hub.write(
            "gesher.toml",
            format!(
                r#"[hub]
name = "test"
language = "{language}"

[officeguy]
base_url = "{base_url}"
timeout = "5s"
{credentials}
[dashboard]
listen = "127.0.0.1:{port}"

[hooks]
listen = "127.0.0.1:{hooks}"

[flow.bulk-charge]
script = "scripts/charge.rhai"
allow = ["officeguy.charge"]
concurrency = 8
on_unknown = "continue"

[flow.bulk-charge.drop]
folder = "inbox/charges"
pattern = "*.csv"
row_key = ["order_id"]
amount = "amount"
settle = "100ms"
"#
            ),
        );
        hub.write("scripts/charge.rhai", SCRIPT);
        hub
    }

    /// The same hub with a variable of the environment for all that is called on it.
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(found, _)| found != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A folder that a command made, such as `demo --keep`, with ports of its own. `scratch` goes with the hub.
    pub fn adopt(scratch: TempDir, folder: PathBuf) -> Self {
        let hub = Self { folder, ..Self::beside(scratch) };
        hub.listen_here();
        hub
    }

    fn in_scratch() -> Self {
        Self::beside(tempfile::tempdir().unwrap())
    }

    fn beside(scratch: TempDir) -> Self {
        let folder = scratch.path().join("hub");
        Self {
            folder,
            scratch,
            port: free_port(),
            words: AtomicU32::new(0),
            environment: Vec::new(),
            program: None,
            disk: None,
        }
    }

    /// Calls another program than the usual one from here on, with more in its environment.
    pub fn use_program(&mut self, program: &Path, environment: &[(&str, &str)]) {
        self.program = Some(program.to_owned());
        environment.iter().for_each(|(name, value)| self.set_environment(name, value));
    }

    /// Lets the hub see a disk of the test's own.
    pub fn use_disk(&mut self, disk: &Arc<SmallDisk>) {
        self.disk = Some(Arc::clone(disk));
    }

    /// Sets a variable for the programs that are started from now on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    fn listen_here(&self) {
        self.set("dashboard", "listen", &format!("\"127.0.0.1:{}\"", self.port));
        self.set("hooks", "listen", &format!("\"127.0.0.1:{}\"", free_port()));
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// The folder around it, where the words of running programs lie too.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The port of its `[dashboard]`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of its `[hooks]`.
    #[track_caller]
    pub fn hooks_port(&self) -> u16 {
        let text = std::fs::read_to_string(self.path("gesher.toml")).unwrap();
        let (_, part) = text.split_once("[hooks]").expect("a part [hooks]");
        let listen =
            part.lines().find_map(|line| line.trim().strip_prefix("listen")).expect("`listen` in it");
        listen.trim_end_matches('"').rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// Where the next program that runs beside a test writes what it says.
    pub fn next_words_file(&self) -> PathBuf {
        let number = self.words.fetch_add(1, Ordering::Relaxed);
        self.scratch.path().join(format!("serve.{number}.log"))
    }

    /// Writes a file of the hub.
    pub fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces a text of a file, which must be there.
    #[track_caller]
    pub fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(relative)).unwrap();
        assert!(text.contains(from), "`{from}` is not in {relative}:\n{text}");
        std::fs::write(self.path(relative), text.replace(from, to)).unwrap();
    }

    /// Sets a setting of a table of `gesher.toml`, whether it was there or not.
    pub fn set(&self, table: &str, setting: &str, value: &str) {
        let text = std::fs::read_to_string(self.path("gesher.toml")).unwrap();
        let heading = format!("[{table}]");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let start = lines.iter().position(|line| line.trim() == heading).unwrap_or_else(|| {
            lines.push(heading);
            lines.len() - 1
        });
        let end = lines.iter().skip(start + 1).position(|line| line.trim_start().starts_with('['));
        let end = end.map_or(lines.len(), |length| start + 1 + length);
        let is_set = |line: &String| line.split('=').next().is_some_and(|name| name.trim() == setting);
        if let Some(at) = lines[start + 1..end].iter().position(is_set) {
            lines.remove(start + 1 + at);
        }
        lines.insert(start + 1, format!("{setting} = {value}"));
        std::fs::write(self.path("gesher.toml"), lines.join("\n") + "\n").unwrap();
    }

    /// A call of `gesher --hub` on it.
    pub fn command(&self) -> Command {
        let mut command = match (&self.disk, &self.program) {
            (Some(disk), _) => disk.command(),
            (None, Some(program)) => command_of(program),
            (None, None) => command(),
        };
        command.arg("--hub").arg(&self.folder).current_dir(self.scratch.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Calls `gesher --hub HUB ARGUMENTS` to its end.
    pub fn cmd(&self, arguments: &[&str]) -> Output {
        run(self.command().args(arguments), None)
    }

    /// The same with words on its standard input.
    pub fn cmd_with(&self, arguments: &[&str], input: &str) -> Output {
        run(self.command().args(arguments), Some(input))
    }

    /// Starts `serve` and waits until it is ready.
    #[track_caller]
    pub fn serve(&self) -> Serving {
        Serving::start(self)
    }

    /// A path in the flow's drop folder.
    pub fn inbox(&self, relative: &str) -> PathBuf {
        self.path("inbox/charges").join(relative)
    }

    /// Drops a file as a careful sender does: under a temporary name, then renamed.
    pub fn drop_file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.inbox("")).unwrap();
        let temporary = self.inbox(&format!("{name}.tmp"));
        std::fs::write(&temporary, bytes).unwrap();
        std::fs::rename(temporary, self.inbox(name)).unwrap();
    }

    /// Writes `bytes` beside the hub and runs them in the foreground: what it said, and the run's files.
    #[track_caller]
    pub fn run_file(&self, name: &str, bytes: impl AsRef<[u8]>) -> (Output, Option<Done>) {
        let known: Vec<String> = self.runs_done(name);
        let path = self.scratch.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let output = self.cmd(&["run", "bulk-charge", "--file", path.to_str().unwrap()]);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let done = Done::find(&self.inbox("done"), name, &known);
        (output, done)
    }

    fn runs_done(&self, name: &str) -> Vec<String> {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let run = |found: &String| {
            let run = found.strip_prefix(&format!("{stem}."))?.strip_suffix(".report.json")?;
            Some(run.to_owned())
        };
        names_in(&self.inbox("done")).iter().filter_map(run).collect()
    }

    /// Waits until `name` is done.
    #[track_caller]
    pub fn wait_done(&self, name: &str) -> Done {
        self.wait_done_after(name, &[])
    }

    /// Waits until `name` is done in another run than these.
    #[track_caller]
    pub fn wait_done_after(&self, name: &str, runs: &[&str]) -> Done {
        self.wait(name, |hub| Done::find(&hub.inbox("done"), name, runs))
    }

    /// Waits until `name` is refused.
    #[track_caller]
    pub fn wait_failed(&self, name: &str) -> Failed {
        self.wait(name, |hub| Failed::find(&hub.inbox("failed"), name))
    }

    /// Waits until a file of this name is in `duplicate/`; its path.
    #[track_caller]
    pub fn wait_duplicate(&self, name: &str) -> PathBuf {
        let (stem, _) = name.rsplit_once('.').unwrap();
        self.wait(name, |hub| {
            let names = names_in(&hub.inbox("duplicate"));
            let found =
                names.iter().find(|found| found.starts_with(&format!("{stem}.")) || *found == name)?;
            Some(hub.inbox("duplicate").join(found))
        })
    }

    #[track_caller]
    fn wait<T>(&self, name: &str, probe: impl Fn(&Self) -> Option<T>) -> T {
        let found = look(FILE_SECONDS, || probe(self));
        found.unwrap_or_else(|| panic!("{name} is not where it should be; {}", self.listing()))
    }

    /// Where its files are and what `serve` said, for the message of a failed test.
    pub fn listing(&self) -> String {
        let mut text = String::new();
        for folder in ["", "done", "failed", "duplicate", "held", ".work"] {
            writeln!(text, "inbox/charges/{folder}: {:?}", names_in(&self.inbox(folder))).unwrap();
        }
        for name in names_in(self.scratch()).iter().filter(|name| name.ends_with(".log")) {
            let words = std::fs::read_to_string(self.scratch().join(name)).unwrap_or_default();
            let tail: Vec<&str> = words.lines().rev().take(20).collect();
            writeln!(text, "{name}, the last lines first: {tail:#?}").unwrap();
        }
        text
    }
}
