//! `service_framework up` as a user meets it: real services, real signals.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Process, free_address, launcher, wait_for_line, wait_until_gone};

/// A service that does not end when asked, and says its number.
const STUBBORN: &str = "trap '' TERM\necho \"here $$\"\nwhile :; do sleep 0.05; done\n";

/// A folder with a system file and what it names. Temporary files of `up` go there too.
struct Place(TempDir);

impl Place {
    fn new(services: &Json) -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        fs::create_dir(place.temporary()).unwrap();
        fs::write(place.0.path().join("system.json"), json!({ "services": services }).to_string()).unwrap();
        place
    }

    /// Adds an executable service: a shell script, which describes itself when it is asked to.
    fn with_script(self, name: &str, script: &str) -> Self {
        let path = self.0.path().join(name);
        let model = json!({ "name": name, "config_model": { "optional": { "k": "int" } } });
        let describe = format!("[ \"$1\" = describe ] && echo '{model}' && exit");
        fs::write(&path, format!("#!/bin/sh\n{describe}\n{script}")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn temporary(&self) -> PathBuf {
        self.0.path().join("temporary")
    }

    fn up(&self) -> Process {
        let mut command = launcher();
        command.arg("up").arg(self.0.path().join("system.json")).env("TMPDIR", self.temporary());
        Process::start(&mut command)
    }
}

/// The process number behind `here`.
fn number(line: &str) -> String {
    line.rsplit(' ').next().unwrap().to_owned()
}

fn echo_system() -> Json {
    let address = free_address();
    json!({
        "replyer": {
            "service": "echo_replyer",
            "addresses": { "in": { "echo": { "replyer": address } } },
        },
        "requester": {
            "service": "echo_requester",
            "addresses": { "out": { "echo": { "requester": address } } },
            "config": { "size": 10 },
            "args": ["--n", "50"],
            "main_mode": true,
        },
    })
}

#[test]
fn services_talk_and_ctrl_c_ends_them() {
    let place = Place::new(&echo_system());
    let mut up = place.up();
    let result = up.wait_for("requester | {");
    assert!(result.contains("\"n\":50"), "{result}");
    up.wait_for("requester ended by itself");
    let ended = up.finish_by(Signal::INT);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert!(ended.text().contains("stopped when asked"), "{}", ended.text());
    assert_eq!(fs::read_dir(place.temporary()).unwrap().count(), 0, "temporary files stay behind");
}

#[test]
fn all_that_is_wrong_with_all_services_is_said_and_nothing_is_started() {
    let mut services = echo_system();
    services["replyer"]["addresses"] = json!({ "in": { "ecco": { "replyer": "127.0.0.1:1" } } });
    for (name, host) in [("first", "*"), ("second", "127.0.0.1")] {
        let addresses = json!({ "in": { "echo": { "replyer": format!("{host}:7") } } });
        services[name] = json!({ "service": "echo_replyer", "addresses": addresses });
    }
    services["requester"]["config"] = json!({ "size": "large" });
    services["requester"]["args"] = json!(["--m", "50"]);
    services["lost"] = json!({ "service": "echo_replier" });
    services["mute"] = json!({ "service": "./mute" });
    services["any"] = json!({ "service": "./any.json", "config": { "k": "many" } });
    services["gone"] = json!({ "service": "./gone", "args": ["-cl", "LOUD"] });
    services["typo"] = json!({ "service": "echo_requester", "adresses": {}, "config": { "size": "large" } });
    services["fine"] = json!({ "service": "./fine", "environment": { "SERVICE_FRAMEWORK_CONFIG_K": "x" } });
    let place = Place::new(&services).with_script("fine", "echo started");
    fs::write(place.0.path().join("mute"), "#!/bin/sh\necho 'no such command' >&2; exit 3\n").unwrap();
    fs::set_permissions(place.0.path().join("mute"), fs::Permissions::from_mode(0o755)).unwrap();
    let any = json!({ "name": "any", "command": ["true"], "config_model": { "required": { "k": "int" } } });
    fs::write(place.0.path().join("any.json"), any.to_string()).unwrap();
    let ended = place.up().finish();
    let text = ended.text().replace(&place.0.path().display().to_string(), "FOLDER");
    assert_eq!(ended.code, Some(2), "{text}");
    for wanted in [
        "error: replyer: FOLDER/system.json: services.replyer.addresses: in.echo",
        "`ecco` has an address, but no model: was it meant?",
        "error: requester: FOLDER/system.json: services.requester.config: size",
        "error: requester: --m",
        "error: lost: --service_path",
        "did you mean `echo_replyer`?",
        "error: mute: FOLDER/mute: describe --json",
        "no such command",
        "error: any: FOLDER/system.json: services.any.config: k",
        "error: second: FOLDER/system.json: services.second.addresses: in.echo.replyer",
        "tcp://127.0.0.1:7, but `first` binds tcp://*:7 at in.echo.replyer",
        "error: gone: FOLDER/system.json: services.gone.service",
        "error: gone: --console_loglevel",
        "error: typo: FOLDER/system.json: services.typo.adresses",
        "error: typo: FOLDER/system.json: services.typo.config: size",
        "error: fine: SERVICE_FRAMEWORK_CONFIG_K",
        "problems: nothing was started",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
    assert!(!text.contains("starting") && !text.contains("started\n"), "{text}");
}

#[test]
fn a_service_that_fails_ends_all_and_is_named() {
    let mut services = echo_system();
    services["breaks"] = json!({ "service": "./breaks" });
    let ended = Place::new(&services).with_script("breaks", "exit 7").up().finish();
    let text = ended.text();
    assert_eq!(ended.code, Some(7), "{text}");
    assert!(text.contains("the last lines of breaks, which failed first:"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("breaks ") && line.ends_with("failed with exit code 7"))
    );
}

#[test]
fn a_wrong_system_file_starts_nothing() {
    let services = json!({ "a": { "service": "echo_replyer", "adresses": {} }, "b": {} });
    let ended = Place::new(&services).up().finish();
    assert_eq!(ended.code, Some(2));
    let text = ended.text();
    assert!(text.contains("services.a.adresses") && text.contains("did you mean `addresses`?"), "{text}");
    assert!(text.contains("services.b.service"), "{text}");
}

#[test]
fn a_second_signal_ends_all_at_once() {
    let services = json!({ "stubborn": { "service": "./stubborn", "config": { "k": 1 } } });
    let place = Place::new(&services).with_script("stubborn", STUBBORN);
    let mut up = place.up();
    let pid = number(&up.wait_for("here "));
    up.signal(Signal::TERM);
    up.wait_for("once more ends them at once");
    let ended = up.finish_by(Signal::INT);
    assert_eq!(ended.code, Some(130), "{}", ended.text());
    wait_until_gone(&pid);
    assert_eq!(fs::read_dir(place.temporary()).unwrap().count(), 0, "temporary files stay behind");
}

#[test]
fn services_end_when_up_is_killed() {
    let script = "echo \"here $$\"\nexec sleep 600\n";
    let place = Place::new(&json!({ "a": { "service": "./a" } })).with_script("a", script);
    let mut up = place.up();
    let pid = number(&up.wait_for("here "));
    up.signal(Signal::KILL);
    wait_until_gone(&pid);
}

/// A service that never says what its model is, and has started something.
fn silent() -> Place {
    let place =
        Place::new(&json!({ "silent": { "service": "./silent" }, "other": { "service": "./silent" } }));
    let script = "#!/bin/sh\nsleep 600 &\necho $! >> \"$0.pid\"\nwait\n";
    fs::write(place.0.path().join("silent"), script).unwrap();
    fs::set_permissions(place.0.path().join("silent"), fs::Permissions::from_mode(0o755)).unwrap();
    place
}

#[test]
fn a_signal_before_the_start_ends_whatever_was_asked() {
    let place = silent();
    let up = place.up();
    let pid = wait_for_line(&place.0.path().join("silent.pid"));
    let ended = up.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert_eq!(ended.text(), "up | stopped before anything was started");
    wait_until_gone(pid.lines().next().unwrap());
    let pids = fs::read_to_string(place.0.path().join("silent.pid")).unwrap();
    pids.lines().for_each(wait_until_gone);
}

#[test]
fn a_signal_ends_what_describe_has_asked() {
    let place = silent();
    let mut command = launcher();
    let describe = Process::start(command.args(["describe", "-s"]).arg(place.0.path().join("silent")));
    let pid = wait_for_line(&place.0.path().join("silent.pid"));
    let ended = describe.finish_by(Signal::TERM);
    assert_eq!(ended.code, None, "{}", ended.text());
    wait_until_gone(&pid);
}
