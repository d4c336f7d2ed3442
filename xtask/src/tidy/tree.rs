//! Reads the texts that the rules look at: every text file of the repository, and what cargo says of its packages.
//!
//! The only file of `tidy` that touches the disk. Rules get a `Tree` and never look elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::source::{self, Line};
use crate::shell::{Failure, Workspace};

/// Folders that hold nothing written by hand, wherever they are.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "mutants.out"];

/// Folders whose files are tests or measurements, wherever they are.
const TEST_FOLDERS: &[&str] = &["tests", "benches", "fuzz"];

/// A text file. The path is relative to the workspace, with `/`.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
    /// The lines of a Rust file; empty for others.
    pub(super) lines: Vec<Line>,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        let lines = if path.ends_with(".rs") { source::lines(&text) } else { Vec::new() };
        Self { path: path.to_owned(), text, lines }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The package of the hub that the file belongs to, by its folder; `None` for the rest of the repository.
    pub(super) fn hub_crate(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("crates/").or_else(|| self.path.strip_prefix("plugins/"))?;
        rest.split_once('/').map(|(name, _)| name)
    }

    /// Code lines outside tests, with their numbers.
    pub(super) fn own_lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().filter(|(_, line)| !line.test).map(|(at, line)| (at + 1, line))
    }
}

/// A package of the workspace, with the other packages of it that it needs to be built.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest: String,
    pub(super) needs: Vec<String>,
}

/// What the rules look at.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
    pub(super) packages: Vec<Package>,
}

impl Tree {
    pub(super) fn read(workspace: &Workspace) -> Result<Self, Failure> {
        let mut files = Vec::new();
        walk(&workspace.root, "", &mut files)
            .map_err(|error| Failure::fault(format!("could not read the repository: {error}")))?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let packages = packages(&workspace.metadata()?, &workspace.root);
        Ok(Self::with(files, packages))
    }

    /// A made-up tree, without packages.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::with(files.iter().map(|(path, text)| File::new(path, (*text).to_owned())).collect(), Vec::new())
    }

    fn with(mut files: Vec<File>, packages: Vec<Package>) -> Self {
        let modules = test_modules(&files);
        for file in &mut files {
            if is_test_path(&file.path) || within(&file.path, &modules) {
                file.lines.iter_mut().for_each(|line| line.test = true);
            }
        }
        Self { files, packages }
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// Every code line of the hub's own packages that is not a test, with its file and number.
    pub(super) fn hub_lines(&self) -> impl Iterator<Item = (&File, usize, &Line)> {
        self.rust()
            .filter(|file| file.hub_crate().is_some())
            .flat_map(|file| file.own_lines().map(move |(number, line)| (file, number, line)))
    }
}

/// Files that are not UTF-8 are no texts, and are left out.
fn walk(root: &Path, folder: &str, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            walk(root, &path, files)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push(File::new(&path, text));
        }
    }
    Ok(())
}

fn is_test_path(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || folders.split('/').any(|folder| TEST_FOLDERS.contains(&folder))
}

/// The paths, without `.rs`, of modules that are declared under `#[cfg(test)]` and stand in files of their own.
fn test_modules(files: &[File]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let base = module_folder(&file.path);
        let declared =
            file.lines.iter().filter(|line| line.test).filter_map(|line| declared_module(&line.code));
        modules.extend(declared.map(|name| format!("{base}/{name}")));
    }
    modules
}

/// `mod name;`, also with a visibility or an attribute before it.
fn declared_module(code: &str) -> Option<&str> {
    let before = code.trim_end().strip_suffix(';')?;
    let mut words = before.rsplit(' ');
    let name = words.next()?;
    (words.next() == Some("mod")).then_some(name)
}

/// The folder in which a file's own submodules stand.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    }
}

fn within(path: &str, modules: &BTreeSet<String>) -> bool {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    modules.iter().any(|module| {
        stem == module || stem.strip_prefix(module.as_str()).is_some_and(|s| s.starts_with('/'))
    })
}

/// The workspace's packages and their normal and build dependencies on one another, from `cargo metadata`.
pub(super) fn packages(metadata: &Value, root: &Path) -> Vec<Package> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let relative =
        |path: String| Path::new(&path).strip_prefix(root).map_or(path.clone(), |p| p.display().to_string());
    list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            manifest: relative(text(&package["manifest_path"])),
            needs: list(&package["dependencies"])
                .iter()
                .filter(|need| need["path"].is_string() && need["kind"] != "dev")
                .map(|need| text(&need["name"]))
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_of_a_file_is_its_folder() {
        let tree = Tree::of(&[
            ("crates/gesher-core/src/a.rs", ""),
            ("plugins/p/src/lib.rs", ""),
            ("xtask/src/a.rs", ""),
        ]);
        let crates: Vec<_> = tree.files.iter().map(File::hub_crate).collect();
        assert_eq!(crates, [Some("gesher-core"), Some("p"), None]);
    }

    #[test]
    fn test_files_are_known_by_folder_by_name_and_by_declaration() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "#[cfg(test)]\npub(crate) mod fixtures;\nmod real;\n"),
            ("crates/a/src/fixtures.rs", "x();"),
            ("crates/a/src/fixtures/more.rs", "x();"),
            ("crates/a/src/real.rs", "x();\n#[cfg(test)] mod far;"),
            ("crates/a/src/real/far.rs", "x();"),
            ("crates/a/src/tests.rs", "x();"),
            ("crates/a/tests/it.rs", "x();"),
            ("crates/a/src/other.rs", "x();"),
        ]);
        let with_code: Vec<&str> = tree.hub_lines().map(|(file, ..)| file.path.as_str()).collect();
        assert_eq!(with_code, ["crates/a/src/lib.rs", "crates/a/src/real.rs", "crates/a/src/other.rs"]);
    }

    #[test]
    fn packages_carry_only_the_workspace_needs_of_their_build() {
        let metadata = serde_json::json!({"packages": [{"name": "a", "manifest_path": "/r/crates/a/Cargo.toml", "dependencies": [
            {"name": "b", "path": "/r/crates/b", "kind": null},
            {"name": "c", "path": "/r/crates/c", "kind": "build"},
            {"name": "d", "path": "/r/crates/d", "kind": "dev"},
            {"name": "serde", "kind": null},
        ]}]});
        let packages = packages(&metadata, Path::new("/r"));
        assert_eq!(packages[0].manifest, "crates/a/Cargo.toml");
        assert_eq!(packages[0].needs, ["b", "c"]);
    }
}
