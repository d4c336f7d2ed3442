//! `run --dry-run`: what a run of the file would find before its first call. Needs no hub and changes nothing.

use crate::compose::compile_flow;
use crate::config::{Config, FlowConfig};
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use crate::plugins::catalogue;
use crate::table::TextTable;
use gesher_core::Language;
use gesher_core::money::two_places;
use gesher_trigger::drop::{DropConfig, Fault, Format, NotValid, Refusal, Validation, validate};
use serde_json::{Value, json};
use std::path::Path;

/// Faults that a terminal is shown; JSON has all that were kept.
const SHOWN_FAULTS_MAX: usize = 20;

/// Validates the file by the flow's rules and its script's columns.
pub fn run(
    output: Output,
    config: &Config,
    flow: &FlowConfig,
    drop: &DropConfig,
    path: &Path,
) -> Result<Exit, HubError> {
    let program = compile_flow(config, flow, &catalogue(config)?).map_err(HubError::faults)?;
    let columns: Vec<String> = program.columns().iter().map(|column| column.name.clone()).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = validate(path, Format::of_name(&name, drop.encoding), &drop.row_rules(), &columns);
    let (document, text, exit) = match found {
        Ok(validation) => {
            let exit = if validation.invalid == 0 { Exit::Well } else { Exit::Partly };
            (valid_document(&validation, config.language), valid_text(&validation, config.language), exit)
        }
        Err(NotValid::Refused(refusal)) => (
            refused_document(&refusal, config.language),
            refused_text(&refusal, config.language),
            Exit::Partly,
        ),
        Err(NotValid::Io(error)) => {
            return Err(HubError::usage(format!("{} cannot be read", path.display())).because(error));
        }
    };
    output.json(&document);
    output.text(&text);
    Ok(exit)
}

fn valid_document(found: &Validation, language: Language) -> Value {
    let totals = found.totals.iter().map(|(currency, sum)| (currency.to_string(), json!(two_places(*sum))));
    json!({
        "dry_run": true,
        "refused": false,
        "rows": found.rows,
        "invalid": found.invalid,
        "totals": Value::Object(totals.collect()),
        "encoding": found.encoding.name(),
        "faults": faults_document(&found.faults, language),
    })
}

fn refused_document(refusal: &Refusal, language: Language) -> Value {
    json!({
        "dry_run": true,
        "refused": true,
        "faults": faults_document(&refusal.faults, language),
        "more": refusal.more,
    })
}

fn faults_document(faults: &[Fault], language: Language) -> Vec<Value> {
    let document = |fault: &Fault| {
        json!({
            "line": fault.line,
            "column": fault.column,
            "value": fault.value,
            "code": fault.code,
            "message": fault.text.get(language),
        })
    };
    faults.iter().map(document).collect()
}

fn valid_text(found: &Validation, language: Language) -> String {
    let sums = super::runs::sums(&found.totals);
    let sums = if sums.is_empty() { String::new() } else { format!(", {sums} in the valid ones") };
    let mut text =
        format!("nothing was called: {} rows, {} of them invalid{sums}\n", found.rows, found.invalid);
    text.push_str(&faults_text(&found.faults, found.invalid, language));
    text
}

fn refused_text(refusal: &Refusal, language: Language) -> String {
    let all = u64::try_from(refusal.faults.len()).unwrap_or(u64::MAX).saturating_add(refusal.more);
    format!(
        "the file would be refused whole; nothing was called\n{}",
        faults_text(&refusal.faults, all, language)
    )
}

fn faults_text(faults: &[Fault], all: u64, language: Language) -> String {
    if faults.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&["line", "column", "value", "what is wrong"]).right(&[0]);
    for fault in faults.iter().take(SHOWN_FAULTS_MAX) {
        table.row([
            fault.line.map(|line| line.to_string()).unwrap_or_default(),
            fault.column.as_deref().unwrap_or_default().to_owned(),
            fault.value.as_deref().unwrap_or_default().to_owned(),
            fault.text.get(language).to_owned(),
        ]);
    }
    let shown = u64::try_from(faults.len().min(SHOWN_FAULTS_MAX)).unwrap_or(u64::MAX);
    let more = all.saturating_sub(shown);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    format!("\n{}{more}", table.render())
}
