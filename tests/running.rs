//! Services from start to end: where config comes from, what is logged where, and how signals end them.

use rustix::process::Signal;
use serde_json::json;

use crate::folder::{Folder, LAUNCHER, desk, json};
use crate::support::Process;

/// The launcher with `-s PROGRAM:SERVICE` and a line of arguments.
fn service(folder: &Folder, service: &str, line: &str) -> std::process::Command {
    let mut command = folder.command(LAUNCHER);
    command.args(["-s", &format!("{}:{service}", desk().display())]).args(line.split_whitespace());
    command
}

#[test]
fn config_comes_from_four_places() {
    let folder = Folder::new()
        .with("flat.json", json!({"symbol": "file", "delay": 2}))
        .with("parted.json", json!({"required": {"symbol": "file"}, "optional": {"delay": 2}}));
    let printed = |line: &str, environment: &[(&str, &str)]| {
        let output = service(&folder, "probe", line).envs(environment.iter().copied()).output().unwrap();
        let ended = folder.ended(output);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        json(&ended.stdout)
    };
    let symbol = ("SERVICE_FRAMEWORK_CONFIG_SYMBOL", "environment");
    assert_eq!(printed("-m --symbol line", &[]), json!({"delay": 1.0, "stuck": false, "symbol": "line"}));
    assert_eq!(printed("-c flat.json -m", &[])["delay"], 2.0);
    assert_eq!(printed("-c parted.json -m", &[])["symbol"], "file");
    assert_eq!(printed("-c flat.json -m", &[symbol])["symbol"], "environment");
    assert_eq!(printed("-c flat.json -m -symbol line", &[symbol])["symbol"], "line");
    assert_eq!(printed("-m --symbol=- --delay -5", &[])["delay"], -5.0);
}

#[test]
fn logs_go_to_stderr_and_to_files() {
    let folder = Folder::new();
    let line = "-m --symbol x --log_format json -cl DEBUG -l logs -f ERROR";
    let ended = folder.ended(service(&folder, "probe", line).output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().map(json).collect();
    let printing = lines.iter().find(|line| line["message"] == "printing").unwrap();
    assert_eq!(printing["service"], "probe");
    assert_eq!(printing["level"], "INFO");
    let files: Vec<_> = std::fs::read_dir(folder.path("logs")).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1);
    assert!(files[0].file_name().to_str().unwrap().starts_with("probe.log."));
    assert_eq!(std::fs::read_to_string(files[0].path()).unwrap(), "", "only errors were asked for");
}

/// A desk that is ready to answer.
fn running_desk(folder: &Folder, line: &str) -> Process {
    let mut desk = Process::start(&mut service(folder, "desk", &format!("-a a.json --symbol x {line}")));
    desk.wait_for("ready");
    desk
}

#[test]
fn a_panic_is_a_log_line() {
    let folder = Folder::new();
    let ended =
        folder.ended(service(&folder, "probe", "-m --symbol PANIC --log_format json").output().unwrap());
    assert_eq!(ended.code, Some(1));
    let lines: Vec<_> = ended.stderr.lines().map(json).collect();
    let panic = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("panic: ")).unwrap();
    assert!(panic["fields"]["place"].as_str().unwrap().contains("desk.rs"), "{panic}");
}

fn with_addresses() -> Folder {
    let folder = Folder::new();
    let socket = format!("ipc://{}", folder.path("cancel").display());
    folder.with("a.json", json!({"in": {"cancel": {"replyer": socket}}}))
}

#[test]
fn a_signal_ends_a_service_as_asked() {
    let folder = with_addresses();
    for signal in [Signal::INT, Signal::TERM] {
        let finished = running_desk(&folder, "").finish_by(signal);
        assert_eq!(finished.code, Some(0), "{}", finished.text());
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = with_addresses();
    let mut desk = running_desk(&folder, "--stuck true");
    desk.signal(Signal::INT);
    desk.wait_for("stopping");
    assert_eq!(desk.finish_by(Signal::TERM).code, Some(128 + 15));
}

#[test]
fn a_grace_period_that_runs_out_is_a_failure() {
    let folder = Folder::new();
    let mut probe = Process::start(&mut service(&folder, "probe", "-m --symbol x --stuck true --grace 50ms"));
    probe.wait_for("symbol");
    let finished = probe.finish_by(Signal::TERM);
    assert_eq!(finished.code, Some(1), "{}", finished.text());
    assert!(finished.text().contains("ERROR"), "{}", finished.text());
}

#[test]
fn a_bind_that_fails_is_a_failure() {
    let folder = with_addresses();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder
        .with("a.json", json!({"in": {"cancel": {"replyer": taken.local_addr().unwrap().to_string()}}}));
    let ended = folder.ended(service(&folder, "desk", "-a a.json --symbol x").output().unwrap());
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cancel") && ended.stderr.contains("in use"), "{}", ended.stderr);
}

#[test]
fn a_service_in_any_language_runs_beside_its_file() {
    let model = json!({
        "name": "probe",
        "main": true,
        "command": ["sh", "probe.sh"],
        "config_model": {"required": {"symbol": "str"}},
    });
    // It answers the calls of `init_function` and of `main`; its stderr is logged.
    let script = [
        "read start; read init",
        "echo '{\"reply\": 1, \"return_args\": null}'",
        "read main; echo \"$main in $PWD\" >&2",
        "echo '{\"reply\": 2, \"return_args\": null}'",
        "cat > /dev/null",
    ];
    let folder = Folder::new();
    std::fs::create_dir(folder.path("inner")).unwrap();
    let folder = folder.with("inner/probe.json", model).with("inner/probe.sh", script.join("\n"));
    let ended = folder.launch("-s inner/probe.json -m --symbol x");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("FOLDER/inner"), "{}", ended.stderr);
}
