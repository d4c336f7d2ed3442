//! What stands in the file: names, values, secrets, accounts.

use super::*;

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
