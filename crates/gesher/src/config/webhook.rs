//! A flow's webhook, as `[flow.NAME.webhook]` describes it, and what may not stand in it. The values of its secrets are
//! fetched elsewhere.

use super::value::{SecretName, Value};
use super::{Config, Fault, FlowConfig, Section};
use axum::http::HeaderName;
use gesher_core::{Descriptor, Effect, Secret};
use gesher_trigger::webhook::address::path_fault;
use gesher_trigger::webhook::limits::SECRETS_MAX;
use gesher_trigger::webhook::{Encoding, IdPointer, Reply, Scheme, WebhookConfig};
use std::ops::Range;

/// The webhook of a flow.
#[derive(Clone, Debug)]
pub struct WebhookPart {
    /// The path of its address.
    pub path: String,
    /// How a delivery proves where it comes from. Where the settings do not say it whole, a rule's fault does.
    pub scheme: Scheme,
    /// What it is proved with.
    pub secrets: Vec<SecretName>,
    /// What a sender is told.
    pub reply: Reply,
    id: Option<IdPointer>,
    pub(super) section: Section,
}

impl WebhookPart {
    pub(super) fn of(section: &Section) -> Self {
        let secrets = match section.get("secrets") {
            Some(Value::Secrets(names)) => names.clone(),
            _ => Vec::new(),
        };
        Self {
            path: section.text("path"),
            scheme: scheme(section),
            secrets,
            reply: if section.text("reply") == "sync" { Reply::Sync } else { Reply::Async },
            id: IdPointer::parse(&section.text("id")),
            section: section.clone(),
        }
    }

    /// As the trigger takes it, with the values of its secrets.
    pub fn with(&self, secrets: Vec<(String, Secret)>) -> WebhookConfig {
        WebhookConfig {
            path: self.path.clone(),
            scheme: self.scheme.clone(),
            secrets,
            id: self.id.clone(),
            reply: self.reply,
        }
    }

    /// Where a setting stands.
    pub(super) fn place(&self, setting: &str) -> Range<usize> {
        self.section.place(setting)
    }

    fn names(&self, setting: &str) -> bool {
        self.section.is_set(setting)
    }
}

fn scheme(section: &Section) -> Scheme {
    let header = section.text("header").parse().ok();
    let prefix = section.text("prefix");
    let encoding = if section.text("encoding") == "base64" { Encoding::Base64 } else { Encoding::Hex };
    match (section.text("verify").as_str(), header) {
        ("standard-webhooks", _) => Scheme::StandardWebhooks,
        ("github", _) => Scheme::GitHub,
        ("stripe", _) => Scheme::Stripe,
        ("hmac", Some(header)) => Scheme::Hmac { header, encoding, prefix },
        ("token", header) => Scheme::Token { header, prefix },
        ("basic", _) => Scheme::Basic,
        _ => Scheme::None,
    }
}

/// What is wrong at a setting of a webhook: the setting, what, and how to mend it.
type Wrong = (&'static str, String, String);

/// What no webhook of the hub may be.
pub(super) fn faults(config: &Config, operations: &[Descriptor]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut paths: Vec<(&str, &str)> = Vec::new();
    for (flow, hook) in config.webhooks() {
        let may_act = flow.may(Effect::Money, operations) || flow.may(Effect::Write, operations);
        let mut wrong = of_one(hook, &flow.name, may_act);
        if let Some((owner, _)) = paths.iter().find(|(_, path)| *path == hook.path) {
            let what = format!("the flows `{owner}` and `{}` have the same path", flow.name);
            wrong.push(("path", what, "give each flow a path of its own".to_owned()));
        }
        paths.push((&flow.name, &hook.path));
        faults.extend(
            wrong
                .into_iter()
                .map(|(setting, what, mend)| config.source.fault(&hook.place(setting), what, mend)),
        );
    }
    let is_taken = config.hooks == config.dashboard && !config.hooks.ends_with(":0");
    if is_taken && config.webhooks().next().is_some() {
        let what = "the webhooks would listen where the dashboard does".to_owned();
        let mend = "give [hooks] a port of its own, such as listen = \"127.0.0.1:7879\"";
        faults.push(config.source.fault(&config.hooks_place(), what, mend));
    }
    faults
}

fn of_one(hook: &WebhookPart, flow: &str, may_act: bool) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = Vec::new();
    if let Some(why) = path_fault(&hook.path) {
        let mend = "write it like \"/hooks/onboard\"".to_owned();
        wrong.push(("path", format!("`{}` cannot be a webhook's path: {why}", hook.path), mend));
    }
    wrong.extend(of_secrets(hook, flow, may_act));
    wrong.extend(of_header(hook));
    if hook.names("id") {
        let verify = hook.section.text("verify");
        if hook.id.is_none() {
            let what = format!("`{}` does not say where the id is", hook.section.text("id"));
            wrong.push((
                "id",
                what,
                "write it like \"json:/data/id\", a JSON pointer into the body".to_owned(),
            ));
        } else if verify == "standard-webhooks" {
            let what = "`id` has no meaning here: these deliveries sign an id of their own".to_owned();
            wrong.push(("id", what, "take `id` out".to_owned()));
        }
    }
    wrong
}

fn of_secrets(hook: &WebhookPart, flow: &str, may_act: bool) -> Option<Wrong> {
    let is_unverified = hook.section.text("verify") == "none";
    let names = &hook.secrets;
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    match (is_unverified, names.len()) {
        (true, _) if may_act => Some((
            "verify",
            format!("anybody could start the flow `{flow}`, which may write or move money"),
            "verify its deliveries, as with verify = \"standard-webhooks\"; \"token\" is the least"
                .to_owned(),
        )),
        (true, 1..) => Some((
            "secrets",
            "secrets stand here, and nothing is verified with them".to_owned(),
            "say with `verify` how, or take them out".to_owned(),
        )),
        (true, 0) => None,
        (false, 0) => Some((
            "secrets",
            format!("`secrets` is missing in [flow.{flow}.webhook], so no delivery could be verified"),
            format!("write `secrets = [{{ secret = \"hooks.{flow}\" }}]`"),
        )),
        (false, many) if many > SECRETS_MAX => Some((
            "secrets",
            format!("there are {many} secrets here, and at most {SECRETS_MAX} are tried"),
            "keep the new one and the old one while they are changed".to_owned(),
        )),
        (false, _) => twice.map(|(_, name)| {
            ("secrets", format!("the secret {} stands here twice", name.0), "keep one of them".to_owned())
        }),
    }
}

fn of_header(hook: &WebhookPart) -> Vec<Wrong> {
    let verify = hook.section.text("verify");
    let mut wrong: Vec<Wrong> = Vec::new();
    for (setting, schemes) in
        [("header", &["hmac", "token"][..]), ("prefix", &["hmac", "token"]), ("encoding", &["hmac"])]
    {
        if hook.names(setting) && !schemes.contains(&verify.as_str()) {
            let what = format!("`{setting}` has no meaning with verify = \"{verify}\"");
            wrong.push((setting, what, format!("take `{setting}` out")));
        }
    }
    let header = hook.section.text("header");
    if hook.names("header") && header.parse::<HeaderName>().is_err() {
        let what = format!("`{header}` cannot be a header's name");
        wrong.push(("header", what, "write it like \"X-Signature\"".to_owned()));
    } else if verify == "hmac" && !hook.names("header") {
        let what = "`header` is missing: nothing says where the signature is".to_owned();
        wrong.push(("header", what, "write `header = \"X-Signature\"`".to_owned()));
    } else if verify == "token" && hook.names("prefix") && !hook.names("header") {
        let what = "`prefix` has no meaning without `header`: the token is part of the address".to_owned();
        wrong.push(("prefix", what, "write `header = \"Authorization\"`, or take `prefix` out".to_owned()));
    }
    wrong
}

impl Config {
    /// The flows that have a webhook, with it.
    pub fn webhooks(&self) -> impl Iterator<Item = (&FlowConfig, &WebhookPart)> {
        self.flows.iter().filter_map(|flow| Some((flow, flow.webhook.as_ref()?)))
    }

    /// A fault at the place of a setting of a flow's webhook.
    pub fn webhook_fault(&self, hook: &WebhookPart, setting: &str, what: String, mend: &str) -> Fault {
        self.source.fault(&hook.place(setting), what, mend)
    }
}
