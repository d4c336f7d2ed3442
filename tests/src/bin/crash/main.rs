//! The long form of the crash tests: the whole matrix, cases from seeds, and one long file with many kills. It prints a
//! table, and ends with 1 where something was not as it has to be.

#![allow(clippy::print_stdout, reason = "it prints a table for people")]

use clap::{Parser, ValueEnum};
use gesher_core::{Clock, SystemClock};
use gesher_tests::crash::long::Long;
use gesher_tests::crash::{Case, Played, Sums, case, play_while, table};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Between two lines that say how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(15);

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
    /// Minutes after which nothing more is begun. What was not played then is told, and ends with 1.
    #[arg(long, default_value_t = 180)]
    minutes: u64,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

/// How long it has been at work, and says now and then how far it is.
struct Watch {
    clock: SystemClock,
    began: Duration,
    over: Duration,
    told: Mutex<Duration>,
}

impl Watch {
    fn begin(minutes: u64) -> Self {
        let clock = SystemClock::new();
        let began = clock.monotonic();
        let over = began.saturating_add(Duration::from_secs(minutes.saturating_mul(60)));
        Self { clock, began, over, told: Mutex::new(began) }
    }

    fn goes_on(&self) -> bool {
        self.clock.monotonic() < self.over
    }

    fn seconds(&self) -> u64 {
        self.clock.monotonic().saturating_sub(self.began).as_secs()
    }

    fn tell(&self, words: impl FnOnce() -> String) {
        let now = self.clock.monotonic();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(*told) >= TOLD_EVERY {
            *told = now;
            println!("  {} ({} s)", words(), self.seconds());
        }
    }
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
    let watch = Watch::begin(cli.minutes);
    let mut is_sound = true;
    if wants(Part::Matrix) {
        is_sound &= cases(&watch, "every failpoint under every fault", &case::matrix());
    }
    if wants(Part::Seeds) {
        let cases_of_seeds: Vec<Case> = (cli.first..cli.first + cli.seeds).map(case::of_seed).collect();
        is_sound &= cases(&watch, &format!("seeds from {}", cli.first), &cases_of_seeds);
    }
    if wants(Part::Long) {
        is_sound &= long(&watch, &cli);
    }
    println!("{} after {} s", if is_sound { "sound" } else { "NOT sound" }, watch.seconds());
    if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn cases(watch: &Watch, heading: &str, cases: &[Case]) -> bool {
    println!("{heading}: {} cases", cases.len());
    let so_far = Mutex::new((0_usize, 0_usize));
    let played = play_while(
        cases,
        || watch.goes_on(),
        |one: &Played| {
            let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
            so_far.0 += 1;
            if !one.violations.is_empty() {
                so_far.1 += 1;
                println!("{}", table::broken(std::slice::from_ref(one)));
            }
            let (done, broken) = *so_far;
            watch.tell(|| format!("{done} of {} cases, {broken} with a violation", cases.len()));
        },
    );
    let sums = Sums::of(&played);
    println!("{sums}");
    let left = cases.len() - played.len();
    if left > 0 {
        println!("  the time is over: {left} cases were not played");
    }
    sums.broken == 0 && left == 0
}

fn long(watch: &Watch, cli: &Cli) -> bool {
    let long = Long { rows: cli.rows, kills: cli.kills, concurrency: 8, seed: cli.first };
    println!("a file of {} rows, killed at random moments", long.rows);
    let played = long.play_while(|| watch.goes_on(), |words| watch.tell(|| words));
    println!("  kills                         {:>8}", played.kills);
    println!("  charged                       {:>8}", played.charged);
    println!("  in flight at the kills        {:>8}", played.in_flight);
    println!("  unknown                       {:>8}", played.unknown);
    println!("  closed by reconciliation      {:>8}", played.closed);
    println!("  violations                    {:>8}", played.violations.len());
    played.violations.iter().take(20).for_each(|violation| println!("    {violation}"));
    played.violations.is_empty()
}
