//! From *who* to the account that sends: the marketplace's own, or a vendor's from the vault.

use crate::error::EngineError;
use gesher_core::operation::Registered;
use gesher_core::{Account, Clock, MARKETPLACE, Redactor, Rejection, Secret, Sender, Text, VendorHandle};
use gesher_journal::Journal;
use gesher_vault::Vault;
use std::collections::{BTreeMap, HashMap};
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
    /// The keys that the provider refused, by account.
    refused: Mutex<HashMap<String, Keys>>,
}

/// What an account proves itself with.
type Keys = BTreeMap<&'static str, Secret>;

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
        Self { journal, vault, redactor, clock, unsealed: Mutex::default(), refused: Mutex::default() }
    }

    /// The provider refused the keys of this account, and may block whoever goes on trying them. Answers whether they
    /// were not known to be refused.
    pub(crate) fn pause(&self, name: &str, account: &Account) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(name.to_owned(), account.secrets.clone()).as_ref() != Some(&account.secrets)
    }

    /// Whether the account is paused: its keys are still those that were refused.
    pub(crate) fn is_paused(&self, name: &str, account: &Account) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(name) == Some(&account.secrets)
    }

    /// The account that sends `operation` for `who`.
    pub(crate) async fn of(&self, operation: &Registered, who: &str) -> Result<Arc<Account>, NoAccount> {
        let provider = &operation.provider;
        match operation.entry.descriptor.sender {
            Sender::Marketplace => {
                let _checked: VendorHandle = who.parse()?;
                Ok(Arc::new(provider.marketplace()))
            }
            Sender::Only if who != MARKETPLACE => Err(no_vendors(provider.name()).into()),
            Sender::Only => Ok(Arc::new(provider.marketplace())),
            Sender::Who => self.of_name(operation, who).await,
        }
    }

    /// The accounts of those whom a request names beside *who*.
    pub(crate) async fn of_others(
        &self,
        operation: &Registered,
        names: &[String],
    ) -> Result<Vec<Arc<Account>>, NoAccount> {
        let mut accounts = Vec::with_capacity(names.len());
        for name in names {
            accounts.push(self.of_name(operation, name).await?);
        }
        Ok(accounts)
    }

    /// The account of the marketplace or of a vendor.
    async fn of_name(&self, operation: &Registered, name: &str) -> Result<Arc<Account>, NoAccount> {
        if name == MARKETPLACE {
            return Ok(Arc::new(operation.provider.marketplace()));
        }
        let vendor: VendorHandle = name.parse()?;
        self.vendor(operation, &vendor).await
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

fn no_vendors(provider: &str) -> Rejection {
    Rejection::new(
        "no_vendors",
        Text::new(
            format!("ל־{provider} יש חשבון אחד בלבד, ואין בו ספקים"),
            format!("{provider} has one account and no vendors"),
        ),
    )
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
