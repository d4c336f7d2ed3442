//! Faults of flows: what they may do, how much of it, and where their files come from.

use super::*;

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
