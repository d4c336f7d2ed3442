//! Faults of a `gesher.toml`, as data: a text, and what is said of it, whole.

use super::*;
use gesher_core::{Descriptor, Effect, KeyRule, LookUp, operation::Sender};

const fn operation(name: &'static str, effect: Effect) -> Descriptor {
    Descriptor {
        provider: "officeguy",
        name,
        summary: "Does it.",
        endpoint: "/x/",
        effect,
        key: KeyRule::Required,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    }
}

const OPERATIONS: &[Descriptor] = &[
    operation("charge", Effect::Money),
    operation("create_company", Effect::Write),
    operation("get_payment", Effect::Read),
    Descriptor { provider: "senzey", sender: Sender::Only, ..operation("add_lead", Effect::Write) },
];

fn said(text: &str) -> String {
    let faults = match Config::parse(Path::new("/hub"), text) {
        Ok(config) => rules::faults(&config, OPERATIONS),
        Err(faults) => faults,
    };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(said(text), want, "{text}");
}

/// Only the first line of each fault.
#[track_caller]
fn check_heads(text: &str, want: &[&str]) {
    let said = said(text);
    let heads: Vec<&str> = said.lines().filter(|line| line.starts_with(FILE)).collect();
    assert_eq!(heads, want, "{text}\n{said}");
}

const FLOW: &str =
    "[officeguy]\nbase_url = \"simulator\"\n[flow.a]\nscript = \"a.rhai\"\nallow = [\"officeguy.charge\"]\n";

#[test]
fn the_smallest_hubs_have_no_fault() {
    check("", "");
    check("[hub]\nname = \"acme\"\n", "");
    check(&format!("{FLOW}[flow.a.drop]\nfolder = \"in\"\nrow_key = [\"id\"]\n"), "");
    check(&format!("\u{feff}{FLOW}[flow.a.drop]\nfolder = \"in\"\nrow_key = \"line\"\n"), "");
}

#[test]
fn a_name_that_is_not_known_is_named_with_its_nearest() {
    check(
        "[hub]\nnmae = \"acme\"\n",
        "gesher.toml:2:1: `nmae` is not known in [hub]; did you mean `name`?\n  2 | nmae = \"acme\"\n    | ^\n  \
         mend it: known in [hub]: name, time_zone, language, data, store, intent_log",
    );
    check_heads(
        "[oficeguy]\n",
        &["gesher.toml:1:2: `oficeguy` is not known here; did you mean `officeguy`?"],
    );
    check_heads(
        &format!("{FLOW}concurency = 2\n[flow.a.dorp]\nfolder = \"x\"\n"),
        &[
            "gesher.toml:6:1: `concurency` is not known in [flow.a]; did you mean `concurrency`?",
            "gesher.toml:7:9: `dorp` is not known in [flow.a]; did you mean `drop`?",
        ],
    );
}

#[test]
fn a_value_of_another_kind_says_what_is_expected() {
    check_heads(
        "[hub]\nname = 5\nlanguage = \"hebrew\"\ntime_zone = \"Mars/Base\"\n[officeguy]\ntimeout = \"2 minutes\"\nrate = 20\n\
         max_in_flight = 0\nbase_url = \"http://example.com\"\n[dashboard]\nlisten = \"7878\"\n",
        &[
            "gesher.toml:2:8: `name`: the number 5 does not fit here",
            "gesher.toml:3:12: `language`: \"hebrew\" is not known here",
            "gesher.toml:4:13: `time_zone`: this machine knows no time zone \"Mars/Base\"",
            "gesher.toml:6:11: `timeout`: \"2 minutes\" does not fit here",
            "gesher.toml:7:8: `rate`: the number 20 does not fit here",
            "gesher.toml:8:17: `max_in_flight`: the number 0 does not fit here",
            "gesher.toml:9:12: `base_url`: http:// is allowed only to this machine (127.0.0.1, [::1] or localhost); use https://",
            "gesher.toml:11:10: `listen`: \"7878\" does not fit here",
        ],
    );
    check_heads("hub = 5\n", &["gesher.toml:1:7: `hub` is a table, and this is none"]);
    check_heads("[flow.Bulk]\nscript=\"x\"\n", &["gesher.toml:1:7: `Bulk` cannot be a name here"]);
    check_heads("[flow.a]\n", &["gesher.toml:1:7: `script` is missing in [flow.a]"]);
}

#[test]
fn a_text_that_is_no_toml_is_shown_where_it_breaks() {
    let said = said("[hub]\nname = \n");
    assert!(said.starts_with("gesher.toml:2:"), "{said}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text = "[officeguy]\napi_key = \"canary-4711\"\n";
    check(
        text,
        "gesher.toml:2:11: `api_key`: a secret must not stand in this file\n  \
         mend it: write { secret = \"name\" } here and store the value with `gesher secrets set name`",
    );
    assert!(!said("[officeguy]\napi_key = \"canary-4711\n").contains("canary"));
}

#[test]
fn a_real_account_needs_its_number_and_key_once_a_flow_uses_it() {
    check("[officeguy]\n", "");
    check_heads(
        "[officeguy]\n[flow.a]\nscript = \"a.rhai\"\nallow = [\"*:read\"]\n",
        &[
            "gesher.toml:1:2: `company_id` is missing in [officeguy], and a flow calls OfficeGuy",
            "gesher.toml:1:2: `api_key` is missing in [officeguy], and a flow calls OfficeGuy",
        ],
    );
}

#[test]
fn what_is_not_built_is_refused_where_a_flow_uses_it() {
    let plugin = format!("[plugin.masav]\npath = \"x.so\"\nsha256 = \"{}\"\n", "0".repeat(64));
    check(&format!("[senzey]\naccount = \"acme\"\n{plugin}[hooks]\n"), "");
    check_heads(
        &format!(
            "{FLOW}http = [\"api.example.com\"]\n\
             [flow.a.drop]\nfolder = \"in\"\npattern = \"*.xlsx\"\n\
             row_key = [\"id\"]\n"
        ),
        &[],
    );
    check_heads(
        "[hub]\nstore = \"postgres://u:p@h/d\"\n",
        &["gesher.toml:2:9: PostgreSQL as the store: this is not built yet in this version"],
    );
}

#[test]
fn a_provider_s_host_and_key_are_known_however_they_are_written() {
    let hub = |base_url: &str, lines: &str| {
        format!(
            "[officeguy]\nbase_url = \"{base_url}\"\ncompany_id = 2410000001\napi_key = {{ secret = \"officeguy.api_key\" }}\n\
             [plugin.masav]\npath = \"x.so\"\nsha256 = \"{}\"\n{lines}",
            "0".repeat(64)
        )
    };
    let flow = |lines: &str| format!("[flow.a]\nscript = \"a.rhai\"\n{lines}\n");
    let entry = |entry: &str| flow(&format!("http = [\"{entry}\"]"));
    for (base_url, lines, head) in [
        (
            "https://pay.example.com:443",
            entry("pay.example.com"),
            "`pay.example.com` in `http` is a provider's host",
        ),
        (
            "https://pay.example.com",
            entry("PAY.example.com:443"),
            "`PAY.example.com:443` in `http` is a provider's host",
        ),
        ("http://localhost:9401", entry("127.0.0.1:9401"), "`127.0.0.1:9401` in `http` is a provider's host"),
        ("http://127.0.0.1:9401", entry("[::1]:9401"), "`[::1]:9401` in `http` is a provider's host"),
        ("http://localhost:9401", entry("127.0.0.1:9402"), ""),
        ("https://pay.example.com", entry("pay.example.com:8443"), ""),
        (
            "https://pay.example.com",
            flow("http = [\"api.example.com\"]\nsecrets = [{ secret = \"officeguy_api_key\" }]"),
            "the secret officeguy_api_key opens an account at a provider, and is never sent elsewhere",
        ),
        (
            "https://pay.example.com",
            "allow = [\"secret:officeguy-api.key\"]\n".to_owned(),
            "the secret officeguy-api.key opens an account at a provider, and no plugin is granted it",
        ),
        (
            "https://pay.example.com",
            "allow = [\"http:pay.example.com:443\"]\n".to_owned(),
            "`http:pay.example.com:443` in `allow` is a provider's host",
        ),
        ("https://pay.example.com", "allow = [\"secret:mail.password\"]\n".to_owned(), ""),
        (
            "https://pay.example.com",
            "[alerts]\nurl = \"https://alerts.example.com/\"\nsecret = { secret = \"officeguy.api_key\" }\n"
                .to_owned(),
            "the secret officeguy.api_key opens an account at a provider, and signs nothing else",
        ),
    ] {
        let text = hub(base_url, &lines);
        let said = said(&text);
        let heads: Vec<&str> = said.lines().filter(|line| line.starts_with(FILE)).collect();
        match head {
            "" => assert!(heads.is_empty(), "{text}\n{said}"),
            head => assert!(heads.len() == 1 && heads[0].ends_with(head), "{text}\n{said}"),
        }
    }
}

#[test]
fn a_schedule_is_refused_at_the_place_that_is_wrong() {
    let schedule = |lines: &str| format!("{FLOW}[flow.a.schedule]\n{lines}\n");
    for good in [
        "cron = \"0 6 1 * *\"",
        "cron = \"@monthly\"",
        "cron = \"0 6 L * *\"",
        "cron = \"0 6 31 * *\"\nclamp = true",
        "cron = \"0 0 6 ? * MON#1\"\nskip = [\"shabbat\", \"yom-tov\", \"erev\", \"bank-holidays\"]",
        "cron = \"0 6 1 * *\"\nmissed = \"run-once\"\noverlap = \"queue\"\nwhen_skipped = \"previous\"",
    ] {
        check_heads(&schedule(good), &[]);
    }
    for (lines, head) in [
        (
            "cron = \"0 6 31 * *\"",
            "7:13: a flow that may move money fires on a day that not every month has, so shorter months would be left out",
        ),
        ("cron = \"0 6 1 * 8\"", "7:17: `cron`: `8` is no day of the week"),
        ("cron = \"0 6 30 2 *\"", "7:13: `cron`: no year has such a day, so this would never fire"),
        (
            "cron = \"0 6 1 *\"",
            "7:9: `cron`: a schedule has five fields, or six with seconds first; this has 4",
        ),
        (
            "cron = \"0 6 1 * *\"\njitter = \"5m\"",
            "8:10: `jitter` is for flows that move no money: when money moves is said to the second",
        ),
        ("skip = []", "6:9: `cron` is missing in [flow.a.schedule]"),
        (
            "cron = \"0 6 1 * *\"\nmissed = \"hald\"",
            "8:10: `missed`: \"hald\" is not known here; did you mean `hold`?",
        ),
        (
            "cron = \"0 6 1 * *\"\nskipp = []",
            "8:1: `skipp` is not known in [flow.a.schedule]; did you mean `skip`?",
        ),
    ] {
        check_heads(&schedule(lines), &[&format!("gesher.toml:{head}")]);
    }
}

#[test]
fn an_approval_needs_a_total_to_look_at() {
    let limits = |most: &str| format!("{FLOW}[flow.a.limits]\napprove_above = \"{most}\"\n");
    let drop = "[flow.a.drop]\nfolder = \"in\"\nrow_key = [\"id\"]\n";
    let said = "`approve_above` looks at the total of";
    check_heads(
        &limits("50.00 ILS"),
        &[&format!("gesher.toml:7:17: {said} a file, and the flow `a` has no drop folder")],
    );
    check_heads(
        &format!("{}{drop}", limits("50.00 ILS")),
        &[&format!("gesher.toml:7:17: {said} the amount column, and [flow.a.drop] names none")],
    );
    let summed = format!("{drop}amount = \"sum\"\n");
    check_heads(
        &format!("{}{summed}", limits("50.00 USD")),
        &["gesher.toml:7:17: `approve_above` is in USD, and amount columns are in shekels"],
    );
    check_heads(&format!("{}{summed}", limits("50.00 ILS")), &[]);
}

#[test]
fn what_stands_twice_is_said_once_with_both_places() {
    check(
        "[hub]\nlanguage = \"en\"\nlanguage = \"he\"\n",
        "gesher.toml:3:1: `language` stands twice, the first time in line 2\n  3 | language = \"he\"\n    | ^\n  \
         mend it: keep one of them",
    );
    check_heads(
        "[hub]\nlanguage = \"en\"\n[officeguy]\n[hub] # again\nlanguage = \"he\"\nname = \"x\"\n[officeguy]\n",
        &[
            "gesher.toml:4:2: [hub] stands twice, the first time in line 1",
            "gesher.toml:7:2: [officeguy] stands twice, the first time in line 3",
        ],
    );
}

#[test]
fn a_limit_that_stops_every_call_is_refused() {
    let limits = |text: &str| format!("{FLOW}[flow.a.limits]\n{text}");
    check(&limits("per_call = \"50.00 USD\"\nper_day = \"900.00 USD\"\n"), "");
    check_heads(
        &limits("per_run = \"50.00 XQZ\"\n"),
        &[
            "gesher.toml:7:11: `per_run` is in XQZ, and no operation of this flow moves XQZ, so nothing would ever be sent",
        ],
    );
    check_heads(
        &limits("per_call = \"50.00 ILS\"\nper_day = \"900.00 USD\"\n"),
        &[
            "gesher.toml:8:11: `per_day` is in USD and `per_call` in ILS; each call is compared with both, so nothing would ever be sent",
        ],
    );
}

#[test]
fn an_operation_that_does_not_exist_is_named_with_its_nearest() {
    check_heads(
        "[officeguy]\nbase_url = \"simulator\"\n[senzey]\nbase_url = \"simulator\"\n[plugin.masav]\npath=\"x\"\nsha256=\"0000000000000000000000000000000000000000000000000000000000000000\"\n[flow.a]\nscript = \"a.rhai\"\n\
         allow = [\"officeguy.chrage\", \"charge\", \"senzey.add_laed\", \"masav.send\", \"*:read\", \"officeguy.*\"]\n",
        &[
            "gesher.toml:10:9: `officeguy.chrage` in `allow`: there is no such operation; did you mean `officeguy.charge`?",
            "gesher.toml:10:9: `charge` in `allow` names no operation",
            "gesher.toml:10:9: `senzey.add_laed` in `allow`: there is no such operation; did you mean `senzey.add_lead`?",
            "gesher.toml:10:9: `masav.send` in `allow`: there is no such operation",
        ],
    );
}

#[test]
fn a_flow_that_calls_senzey_needs_an_account_there() {
    let flow = "[flow.a]\nscript = \"a.rhai\"\nallow = [\"senzey.*\"]\n";
    check_heads(
        flow,
        &[
            "gesher.toml:1:1: `account` is missing in [senzey], and a flow calls Senzey",
            "gesher.toml:1:1: `username` is missing in [senzey], and a flow calls Senzey",
            "gesher.toml:1:1: `password` is missing in [senzey], and a flow calls Senzey",
        ],
    );
    let user = "username = { secret = \"senzey.username\" }\npassword = { secret = \"senzey.password\" }\n";
    check_heads(&format!("[senzey]\naccount = \"acme\"\n{user}{flow}"), &[]);
    check_heads(&format!("[senzey]\nbase_url = \"simulator\"\n{flow}"), &[]);
    check_heads(
        &format!("[senzey]\naccount = \"acme\"\nbase_url = \"https://acme.senzey.com\"\n{user}{flow}"),
        &["gesher.toml:3:12: `account` and `base_url` are two ways to say where Senzey is"],
    );
    check_heads(
        &format!("[senzey]\naccount = \"acme.senzey.com\"\ncontacts_path = \"contacts\"\n{user}{flow}"),
        &[
            "gesher.toml:2:11: `acme.senzey.com` cannot be an account's name",
            "gesher.toml:3:17: `contacts_path` is no path",
        ],
    );
    // What only looks needs no account that is not there.
    check_heads(
        "[officeguy]\nbase_url = \"simulator\"\n[flow.a]\nscript = \"a.rhai\"\nallow = [\"*:read\"]\n",
        &[],
    );
}

#[test]
fn money_needs_rows_with_names() {
    check_heads(
        &format!("{FLOW}[flow.a.drop]\nfolder = \"in\"\n"),
        &["gesher.toml:6:9: the flow `a` may move money, and nothing names its rows"],
    );
    check_heads(
        &format!("{FLOW}[flow.a.drop]\nfolder = \"in\"\nrow_key = \"order_id\"\n"),
        &["gesher.toml:8:11: `row_key`: \"order_id\" is no list of columns"],
    );
}

#[test]
fn flows_keep_out_of_each_others_folders() {
    let two = |folder: &str, pattern: &str| {
        format!(
            "{FLOW}[flow.a.drop]\nfolder = \"in\"\nrow_key = \"line\"\n[flow.b]\nscript = \"b.rhai\"\n[flow.b.drop]\n\
             folder = \"{folder}\"\npattern = \"{pattern}\"\n"
        )
    };
    check(&two("other", "*.csv"), "");
    check(&two("in", "*.tsv"), "");
    check(&two("in/below", "*.csv"), "");
    check_heads(
        &two("./x/../in", "march*.csv"),
        &["gesher.toml:12:10: the flows `a` and `b` watch the same folder, and both would take some file"],
    );
    check_heads(
        &two("in/done/x", "*.csv"),
        &["gesher.toml:12:10: this folder lies where the flow `a` puts files that are over or at work"],
    );
}

#[test]
fn limits_and_unknown_answers_are_the_flows_own() {
    let flow = |text: &str| {
        let config =
            Config::parse(Path::new("/hub"), &format!("[flow.a]\nscript = \"a.rhai\"\n{text}")).unwrap();
        assert!(rules::faults(&config, OPERATIONS).is_empty(), "{text}");
        config.flow("a").unwrap().clone()
    };
    for (text, want) in [
        ("", OnUnknown::After(5)),
        ("on_unknown = 2\n", OnUnknown::After(2)),
        ("on_unknown = \"continue\"\n", OnUnknown::Continue),
        ("on_unknown = \"halt\"\n", OnUnknown::Halt),
    ] {
        assert_eq!(flow(text).on_unknown, want, "{text}");
    }
    let limits = flow("[flow.a.limits]\nper_call = \"50.00 ILS\"\nper_day = \"900.00 ILS\"\n").limits;
    let money = |text: &str| Some(text.parse().unwrap());
    assert_eq!(limits.per_call, money("50.00 ILS"));
    assert_eq!((limits.per_run, limits.per_day), (None, money("900.00 ILS")));
}

#[test]
fn values_arrive_typed() {
    let text = "[hub]\nlanguage = \"en\"\ndata = \"../d\"\n[officeguy]\ncompany_id = 2_410_000_001\ntimeout = \"5m\"\nrate = \"20/s\"\n\
                api_key = { secret = \"officeguy.api_key\" }\n[flow.a]\nscript = \"a.rhai\"\non_unknown = \"halt\"\nconcurrency = 16\n\
                [flow.a.drop]\nfolder = \"in\"\nsettle = \"300ms\"\nrow_key = [\"a\", \"b\"]\n";
    let config = Config::parse(Path::new("/hub"), text).unwrap();
    assert_eq!(config.language, Language::En);
    assert_eq!(config.data, Path::new("/d"));
    assert_eq!(config.officeguy.company_id, Some(2_410_000_001));
    assert_eq!(config.officeguy.timeout, Duration::from_secs(300));
    assert_eq!((config.officeguy.rate, config.officeguy.max_in_flight), (Some(20), 16));
    assert_eq!(config.officeguy.api_key, Some(SecretName("officeguy.api_key".to_owned())));
    let flow = config.flow("a").unwrap();
    assert_eq!((flow.concurrency, flow.on_unknown), (16, OnUnknown::Halt));
    assert_eq!(flow.limits, FlowLimits::default());
    let drop = &flow.drop.as_ref().unwrap().config;
    assert_eq!(drop.folder, Path::new("/hub/in"));
    assert_eq!(drop.settle, Duration::from_millis(300));
    assert_eq!(drop.row_key, RowKey::Columns(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((drop.pattern.as_str(), drop.encoding), ("*.csv", EncodingChoice::Auto));
}

/// A flow with a webhook, its part of the file from line 6 on.
fn hook(allow: &str, lines: &str) -> String {
    format!(
        "[officeguy]\nbase_url = \"simulator\"\n[flow.a]\nscript = \"a.rhai\"\nallow = [{allow}]\n[flow.a.webhook]\n{lines}\n"
    )
}

const SECRETS: &str = "secrets = [{ secret = \"hooks.a\" }]";

#[test]
fn a_webhook_that_proves_where_it_comes_from_has_no_fault() {
    for lines in [
        format!("path = \"/hooks/a\"\nverify = \"standard-webhooks\"\n{SECRETS}\nreply = \"sync\""),
        format!("path = \"/a\"\nverify = \"github\"\n{SECRETS}\nid = \"json:/delivery/id\""),
        format!("path = \"/a\"\nverify = \"stripe\"\n{SECRETS}"),
        format!(
            "path = \"/a\"\nverify = \"hmac\"\nheader = \"X-Sig\"\nencoding = \"base64\"\nprefix = \"v1=\"\n{SECRETS}"
        ),
        format!("path = \"/a\"\nverify = \"token\"\n{SECRETS}"),
        format!(
            "path = \"/a\"\nverify = \"token\"\nheader = \"Authorization\"\nprefix = \"Bearer \"\n{SECRETS}"
        ),
        format!("path = \"/a\"\nverify = \"basic\"\n{SECRETS}"),
    ] {
        check(&hook("\"officeguy.charge\"", &lines), "");
    }
    check(&hook("", "path = \"/a\"\nverify = \"none\""), "");
    check(&hook("\"*:read\"", "path = \"/a\"\nverify = \"none\""), "");
}

#[test]
fn a_flow_that_acts_needs_deliveries_that_are_verified() {
    for allow in ["\"officeguy.charge\"", "\"officeguy.create_company\"", "\"officeguy.*\"", "\"*:write\""] {
        check_heads(
            &hook(allow, "path = \"/a\"\nverify = \"none\""),
            &["gesher.toml:8:10: anybody could start the flow `a`, which may write or move money"],
        );
    }
}

#[test]
fn what_a_webhook_may_not_be_is_told_at_its_place() {
    let one = |lines: &str, want: &str| check_heads(&hook("", lines), &[&format!("gesher.toml:{want}")]);
    let path = "path = \"/a\"";
    one(
        &format!("path = \"a\"\nverify = \"basic\"\n{SECRETS}"),
        "7:8: `a` cannot be a webhook's path: it does not begin with `/`",
    );
    one(
        &format!("{path}\nverify = \"basic\""),
        "6:9: `secrets` is missing in [flow.a.webhook], so no delivery could be verified",
    );
    one(
        &format!("{path}\nverify = \"none\"\n{SECRETS}"),
        "9:11: secrets stand here, and nothing is verified with them",
    );
    one(
        &format!("{path}\nverify = \"hmac\"\n{SECRETS}"),
        "6:9: `header` is missing: nothing says where the signature is",
    );
    one(
        &format!("{path}\nverify = \"hmac\"\nheader = \"a b\"\n{SECRETS}"),
        "9:10: `a b` cannot be a header's name",
    );
    one(
        &format!("{path}\nverify = \"github\"\nheader = \"X-A\"\n{SECRETS}"),
        "9:10: `header` has no meaning with verify = \"github\"",
    );
    one(
        &format!("{path}\nverify = \"token\"\nencoding = \"hex\"\n{SECRETS}"),
        "9:12: `encoding` has no meaning with verify = \"token\"",
    );
    one(
        &format!("{path}\nverify = \"token\"\nprefix = \"x\"\n{SECRETS}"),
        "9:10: `prefix` has no meaning without `header`: the token is part of the address",
    );
    one(
        &format!("{path}\nverify = \"github\"\nid = \"id\"\n{SECRETS}"),
        "9:6: `id` does not say where the id is",
    );
    one(
        &format!("{path}\nverify = \"standard-webhooks\"\nid = \"json:/id\"\n{SECRETS}"),
        "9:6: `id` has no meaning here: these deliveries sign an id of their own",
    );
    one(
        &format!("{path}\nverify = \"basic\"\nsecrets = [{{ secret = \"x\" }}, {{ secret = \"x\" }}]"),
        "9:11: the secret x stands here twice",
    );
}

#[test]
fn webhooks_share_neither_a_path_nor_the_dashboards_address() {
    let two = format!(
        "{}[flow.b]\nscript = \"b.rhai\"\n[flow.b.webhook]\npath = \"/a\"\nverify = \"none\"\n",
        hook("", "path = \"/a\"\nverify = \"none\"")
    );
    check_heads(&two, &["gesher.toml:12:8: the flows `a` and `b` have the same path"]);
    let listen = |port: &str| {
        format!(
            "{}[dashboard]\nlisten = \"127.0.0.1:{port}\"\n[hooks]\nlisten = \"127.0.0.1:{port}\"\n",
            hook("", "path = \"/a\"\nverify = \"none\"")
        )
    };
    check_heads(&listen("7000"), &["gesher.toml:12:10: the webhooks would listen where the dashboard does"]);
    check(&listen("0"), "");
}
