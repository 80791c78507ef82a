//! The deployment of `examples/programs/deploy`, which really deploys and really rolls back.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::site::Site;
use crate::support::{launcher, root};

/// A site in a folder that goes with it.
struct Deployed {
    site: Site,
    _folder: TempDir,
}

impl Deployed {
    fn deploy(&self, release: &str, text: &str) -> Output {
        let example = root().join("examples/programs/deploy");
        let mut command = launcher();
        command
            .args(["program", "run", "deploy", "--store", "memory", "-s"])
            .arg(example.join("ryu_spec.json"));
        command.arg("--hooks").arg(example.join("hooks.json"));
        command.args(["--arg", &format!("root={}", self.site.0.display())]);
        command.args(["--arg", &format!("release={release}"), "--arg", &format!("text={text}")]);
        command.output().unwrap()
    }

    /// The number of a release's server, as it has written it down.
    fn pid(&self, release: &str) -> Option<String> {
        fs::read_to_string(self.site.0.join(release).join("pid")).ok()
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
    let folder = tempfile::tempdir().unwrap();
    let deployed = Deployed { site: Site(folder.path().to_owned()), _folder: folder };
    let site = &deployed.site;
    let first = deployed.deploy("r1", "hello");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let answer: Json = serde_json::from_slice(&first.stdout).unwrap();
    let port = answer["port"].as_u64().unwrap();
    assert!(page(port).ends_with("hello"));
    assert_eq!(site.current().as_deref(), Some("r1"));

    // Its page is empty, so it fails at the check, when its server runs already.
    let second = deployed.deploy("r2", " ");
    let shown = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{shown}");
    assert!(shown.contains("the page is empty") && shown.contains("<- deploy.server.stop"), "{shown}");
    assert_eq!((site.current().as_deref(), site.releases()), (Some("r1"), vec!["r1".to_owned()]));
    assert!(page(port).ends_with("hello"), "the first one serves on");

    // The folder is there already, and is not this run's to remove.
    assert_eq!(deployed.deploy("r1", "again").status.code(), Some(1));
    assert_eq!(site.releases(), ["r1"]);

    let third = deployed.deploy("r3", "hello again");
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
    assert_eq!(site.current().as_deref(), Some("r3"));
    assert_eq!((deployed.pid("r1"), deployed.pid("r3").is_some()), (None, true));
    assert!(Path::new(&site.0.join("current/index.html")).exists());
}
