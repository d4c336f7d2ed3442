//! What the demo says, for people and as JSON. Only words: what happened is decided elsewhere.

use super::compare::Comparison;
use super::delivery::Delivered;
use super::schedule;
use super::vendors::{self, Opened};
use super::{Dropped, FILE, Found, MENDED};
use crate::commands::{BANNER, runs};
use crate::exit::Exit;
use crate::table::TextTable;
use gesher_core::ItemStatus;
use gesher_core::money::two_places;
use gesher_engine::journal::{RunState, Tally};
use serde_json::{Value, json};
use std::path::Path;

/// What is said before anything happens.
pub(super) fn opening(folder: &Path, rows: u32) -> String {
    format!("{BANNER}\n\nA hub in {}, and a file of {rows} orders to charge.\n", folder.display())
}

/// What is said once the vendors are open.
pub(super) fn vendors(delivered: &Delivered, tally: &Tally) -> String {
    let Delivered { url, status, again, run, .. } = delivered;
    format!(
        "1. Delivered a signed webhook to {url}: the vendor {} opened, in run {} (HTTP {status}). Delivered again, it was \
         answered with the same run (HTTP {again}).\n   Dropped {}: {} more vendors opened, each with an organisation of \
         its own. Their keys are in the vault and nowhere else.\n",
        Delivered::HANDLE,
        run.id,
        vendors::FILE,
        tally.count(ItemStatus::Succeeded)
    )
}

/// What is said at the end.
pub(super) fn closing(found: &Found, kept: bool) -> String {
    let mut text =
        format!("2. Dropped {FILE} into the watched folder. Each row has ended in one status:\n\n");
    text.push_str(&table(&found.first.tally));
    text.push_str(&again(&found.mended));
    text.push_str("\n4. Compared the hub's journal with the simulator's ledger, which knows what was really charged:\n\n");
    text.push_str(&comparison(&found.comparison));
    text.push_str(&per_vendor(&found.vendors, &found.comparison));
    text.push_str(&schedule::words(&found.fired));
    for (title, path) in [
        ("\nThe result, row by row", &found.first.files.result),
        ("The mended file's", &found.mended.files.result),
    ] {
        if let Some(path) = path {
            text.push_str(&format!("{title}:\n  {}\n", path.display()));
        }
    }
    let folder = found.folder.display();
    match kept {
        true => text.push_str(&format!("Go on with this hub:\n  gesher --hub {folder} serve\n")),
        false => text.push_str(&format!(
            "Look around, then remove it:\n  gesher --hub {folder} runs\n  rm -r {folder}\n"
        )),
    }
    text
}

/// What became of the second file. A small file may have had nothing to mend, and is the same bytes again then.
fn again(mended: &Dropped) -> String {
    if mended.run.state == RunState::Duplicate {
        return format!(
            "\n3. Dropped the same file again as {MENDED}: it was put into duplicate/, and nothing was called.\n"
        );
    }
    format!(
        "\n3. Mended the wrong amounts and dropped the whole file again as {MENDED}: {}.\n   What was charged, or may \
         have been, is never charged again.\n",
        runs::words(&mended.tally)
    )
}

/// All ten statuses, also those that no row has.
fn table(tally: &Tally) -> String {
    let mut table = TextTable::new(&["status", "rows", "sum", "what it means"]).right(&[1, 2]);
    for status in ItemStatus::ALL {
        let sums = tally.ended.get(&status).map(|line| runs::sums(&line.totals)).unwrap_or_default();
        table.row([
            status.as_str().to_owned(),
            tally.count(status).to_string(),
            sums,
            meaning(status).to_owned(),
        ]);
    }
    table.render()
}

fn meaning(status: ItemStatus) -> &'static str {
    match status {
        ItemStatus::Succeeded => "charged, with the provider's own proof",
        ItemStatus::Declined => "the card was refused; nothing moved",
        ItemStatus::Invalid => "wrong in the file; found before the first call",
        ItemStatus::Rejected => "refused at the call; nothing moved",
        ItemStatus::NotSent => "provably nothing left this machine",
        ItemStatus::Incomplete => "one step succeeded and a later one did not",
        ItemStatus::Unknown => "the answer was lost: never sent again, and never called a failure",
        ItemStatus::Duplicate => "the order was charged before, or is being charged",
        ItemStatus::Skipped => "the script had nothing to do",
        ItemStatus::Cancelled => "a person stopped the run first",
    }
}

fn comparison(found: &Comparison) -> String {
    let mut text = format!(
        "  {} charges succeeded, {} ILS: {} once in the ledger, with that amount and reference\n  {} are unknown: {} of \
         them were charged, {} were not, and none was sent twice\n  {} were declined, rejected or not sent: none was \
         charged\n",
        found.succeeded,
        two_places(found.sum),
        if found.disagreements.is_empty() { "each stands" } else { "those that agree stand" },
        found.unknown,
        found.unknown_charged,
        found.unknown - found.unknown_charged,
        found.refused,
    );
    for sentence in &found.disagreements {
        text.push_str(&format!("  DISAGREES: {sentence}\n"));
    }
    text.push_str(match found.disagreements.is_empty() {
        true => "\n  They agree: nothing was charged twice, nothing was lost, nothing was guessed.\n",
        false => "\n  They do NOT agree.\n",
    });
    text
}

/// What each vendor's own account took, by both books.
fn per_vendor(vendors: &[Opened], found: &Comparison) -> String {
    let mut table = TextTable::new(&["vendor", "organisation", "state", "charges", "ILS"]).right(&[1, 3, 4]);
    for vendor in vendors {
        let (count, sum) = found.by_account.get(&vendor.company).copied().unwrap_or_default();
        let Opened { handle, company, state } = vendor.clone();
        table.row([handle, company, state, count.to_string(), two_places(sum).to_string()]);
    }
    format!("\n  Each vendor's charges were made with its own keys:\n\n{}", table.render())
}

fn webhook(found: &Found) -> Value {
    let delivered = &found.delivered;
    let mut document = runs::document(&found.config, &delivered.run, &delivered.tally);
    document["vendor"] = json!(Delivered::HANDLE);
    document["url"] = json!(delivered.url);
    document["http"] = json!([delivered.status, delivered.again]);
    document
}

/// Everything as JSON.
pub(super) fn document(found: &Found) -> Value {
    let comparison = &found.comparison;
    let agree = comparison.disagreements.is_empty();
    let file = |dropped: &Dropped| {
        let mut document = runs::document(&found.config, &dropped.run, &dropped.tally);
        document["file"] = json!(dropped.files.file);
        document["result"] = json!(dropped.files.result);
        document
    };
    json!({
        "simulator": true,
        "agree": agree,
        "hub": found.folder,
        "vendor": found.vendors.iter().find(|vendor| vendor.handle == vendors::HANDLES[0]).map(|vendor| json!({ "handle": vendor.handle, "company_id": vendor.company })),
        "vendors": found.vendors.iter().map(|vendor| {
            let (count, sum) = comparison.by_account.get(&vendor.company).copied().unwrap_or_default();
            json!({
                "vendor": vendor.handle,
                "company_id": vendor.company.parse::<i64>().ok(),
                "state": vendor.state,
                "charges": count,
                "sum": two_places(sum),
            })
        }).collect::<Vec<_>>(),
        "webhook": webhook(found),
        "onboarding": file(&found.opening),
        "runs": [file(&found.first), file(&found.mended)],
        "scheduled": { "run": found.fired.id.as_str(), "flow": found.fired.flow, "name": found.fired.name, "state": found.fired.state.as_str() },
        "result": found.first.files.result,
        "comparison": {
            "succeeded": comparison.succeeded,
            "sum": two_places(comparison.sum),
            "unknown": comparison.unknown,
            "unknown_charged": comparison.unknown_charged,
            "refused": comparison.refused,
            "disagreements": comparison.disagreements,
        },
        "exit": if agree { Exit::Well.code() } else { Exit::Failed.code() },
    })
}
