//! `secrets`: keeps secrets in the hub's vault. A value comes from standard input and is never shown again.

use crate::actor;
use crate::cli::SecretsCommand;
use crate::compose::lock::{HubLock, Role};
use crate::compose::store::{Store, master_key};
use crate::config::Config;
use crate::config::value::is_secret_name;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::Secret;
use gesher_core::limits::REQUEST_BYTES_MAX;
use gesher_engine::journal::{JournalError, Resealing, SealedRow};
use gesher_vault::{KeyPlace, Rotation};
use serde_json::json;
use std::io::{IsTerminal, Read};

/// Names in the vault of secrets that people store.
pub const PREFIX: &str = "secret/";

/// Runs one of the commands.
pub async fn run(
    output: Output,
    config: &Config,
    store: &Store,
    command: SecretsCommand,
) -> Result<Exit, HubError> {
    match command {
        SecretsCommand::Set(args) => {
            let name = checked(&args.name)?;
            let hint = "give it on standard input: printf %s \"$KEY\" | gesher secrets set NAME";
            let secret = read_secret(output, "type the secret, then Enter and Ctrl-D", hint)?;
            store_value(store, name, &secret).await?;
            output.json(&json!({ "secret": name, "stored": true }));
            output.text(&format!("stored {name}"));
        }
        SecretsCommand::List => list(output, store).await?,
        SecretsCommand::Remove(args) => {
            let name = checked(&args.name)?;
            if store.journal.sealed(&row_name(name)).await.doing("reading the vault")?.is_none() {
                return Err(HubError::usage(format!("there is no secret {name}"))
                    .hint("`gesher secrets list` lists them"));
            }
            put(store, name, Vec::new()).await?;
            output.json(&json!({ "secret": name, "removed": true }));
            output.text(&format!("removed {name}"));
        }
        SecretsCommand::Rotate => rotate(output, config, store).await?,
    }
    Ok(Exit::Well)
}

/// Keeps a secret's value in the vault.
pub async fn store_value(store: &Store, name: &str, secret: &Secret) -> Result<(), HubError> {
    let sealed = store.vault.seal(&row_name(name), secret).doing("sealing the secret")?;
    put(store, name, sealed).await
}

/// A secret's name in the vault.
pub fn row_name(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn checked(name: &str) -> Result<&str, HubError> {
    if is_secret_name(name) {
        return Ok(name);
    }
    Err(HubError::usage(format!("`{name}` cannot name a secret"))
        .hint("a name is letters, digits, `.`, `_`, `-` and `/`, such as officeguy.api_key"))
}

/// A secret from standard input. Whoever types it is prompted; a missing one is refused with the hint.
pub fn read_secret(output: Output, prompt: &str, hint: &str) -> Result<Secret, HubError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        output.note(prompt);
    }
    let mut text = String::new();
    let limit = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    input
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| HubError::usage("the secret cannot be read from standard input").because(error))?;
    trimmed(text).map(Secret::new).ok_or_else(|| HubError::usage("the secret is empty").hint(hint))
}

/// One newline at the end is the terminal's or the editor's, and no part of the secret.
fn trimmed(mut text: String) -> Option<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    (!text.trim().is_empty()).then_some(text)
}

/// Wraps everything in the vault with a new master key. What other processes seal meanwhile is found by looking again.
async fn rotate(output: Output, config: &Config, store: &Store) -> Result<(), HubError> {
    let place = master_key(config).place().doing("finding the master key")?;
    // Whoever serves has its environment for good, and could not open what is wrapped with the new key.
    let _lock = match place {
        KeyPlace::File => None,
        KeyPlace::Environment | KeyPlace::Credential => Some(HubLock::require(config, Role::Mend).await?),
    };
    let rotation = store
        .vault
        .rotate()
        .map_err(|error| HubError::usage("the master key cannot be changed").because(error))?;
    let mut sealed_anew = 0;
    loop {
        let rows = wrapped_before(store, &rotation).await?;
        if rows.is_empty() {
            break;
        }
        let count = rows.len();
        let (actor, reason) = (actor::current(), "the master key is changed".to_owned());
        match store.journal.reseal(Resealing { rows, actor, reason, at: store.now() }).await {
            Ok(()) => sealed_anew += count,
            Err(JournalError::SealedChanged(_)) => {}
            Err(error) => return Err(HubError::failed("writing the vault").because(error)),
        }
        gesher_core::failpoint!("rotate.resealed");
    }
    rotation.finish().doing("putting the new master key in place")?;
    output.json(&json!({ "rotated": true, "sealed_anew": sealed_anew }));
    output.text(&format!("the master key is changed; {sealed_anew} secrets are wrapped with the new one"));
    output.note(&match place {
        KeyPlace::File => format!(
            "backups made before open only with the key before: it is {}. Remove it when none of them is needed any more",
            master_key(config).previous_file().display()
        ),
        KeyPlace::Environment => {
            "now put the new key into GESHER_MASTER_KEY and take GESHER_MASTER_KEY_NEXT away; backups made before open only with the key before".to_owned()
        }
        KeyPlace::Credential => {
            "now put the new key into the credential gesher.master_key and take gesher.master_key.next away; backups made before open only with the key before".to_owned()
        }
    });
    Ok(())
}

/// The rows that are not wrapped with the new key yet, each with its new form.
async fn wrapped_before(store: &Store, rotation: &Rotation) -> Result<Vec<(SealedRow, Vec<u8>)>, HubError> {
    let mut rows = Vec::new();
    for (name, _) in store.journal.sealed_names().await.doing("reading the vault")? {
        let Some(row) = store.journal.sealed(&name).await.doing("reading the vault")? else { continue };
        let anew = rotation.reseal(&name, &row.bytes).map_err(|error| {
            HubError::usage("the master key cannot be changed while a secret does not open").because(error)
        })?;
        rows.extend(anew.map(|anew| (row, anew)));
    }
    Ok(rows)
}

async fn put(store: &Store, name: &str, bytes: Vec<u8>) -> Result<(), HubError> {
    store
        .journal
        .put_sealed(SealedRow { name: row_name(name), bytes }, store.now())
        .await
        .doing("writing the vault")
}

async fn list(output: Output, store: &Store) -> Result<(), HubError> {
    let names = store.journal.sealed_names().await.doing("reading the vault")?;
    let mut table = TextTable::new(&["secret", "stored"]);
    for (name, at) in &names {
        if let Some(name) = name.strip_prefix(PREFIX) {
            output.json(&json!({ "secret": name, "stored_at": at.to_string() }));
            table.row([name.to_owned(), store.local(*at)]);
        }
    }
    output.text(&table.render());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_is_not_part_of_a_secret() {
        for (text, want) in [
            ("k\n", Some("k")),
            ("k\r\n", Some("k")),
            ("k\n\n", Some("k\n")),
            (" k ", Some(" k ")),
            ("\n", None),
            ("", None),
            (" \n", None),
        ] {
            assert_eq!(trimmed(text.to_owned()).as_deref(), want, "{text:?}");
        }
    }
}
