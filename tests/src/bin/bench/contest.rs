//! The hub and its peers at the same work: the same rows, the same provider, the same number in flight, one process
//! each, from its start to its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

use crate::bare::Commits;
use crate::failure::{Failure, While};
use crate::hub::Hub;
use crate::process::{self, Ran, Server};
use crate::rows;

/// The peers in Python, with their places in the repository.
const AIOHTTP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/aiohttp_charge.py");
const BY_HAND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/asyncio_charge.py");
/// What makes a disk slow.
const SLOW_DISK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/slow_disk.c");
/// Interpreters that may have aiohttp: the user's own, and the one that the Debian package is for.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// `gesher run`, as many rows at work as in flight.
    Hub,
    /// The same with half as many rows more at work: while some are written down, others have their turns at the provider.
    HubAhead,
    /// The bare client.
    Bare(Commits),
    /// The script that a careful person writes.
    Aiohttp,
    /// The same with a connection a call, as the hub has.
    AiohttpAnew,
    /// The same over HTTP written by hand.
    ByHand,
}

impl Contender {
    /// For the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub, durable intent and outcome a row",
            Self::HubAhead => "hub, half as many rows more at work than in flight",
            Self::Bare(Commits::None) => "bare client, nothing written",
            Self::Bare(Commits::Group) => "bare client, group commit, two fsyncs a batch",
            Self::Bare(Commits::Each) => "bare client, a commit each",
            Self::Aiohttp => "asyncio script (aiohttp), group commit",
            Self::AiohttpAnew => "the same script with a connection a call",
            Self::ByHand => "asyncio, hand-written HTTP, group commit",
        }
    }
}

/// What the contenders charge at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Provider {
    /// `gesher simulate`: books, customers, documents, a ledger; it answers at once.
    Simulator,
    /// The benchmark's own, which keeps nothing and answers after a pause.
    Stub(Duration),
}

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Place {
    /// The hub's program.
    pub(crate) gesher: PathBuf,
    /// This program.
    pub(crate) bench: PathBuf,
    /// An empty folder for what comes and goes.
    pub(crate) work: PathBuf,
    /// What makes the disk slow for contenders, where it has to be.
    pub(crate) slow_disk: Option<SlowDisk>,
}

/// A library that is loaded into a contender, and how much longer it makes each of its fsyncs.
#[derive(Clone, Debug)]
pub(crate) struct SlowDisk {
    library: PathBuf,
    by: Duration,
}

impl SlowDisk {
    /// Builds the library in `folder` with the C compiler that also builds SQLite.
    pub(crate) fn build(folder: &Path, by: Duration) -> Result<Self, Failure> {
        let library = folder.join("slow_disk.so");
        process::run(
            Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(SLOW_DISK),
        )?;
        Ok(Self { library, by })
    }

    /// Has it loaded into a process that is about to start.
    pub(crate) fn load_into(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library);
        command.env("SLOW_DISK_MICROS", self.by.as_micros().to_string());
    }
}

impl Place {
    /// The same programs in another folder, on a disk as it is.
    pub(crate) fn at(&self, work: &Path) -> Self {
        Self {
            gesher: self.gesher.clone(),
            bench: self.bench.clone(),
            work: work.to_owned(),
            slow_disk: None,
        }
    }

    /// A new, empty folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.work.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).or_fail(&format!("empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).or_fail(&format!("make {}", folder.display()))?;
        Ok(folder)
    }

    /// A file of rows, made once.
    pub(crate) fn rows(&self, rows: usize) -> Result<PathBuf, Failure> {
        let file = self.work.join(format!("charges-{rows}.csv"));
        if !file.exists() {
            rows::write_file(&file, 1, rows)?;
        }
        Ok(file)
    }

    /// A provider in a process of its own, with empty books.
    pub(crate) fn provider(&self, provider: Provider) -> Result<Server, Failure> {
        let address = process::free_address()?;
        let mut command = match provider {
            Provider::Simulator => {
                let folder = self.folder("provider")?;
                let mut command = Command::new(&self.gesher);
                command.args(["simulate", "--officeguy", &address.to_string(), "--ledger"]);
                command.arg(folder.join("ledger"));
                command
            }
            Provider::Stub(pause) => {
                let mut command = Command::new(&self.bench);
                command.args(["stub", "--address", &address.to_string()]);
                command.args(["--pause-ms", &pause.as_millis().to_string()]);
                command
            }
        };
        Server::start(&mut command, address, process::listens)
    }
}

/// Lets one contender charge a file at a provider of its own.
pub(crate) fn run(
    place: &Place,
    contender: Contender,
    provider: Provider,
    file: &Path,
    in_flight: usize,
) -> Result<Ran, Failure> {
    let server = place.provider(provider)?;
    let data = place.folder("contender")?;
    let hub = |at_work| Hub::new(place, &data, server.address, in_flight, at_work)?.charge(file);
    match contender {
        Contender::Hub => hub(in_flight),
        Contender::HubAhead => hub(in_flight + in_flight / 2),
        Contender::Bare(commits) => bare(place, commits, server.address, file, &data, in_flight),
        Contender::Aiohttp => script(AIOHTTP, &["kept"], server.address, file, &data, in_flight),
        Contender::AiohttpAnew => script(AIOHTTP, &["anew"], server.address, file, &data, in_flight),
        Contender::ByHand => script(BY_HAND, &[], server.address, file, &data, in_flight),
    }
}

fn bare(
    place: &Place,
    commits: Commits,
    address: SocketAddr,
    file: &Path,
    data: &Path,
    in_flight: usize,
) -> Result<Ran, Failure> {
    let commits = commits.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut command = Command::new(&place.bench);
    command.args(["bare", "--address", &address.to_string(), "--commits", &commits]);
    command.args(["--in-flight", &in_flight.to_string(), "--file"]).arg(file).arg("--data").arg(data);
    if let Some(slow_disk) = &place.slow_disk {
        slow_disk.load_into(&mut command);
    }
    process::run(&mut command)
}

fn script(
    script: &str,
    more: &[&str],
    address: SocketAddr,
    file: &Path,
    data: &Path,
    in_flight: usize,
) -> Result<Ran, Failure> {
    let mut command = Command::new(python().unwrap_or(PYTHONS[0]));
    // Without compiled copies in the repository: nothing that is measured leaves a trace there.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(script).arg(address.to_string()).arg(file).arg(data.join("script.db"));
    command.args([in_flight.to_string(), rows::COMPANY.to_string(), rows::API_KEY.to_owned()]);
    command.args(more);
    process::run(&mut command)
}

/// An interpreter that has aiohttp. Both scripts run on it.
pub(crate) fn python() -> Option<&'static str> {
    let has_aiohttp = |python: &&str| {
        let mut command = Command::new(python);
        process::run(command.args(["-c", "import aiohttp"])).is_ok()
    };
    PYTHONS.into_iter().find(has_aiohttp)
}
