//! The Debian packages that the tests need: which are missing, and their installation.
//!
//! A package counts as there when a command of its is on the `PATH`, wherever that came from; so other systems are
//! served too, as long as nothing is missing. A package that only some tests need is installed where that can be done;
//! without it those tests say that they were skipped.

use std::path::Path;

use crate::shell::{self, Failure, Workspace};

/// A package that building or testing needs, and a command by which its presence shows.
struct Need {
    package: &'static str,
    command: &'static str,
    reason: &'static str,
    /// Whether nothing works without it.
    required: bool,
}

const NEEDS: &[Need] = &[
    Need { package: "gcc", command: "cc", reason: "compiles the bundled SQLite and ring", required: true },
    Need { package: "git", command: "git", reason: "shows that the tests leave no trace", required: true },
    Need {
        package: "faketime",
        command: "faketime",
        reason: "sets the clock of the hub under test",
        required: false,
    },
];

/// Installs what is missing when this user may, else says what is missing.
pub(crate) fn install_missing(workspace: &Workspace) -> Result<(), Failure> {
    let (required, optional): (Vec<&Need>, Vec<&Need>) =
        missing(NEEDS, on_path).into_iter().partition(|need| need.required);
    let may_install = is_root() && on_path("apt-get");
    if !required.is_empty() && !may_install {
        return Err(Failure::usage(sentence(&required)));
    }
    if !required.is_empty() {
        install(workspace, &required)?;
    }
    if !optional.is_empty() && (!may_install || install(workspace, &optional).is_err()) {
        println!("{}; the tests that need them are skipped", sentence(&optional));
    }
    Ok(())
}

fn install(workspace: &Workspace, needs: &[&Need]) -> Result<(), Failure> {
    let packages: Vec<&str> = needs.iter().map(|need| need.package).collect();
    let apt = |arguments: &[&str]| {
        let mut command = workspace.command("apt-get");
        shell::run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    shell::timed(&format!("install {}", packages.join(" ")), || {
        apt(&["update", "-q"])?;
        apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages.as_slice()].concat())
    })
}

fn missing(needs: &[Need], present: impl Fn(&str) -> bool) -> Vec<&Need> {
    needs.iter().filter(|need| !present(need.command)).collect()
}

fn sentence(missing: &[&Need]) -> String {
    let each: Vec<String> =
        missing.iter().map(|need| format!("{} ({})", need.package, need.reason)).collect();
    format!("please install these Debian packages first: {}", each.join(", "))
}

fn on_path(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(command).is_file())
}

/// A process owns its own entry under `/proc`; asking the file system needs no `unsafe` call for the user's id.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_missing_when_its_command_is() {
        let absent = missing(NEEDS, |command| command != "cc");
        assert_eq!(
            absent.iter().map(|need| (need.package, need.required)).collect::<Vec<_>>(),
            [("gcc", true)]
        );
        assert!(missing(NEEDS, |_| true).is_empty());
    }

    #[test]
    fn what_is_missing_is_told_in_one_line_with_the_reason() {
        let told = sentence(&missing(NEEDS, |_| false));
        assert_eq!(told.lines().count(), 1);
        for need in NEEDS {
            assert!(told.contains(need.package) && told.contains(need.reason), "{told}");
        }
    }

    #[test]
    fn a_command_is_looked_up_on_the_path() {
        assert!(on_path("sh"));
        assert!(!on_path("gesher-no-such-program"));
    }
}
