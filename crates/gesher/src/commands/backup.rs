//! `backup` and `restore`: a whole copy of the journal, and a copy put in the journal's place.
//!
//! Neither touches the intent log: it is what remembers, after a restore, what was sent since the copy was made. The
//! master key is in no copy.

use crate::cli::{BackupArgs, RestoreArgs};
use crate::compose::lock::{HubLock, Role};
use crate::compose::store::{self, journal_path, opening};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use gesher_core::{Clock, HubId, SystemClock};
use gesher_engine::journal::{Journal, JournalError, SqliteJournal};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database. A log that was left there would be read into whatever lies beside it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Writes a copy of the journal, beside a hub that may be running.
pub async fn back_up(output: Output, config: &Config, args: &BackupArgs) -> Result<Exit, HubError> {
    let path = journal_path(config);
    if !path.is_file() {
        return Err(HubError::usage("this hub has no journal yet, so there is nothing to back up"));
    }
    let folder = args.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(HubError::usage(format!("there is no folder {}", folder.display()))
            .hint("make it first, on another disk than the hub's data if you can"));
    }
    if args.file.is_dir() {
        return Err(HubError::usage(format!("{} is a folder", args.file.display()))
            .hint(format!("name a file in it, such as {}", args.file.join("gesher.db").display())));
    }
    let journal = SqliteJournal::open_reader(&path).map_err(opening)?;
    journal.back_up(&args.file).await.map_err(|error| match error {
        JournalError::Exists { .. } => HubError::usage(format!("{} is there already", args.file.display()))
            .hint("name a file that is not there yet; nothing is overwritten"),
        other => HubError::failed(format!("{} cannot be written", args.file.display())).because(other),
    })?;
    let bytes = args.file.metadata().map_or(0, |metadata| metadata.len());
    output.json(&json!({ "backup": args.file, "bytes": bytes, "hub": journal.hub_id().to_string() }));
    output.text(&format!("the journal is copied to {} ({bytes} bytes)", args.file.display()));
    output.note(
        "the master key and the intent log are not in it: keep the key elsewhere, and leave the log where it is",
    );
    Ok(Exit::Well)
}

/// Puts a copy in the journal's place. The journal that was there is kept under another name.
pub async fn restore(output: Output, config: &Config, args: &RestoreArgs) -> Result<Exit, HubError> {
    let _lock = HubLock::require(config, Role::Mend).await?;
    let (path, now) = (journal_path(config), SystemClock::new().now());
    let draft = path.with_extension("db.restoring");
    remove(&draft)?;
    copy(&args.file, &draft)?;
    let checked = check(config, &path, &draft).await;
    if checked.is_err() {
        remove(&draft)?;
    }
    let hub = checked.map_err(|error| {
        HubError::usage(format!("{} cannot be restored", args.file.display()))
            .because(error)
            .hint("nothing was changed; restore takes what `gesher backup` wrote from this hub")
    })?;
    let aside = aside(&path, &now.strftime("%Y%m%dT%H%M%SZ").to_string());
    replace(&path, &draft, &aside).doing(format!("{} cannot be put in its place", draft.display()))?;
    let kept = aside.exists().then_some(&aside);
    output.json(&json!({ "restored": args.file, "journal": path, "kept": kept, "hub": hub.to_string() }));
    output.text(&format!("{} is this hub's journal now", args.file.display()));
    if let Some(kept) = kept {
        output.text(&format!("the journal that was there is kept as {}", kept.display()));
    }
    output.note(
        "where more was sent since the copy was made, the hub refuses to start until `gesher doctor --adopt-intents`",
    );
    Ok(Exit::Well)
}

/// Copies the file into the data folder, so that what is checked is what is put in place.
fn copy(from: &Path, draft: &Path) -> Result<(), HubError> {
    let read = |error| HubError::usage(format!("{} cannot be read", from.display())).because(error);
    let mut source = File::open(from).map_err(read)?;
    let wanted = source.metadata().map_err(read)?;
    if !wanted.is_file() {
        return Err(HubError::usage(format!("{} is no file", from.display())));
    }
    let copied = copy_durably(&mut source, draft).inspect_err(|_| drop(fs::remove_file(draft)));
    copied.doing(format!("{} cannot be written", draft.display()))
}

fn copy_durably(source: &mut File, to: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(source, &mut file)?;
    file.sync_all()
}

/// Opens the copy as the hub would, which brings an older one to this version, and compares whose it is.
async fn check(config: &Config, path: &Path, draft: &Path) -> Result<HubId, HubError> {
    // An empty or foreign file would be begun as a new journal.
    require_database(draft)?;
    let journal = SqliteJournal::open(draft, None, &store::environments(config), SystemClock::new().now());
    drop(journal.map_err(opening)?);
    let hub = SqliteJournal::check_file(draft).map_err(opening)?;
    BESIDE.iter().try_for_each(|end| remove(&beside(draft, end)))?;
    // A journal that is lost or damaged, or that was begun anew after the loss, is a reason to restore.
    let Ok(present) = SqliteJournal::open_reader(path) else { return Ok(hub) };
    let is_used = present.runs(None, 1).await.is_ok_and(|runs| !runs.is_empty());
    if is_used && *present.hub_id() != hub {
        let present = present.hub_id();
        return Err(HubError::usage(format!(
            "it is the journal of another hub, {hub}; this one is {present}"
        )));
    }
    Ok(hub)
}

fn require_database(path: &Path) -> Result<(), HubError> {
    const BEGINNING: &[u8] = b"SQLite format 3\0";
    let mut found = [0; BEGINNING.len()];
    let read = File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut found));
    match read {
        Ok(()) if found == BEGINNING => Ok(()),
        _ => Err(HubError::usage("it is no journal")),
    }
}

/// The first free name beside the journal.
fn aside(path: &Path, date: &str) -> PathBuf {
    let named = |number: u32| {
        let more = if number == 1 { String::new() } else { format!(".{number}") };
        path.with_extension(format!("db.before-restore-{date}{more}"))
    };
    let is_free = |path: &PathBuf| !path.exists() && BESIDE.iter().all(|end| !beside(path, end).exists());
    (1..).map(named).find(is_free).unwrap_or_else(|| named(0))
}

/// In an order in which a crash leaves the old journal, whole or without its last writes, or the new one: and of what
/// the old one lacks the intent log knows.
fn replace(path: &Path, draft: &Path, aside: &Path) -> io::Result<()> {
    // Whoever closes a journal last moves its log into it. A damaged one is kept with its log beside it.
    drop(SqliteJournal::open_beside(path));
    for end in BESIDE {
        if_there(fs::rename(beside(path, end), beside(aside, end)))?;
    }
    if_there(fs::hard_link(path, aside))?;
    fs::rename(draft, path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn if_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn remove(path: &Path) -> Result<(), HubError> {
    if_there(fs::remove_file(path)).doing(format!("{} cannot be removed", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_engine::journal::{NewRun, ScriptBundle, TriggerKind};

    const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

    fn hub(scratch: &Path) -> (Config, PathBuf) {
        let config = Config::parse(scratch, "[officeguy]\nbase_url = \"simulator\"\n").unwrap();
        fs::create_dir_all(&config.data).unwrap();
        let path = journal_path(&config);
        drop(SqliteJournal::open(&path, None, &store::environments(&config), NOW).unwrap());
        (config, path)
    }

    async fn run(config: &Config, file: &Path) -> Result<Exit, HubError> {
        restore(Output::new(true), config, &RestoreArgs { file: file.to_owned() }).await
    }

    #[tokio::test]
    async fn a_backup_is_restored_and_the_journal_before_it_is_kept() {
        let scratch = tempfile::tempdir().unwrap();
        let (config, path) = hub(scratch.path());
        let copy = scratch.path().join("copy.db");
        let args = BackupArgs { file: copy.clone() };
        assert_eq!(back_up(Output::new(true), &config, &args).await.unwrap(), Exit::Well);
        let again = back_up(Output::new(true), &config, &args).await.unwrap_err();
        assert_eq!(again.exit(), Exit::Usage, "{}", again.chain());
        for (file, why) in [
            (scratch.path().join("nonexist/x"), "there is no folder"),
            (scratch.path().to_owned(), "is a folder"),
        ] {
            let refused = back_up(Output::new(true), &config, &BackupArgs { file }).await.unwrap_err();
            assert_eq!(refused.exit(), Exit::Usage, "{}", refused.chain());
            assert!(refused.chain().contains(why), "{}", refused.chain());
        }
        let before = fs::read(&path).unwrap();
        for kept in 1..=2 {
            assert_eq!(run(&config, &copy).await.unwrap(), Exit::Well);
            let names = fs::read_dir(&config.data).unwrap().map(|entry| entry.unwrap().file_name());
            let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
            let aside = names.iter().filter(|name| name.starts_with("gesher.db.before-restore-"));
            assert_eq!(aside.count(), kept, "{names:?}");
            assert!(!names.iter().any(|name| name.contains("restoring")), "{names:?}");
        }
        assert_eq!(SqliteJournal::check_file(&path).unwrap(), SqliteJournal::check_file(&copy).unwrap());
        assert!(!before.is_empty());
    }

    #[tokio::test]
    async fn what_is_no_journal_of_this_hub_is_refused_and_changes_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let (config, path) = hub(&scratch.path().join("one"));
        let (_, other) = hub(&scratch.path().join("two"));
        // A journal without a run may be one that was begun after the loss of another.
        let present = SqliteJournal::open(&path, None, &store::environments(&config), NOW).unwrap();
        let begun = NewRun {
            id: "k7mq2xd".parse().unwrap(),
            flow: "f".to_owned(),
            trigger: TriggerKind::Call,
            name: "call".to_owned(),
            source: json!(null),
            script: ScriptBundle::default(),
            held: None,
            at: NOW,
        };
        present.start_run(begun).await.unwrap();
        drop(present);
        let real = Config::parse(scratch.path(), "[officeguy]\ncompany_id = 7\n").unwrap();
        let elsewhere = scratch.path().join("elsewhere.db");
        drop(SqliteJournal::open(&elsewhere, None, &store::environments(&real), NOW).unwrap());
        let file = |name: &str, bytes: &[u8]| {
            let path = scratch.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let mut damaged = fs::read(&path).unwrap();
        damaged[4096..].fill(9);
        let before = SqliteJournal::check_file(&path).unwrap();
        for (file, why) in [
            (file("empty.db", b""), "it is no journal"),
            (file("text.db", b"order_id,amount\n1,10.00\n"), "it is no journal"),
            (file("damaged.db", &damaged), "cannot be restored"),
            (other, "it is the journal of another hub"),
            (elsewhere, "belongs to"),
            (scratch.path().join("nothing.db"), "cannot be read"),
            (scratch.path().to_owned(), "is no file"),
        ] {
            let error = run(&config, &file).await.unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{}", error.chain());
            assert!(error.chain().contains(why), "{} for {}", error.chain(), file.display());
            assert_eq!(SqliteJournal::check_file(&path).unwrap(), before);
        }
        let names: Vec<_> =
            fs::read_dir(&config.data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().contains("restor")), "{names:?}");
    }
}
