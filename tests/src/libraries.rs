//! Plugins for tests: compiled on the spot, from C, from a single file of Rust, or by cargo.

use crate::program::workspace;
use gesher_plugin_host::Sha256;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library that was just made.
pub struct Library {
    /// Where it lies.
    pub path: PathBuf,
    /// Its hash.
    pub sha256: Sha256,
}

impl Library {
    /// The library at `path`.
    #[track_caller]
    pub fn at(path: PathBuf) -> Self {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { sha256: Sha256::of(&bytes), path }
    }

    /// The lines of `gesher.toml` that make it a plugin.
    pub fn configured(&self, name: &str, more: &str) -> String {
        format!(
            "\n[plugin.{name}]\npath = {:?}\nsha256 = \"{}\"\n{more}\n",
            self.path.display().to_string(),
            self.sha256
        )
    }
}

#[track_caller]
fn made(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Compiles a file of C of the workspace into `folder`, under `name`, with these words for the compiler.
#[track_caller]
pub fn c(folder: &Path, name: &str, source: &str, words: &[&str]) -> Library {
    let path = folder.join(format!("{name}.so"));
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-fPIC", "-shared", "-pthread", "-w", "-I"]);
    cc.arg(workspace().join("crates/gesher-plugin-abi/include")).args(words).arg("-o").arg(&path);
    made(cc.arg(workspace().join(source)));
    Library::at(path)
}

/// The toolchains of this machine beside the one that the hub is built with.
pub fn other_toolchains() -> Vec<String> {
    let listed = Command::new("rustup").args(["toolchain", "list"]).output();
    let listed =
        listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let own = std::env::var("RUSTUP_TOOLCHAIN").unwrap_or_default();
    let names =
        listed.lines().filter(|line| !line.contains("active")).filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != own).map(str::to_owned).collect()
}

/// Compiles a file of Rust alone, without a crate that the hub has, and with another way to panic; by the compiler of the
/// hub, or of a toolchain.
#[track_caller]
pub fn rust_alone(folder: &Path, source: &str, toolchain: Option<&str>) -> Library {
    let path = folder.join(format!("alone-{}.so", toolchain.unwrap_or("own")));
    let mut rustc = match toolchain {
        None => Command::new("rustc"),
        Some(name) => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", name, "rustc"]);
            rustup
        }
    };
    rustc.args(["--edition", "2024", "-C", "panic=abort", "-C", "opt-level=3", "-o"]).arg(&path);
    made(rustc.arg(workspace().join(source)).env_remove("RUSTFLAGS"));
    Library::at(path)
}

/// Builds a package of the workspace, or an example of one, and takes its library.
#[track_caller]
pub fn cargo(words: &[&str], library: &str) -> Library {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let target = profile.parent().expect("a profile lies in the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--offline"]).args(words).arg("--target-dir").arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    made(cargo.current_dir(workspace()));
    Library::at(profile.join(library))
}
