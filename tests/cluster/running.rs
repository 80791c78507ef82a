//! Nodes as processes, and what is asked of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::support::{PATIENCE, free_address, launcher};

/// A node, killed when this goes.
pub(super) struct NodeProcess {
    child: Child,
    pub(super) address: String,
    pub(super) log: PathBuf,
    /// The network namespace in which it runs, if it has one.
    namespace: Option<String>,
    keys: Option<PathBuf>,
}

/// Another process, killed when this goes.
pub(super) struct Killed(pub(super) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a node is to be started.
pub(super) struct Start<'a> {
    pub(super) name: &'a str,
    pub(super) folder: &'a Path,
    pub(super) listen: String,
    pub(super) join: Vec<String>,
    pub(super) keys: Option<PathBuf>,
    pub(super) namespace: Option<String>,
    pub(super) more: Vec<&'a str>,
}

impl<'a> Start<'a> {
    pub(super) fn new(name: &'a str, folder: &'a Path) -> Self {
        let (listen, join) = (free_address(), Vec::new());
        Self { name, folder, listen, join, keys: None, namespace: None, more: Vec::new() }
    }

    pub(super) fn join(mut self, other: &NodeProcess) -> Self {
        self.join.push(other.address.clone());
        self
    }

    pub(super) fn now(self) -> NodeProcess {
        let log = self.folder.join(format!("{}.log", self.name));
        let mut command = in_namespace(self.namespace.as_deref());
        command.args(["node", "--name", self.name, "--listen", &self.listen]);
        for address in &self.join {
            command.args(["--join", address]);
        }
        if let Some(keys) = &self.keys {
            command.arg("--keys").arg(keys);
        }
        command.args(&self.more).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        NodeProcess { child, address: self.listen, log, namespace: self.namespace, keys: self.keys }
    }
}

/// The launcher, in a network namespace if one is named.
fn in_namespace(namespace: Option<&str>) -> Command {
    let plain = launcher();
    let Some(namespace) = namespace else { return plain };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(plain.get_program());
    command
}

impl NodeProcess {
    /// What `cluster` says to these words about this node.
    pub(super) fn asked(&self, words: &[&str]) -> Output {
        let mut command = in_namespace(self.namespace.as_deref());
        command.arg("cluster").args(words).args(["--json", "--timeout", "3s", "--node", &self.address]);
        if let Some(keys) = &self.keys {
            command.arg("--keys").arg(keys);
        }
        command.output().unwrap()
    }

    pub(super) fn json(&self, words: &[&str]) -> Json {
        let output = self.asked(words);
        serde_json::from_slice(&output.stdout).unwrap_or(Json::Null)
    }

    /// The names of those who are there, in order.
    pub(super) fn members(&self) -> Vec<String> {
        let answer = self.json(&["members"]);
        let members = answer["members"].as_array().into_iter().flatten();
        let mut names: Vec<String> =
            members.filter_map(|member| member["name"].as_str().map(str::to_owned)).collect();
        names.sort();
        names
    }

    #[track_caller]
    pub(super) fn wait_for(&self, names: &[&str]) {
        until(&format!("{} sees {names:?}; {}", self.address, self.log()), || self.members() == names);
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until it has ended, and with what code.
    pub(super) fn ended(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the node does not end; {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
