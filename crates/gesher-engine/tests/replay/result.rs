//! The result that `on_finish` passes on: the same bytes after any interruption, although it would be another if it were made
//! again; and nothing is sent where those bytes cannot be had any more.

use super::cut::Cut;
use super::{InRust, World, ended, flow, random};
use gesher_core::{ItemEnd, ItemId, ItemStatus, RunId};
use gesher_engine::journal::RunState;
use gesher_engine::{
    Entry, ItemSource, Program, Progress, RESULT_BYTES_MAX, ResultText, RunEnd, RunResult, SourceError,
    SourceItem,
};
use serde_json::json;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Makes another result each time.
#[derive(Default)]
struct Shelf {
    made: AtomicUsize,
    kept: Mutex<Option<ResultText>>,
    /// How much longer than its number each of them is, in bytes.
    padding: usize,
}

impl RunResult for Shelf {
    fn make(&self, bytes_max: usize) -> io::Result<Option<ResultText>> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let text = format!("made {number}{}", " ".repeat(self.padding));
        let made = ResultText { name: "march.result.csv".into(), sha256: format!("hash of {number}"), text };
        let made = Some(made).filter(|made| made.text.len() <= bytes_max);
        self.kept.lock().unwrap().clone_from(&made);
        Ok(made)
    }

    fn kept(&self) -> io::Result<Option<ResultText>> {
        Ok(self.kept.lock().unwrap().clone())
    }
}

/// Passes its run's result on when the run ends; asks for one in each row too, where there is none.
fn passing() -> Arc<dyn Program> {
    InRust::at(&[Entry::Call, Entry::Finish], |context, _| {
        ended(context.run_result().and_then(|result| {
            let request = json!({ "answer": "succeeded", "note": result.text });
            context.call("acme.charge", "marketplace", Some("mail"), request)
        }))
    })
}

struct Handing(Box<dyn ItemSource>, Arc<Shelf>);

impl ItemSource for Handing {
    fn next(&mut self) -> Result<Vec<SourceItem>, SourceError> {
        self.0.next()
    }

    fn result(&self) -> Option<Arc<dyn RunResult>> {
        Some(Arc::clone(&self.1) as Arc<dyn RunResult>)
    }
}

/// A process works on the run until it dies or is done. Answers whether it is done.
fn work(world: &World, run: &RunId, shelf: &Arc<Shelf>, cut: Option<(i64, Cut)>) -> bool {
    let hub = world.start(cut);
    let flow = Arc::new(flow(&["acme.*"], 1));
    let source = Box::new(Handing(random::items(1), Arc::clone(shelf)));
    let program = passing();
    let progress = Progress::default();
    let worked =
        hub.runtime.block_on(hub.engine.run_items(run, &flow, &program, source, &hub.stop, &progress));
    hub.runtime.block_on(async { hub.journal.settle_in_flight(world.clock.now()).await }).unwrap();
    matches!(worked, Ok(RunEnd::Complete))
}

fn sent(world: &World) -> Vec<String> {
    world.sends().into_keys().collect()
}

/// How `on_finish` ended.
fn finish(world: &World, run: &RunId) -> ItemEnd {
    world.ends(run).swap_remove(0)
}

#[test]
fn the_bytes_are_the_same_again_after_any_interruption() {
    for writes in 1..14 {
        for cut in [Cut::Lost, Cut::Kept, Cut::Stop] {
            let (world, shelf) = (World::still(), Arc::default());
            let run = world.begin();
            let is_done = work(&world, &run, &shelf, Some((writes, cut)))
                || is_over(&world, &run)
                || work(&world, &run, &shelf, None);
            let (end, sent) = (finish(&world, &run), sent(&world));
            let code = end.code.as_deref();
            assert!(is_done && sent.len() <= 1, "{writes} {cut:?}: {sent:?}");
            match end.status {
                ItemStatus::Succeeded => assert_eq!(sent.len(), 1, "{writes} {cut:?}"),
                ItemStatus::Unknown => assert_eq!(code, Some("interrupted"), "{writes} {cut:?}"),
                other => panic!("{writes} {cut:?}: {other:?} {code:?}"),
            }
        }
    }
}

/// Whether the process died right after its last write.
fn is_over(world: &World, run: &RunId) -> bool {
    let hub = world.start(None);
    hub.runtime.block_on(hub.journal.run(run)).unwrap().unwrap().state == RunState::Reporting
}

#[test]
fn where_the_bytes_cannot_be_had_again_nothing_is_sent() {
    let mut tried = 0;
    for writes in 1..14 {
        let (world, shelf) = (World::still(), Arc::<Shelf>::default());
        let run = world.begin();
        work(&world, &run, &shelf, Some((writes, Cut::Kept)));
        let steps = world.steps(&run, ItemId::FINISH);
        let names: Vec<&str> = steps.iter().map(|step| step.operation.as_str()).collect();
        if names != ["run.summary", "run.result"] {
            continue;
        }
        tried += 1;
        *shelf.kept.lock().unwrap() = None;
        assert!(work(&world, &run, &shelf, None));
        let end = finish(&world, &run);
        assert_eq!((end.status, end.code.as_deref()), (ItemStatus::Unknown, Some("diverged")));
        assert!(sent(&world).is_empty());
    }
    assert!(tried > 0, "no process died between the result and the call");
}

#[test]
fn what_has_no_result_or_too_large_a_one_is_refused_in_plain_words() {
    for (padding, code) in [(RESULT_BYTES_MAX - 6, None), (RESULT_BYTES_MAX - 5, Some("result_too_large"))] {
        let (world, shelf) = (World::still(), Arc::new(Shelf { padding, ..Shelf::default() }));
        let run = world.begin();
        assert!(work(&world, &run, &shelf, None));
        let ends = world.ends(&run);
        assert_eq!(ends[1].code.as_deref(), Some("no_result"), "a row has none");
        match code {
            Some(_) => assert_eq!((ends[0].status, ends[0].code.as_deref()), (ItemStatus::Rejected, code)),
            None => assert_eq!(ends[0].status, ItemStatus::Succeeded),
        }
        assert_eq!(sent(&world).len(), usize::from(code.is_none()));
    }
}
