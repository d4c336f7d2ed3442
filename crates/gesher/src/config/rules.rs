//! What the settings of a hub may not mean together. Pure: whatever lies on the disk is asked elsewhere.
//!
//! What this version cannot do is refused here, where a flow uses it, and never ignored: a limit that nobody keeps is
//! worse than none.

use super::value::did_you_mean;
use super::{Config, DropPart, Fault, FlowConfig, outside};
use gesher_core::{Currency, Descriptor, Effect};
use gesher_engine::Allow;
use gesher_trigger::drop::{FolderConflict, Separator, conflict};

/// Kinds of file that a pattern can end in.
const FORMATS: &[&str] = &[".csv", ".tsv", ".xlsx", ".ods"];
const NOT_BUILT: &str = "this is not built yet in this version";

/// Everything that the settings may not mean together, in the order of the file's flows.
pub fn faults(config: &Config, operations: &[Descriptor]) -> Vec<Fault> {
    let mut faults = hub(config);
    for flow in &config.flows {
        allow(config, flow, operations, &mut faults);
        currencies(config, flow, operations, &mut faults);
        approval(config, flow, &mut faults);
        if let Some(drop) = &flow.drop {
            drop_rules(config, flow, drop, operations, &mut faults);
        }
    }
    faults.extend(outside::faults(config));
    overlaps(config, &mut faults);
    faults.extend(super::schedule::faults(config, operations));
    faults.extend(config.plugin_faults(operations));
    faults.extend(super::webhook::faults(config, operations));
    faults.extend(super::source::faults(config));
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults
}

fn hub(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    if config.store != "sqlite" {
        let what = match config.store.starts_with("postgres://") || config.store.starts_with("postgresql://")
        {
            true => format!("PostgreSQL as the store: {NOT_BUILT}"),
            false => "there is no such store".to_owned(),
        };
        faults.push(config.source.fault(&config.hub.place("store"), what, "write store = \"sqlite\""));
    }
    let officeguy = &config.officeguy;
    if !officeguy.is_simulated() && uses_provider(config, "officeguy") {
        for (name, is_there, example) in [
            ("company_id", officeguy.company_id.is_some(), "company_id = 2410000001"),
            ("api_key", officeguy.api_key.is_some(), "api_key = { secret = \"officeguy.api_key\" }"),
        ] {
            if !is_there {
                let what = format!("`{name}` is missing in [officeguy], and a flow calls OfficeGuy");
                let mend =
                    format!("write `{example}`, or base_url = \"simulator\" to try without an account");
                faults.push(config.source.fault(&officeguy.section.place(name), what, mend));
            }
        }
    }
    let used = calls_provider(config, "senzey");
    let of_senzey = config.senzey.faults(used).into_iter();
    faults.extend(
        of_senzey.map(|(setting, what, mend)| config.source.fault(&config.senzey.place(setting), what, mend)),
    );
    faults
}

/// Whether a flow names the provider. One that may call whatever only looks needs no account for it.
fn calls_provider(config: &Config, provider: &str) -> bool {
    config.flows.iter().flat_map(FlowConfig::allowed).any(|allow| match allow {
        Allow::Operation(name) => name.split_once('.').is_some_and(|(first, _)| first == provider),
        Allow::Provider(name) => name == provider,
        Allow::Effect(_) => false,
    })
}

fn uses_provider(config: &Config, provider: &str) -> bool {
    config.flows.iter().flat_map(FlowConfig::allowed).any(|allow| match allow {
        Allow::Operation(name) => name.split_once('.').is_some_and(|(first, _)| first == provider),
        Allow::Provider(name) => name == provider,
        Allow::Effect(_) => true,
    })
}

fn allow(config: &Config, flow: &FlowConfig, operations: &[Descriptor], faults: &mut Vec<Fault>) {
    for text in &flow.allow {
        let Some(allow) = Allow::parse(text) else {
            let what = format!("`{text}` in `allow` names no operation");
            let mend = "write \"officeguy.charge\", \"officeguy.*\" or \"*:read\"";
            faults.push(config.flow_fault(flow, "allow", what, mend));
            continue;
        };
        if matches!(allow, Allow::Effect(_)) || operations.iter().any(|operation| allow.covers(operation)) {
            continue;
        }
        let names: Vec<String> = operations.iter().map(Descriptor::qualified_name).collect();
        let hint = did_you_mean(text, names.iter().map(String::as_str));
        let what = format!("`{text}` in `allow`: there is no such operation{hint}");
        faults.push(config.flow_fault(flow, "allow", what, "`gesher operations` lists what there is"));
    }
}

/// A limit in a currency that no call of the flow can be in stops every call, and so do two limits in two currencies:
/// each call is compared with all of them.
fn currencies(config: &Config, flow: &FlowConfig, operations: &[Descriptor], faults: &mut Vec<Fault>) {
    let limits = [
        ("per_call", flow.limits.per_call),
        ("per_run", flow.limits.per_run),
        ("per_day", flow.limits.per_day),
    ];
    let set: Vec<(&str, Currency)> =
        limits.into_iter().filter_map(|(name, limit)| Some((name, limit?.currency))).collect();
    let Some((first, of_first)) = set.first().copied() else { return };
    let place = |name| flow.section.tables.get("limits").map_or(0..0, |section| section.place(name));
    let allowed = flow.allowed();
    let mut moving = operations
        .iter()
        .filter(|operation| {
            operation.effect == Effect::Money && allowed.iter().any(|allow| allow.covers(operation))
        })
        .peekable();
    let is_none_allowed = moving.peek().is_none();
    if !is_none_allowed && !moving.any(|operation| moves(operation.provider, of_first)) {
        let what = format!(
            "`{first}` is in {of_first}, and no operation of this flow moves {of_first}, so nothing would ever be sent"
        );
        faults.push(config.source.fault(
            &place(first),
            what,
            "write the limit in ILS, such as \"500.00 ILS\"",
        ));
    }
    if let Some((other, currency)) = set.iter().find(|(_, currency)| *currency != of_first) {
        let what = format!(
            "`{other}` is in {currency} and `{first}` in {of_first}; each call is compared with both, so nothing would ever be sent"
        );
        faults.push(config.source.fault(&place(other), what, "write all limits of a flow in one currency"));
    }
}

/// `approve_above` is compared with the total of a file's amount column, which is in shekels. Where there is no such total
/// nobody would ever be asked, and a bound that nobody keeps is worse than none.
fn approval(config: &Config, flow: &FlowConfig, faults: &mut Vec<Fault>) {
    let Some(most) = flow.limits.approve_above else { return };
    let at = flow.section.tables.get("limits").map_or(0..0, |limits| limits.place("approve_above"));
    let amount = flow.drop.as_ref().map(|drop| drop.config.amount.is_some());
    let (what, mend) = match amount {
        None => (
            format!(
                "`approve_above` looks at the total of a file, and the flow `{}` has no drop folder",
                flow.name
            ),
            "take it out; `per_run` bounds what a run may move",
        ),
        Some(false) => (
            format!(
                "`approve_above` looks at the total of the amount column, and [flow.{}.drop] names none",
                flow.name
            ),
            "write amount = \"amount\" with the column that holds each row's amount",
        ),
        Some(true) if most.currency != Currency::ILS => (
            format!("`approve_above` is in {}, and amount columns are in shekels", most.currency),
            "write it in ILS, such as \"50000.00 ILS\"",
        ),
        Some(true) => return,
    };
    faults.push(config.source.fault(&at, what, mend));
}

/// Whether a provider has operations that move that currency. Of one that is not known here it is not denied.
fn moves(provider: &str, currency: Currency) -> bool {
    match provider {
        "officeguy" => gesher_officeguy::moves(currency),
        // Standing orders are in shekels.
        "senzey" => currency == Currency::ILS,
        _ => true,
    }
}

fn drop_rules(
    config: &Config,
    flow: &FlowConfig,
    drop: &DropPart,
    operations: &[Descriptor],
    faults: &mut Vec<Fault>,
) {
    let lower = drop.config.pattern.to_lowercase();
    if drop.config.pattern.contains('/') {
        let what = "a pattern is of file names, without folders".to_owned();
        faults.push(config.drop_fault(drop, "pattern", what, "put the folder into `folder`"));
    }
    if !FORMATS.iter().any(|ending| lower.ends_with(ending)) {
        let what = format!("`{}` does not say what kind of file it takes", drop.config.pattern);
        let mend = "end it in .csv, .tsv, .xlsx or .ods, as in \"*.csv\"";
        faults.push(config.drop_fault(drop, "pattern", what, mend));
    }
    for (setting, text) in drop.config.companion_faults() {
        let mend = "write a name of its own with {name} or {stem} in it, such as \"{name}.done\"";
        faults.push(config.drop_fault(drop, setting, text.en, mend));
    }
    if drop.config.separator != Separator::Auto && [".xlsx", ".ods"].iter().any(|book| lower.ends_with(book))
    {
        let what = "`separator` says how text is cut into cells, and workbooks are no text".to_owned();
        faults.push(config.drop_fault(drop, "separator", what, "take it out"));
    }
    if !drop.names_rows && flow.may(Effect::Money, operations) {
        let what = format!("the flow `{}` may move money, and nothing names its rows", flow.name);
        let mend = "write row_key = [\"order_id\"] with the columns that name a row's payment for ever, \
                    or row_key = \"line\"";
        faults.push(config.drop_fault(drop, "row_key", what, mend));
    }
}

fn overlaps(config: &Config, faults: &mut Vec<Fault>) {
    let drops: Vec<(&FlowConfig, &DropPart)> =
        config.flows.iter().filter_map(|flow| Some((flow, flow.drop.as_ref()?))).collect();
    for (at, (flow, drop)) in drops.iter().enumerate() {
        for (before, (owner, other)) in drops.iter().enumerate() {
            let what = match conflict(&drop.config, &other.config) {
                Some(FolderConflict::SameFiles) if before < at => format!(
                    "the flows `{}` and `{}` watch the same folder, and both would take some file",
                    owner.name, flow.name
                ),
                Some(FolderConflict::InsideReserved) => format!(
                    "this folder lies where the flow `{}` puts files that are over or at work",
                    owner.name
                ),
                Some(FolderConflict::SameFiles) | None => continue,
            };
            faults.push(config.drop_fault(drop, "folder", what, "give each flow a folder of its own"));
        }
    }
}
