//! A library in the hub's own process, called on the thread of whoever waits for the answer.
//!
//! Nothing is handed over, so a call costs little more than what the library does. Nothing can be left behind either: a
//! call that never comes back keeps its caller for ever, and no time limit is of any use.

use crate::library::{Ask, Asked, Library, Questions};
use gesher_plugin_abi::GESHER_OVER;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Calls the library on this thread, for as long as it takes.
pub(crate) fn invoke(library: &Library, name: &str, input: &[u8], ask: Questions<'_>) -> Asked {
    let call =
        Call { answers: Arc::new(Answers(Mutex::new(State { lent: Some(Lent::of(ask)), panic: None }))) };
    let asked = library.invoke(name, input, Arc::clone(&call.answers) as Arc<dyn Ask>);
    match call.end() {
        Some(panic) => resume_unwind(panic),
        None => asked,
    }
}

/// A call that lasts. What its caller lent is taken back at its end, however it ends.
struct Call {
    answers: Arc<Answers>,
}

impl Call {
    /// Takes back what was lent: from here on nobody answers. What an answer of the hub's broke off with, if one did.
    fn end(&self) -> Option<Box<dyn Any + Send>> {
        let mut state = self.answers.state();
        state.lent = None;
        state.panic.take()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let _lost = self.end();
    }
}

/// What answers the questions of one call, from whichever thread of the library's they come.
struct Answers(Mutex<State>);

struct State {
    /// None once the call is over, or an answer of the hub's broke off.
    lent: Option<Lent>,
    /// What that answer broke off with. It may not pass through the library.
    panic: Option<Box<dyn Any + Send>>,
}

/// What the caller lent for as long as its call lasts.
struct Lent(*mut (dyn FnMut(&str, &[u8]) -> Asked + Send));

// SAFETY: what it points to may go to another thread, and is used under a lock alone.
unsafe impl Send for Lent {}

impl Lent {
    fn of<'a>(ask: Questions<'a>) -> Self {
        type Borrowed<'a> = *mut (dyn FnMut(&str, &[u8]) -> Asked + Send + 'a);
        let ask: Borrowed<'a> = ask;
        // SAFETY: only the lifetime is another, and `Call` sees to it that nobody uses it any longer than it lasts.
        Self(unsafe { std::mem::transmute::<Borrowed<'a>, Borrowed<'static>>(ask) })
    }

    fn ask(&mut self, name: &str, input: &[u8]) -> Asked {
        // SAFETY: its call lasts, since otherwise nobody would have it any more; and whoever has it holds the lock.
        let ask = unsafe { &mut *self.0 };
        ask(name, input)
    }
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ask for Answers {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let mut state = self.state();
        let Some(lent) = &mut state.lent else { return (GESHER_OVER, Vec::new()) };
        catch_unwind(AssertUnwindSafe(|| lent.ask(name, input))).unwrap_or_else(|panic| {
            *state = State { lent: None, panic: Some(panic) };
            (GESHER_OVER, Vec::new())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(ask: Questions<'_>) -> Call {
        let state = State { lent: Some(Lent::of(ask)), panic: None };
        Call { answers: Arc::new(Answers(Mutex::new(state))) }
    }

    #[test]
    fn questions_are_answered_on_any_thread_until_the_call_is_over() {
        let mut heard = Vec::new();
        let mut ask = |name: &str, input: &[u8]| {
            heard.push(name.to_owned());
            (0, input.to_vec())
        };
        let call = answers(&mut ask);
        let answers = Arc::clone(&call.answers);
        assert_eq!(answers.ask("now", b"1"), (0, b"1".to_vec()));
        let there = Arc::clone(&answers);
        std::thread::spawn(move || assert_eq!(there.ask("log", b"2").0, 0)).join().unwrap();
        drop(call);
        assert_eq!(answers.ask("late", b"3"), (GESHER_OVER, Vec::new()));
        assert_eq!(heard, ["now", "log"]);
    }

    #[test]
    fn an_answer_that_breaks_off_does_so_behind_the_library_and_nothing_more_is_answered() {
        let mut ask = |_: &str, _: &[u8]| -> Asked { panic!("a fault of the hub") };
        let call = answers(&mut ask);
        assert_eq!(call.answers.ask("now", b"").0, GESHER_OVER);
        assert_eq!(call.answers.ask("now", b"").0, GESHER_OVER);
        let panic = call.end().unwrap();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"a fault of the hub"));
    }
}
