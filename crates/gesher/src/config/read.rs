//! Reads the text of `gesher.toml` into sections of checked values, and collects every fault on the way.
//!
//! What the values mean together is left to the rules.

use super::fault::{Fault, SourceText};
use super::schema::{self, Need, Setting};
use super::value::{Kind, Value, did_you_mean};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table as read: its values with their places, and the tables in it.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Where its name stands; nowhere for a table that is left out.
    pub at: Option<Range<usize>>,
    values: BTreeMap<&'static str, Entry>,
    /// The tables in it, by name.
    pub tables: BTreeMap<String, Section>,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    /// None for a default.
    at: Option<Range<usize>>,
}

impl Section {
    /// The value of a setting, which may be its default.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|entry| &entry.value)
    }

    /// Where the setting's value stands, else where the section's name does.
    pub fn place(&self, name: &str) -> Range<usize> {
        let entry = self.values.get(name).and_then(|entry| entry.at.clone());
        entry.or_else(|| self.at.clone()).unwrap_or(0..0)
    }

    /// Whether the file itself sets it.
    pub fn is_set(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|entry| entry.at.is_some())
    }

    /// A text, or an empty one.
    pub fn text(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// Texts, or none.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }
}

/// Reads the whole file. The sections are as good as the faults allow; without faults they are whole.
pub(super) fn read(source: &SourceText, text: &str) -> (Section, Vec<Fault>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { source, faults: Vec::new() };
    let mut twice = Twice::default();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        match twice.words(text, &span, error.message()) {
            Some(Some((what, mend))) => reader.fault(&span, what, mend),
            // The keys of a table that stands twice are no faults of their own.
            Some(None) => {}
            None => reader.fault(&span, format!("this is not TOML: {}", error.message()), ""),
        }
    }
    // A text that is not TOML yields half a document: naming what is missing in it would mislead.
    if !reader.faults.is_empty() {
        return (Section::default(), reader.faults);
    }
    let mut root = reader.section("", "", None, document.get_ref());
    for table in ["hub", "officeguy", "senzey", "dashboard", "hooks"] {
        if !root.tables.contains_key(table) {
            let left_out = reader.section(table, table, None, &DeTable::new());
            root.tables.insert(table.to_owned(), left_out);
        }
    }
    reader.faults.sort_by_key(|fault| (fault.line, fault.column));
    (root, reader.faults)
}

/// What the TOML reader says of a name that stands twice.
const DUPLICATE: &str = "duplicate key";

/// Names that stand twice, as they are found from the top.
#[derive(Default)]
struct Twice {
    /// Where the last table that stands twice ends.
    table_until: usize,
}

impl Twice {
    /// What is wrong and how to mend it, where that is what the reader found; nothing where it was said already.
    fn words(&mut self, text: &str, span: &Range<usize>, found: &str) -> Option<Option<(String, String)>> {
        if found != DUPLICATE {
            return None;
        }
        if span.start < self.table_until {
            return Some(None);
        }
        let name = text.get(span.clone())?.trim();
        let line_start = text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let is_table = text.get(line_start..span.start)?.trim_start().starts_with('[');
        let before = text.get(..line_start)?;
        let line = text.get(line_start..)?.lines().next().unwrap_or_default();
        let (shown, first) = if is_table {
            let rest = line_start + line.len();
            let next = text.get(rest..)?.match_indices('\n').map(|(at, _)| rest + at + 1);
            let mut next = next.filter(|at| text[*at..].trim_start_matches([' ', '\t']).starts_with('['));
            self.table_until = next.next().unwrap_or(text.len());
            let header = line.split('#').next().unwrap_or_default().trim();
            (header.to_owned(), before.lines().position(|line| line.trim().starts_with(header)))
        } else {
            // The nearest one above it, within its table.
            let sets = |line: &str| {
                line.split_once('=')
                    .is_some_and(|(left, _)| left.trim().trim_matches('"') == name.trim_matches('"'))
            };
            let above = before.lines().enumerate().collect::<Vec<_>>();
            let own = above.iter().rev().take_while(|(_, line)| !line.trim_start().starts_with('['));
            (format!("`{name}`"), own.into_iter().find(|(_, line)| sets(line)).map(|(at, _)| *at))
        };
        let first = first.map_or_else(String::new, |at| format!(", the first time in line {}", at + 1));
        let mend = if is_table { "put the settings of both into one of them" } else { "keep one of them" };
        Some(Some((format!("{shown} stands twice{first}"), mend.to_owned())))
    }
}

struct Reader<'a> {
    source: &'a SourceText,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &Range<usize>, what: impl Into<String>, mend: impl Into<String>) {
        self.faults.push(self.source.fault(at, what, mend));
    }

    /// `path` is the schema's, with `*` for names of one's own; `shown` is the file's.
    fn section(&mut self, path: &str, shown: &str, at: Option<Range<usize>>, table: &DeTable<'_>) -> Section {
        let mut section = Section { at, ..Section::default() };
        let known = schema::names_below(path);
        let settings = schema::table(path).map_or(&[][..], |table| table.settings);
        let own_names = known == ["*"];
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let Some(setting) = settings.iter().find(|setting| setting.name == name) {
                self.value(setting, value, &mut section);
            } else if own_names || known.contains(&name) {
                let step = if own_names { "*" } else { name };
                self.table(path, step, shown, key, value, &mut section);
            } else {
                let place = if shown.is_empty() { "here".to_owned() } else { format!("in [{shown}]") };
                let hint = did_you_mean(name, known.iter().copied());
                let mend = format!("known {place}: {}", known.join(", "));
                self.fault(&key.span(), format!("`{name}` is not known {place}{hint}"), mend);
            }
        }
        for setting in
            settings.iter().filter(|setting| !table.keys().any(|key| key.get_ref() == setting.name))
        {
            self.left_out(setting, shown, &mut section);
        }
        section
    }

    fn value(&mut self, setting: &Setting, value: &Spanned<DeValue<'_>>, section: &mut Section) {
        match setting.kind.read(value.get_ref()) {
            Ok(read) => {
                section.values.insert(setting.name, Entry { value: read, at: Some(value.span()) });
            }
            Err(bad) => {
                let mut fault =
                    self.source.fault(&value.span(), format!("`{}`: {}", setting.name, bad.what), bad.mend);
                // The value may be a secret in a place where none belongs, on a line that is not its name's.
                if matches!(setting.kind, Kind::Secret | Kind::Secrets) {
                    fault.text.clear();
                }
                self.faults.push(fault);
            }
        }
    }

    fn table(
        &mut self,
        path: &str,
        step: &str,
        shown: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        section: &mut Section,
    ) {
        let name = key.get_ref();
        let join = |left: &str, right: &str| {
            if left.is_empty() { right.to_owned() } else { format!("{left}.{right}") }
        };
        let (path, shown) = (join(path, step), join(shown, name));
        let Some(table) = value.get_ref().as_table() else {
            let mend = format!("begin it with a line [{shown}]");
            return self.fault(&value.span(), format!("`{name}` is a table, and this is none"), mend);
        };
        if step == "*" && !is_own_name(name) {
            let mend = "use small letters a-z, digits, `-` and `_`, at most 64, beginning with a letter";
            return self.fault(&key.span(), format!("`{name}` cannot be a name here"), mend);
        }
        let inner = self.section(&path, &shown, Some(key.span()), table);
        section.tables.insert(name.clone().into_owned(), inner);
    }

    fn left_out(&mut self, setting: &Setting, shown: &str, section: &mut Section) {
        match setting.need {
            Need::Optional => {}
            Need::Required => {
                let at = section.at.clone().unwrap_or(0..0);
                let mend = format!("write `{} = …`: {}", setting.name, setting.kind.expected());
                self.fault(&at, format!("`{}` is missing in [{shown}]", setting.name), mend);
            }
            Need::Default(toml) => {
                let value =
                    DeValue::parse(toml).ok().and_then(|value| setting.kind.default_of(value.get_ref()));
                if let Some(value) = value {
                    section.values.insert(setting.name, Entry { value, at: None });
                }
            }
        }
    }
}

impl Kind {
    /// A default is right by itself, also on a machine without time zones.
    fn default_of(self, value: &DeValue<'_>) -> Option<Value> {
        let kind = if self == Self::TimeZone { Self::Text } else { self };
        kind.read(value).ok()
    }
}

/// Names of flows and plugins stand in file names, addresses and commands.
fn is_own_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    name.len() <= 64
        && name.bytes().all(fits)
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}
