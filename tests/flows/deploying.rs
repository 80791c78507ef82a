//! The deployment that a flow runs: `examples/flows/deploy.py` over the programs of `examples/programs/deploy`, with real folders and servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::folder::{Folder, LAUNCHER, json};
use crate::support::{PATIENCE, Process, root};

/// A folder with a store and a site, whose servers end with it.
struct Site(Folder);

impl Site {
    fn root(&self) -> PathBuf {
        self.0.path("site")
    }

    /// `flow run` of the example, with these releases.
    fn run(&self, id: &str, releases: &str) -> Command {
        let (flows, programs) = (root().join("examples/flows"), root().join("examples/programs/deploy"));
        let mut command = self.0.command(LAUNCHER);
        command.args(["flow", "run"]).arg(flows.join("deploy.py")).args(["--id", id, "--lease", "500ms"]);
        command.args(["--listen", "127.0.0.1:0", "--follow", "--color", "never"]);
        command.arg("--programs").arg(programs.join("ryu_spec.json"));
        command.arg("--hooks").arg(programs.join("hooks.json"));
        command.args(["--arg", &format!("root={}", self.root().display())]);
        command.args(["--arg", &format!("releases={releases}")]);
        command
    }

    fn current(&self) -> Option<String> {
        Some(fs::read_link(self.root().join("current")).ok()?.display().to_string())
    }

    fn releases(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> =
            folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn is_served(&self, release: &str) -> bool {
        server(&self.root().join(release)).is_some()
    }
}

fn server(release: &Path) -> Option<Pid> {
    let pid = Pid::from_raw(fs::read_to_string(release.join("pid")).ok()?.parse().ok()?)?;
    rustix::process::test_kill_process(pid).ok().map(|()| pid)
}

impl Drop for Site {
    fn drop(&mut self) {
        for release in self.releases() {
            if let Some(pid) = server(&self.root().join(release)) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    }
}

#[test]
fn releases_are_deployed_until_one_does_not_work_which_is_undone() {
    let site = Site(Folder::new());
    let output =
        site.run("d", r#"[["r1", "hello"], ["r2", "again"], ["r3", " "], ["r4", "never"]]"#).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(json(&String::from_utf8(output.stdout).unwrap()), json!({"serving": "r2", "refused": "r3"}));
    assert!(said.contains("deploy.server.check failed, and all of it is undone"), "{said}");
    assert_eq!((site.current().as_deref(), site.releases()), (Some("r2"), vec!["r1".into(), "r2".into()]));
    assert_eq!((site.is_served("r1"), site.is_served("r2")), (false, true));
    // The runs of programs are in the store of the flow, each once: the third was tried twice.
    let listed = site.0.launch("program list --json").stdout;
    assert_eq!(listed.lines().count(), 4, "{listed}");
}

#[test]
fn a_deployment_whose_process_is_killed_ends_as_if_it_had_not_been() {
    // Whatever is there when it is killed: a folder, a server that has started, a switch that is made.
    for mark in ["site/r1", "site/r1/pid", "site/current", "site/r2", "site/r2/pid"] {
        let site = Site(Folder::new());
        let releases = r#"[["r1", "hello"], ["r2", "again"], ["r3", " "]]"#;
        let mut killed = Process::start(&mut site.run("d", releases));
        let began = Instant::now();
        while fs::symlink_metadata(site.0.path(mark)).is_err() {
            assert!(began.elapsed() < PATIENCE, "there is no {mark}");
            std::thread::sleep(Duration::from_millis(1));
        }
        killed.end_by(Signal::KILL);
        let output = site.run("d", releases).output().unwrap();
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
