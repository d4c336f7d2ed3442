//! From a script's file to a program: reading, freezing, checking, loading.
//!
//! All files of a script are read once, here. What runs is what was read, and the hash is over exactly that. An
//! `import` reaches only the scripts folder, by a plain relative name; there are no imports while an item runs.

use crate::check::{self, ScriptFault};
use crate::host::Vocabulary;
use crate::limits::MODULES_MAX;
use crate::program::RhaiProgram;
use crate::report::{Place, Sources};
use gesher_core::limits::SCRIPT_BYTES_MAX;
use gesher_core::{Registry, Text};
use gesher_engine::Allow;
use rhai::{AST, Engine, EvalAltResult, Expr, Module, ModuleResolver, Position, Scope, Shared, Stmt};
use ring::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What a script is checked against beside the language.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// The flow's `allow`. A call outside it is a warning; none means that nothing is known of a flow.
    pub allow: Option<Vec<Allow>>,
}

/// Reads, checks and loads the script `script` of the scripts folder `root`, with all that it imports.
///
/// Compile a script once and share the program. All faults that can be found are reported together.
pub fn compile(
    root: &Path,
    script: &Path,
    registry: &Registry,
    options: &CompileOptions,
) -> Result<Arc<RhaiProgram>, Vec<ScriptFault>> {
    let vocabulary = Vocabulary::new(registry);
    let mut loader = Loader::new(root, vocabulary.engine()).map_err(|fault| vec![fault])?;
    loader.load_main(script);
    let Loader { engine, sources, asts, order, faults, .. } = loader;
    if !faults.is_empty() {
        return Err(faults);
    }
    let findings = check::check(&engine, &sources, &asts, registry, options);
    if !findings.faults.is_empty() {
        return Err(findings.faults);
    }
    let script = evaluate(engine, &sources, &asts, &order)?;
    let mut nothing = AST::empty();
    nothing.set_source(sources.main.as_str());
    Ok(Arc::new(RhaiProgram {
        hash: hash_of(&sources),
        entries: findings.entries,
        columns: findings.columns,
        warnings: findings.warnings,
        sources,
        vocabulary,
        script,
        nothing,
    }))
}

struct Loader {
    root: PathBuf,
    engine: Engine,
    sources: Sources,
    asts: BTreeMap<String, AST>,
    /// Imported before importing.
    order: Vec<String>,
    /// The files that are being loaded, each by an import of the one before.
    pending: Vec<String>,
    faults: Vec<ScriptFault>,
}

impl Loader {
    fn new(root: &Path, engine: Engine) -> Result<Self, ScriptFault> {
        let root = root.canonicalize().map_err(|error| {
            let name = root.display();
            ScriptFault::of_file(
                &name.to_string(),
                Text::new(
                    format!("לא ניתן לפתוח את תיקיית התסריטים: {error}"),
                    format!("the scripts folder cannot be opened: {error}"),
                ),
            )
        })?;
        Ok(Self {
            root,
            engine,
            sources: Sources::default(),
            asts: BTreeMap::new(),
            order: Vec::new(),
            pending: Vec::new(),
            faults: Vec::new(),
        })
    }

    fn load_main(&mut self, script: &Path) {
        let shown = script.display().to_string();
        let named = script.canonicalize().map_err(|error| unreadable(&error)).and_then(|path| {
            let name = path.strip_prefix(&self.root).map_err(|_| outside())?;
            name.to_str().map(str::to_owned).ok_or_else(outside)
        });
        match named {
            Ok(name) => {
                self.sources.main.clone_from(&name);
                let nowhere = Place { file: name.clone(), ..Place::default() };
                self.load(name, &nowhere);
            }
            Err(text) => self.faults.push(ScriptFault::of_file(&shown, text)),
        }
    }

    fn load(&mut self, name: String, importer: &Place) {
        if self.pending.contains(&name) {
            let text = Text::new(
                format!("הקובץ {name} מייבא את עצמו, ישירות או דרך אחרים"),
                format!("{name} imports itself, directly or through others"),
            );
            self.faults.push(ScriptFault::at(importer.clone(), text));
            return;
        }
        if self.asts.contains_key(&name) || self.sources.files.contains_key(&name) {
            return;
        }
        let text = match self.read(&name) {
            Ok(text) => text,
            Err(text) => {
                self.faults.push(ScriptFault::at(importer.clone(), text));
                return;
            }
        };
        self.sources.files.insert(name.clone(), text);
        let text = self.sources.text(&name).unwrap_or_default();
        let mut ast = match self.engine.compile(text) {
            Ok(ast) => ast,
            Err(error) => {
                self.faults.push(check::compile_fault(&self.engine, &self.sources, &name, &error));
                return;
            }
        };
        ast.set_source(name.as_str());
        self.pending.push(name.clone());
        for import in imports(&ast) {
            let place = Place::new(&self.sources, &name, import.position);
            match import.file {
                Ok(file) => self.load(file, &place),
                Err(text) => self.faults.push(ScriptFault::at(place, text)),
            }
        }
        self.pending.pop();
        self.asts.insert(name.clone(), ast);
        self.order.push(name);
    }

    fn read(&self, name: &str) -> Result<String, Text> {
        if self.sources.files.len() > MODULES_MAX {
            return Err(Text::new(
                format!("יותר מ־{MODULES_MAX} קבצים מיובאים"),
                format!("more than {MODULES_MAX} imported files"),
            ));
        }
        let path = self.root.join(name).canonicalize().map_err(|error| unreadable(&error))?;
        if !path.starts_with(&self.root) {
            return Err(outside());
        }
        let mut bytes = Vec::new();
        let limit = SCRIPT_BYTES_MAX as u64 + 1;
        let file = std::fs::File::open(&path).map_err(|error| unreadable(&error))?;
        file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() > SCRIPT_BYTES_MAX {
            return Err(Text::new(
                format!("הקובץ גדול מ־{SCRIPT_BYTES_MAX} בתים"),
                format!("the file is larger than {SCRIPT_BYTES_MAX} bytes"),
            ));
        }
        String::from_utf8(bytes).map_err(|_| {
            Text::new("הקובץ אינו UTF-8; יש לשמור אותו ב־UTF-8", "the file is not UTF-8; save it as UTF-8")
        })
    }
}

fn unreadable(error: &std::io::Error) -> Text {
    Text::new(format!("לא ניתן לקרוא את הקובץ: {error}"), format!("the file cannot be read: {error}"))
}

fn outside() -> Text {
    Text::new("הקובץ נמצא מחוץ לתיקיית התסריטים", "the file lies outside the scripts folder")
}

/// One `import` at the top of a file.
pub(crate) struct Import {
    /// The name that the file gives it.
    pub(crate) alias: String,
    /// The file, relative to the scripts folder, or why it is none.
    pub(crate) file: Result<String, Text>,
    /// Where the path stands.
    pub(crate) position: Position,
}

/// The imports of a file's top level.
pub(crate) fn imports(ast: &AST) -> Vec<Import> {
    let of = |statement: &Stmt| match statement {
        Stmt::Import(import, position) => {
            let (path, alias) = &**import;
            let (file, position) = match path {
                Expr::StringConstant(path, position) => (module_file(path), *position),
                _ => (
                    Err(Text::new(
                        "אחרי import צריך לבוא שם הקובץ עצמו, במירכאות",
                        "`import` takes the file's name itself, in quotes",
                    )),
                    *position,
                ),
            };
            Some(Import { alias: alias.as_str().to_owned(), file, position })
        }
        _ => None,
    };
    ast.statements().iter().filter_map(of).collect()
}

/// The file of an import path. Only plain names below the scripts folder: no `..`, nothing absolute.
fn module_file(path: &str) -> Result<String, Text> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain || path.contains('\\') {
        return Err(Text::new(
            format!("„{path}” אינו שם של קובץ בתיקיית התסריטים; למשל import \"lib/money\" as money"),
            format!(
                "`{path}` names no file in the scripts folder; write for instance import \"lib/money\" as money"
            ),
        ));
    }
    Ok(if path.ends_with(".rhai") { path.to_owned() } else { format!("{path}.rhai") })
}

/// Gives out modules that are loaded already, and no others.
struct Frozen(BTreeMap<String, Shared<Module>>);

impl ModuleResolver for Frozen {
    fn resolve(
        &self,
        _engine: &Engine,
        _source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let found = module_file(path).ok().and_then(|file| self.0.get(&file));
        found.cloned().ok_or_else(|| EvalAltResult::ErrorModuleNotFound(path.to_owned(), position).into())
    }
}

/// Evaluates the constants and imports of each file, once, and answers the script's own module.
fn evaluate(
    mut engine: Engine,
    sources: &Sources,
    asts: &BTreeMap<String, AST>,
    order: &[String],
) -> Result<Shared<Module>, Vec<ScriptFault>> {
    let mut loaded = BTreeMap::new();
    let mut last = Shared::new(Module::new());
    for (name, ast) in order.iter().filter_map(|name| Some((name, asts.get(name)?))) {
        engine.set_module_resolver(Frozen(loaded.clone()));
        let module = Module::eval_ast_as_new(Scope::new(), ast, &engine).map_err(|mut error| {
            let place = Place::new(sources, name, error.take_position());
            vec![ScriptFault::at(place, Text::verbatim(error.to_string()))]
        })?;
        last = module.into();
        loaded.insert(name.clone(), Shared::clone(&last));
    }
    Ok(last)
}

/// SHA-256 over the main file's name and over all names and texts, sorted by name.
fn hash_of(sources: &Sources) -> String {
    let mut context = Context::new(&SHA256);
    let mut add = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    add(&sources.main);
    for (name, text) in &sources.files {
        add(name);
        add(text);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
