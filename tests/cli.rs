//! What the launcher prints and finds: help, describe, check, completions, services by name and by path.

use serde_json::json;

use crate::folder::{Folder, LAUNCHER, desk, json};

#[test]
fn help_explains_and_h_reminds() {
    let folder = Folder::new();
    let (long, short) = (folder.launch("--help"), folder.launch("-h"));
    assert_eq!((long.code, short.code), (Some(0), Some(0)));
    assert!(long.stdout.contains("Examples:") && !short.stdout.contains("Examples:"));
    assert!(
        long.stdout.contains("service_framework -s order_desk -a addresses/desk.json"),
        "{}",
        long.stdout
    );
    for command in ["new", "describe", "check", "up", "state", "store", "completions"] {
        let help = folder.launch(&format!("{command} --help"));
        assert!(help.stdout.contains("Examples:"), "{command}");
        assert_eq!(help, folder.launch(&format!("help {command}")));
    }
    let group = folder.launch("program --help");
    assert_eq!(group, folder.launch("help program"));
    assert!(group.stdout.contains("\n  check         Find every problem of a spec.\n"), "{}", group.stdout);
    for command in ["program check", "program graph"] {
        let help = folder.launch(&format!("{command} --help"));
        assert!(help.stdout.contains(&format!("Usage: service_framework {command} [")), "{}", help.stdout);
        assert!(help.stdout.contains("Examples:"), "{command}");
    }
    assert_eq!(
        folder.launch("--version").stdout,
        format!("service_framework {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_of_a_service_lists_its_config() {
    let folder = Folder::new();
    let help = folder.launch(&format!("-s {}:desk -h", desk().display()));
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("  --symbol  str, required\n  --delay   float [1.0]\n"), "{}", help.stdout);
}

#[test]
fn a_model_is_described_wherever_it_is() {
    let folder = Folder::new();
    let by_path = folder.launch(&format!("describe -s {}:desk", desk().display()));
    assert_eq!((by_path.code, by_path.stderr.as_str()), (Some(0), ""));
    let model = json(&by_path.stdout);
    assert_eq!(model["name"], "desk");
    assert_eq!(
        model["connection_models"]["in"]["cancel"]["required_return_arguments"],
        json!({"done": "bool"})
    );

    let by_name = folder
        .command(LAUNCHER)
        .args(["describe", "-s", "desk:desk", "--json"])
        .env("SERVICE_FRAMEWORK_PATH", desk().parent().unwrap())
        .output();
    assert_eq!(folder.ended(by_name.unwrap()), by_path);

    let mut with_command = model.clone();
    with_command["command"] = json!(["./desk.py"]);
    let folder = folder.with("desk.json", with_command.clone());
    assert_eq!(json(&folder.launch("describe -s ./desk.json").stdout), with_command);
}

#[test]
fn check_tells_what_a_start_would_find() {
    let folder = Folder::new()
        .with("right.json", json!({"in": {"cancel": {"replyer": "127.0.0.1:8001"}}}))
        .with("wrong.json", json!({"in": {"cancle": {"replyer": "127.0.0.1:8001"}}}));
    let check = |line: &str| folder.launch(&format!("check -s {}:desk {line}", desk().display()));
    let right = check("-a right.json --symbol BTC");
    assert_eq!((right.code, right.stdout.as_str()), (Some(0), "ok: desk can start\n"));

    let wrong = check("-a wrong.json --delay soon --json");
    assert_eq!(wrong.code, Some(2));
    let report = json(&wrong.stdout);
    let paths: Vec<_> =
        report["problems"].as_array().unwrap().iter().map(|problem| &problem["path"]).collect();
    assert_eq!(paths, ["--delay", "config.symbol", "in.cancel"]);
}

#[test]
fn check_compares_two_services() {
    let client = json!({
        "name": "client",
        "command": ["./client.py"],
        "connection_models": {"out": {"orders": {
            "connection_type": "requester",
            "required_arguments": {"order": "int"},
            "required_return_arguments": {"done": "bool"},
        }}},
    });
    let addresses = json!({
        "in": {"cancel": {"replyer": "*:8001"}},
        "out": {"orders": {"requester": "10.0.0.7:8001"}},
    });
    let folder =
        Folder::new().with("client.json", client).with("a.json", addresses).with_program("client.py");
    let ended = folder.launch(&format!("check -s ./client.json -a a.json --with {}:desk", desk().display()));
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.stdout, @r"
    warning: a.json: `client` has no model of in.cancel
    compared: out.orders with in.cancel
    error: client with desk: connection_models.out.orders.required_arguments.order
      expected  no such argument, as the replyer takes none
      found     int, which this end sends
    error: client with desk: connection_models.out.orders.required_arguments.order_id
      expected  str, which the replyer requires
      found     nothing, as this end does not send it
    2 problems: client would not start
    ");
}

#[test]
fn what_cannot_be_written_is_a_failure_and_a_reader_that_has_gone_is_none() {
    let model = json!({"name": "any", "command": ["true"]});
    let system = json!({"services": {"any": {"service": "./any.json"}}});
    let folder = Folder::new().with("any.json", model).with("system.json", system);
    for line in [
        "--help",
        "--version",
        "describe -s ./any.json",
        "check -s ./any.json",
        "completions bash",
        "up system.json --seconds 0",
    ] {
        let run = |out: &str| {
            let script = format!("{LAUNCHER} {line} {out}");
            let output = folder.command("/bin/sh").args(["-c", &script]).output().unwrap();
            folder.ended(output)
        };
        let full = run("> /dev/full");
        assert_eq!(full.code, Some(1), "{line}: {full:?}");
        assert!(
            full.stderr.contains("stdout cannot be written: no space left on device"),
            "{line}: {full:?}"
        );
        let gone = run("2> err | true; cat err");
        assert!(!gone.stdout.contains("stdout"), "{line}: {gone:?}");
    }
}

#[test]
fn completions_are_scripts() {
    let folder = Folder::new();
    let bash = folder.launch("completions bash");
    assert_eq!(bash.code, Some(0));
    assert!(bash.stdout.contains("complete -F"), "{}", bash.stdout);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::new();
    let mut child =
        folder.command(LAUNCHER).arg("--help").stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn whoever_has_closed_standard_error_stops_nothing() {
    let folder = Folder::new();
    for line in
        ["store info none.db --bad", "program list --store none.db", "flow show none", "up none.json", "none"]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = folder.command(LAUNCHER);
        let status = command.args(line.split(' ')).stderr(writer).status().unwrap();
        let heard = folder.launch(line);
        assert_eq!(status.code(), heard.code, "{line}");
        assert!(!heard.stderr.is_empty(), "{line}");
    }
}
