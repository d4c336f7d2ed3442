//! The account at Senzey, as `[senzey]` describes it, and what may not stand in it.

use super::value::SecretName;
use super::{SIMULATOR, Section, count, duration, rate, secret};
use gesher_provider::BaseUrl;
use gesher_senzey::{Answers, Booleans, GatewayForm, NoCurrency, WireDates, WireOptions};
use std::time::Duration;

/// Length of an account's name, which is part of a host name.
const ACCOUNT_BYTES_MAX: usize = 63;

/// The account at Senzey.
#[derive(Clone, Debug)]
pub struct Senzey {
    /// Its name, as in `https://NAME.senzey.com`.
    pub account: Option<String>,
    /// Its address, or `simulator`, instead of its name.
    pub base_url: Option<String>,
    /// What the simulated account is called in the journal, where not by the usual name.
    pub simulated_as: Option<String>,
    /// The user's name.
    pub username: Option<SecretName>,
    /// The user's password.
    pub password: Option<SecretName>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Calls that may begin in a second.
    pub rate: Option<u32>,
    /// Calls at a time.
    pub max_in_flight: usize,
    /// What the provider's pages leave open.
    pub wire: WireOptions,
    /// Where contacts are asked for.
    pub contacts_path: String,
    section: Section,
}

impl Senzey {
    pub(super) fn of(section: Section) -> Self {
        let some = |name: &str| section.get(name).map(|_| section.text(name));
        Self {
            account: some("account"),
            base_url: some("base_url"),
            simulated_as: None,
            username: secret(&section, "username"),
            password: secret(&section, "password"),
            timeout: duration(&section, "timeout"),
            rate: rate(&section),
            max_in_flight: count(&section, "max_in_flight"),
            wire: wire(&section),
            contacts_path: section.text("contacts_path"),
            section,
        }
    }

    /// Whether the hub runs its own simulator.
    pub fn is_simulated(&self) -> bool {
        self.base_url.as_deref() == Some(SIMULATOR)
    }

    /// The address of the real account, in one spelling.
    pub fn address(&self) -> Option<String> {
        match (&self.base_url, &self.account) {
            (Some(url), _) => Some(BaseUrl::parse(url).map_or_else(|_| url.clone(), |url| url.to_string())),
            (None, Some(account)) => Some(format!("https://{account}.senzey.com")),
            (None, None) => None,
        }
    }

    /// What the account is called in the journal: its name, or the host that it has instead of one.
    pub fn account_name(&self) -> Option<String> {
        if self.is_simulated() {
            return Some(self.simulated_as.clone().unwrap_or_else(|| SIMULATOR.to_owned()));
        }
        let host = || BaseUrl::parse(self.base_url.as_deref()?).ok().map(|url| url.authority().to_owned());
        self.account.clone().or_else(host)
    }

    /// Where a setting stands.
    pub(super) fn place(&self, setting: &str) -> std::ops::Range<usize> {
        self.section.place(setting)
    }

    /// What is wrong with the settings: the setting, what, and how to mend it. `used` says whether a flow calls Senzey.
    pub(super) fn faults(&self, used: bool) -> Vec<(&'static str, String, &'static str)> {
        let mut faults = Vec::new();
        if self.account.is_some() && self.base_url.is_some() {
            let what = "`account` and `base_url` are two ways to say where Senzey is".to_owned();
            faults.push(("base_url", what, "keep one of them"));
        }
        if let Some(account) = self.account.as_ref().filter(|account| !is_account(account)) {
            let what = format!("`{account}` cannot be an account's name");
            faults.push(("account", what, "write the part before .senzey.com: letters, digits and `-`"));
        }
        let path = &self.contacts_path;
        let good = path.starts_with('/') && !path.starts_with("//");
        if !good || path.bytes().any(|byte| !byte.is_ascii_graphic() || b"?#".contains(&byte)) {
            let what = "`contacts_path` is no path".to_owned();
            faults.push(("contacts_path", what, "write it like \"/extapi/client/list.php\""));
        }
        if !used || self.is_simulated() {
            return faults;
        }
        let needed = [
            (
                "account",
                self.account_name().is_some(),
                "write `account = \"acme\"`, or base_url = \"simulator\" to try without an account",
            ),
            ("username", self.username.is_some(), "write `username = { secret = \"senzey.username\" }`"),
            ("password", self.password.is_some(), "write `password = { secret = \"senzey.password\" }`"),
        ];
        for (name, _, mend) in needed.into_iter().filter(|(_, is_there, _)| !is_there) {
            faults.push((name, format!("`{name}` is missing in [senzey], and a flow calls Senzey"), mend));
        }
        faults
    }
}

/// A label of a host name.
fn is_account(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let ends = !name.starts_with('-') && !name.ends_with('-');
    !name.is_empty() && name.len() <= ACCOUNT_BYTES_MAX && name.bytes().all(fits) && ends
}

fn wire(section: &Section) -> WireOptions {
    WireOptions {
        booleans: if section.text("booleans") == "true" { Booleans::Lower } else { Booleans::Upper },
        no_currency: if section.text("shekels") == "NULL" { NoCurrency::Null } else { NoCurrency::Omit },
        dates: if section.text("dates") == "yyyy-mm-dd" { WireDates::Iso } else { WireDates::DayMonthYear },
        gateway: match section.text("gateway_fields").as_str() {
            "query" => GatewayForm::Query,
            "brackets" => GatewayForm::Brackets,
            _ => GatewayForm::Json,
        },
        answers: if section.text("answers") == "any" { Answers::Any } else { Answers::Json },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_label_of_a_host_name() {
        for (name, good) in
            [("acme", true), ("a-1", true), ("acme.senzey.com", false), ("-a", false), ("א", false)]
        {
            assert_eq!(is_account(name), good, "{name}");
        }
    }
}
