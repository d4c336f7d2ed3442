//! From *who* to the account that sends: the marketplace's own, or a vendor's from the vault.

use crate::error::EngineError;
use gesher_core::operation::Registered;
use gesher_core::{Account, Clock, MARKETPLACE, Redactor, Rejection, Sender, Text, VendorHandle};
use gesher_journal::Journal;
use gesher_vault::Vault;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a vendor's unsealed account is trusted before the vault's row is read again: keys that a person sets
/// beside a running hub take effect within this time.
const ACCOUNT_TRUST: Duration = Duration::from_secs(1);

/// Knows accounts, and keeps vendors' accounts unsealed for a moment.
pub(crate) struct Accounts {
    journal: Arc<dyn Journal>,
    vault: Arc<Vault>,
    redactor: Arc<Redactor>,
    clock: Arc<dyn Clock>,
    unsealed: Mutex<HashMap<String, (Duration, Arc<Account>)>>,
}

/// Why there is no account.
pub(crate) enum NoAccount {
    /// *Who* is nobody.
    Refused(Rejection),
    /// The vault's row could not be read.
    Failed(EngineError),
}

impl From<Rejection> for NoAccount {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl Accounts {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        vault: Arc<Vault>,
        redactor: Arc<Redactor>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { journal, vault, redactor, clock, unsealed: Mutex::new(HashMap::new()) }
    }

    /// The account that sends `operation` for `who`.
    pub(crate) async fn of(&self, operation: &Registered, who: &str) -> Result<Arc<Account>, NoAccount> {
        let provider = &operation.provider;
        match operation.entry.descriptor.sender {
            Sender::Marketplace => {
                let _checked: VendorHandle = who.parse()?;
                Ok(Arc::new(provider.marketplace()))
            }
            Sender::Who if who == MARKETPLACE => Ok(Arc::new(provider.marketplace())),
            Sender::Who => {
                let vendor: VendorHandle = who.parse()?;
                self.vendor(operation, &vendor).await
            }
        }
    }

    async fn vendor(&self, operation: &Registered, vendor: &VendorHandle) -> Result<Arc<Account>, NoAccount> {
        let name = vendor.vault_name(operation.provider.name());
        let now = self.clock.monotonic();
        {
            let unsealed = self.unsealed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, account)) = unsealed.get(&name)
                && now.saturating_sub(*since) < ACCOUNT_TRUST
            {
                return Ok(Arc::clone(account));
            }
        }
        let row = self
            .journal
            .sealed(&name)
            .await
            .map_err(|error| NoAccount::Failed(EngineError::journal("reading a vendor's keys")(error)))?;
        let Some(row) = row else {
            return Err(unknown_vendor(vendor).into());
        };
        let secret =
            self.vault.open_sealed(&name, &row.bytes).map_err(|error| unreadable_keys(vendor, &error))?;
        let account = Arc::new(operation.provider.vendor_account(&secret)?);
        account.secrets.values().for_each(|secret| self.redactor.learn(secret));
        let mut unsealed = self.unsealed.lock().unwrap_or_else(PoisonError::into_inner);
        unsealed.insert(name, (now, Arc::clone(&account)));
        Ok(account)
    }
}

fn unknown_vendor(vendor: &VendorHandle) -> Rejection {
    Rejection::new(
        "unknown_vendor",
        Text::new(
            format!("הספק {vendor} אינו מוכר: אין עבורו מפתחות בכספת"),
            format!("the vendor {vendor} is not known: the vault has no keys of it"),
        ),
    )
}

fn unreadable_keys(vendor: &VendorHandle, error: &gesher_vault::VaultError) -> Rejection {
    Rejection::new(
        "vault",
        Text::new(
            format!("אי אפשר לפתוח את מפתחות הספק {vendor}: {error}"),
            format!("the keys of the vendor {vendor} cannot be unsealed: {error}"),
        ),
    )
}
