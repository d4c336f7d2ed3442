//! The Debian packages that tests and benchmark need: which are missing, and their installation.
//!
//! A package counts as there when its command is on the `PATH` or Python finds its module, wherever that came from;
//! so other systems are served too, as long as nothing is missing. A package that only some tests need is installed
//! where that can be done; without it those tests say that they were skipped.

use std::path::Path;

use crate::shell::{self, Failure, Workspace};

/// A package that is needed, and by what its presence shows.
pub(crate) struct Need {
    package: &'static str,
    sign: Sign,
    reason: &'static str,
    /// Whether nothing works without it.
    required: bool,
}

/// By what a package shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Command(&'static str),
    /// A module of the user's own Python or of Debian's.
    PythonModule(&'static str),
}

/// What building and testing need.
pub(crate) const TESTS: &[Need] = &[
    Need {
        package: "gcc",
        sign: Sign::Command("cc"),
        reason: "compiles the bundled SQLite and ring",
        required: true,
    },
    Need {
        package: "git",
        sign: Sign::Command("git"),
        reason: "shows that the tests leave no trace",
        required: true,
    },
    Need {
        package: "faketime",
        sign: Sign::Command("faketime"),
        reason: "sets the clock of the hub under test",
        required: false,
    },
    Need {
        package: "python3-aiosmtpd",
        sign: Sign::PythonModule("aiosmtpd"),
        reason: "is the mail server that the mail plugin is tested with",
        required: false,
    },
];

/// What the benchmark needs beside it.
pub(crate) const BENCHMARK: &[Need] = &[
    Need {
        package: "python3",
        sign: Sign::Command("python3"),
        reason: "runs the scripts beside the hub",
        required: true,
    },
    Need {
        package: "python3-aiohttp",
        sign: Sign::PythonModule("aiohttp"),
        reason: "is what such a script is written with",
        required: true,
    },
];

/// Installs what is missing when this user may, else says what is missing.
pub(crate) fn install_missing(workspace: &Workspace, needs: &'static [Need]) -> Result<(), Failure> {
    let (required, optional): (Vec<&Need>, Vec<&Need>) =
        missing(needs, shows).into_iter().partition(|need| need.required);
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

fn missing(needs: &[Need], present: impl Fn(Sign) -> bool) -> Vec<&Need> {
    needs.iter().filter(|need| !present(need.sign)).collect()
}

fn shows(sign: Sign) -> bool {
    match sign {
        Sign::Command(command) => on_path(command),
        Sign::PythonModule(module) => ["python3", "/usr/bin/python3"].iter().any(|python| {
            let mut command = std::process::Command::new(python);
            let found = command.args(["-c", &format!("import {module}")]).output();
            found.is_ok_and(|found| found.status.success())
        }),
    }
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
    fn a_package_is_missing_when_its_sign_is() {
        let absent = missing(TESTS, |sign| sign != Sign::Command("cc"));
        let absent: Vec<_> = absent.iter().map(|need| (need.package, need.required)).collect();
        assert_eq!(absent, [("gcc", true)]);
        assert!(missing(TESTS, |_| true).is_empty());
    }

    #[test]
    fn what_is_missing_is_told_in_one_line_with_the_reason() {
        let told = sentence(&missing(BENCHMARK, |_| false));
        assert_eq!(told.lines().count(), 1);
        for need in BENCHMARK {
            assert!(told.contains(need.package) && told.contains(need.reason), "{told}");
        }
    }

    #[test]
    fn a_command_is_looked_up_on_the_path() {
        assert!(on_path("sh"));
        assert!(!on_path("gesher-no-such-program"));
    }

    #[test]
    fn a_module_that_python_does_not_have_does_not_show() {
        assert!(!shows(Sign::PythonModule("gesher_no_such_module")));
    }
}
