//! What the fuzz targets kept, replayed: their seeds, inputs that reached new code, and what was once a find.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

use std::path::Path;

#[test]
fn whatever_fuzzing_kept_is_still_read_as_promised() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept");
    for (name, target) in targets::ALL {
        let folder = std::fs::read_dir(kept.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name} kept nothing");
        for file in files {
            // The harness shows this when the test fails: the last line names what it failed at.
            println!("{}", file.display());
            target(&std::fs::read(file).unwrap());
        }
    }
}
