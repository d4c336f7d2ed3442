//! `new`: writes a hub folder that runs at once against the simulator.

use crate::cli::{NewArgs, Template};
use crate::config::FILE;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use serde_json::json;
use std::path::Path;

/// What a hub writes and nobody should keep in a repository.
const GITIGNORE: &str = "# The journal, the vault and the master key: never in a repository.\n/data*/\n# Files of customers.\n/inbox*/\n";

/// The files of a template, by their paths in the hub.
type Files = &'static [(&'static str, &'static str)];

const BULK_CHARGE: Files = &[
    (FILE, include_str!("../../templates/bulk-charge.toml")),
    ("scripts/bulk_charge.rhai", include_str!("../../../../scripts/bulk-charge/bulk_charge.rhai")),
    ("samples/bulk-charge/charges.csv", include_str!("../../templates/charges.csv")),
    (".gitignore", GITIGNORE),
];

const ONBOARDING: Files = &[
    (FILE, include_str!("../../templates/onboarding.toml")),
    ("scripts/onboard_vendor.rhai", include_str!("../../../../scripts/onboard-vendor/onboard_vendor.rhai")),
    ("samples/onboarding/vendor.json", VENDOR_JSON),
    (".gitignore", GITIGNORE),
];

/// The sample vendor, as the onboarding flow is called with it.
pub const VENDOR_JSON: &str = include_str!("../../../../scripts/onboard-vendor/sample.json");

const DEMO: Files = &[
    (FILE, include_str!("../../templates/demo.toml")),
    ("scripts/bulk_charge.rhai", include_str!("../../../../scripts/bulk-charge/bulk_charge.rhai")),
    ("scripts/onboard_vendor.rhai", include_str!("../../../../scripts/onboard-vendor/onboard_vendor.rhai")),
    (".gitignore", GITIGNORE),
];

impl Template {
    fn files(self) -> Files {
        match self {
            Self::BulkCharge => BULK_CHARGE,
            Self::Onboarding => ONBOARDING,
        }
    }

    /// Folders that people look for before the hub has made them.
    fn folders(self) -> &'static [&'static str] {
        match self {
            Self::BulkCharge => &["inbox/charges"],
            Self::Onboarding => &[],
        }
    }

    /// What to type next, wherever that is typed.
    fn next_steps(self, folder: &Path) -> Vec<String> {
        let sample = folder.join("samples/onboarding/vendor.json");
        let second = match self {
            Self::BulkCharge => "serve".to_owned(),
            Self::Onboarding => format!("run onboarding --body {}", sample.display()),
        };
        vec!["check".to_owned(), second]
    }
}

/// Makes the hub and says how to go on.
pub fn run(output: Output, args: &NewArgs) -> Result<Exit, HubError> {
    write(&args.folder, args.template)?;
    let folder = args.folder.display();
    let files: Vec<&str> = args.template.files().iter().map(|(path, _)| *path).collect();
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
    write_files(folder, template.files(), template.folders())
}

/// Writes the hub of the demo, in the same way.
pub fn write_demo(folder: &Path) -> Result<(), HubError> {
    write_files(folder, DEMO, &[])
}

fn write_files(folder: &Path, files: Files, folders: &[&str]) -> Result<(), HubError> {
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
            for flow in &config.flows {
                assert!(hub.join(&flow.script).is_file(), "{}", flow.script);
            }
        }
    }

    #[test]
    fn every_path_that_is_shown_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let hub = scratch.path().join("hub");
        write(&hub, Template::Onboarding).unwrap();
        let steps = Template::Onboarding.next_steps(&hub);
        let body = steps.iter().find_map(|step| step.split_once("--body ")).unwrap().1;
        assert!(Path::new(body).is_file(), "{body}");
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
