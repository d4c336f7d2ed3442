//! The benchmark: how fast and how small the hub is, beside peers that were measured in the same run.
//!
//! It prints figures with the bars that they have to reach, and judges no build: a busy machine is no fault of the
//! code. It is also its own peers: `bench bare` is the client without a hub, `bench stub` the provider that pauses.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "it prints times and rates for people; no money is counted here"
)]

mod bare;
mod contest;
mod failure;
mod hooks;
mod hub;
mod machine;
mod plugins;
mod process;
mod report;
mod rows;
mod script;
mod sections;
mod stub;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use contest::Place;
use failure::{Failure, While};
use report::Section;
use sections::Amounts;

/// The hub's own, so that the script's cost and the bare client are measured as they would be in the hub.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What stands above the figures.
const HOW: &str = "`cargo xtask bench` measured everything here in one run, on the machine below, the hub, its provider \
                   and its peers taking turns on the same cores. Rates differ from run to run with the machine and its \
                   disk; the bars are therefore parts of what a peer did in the same run, where that is possible.";

/// Measures a release build of the hub.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    measure: Measure,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Args)]
struct Measure {
    /// Fewer rows and runs: about a minute.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Write the report to this file, in Markdown.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// The hub's program; the one beside this program, if nothing is said.
    #[arg(long, value_name = "FILE")]
    gesher: Option<PathBuf>,
    /// Where folders are made; beside this program, if nothing is said.
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
}

/// The parts of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Rows a second at instant answers.
    Instant,
    /// The same with everything in memory instead of on the disk.
    Memory,
    /// A slow disk.
    SlowDisk,
    /// Answers in 50 ms.
    Slow,
    /// A million rows, start, rest.
    Long,
    /// Scripts alone.
    Script,
    /// Webhooks accepted a second.
    Hooks,
    /// Calls of plugins.
    Plugins,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be the client without a hub.
    Bare(bare::Bare),
    /// Be a handler of webhooks that keeps nothing.
    BareHooks {
        /// Where to listen.
        #[arg(long)]
        address: SocketAddr,
    },
    /// Be a child that says again what it reads.
    Echo,
    /// Be a provider that pauses.
    Stub {
        /// Where to listen.
        #[arg(long)]
        address: SocketAddr,
        /// How long to pause in each answer.
        #[arg(long)]
        pause_ms: u64,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.role {
        Some(Role::Bare(bare)) => bare::run(bare),
        Some(Role::BareHooks { address }) => hooks::bare(*address),
        Some(Role::Echo) => plugins::echo(),
        Some(Role::Stub { address, pause_ms }) => stub::serve(*address, Duration::from_millis(*pause_ms)),
        None => measure(&cli.measure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Measure) -> Result<(), Failure> {
    let bench = std::env::current_exe().or_fail("find this program")?;
    let beside = bench.parent().unwrap_or(Path::new("."));
    let gesher = options.gesher.clone().unwrap_or_else(|| beside.join("gesher"));
    if !gesher.is_file() {
        return Err(Failure::new(format!("there is no {}; `cargo xtask bench` builds it", gesher.display())));
    }
    let temporary = |folder: &Path| {
        tempfile::Builder::new().prefix("bench-").tempdir_in(folder).or_fail("make a folder to work in")
    };
    let work = temporary(options.work.as_deref().unwrap_or(beside))?;
    let place = Place { gesher, bench: bench.clone(), work: work.path().to_owned(), slow_disk: None };
    let before = machine::ticks();
    let mut facts = machine::facts(&place.work)?;
    let amounts = if options.quick { Amounts::QUICK } else { Amounts::FULL };
    let wanted = |part: Part| options.only.is_empty() || options.only.contains(&part);

    let mut sections = Vec::new();
    if wanted(Part::Instant) {
        sections.push(sections::instant(&place, amounts, "on the disk")?);
    }
    if let Some(folder) = sections::memory_disk().filter(|_| wanted(Part::Memory)) {
        let work = temporary(folder)?;
        let place = place.at(work.path());
        sections.push(sections::instant(&place, amounts, "in memory, where an fsync costs nothing")?);
    }
    // Other systems load libraries into a program in other ways.
    if wanted(Part::SlowDisk) && cfg!(target_os = "linux") {
        sections.push(sections::slow_disk(&place, amounts)?);
    }
    if wanted(Part::Slow) {
        sections.push(sections::slow(&place, amounts)?);
    }
    if wanted(Part::Long) {
        sections.extend(sections::long(&place, amounts)?);
    }
    if wanted(Part::Script) {
        sections.push(script::section(&place.work)?);
    }
    if wanted(Part::Hooks) {
        sections.push(hooks::section(&place, amounts.deliveries, amounts.runs)?);
    }
    if wanted(Part::Plugins) {
        sections.push(plugins::section(&place, beside)?);
    }
    facts.push(machine::withheld(before));
    publish(&facts, &sections, options.write.as_deref())
}

fn publish(facts: &[(String, String)], sections: &[Section], file: Option<&Path>) -> Result<(), Failure> {
    let text = report::markdown(facts, HOW, sections);
    print!("{text}");
    match file {
        Some(file) => std::fs::write(file, text).or_fail(&format!("write {}", file.display())),
        None => Ok(()),
    }
}
