//! One plugin: verified, described, and called, wherever it runs.

use crate::capability::Capability;
use crate::in_process::InProcess;
use crate::library::{Asked, Library, LoadFault, Questions};
use crate::manifest::{Manifest, ManifestFault};
use crate::pool::{PROCESSES_MAX, Pool, Recipe, SOURCE_PROCESSES_MAX, start, start_words};
use crate::process::Broken;
use crate::verify::{Sha256, VerifyFault, read_verified};
use gesher_core::Clock;
use std::borrow::Cow;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where a plugin runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In processes of this program, which knows `plugin-host`.
    Process {
        /// The program.
        program: PathBuf,
    },
    /// In the hub, on threads of its own.
    InProcess,
    /// In the hub, on the threads of its callers. Operations that call others, and sources, have threads of their own.
    Inline,
}

/// What a plugin is configured to be.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name in `gesher.toml`, with underscores.
    pub name: String,
    /// The library.
    pub path: PathBuf,
    /// The library's hash.
    pub sha256: Sha256,
    /// Where it runs.
    pub isolation: Isolation,
    /// What it may use.
    pub allow: Vec<Capability>,
    /// How long one call may take, without what the hub does for it meanwhile. Inline, a call takes what it takes.
    pub timeout: Duration,
}

/// Why a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// Its bytes are not taken.
    #[error("the library is not opened")]
    Verify(#[from] VerifyFault),
    /// It cannot be loaded here.
    #[error("the library cannot be loaded")]
    Load(#[from] LoadFault),
    /// It cannot be loaded in a process of its own.
    #[error("the library cannot be loaded: {0}")]
    Start(String),
    /// What it says of itself is wrong.
    #[error("the library cannot be used")]
    Manifest(#[from] ManifestFault),
    /// It is another plugin than the configuration says.
    #[error("the library is the plugin `{found}`, and it stands under `{wanted}`")]
    Name {
        /// What it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
}

/// Why a call has no answer.
#[derive(Clone, Debug)]
pub(crate) enum CallFault {
    /// The plugin was never told of it.
    NotBegun(String),
    /// It failed too often just now, and is not started again for so long.
    Resting(Duration),
    /// It was told, and broke.
    Broken(Broken),
}

impl CallFault {
    /// What happened, as the rest of a sentence.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::NotBegun(words) => words.clone(),
            Self::Resting(pause) => {
                format!("it failed several times, and is tried again in {} s", pause.as_secs())
            }
            Self::Broken(broken) => broken.words(),
        }
    }
}

/// Which of a plugin's processes a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It calls nothing of the hub's.
    Leaf,
    /// It calls other operations.
    Composing,
    /// It looks for events, and may wait for them.
    Source,
}

enum Running {
    Processes { leaves: Pool, composing: Pool, sources: Box<Pool> },
    Here(InProcess),
}

/// A plugin that is open.
pub struct Plugin {
    spec: Spec,
    manifest: Manifest,
    running: Running,
    clock: Arc<dyn Clock>,
}

/// Libraries in this process, by their hashes: each is loaded once.
static LOADED: Mutex<Vec<(Sha256, Arc<Library>)>> = Mutex::new(Vec::new());

impl Plugin {
    /// Verifies the library and loads it. Blocks.
    pub fn open(spec: Spec, clock: Arc<dyn Clock>) -> Result<Self, PluginError> {
        let bytes = read_verified(&spec.path, Some(&spec.sha256))?;
        let (running, manifest) = match &spec.isolation {
            Isolation::InProcess | Isolation::Inline => {
                let library = loaded(&spec.sha256, &bytes)?;
                let manifest = Manifest::read(library.manifest())?;
                let is_inline = spec.isolation == Isolation::Inline;
                (Running::Here(InProcess::new(library, is_inline)), manifest)
            }
            Isolation::Process { program } => {
                let recipe = recipe(program.clone(), &spec.name, bytes, Arc::clone(&clock));
                let (process, said) =
                    start(&recipe).map_err(|fault| PluginError::Start(start_words(fault)))?;
                let manifest = Manifest::read(&said)?;
                let recipe = Arc::new(Recipe { manifest: said, ..recipe });
                let leaves = Pool::new(Arc::clone(&recipe), Some(process), PROCESSES_MAX);
                let composing = Pool::new(Arc::clone(&recipe), None, PROCESSES_MAX);
                let sources = Box::new(Pool::new(recipe, None, SOURCE_PROCESSES_MAX));
                (Running::Processes { leaves, composing, sources }, manifest)
            }
        };
        if manifest.name != spec.name {
            return Err(PluginError::Name { found: manifest.name, wanted: spec.name });
        }
        Ok(Self { spec, manifest, running, clock })
    }

    /// What it is configured to be.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What it says that it is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The hub's clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Calls it. Blocks; what it asks for meanwhile is answered by `ask`, on this thread. An input that is given away
    /// need not be copied.
    pub(crate) fn invoke<'i>(
        &self,
        class: Class,
        name: &str,
        input: impl Into<Cow<'i, [u8]>>,
        ask: Questions<'_>,
    ) -> Result<Asked, CallFault> {
        self.invoke_within(self.spec.timeout, class, name, input, ask)
    }

    /// The same with a time of its own.
    pub(crate) fn invoke_within<'i>(
        &self,
        time: Duration,
        class: Class,
        name: &str,
        input: impl Into<Cow<'i, [u8]>>,
        ask: Questions<'_>,
    ) -> Result<Asked, CallFault> {
        let input = input.into();
        match (&self.running, class) {
            (Running::Processes { leaves, .. }, Class::Leaf) => leaves.invoke(name, &input, time, ask),
            (Running::Processes { composing, .. }, Class::Composing) => {
                composing.invoke(name, &input, time, ask)
            }
            (Running::Processes { sources, .. }, Class::Source) => sources.invoke(name, &input, time, ask),
            (Running::Here(here), _) => here.invoke(class, name, input, time, &*self.clock, ask),
        }
    }
}

fn recipe(program: PathBuf, name: &str, library: Vec<u8>, clock: Arc<dyn Clock>) -> Recipe {
    Recipe { program, plugin: name.to_owned(), library, manifest: Vec::new(), clock }
}

fn loaded(hash: &Sha256, bytes: &[u8]) -> Result<Arc<Library>, LoadFault> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, library)) = loaded.iter().find(|(of, _)| of == hash) {
        return Ok(Arc::clone(library));
    }
    let library = Arc::new(Library::load(bytes)?);
    loaded.push((*hash, Arc::clone(&library)));
    Ok(library)
}

/// Reads a library's manifest in a process of its own, whoever made it: its hash, and what it says that it is.
pub fn inspect(
    program: &Path,
    path: &Path,
    wanted: Option<&Sha256>,
    clock: Arc<dyn Clock>,
) -> Result<(Sha256, Manifest), PluginError> {
    let bytes = read_verified(path, wanted)?;
    let hash = Sha256::of(&bytes);
    let recipe = recipe(program.to_owned(), &path.to_string_lossy(), bytes, clock);
    let (_process, said) = start(&recipe).map_err(|fault| PluginError::Start(start_words(fault)))?;
    Ok((hash, Manifest::read(&said)?))
}

/// An error with all its sources, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
