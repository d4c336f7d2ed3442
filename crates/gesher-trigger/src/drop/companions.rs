//! Files that come with a dropped file: the one that says that it is whole, and the one that says what it must hold. What
//! they are called, where they lie, and how they go where their file goes.

use super::config::DropConfig;
use super::control::{self, CONTROL_BYTES_MAX, Control};
use super::fault::Fault;
use super::folder::{DropFolder, FolderError, Place, extension, name_with_run, work_name};
use super::life::Pinned;
use super::pattern;
use super::scan::Stamp;
use super::validate::Validation;
use gesher_core::Text;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Stands for the file's whole name.
const NAME: &str = "{name}";
/// Stands for the file's name without its ending.
const STEM: &str = "{stem}";

/// What a file is for that comes with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// It says that the other is whole.
    Done,
    /// It says what the other must hold.
    Control,
}

/// A file that came with another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Companion {
    pub(super) role: Role,
    /// Its name, as it was dropped.
    pub(super) name: String,
    /// Its bytes, told apart; none where it was copied in.
    pub(super) stamp: Option<Stamp>,
}

impl Companion {
    /// Where it lies while its file is worked on.
    pub(super) fn at_work(&self, folder: &DropFolder, run: &str) -> PathBuf {
        folder.path(Place::Work).join(work_name(&self.name, run))
    }
}

/// The names of the files that have to come with `file`.
pub(super) fn wanted(config: &DropConfig, file: &str) -> Vec<(Role, String)> {
    let roles = [(Role::Done, &config.done_file), (Role::Control, &config.control)];
    let named = roles.into_iter().filter_map(|(role, shape)| Some((role, name_by(shape.as_deref()?, file))));
    named.collect()
}

impl DropConfig {
    /// What the file is called that says that `file` is whole, where the flow wants one.
    #[must_use]
    pub fn done_file_of(&self, file: &str) -> Option<String> {
        self.done_file.as_deref().map(|shape| name_by(shape, file))
    }

    /// What the file is called that says what `file` must hold, where the flow wants one.
    #[must_use]
    pub fn control_of(&self, file: &str) -> Option<String> {
        self.control.as_deref().map(|shape| name_by(shape, file))
    }

    /// What of a validated file is not as its control file beside it says, where the flow wants one.
    pub fn control_faults(&self, file: &Path, found: &Validation) -> io::Result<Vec<Fault>> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let Some(control) = self.control_of(&name) else { return Ok(Vec::new()) };
        let bytes = match read_control(&file.with_file_name(&control)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            bytes => Some(bytes?),
        };
        Ok(faults_against(&control, bytes.as_deref(), found))
    }
}

/// What of a validated file is not as its control file says, of which these are the bytes, if it is there.
pub(super) fn faults_against(name: &str, control: Option<&[u8]>, found: &Validation) -> Vec<Fault> {
    let Some(control) = control else { return vec![control::missing(name)] };
    match Control::read(control) {
        Err(fault) => vec![fault],
        Ok(control) => control.faults(control::Held { rows: found.rows, total: found.stated }),
    }
}

fn read_control(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(CONTROL_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn name_by(shape: &str, file: &str) -> String {
    let stem = file.strip_suffix(extension(file)).unwrap_or(file);
    shape.replace(NAME, file).replace(STEM, stem)
}

/// Moves what has not been moved yet of the files that came with one into the work folder.
pub(super) fn take_along(
    folder: &DropFolder,
    from: &Path,
    run: &str,
    companions: &[Companion],
) -> Result<(), FolderError> {
    for one in companions {
        let (dropped, at_work) = (from.join(&one.name), one.at_work(folder, run));
        let is_it = one.stamp.is_some() && Stamp::of(&dropped).ok().flatten() == one.stamp;
        if is_it && !at_work.exists() {
            folder.take_file(&dropped, &at_work)?;
        }
    }
    Ok(())
}

/// Puts the files that came with one where it goes. Those that are there already, or that somebody took, stay so.
pub(super) fn put_along(
    folder: &DropFolder,
    run: &str,
    pinned: &Pinned,
    place: Place,
) -> Result<(), FolderError> {
    for one in &pinned.companions {
        let from = one.at_work(folder, run);
        if from.exists() {
            let name = name_with_run(&one.name, run, extension(&one.name));
            folder.move_file(&from, &folder.path(place).join(name))?;
        }
    }
    Ok(())
}

/// What a run's control file says; none where it is nowhere.
pub(super) fn control_of(folder: &DropFolder, run: &str, pinned: &Pinned) -> io::Result<Option<Vec<u8>>> {
    let Some(one) = pinned.companions.iter().find(|one| one.role == Role::Control) else { return Ok(None) };
    let named = name_with_run(&one.name, run, extension(&one.name));
    // After a journal was restored, it may lie where its finished file does.
    let done = folder.path(Place::Done).join(named);
    let found = [one.at_work(folder, run), done].into_iter().find(|path| path.exists());
    found.map(|path| read_control(&path)).transpose()
}

/// What is wrong with the names that a flow gives to such files: by setting.
pub(super) fn faults(config: &DropConfig) -> Vec<(&'static str, Text)> {
    let mut faults = Vec::new();
    let named = [("done_file", &config.done_file), ("control", &config.control)];
    for (setting, shape) in named {
        let Some(shape) = shape else { continue };
        if shape.contains('/') || !(shape.contains(NAME) || shape.contains(STEM)) {
            faults.push((setting, Text::new(
                format!("{setting} הוא שם של קובץ שכולל {{name}} או {{stem}}, בלי תיקיות, למשל \"{{name}}.done\""),
                format!("`{setting}` is a file name with {{name}} or {{stem}} in it and no folder, as \"{{name}}.done\""),
            )));
        } else if pattern::overlap(&config.pattern, &name_by(shape, &config.pattern)) {
            faults.push((setting, Text::new(
                format!("קובץ ששמו לפי {setting} מתאים גם ל־pattern, ולכן היה נקלט בעצמו; יש לבחור שם אחר"),
                format!("a file named by `{setting}` fits `pattern` too and would be taken itself; choose another name"),
            )));
        }
    }
    if config.done_file.is_some() && config.done_file == config.control {
        faults.push((
            "control",
            Text::new(
                "done_file ו־control הם אותו קובץ; יש לתת לכל אחד שם משלו",
                "`done_file` and `control` are the same file; name them apart",
            ),
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::{RowKey, SETTLE_DEFAULT};
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;

    fn config(done_file: Option<&str>, control: Option<&str>) -> DropConfig {
        DropConfig {
            folder: "/in".into(),
            pattern: "*.csv".into(),
            row_key: RowKey::Line,
            amount: None,
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            settle: SETTLE_DEFAULT,
            done_file: done_file.map(str::to_owned),
            control: control.map(str::to_owned),
            subfolders: false,
            not_cards: Vec::new(),
        }
    }

    #[test]
    fn a_companion_is_named_after_its_file() {
        let config = config(Some("{name}.done"), Some("{stem}.ctl"));
        let names: Vec<_> = wanted(&config, "מרץ.v2.csv").into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["מרץ.v2.csv.done", "מרץ.v2.ctl"]);
    }

    #[test]
    fn a_name_that_cannot_work_is_refused() {
        for (done_file, control, want) in [
            (None, None, 0),
            (Some("{name}.done"), Some("{stem}.control"), 0),
            (Some("done"), None, 1),
            (Some("ready/{name}"), None, 1),
            (None, Some("{stem}.control.csv"), 1),
            (Some("{name}"), None, 1),
            (Some("{name}.x"), Some("{name}.x"), 1),
        ] {
            assert_eq!(faults(&config(done_file, control)).len(), want, "{done_file:?} {control:?}");
        }
    }
}
