//! What goes wrong at the provider, and what a row may be called afterwards.

/// What the hub can know after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// It gets the provider's true answer.
    Answer,
    /// Nothing that tells whether the card was charged: only `unknown` is true.
    Nothing,
    /// It depends on how far the request came.
    Perhaps,
}

/// A fault of the simulator, as a rule of its plan says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For tables.
    pub name: &'static str,
    /// The simulator's own name for it; empty for none.
    pub kind: &'static str,
    /// The rule's further lines.
    pub more: &'static str,
    /// What the hub can know.
    pub knows: Knows,
    /// What is wrong with the lists by which a lost answer is looked up, as a rule says it.
    pub lists: Option<(&'static str, &'static str)>,
}

const fn fault(name: &'static str, kind: &'static str, more: &'static str, knows: Knows) -> Fault {
    Fault { name, kind, more, knows, lists: None }
}

/// The answer to a charge is lost, and the lists are of no help.
const fn lost(name: &'static str, list: &'static str, more: &'static str) -> Fault {
    let lists = Some((list, more));
    Fault { name, kind: "commit_then_close", more: "", knows: Knows::Nothing, lists }
}

/// Where lost answers are looked up.
const LISTS: [&str; 2] = ["/billing/payments/list/", "/accounting/documents/list/"];

/// Nothing goes wrong at the provider.
pub const NONE: Fault = fault("none", "", "", Knows::Answer);

/// Every fault of the matrix: each kind that the simulator has, with and without the charge being made.
pub const FAULTS: &[Fault] = &[
    NONE,
    fault("refuse", "refuse", "", Knows::Perhaps),
    fault("hang_before", "hang_before", "", Knows::Nothing),
    fault("hang_after", "hang_after", "", Knows::Nothing),
    fault("close_before", "close_before", "", Knows::Nothing),
    fault("commit_then_close", "commit_then_close", "", Knows::Nothing),
    fault("commit_then_500", "commit_then_status", "status = 500", Knows::Nothing),
    fault("commit_then_502", "commit_then_status", "status = 502", Knows::Nothing),
    fault("commit_then_429", "commit_then_status", "status = 429", Knows::Nothing),
    fault("commit_then_408", "commit_then_status", "status = 408", Knows::Nothing),
    fault("status_503", "status", "status = 503", Knows::Nothing),
    fault("status_504", "status", "status = 504", Knows::Nothing),
    fault("truncate", "truncate", "", Knows::Nothing),
    fault("html_200", "html_200", "", Knows::Nothing),
    fault("html_200_after", "html_200", "commit = true", Knows::Nothing),
    fault("foreign_json", "foreign_json", "", Knows::Nothing),
    fault("foreign_json_after", "foreign_json", "commit = true", Knows::Nothing),
    fault("redirect", "redirect", "status = 302", Knows::Nothing),
    fault("redirect_after", "redirect", "status = 307\ncommit = true", Knows::Nothing),
    fault("slow_drip", "slow_drip", "delay_ms = 200", Knows::Answer),
    fault("endless_drip", "slow_drip", "delay_ms = 60000", Knows::Nothing),
    fault("duplicate", "duplicate", "", Knows::Answer),
    lost("list_lag", "list_lag", "delay_ms = 3600000"),
    lost("document_lag", "document_lag", "delay_ms = 3600000"),
    lost("list_repeats", "list_repeats", ""),
    lost("list_empty_page", "list_empty_page", ""),
    fault("wrong_amount", "wrong_amount", "", Knows::Nothing),
    fault("status2_after_commit", "status2_after_commit", "", Knows::Nothing),
    fault("forbidden_empty", "forbidden_empty", "", Knows::Nothing),
    fault("forbidden_after", "forbidden_empty", "commit = true", Knows::Nothing),
];

/// The fault of that name.
#[track_caller]
pub fn named(name: &str) -> Fault {
    *FAULTS.iter().find(|fault| fault.name == name).unwrap_or_else(|| panic!("no fault {name}"))
}

impl Fault {
    /// The simulator's plan: the fault meets the charges of these orders' customers, each once.
    pub fn plan(&self, orders: &[&str]) -> String {
        if self.kind.is_empty() {
            return String::new();
        }
        if self.kind == "refuse" {
            return "[[rule]]\nmatch = { nth = [2, 4] }\nfault = \"refuse\"\n".to_owned();
        }
        let rule = |order: &&str| {
            format!(
                "[[rule]]\nmatch = {{ path = \"/billing/payments/charge/\", customer = \"{order}a\", times = 1 }}\n\
                 fault = \"{}\"\n{}\n",
                self.kind, self.more
            )
        };
        let on_list = |(kind, more): (&str, &str)| -> String {
            let rule = |path: &&str| {
                format!("[[rule]]\nmatch = {{ path = \"{path}\" }}\nfault = \"{kind}\"\n{more}\n")
            };
            LISTS.iter().map(rule).collect()
        };
        let on_lists = self.lists.map(on_list).unwrap_or_default();
        orders.iter().map(rule).collect::<String>() + &on_lists
    }

    /// Whether a look-up may miss what the ledger has.
    pub fn may_hide(&self) -> bool {
        self.lists.is_some_and(|(kind, _)| kind != "list_repeats")
    }
}
