//! What the HTTP requests of one call came to, as far as it decides what the plugin's answer to the call can mean. Pure.
//!
//! An answer that nothing was done leaves the key free, and the call may be made again. So it is believed only where it can
//! be true: nothing that a plugin says takes back what left.

use crate::library::Asked;
use crate::outcome::{Denial, denial};
use gesher_plugin_abi::GESHER_BROKEN;

/// The requests of one call so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// One that changes something was answered, or may have left.
    left: bool,
    /// One that changes something may have left, and was not answered.
    lost: bool,
    /// Since something left, something failed, and nothing was found out after it.
    unsure: bool,
}

impl Trail {
    /// Why nothing more that changes something may be sent: elsewhere it would be done a second time.
    pub(crate) fn why_no_more(self, only_looks: bool) -> Option<&'static str> {
        (self.lost && !only_looks).then_some(
            "an earlier request of this call may have left without an answer, so nothing more that changes something is \
             sent; find out with GET what became of it, or answer `unknown`",
        )
    }

    /// A request was answered with this status.
    pub(crate) fn answered(&mut self, only_looks: bool, status: Option<u64>) {
        self.left |= !only_looks;
        // What is there, what is not, and what was taken back. Any other answer tells nothing of what left before.
        if matches!(status, Some(200..=299 | 404 | 410)) {
            self.unsure = false;
        }
    }

    /// A request may have left, and was not answered.
    pub(crate) fn lost(&mut self, only_looks: bool) {
        self.left |= !only_looks;
        self.lost |= !only_looks;
        self.unsure |= self.left;
    }

    /// The plugin did not get what it asked for, and nothing left.
    pub(crate) fn failed(&mut self) {
        self.unsure |= self.left;
    }

    /// What the plugin answered, as far as it can be believed.
    pub(crate) fn judged(self, asked: Asked) -> Asked {
        // Most calls send nothing, and their answers need not be read for this.
        if self == Self::default() {
            return asked;
        }
        let why = match denial(&asked) {
            Some(Denial::NotSent) if self.left => {
                "it says that nothing was sent, and an HTTP request of it had left"
            }
            Some(Denial::Refusal) if self.lost || self.unsure => {
                "it says that nothing was done, and an HTTP request of it may have left without an answer"
            }
            Some(Denial::Outcome) if self.unsure => {
                "it says that nothing was done, and did not find out what became of an HTTP request that may have left"
            }
            _ => return asked,
        };
        (GESHER_BROKEN, why.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_plugin_abi::{GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_REFUSED};

    #[derive(Clone, Copy, Debug)]
    enum Came {
        Answered(u64),
        Lost,
        Failed,
    }
    use Came::{Answered, Failed, Lost};

    /// Requests by method and what came of them, and whether each answer to the call is believed: `not_sent`, `rejected` and
    /// `declined` as outcomes; a refusal, one that nobody was reached, and an operation that is not known.
    #[track_caller]
    fn check(requests: &[(&str, Came)], want: [bool; 6]) {
        let mut trail = Trail::default();
        for (method, came) in requests {
            let only_looks = *method == "GET";
            match came {
                Answered(status) => trail.answered(only_looks, Some(*status)),
                Lost => trail.lost(only_looks),
                Failed => trail.failed(),
            }
        }
        let answers = [
            (GESHER_OK, r#"{"status": "not_sent"}"#),
            (GESHER_OK, r#"{"status": "rejected", "code": "no"}"#),
            (GESHER_OK, r#"{"status": "declined"}"#),
            (GESHER_REFUSED, r#"{"code": "no", "message": "no"}"#),
            (GESHER_REFUSED, r#"{"code": "dns", "message": "no", "not_sent": true}"#),
            (GESHER_NO_SUCH_NAME, ""),
        ];
        let is_believed = |(status, text): (i32, &str)| {
            let asked = (status, text.as_bytes().to_vec());
            trail.judged(asked.clone()) == asked
        };
        assert_eq!(answers.map(is_believed), want, "{requests:?}");
        for text in [r#"{"status": "succeeded"}"#, r#"{"status": "unknown"}"#, "?"] {
            assert!(is_believed((GESHER_OK, text)), "{requests:?} {text}");
        }
        let is_lost = requests.iter().any(|(method, came)| *method != "GET" && matches!(came, Lost));
        assert_eq!(trail.why_no_more(false).is_some(), is_lost, "{requests:?}");
        assert_eq!(trail.why_no_more(true), None, "{requests:?}");
    }

    #[test]
    fn where_nothing_left_a_plugin_is_believed() {
        let all = [true; 6];
        check(&[], all);
        check(&[("POST", Failed)], all);
        check(&[("POST", Failed), ("POST", Failed)], all);
        check(&[("GET", Answered(200)), ("GET", Lost), ("POST", Failed)], all);
    }

    #[test]
    fn what_was_answered_may_be_refused_and_was_never_unsent() {
        let refused_there = [false, true, true, true, false, false];
        check(&[("POST", Answered(422))], refused_there);
        check(&[("POST", Answered(201)), ("DELETE", Answered(204))], refused_there);
    }

    #[test]
    fn after_a_part_of_it_was_done_nothing_can_be_said_to_be_undone() {
        let none = [false; 6];
        // The reservation was made; the confirmation reached nobody, or was refused by the hub, or is lost.
        check(&[("POST", Answered(201)), ("POST", Failed)], none);
        check(&[("POST", Answered(201)), ("POST", Lost)], none);
        check(&[("POST", Answered(201)), ("GET", Lost)], none);
        check(&[("POST", Answered(201)), ("POST", Failed), ("DELETE", Answered(500))], none);
        // It was taken back.
        let taken_back = [false, true, true, true, false, false];
        check(&[("POST", Answered(201)), ("POST", Failed), ("DELETE", Answered(204))], taken_back);
    }

    #[test]
    fn what_is_lost_was_not_done_only_where_the_plugin_found_out() {
        let none = [false; 6];
        check(&[("POST", Lost)], none);
        check(&[("POST", Lost), ("POST", Failed)], none);
        check(&[("POST", Lost), ("GET", Failed)], none);
        check(&[("POST", Lost), ("GET", Answered(503))], none);
        let found_out = [false, true, true, false, false, false];
        check(&[("POST", Lost), ("GET", Answered(200))], found_out);
        check(&[("POST", Lost), ("GET", Answered(404))], found_out);
        check(&[("POST", Lost), ("GET", Answered(404)), ("POST", Failed)], none);
    }
}
