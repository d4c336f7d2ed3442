//! The hub under measurement: a folder with one flow, and the commands that are timed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::contest::Place;
use crate::failure::{Failure, While};
use crate::process::{self, Ran, Server};
use crate::rows;

/// How long an answer of the hub may take before it is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A hub in a folder of its own.
pub(crate) struct Hub<'a> {
    place: &'a Place,
    folder: PathBuf,
    dashboard: SocketAddr,
}

impl<'a> Hub<'a> {
    /// Makes the folder. The flow charges at `provider`, `in_flight` calls at a time, and works on `at_work` rows.
    pub(crate) fn new(
        place: &'a Place,
        folder: &Path,
        provider: SocketAddr,
        in_flight: usize,
        at_work: usize,
    ) -> Result<Self, Failure> {
        let (dashboard, hooks) = (process::free_address()?, process::free_address()?);
        let company = rows::COMPANY;
        let configuration = format!(
            r#"[hub]
name = "bench"

[officeguy]
base_url = "http://{provider}"
company_id = {company}
api_key = {{ secret = "officeguy.api_key" }}
max_in_flight = {in_flight}

[dashboard]
listen = "{dashboard}"
[hooks]
listen = "{hooks}"

[flow.bulk-charge]
script = "scripts/bulk_charge.rhai"
allow = ["officeguy.charge"]
concurrency = {at_work}
[flow.bulk-charge.drop]
folder = "inbox/charges"
pattern = "*.csv"
row_key = ["order_id"]
amount = "amount"
"#
        );
        let write = || {
            std::fs::create_dir_all(folder.join("scripts"))?;
            std::fs::write(folder.join("scripts/bulk_charge.rhai"), rows::SCRIPT)?;
            std::fs::write(folder.join("gesher.toml"), configuration)
        };
        write().or_fail(&format!("make a hub in {}", folder.display()))?;
        Ok(Self { place, folder: folder.to_owned(), dashboard })
    }

    /// Charges a file; every row of it must succeed.
    pub(crate) fn charge(&self, file: &Path) -> Result<Ran, Failure> {
        process::run(self.command().args(["run", "bulk-charge", "--file"]).arg(file))
    }

    /// Only validates a file.
    pub(crate) fn validate(&self, file: &Path) -> Result<Ran, Failure> {
        process::run(self.command().args(["run", "bulk-charge", "--validate", "--file"]).arg(file))
    }

    /// Serves until the server is dropped. It is ready when its triggers run.
    pub(crate) fn serve(&self) -> Result<Server, Failure> {
        Server::start(self.command().arg("serve"), self.dashboard, is_ready)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.place.gesher);
        if let Some(slow_disk) = &self.place.slow_disk {
            slow_disk.load_into(&mut command);
        }
        command.arg("--hub").arg(&self.folder).env("GESHER_SECRET_OFFICEGUY_API_KEY", rows::API_KEY);
        command
    }
}

/// Whether `/readyz` answers 200.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}
