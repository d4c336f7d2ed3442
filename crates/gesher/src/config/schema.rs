//! Every table and setting of `gesher.toml`: one list, from which reading, the nearest name of a slip, the defaults
//! and the reference page follow.

use super::value::Kind;

/// Whether a setting must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
    /// Left out, it is this, in TOML.
    Default(&'static str),
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub kind: Kind,
    /// Whether it must be there.
    pub need: Need,
    /// What it is for, in a sentence or two.
    pub about: &'static str,
}

/// One table.
#[derive(Debug)]
pub struct Table {
    /// Its path; `*` stands for a name of one's own.
    pub path: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its settings.
    pub settings: &'static [Setting],
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Setting {
    Setting { name, kind, need: Need::Required, about }
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Setting {
    Setting { name, kind, need: Need::Optional, about }
}

const fn default(name: &'static str, kind: Kind, toml: &'static str, about: &'static str) -> Setting {
    Setting { name, kind, need: Need::Default(toml), about }
}

/// Ports, counts and ids.
const ID_MAX: i64 = i64::MAX;
/// Items at a time, as the engine bounds them.
const CONCURRENCY_MAX: i64 = gesher_core::limits::CONCURRENCY_MAX as i64;
/// Calls in flight at one provider.
const IN_FLIGHT_MAX: i64 = gesher_core::limits::IN_FLIGHT_MAX as i64;

/// Every table, in the order of the reference.
pub const TABLES: &[Table] = &[
    Table {
        path: "hub",
        about: "The hub itself.",
        settings: &[
            default("name", Kind::Text, "\"gesher\"", "The hub's name, for people."),
            default("time_zone", Kind::TimeZone, "\"Asia/Jerusalem\"", "The time zone of local times."),
            default(
                "language",
                Kind::Word(&["he", "en"]),
                "\"he\"",
                "The language of messages in results. Status words never change.",
            ),
            default("data", Kind::Text, "\"data\"", "The folder of journal, vault and master key."),
            default(
                "store",
                Kind::Text,
                "\"sqlite\"",
                "Where the journal is kept: \"sqlite\", or a PostgreSQL address.",
            ),
            optional(
                "intent_log",
                Kind::Text,
                "The guard against a restored backup, a file; better on another disk. `intents.log` in `data` by default.",
            ),
        ],
    },
    Table {
        path: "officeguy",
        about: "The marketplace's own account at OfficeGuy (SUMIT).",
        settings: &[
            default(
                "base_url",
                Kind::BaseUrl,
                "\"https://api.sumit.co.il\"",
                "Its address. \"simulator\" makes the hub run a simulator of its own.",
            ),
            optional(
                "company_id",
                Kind::Whole(1, ID_MAX),
                "The marketplace's organisation. Needed unless `base_url` is \"simulator\".",
            ),
            optional("api_key", Kind::Secret, "Its key. Needed unless `base_url` is \"simulator\"."),
            default("timeout", Kind::Duration, "\"120s\"", "How long one whole call may take."),
            optional("rate", Kind::Rate, "How many calls may begin in a second; no bound by default."),
            default("max_in_flight", Kind::Whole(1, IN_FLIGHT_MAX), "16", "Calls at a time, over all flows."),
            default(
                "stamp",
                Kind::Word(&["end", "start", "off"]),
                "\"end\"",
                "Where in the description of a document the hub writes its own reference, such as `[k7mq2xd.12.1]`. By \
                 it an unknown charge is found again; with \"off\" more of them are left to a person.",
            ),
        ],
    },
    Table {
        path: "senzey",
        about: "The account at Senzey.",
        settings: &[
            optional("account", Kind::Text, "The account's name, as in `https://NAME.senzey.com`."),
            optional(
                "base_url",
                Kind::BaseUrl,
                "Its address, instead of `account`. \"simulator\" makes the hub run a simulator of its own.",
            ),
            optional("username", Kind::Secret, "The user's name. Needed unless `base_url` is \"simulator\"."),
            optional(
                "password",
                Kind::Secret,
                "The user's password. Needed unless `base_url` is \"simulator\".",
            ),
            default("timeout", Kind::Duration, "\"120s\"", "How long one whole call may take."),
            optional("rate", Kind::Rate, "How many calls may begin in a second; no bound by default."),
            default("max_in_flight", Kind::Whole(1, IN_FLIGHT_MAX), "16", "Calls at a time, over all flows."),
            default(
                "booleans",
                Kind::Word(&["TRUE", "true"]),
                "\"TRUE\"",
                "How yes and no are written on the wire. Senzey's pages write TRUE and FALSE; some programs in use send \
                 small letters.",
            ),
            default(
                "shekels",
                Kind::Word(&["omit", "NULL"]),
                "\"omit\"",
                "What is sent as the currency of shekels: nothing, or the word NULL, as some programs in use do.",
            ),
            default(
                "dates",
                Kind::Word(&["dd/mm/yyyy", "yyyy-mm-dd"]),
                "\"dd/mm/yyyy\"",
                "How days are written on the wire. Senzey's pages say it of birthdays only, and not of `start_date`.",
            ),
            default(
                "gateway_fields",
                Kind::Word(&["json", "query", "brackets"]),
                "\"json\"",
                "How a map in `credit_card_payment` is sent: as JSON, as a query string, or field by field in brackets. \
                 Senzey's pages do not say. A text is always sent as it is.",
            ),
            default(
                "answers",
                Kind::Word(&["json", "any"]),
                "\"json\"",
                "Which answers are read: those that say that they are JSON, or every JSON object, also one that calls \
                 itself a page. Senzey's pages do not say what its answers call themselves; what is not read is `unknown`.",
            ),
            default(
                "contacts_path",
                Kind::Text,
                "\"/extapi/client/list.php\"",
                "Where `list_contacts` asks. A guess: ask Senzey for the address of your account.",
            ),
        ],
    },
    Table {
        path: "dashboard",
        about: "The listener for people and monitors.",
        settings: &[default(
            "listen",
            Kind::Listen,
            "\"127.0.0.1:7878\"",
            "Where it listens. `/healthz` and `/readyz` need no login.",
        )],
    },
    Table {
        path: "hooks",
        about: "The listener for webhooks, the one that is meant to face the internet.",
        settings: &[default("listen", Kind::Listen, "\"127.0.0.1:7879\"", "Where it listens.")],
    },
    Table {
        path: "alerts",
        about: "Where messages go that ask a person to look: those of `alert(text)`, and the hub's own alarms.",
        settings: &[
            optional("url", Kind::Text, "The address that they are posted to; none by default."),
            optional("secret", Kind::Secret, "What they are signed with, by the rules of standard-webhooks."),
        ],
    },
    Table {
        path: "flow.*",
        about: "A flow: a script, what it may do, and in a table of its own what starts it.",
        settings: &[
            required("script", Kind::Text, "The script's file."),
            default(
                "allow",
                Kind::Texts,
                "[]",
                "The operations that it may call: `provider.operation`, `provider.*` or `*:read`. Nothing by default.",
            ),
            default(
                "http",
                Kind::Texts,
                "[]",
                "The hosts that `http::` may call, each with its port where that is not 443. None by default.",
            ),
            optional(
                "secrets",
                Kind::Secrets,
                "The secrets that `secret(name)` may put into what goes to these hosts. None by default.",
            ),
            default(
                "concurrency",
                Kind::Whole(1, CONCURRENCY_MAX),
                "4",
                "Items at a time. One and a half times the provider's `max_in_flight` keeps it busy while rows are written down; \
                 after a crash that many of them may be `unknown`.",
            ),
            default(
                "on_unknown",
                Kind::WholeOr(1, 1_000_000, &["continue", "halt"]),
                "5",
                "How many unknown answers in a row stop the flow from taking new items, or what to do at the first.",
            ),
        ],
    },
    Table {
        path: "flow.*.limits",
        about: "Bounds on the money that a flow may move.",
        settings: &[
            optional("per_call", Kind::Money, "For one call."),
            optional("per_run", Kind::Money, "For one run."),
            optional("per_day", Kind::Money, "For one day, by the hub's time zone."),
            optional(
                "approve_above",
                Kind::Money,
                "A run whose validated total is above it waits for a person.",
            ),
        ],
    },
    Table {
        path: "flow.*.drop",
        about: "Starts the flow for each file that is dropped into a folder.",
        settings: &[
            required("folder", Kind::Text, "The folder to watch; made when it is missing."),
            default(
                "pattern",
                Kind::Text,
                "\"*.csv\"",
                "The files to take, by name: `*` and `?` stand for anything.",
            ),
            optional(
                "row_key",
                Kind::RowKey,
                "The columns that name a row's intention for ever; \"line\" means file and line. \
                 A flow that may move money needs it.",
            ),
            optional("amount", Kind::Text, "The column that is validated and summed as an amount."),
            default(
                "encoding",
                Kind::Word(&["auto", "utf-8", "utf-16", "windows-1255", "iso-8859-8"]),
                "\"auto\"",
                "How the file writes its letters. \"auto\" is UTF-8, or UTF-16 with a byte order mark.",
            ),
            default(
                "separator",
                Kind::Word(&["auto", ",", ";", "tab", "|"]),
                "\"auto\"",
                "What stands between the cells of a row. \"auto\" is a tab in .tsv files and a comma in others.",
            ),
            optional(
                "done_file",
                Kind::Text,
                "The name of a file that says that another is whole, such as \"{name}.done\": one without it is not taken.",
            ),
            optional(
                "control",
                Kind::Text,
                "The name of a file with another's `rows` and `total`, such as \"{name}.control\": one without it is not \
                 taken, and one that holds something else is refused.",
            ),
            default(
                "subfolders",
                Kind::Flag,
                "false",
                "Whether files in folders inside the folder are taken too.",
            ),
            default("settle", Kind::Duration, "\"2s\"", "How long a file must lie still before it is taken."),
            default("not_cards", Kind::Texts, "[]", "Columns of long numbers that are no card numbers."),
        ],
    },
    Table {
        path: "flow.*.webhook",
        about: "Starts the flow for each webhook that is delivered.",
        settings: &[
            required("path", Kind::Text, "The path of its address, as in `/hooks/onboard`."),
            required(
                "verify",
                Kind::Word(&["standard-webhooks", "github", "stripe", "hmac", "token", "basic", "none"]),
                "How a delivery proves where it comes from.",
            ),
            optional("secrets", Kind::Secrets, "What it is proved with; several while they are changed."),
            optional(
                "header",
                Kind::Text,
                "The header of the signature (`hmac`) or of the token (`token`). Without it a token is part of the address: \
                 behind the path, or `?token=`.",
            ),
            default(
                "encoding",
                Kind::Word(&["hex", "base64"]),
                "\"hex\"",
                "How the signature is written (`hmac`).",
            ),
            optional(
                "prefix",
                Kind::Text,
                "What stands in the header before it, such as `sha256=` or `Bearer `.",
            ),
            default(
                "reply",
                Kind::Word(&["async", "sync"]),
                "\"async\"",
                "Whether the answer is the run's id or the script's own.",
            ),
            optional(
                "id",
                Kind::Text,
                "Where the delivery's id is in its body, as \"json:/path\". Without it: the id that is signed, else the body \
                 itself.",
            ),
        ],
    },
    Table {
        path: "flow.*.schedule",
        about: "Starts the flow at certain times.",
        settings: &[
            required(
                "cron",
                Kind::Text,
                "When, in the hub's time zone: minute, hour, day, month, weekday; with a sixth field in front, seconds. \
                 `L`, `W`, `#`, names, and `@monthly` and the like are known.",
            ),
            default(
                "skip",
                Kind::Texts,
                "[]",
                "Days to leave out: `shabbat`, `yom-tov`, `erev`, `bank-holidays`, or a file with a date a line.",
            ),
            default(
                "when_skipped",
                Kind::Word(&["next", "previous", "drop"]),
                "\"next\"",
                "Where a tick goes that falls on such a day: to the same time of the nearest free day, or nowhere.",
            ),
            optional(
                "missed",
                Kind::Word(&["hold", "run-once", "drop"]),
                "What becomes of a tick that was missed by a minute: it waits for a person, the latest one runs, or none. By \
                 default `hold` for a flow that may move money, else `run-once`.",
            ),
            default(
                "overlap",
                Kind::Word(&["skip", "queue"]),
                "\"skip\"",
                "What a tick does while the last one is at work: it is left out, or waits its turn.",
            ),
            default(
                "clamp",
                Kind::Flag,
                "false",
                "Whether days 29 to 31 mean the last day of a shorter month.",
            ),
            optional(
                "jitter",
                Kind::Duration,
                "Each tick begins at a moment of its own within this time. Not for flows that may move money.",
            ),
        ],
    },
    Table {
        path: "flow.*.source",
        about: "Starts the flow for each event that a plugin's event source brings.",
        settings: &[
            required(
                "events",
                Kind::Text,
                "The plugin, by its name in scripts, and its source, as in \"bank.transfers\".",
            ),
            default(
                "every",
                Kind::Duration,
                "\"1m\"",
                "How often it is asked. A source that waits for its events is asked again at once, and has no `every`.",
            ),
        ],
    },
    Table {
        path: "plugin.*",
        about: "A native plugin.",
        settings: &[
            required("path", Kind::Text, "The library's file."),
            required("sha256", Kind::Text, "Its SHA-256; another file is refused."),
            default(
                "isolation",
                Kind::Word(&["process", "in-process", "inline"]),
                "\"process\"",
                "Whether it runs in a process of its own, in the hub on threads of its own, or on those of its callers.",
            ),
            default(
                "allow",
                Kind::Texts,
                "[]",
                "What it may use: \"http:HOST\", \"secret:NAME\", and operations.",
            ),
            default(
                "timeout",
                Kind::Duration,
                "\"30s\"",
                "How long one call may take, without what the hub does for it meanwhile. Inline it is not kept to.",
            ),
        ],
    },
];

/// The table of that path.
pub fn table(path: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.path == path)
}

/// The names that may stand directly below `path`: settings and tables.
pub fn names_below(path: &str) -> Vec<&'static str> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    let settings = table(path).map_or(&[][..], |table| table.settings).iter().map(|setting| setting.name);
    let tables = TABLES.iter().filter_map(|table| {
        let rest = table.path.strip_prefix(&prefix)?;
        Some(rest.split_once('.').map_or(rest, |(first, _)| first))
    });
    let mut names: Vec<&str> = settings.chain(tables).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::de::DeValue;

    #[test]
    fn each_default_reads_as_its_kind() {
        for setting in TABLES.iter().flat_map(|table| table.settings) {
            if let Need::Default(toml) = setting.need {
                let value = DeValue::parse(toml).unwrap();
                assert!(setting.kind.read(value.get_ref()).is_ok(), "{}: {toml}", setting.name);
            }
        }
    }

    #[test]
    fn each_text_is_a_sentence_and_each_name_stands_once() {
        for table in TABLES {
            let mut names: Vec<_> = table.settings.iter().map(|setting| setting.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", table.path);
            for about in table.settings.iter().map(|setting| setting.about).chain([table.about]) {
                assert!(about.ends_with('.'), "{about}");
            }
        }
    }

    #[test]
    fn names_below_are_settings_and_tables() {
        assert_eq!(
            names_below(""),
            ["hub", "officeguy", "senzey", "dashboard", "hooks", "alerts", "flow", "plugin"]
        );
        assert_eq!(names_below("flow"), ["*"]);
        assert!(names_below("flow.*").ends_with(&["limits", "drop", "webhook", "schedule", "source"]));
    }
}
