//! A small disk of a test's own, which can be filled and made read-only. It is a memory file system in a namespace of
//! its own: nobody else sees it, and the system takes it away with its last process, however the test ends.

use crate::program::{command, gesher};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Blocks that fill the disk, the last of them a byte at a time.
const BLOCKS: [usize; 3] = [64 << 10, 4 << 10, 1];
/// The file that takes up the room.
const FILLER: &str = "filler";

/// A small disk, mounted where the programs of [`SmallDisk::command`] see it.
pub struct SmallDisk {
    holder: Child,
    at: PathBuf,
    is_root: bool,
}

impl SmallDisk {
    /// Mounts a disk of so many MiB at `at`, a folder that is made. Says why not where this machine does not allow it.
    pub fn mount(at: &Path, mebibytes: u32) -> Result<Self, String> {
        fs::create_dir_all(at).unwrap();
        let is_root = crate::is_root();
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        if !is_root {
            unshare.args(["--user", "--map-root-user"]);
        }
        // It lives until its standard input ends, which it does with this process.
        let script = "mount -t tmpfs -o size=\"$1\"m gesher-test \"$2\" && echo mounted && exec cat";
        unshare.args(["sh", "-c", script, "sh", &mebibytes.to_string()]).arg(at);
        let holder = unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut holder = holder.map_err(|error| format!("unshare cannot be started: {error}"))?;
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let disk = Self { holder, at: at.to_owned(), is_root };
        if said.trim() == "mounted" { Ok(disk) } else { Err(disk.refusal()) }
    }

    fn refusal(mut self) -> String {
        drop(self.holder.stdin.take());
        let mut lines = BufReader::new(self.holder.stderr.take().unwrap()).lines();
        let why = lines.next().and_then(Result::ok).unwrap_or_default();
        format!("no disk can be mounted here: {why}")
    }

    /// A call of the program that sees the disk.
    pub fn command(&self) -> Command {
        let plain = command();
        let mut inside = self.enter();
        inside.arg(gesher()).stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    fn enter(&self) -> Command {
        let mut enter = Command::new("nsenter");
        enter.arg("--target").arg(self.holder.id().to_string()).arg("--mount");
        if !self.is_root {
            enter.args(["--user", "--preserve-credentials"]);
        }
        enter.arg("--");
        enter
    }

    /// A path on the disk, as this process reaches it.
    pub fn path(&self, relative: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.at.strip_prefix("/").unwrap()).join(relative)
    }

    /// Writes until there is no room for another byte.
    pub fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.path(FILLER)).unwrap();
        for block in BLOCKS {
            while file.write_all(&vec![7; block]).is_ok() {}
        }
    }

    /// Gives back what was filled.
    pub fn free(&self) {
        fs::remove_file(self.path(FILLER)).unwrap();
    }

    /// Makes the disk read-only, or not any more. The mount is changed and not the file system, which a user without
    /// privilege may do too.
    #[track_caller]
    pub fn remount(&self, how: &str) {
        let mut mount = self.enter();
        let done =
            mount.args(["mount", "-o", &format!("remount,bind,{how}")]).arg(&self.at).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
