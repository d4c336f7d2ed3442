//! Where a secret's value comes from: the environment, or else the vault. A simulator hub needs no provider's secrets and
//! reads none of them from the environment; the secrets of its webhooks it does, since its deliveries are verified as a
//! real hub's are.

use super::store::Store;
use crate::commands::secrets::{PREFIX, row_name};
use crate::config::{Config, SecretName};
use crate::error::{Doing, HubError};
use gesher_core::{Redactor, Secret};
use gesher_engine::journal::Journal;

/// The environment variable of a secret: upper case, and `_` for all but letters and digits.
pub fn variable(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("GESHER_SECRET_{}", letters.collect::<String>())
}

/// The value of a secret, which the redactor knows from then on.
pub async fn value(name: &SecretName, store: &Store, redactor: &Redactor) -> Result<Secret, HubError> {
    let name = name.0.as_str();
    let secret = match from_environment(name) {
        Some(secret) => secret,
        None => from_vault(name, store).await?,
    };
    redactor.learn(&secret);
    Ok(secret)
}

/// The value of a secret that a plugin is granted. A simulator hub has only what its own vault holds.
pub async fn granted(
    name: &str,
    config: &Config,
    store: &Store,
    redactor: &Redactor,
) -> Result<Secret, HubError> {
    if !config.is_simulated() {
        return value(&SecretName(name.to_owned()), store, redactor).await;
    }
    let secret = from_vault(name, store).await?;
    redactor.learn(&secret);
    Ok(secret)
}

/// The value of a webhook's secret, which the redactor knows from then on; none where it is nowhere. Simulator hubs, too,
/// read `GESHER_SECRET_…` for it, since it opens no provider's account. They take what was stored for them first, and from
/// the environment only what was not.
pub async fn of_hook(
    config: &Config,
    name: &SecretName,
    store: Option<&Store>,
    redactor: &Redactor,
) -> Result<Option<Secret>, HubError> {
    let is_stored = match store {
        Some(store) => store.journal.sealed(&row_name(&name.0)).await.doing("reading the vault")?.is_some(),
        None => false,
    };
    let from_environment = from_environment(&name.0).filter(|_| !(is_stored && config.is_simulated()));
    let value = match (from_environment, store) {
        (None, Some(store)) if is_stored => Some(from_vault(&name.0, store).await?),
        (value, _) => value,
    };
    value.iter().for_each(|secret| redactor.learn(secret));
    Ok(value)
}

/// How a secret that is nowhere comes to be.
pub fn mend(name: &SecretName) -> String {
    format!("`gesher secrets set {}`, or set {}", name.0, variable(&name.0))
}

pub(super) fn from_environment(name: &str) -> Option<Secret> {
    std::env::var(variable(name)).ok().filter(|value| !value.trim().is_empty()).map(Secret::new)
}

/// Whether the environment has a value, so that no vault is needed for it.
pub fn is_in_environment(name: &SecretName) -> bool {
    from_environment(&name.0).is_some()
}

/// Whether a value is anywhere. The vault is not opened: that a row is there is enough to know.
pub async fn is_there(name: &SecretName, journal: Option<&dyn Journal>) -> Result<bool, HubError> {
    if from_environment(&name.0).is_some() {
        return Ok(true);
    }
    let Some(journal) = journal else { return Ok(false) };
    Ok(journal.sealed(&row_name(&name.0)).await.doing("reading the vault")?.is_some())
}

async fn from_vault(name: &str, store: &Store) -> Result<Secret, HubError> {
    let row = row_name(name);
    let sealed = store.journal.sealed(&row).await.doing("reading the vault")?;
    let sealed = sealed.ok_or_else(|| {
        HubError::usage(format!("there is no secret {name}"))
            .hint(format!("store it with `gesher secrets set {name}`, or set {}", variable(name)))
    })?;
    store
        .vault
        .open_sealed(&row, &sealed.bytes)
        .map_err(|error| HubError::usage(format!("the secret {name} cannot be opened")).because(error))
}

/// Makes the secrets of webhooks known that are in the environment: a command may serve none and still see one.
pub fn learn_of_hooks(config: &Config, redactor: &Redactor) {
    let names = config.webhooks().flat_map(|(_, hook)| &hook.secrets);
    names.filter_map(|name| from_environment(&name.0)).for_each(|secret| redactor.learn(&secret));
}

/// Makes every secret that a person stored known to the redactor, used or not. The keys of vendors become known when
/// they are opened.
pub async fn learn_all(store: &Store, redactor: &Redactor) -> Result<(), HubError> {
    for (name, _) in store.journal.sealed_names().await.doing("reading the vault")? {
        if name.starts_with(PREFIX)
            && let Some(row) = store.journal.sealed(&name).await.doing("reading the vault")?
            && let Ok(secret) = store.vault.open_sealed(&name, &row.bytes)
        {
            redactor.learn(&secret);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_upper_case_with_underscores() {
        for (name, want) in [
            ("officeguy.api_key", "GESHER_SECRET_OFFICEGUY_API_KEY"),
            ("hooks/onboard-2", "GESHER_SECRET_HOOKS_ONBOARD_2"),
        ] {
            assert_eq!(variable(name), want);
        }
    }
}
