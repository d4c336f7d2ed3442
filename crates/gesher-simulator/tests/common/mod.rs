//! What the test files share: a simulator of OfficeGuy and an HTTP client that hides nothing.

use gesher_core::time::ManualClock;
use gesher_officeguy::simulated::{World, WorldOptions};
use gesher_simulator::{FaultPlan, RunningSimulator, Served, Simulator, SimulatorOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const CHARGE: &str = "/billing/payments/charge/";

/// Starts a simulator.
pub(crate) async fn start(faults: &str, ledger: Option<&Path>) -> RunningSimulator {
    Simulator::start(SimulatorOptions {
        served: vec![Served {
            listen: "127.0.0.1:0".parse().unwrap(),
            provider: Box::new(World::new(WorldOptions::default())),
        }],
        ledger: ledger.map(Path::to_owned),
        faults: FaultPlan::parse(faults).unwrap(),
        clock: Arc::new(ManualClock::new("2026-03-15T10:00:00Z".parse().unwrap())),
    })
    .await
    .unwrap()
}

/// A good charge.
pub(crate) fn charge(customer: &str, description: &str) -> String {
    format!(
        r#"{{"Credentials":{{"CompanyID":2410000001,"APIKey":"any"}},"Customer":{{"Name":"{customer}"}},"PaymentMethod":{{"CreditCard_Token":"tok","Type":1}},"Items":[{{"Item":{{"Name":"Bowl"}},"UnitPrice":9}}],"VATIncluded":true,"DocumentDescription":"{description}"}}"#
    )
}

/// One POST.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> std::io::Result<String> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(address, request.as_bytes()).await
}

/// Sends bytes and reads until the other side closes. What came before a reset counts; a reset before anything is an
/// error.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}
