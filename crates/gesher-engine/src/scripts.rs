//! Which script a run is run with: the one it began with, whatever the scripts folder holds by now.
//!
//! The sources come from the journal, where the run's first commit put them; what a script may call is the flow's
//! permission of today. Making a program of sources is the script host's work, behind [`ScriptHost`].

use crate::engine::Engine;
use crate::error::EngineError;
use crate::program::Program;
use gesher_core::Text;
use gesher_journal::{RunRecord, ScriptBundle};
use std::sync::{Arc, PoisonError, RwLock};

/// Characters of a script's hash that tell two scripts apart for people.
const HASH_CHARACTERS: usize = 12;

/// Makes programs of sources alone.
pub trait ScriptHost: Send + Sync {
    /// Checks and compiles what a run kept; no file is looked at. The error says in one line, for people, what of it
    /// this version of the hub cannot run.
    fn program(&self, kept: &ScriptBundle) -> Result<Arc<dyn Program>, Text>;
}

/// The script of a flow: the one that new runs begin with, and a way to those that earlier runs began with.
pub struct Scripts {
    held: RwLock<Held>,
    host: Arc<dyn ScriptHost>,
}

/// The programs that need not be made anew.
#[derive(Clone)]
struct Held {
    current: Arc<dyn Program>,
    /// The one before it: runs that began with it may wait for their turn still.
    before: Option<Arc<dyn Program>>,
}

impl Scripts {
    /// The script as its folder holds it now, and who compiles the earlier ones.
    #[must_use]
    pub fn new(current: Arc<dyn Program>, host: Arc<dyn ScriptHost>) -> Self {
        Self { held: RwLock::new(Held { current, before: None }), host }
    }

    /// What a new run begins with. Asked once for each run: it may be another one in the next moment.
    #[must_use]
    pub fn current(&self) -> Arc<dyn Program> {
        self.held().current
    }

    /// Runs that begin from now on begin with `program`; those that began end with what they began with. Answers whether
    /// it is another script than the one before.
    pub fn replace(&self, program: Arc<dyn Program>) -> bool {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.current.hash() == program.hash() {
            return false;
        }
        held.before = Some(std::mem::replace(&mut held.current, program));
        true
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a run began with. The inner error says, for people, why the run has to wait: half of a run by one script and
    /// half by another is nobody's intention.
    pub async fn of_run(
        &self,
        engine: &Engine,
        run: &RunRecord,
    ) -> Result<Result<Arc<dyn Program>, Text>, EngineError> {
        let Held { current, before } = self.held();
        if let Some(program) =
            [Some(current), before].into_iter().flatten().find(|one| one.hash() == run.script)
        {
            return Ok(Ok(program));
        }
        let kept = engine.journal().script(&run.script).await;
        let Some(kept) = kept.map_err(EngineError::journal("reading a run's script"))? else {
            return Ok(Err(not_kept(run)));
        };
        let host = Arc::clone(&self.host);
        let made = engine.runtime().spawn_blocking(move || host.program(&kept)).await;
        let made = made.map_err(|_panicked| EngineError::Lost { what: "a script" })?;
        Ok(made.map_err(|why| unfit(run, &why)))
    }
}

fn short(run: &RunRecord) -> &str {
    run.script.get(..HASH_CHARACTERS).unwrap_or(&run.script)
}

/// The kept source does not compile in this version of the hub.
fn unfit(run: &RunRecord, why: &Text) -> Text {
    let (flow, script) = (&run.flow, short(run));
    Text::new(
        format!(
            "גרסה זו של המערכת אינה יכולה להריץ את התסריט שאיתו ההרצה התחילה ({flow}, {script}): {}; לא נשלח דבר נוסף. \
             אפשר להפעיל את הגרסה הקודמת של המערכת כדי שההרצה תמשיך, או לבטל את ההרצה",
            why.he
        ),
        format!(
            "this version of the hub cannot run the script that the run began with ({flow}, {script}): {}; nothing more \
             was sent. Start the earlier version of the hub again to let the run go on, or cancel the run",
            why.en
        ),
    )
}

/// The run is from a hub that did not keep scripts.
fn not_kept(run: &RunRecord) -> Text {
    let (flow, script) = (&run.flow, short(run));
    Text::new(
        format!(
            "התסריט של {flow} השתנה מאז שההרצה התחילה, והתסריט הקודם ({script}) לא נשמר איתה; לא נשלח דבר נוסף. כדי שההרצה \
             תמשיך יש להחזיר את קובצי התסריט הקודמים ולהפעיל את המערכת מחדש"
        ),
        format!(
            "the script of {flow} changed since the run began, and the old one ({script}) was not kept with it; nothing \
             more was sent. To let the run go on, put the old script files back and start the hub again"
        ),
    )
}
