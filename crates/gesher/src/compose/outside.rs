//! The outside world of a hub: the guarded client, and where the secrets of the flows come from.

use super::secrets;
use super::store::Store;
use crate::commands::secrets::row_name;
use crate::config::Config;
use gesher_core::{Redactor, Secret};
use gesher_engine::journal::Journal;
use gesher_provider::TransportOptions;
use gesher_provider::outside::{Outside, OutsideClient, SecretFuture, Secrets};
use gesher_vault::Vault;
use std::sync::Arc;

/// Calls of hosts of the flows' own at a time, over all flows. Others wait for their turn.
pub const IN_FLIGHT_MAX: usize = 32;
/// Size of what such a host answers, in bytes: what a script's text can hold. A longer answer ends the call.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The limits of the guarded client.
pub fn options() -> TransportOptions {
    TransportOptions { body_bytes_max: ANSWER_BYTES_MAX, ..TransportOptions::default() }
}

/// The outside world as a provider.
pub fn provider(
    config: &Config,
    store: &Store,
    redactor: &Arc<Redactor>,
    client: &Arc<OutsideClient>,
) -> Outside {
    Outside::new(Arc::clone(client), source(config, store), Arc::clone(redactor))
}

/// Where secrets come from. A simulator hub reads none from its environment.
pub fn source(config: &Config, store: &Store) -> Arc<dyn Secrets> {
    Arc::new(Source {
        journal: Arc::clone(&store.journal),
        vault: Arc::clone(&store.vault),
        reads_environment: !config.is_simulated(),
    })
}

struct Source {
    journal: Arc<dyn Journal>,
    vault: Arc<Vault>,
    reads_environment: bool,
}

impl Source {
    async fn value(&self, name: &str) -> Option<Secret> {
        if self.reads_environment
            && let Some(secret) = secrets::from_environment(name)
        {
            return Some(secret);
        }
        let row = row_name(name);
        let sealed = self.journal.sealed(&row).await;
        let sealed =
            sealed.inspect_err(|error| tracing::error!(%error, "a secret cannot be read")).ok()??;
        let opened = self.vault.open_sealed(&row, &sealed.bytes);
        opened.inspect_err(|error| tracing::error!(%error, "the secret {name} cannot be opened")).ok()
    }
}

impl Secrets for Source {
    fn open<'a>(&'a self, name: &'a str) -> SecretFuture<'a> {
        Box::pin(self.value(name))
    }
}
