//! Reports by mail, through the plugin `smtp`, at a real mail server: what arrives is read by a mail reader of another make,
//! and one run is one mail, whatever breaks on the way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_tests::program::workspace;
use gesher_tests::{Done, FakeProvider, Hub, Reply, libraries, nap, until};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Reads a mail as a mail program does, and says in JSON what it sees.
const READER: &str = r#"
import email, email.policy, json, sys
with open(sys.argv[1], "rb") as file:
    mail = email.message_from_binary_file(file, policy=email.policy.default)
files = [{"name": part.get_filename(), "type": part.get_content_type(),
          "bytes": list(part.get_payload(decode=True))} for part in mail.iter_attachments()]
print(json.dumps({"subject": mail["Subject"], "from": mail["From"], "to": mail["To"], "id": mail["Message-ID"],
                  "text": mail.get_body(("plain",)).get_content(), "files": files}))
"#;

/// A mail server of Debian's that keeps what it is sent; it ends with the test.
struct MailServer {
    program: std::process::Child,
    box_of: PathBuf,
    port: u16,
}

impl MailServer {
    /// None where the machine has none.
    fn start(folder: &Path) -> Option<Self> {
        let there = Command::new("/usr/bin/python3").args(["-c", "import aiosmtpd"]).output();
        if !there.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let (box_of, port) = (folder.join("mailbox"), gesher_tests::serve::free_port());
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")]);
        let program = python.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(&box_of).spawn().unwrap();
        until("the mail server", 30, || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { program, box_of, port })
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.box_of.join("new")).into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    }

    /// The mails as they came.
    fn mails(&self) -> Vec<String> {
        self.files().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    /// The one mail that came, as its reader sees it.
    #[track_caller]
    fn only(&self) -> Value {
        let files = self.files();
        assert_eq!(files.len(), 1, "{:?}", self.mails());
        let read = Command::new("/usr/bin/python3").args(["-c", READER]).arg(&files[0]).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        serde_json::from_slice(&read.stdout).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _gone = (self.program.kill(), self.program.wait());
    }
}

/// A mail server that takes each mail to its last byte and never says so.
struct Speechless {
    port: u16,
    mails: Arc<AtomicUsize>,
}

impl Speechless {
    /// It closes then, or stays silent for as long as the test lasts.
    fn start(closes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, mails) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&mails);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let count = Arc::clone(&count);
                std::thread::spawn(move || speak(stream, closes, &count));
            }
        });
        Self { port, mails }
    }

    fn mails(&self) -> usize {
        self.mails.load(Ordering::SeqCst)
    }
}

fn speak(mut stream: TcpStream, closes: bool, mails: &AtomicUsize) -> Option<()> {
    let lines = BufReader::new(stream.try_clone().ok()?).lines();
    let (mut in_mail, mut lines) = (false, lines.map_while(Result::ok));
    stream.write_all(b"220 speechless\r\n").ok()?;
    loop {
        let line = lines.next()?;
        if !in_mail {
            in_mail = line.starts_with("DATA");
            stream.write_all(if in_mail { b"354 go on\r\n" } else { b"250 well\r\n" }).ok()?;
        } else if line == "." {
            mails.fetch_add(1, Ordering::SeqCst);
            return if closes { None } else { lines.next().map(drop) };
        }
    }
}

/// A hub with the flow of `scripts/FOLDER`, its plugins built, and a mail server at this port.
#[track_caller]
fn example(folder: &str, base_url: &str, port: u16) -> Hub {
    let hub = Hub::bulk("en", base_url);
    let from = workspace().join("scripts").join(folder);
    let mut part = std::fs::read_to_string(from.join("gesher.toml")).unwrap();
    for plugin in ["masav", "smtp"] {
        if !part.contains(&format!("[plugin.{plugin}]")) {
            continue;
        }
        let library = libraries::cargo(&["-p", &format!("gesher-{plugin}")], &format!("lib{plugin}.so"));
        let path = format!("plugins/lib{plugin}.so");
        hub.write(&path, std::fs::read(&library.path).unwrap());
        let (before, after) = part.split_once(&format!("[plugin.{plugin}]")).unwrap();
        let after = after.replacen(&"0".repeat(64), &library.sha256.to_string(), 1);
        part = format!("{before}[plugin.{plugin}]{after}");
    }
    let text = std::fs::read_to_string(hub.path("gesher.toml")).unwrap();
    hub.write("gesher.toml", format!("{text}\n{part}"));
    for file in gesher_tests::files::names_in(&from).iter().filter(|name| name.ends_with(".rhai")) {
        hub.write(&format!("scripts/{file}"), std::fs::read(from.join(file)).unwrap());
    }
    hub.cmd_with(&["secrets", "set", "smtp.url"], &format!("smtp://127.0.0.1:{port}")).expect(0);
    hub.cmd(&["check"]).expect(0);
    hub.cmd(&["test"]).expect(0);
    hub
}

const HEADER: &str = "vendor,order_id,customer,email,token,exp_month,exp_year,item,amount,הערה\n";

/// One good row, with Hebrew and a line's end inside a cell.
fn order(number: u32) -> String {
    let token = gesher_tests::hub::token(number);
    format!(
        "marketplace,order-{number},דנה לוי,dana@example.test,{token},12,2035,קערה,118.00,\"שורה\nושנייה\"\n"
    )
}

fn without_a_mail_server(name: &str) {
    gesher_tests::skip(name, "python3-aiosmtpd is not installed");
}

/// The files of the run of `name` in the flow that mails.
fn done(hub: &Hub, name: &str) -> Option<Done> {
    Done::find(&hub.path("inbox/mail-report/done"), name, &[])
}

fn bytes_of(file: &Value) -> Vec<u8> {
    file["bytes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap())
        .collect()
}

#[test]
fn a_file_is_charged_and_its_result_file_goes_out_by_mail_once() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(server) = MailServer::start(scratch.path()) else {
        return without_a_mail_server("a_file_is_charged_and_its_result_file_goes_out_by_mail_once");
    };
    let hub = example("mail-report", "simulator", server.port);
    let script = "scripts/mail_report.rhai";
    hub.edit(script, "`Charges: ${summary.counts.succeeded} of", "`חיובים: ${summary.counts.succeeded} מתוך");
    hub.edit(script, "Billing <billing@example.test>", "גבייה <billing@example.test>");
    hub.edit(script, "let text = `Run", "let text = `ריצה");
    let name = "חיובים של מרץ.csv";
    let path = scratch.path().join(name);
    std::fs::write(&path, format!("{HEADER}{}{}", order(1), order(2).replace("118.00", "חינם"))).unwrap();
    let ran = hub.cmd(&["run", "mail-report", "--file", path.to_str().unwrap()]).expect(1);

    let (mail, done) = (server.only(), done(&hub, name).unwrap());
    assert_eq!(done.statuses(), ["succeeded", "invalid"]);
    assert_eq!(mail["subject"], "חיובים: 1 מתוך 2 succeeded");
    assert_eq!(mail["from"], "גבייה <billing@example.test>");
    assert_eq!(mail["to"], "bookkeeping@example.test");
    assert!(mail["id"].as_str().unwrap().ends_with("@gesher.invalid>"));
    assert!(mail["text"].as_str().unwrap().starts_with(&format!("ריצה {}: 2 rows.", done.run)), "{mail:#}");
    let files = mail["files"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{mail:#}");
    assert_eq!(files[0]["name"], format!("חיובים של מרץ.{}.result.csv", done.run));
    assert_eq!(files[0]["type"], "text/csv");
    assert_eq!(bytes_of(&files[0]), done.result, "what is mailed is what lies in done, to the byte");
    assert!(!ran.words().contains(&server.port.to_string()), "the server's address is a secret: {ran:#?}");
    let raw = server.mails().remove(0);
    assert!(raw.is_ascii() && raw.lines().all(|line| line.len() <= 998), "any server on the way takes it");
    let work = gesher_tests::files::names_in(&hub.path("inbox/mail-report/.work"));
    assert!(work.is_empty(), "{work:?}");

    // The same file again is another run: it charges nothing, and has a report of its own.
    hub.cmd(&["run", "mail-report", "--file", path.to_str().unwrap()]).expect(1);
    let again = server.mails().into_iter().find(|mail| !mail.contains(&done.run)).unwrap();
    assert_eq!(server.files().len(), 2);
    assert!(again.contains("duplicate: 1"), "{again}");
}

#[test]
fn a_result_that_is_too_large_stays_where_it_is_and_the_mail_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(server) = MailServer::start(scratch.path()) else {
        return without_a_mail_server("a_result_that_is_too_large_stays_where_it_is_and_the_mail_says_so");
    };
    let hub = example("mail-report", "simulator", server.port);
    let path = scratch.path().join("large.csv");
    let rows: String = (0..4_000).map(|row| order(row).replace("118.00", "nothing")).collect();
    std::fs::write(&path, format!("{HEADER}{rows}")).unwrap();
    hub.cmd(&["run", "mail-report", "--file", path.to_str().unwrap()]).expect(1);
    let (mail, done) = (server.only(), done(&hub, "large.csv").unwrap());
    assert!(done.result.len() > 512 << 10);
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("invalid: 4000") && text.contains("larger than 524288 bytes"), "{text}");
    assert_eq!(mail["files"].as_array().unwrap().len(), 0);
    assert_eq!(done.report["on_finish"]["status"], "succeeded");
}

#[test]
fn a_server_that_breaks_off_after_the_last_byte_leaves_a_mail_that_nobody_sends_again() {
    let server = Speechless::start(true);
    let hub = example("mail-report", "simulator", server.port);
    let path = hub.scratch().join("march.csv");
    std::fs::write(&path, format!("{HEADER}{}", order(1))).unwrap();
    let ran = hub.cmd(&["run", "mail-report", "--file", path.to_str().unwrap()]).expect(3);
    let report = done(&hub, "march.csv").unwrap().report;
    assert_eq!(report["counts"]["succeeded"], 1, "{ran:#?}");
    assert_eq!(report["on_finish"]["status"], "unknown", "{ran:#?}");
    let open = hub.cmd(&["unknown", "list"]).words();
    assert!(open.contains("smtp.send"), "{open}");
    let words = report["on_finish"]["message"].as_str().unwrap();
    assert!(words.contains("we do not know whether the mail was sent"), "{words}");
    let serving = hub.serve();
    nap(1500);
    serving.stop();
    assert_eq!(server.mails(), 1, "it is not sent again by a machine");
}

#[test]
fn a_hub_that_is_killed_while_it_mails_sends_the_mail_no_second_time() {
    let server = Speechless::start(false);
    let hub = example("mail-report", "simulator", server.port);
    let mut first = hub.serve();
    hub.write("inbox/mail-report/march.csv", format!("{HEADER}{}", order(1)));
    until("the mail is out", 60, || (server.mails() == 1).then_some(()));
    first.process.kill9();
    let second = hub.serve();
    let done = until("the run is over", 60, || done(&hub, "march.csv"));
    nap(500);
    second.stop();
    assert_eq!(done.statuses(), ["succeeded"]);
    assert_eq!(done.report["on_finish"]["status"], "unknown", "{:#}", done.report);
    assert_eq!(server.mails(), 1);
}

#[test]
fn a_hub_that_is_killed_before_it_mails_sends_the_mail_once() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(server) = MailServer::start(scratch.path()) else {
        return without_a_mail_server("a_hub_that_is_killed_before_it_mails_sends_the_mail_once");
    };
    let slow = || Reply::After(Duration::from_millis(1500), Box::new(Reply::Approve));
    let provider = FakeProvider::start(move |_, before| if before == 1 { slow() } else { Reply::Approve });
    let hub = example("mail-report", provider.base_url(), server.port);
    hub.set("flow.mail-report", "concurrency", "1");
    let mut first = hub.serve();
    hub.write("inbox/mail-report/march.csv", format!("{HEADER}{}{}{}", order(1), order(2), order(3)));
    until("the second charge", 60, || (provider.received().len() >= 2).then_some(()));
    first.process.kill9();
    let second = hub.serve();
    let done = until("the run is over", 60, || done(&hub, "march.csv"));
    second.stop();
    assert_eq!(done.report["on_finish"]["status"], "succeeded", "{:#}", done.report);
    let mail = server.only();
    assert_eq!(bytes_of(&mail["files"][0]), done.result);
    assert!(done.count("unknown") >= 1, "{:?}", done.statuses());
}

#[test]
fn a_masav_file_is_built_and_mailed_and_a_server_that_is_gone_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(server) = MailServer::start(scratch.path()) else {
        return without_a_mail_server("a_masav_file_is_built_and_mailed_and_a_server_that_is_gone_is_told");
    };
    let hub = example("masav-file", "simulator", server.port);
    let sample = workspace().join("scripts/masav-file/sample.json");
    let run = |key: &str| hub.cmd(&["run", "masav-file", "--key", key, "--body", sample.to_str().unwrap()]);
    let ran = run("one").expect(0);
    let mail = server.only();
    assert!(
        mail["subject"].as_str().unwrap().ends_with("2 debits, 203.50 shekels"),
        "{ran:#?}: {}",
        mail["subject"]
    );
    let file = String::from_utf8(bytes_of(&mail["files"][0])).unwrap();
    assert!(file.contains(&"9".repeat(60)) && file.contains("KOT"), "{file}");

    // The day's mail was sent: another call for it sends nothing.
    run("two");
    assert_eq!(server.mails().len(), 1);
    drop(server);
    let other = std::fs::read_to_string(&sample).unwrap().replace("2026-12-01", "2026-12-02");
    let said = hub.cmd_with(&["run", "masav-file", "--key", "three", "--body", "-"], &other);
    assert_ne!(said.code, 0, "{said:#?}");
    assert!(said.words().contains("not_sent") || said.words().contains("cannot be reached"), "{said:#?}");
}
