//! `cargo xtask generate`: the reference pages, written by the hub itself, and the C header of the plugin interface.
//!
//! `gesher reference PAGE` prints a page; this file only puts it in its place, or with `--check` says that the file
//! there is another. So a page cannot say something else than the program does.

use std::fs;
use std::path::Path;

use crate::header;
use crate::shell::{self, Failure, Workspace};

/// The pages: the name that `gesher reference` knows, also the name of the file.
const PAGES: &[&str] = &["operations", "commands", "config"];

/// What a page on disk needs.
#[derive(Debug, PartialEq)]
enum Verdict {
    Fresh,
    Stale,
    Write,
}

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        _ => return Err(Failure::usage("`cargo xtask generate` takes only `--check`")),
    };
    shell::run(&mut workspace.cargo(["build", "--quiet", "-p", "gesher"]))?;
    let mut stale = Vec::new();
    let mut pages = vec![(header::HEADER.to_owned(), header_of(workspace)?)];
    for page in PAGES {
        pages.push((format!("docs/reference/{page}.md"), printed(workspace, page)?));
    }
    for (path, wanted) in pages {
        let found = fs::read_to_string(workspace.root.join(&path)).ok();
        match verdict(found.as_deref(), &wanted, check) {
            Verdict::Fresh => {}
            Verdict::Stale => stale.push(path),
            Verdict::Write => {
                write(&workspace.root.join(&path), &wanted)?;
                println!("wrote {path}");
            }
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(Failure::fault(stale_message(&stale))) }
}

/// The C header of the plugin interface.
fn header_of(workspace: &Workspace) -> Result<String, Failure> {
    let source = fs::read_to_string(workspace.root.join(header::SOURCE))
        .map_err(|error| Failure::fault(format!("could not read {}: {error}", header::SOURCE)))?;
    header::header(&source)
}

/// The page as the hub prints it. `GESHER_*` settings of this terminal must not reach a page.
fn printed(workspace: &Workspace, page: &str) -> Result<String, Failure> {
    let mut command = workspace.cargo(["run", "--quiet", "-p", "gesher", "--", "reference", page]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GESHER_")) {
        command.env_remove(name);
    }
    let text = shell::output(&mut command)?;
    match text.trim().is_empty() {
        true => Err(Failure::fault(format!("`gesher reference {page}` printed nothing"))),
        false => Ok(text),
    }
}

fn verdict(found: Option<&str>, wanted: &str, check: bool) -> Verdict {
    match (found == Some(wanted), check) {
        (true, _) => Verdict::Fresh,
        (false, true) => Verdict::Stale,
        (false, false) => Verdict::Write,
    }
}

fn stale_message(paths: &[String]) -> String {
    let verb = if paths.len() == 1 { "is" } else { "are" };
    format!("{} {verb} stale: run `cargo xtask generate`", paths.join(", "))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)
    };
    write().map_err(|error| Failure::fault(format!("could not write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_absent_or_other_is_written_or_called_stale() {
        let cases = [
            (Some("new"), false, Verdict::Fresh),
            (Some("new"), true, Verdict::Fresh),
            (Some("old"), false, Verdict::Write),
            (Some("old"), true, Verdict::Stale),
            (None, false, Verdict::Write),
            (None, true, Verdict::Stale),
        ];
        for (found, check, want) in cases {
            assert_eq!(verdict(found, "new", check), want, "{found:?} {check}");
        }
    }

    #[test]
    fn the_message_names_the_stale_pages_and_the_cure() {
        let one = ["docs/reference/config.md".to_owned()];
        assert_eq!(stale_message(&one), "docs/reference/config.md is stale: run `cargo xtask generate`");
    }
}
