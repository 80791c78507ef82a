//! Where the sockets and files of one test are.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Process, launcher};

/// A folder that goes when the test ends.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The address of a socket in it.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("ipc://{}/{name}", self.0.path().display())
    }

    /// Starts a reference service and waits until its sockets are open.
    pub(crate) fn start(&self, service: &str, addresses: Json, arguments: &[&str]) -> Process {
        let mut process = self.lead(service, addresses, arguments);
        process.wait_for("ready");
        process
    }

    /// Starts one that may be in main mode, and waits for nothing.
    pub(crate) fn lead(&self, service: &str, addresses: Json, arguments: &[&str]) -> Process {
        let name = service.rsplit('/').next().unwrap();
        let file = self.path(&format!("{name}.json"));
        fs::write(&file, addresses.to_string()).unwrap();
        Process::start(launcher().args(["-s", service, "-a"]).arg(file).args(arguments))
    }

    /// Starts an `echo_replyer`; also where it listens.
    pub(crate) fn echo_replyer(&self, arguments: &[&str]) -> (Process, String) {
        let address = self.at("echo");
        let process = self.start("echo_replyer", in_connection("echo", "replyer", &address), arguments);
        (process, address)
    }
}

/// The addresses of a service with one in connection.
pub(crate) fn in_connection(name: &str, socket: &str, address: &str) -> Json {
    json!({"in": {name: {socket: address}}})
}

/// The addresses of a service with one out connection.
pub(crate) fn out_connection(name: &str, socket: &str, address: &str) -> Json {
    json!({"out": {name: {socket: address}}})
}
