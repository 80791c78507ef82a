//! The servers that are measured, each in a process of its own that is pinned to the first core.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::clients::{ask, request};

const VARIABLE: &str = "SERVICE_FRAMEWORK_INTEROP_PYTHON";
const PROBE: &str = "import importlib.metadata as m; assert m.version('ryuso') == '0.0.8'";

/// What can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the sockets alone take.
    Bare,
    /// The Python original, which keeps nothing.
    Original,
    /// `program serve --store memory`.
    Memory,
    /// `program serve` on an SQLite file.
    Sqlite,
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Server {
    /// Starts one, and waits until it answers; what it says to one request that is done and one that fails.
    pub(crate) fn start(kind: Kind, folder: &Path) -> (Self, [Json; 2]) {
        // The port is free when asked for and taken a moment later.
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let server = Self { child: command(kind, address, folder).spawn().expect("taskset"), address };
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(done) = ask(address, request("order", false).as_bytes()) {
                let failed = ask(address, request("order", true).as_bytes()).expect("an answer");
                return (server, [done, failed].map(comparable));
            }
            assert!(Instant::now() < until, "{kind:?} does not answer");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Server {
    /// How much time of the processor it has taken, in seconds.
    pub(crate) fn processor_time(&self) -> f64 {
        /// Linux counts for everybody in hundredths of a second, whatever the kernel's own clock is.
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux");
        // Behind the name, which may have spaces: the 14th and 15th field of all.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / TICKS
    }
}

fn comparable(answer: Vec<u8>) -> Json {
    let mut answer: Json = serde_json::from_slice(&answer).expect("JSON");
    if let Some(values) = answer.as_object_mut() {
        values.remove("_program_time_start");
    }
    answer
}

fn command(kind: Kind, address: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).stdout(Stdio::null()).stderr(Stdio::null());
    let port = address.port().to_string();
    let this = std::env::current_exe().expect("this program");
    match kind {
        Kind::Bare => command.arg(this).args(["bare", &port]),
        Kind::Original => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/programs/original.py");
            command.arg(python().expect("Python")).arg(script).arg(&port).env("PYTHONDONTWRITEBYTECODE", "1")
        }
        Kind::Memory => serve(command.arg(this), &port, "memory".as_ref()),
        Kind::Sqlite => serve(command.arg(this), &port, &folder.join("programs.db")),
    };
    command
}

/// The original logs warnings and worse, so this does too.
fn serve<'c>(command: &'c mut Command, port: &str, store: &Path) -> &'c mut Command {
    command.args(["serve", "--port", port, "--console-loglevel", "WARNING", "--store"]).arg(store)
}

/// The Python that has the original; says why if there is none.
pub(crate) fn python() -> Result<PathBuf, String> {
    let python = std::env::var_os(VARIABLE)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{VARIABLE} names no Python that has ryuso 0.0.8"))?;
    let probed = Command::new(&python).args(["-c", PROBE]).stderr(Stdio::null()).status();
    match probed {
        Ok(status) if status.success() => Ok(python),
        Ok(_) => Err(format!("{} has no ryuso 0.0.8", python.display())),
        Err(error) => Err(format!("{} does not start: {error}", python.display())),
    }
}

/// Takes one connection after the other, reads a segment and answers with bytes of the length of an answer.
pub(crate) fn bare(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port");
    let (mut segment, answer) = (vec![0; 64 * 1024], br#"{"price":12.5,"parcel":"p-rope"}"#);
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        let _read = stream.read(&mut segment).expect("a request");
        stream.write_all(answer).and_then(|()| stream.shutdown(Shutdown::Write)).expect("an answer");
    }
}
