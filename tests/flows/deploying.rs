//! The deployment that a flow runs: `examples/flows/deploy.py` over the programs of `examples/programs/deploy`, with real folders and servers.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use crate::folder::{Folder, LAUNCHER, json};
use crate::site::Site;
use crate::support::{Process, root, wait_until};

/// A folder with a store and a site.
struct Deployed {
    site: Site,
    folder: Folder,
}

impl Deployed {
    fn new() -> Self {
        let folder = Folder::new();
        Self { site: Site(folder.path("site")), folder }
    }

    /// `flow run` of the example, with these releases.
    fn run(&self, id: &str, releases: &str) -> Command {
        let (flows, programs) = (root().join("examples/flows"), root().join("examples/programs/deploy"));
        let mut command = self.folder.command(LAUNCHER);
        command.args(["flow", "run"]).arg(flows.join("deploy.py")).args(["--id", id, "--lease", "500ms"]);
        command.args(["--listen", "127.0.0.1:0", "--follow", "--color", "never"]);
        command.arg("--programs").arg(programs.join("ryu_spec.json"));
        command.arg("--hooks").arg(programs.join("hooks.json"));
        command.args(["--arg", &format!("root={}", self.site.0.display())]);
        command.args(["--arg", &format!("releases={releases}")]);
        command
    }
}

#[test]
fn releases_are_deployed_until_one_does_not_work_which_is_undone() {
    let deployed = Deployed::new();
    let site = &deployed.site;
    let output =
        deployed.run("d", r#"[["r1", "hello"], ["r2", "again"], ["r3", " "], ["r4", "never"]]"#).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(json(&String::from_utf8(output.stdout).unwrap()), json!({"serving": "r2", "refused": "r3"}));
    assert!(said.contains("deploy.server.check failed, and all of it is undone"), "{said}");
    assert_eq!((site.current().as_deref(), site.releases()), (Some("r2"), vec!["r1".into(), "r2".into()]));
    assert_eq!((site.is_served("r1"), site.is_served("r2")), (false, true));
    // The runs of programs are in the store of the flow, each once: the third was tried twice.
    let listed = deployed.folder.launch("program list --json").stdout;
    assert_eq!(listed.lines().count(), 4, "{listed}");
}

#[test]
fn a_deployment_whose_process_is_killed_ends_as_if_it_had_not_been() {
    // Whatever is there when it is killed: a folder, a server that has started, a switch that is made.
    for mark in ["site/r1", "site/r1/pid", "site/current", "site/r2", "site/r2/pid"] {
        let deployed = Deployed::new();
        let site = &deployed.site;
        let releases = r#"[["r1", "hello"], ["r2", "again"], ["r3", " "]]"#;
        let mut killed = Process::start(&mut deployed.run("d", releases));
        wait_until(&format!("there is {mark}"), || fs::symlink_metadata(deployed.folder.path(mark)).is_ok());
        killed.end_by(Signal::KILL);
        let output = deployed.run("d", releases).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "killed at {mark}: {said}");
        let result = json(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(result, json!({"serving": "r2", "refused": "r3"}), "killed at {mark}: {said}");
        assert_eq!(
            (site.current().as_deref(), site.releases()),
            (Some("r2"), vec!["r1".into(), "r2".into()])
        );
        assert_eq!((site.is_served("r1"), site.is_served("r2")), (false, true), "killed at {mark}");
    }
}
