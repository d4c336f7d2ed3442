//! How many charges a second the simulator answers: over kept connections, and with a connection for each.
//!
//! The simulator has one thread of its own; the callers have another. Prints a table; fails nothing.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and stops where it cannot go on"
)]

use gesher_core::{Clock, SystemClock};
use gesher_officeguy::simulated::{World, WorldOptions};
use gesher_simulator::{FaultPlan, Served, Simulator, SimulatorOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CHARGES: usize = 60_000;
const IN_FLIGHT: usize = 16;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The nanoseconds of processor time that a thread has had, by its entry in the process table.
fn processor_nanos(thread: &Path) -> u128 {
    let schedstat = std::fs::read_to_string(thread.join("schedstat")).unwrap();
    schedstat.split_whitespace().next().unwrap().parse().unwrap()
}

fn simulator(ledger: Option<PathBuf>) -> (SocketAddr, PathBuf) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let options = SimulatorOptions {
                served: vec![Served {
                    listen: "127.0.0.1:0".parse().unwrap(),
                    provider: Box::new(World::new(WorldOptions::default())),
                }],
                ledger,
                faults: FaultPlan::default(),
                clock: Arc::new(SystemClock::new()),
            };
            let running = Simulator::start(options).await.unwrap();
            let thread = Path::new("/proc").join(std::fs::read_link("/proc/thread-self").unwrap());
            tell.send((running.address("officeguy").unwrap(), thread)).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    while !buffer.ends_with(b"\"TechnicalErrorDetails\":null}") {
        assert_ne!(stream.read_buf(buffer).await.unwrap(), 0);
    }
}

async fn caller(address: SocketAddr, charges: usize, keep: bool, number: usize) {
    let mut buffer = Vec::with_capacity(4096);
    let mut kept = None;
    for at in 0..charges {
        let body = format!(
            r#"{{"Credentials":{{"CompanyID":2410000001,"APIKey":"any"}},"Customer":{{"Name":"Dana {number}-{at}","EmailAddress":"d{number}-{at}@example.test","SearchMode":0}},"Items":[{{"Item":{{"Name":"Bowl"}},"Quantity":1,"UnitPrice":9.50}}],"PaymentMethod":{{"CreditCard_Token":"7b0e0c7e-1111-4222-8333-444455556666","CreditCard_ExpirationMonth":12,"CreditCard_ExpirationYear":2030,"Type":1}},"VATIncluded":true,"DocumentDescription":"order-{number}-{at}"}}"#
        );
        let request = format!(
            "POST /billing/payments/charge/ HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => TcpStream::connect(address).await.unwrap(),
        };
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(&mut stream, &mut buffer).await;
        kept = keep.then_some(stream);
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let clock = SystemClock::new();
    for (ledger, keep) in [(false, true), (true, true), (false, false), (true, false)] {
        let file = ledger.then(|| folder.path().join(format!("ledger-{keep}.jsonl")));
        let (address, thread) = simulator(file);
        let busy_before = processor_nanos(&thread);
        let started = clock.monotonic();
        runtime().block_on(async {
            let callers =
                (0..IN_FLIGHT).map(|number| tokio::spawn(caller(address, CHARGES / IN_FLIGHT, keep, number)));
            for caller in callers.collect::<Vec<_>>() {
                caller.await.unwrap();
            }
        });
        let micros = (clock.monotonic() - started).as_micros();
        let per_second = CHARGES as u128 * 1_000_000 / micros;
        let connections = if keep { "kept connections" } else { "a connection a call" };
        let kept_in = if ledger { "ledger in a file" } else { "ledger in memory" };
        let busy = processor_nanos(&thread) - busy_before;
        let per_busy_second = CHARGES as u128 * 1_000_000_000 / busy;
        println!(
            "{connections:>20}, {kept_in}: {per_second} charges/s by the clock, {per_busy_second} per second of its processor time"
        );
    }
}
