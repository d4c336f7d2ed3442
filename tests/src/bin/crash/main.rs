//! The long form of the crash tests: the whole matrix, cases from seeds, and one long file with many kills. It prints a
//! table, and ends with 1 where something was not as it has to be.

#![allow(clippy::print_stdout, reason = "it prints a table for people")]

use clap::{Parser, ValueEnum};
use gesher_tests::crash::long::Long;
use gesher_tests::crash::{Case, Played, Sums, case, play_all, table};
use std::process::ExitCode;

/// Kills the hub at every failpoint under every fault, and looks what is left.
#[derive(Debug, Parser)]
#[command(name = "crash")]
struct Cli {
    /// Cases that follow from seeds, beside the matrix.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Kills while the long file is worked on.
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// Rows of the long file.
    #[arg(long, default_value_t = 10_000)]
    rows: u32,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every failpoint under every fault.
    Matrix,
    /// Cases from seeds.
    Seeds,
    /// One long file.
    Long,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let wants = |part| cli.only.is_empty() || cli.only.contains(&part);
    let mut is_sound = true;
    if wants(Part::Matrix) {
        is_sound &= cases("every failpoint under every fault", &case::matrix());
    }
    if wants(Part::Seeds) {
        let cases_of_seeds: Vec<Case> = (cli.first..cli.first + cli.seeds).map(case::of_seed).collect();
        is_sound &= cases(&format!("seeds from {}", cli.first), &cases_of_seeds);
    }
    if wants(Part::Long) {
        is_sound &= long(&cli);
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn cases(heading: &str, cases: &[Case]) -> bool {
    println!("{heading}: {} cases", cases.len());
    let played = play_all(cases, |one: &Played| {
        if !one.violations.is_empty() {
            println!("{}", table::broken(std::slice::from_ref(one)));
        }
    });
    let sums = Sums::of(&played);
    println!("{sums}");
    sums.broken == 0
}

fn long(cli: &Cli) -> bool {
    let long = Long { rows: cli.rows, kills: cli.kills, concurrency: 8, seed: cli.first };
    println!("a file of {} rows, killed at random moments", long.rows);
    let played = long.play();
    println!("  kills                         {:>8}", played.kills);
    println!("  charged                       {:>8}", played.charged);
    println!("  in flight at the kills        {:>8}", played.in_flight);
    println!("  unknown                       {:>8}", played.unknown);
    println!("  closed by reconciliation      {:>8}", played.closed);
    println!("  violations                    {:>8}", played.violations.len());
    played.violations.iter().take(20).for_each(|violation| println!("    {violation}"));
    played.violations.is_empty()
}
