//! `new`: writes a hub folder that runs at once against the simulator.

use crate::cli::{NewArgs, Template};
use crate::config::FILE;
use crate::definitions;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use serde_json::json;
use std::path::Path;

/// What a hub writes and nobody should keep in a repository.
const GITIGNORE: &str = "# The journal, the vault and the master key: never in a repository.\n/data*/\n# Files of customers.\n/inbox*/\n# What `gesher dev` tries apart from real accounts.\n/dev/\n";

/// What editors read, of every template.
const EDITOR: Files = &[
    (".vscode/extensions.json", include_str!("../../templates/editor/extensions.json")),
    (".vscode/settings.json", include_str!("../../templates/editor/settings.json")),
    (".vscode/tasks.json", include_str!("../../templates/editor/tasks.json")),
    ("Rhai.toml", include_str!("../../templates/editor/Rhai.toml")),
];

/// Texts by their paths in the hub.
type Files = &'static [(&'static str, &'static str)];

/// One example flow, as the templates put it together.
struct Flow {
    /// Its part of `gesher.toml`, perhaps with the head of a whole file before it.
    part: &'static str,
    /// Its script and samples.
    files: Files,
    /// The folder that people look for before the hub has made it.
    inbox: Option<&'static str>,
    /// What runs its sample, with `SAMPLES` for the folder of samples.
    first_run: &'static str,
}

/// What a composed `gesher.toml` begins with, after its title.
const HEAD: &str = include_str!("../../templates/head.toml");

/// What goes with it where a flow calls Senzey.
const SENZEY: &str = include_str!("../../templates/senzey.toml");

const BULK_CHARGE: Flow = Flow {
    part: include_str!("../../templates/bulk-charge.toml"),
    files: &[
        ("scripts/bulk_charge.rhai", include_str!("../../../../scripts/bulk-charge/bulk_charge.rhai")),
        (
            "scripts/bulk_charge.test.rhai",
            include_str!("../../../../scripts/bulk-charge/bulk_charge.test.rhai"),
        ),
        ("samples/bulk-charge/charges.csv", include_str!("../../templates/charges.csv")),
    ],
    inbox: Some("inbox/charges"),
    first_run: "run bulk-charge --file SAMPLES/bulk-charge/charges.csv",
};

const ONBOARDING: Flow = Flow {
    part: include_str!("../../templates/onboarding.toml"),
    files: &[
        (
            "scripts/onboard_vendor.rhai",
            include_str!("../../../../scripts/onboard-vendor/onboard_vendor.rhai"),
        ),
        (
            "scripts/onboard_vendor.test.rhai",
            include_str!("../../../../scripts/onboard-vendor/onboard_vendor.test.rhai"),
        ),
        ("samples/onboarding/vendor.json", VENDOR_JSON),
        ("samples/onboarding/vendors.csv", include_str!("../../../../scripts/onboard-vendor/sample.csv")),
    ],
    inbox: Some("inbox/vendors"),
    first_run: "run onboarding --body SAMPLES/onboarding/vendor.json",
};

const BULK_INVOICES: Flow = Flow {
    part: include_str!("../../../../scripts/bulk-invoices/gesher.toml"),
    files: &[
        ("scripts/bulk_invoices.rhai", include_str!("../../../../scripts/bulk-invoices/bulk_invoices.rhai")),
        (
            "scripts/bulk_invoices.test.rhai",
            include_str!("../../../../scripts/bulk-invoices/bulk_invoices.test.rhai"),
        ),
        ("samples/bulk-invoices/invoices.csv", include_str!("../../../../scripts/bulk-invoices/sample.csv")),
    ],
    inbox: Some("inbox/invoices"),
    first_run: "run bulk-invoices --file SAMPLES/bulk-invoices/invoices.csv",
};

const MONTHLY: Flow = Flow {
    part: include_str!("../../../../scripts/monthly-subscriptions/gesher.toml"),
    files: &[
        (
            "scripts/monthly_billing.rhai",
            include_str!("../../../../scripts/monthly-subscriptions/monthly_billing.rhai"),
        ),
        (
            "scripts/monthly_billing.test.rhai",
            include_str!("../../../../scripts/monthly-subscriptions/monthly_billing.test.rhai"),
        ),
        (
            "samples/monthly/subscriptions.csv",
            include_str!("../../../../scripts/monthly-subscriptions/sample.csv"),
        ),
        (
            "samples/monthly/subscription.json",
            include_str!("../../../../scripts/monthly-subscriptions/sample.json"),
        ),
    ],
    inbox: Some("inbox/subscriptions"),
    first_run: "run monthly --file SAMPLES/monthly/subscriptions.csv",
};

const STANDING_ORDERS: Flow = Flow {
    part: include_str!("../../../../scripts/standing-orders/gesher.toml"),
    files: &[
        (
            "scripts/standing_orders.rhai",
            include_str!("../../../../scripts/standing-orders/standing_orders.rhai"),
        ),
        (
            "scripts/standing_orders.test.rhai",
            include_str!("../../../../scripts/standing-orders/standing_orders.test.rhai"),
        ),
        (
            "samples/standing-orders/orders.csv",
            include_str!("../../../../scripts/standing-orders/sample.csv"),
        ),
    ],
    inbox: Some("inbox/standing-orders"),
    first_run: "run standing-orders --file SAMPLES/standing-orders/orders.csv",
};

const REFUNDS: Flow = Flow {
    part: include_str!("../../../../scripts/refunds/gesher.toml"),
    files: &[
        ("scripts/refunds.rhai", include_str!("../../../../scripts/refunds/refunds.rhai")),
        ("scripts/refunds.test.rhai", include_str!("../../../../scripts/refunds/refunds.test.rhai")),
        ("samples/refunds/paid.csv", include_str!("../../../../scripts/refunds/paid.csv")),
        ("samples/refunds/refunds.csv", include_str!("../../../../scripts/refunds/sample.csv")),
    ],
    inbox: Some("inbox/refunds"),
    first_run: "run refunds --file SAMPLES/refunds/refunds.csv",
};

/// The same bulk charge, before refunds: its sample is the payment that they give back.
const PAID: Flow = Flow { first_run: "run bulk-charge --file SAMPLES/refunds/paid.csv", ..BULK_CHARGE };

/// The sample vendor, as the onboarding flow is called with it.
pub const VENDOR_JSON: &str = include_str!("../../../../scripts/onboard-vendor/sample.json");

const DEMO: Files = &[
    (FILE, include_str!("../../templates/demo.toml")),
    ("scripts/bulk_charge.rhai", include_str!("../../../../scripts/bulk-charge/bulk_charge.rhai")),
    ("scripts/onboard_vendor.rhai", include_str!("../../../../scripts/onboard-vendor/onboard_vendor.rhai")),
    ("scripts/morning.rhai", include_str!("../../templates/morning.rhai")),
    (".gitignore", GITIGNORE),
];

impl Template {
    /// What it holds; of flows that need others, those come first.
    fn flows(self) -> &'static [Flow] {
        match self {
            Self::BulkCharge => &[BULK_CHARGE],
            Self::Onboarding => &[ONBOARDING],
            Self::BulkInvoices => &[BULK_INVOICES],
            Self::Monthly => &[MONTHLY],
            Self::StandingOrders => &[STANDING_ORDERS],
            Self::Refunds => &[PAID, REFUNDS],
            Self::All => &[PAID, REFUNDS, ONBOARDING, BULK_INVOICES, MONTHLY, STANDING_ORDERS],
        }
    }

    /// The first line of a `gesher.toml` that is put together here; none where the flow's part is a whole file.
    fn title(self) -> Option<&'static str> {
        match self {
            Self::BulkCharge | Self::Onboarding => None,
            Self::BulkInvoices => Some(
                "# A hub that makes a tax invoice of each row of a dropped file. Run it:  gesher serve\n",
            ),
            Self::Monthly => {
                Some("# A hub that charges subscriptions for their month. Run it:  gesher serve\n")
            }
            Self::StandingOrders => Some(
                "# A hub that opens a standing order at Senzey for each row of a dropped file. Run it:  gesher serve\n",
            ),
            Self::Refunds => {
                Some("# A hub that charges cards, and gives money back from a file. Run it:  gesher serve\n")
            }
            Self::All => Some("# A hub with every example flow. Run it:  gesher serve\n"),
        }
    }

    /// Its `gesher.toml`.
    fn config(self) -> String {
        let Some(title) = self.title() else {
            return self.flows().iter().map(|flow| flow.part).collect();
        };
        let mut text = format!("{title}{HEAD}");
        if matches!(self, Self::StandingOrders | Self::All) {
            text.push_str(SENZEY);
        }
        for flow in self.flows() {
            text.push('\n');
            text.push_str(flow_part(flow.part));
        }
        text
    }

    fn files(self) -> Vec<(&'static str, String)> {
        let mut files = vec![(FILE, self.config())];
        let inner = self.flows().iter().flat_map(|flow| flow.files);
        files.extend(inner.map(|(path, text)| (*path, (*text).to_owned())));
        files.extend(EDITOR.iter().map(|(path, text)| (*path, (*text).to_owned())));
        files.push((".gitignore", GITIGNORE.to_owned()));
        files
    }

    /// Folders that people look for before the hub has made them.
    fn folders(self) -> impl Iterator<Item = &'static str> {
        self.flows().iter().filter_map(|flow| flow.inbox)
    }

    /// What to type next, wherever that is typed.
    fn next_steps(self, folder: &Path) -> Vec<String> {
        let samples = folder.join("samples").display().to_string();
        let runs = self.flows().iter().map(|flow| flow.first_run.replace("SAMPLES", &samples));
        let mut steps = vec!["check".to_owned()];
        match self {
            Self::BulkCharge => steps.push("serve".to_owned()),
            _ => steps.extend(runs),
        }
        steps
    }
}

/// The flow's tables of a text, without the head of a whole file.
fn flow_part(text: &str) -> &str {
    let is_head = text.starts_with("# A hub");
    match text.find("\n[flow.").filter(|_| is_head) {
        Some(at) => &text[at + 1..],
        None => text,
    }
}

/// Makes the hub and says how to go on.
pub fn run(output: Output, args: &NewArgs) -> Result<Exit, HubError> {
    write(&args.folder, args.template)?;
    let folder = args.folder.display();
    let files: Vec<&str> = args.template.files().into_iter().map(|(path, _)| path).collect();
    output.json(&json!({ "hub": args.folder, "files": files, "simulator": true }));
    let mut text = format!("made a hub in {folder}. It uses the simulator: no account, no money.\n\n");
    for step in args.template.next_steps(&args.folder) {
        text.push_str(&format!("  gesher --hub {folder} {step}\n"));
    }
    if args.template == Template::BulkCharge {
        text.push_str(&format!("\nwhile it serves, drop the sample:\n\n  cp {folder}/samples/bulk-charge/charges.csv {folder}/inbox/charges/\n"));
    }
    output.text(&text);
    Ok(Exit::Well)
}

/// Writes the files of a template into a new or empty folder, and touches no other.
pub fn write(folder: &Path, template: Template) -> Result<(), HubError> {
    let files = template.files();
    let mut texts: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let definitions = definitions::files(&crate::providers::catalogue()?);
    let definitions: Vec<(String, &str)> = definitions
        .iter()
        .map(|(name, text)| (format!("{}/{name}", definitions::FOLDER), text.as_str()))
        .collect();
    texts.extend(definitions.iter().map(|(path, text)| (path.as_str(), *text)));
    let folders: Vec<&str> = template.folders().collect();
    write_files(folder, &texts, &folders)
}

/// Writes the hub of the demo, in the same way.
pub fn write_demo(folder: &Path) -> Result<(), HubError> {
    write_files(folder, DEMO, &[])
}

fn write_files(folder: &Path, files: &[(&str, &str)], folders: &[&str]) -> Result<(), HubError> {
    refuse_occupied(folder)?;
    for inner in folders {
        let path = folder.join(inner);
        std::fs::create_dir_all(&path).doing(format!("making the folder {}", path.display()))?;
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).doing(format!("making the folder {}", parent.display()))?;
        }
        std::fs::write(&path, text).doing(format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn refuse_occupied(folder: &Path) -> Result<(), HubError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(HubError::usage(format!("{} is not empty", folder.display()))
                .hint("name a new folder; nothing in this one was touched")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(HubError::usage(format!("{} is no folder to begin in", folder.display())).because(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use clap::ValueEnum;

    #[test]
    fn each_template_is_a_hub_without_faults() {
        for template in Template::value_variants() {
            let scratch = tempfile::tempdir().unwrap();
            let hub = scratch.path().join("hub");
            write(&hub, *template).unwrap();
            let config = Config::load(&hub).unwrap_or_else(|faults| panic!("{faults:?}"));
            let operations = crate::providers::descriptors();
            assert_eq!(crate::config::rules::faults(&config, &operations), []);
            assert!(config.is_simulated());
            let registry = crate::providers::catalogue().unwrap();
            assert_eq!(crate::compose::check_scripts(&config, &registry), (vec![], vec![]));
            for flow in &config.flows {
                assert!(hub.join(&flow.script).is_file(), "{}", flow.script);
            }
        }
    }

    #[test]
    fn the_template_of_all_holds_every_other_template_s_flows_and_samples() {
        let names = |template: Template| -> Vec<String> {
            let config = Config::parse(Path::new("."), &template.config()).unwrap();
            config.flows.into_iter().map(|flow| flow.name).collect()
        };
        let all = names(Template::All);
        for template in Template::value_variants() {
            for name in names(*template) {
                assert!(all.contains(&name), "{name}");
            }
            let files = Template::All.files();
            for (path, _) in template.files() {
                assert!(files.iter().any(|(found, _)| *found == path), "{path}");
            }
        }
    }

    #[test]
    fn every_path_that_is_shown_is_there() {
        for template in Template::value_variants() {
            let scratch = tempfile::tempdir().unwrap();
            let hub = scratch.path().join("hub");
            write(&hub, *template).unwrap();
            let steps = template.next_steps(&hub);
            assert!(steps.len() >= 2);
            for input in steps.iter().filter_map(|step| Some(step.split_once(" --")?.1.split_once(' ')?.1)) {
                assert!(Path::new(input).is_file(), "{template:?}: {input}");
            }
            for folder in template.folders() {
                assert!(hub.join(folder).is_dir(), "{template:?}: {folder}");
            }
        }
    }

    #[test]
    fn a_folder_that_holds_something_is_not_touched() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("mine"), "x").unwrap();
        let error = write(scratch.path(), Template::BulkCharge).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
