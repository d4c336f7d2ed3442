//! Webhooks accepted a second: the hub, which has each on the disk before it answers, beside a handler that only says yes.
//!
//! The sender writes ready-made requests on raw sockets, so that it takes as little as possible of the cores that it shares
//! with who is measured; over kept connections, and with a connection each.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use gesher_core::Clock;
use gesher_core::time::SystemClock;
use gesher_tests::hooks::{WHSEC, now, request, standard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::contest::Place;
use crate::failure::{Failure, While};
use crate::process::{self, Server};
use crate::report::{Figure, Section, Spread, grouped};

/// Senders at a time.
const SENDERS: usize = 32;
/// What the hub has to reach.
const RATE_MIN: f64 = 10_000.0;
const P99_MS_MAX: f64 = 10.0;
/// Where deliveries go.
const PATH: &str = "/hooks/bench";
/// Bytes that one answer may have.
const ANSWER_BYTES_MAX: usize = 4096;
/// A flow that has nothing to do, so that what is measured is the accepting.
const SCRIPT: &str = "fn on_webhook(request) { request.id }\n";

/// Whether connections are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connections {
    Kept,
    Each,
}

/// What one round of deliveries took.
struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    /// Microseconds of the server's processor time for one delivery, to be compared between machines that are busy.
    cpu: f64,
}

/// The handler without a hub: serves at `address` until the process is ended.
pub(crate) fn bare(address: SocketAddr) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().or_fail("start a runtime")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.or_fail(&format!("listen on {address}"))?;
        let accept = |body: axum::body::Bytes| async move {
            (StatusCode::ACCEPTED, format!("{{\"run\":\"{:07}\"}}\n", body.len()))
        };
        axum::serve(listener, Router::new().route(PATH, post(accept))).await.or_fail("serve")
    })
}

/// Deliveries a second, of the hub and of the handler, over kept connections and with one each.
pub(crate) fn section(place: &Place, deliveries: usize, rounds: usize) -> Result<Section, Failure> {
    let mut figures = Vec::new();
    for connections in [Connections::Kept, Connections::Each] {
        let (mut of_hub, mut of_bare) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            of_bare.push(measure(&bare_server(place)?, deliveries, connections)?);
            let hub = hub_server(place)?;
            of_hub.push(measure(&hub, deliveries, connections)?);
            if let (Some(bare), Some(hub)) = (of_bare.last(), of_hub.last()) {
                eprintln!("  {connections:?}, round {round}: bare {:.0}/s, hub {:.0}/s", bare.rate, hub.rate);
            }
        }
        let name = match connections {
            Connections::Kept => "kept connections",
            Connections::Each => "a connection each",
        };
        figures.push(Figure::of(format!("bare axum handler, nothing written, {name}"), shown(&of_bare)));
        let is_met =
            middle(&of_hub, |round| round.rate) > RATE_MIN && middle(&of_hub, |round| round.p99) < P99_MS_MAX;
        let figure = Figure::of(format!("hub, verified and durable, {name}"), shown(&of_hub));
        figures.push(match connections {
            Connections::Kept => {
                let bar = format!("above {}/s, p99 below {P99_MS_MAX} ms", grouped(RATE_MIN));
                figure.bar(bar, is_met)
            }
            Connections::Each => figure,
        });
    }
    let about = format!(
        "{} deliveries of 400 bytes, signed as Standard Webhooks say, {SENDERS} at a time, all on the same cores; the hub works \
         on what it accepted meanwhile. Middle of {rounds} runs (least to most).",
        grouped(deliveries as f64)
    );
    Ok(Section { title: "Webhooks accepted".into(), about, figures })
}

fn middle(rounds: &[Round], value: fn(&Round) -> f64) -> f64 {
    Spread::of(rounds.iter().map(value).collect()).middle
}

fn shown(rounds: &[Round]) -> String {
    let rate = Spread::of(rounds.iter().map(|round| round.rate).collect());
    let (p50, p99) = (middle(rounds, |round| round.p50), middle(rounds, |round| round.p99));
    let cpu = middle(rounds, |round| round.cpu);
    format!("{} a second; p50 {p50:.1} ms, p99 {p99:.1} ms; {cpu:.0} µs of processor each", rate.rate())
}

fn bare_server(place: &Place) -> Result<Server, Failure> {
    let address = process::free_address()?;
    let mut command = Command::new(&place.bench);
    command.args(["bare-hooks", "--address", &address.to_string()]);
    Server::start(&mut command, address, process::listens)
}

fn hub_server(place: &Place) -> Result<Server, Failure> {
    let (dashboard, hooks) = (process::free_address()?, process::free_address()?);
    let folder = place.folder("hooks")?;
    let configuration = format!(
        r#"[hub]
name = "bench"

[officeguy]
base_url = "simulator"

[dashboard]
listen = "{dashboard}"
[hooks]
listen = "{hooks}"

[flow.bench]
script = "scripts/bench.rhai"
[flow.bench.webhook]
path = "{PATH}"
verify = "standard-webhooks"
secrets = [{{ secret = "hooks.bench" }}]
"#
    );
    let write = || {
        std::fs::create_dir_all(folder.join("scripts"))?;
        std::fs::write(folder.join("scripts/bench.rhai"), SCRIPT)?;
        std::fs::write(folder.join("gesher.toml"), configuration)
    };
    write().or_fail(&format!("make a hub in {}", folder.display()))?;
    let mut command = Command::new(&place.gesher);
    command.arg("--hub").arg(&folder).arg("serve").env("GESHER_SECRET_HOOKS_BENCH", WHSEC);
    Server::start(&mut command, hooks, process::listens)
}

/// Sends them all, and answers how fast they were accepted.
fn measure(server: &Server, deliveries: usize, connections: Connections) -> Result<Round, Failure> {
    let at = now();
    let requests: Vec<Vec<u8>> = (0..deliveries)
        .map(|number| {
            let body = format!(r#"{{"order":"{number}","customer":"דנה לוי","pad":"{}"}}"#, "x".repeat(340));
            let mut headers = standard(&format!("msg_{number}"), at, body.as_bytes());
            headers.push("Content-Type: application/json".to_owned());
            if connections == Connections::Each {
                headers.push("Connection: close".to_owned());
            }
            request("POST", PATH, &headers, body.as_bytes())
        })
        .collect();
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let runtime = tokio::runtime::Runtime::new().or_fail("start a runtime")?;
    let spent = || process::cpu_seconds(server.id()).unwrap_or(f64::NAN);
    let before = spent();
    runtime.block_on(async {
        let clock = SystemClock::new();
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                tokio::spawn(sender(server.address, Arc::clone(&requests), Arc::clone(&next), connections))
            })
            .collect();
        let mut times = Vec::with_capacity(deliveries);
        for sender in senders {
            times.extend(sender.await.or_fail("wait for a sender")??);
        }
        let seconds = clock.monotonic().as_secs_f64();
        times.sort_by(f64::total_cmp);
        let part =
            |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default() * 1e3;
        let many = times.len() as f64;
        Ok(Round {
            rate: many / seconds,
            p50: part(0.5),
            p99: part(0.99),
            cpu: (spent() - before) * 1e6 / many,
        })
    })
}

async fn sender(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    connections: Connections,
) -> Result<Vec<f64>, Failure> {
    let (mut times, mut kept) = (Vec::new(), None);
    let clock = SystemClock::new();
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let began = clock.monotonic();
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => connect(address).await?,
        };
        stream.write_all(request).await.or_fail("send a delivery")?;
        let is_closed = answered(&mut stream).await?;
        times.push((clock.monotonic() - began).as_secs_f64());
        kept = (connections == Connections::Kept && !is_closed).then_some(stream);
    }
    Ok(times)
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let connecting = tokio::time::timeout(Duration::from_secs(10), TcpStream::connect(address));
    let stream = connecting.await.or_fail("connect in time")?.or_fail("connect")?;
    stream.set_nodelay(true).or_fail("set a connection up")?;
    Ok(stream)
}

/// Reads an answer, which must say 202; answers whether the connection ends with it.
async fn answered(stream: &mut TcpStream) -> Result<bool, Failure> {
    let (mut bytes, mut read) = ([0; ANSWER_BYTES_MAX], 0);
    loop {
        let more = stream.read(&mut bytes[read..]).await.or_fail("read an answer")?;
        read += more;
        let text = std::str::from_utf8(&bytes[..read]).or_fail("read an answer")?;
        if more > 0 && !text.ends_with("}\n") {
            continue;
        }
        return match text.starts_with("HTTP/1.1 202") {
            true => Ok(text.contains("onnection: close")),
            false => Err(Failure::new(format!("a delivery was answered with {text:?}"))),
        };
    }
}
