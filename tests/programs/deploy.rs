//! The deployment of `examples/programs/deploy`, which really deploys and really rolls back.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{launcher, root};

struct Site(TempDir);

impl Site {
    fn deploy(&self, release: &str, text: &str) -> Output {
        let example = root().join("examples/programs/deploy");
        let mut command = launcher();
        command
            .args(["program", "run", "deploy", "--store", "memory", "-s"])
            .arg(example.join("ryu_spec.json"));
        command.arg("--hooks").arg(example.join("hooks.json"));
        command.args(["--arg", &format!("root={}", self.0.path().display())]);
        command.args(["--arg", &format!("release={release}"), "--arg", &format!("text={text}")]);
        command.output().unwrap()
    }

    /// The release that is served, with everything in its folder.
    fn current(&self) -> Option<String> {
        let link = fs::read_link(self.0.path().join("current")).ok()?;
        Some(link.display().to_string())
    }

    fn releases(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap());
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let mut names: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn pid(&self, release: &str) -> Option<String> {
        fs::read_to_string(self.0.path().join(release).join("pid")).ok()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for release in self.releases() {
            if let Some(pid) =
                self.pid(&release).and_then(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?))
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
    }
}

fn page(port: u64) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_deployment_switches_or_leaves_everything_as_it_was() {
    let site = Site(tempfile::tempdir().unwrap());
    let first = site.deploy("r1", "hello");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let answer: Json = serde_json::from_slice(&first.stdout).unwrap();
    let port = answer["port"].as_u64().unwrap();
    assert!(page(port).ends_with("hello"));
    assert_eq!(site.current().as_deref(), Some("r1"));

    // Its page is empty, so it fails at the check, when its server runs already.
    let second = site.deploy("r2", " ");
    let shown = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{shown}");
    assert!(shown.contains("the page is empty") && shown.contains("<- deploy.server.stop"), "{shown}");
    assert_eq!((site.current().as_deref(), site.releases()), (Some("r1"), vec!["r1".to_owned()]));
    assert!(page(port).ends_with("hello"), "the first one serves on");

    // The folder is there already, and is not this run's to remove.
    assert_eq!(site.deploy("r1", "again").status.code(), Some(1));
    assert_eq!(site.releases(), ["r1"]);

    let third = site.deploy("r3", "hello again");
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
    assert_eq!(site.current().as_deref(), Some("r3"));
    assert_eq!((site.pid("r1"), site.pid("r3").is_some()), (None, true));
    assert!(Path::new(&site.0.path().join("current/index.html")).exists());
}
