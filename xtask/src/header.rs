//! The C header of the plugin interface, made from its Rust source.
//!
//! The source keeps to a few forms: constants of a number, structs with `#[repr(C)]`, and fields of a few types. This
//! reads those and refuses what else it finds, so a header that is written is a header that is right; a test of
//! `gesher-plugin-abi` compiles it and compares sizes and places with Rust's.

use crate::shell::Failure;

/// Where the source is, and where the header goes.
pub(crate) const SOURCE: &str = "crates/gesher-plugin-abi/src/lib.rs";
/// Where the header goes.
pub(crate) const HEADER: &str = "crates/gesher-plugin-abi/include/gesher_plugin.h";

/// The C header of the Rust `source`.
pub(crate) fn header(source: &str) -> Result<String, Failure> {
    let mut out = String::from(
        "/* The interface between the hub and a plugin, in C. Made by `cargo xtask generate`; do not edit. */\n",
    );
    let intro: Vec<&str> = source.lines().take_while(|line| line.starts_with("//!")).collect();
    out.push_str(&comment("", intro.iter().map(|line| line.trim_start_matches("//!"))));
    out.push_str(
        "#ifndef GESHER_PLUGIN_H\n#define GESHER_PLUGIN_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n",
    );
    out.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    let body = source.split("\nimpl ").next().unwrap_or(source);
    let mut lines = body.lines().peekable();
    let mut doc: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            out.push_str(&constant(rest, &doc)?);
            doc.clear();
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.trim_end_matches(" {");
            let fields: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
            out.push_str(&structure(name, &fields, &doc)?);
            doc.clear();
        } else if line.starts_with("pub type GesherEntry") {
            out.push_str(&comment("", doc.iter().copied()));
            out.push_str("const GesherPluginV1 *gesher_plugin_v1(void);\n\n");
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    out.push_str("#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    Ok(out)
}

fn comment<'a>(indent: &str, lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (at, line) in lines.enumerate() {
        let start = if at == 0 { "/*" } else { " *" };
        let line = line.trim_end().replace("[`", "`").replace("`]", "`");
        text.push_str(&format!("{indent}{start}{line}\n"));
    }
    if !text.is_empty() {
        text.truncate(text.len() - 1);
        text.push_str(" */\n");
    }
    text
}

/// `NAME: u32 = 1;` as a macro. A constant that is no number is Rust's own affair.
fn constant(rest: &str, doc: &[&str]) -> Result<String, Failure> {
    let (name, rest) = rest.split_once(": ").ok_or_else(|| unread(rest))?;
    let (kind, value) = rest.split_once(" = ").ok_or_else(|| unread(rest))?;
    if kind == "&str" {
        return Ok(String::new());
    }
    c_type(kind)?;
    Ok(format!("{}#define {name} {}\n\n", comment("", doc.iter().copied()), value.trim_end_matches(';')))
}

fn structure(name: &str, fields: &[&str], doc: &[&str]) -> Result<String, Failure> {
    // Joined to one line a field, whatever the formatter made of it.
    let mut members = String::new();
    let (mut docs, mut field) = (Vec::new(), String::new());
    for line in fields.iter().map(|line| line.trim()) {
        if let Some(text) = line.strip_prefix("///") {
            docs.push(text);
            continue;
        }
        field.push_str(line);
        field.push(' ');
        let opened = field.matches('(').count() + field.matches('<').count();
        let closed = field.matches(')').count() + field.replace("->", "").matches('>').count();
        if line.ends_with(',') && opened == closed {
            members.push_str(&comment("  ", docs.drain(..)));
            members.push_str(&format!("  {};\n", member(field.trim().trim_end_matches(','))?));
            field.clear();
        }
    }
    if !field.is_empty() {
        return Err(unread(&field));
    }
    // Declared first, so that a function's type can name the struct that it stands in.
    let doc = comment("", doc.iter().copied());
    Ok(format!("{doc}typedef struct {name} {name};\nstruct {name} {{\n{members}}};\n\n"))
}

/// `pub name: type`, as C declares it.
fn member(field: &str) -> Result<String, Failure> {
    let (name, kind) =
        field.strip_prefix("pub ").and_then(|field| field.split_once(": ")).ok_or_else(|| unread(field))?;
    let Some(function) = kind.strip_prefix("Option<").and_then(|kind| kind.trim().strip_suffix('>')) else {
        return Ok(declared(name, &c_type(kind)?));
    };
    let function = function.trim().trim_end_matches(',');
    let rest = function.strip_prefix("unsafe extern \"C\" fn(").ok_or_else(|| unread(field))?;
    let (parameters, result) = rest.rsplit_once(')').ok_or_else(|| unread(field))?;
    let result = result.trim().strip_prefix("-> ").map_or(Ok("void".to_owned()), c_type)?;
    let parameters = parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty());
    let parameters: Result<Vec<String>, Failure> = parameters
        .map(|parameter| {
            let (name, kind) = parameter.split_once(": ").ok_or_else(|| unread(parameter))?;
            Ok(declared(name, &c_type(kind)?))
        })
        .collect();
    Ok(declared(&format!("(*{name})({})", parameters?.join(", ")), &result))
}

fn declared(name: &str, kind: &str) -> String {
    if kind.ends_with('*') { format!("{kind}{name}") } else { format!("{kind} {name}") }
}

fn c_type(rust: &str) -> Result<String, Failure> {
    let rust = rust.trim();
    if let Some(inner) = rust.strip_prefix("*const ") {
        return Ok(format!("const {} *", c_type(inner)?));
    }
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return Ok(format!("{} *", c_type(inner)?));
    }
    Ok(match rust {
        "u8" => "uint8_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i32" => "int32_t",
        "usize" => "size_t",
        own if own.starts_with("Gesher") => own,
        _ => return Err(unread(rust)),
    }
    .to_owned())
}

fn unread(what: &str) -> Failure {
    Failure::fault(format!(
        "{SOURCE}: `{what}` has a form that the C header does not know; add it to header.rs"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_becomes_its_declaration() {
        let source = "//! Intro.\n\n/// One.\npub const A: i32 = 1;\n/// Name.\npub const N: &str = \"n\";\n/// A thing.\n#[repr(C)]\npub struct GesherA {\n    /// Size.\n    pub size: u32,\n    /// Does.\n    pub run: Option<\n        unsafe extern \"C\" fn(\n            a: *const GesherA,\n            b: u64,\n        ) -> i32,\n    >,\n}\n\nimpl GesherA {}\n";
        let made = header(source).unwrap_or_default();
        for part in [
            "/* One. */\n#define A 1\n",
            "/* A thing. */\ntypedef struct GesherA GesherA;\nstruct GesherA {\n  /* Size. */\n  uint32_t size;\n",
            "  /* Does. */\n  int32_t (*run)(const GesherA *a, uint64_t b);\n};\n",
        ] {
            assert!(made.contains(part), "{part}\n---\n{made}");
        }
        assert!(!made.contains('N'.to_string().repeat(2).as_str()));
    }

    #[test]
    fn a_form_that_is_not_known_is_refused() {
        assert!(header("//! x\npub struct GesherB {\n    pub a: Vec<u8>,\n}\n").is_err());
    }
}
