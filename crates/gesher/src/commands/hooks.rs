//! `hooks verify`: would this delivery be accepted, and if not, why. By the functions that judge the deliveries that come;
//! nothing is begun and nothing is written.

use super::flow_of;
use crate::compose::store::open_reader;
use crate::config::{Config, FlowConfig, WebhookPart};
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::webhooks;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::{Args, Subcommand};
use gesher_core::{Clock, Redactor, RunId, SystemClock};
use gesher_engine::journal::{Journal, TriggerKind};
use gesher_trigger::webhook::address::{Query, query, split_token};
use gesher_trigger::webhook::limits::BODY_BYTES_MAX;
use gesher_trigger::webhook::verify::{Delivery, diagnose};
use gesher_trigger::webhook::{Refused, SecretFault, Taken, Verifier, WebhookConfig, taken};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::Read;
use std::path::PathBuf;

/// `hooks`
#[derive(Debug, Subcommand)]
pub enum HooksCommand {
    /// Say whether a delivery would be accepted, and if not, why.
    ///
    /// Judges what was kept of a delivery as one that comes now. Nothing is begun and nothing is written. Exit code 0 when it
    /// would be accepted, else 1.
    Verify(VerifyArgs),
}

/// `hooks verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The flow that it is for.
    #[arg(value_name = "FLOW")]
    pub flow: String,
    /// A header of the delivery; once for each.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The body, byte for byte; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub body: PathBuf,
    /// When it came, such as 2026-03-27T09:30:00Z; else now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// The address it was sent to, from its path on, where a token stands in it.
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
}

/// Runs one of the commands.
pub async fn run(output: Output, config: &Config, command: HooksCommand) -> Result<Exit, HubError> {
    match command {
        HooksCommand::Verify(args) => verify(output, config, &args).await,
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    /// What the sender is told, in one number.
    status: u16,
    /// One word for programs.
    code: String,
    /// What was found.
    what: String,
    /// What to do.
    hint: Option<String>,
    /// Which secret it was proved with.
    secret: Option<String>,
    /// What names it.
    id: Option<String>,
    /// The run of the same delivery.
    run: Option<RunId>,
}

impl Found {
    fn refused(status: u16, code: impl Into<String>, what: impl Into<String>) -> Self {
        Self { status, code: code.into(), what: what.into(), ..Self::default() }
    }

    fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

async fn verify(output: Output, config: &Config, args: &VerifyArgs) -> Result<Exit, HubError> {
    let flow = flow_of(config, &args.flow)?;
    let part = flow.webhook.as_ref().ok_or_else(|| {
        let names: Vec<&str> = config.webhooks().map(|(flow, _)| flow.name.as_str()).collect();
        let hint = if names.is_empty() {
            "no flow has one".to_owned()
        } else {
            format!("flows that have one: {}", names.join(", "))
        };
        HubError::usage(format!("the flow {} has no webhook", args.flow)).hint(hint)
    })?;
    let headers = headers(&args.headers)?;
    let body = body(args)?;
    let redactor = Redactor::new();
    let hook = webhooks::alone(config, flow, part, &redactor).await?;
    let verifier =
        Verifier::new(hook.scheme.clone(), &hook.secrets).map_err(|fault| of_secret(config, part, &fault))?;
    let now = args.at.unwrap_or_else(|| SystemClock::new().now());
    let rehearsal = Rehearsal { hook: &hook, verifier: &verifier, redactor: &redactor, now };
    let found = match rehearsal.judge(args.path.as_deref(), &headers, &body) {
        Ok((found, taken)) => compare(config, flow, found, &taken).await?,
        Err(found) => *found,
    };
    output.json(&document(flow, &hook, &found));
    output.text(&words(flow, &hook, &found));
    Ok(if found.is_accepted() { Exit::Well } else { Exit::Partly })
}

fn of_secret(config: &Config, part: &WebhookPart, fault: &SecretFault) -> HubError {
    let mend = "store it again, as the sender shows it, with `gesher secrets set NAME`";
    HubError::faults(vec![config.webhook_fault(part, "secrets", fault.to_string(), mend)])
}

/// The headers as they were given, in their order.
fn headers(lines: &[String]) -> Result<HeaderMap, HubError> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let parts = line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        let read = parts.and_then(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
        });
        let (name, value) = read.ok_or_else(|| {
            HubError::usage("a --header is not written as NAME: VALUE")
                .hint("as in --header \"webhook-id: msg_1\", once for each header")
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// The body, byte for byte; one byte more than the limit where it is longer.
fn body(args: &VerifyArgs) -> Result<Vec<u8>, HubError> {
    let mut bytes = Vec::new();
    let most = BODY_BYTES_MAX as u64 + 1;
    let read = match args.body.to_str() {
        Some("-") => std::io::stdin().lock().take(most).read_to_end(&mut bytes),
        _ => std::fs::File::open(&args.body).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    read.map_err(|error| {
        HubError::usage(format!("the body {} cannot be read", args.body.display())).because(error)
    })?;
    Ok(bytes)
}

/// A delivery that is judged as if it came now.
struct Rehearsal<'a> {
    hook: &'a WebhookConfig,
    verifier: &'a Verifier,
    redactor: &'a Redactor,
    now: Timestamp,
}

impl Rehearsal<'_> {
    fn judge(
        &self,
        path: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(Found, Taken), Box<Found>> {
        let query = self.address(path)?;
        let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            return Err(Box::new(of_refused(&Refused::Compressed)));
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(Box::new(of_refused(&Refused::TooLarge)));
        }
        let delivery = Delivery { headers, tokens: &query.tokens, body };
        let verified = self.verifier.verify(&delivery, self.now).map_err(|refusal| {
            let hint = diagnose(self.verifier, &delivery, &refusal);
            let code = hint.as_ref().map_or("unverified", |hint| hint.code);
            let status = if refusal.is_bad_request() { 400 } else { 401 };
            let what = self.redactor.text(&refusal.to_string()).into_owned();
            Box::new(Found { hint: hint.map(|hint| hint.text), ..Found::refused(status, code, what) })
        })?;
        let taken = taken(self.hook, self.redactor, &verified, (headers, &query.fields), body);
        let taken = taken
            .map_err(|refused| Box::new(Found { secret: verified.secret.clone(), ..of_refused(&refused) }))?;
        let found = Found {
            status: 202,
            code: "accepted".to_owned(),
            secret: verified.secret,
            id: Some(taken.identity.id.clone()),
            ..Found::default()
        };
        Ok((found, taken))
    }

    /// What the address says beside the path, where one was given.
    fn address(&self, path: Option<&str>) -> Result<Query, Box<Found>> {
        let Some(address) = path else { return Ok(Query::default()) };
        let (path, text) = address.split_once('?').map_or((address, None), |(path, text)| (path, Some(text)));
        let takes_token = self.hook.scheme.is_in_the_address();
        let word = match split_token(path) {
            _ if path == self.hook.path => None,
            Some((base, word)) if takes_token && base == self.hook.path => Some(word),
            _ => {
                let what = format!("the path is not {}", self.hook.path);
                return Err(Box::new(Found::refused(404, "not_found", what)));
            }
        };
        let mut query = query(text, takes_token).map_err(|fault| {
            Box::new(Found::refused(400, "bad_request", format!("the query cannot be read: {fault}")))
        })?;
        query.tokens.extend(word);
        Ok(query)
    }
}

fn of_refused(refused: &Refused) -> Found {
    let told = refused.told();
    let text = |name: &str| told.body[name].as_str().unwrap_or_default().to_owned();
    let place = told.body["field"].as_str().map(|field| format!(", at {field}"));
    let what = format!("{}{}", text("message"), place.unwrap_or_default());
    Found::refused(told.status.as_u16(), text("error"), what)
}

/// Whether the journal knows the delivery, and the same one.
async fn compare(config: &Config, flow: &FlowConfig, found: Found, taken: &Taken) -> Result<Found, HubError> {
    let Some(journal) = open_reader(config)? else { return Ok(found) };
    let known = known(&*journal, &flow.name, &taken.identity.id).await?;
    let Some((run, body)) = known else { return Ok(found) };
    let is_same = body.as_deref() == taken.kept["body"].as_str();
    let (status, code) = if is_same { (200, "again") } else { (409, "id_taken") };
    let what = match is_same {
        true => String::new(),
        false => format!("run {run} is that of another delivery with this id, and with another body"),
    };
    Ok(Found { status, code: code.to_owned(), what, run: Some(run), ..found })
}

async fn known(
    journal: &dyn Journal,
    flow: &str,
    id: &str,
) -> Result<Option<(RunId, Option<String>)>, HubError> {
    let run = journal.event(flow, TriggerKind::Webhook, id).await.doing("reading the journal")?;
    let Some(run) = run else { return Ok(None) };
    let record = journal.run(&run).await.doing("reading the journal")?;
    let body = record.and_then(|run| run.source["args"]["body"].as_str().map(ToOwned::to_owned));
    Ok(Some((run, body)))
}

fn document(flow: &FlowConfig, hook: &WebhookConfig, found: &Found) -> Value {
    json!({
        "accepted": found.is_accepted(),
        "flow": flow.name,
        "path": hook.path,
        "verify": hook.scheme.as_str(),
        "status": found.status,
        "code": found.code,
        "reason": (!found.what.is_empty()).then_some(&found.what),
        "hint": found.hint,
        "secret": found.secret,
        "id": found.id,
        "run": found.run,
    })
}

fn words(flow: &FlowConfig, hook: &WebhookConfig, found: &Found) -> String {
    let by = found.secret.as_ref().map(|name| format!(", verified with {name}")).unwrap_or_default();
    let id = found.id.as_ref().map(|id| format!("\nits id: {id}")).unwrap_or_default();
    match (&found.run, found.is_accepted()) {
        (Some(run), true) => format!(
            "accepted{by}: it is the delivery of run {run} again, so nothing new would begin (the sender hears 200){id}"
        ),
        (None, true) => {
            format!(
                "accepted{by}: it would begin a run of {} (the sender hears {}){id}",
                flow.name, found.status
            )
        }
        (_, false) => {
            let hint = found.hint.as_ref().map(|hint| format!("\nprobably: {hint}")).unwrap_or_default();
            format!(
                "not accepted (the sender hears {}): {}{hint}\nverified as {}, at {}{id}",
                found.status,
                found.what,
                hook.scheme.as_str(),
                hook.path
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let read = |line: &str| {
            headers(&[line.to_owned()]).ok().map(|headers| {
                headers
                    .iter()
                    .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.as_bytes())))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(read("webhook-id: msg_1"), Some(vec!["webhook-id=msg_1".to_owned()]));
        assert_eq!(read("X-Time:12:30"), Some(vec!["x-time=12:30".to_owned()]));
        for line in ["webhook-id", ": x", "a b: x", "a: \u{1}"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
