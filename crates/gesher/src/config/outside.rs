//! What a hub reaches beside its providers, as `http` and `secrets` of a flow and `[alerts]` say, and what may not stand there.

use super::value::SecretName;
use super::{Config, Fault, FlowConfig, Section, secret};
use crate::compose::secrets::variable;
use gesher_provider::BaseUrl;
use gesher_provider::outside::{Origin, Url, origins_of};

/// The domains of the providers. What is at them is called by their operations alone, which no other way goes round.
const PROVIDERS: &[&str] = &["sumit.co.il", "officeguy.co.il", "officeguy.com", "senzey.com"];

/// Where alerts go.
#[derive(Clone, Debug)]
pub struct Alerts {
    /// The address; none where they only stand in the journal.
    pub url: Option<String>,
    /// What they are signed with.
    pub secret: Option<SecretName>,
    section: Section,
}

impl Alerts {
    /// Leaves them in the journal.
    pub fn keep(&mut self) {
        (self.url, self.secret) = (None, None);
    }

    pub(super) fn of(section: Section) -> Self {
        let url = section.get("url").map(|_| section.text("url"));
        Self { url, secret: secret(&section, "secret"), section }
    }
}

impl FlowConfig {
    /// The origins that it may call. An entry that means nothing is a rule's fault, and allows nothing.
    pub fn origins(&self) -> Vec<String> {
        let origins = self.http.iter().filter_map(|entry| origins_of(entry).ok()).flatten();
        origins.map(|origin| origin.to_string()).collect()
    }
}

impl Config {
    /// Where a secret stands that a flow or the alerts name.
    pub(super) fn outside_place(&self, name: &SecretName) -> Option<std::ops::Range<usize>> {
        if self.alerts.secret.as_ref() == Some(name) {
            return Some(self.alerts.section.place("secret"));
        }
        let flow = self.flows.iter().find(|flow| flow.secrets.contains(name))?;
        Some(flow.section.place("secrets"))
    }

    /// Whether a secret opens one of the hub's accounts at its providers. Names with one variable are one secret.
    pub(super) fn is_of_provider(&self, name: &str) -> bool {
        let user = [&self.senzey.username, &self.senzey.password].into_iter().flatten();
        let mut own = self.officeguy.api_key.iter().chain(user);
        own.any(|own| variable(&own.0) == variable(name))
    }

    /// Whether an entry, as `http` has them, stands for a provider's host.
    pub(super) fn is_providers_host(&self, entry: &str) -> bool {
        origins_of(entry).is_ok_and(|origins| origins.iter().any(|origin| self.is_provider(origin)))
    }

    /// Whether an origin is a provider's, by its name or because the hub calls a provider there.
    fn is_provider(&self, origin: &Origin) -> bool {
        let host = origin.host_text();
        let named = |domain: &&str| host == **domain || host.ends_with(&format!(".{domain}"));
        let addresses = [Some(self.officeguy.base_url.clone()), self.senzey.address()];
        let mut configured =
            addresses.into_iter().flatten().filter_map(|address| BaseUrl::parse(&address).ok());
        PROVIDERS.iter().any(named) || configured.any(|base| base.is_at(origin))
    }
}

/// What is wrong with the hosts and secrets of the flows, and with where alerts go.
pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    for flow in &config.flows {
        for entry in &flow.http {
            match origins_of(entry) {
                Err(fault) => {
                    let what = format!("`{entry}` in `http`: {fault}");
                    faults.push(config.flow_fault(
                        flow,
                        "http",
                        what,
                        "write hosts like \"api.example.com\"",
                    ));
                }
                Ok(origins) if origins.iter().any(|origin| config.is_provider(origin)) => {
                    let what = format!("`{entry}` in `http` is a provider's host");
                    let mend = "call the provider by its operations: `gesher operations` lists them";
                    faults.push(config.flow_fault(flow, "http", what, mend));
                }
                Ok(_) => {}
            }
        }
        for name in flow.secrets.iter().filter(|name| config.is_of_provider(&name.0)) {
            let what =
                format!("the secret {} opens an account at a provider, and is never sent elsewhere", name.0);
            faults.push(config.flow_fault(
                flow,
                "secrets",
                what,
                "name a secret of the host that the flow calls",
            ));
        }
        if !flow.secrets.is_empty() && flow.http.is_empty() {
            let what =
                format!("the flow {} names secrets, and no host that they could be sent to", flow.name);
            faults.push(config.flow_fault(flow, "secrets", what, "list the hosts in `http`"));
        }
    }
    faults.extend(of_alerts(config));
    faults
}

fn of_alerts(config: &Config) -> Vec<Fault> {
    let Alerts { url, secret, section } = &config.alerts;
    let fault =
        |setting: &str, what: String, mend: &str| config.source.fault(&section.place(setting), what, mend);
    match (url, secret) {
        (None, None) => Vec::new(),
        (None, Some(_)) => {
            let what = "[alerts] has a secret and no address".to_owned();
            vec![fault("secret", what, "write url = \"https://…\"")]
        }
        (Some(url), secret) => {
            let mut faults = Vec::new();
            if let Some(name) = secret.as_ref().filter(|name| config.is_of_provider(&name.0)) {
                let what =
                    format!("the secret {} opens an account at a provider, and signs nothing else", name.0);
                faults.push(fault("secret", what, "name a secret of the alerts' own"));
            }
            match Url::parse(url) {
                Err(error) => {
                    faults.push(fault("url", format!("`url` of [alerts]: {error}"), "write a whole address"))
                }
                Ok(url) if config.is_provider(&url.origin) => {
                    let what = "`url` of [alerts] is a provider's address".to_owned();
                    faults.push(fault("url", what, "write the address of whoever looks after the hub"));
                }
                Ok(_) => {}
            }
            if secret.is_none() {
                let what =
                    "`secret` is missing in [alerts], so nobody could tell who sent an alert".to_owned();
                faults.push(fault("url", what, "write secret = { secret = \"alerts.key\" }"));
            }
            faults
        }
    }
}
