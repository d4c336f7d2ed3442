//! Faults of webhooks.

use super::*;

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
