//! `secrets`: keeps secrets in the hub's vault. A value comes from standard input and is never shown again.

use crate::cli::SecretsCommand;
use crate::compose::store::Store;
use crate::config::value::is_secret_name;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::Secret;
use gesher_core::limits::REQUEST_BYTES_MAX;
use gesher_engine::journal::SealedRow;
use serde_json::json;
use std::io::{IsTerminal, Read};

/// Names in the vault of secrets that people store.
pub const PREFIX: &str = "secret/";

/// Runs one of the commands.
pub async fn run(output: Output, store: &Store, command: SecretsCommand) -> Result<Exit, HubError> {
    match command {
        SecretsCommand::Set(args) => {
            let name = checked(&args.name)?;
            let secret = read_value(output)?;
            let sealed = store.vault.seal(&row_name(name), &secret).doing("sealing the secret")?;
            put(store, name, sealed).await?;
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
    }
    Ok(Exit::Well)
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

fn read_value(output: Output) -> Result<Secret, HubError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        output.note("type the secret, then Enter and Ctrl-D");
    }
    let mut text = String::new();
    let limit = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    input
        .lock()
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| HubError::usage("the secret cannot be read from standard input").because(error))?;
    trimmed(text).map(Secret::new).ok_or_else(|| {
        HubError::usage("the secret is empty")
            .hint("give it on standard input: printf %s \"$KEY\" | gesher secrets set NAME")
    })
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
