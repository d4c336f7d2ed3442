//! The C header against Rust: a C compiler says how large each struct is and where each field lies in it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use gesher_plugin_abi::{GESHER_ABI, GesherBuffer, GesherBytes, GesherHostV1, GesherPluginV1};
use std::mem::{offset_of, size_of};
use std::process::Command;

macro_rules! places {
    ($kind:ident: $($field:ident),+) => {
        (
            stringify!($kind),
            size_of::<$kind>(),
            vec![$((stringify!($field), offset_of!($kind, $field))),+],
        )
    };
}

#[test]
fn c_and_rust_agree_on_every_size_and_place() {
    let structs = [
        places!(GesherBytes: ptr, len),
        places!(GesherBuffer: ptr, len, cap),
        places!(GesherHostV1: size, abi, ask, free),
        places!(GesherPluginV1: size, abi, manifest, invoke, free),
    ];
    let mut asserts = format!("_Static_assert(GESHER_ABI == {GESHER_ABI}, \"abi\");\n");
    for (name, size, fields) in &structs {
        asserts += &format!("_Static_assert(sizeof({name}) == {size}, \"{name}\");\n");
        for (field, offset) in fields {
            asserts +=
                &format!("_Static_assert(offsetof({name}, {field}) == {offset}, \"{name}.{field}\");\n");
        }
    }
    let good = compile(&asserts);
    assert!(good.0, "{}", good.1);
    let wrong = compile(&asserts.replacen("== 16,", "== 17,", 1));
    assert!(!wrong.0, "a wrong size must not pass");
}

fn compile(asserts: &str) -> (bool, String) {
    let folder = std::env::temp_dir().join(format!("gesher-header-{}-{}", std::process::id(), asserts.len()));
    std::fs::create_dir_all(&folder).unwrap();
    let source = folder.join("a.c");
    std::fs::write(&source, format!("#include \"gesher_plugin.h\"\n{asserts}")).unwrap();
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-c", "-I", include, "-o"])
        .arg(folder.join("a.o"))
        .arg(&source)
        .output()
        .expect("a C compiler is installed");
    std::fs::remove_dir_all(&folder).unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
