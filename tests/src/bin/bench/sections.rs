//! What is measured, in the order of the table, and what each figure has to reach.

use std::path::Path;
use std::time::Duration;

use crate::bare::Commits;
use crate::contest::{self, Contender, Place, Provider, SlowDisk};
use crate::failure::Failure;
use crate::hub::Hub;
use crate::process;
use crate::report::{Figure, Section, Spread, grouped};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    /// Runs of each contender at instant answers.
    pub(crate) runs: usize,
    /// Rows of such a run.
    instant: usize,
    /// Seconds that a run at slow answers would take at best.
    slow_seconds: usize,
    /// Rows of a run on a slow disk, for each that is in flight.
    slow_disk: usize,
    /// Rows of the long run, and of the shorter one that it is compared with.
    long: usize,
    short: usize,
    /// Deliveries of a run.
    pub(crate) deliveries: usize,
}

impl Amounts {
    /// About a minute, to see where things stand.
    pub(crate) const QUICK: Self = Self {
        runs: 2,
        instant: 20_000,
        slow_seconds: 15,
        slow_disk: 100,
        long: 100_000,
        short: 20_000,
        deliveries: 20_000,
    };
    /// What is published.
    pub(crate) const FULL: Self = Self {
        runs: 3,
        instant: 50_000,
        slow_seconds: 20,
        slow_disk: 300,
        long: 1_000_000,
        short: 100_000,
        deliveries: 50_000,
    };
}

/// The least part of the bare client's speed, in percent, and the least multiple of the script's.
const OF_BARE_MIN: f64 = 40.0;
const TIMES_SCRIPT_MIN: f64 = 3.0;
/// Most memory in a run of any length, and idle.
const PEAK_MIB_MAX: f64 = 150.0;
const IDLE_MIB_MAX: f64 = 30.0;
/// Least speed of the validation pass, in rows a second.
const VALIDATED_MIN: f64 = 200_000.0;
/// How much more than its share of rows a longer run may take: what caches no longer hold.
const LINEAR_MAX: f64 = 1.3;
/// How soon a hub has to be ready.
const READY_MS_MAX: f64 = 150.0;
/// Starts of which the middle one counts.
const STARTS: usize = 5;
/// How long a hub is left alone before its memory is looked at.
const IDLE_FOR: Duration = Duration::from_secs(3);
/// How long the slow provider takes.
const SLOW: Duration = Duration::from_millis(50);
/// How much longer each fsync takes on a slow disk, and what part of the bare client's speed is left there.
const SLOW_FSYNC: Duration = Duration::from_millis(4);
const OF_BARE_SLOW_DISK_MIN: f64 = 85.0;
/// Rows in flight, if nothing else is said.
const IN_FLIGHT: usize = 16;

/// Who takes part at instant answers. The first is the hub; the bars are parts of what others did.
const CONTENDERS: [Contender; 8] = [
    Contender::Hub,
    Contender::HubAhead,
    Contender::Bare(Commits::None),
    PEER_BARE,
    Contender::Bare(Commits::Each),
    PEER_SCRIPT,
    PEER_SCRIPT_ANEW,
    Contender::ByHand,
];
const PEER_BARE: Contender = Contender::Bare(Commits::Group);
const PEER_SCRIPT: Contender = Contender::Aiohttp;
const PEER_SCRIPT_ANEW: Contender = Contender::AiohttpAnew;

/// Rows a second at answers that come at once, on the disk that `place` is on.
pub(crate) fn instant(place: &Place, amounts: Amounts, disk: &str) -> Result<Section, Failure> {
    let has_aiohttp = contest::python().is_some();
    if !has_aiohttp {
        eprintln!("  no Python with aiohttp (Debian package python3-aiohttp): its script is left out");
    }
    let needs_aiohttp = |contender: Contender| [PEER_SCRIPT, PEER_SCRIPT_ANEW].contains(&contender);
    let taking_part = || CONTENDERS.into_iter().filter(|contender| has_aiohttp || !needs_aiohttp(*contender));
    let file = place.rows(amounts.instant)?;
    let mut runs: Vec<(Contender, f64, f64)> = Vec::new();
    // Round by round, so that a machine that is slower for a while is slower for all.
    for round in 1..=amounts.runs {
        for contender in taking_part() {
            let ran = contest::run(place, contender, Provider::Simulator, &file, IN_FLIGHT)?;
            let rate = amounts.instant as f64 / ran.seconds;
            runs.push((contender, rate, ran.cpu_seconds * 1e6 / amounts.instant as f64));
            eprintln!("  {disk}, round {round}: {}: {rate:.0}/s", contender.name());
        }
    }
    let of = |contender: Contender, value: fn(&(Contender, f64, f64)) -> f64| {
        Spread::of(runs.iter().filter(|run| run.0 == contender).map(value).collect())
    };
    let mut section = Section {
        title: format!("Bulk charge at instant answers, {disk}"),
        about: format!(
            "{} rows, {IN_FLIGHT} in flight, against `gesher simulate` in a process of its own on the same cores. Rows \
             a second of the whole process, from its start to its end; middle of {} runs (least to most). The bare \
             client uses the hub's transport, a connection a call; the scripts keep their connections, but for the one \
             that says otherwise. Rows at work that are not in flight are being written down. The script with aiohttp is \
             what a careful person writes; HTTP written by hand is the best that Python can do.",
            grouped(amounts.instant as f64),
            amounts.runs
        ),
        figures: Vec::new(),
    };
    for contender in taking_part() {
        let (rate, cpu) = (of(contender, |run| run.1), of(contender, |run| run.2));
        let value = format!("{} rows/s; {:.0} µs of processor a row", rate.rate(), cpu.middle);
        section.figures.push(Figure::of(contender.name(), value));
    }
    let rate = |contender| of(contender, |run| run.1).middle;
    let part = 100.0 * rate(Contender::Hub) / rate(PEER_BARE);
    section.figures.push(
        Figure::of("hub against the bare client with group commit", format!("{part:.0} %"))
            .bar(format!("at least {OF_BARE_MIN} %"), part >= OF_BARE_MIN),
    );
    let against = "hub with more rows at work against the asyncio script (aiohttp)";
    section.figures.push(if has_aiohttp {
        let times = rate(Contender::HubAhead) / rate(PEER_SCRIPT);
        Figure::of(against, format!("{times:.1} times"))
            .bar(format!("at least {TIMES_SCRIPT_MIN} times"), times >= TIMES_SCRIPT_MIN)
    } else {
        Figure::of(against, "not measured: no aiohttp (Debian package python3-aiohttp)")
    });
    if has_aiohttp {
        let times = rate(Contender::HubAhead) / rate(PEER_SCRIPT_ANEW);
        let against = "the same against that script with a connection a call";
        section.figures.push(Figure::of(against, format!("{times:.1} times")));
    }
    Ok(section)
}

/// Rows a second at a provider that takes its time.
pub(crate) fn slow(place: &Place, amounts: Amounts) -> Result<Section, Failure> {
    let mut section = Section {
        title: "Provider answers in 50 ms".into(),
        about: format!(
            "A provider that pauses for exactly 50 ms in each answer. Rows a second of the whole process, in runs that \
             take {} seconds at best. The bars are parts of what the provider's limit on calls in flight allows; they ask \
             the hub that has rows enough at work to keep to it, and the bare client stands beside.",
            amounts.slow_seconds
        ),
        figures: Vec::new(),
    };
    for (in_flight, bar) in [(16, 96.0), (256, 90.0)] {
        let best = in_flight as f64 / SLOW.as_secs_f64();
        let rows = best as usize * amounts.slow_seconds;
        let file = place.rows(rows)?;
        for contender in [Contender::Hub, Contender::HubAhead, PEER_BARE] {
            let ran = contest::run(place, contender, Provider::Stub(SLOW), &file, in_flight)?;
            let rate = rows as f64 / ran.seconds;
            let part = 100.0 * rate / best;
            let cpu = ran.cpu_seconds * 1e6 / rows as f64;
            let value = format!(
                "{}/s, {part:.1} % of {}; {cpu:.0} µs of processor a row",
                grouped(rate),
                grouped(best)
            );
            let mut figure = Figure::of(format!("{in_flight} in flight: {}", contender.name()), value);
            if contender == Contender::HubAhead {
                figure = figure.bar(format!("at least {bar} %"), part >= bar);
            }
            eprintln!("{}", figure.line());
            section.figures.push(figure);
        }
    }
    Ok(section)
}

/// Rows a second at answers that come at once, on a disk that takes its time for each fsync.
pub(crate) fn slow_disk(place: &Place, amounts: Amounts) -> Result<Section, Failure> {
    let slow_disk = Some(SlowDisk::build(&place.work, SLOW_FSYNC)?);
    let place = &Place { slow_disk, ..place.at(&place.work) };
    let mut section = Section {
        title: "Bulk charge on a slow disk".into(),
        about: format!(
            "Each fsync of the hub and of the bare client takes {} ms longer; instant answers from a provider that \
             keeps no books. Rows a second of the whole process; middle of {} runs.",
            SLOW_FSYNC.as_millis(),
            amounts.runs
        ),
        figures: Vec::new(),
    };
    for in_flight in [16, 256] {
        let rows = amounts.slow_disk * in_flight;
        let file = place.rows(rows)?;
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..amounts.runs {
            for (contender, rates) in [Contender::Hub, PEER_BARE].into_iter().zip(&mut rates) {
                let ran = contest::run(place, contender, Provider::Stub(Duration::ZERO), &file, in_flight)?;
                rates.push(rows as f64 / ran.seconds);
            }
        }
        let [hub, bare] = rates.map(Spread::of);
        let part = 100.0 * hub.middle / bare.middle;
        for (contender, rate) in [(Contender::Hub, &hub), (PEER_BARE, &bare)] {
            let name = format!("{in_flight} in flight: {}", contender.name());
            section.figures.push(Figure::of(name, format!("{} rows/s", rate.rate())));
        }
        let figure =
            Figure::of(format!("{in_flight} in flight: hub against the bare client"), format!("{part:.0} %"))
                .bar(format!("at least {OF_BARE_SLOW_DISK_MIN} %"), part >= OF_BARE_SLOW_DISK_MIN);
        eprintln!("{}", figure.line());
        section.figures.push(figure);
    }
    Ok(section)
}

/// A long run beside a shorter one; then start and rest of a hub with the shorter one's items in its journal.
pub(crate) fn long(place: &Place, amounts: Amounts) -> Result<Vec<Section>, Failure> {
    let (short, long) = (amounts.short, amounts.long);
    let (short_file, long_file) = (place.rows(short)?, place.rows(long)?);
    let server = place.provider(Provider::Simulator)?;
    let folder = place.folder("short")?;
    let hub = Hub::new(place, &folder, server.address, IN_FLIGHT, IN_FLIGHT)?;
    let short_run = hub.charge(&short_file)?;
    eprintln!("  {} rows: {:.1} s", grouped(short as f64), short_run.seconds);
    drop(server);
    let rest = at_rest(&hub, short)?;

    let server = place.provider(Provider::Simulator)?;
    let hub = Hub::new(place, &place.folder("long")?, server.address, IN_FLIGHT, IN_FLIGHT)?;
    let validated = hub.validate(&long_file)?;
    let long_run = hub.charge(&long_file)?;
    eprintln!("  {} rows: {:.1} s", grouped(long as f64), long_run.seconds);
    drop(server);

    let growth = (long_run.seconds / short_run.seconds) / (long as f64 / short as f64);
    let rate = long as f64 / validated.seconds;
    let figures = vec![
        Figure::of(
            format!("time for {} rows", grouped(short as f64)),
            format!("{:.1} s, {}/s", short_run.seconds, grouped(short as f64 / short_run.seconds)),
        ),
        Figure::of(
            format!("time for {} rows", grouped(long as f64)),
            format!("{:.1} s, {}/s", long_run.seconds, grouped(long as f64 / long_run.seconds)),
        ),
        Figure::of("time for a row in the longer run against the shorter", format!("{growth:.2} times"))
            .bar(format!("linear: at most {LINEAR_MAX}"), growth <= LINEAR_MAX),
        Figure::of(
            format!("peak memory, {} rows", grouped(short as f64)),
            format!("{:.0} MiB", short_run.peak_mib),
        ),
        Figure::of(
            format!("peak memory, {} rows", grouped(long as f64)),
            format!("{:.0} MiB", long_run.peak_mib),
        )
        .bar(format!("below {PEAK_MIB_MAX} MiB"), long_run.peak_mib < PEAK_MIB_MAX),
        Figure::of("validation pass (`run --validate`, whole process)", format!("{} rows/s", grouped(rate)))
            .bar(format!("above {} rows/s", grouped(VALIDATED_MIN)), rate > VALIDATED_MIN),
    ];
    let about = format!(
        "`gesher run` with {IN_FLIGHT} rows in flight against `gesher simulate` at instant answers. Memory is the \
         kernel's high-water mark of the process."
    );
    let title = format!("{} rows", grouped(long as f64));
    Ok(vec![Section { title, about, figures }, rest])
}

fn at_rest(hub: &Hub<'_>, items: usize) -> Result<Section, Failure> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(hub.serve()?.ready_after.as_secs_f64() * 1e3);
    }
    let starts = Spread::of(starts);
    let server = hub.serve()?;
    std::thread::sleep(IDLE_FOR);
    let idle = process::memory_mib(server.id(), "VmRSS:").unwrap_or(f64::NAN);
    Ok(Section {
        title: "Start and rest".into(),
        about: format!(
            "`gesher serve` with {} items in its journal; middle of {STARTS} starts; memory {} seconds later.",
            grouped(items as f64),
            IDLE_FOR.as_secs()
        ),
        figures: vec![
            Figure::of(
                "start to `/readyz`",
                format!("{:.0} ms ({:.0} to {:.0})", starts.middle, starts.least, starts.most),
            )
            .bar(format!("below {READY_MS_MAX} ms"), starts.middle < READY_MS_MAX),
            Figure::of("memory at rest", format!("{idle:.1} MiB"))
                .bar(format!("below {IDLE_MIB_MAX} MiB"), idle < IDLE_MIB_MAX),
        ],
    })
}

/// Whether a folder in memory can be had, to see what the disk costs.
pub(crate) fn memory_disk() -> Option<&'static Path> {
    let folder = Path::new("/dev/shm");
    folder.is_dir().then_some(folder)
}
