//! From a script's sources to a program: reading, freezing, checking, loading.
//!
//! All files of a script are read once, here: from the scripts folder, or from what a run kept. What runs is what was
//! read, and the hash is over exactly that. An `import` reaches only the scripts folder, by a plain relative name;
//! there are no imports while an item runs.

use crate::check::{self, ScriptFault};
use crate::cover::{self, Coverage};
use crate::engines::Engines;
use crate::host::Vocabulary;
use crate::limits::MODULES_MAX;
use crate::program::RhaiProgram;
use crate::report::{Place, Sources};
use crate::unread::Unread;
use gesher_core::limits::SCRIPT_BYTES_MAX;
use gesher_core::{Registry, Text};
use gesher_engine::journal::ScriptBundle;
use gesher_engine::{Allow, Program, ScriptHost};
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
    /// Whether the program says which of its lines ran, as tests want to know. It does the same, more slowly.
    pub covered: bool,
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
    let origin = Origin::folder(root).map_err(|fault| vec![fault])?;
    let mut loader = Loader::new(origin, vocabulary.engine());
    loader.load_main(script);
    finish(loader, vocabulary, registry, options)
}

/// Makes a program of the sources that a run kept, and of nothing else: no file is looked at. The same checks and the
/// same hash as when they were read from their folder.
pub fn compile_kept(
    kept: &ScriptBundle,
    registry: &Registry,
    options: &CompileOptions,
) -> Result<Arc<RhaiProgram>, Vec<ScriptFault>> {
    let vocabulary = Vocabulary::new(registry);
    let mut loader = Loader::new(Origin::Kept(&kept.files), vocabulary.engine());
    loader.load_first(kept.main.clone());
    let program = finish(loader, vocabulary, registry, options)?;
    if program.hash == kept.hash {
        return Ok(program);
    }
    let text = Text::new(
        "המקור ששמור עם ההרצה אינו זה שאיתו התחילה",
        "the source that was kept is not the one that the run began with",
    );
    Err(vec![ScriptFault::of_file(&kept.main, text)])
}

/// Compiles what runs kept, for the operations of this hub. What a flow may call is asked when it calls.
pub struct RhaiHost {
    registry: Arc<Registry>,
}

impl RhaiHost {
    /// A host of scripts that call the operations of `registry`.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }
}

impl ScriptHost for RhaiHost {
    fn program(&self, kept: &ScriptBundle) -> Result<Arc<dyn Program>, Text> {
        match compile_kept(kept, &self.registry, &CompileOptions::default()) {
            Ok(program) => Ok(program),
            Err(faults) => Err(faults.first().map(ScriptFault::sentence).unwrap_or_default()),
        }
    }
}

/// A file of tests, compiled, with the modules that it imports.
pub(crate) struct Tests {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) module: Shared<Module>,
    pub(crate) sources: Sources,
    /// The tests, as they stand in the file.
    pub(crate) tests: Vec<(String, Place)>,
}

/// Reads, checks and loads a file of tests of the scripts folder `root`: like a script, but for its entry points.
pub(crate) fn compile_tests(
    root: &Path,
    file: &Path,
    registry: &Registry,
    vocabulary: Vocabulary,
) -> Result<Tests, Vec<ScriptFault>> {
    let origin = Origin::folder(root).map_err(|fault| vec![fault])?;
    let mut loader = Loader::new(origin, vocabulary.engine());
    loader.load_main(file);
    let Loader { engine, sources, asts, order, faults, .. } = loader;
    if !faults.is_empty() {
        return Err(faults);
    }
    let (tests, faults) = check::check_tests(&engine, &sources, &asts, registry);
    if !faults.is_empty() {
        return Err(faults);
    }
    let module = evaluate(engine, &sources, &asts, &order)?;
    Ok(Tests { vocabulary, module, sources, tests })
}

/// What comes after reading, wherever the sources came from.
fn finish(
    loader: Loader<'_>,
    vocabulary: Vocabulary,
    registry: &Registry,
    options: &CompileOptions,
) -> Result<Arc<RhaiProgram>, Vec<ScriptFault>> {
    let Loader { mut engine, mut sources, mut asts, order, faults, .. } = loader;
    if !faults.is_empty() {
        return Err(faults);
    }
    let findings = check::check(&engine, &sources, &asts, registry, options);
    if !findings.faults.is_empty() {
        return Err(findings.faults);
    }
    let (mut vocabulary, mut coverage) = (vocabulary, None);
    if options.covered {
        let covered = Arc::new(cover_all(&engine, &mut sources, &mut asts));
        vocabulary = vocabulary.covered(&covered);
        engine = vocabulary.engine();
        coverage = Some(covered);
    }
    let script = evaluate(engine, &sources, &asts, &order)?;
    let mut nothing = AST::empty();
    nothing.set_source(sources.main.as_str());
    Ok(Arc::new(RhaiProgram {
        unread: Arc::new(asts.get(&sources.main).map(Unread::of).unwrap_or_default()),
        hash: hash_of(&sources),
        entries: findings.entries,
        columns: findings.columns,
        foreseen: findings.foreseen,
        warnings: findings.warnings,
        starts: findings.starts,
        sources,
        engines: Engines::new(vocabulary, Shared::clone(&script)),
        script,
        nothing,
        coverage,
    }))
}

/// Compiles each file once more, from a text in which every statement has a mark. A file whose marked text should not
/// compile stays as it is, and nothing is said of what ran of it.
fn cover_all(engine: &Engine, sources: &mut Sources, asts: &mut BTreeMap<String, AST>) -> Coverage {
    let mut coverage = Coverage::default();
    for (name, ast) in asts.iter_mut() {
        let before = coverage.mark();
        let (text, shifts) =
            cover::marked(engine, name, sources.text(name).unwrap_or_default(), &mut coverage);
        match engine.compile(text) {
            Ok(mut marked) => {
                marked.set_source(name.as_str());
                *ast = marked;
                sources.shifts.insert(name.clone(), shifts);
            }
            Err(_) => coverage.forget(before),
        }
    }
    coverage
}

/// Where the texts of a script's files are read.
enum Origin<'a> {
    /// In the scripts folder, at this canonical path.
    Folder(PathBuf),
    /// Among what a run kept, by name.
    Kept(&'a BTreeMap<String, String>),
}

impl Origin<'_> {
    fn folder(root: &Path) -> Result<Self, ScriptFault> {
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
        Ok(Self::Folder(root))
    }

    /// The bytes of a file, at most one more than a script may have.
    fn read(&self, name: &str) -> Result<Vec<u8>, Text> {
        let root = match self {
            Self::Folder(root) => root,
            Self::Kept(files) => {
                let text = files.get(name).ok_or_else(|| {
                    Text::new("הקובץ אינו בין אלה שנשמרו", "the file is not among those that were kept")
                })?;
                return Ok(text.clone().into_bytes());
            }
        };
        let path = root.join(name).canonicalize().map_err(|error| unreadable(&error))?;
        if !path.starts_with(root) {
            return Err(outside());
        }
        let mut bytes = Vec::new();
        let limit = SCRIPT_BYTES_MAX as u64 + 1;
        let file = std::fs::File::open(&path).map_err(|error| unreadable(&error))?;
        file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        Ok(bytes)
    }
}

struct Loader<'a> {
    origin: Origin<'a>,
    engine: Engine,
    sources: Sources,
    asts: BTreeMap<String, AST>,
    /// Imported before importing.
    order: Vec<String>,
    /// The files that are being loaded, each by an import of the one before.
    pending: Vec<String>,
    faults: Vec<ScriptFault>,
}

impl<'a> Loader<'a> {
    fn new(origin: Origin<'a>, engine: Engine) -> Self {
        Self {
            origin,
            engine,
            sources: Sources::default(),
            asts: BTreeMap::new(),
            order: Vec::new(),
            pending: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn load_main(&mut self, script: &Path) {
        let shown = script.display().to_string();
        let named = script.canonicalize().map_err(|error| unreadable(&error)).and_then(|path| {
            let name = match &self.origin {
                Origin::Folder(root) => path.strip_prefix(root).map_err(|_| outside())?,
                Origin::Kept(_) => return Err(outside()),
            };
            name.to_str().map(str::to_owned).ok_or_else(outside)
        });
        match named {
            Ok(name) => self.load_first(name),
            Err(text) => self.faults.push(ScriptFault::of_file(&shown, text)),
        }
    }

    fn load_first(&mut self, name: String) {
        self.sources.main.clone_from(&name);
        let nowhere = Place { file: name.clone(), ..Place::default() };
        self.load(name, &nowhere);
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
        let bytes = self.origin.read(name)?;
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
