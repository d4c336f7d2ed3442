//! Which package may need which: the arrows between the hub's crates.
//!
//! Only what a build needs counts; tests may need more. The table has room for crates that are not there yet.

use super::Report;
use super::tree::{Package, Tree};

/// What a package may need of the workspace.
enum May<'a> {
    Need(&'a [&'a str]),
    NeedAny,
}

const ARROWS: &[(&str, May)] = &[
    ("gesher-core", May::Need(&[])),
    ("gesher-provider", May::Need(&["gesher-core"])),
    ("gesher-officeguy", May::Need(&["gesher-core", "gesher-provider"])),
    ("gesher-senzey", May::Need(&["gesher-core", "gesher-provider"])),
    ("gesher-il", May::Need(&["gesher-core"])),
    ("gesher-journal", May::Need(&["gesher-core"])),
    ("gesher-vault", May::Need(&["gesher-core"])),
    ("gesher-engine", May::Need(&["gesher-core", "gesher-journal", "gesher-vault"])),
    ("gesher-script", May::Need(&["gesher-core", "gesher-engine", "gesher-il"])),
    ("gesher-plugin-abi", May::Need(&["gesher-core"])),
    ("gesher-plugin", May::Need(&["gesher-core", "gesher-plugin-abi"])),
    ("gesher-plugin-host", May::Need(&["gesher-core", "gesher-engine", "gesher-plugin-abi"])),
    ("gesher-trigger", May::Need(&["gesher-core", "gesher-engine", "gesher-il"])),
    ("gesher-simulator", May::Need(&["gesher-core", "gesher-provider"])),
    ("gesher-web", May::Need(&["gesher-core", "gesher-engine", "gesher-journal"])),
    ("gesher", May::NeedAny),
    ("gesher-tests", May::NeedAny),
    ("xtask", May::Need(&[])),
];

/// What an example plugin may need: an author has no more.
const PLUGIN_NEEDS: &[&str] = &["gesher-plugin", "gesher-plugin-abi"];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for package in &tree.packages {
        let Some(allowed) = allowed(package) else {
            let what = format!(
                "{} has no line in the table of arrows; add it in xtask/src/tidy/arrows.rs",
                package.name
            );
            report.find(&package.manifest, 1, what);
            continue;
        };
        let May::Need(allowed) = allowed else { continue };
        for need in package.needs.iter().filter(|need| !allowed.contains(&need.as_str())) {
            let what = format!("{} may not need {need}; move what it needs, or pass it in", package.name);
            report.find(&package.manifest, line_of(tree, &package.manifest, need), what);
        }
    }
}

fn allowed(package: &Package) -> Option<&'static May<'static>> {
    if package.manifest.starts_with("plugins/") {
        return Some(&May::Need(PLUGIN_NEEDS));
    }
    ARROWS.iter().find(|(name, _)| *name == package.name).map(|(_, allowed)| allowed)
}

fn line_of(tree: &Tree, manifest: &str, need: &str) -> usize {
    let text = tree.file(manifest).map_or("", |file| file.text.as_str());
    let names_it = |line: &str| line.split(['.', '=', ' ']).next() == Some(need);
    text.lines().position(names_it).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_package(name: &str, manifest: &str, needs: &[&str], want: &[&str]) {
        let mut tree =
            Tree::of(&[(manifest, "[dependencies]\ngesher-core.workspace = true\ngesher-engine = {}\n")]);
        tree.packages.push(Package {
            name: name.into(),
            manifest: manifest.into(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        });
        let mut report = Report { rule: "arrows", findings: Vec::new() };
        check(&tree, &mut report);
        let found: Vec<String> = report.findings.iter().map(|f| format!("{}: {}", f.line, f.what)).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn an_allowed_arrow_is_silent() {
        check_package(
            "gesher-engine",
            "crates/gesher-engine/Cargo.toml",
            &["gesher-core", "gesher-vault"],
            &[],
        );
        check_package("gesher", "crates/gesher/Cargo.toml", &["gesher-core", "gesher-web"], &[]);
    }

    #[test]
    fn an_arrow_against_the_table_is_found_at_its_line() {
        check_package(
            "gesher-officeguy",
            "crates/gesher-officeguy/Cargo.toml",
            &["gesher-core", "gesher-engine"],
            &["3: gesher-officeguy may not need gesher-engine; move what it needs, or pass it in"],
        );
    }

    #[test]
    fn a_package_without_a_line_is_found() {
        check_package(
            "gesher-new",
            "crates/gesher-new/Cargo.toml",
            &[],
            &["1: gesher-new has no line in the table of arrows; add it in xtask/src/tidy/arrows.rs"],
        );
    }

    #[test]
    fn an_example_plugin_needs_only_what_authors_have() {
        check_package("hello", "plugins/hello/Cargo.toml", &["gesher-plugin"], &[]);
        check_package(
            "hello",
            "plugins/hello/Cargo.toml",
            &["gesher-core"],
            &["2: hello may not need gesher-core; move what it needs, or pass it in"],
        );
    }
}
