//! Twenty inputs that are wrong, each told so that a stranger can repair it: exit code 2, nothing on stdout, no
//! socket opened.

use serde_json::{Value as Json, json};

use crate::folder::{Folder, LAUNCHER};
use crate::support::Process;

/// The model of a desk that answers `cancel` and asks `venue`.
fn model() -> Json {
    json!({
        "name": "desk",
        "command": ["./desk.py"],
        "config_model": {
            "required": {"symbol": "str"},
            "optional": {"patience": "timedelta", "levels": ["list", "int"]},
        },
        "connection_models": {
            "in": {"cancel": {"connection_type": "replyer", "required_arguments": {"order_id": "str"}}},
            "out": {"venue": {"connection_type": "requester"}},
        },
    })
}

/// Right addresses; the bind would leave a file behind.
fn addresses(folder: &Folder) -> Json {
    let socket = format!("ipc://{}", folder.path("socket").display());
    json!({
        "connections": {
            "in": {"cancel": {"replyer": socket}},
            "out": {"venue": {"requester": "127.0.0.1:9000"}},
        }
    })
}

/// What is said if everything is right but for `change`.
fn said(change: impl FnOnce(Folder, &mut Json, &mut Json) -> Folder, line: &str) -> String {
    let folder = Folder::new();
    let (mut model, mut addresses) = (model(), addresses(&folder));
    let folder = change(folder, &mut model, &mut addresses);
    let write_missing = |folder: Folder, name: &str, content: Json| {
        if folder.path(name).exists() { folder } else { folder.with(name, content) }
    };
    let folder = write_missing(folder, "desk.json", model);
    let folder = write_missing(folder, "a.json", addresses).with_program("desk.py");
    let ended = folder.launch(line);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(!folder.path("socket").exists(), "a socket was opened");
    ended.stderr
}

const START: &str = "-s ./desk.json -a a.json --symbol BTC";

fn wrong_addresses(change: impl FnOnce(&mut Json)) -> String {
    said(
        |folder, _, addresses| {
            change(&mut addresses["connections"]);
            folder
        },
        START,
    )
}

fn wrong_model(change: impl FnOnce(&mut Json)) -> String {
    said(
        |folder, model, _| {
            change(model);
            folder
        },
        START,
    )
}

fn wrong_config(content: &str) -> String {
    said(|folder, _, _| folder.with("c.json", content), "-s ./desk.json -a a.json -c c.json")
}

fn wrong_line(line: &str) -> String {
    said(|folder, _, _| folder, line)
}

#[test]
fn right_ones_start_but_for_their_command() {
    let folder = Folder::new();
    let right = addresses(&folder);
    let folder = folder.with("desk.json", model()).with("a.json", right).with_program("desk.py");
    assert_eq!(folder.launch("check -s ./desk.json -a a.json --symbol BTC").code, Some(0));
    let flags =
        "-cl DEBUG --log_format json -l logs -f debug -bc 3 -wt 0.1 --grace 2s --bind-all --color never";
    assert_eq!(folder.launch(&format!("check {START} {flags}")).code, Some(0));
    assert!(!folder.path("logs").exists(), "a check leaves something behind");
}

#[test]
fn a01_an_address_that_is_none() {
    insta::assert_snapshot!(wrong_addresses(|at| at["in"]["cancel"]["replyer"] = json!("256.128.65.1:9000")), @r#"
    error: a.json: connections.in.cancel.replyer
      expected  an address: host:port, tcp://host:port, ipc://path or inproc://name
      found     "256.128.65.1:9000": `256.128.65.1` is no IPv4 address
      hint      four numbers from 0 to 255, as in 127.0.0.1
    1 problem: nothing was started
    "#);
}

#[test]
fn a02_a_misspelt_name() {
    insta::assert_snapshot!(
        wrong_addresses(|at| {
            let venue = at["out"].as_object_mut().unwrap().remove("venue").unwrap();
            at["out"]["vennue"] = venue;
        }),
        @r"
    error: a.json: connections.out.venue
      expected  the address of the out connection `venue`
      found     nothing
      hint      `vennue` has an address, but no model: was it meant?
    1 problem: nothing was started
    "
    );
}

#[test]
fn a03_a_socket_of_another_type() {
    insta::assert_snapshot!(wrong_addresses(|at| at["out"]["venue"] = json!({"replyer": "127.0.0.1:1"})), @r"
    error: a.json: connections.out.venue
      expected  the socket `requester` with its address
      found     `replyer`
      hint      the name of a socket is the type of its connection
    1 problem: nothing was started
    ");
}

#[test]
fn a04_a_list_where_a_socket_binds() {
    insta::assert_snapshot!(wrong_addresses(|at| at["in"]["cancel"]["replyer"] = json!(["*:1", "*:2"])), @r"
    error: a.json: connections.in.cancel.replyer
      expected  one address, since this socket binds
      found     a list of 2
    1 problem: nothing was started
    ");
}

#[test]
fn a05_a_path_that_the_system_cannot_bind() {
    let long = format!("ipc:///tmp/{}", "x".repeat(120));
    insta::assert_snapshot!(wrong_addresses(|at| at["in"]["cancel"]["replyer"] = json!(long)), @r#"
    error: a.json: connections.in.cancel.replyer
      expected  an address: host:port, tcp://host:port, ipc://path or inproc://name
      found     "ipc:///tmp/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": its path has 125 bytes
      hint      at most 107 bytes are allowed by the operating system
    1 problem: nothing was started
    "#);
}

#[test]
fn a06_addresses_that_are_no_json() {
    insta::assert_snapshot!(
        said(|folder, _, _| folder.with("a.json", "{\n  \"in\": {\n    \"cancel\": {\"replyer\": \"127.0.0.1:1\"},\n  }\n}"), START),
        @r#"
    error: a.json: line 4, column 3
      expected  one more entry behind the comma, or no comma
      found     `}`
      hint      the line is: "cancel": {"replyer": "127.0.0.1:1"},
    1 problem: nothing was started
    "#
    );
}

#[test]
fn a07_no_addresses() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json --symbol BTC"), @r"
    error: connections.in.cancel
      expected  the address of the in connection `cancel`
      found     nothing
      hint      no addresses file was given: -a ADDRESSES
    error: connections.out.venue
      expected  the address of the out connection `venue`
      found     nothing
      hint      no addresses file was given: -a ADDRESSES
    2 problems: nothing was started
    ");
}

#[test]
fn a08_a_file_that_is_not_there() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -a adresses.json --symbol BTC"), @r"
    error: adresses.json
      expected  a file that can be read
      found     no such file or directory
    1 problem: nothing was started
    ");
}

#[test]
fn b01_a_required_key_that_nobody_gives() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -a a.json"), @r"
    error: config.symbol
      expected  str
      found     nothing
      hint      give it as `--symbol VALUE`, as SERVICE_FRAMEWORK_CONFIG_SYMBOL or in the config file
    1 problem: nothing was started
    ");
}

#[test]
fn b02_values_of_other_types() {
    insta::assert_snapshot!(wrong_config(r#"{"symbol": 5, "optional": {"levels": [1, "two"]}}"#), @r#"
    error: c.json: symbol
      expected  str
      found     int 5
    error: c.json: optional.levels[1]
      expected  int
      found     str "two"
    2 problems: nothing was started
    "#);
}

#[test]
fn b03_a_key_that_is_not_declared() {
    insta::assert_snapshot!(wrong_config(r#"{"symbol": "BTC", "patiense": "PT5S"}"#), @r"
    error: c.json: patiense
      expected  a key of the config model: symbol, patience, levels
      found     an unknown key
      hint      did you mean `patience`?
    1 problem: nothing was started
    ");
}

#[test]
fn b04_a_key_that_stands_twice() {
    insta::assert_snapshot!(wrong_config("{\"symbol\": \"BTC\",\n \"symbol\": \"ETH\"}"), @r#"
    error: c.json: line 2, column 9
      expected  each name once in an object
      found     the name "symbol" once more
      hint      the line is: "symbol": "ETH"}
    1 problem: nothing was started
    "#);
}

#[test]
fn b05_a_text_that_is_no_duration() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -a a.json --symbol BTC --patience soon"), @r#"
    error: --patience
      expected  timedelta
      found     "soon"
      hint      such as 5s, 500ms, 2m, 1h, 1d or PT1.5S
    1 problem: nothing was started
    "#);
}

#[test]
fn c01_a_connection_type_that_is_none() {
    insta::assert_snapshot!(
        wrong_model(|model| model["connection_models"]["in"]["cancel"]["connection_type"] = json!("replier")),
        @r#"
    error: ./desk.json: connection_models.in.cancel.connection_type
      expected  one of replyer, subscriber
      found     "replier"
      hint      did you mean `replyer`?
    1 problem: nothing was started
    "#
    );
}

#[test]
fn c02_a_type_that_is_none() {
    insta::assert_snapshot!(
        wrong_model(|model| {
            model["connection_models"]["in"]["cancel"]["required_arguments"]["order_id"] = json!("string");
        }),
        @r#"
    error: ./desk.json: connection_models.in.cancel.required_arguments.order_id
      expected  a type
      found     "string"
      hint      did you mean `str`?
    1 problem: nothing was started
    "#
    );
}

#[test]
fn c03_a_table_that_is_misspelt() {
    insta::assert_snapshot!(
        wrong_model(|model| model["connection_models"]["out"]["venue"]["requird_arguments"] = json!({})),
        @r#"
    error: ./desk.json: connection_models.out.venue.requird_arguments
      expected  one of connection_type, required_creation_arguments, optional_creation_arguments, required_connection_arguments, optional_connection_arguments, required_arguments, optional_arguments, required_return_arguments, optional_return_arguments
      found     unknown key "requird_arguments"
      hint      did you mean `required_arguments`?
    1 problem: nothing was started
    "#
    );
}

#[test]
fn c04_a_service_without_a_command() {
    insta::assert_snapshot!(wrong_model(|model| drop(model.as_object_mut().unwrap().remove("command"))), @r#"
    error: ./desk.json: command
      expected  the program that runs the handlers and its arguments
      found     nothing
      hint      for instance ["python3", "desk.py"], which is run in the folder of the file
    1 problem: nothing was started
    "#);
}

#[test]
fn c05_a_command_that_is_not_there() {
    insta::assert_snapshot!(wrong_model(|model| model["command"] = json!(["./desc.py"])), @r#"
    error: ./desk.json: command[0]
      expected  a program that can be started
      found     "./desc.py", which is FOLDER/desc.py: no such file or directory
      hint      a relative path is looked up from the folder of the model
    1 problem: nothing was started
    "#);
    let bare = wrong_model(|model| model["command"] = json!(["desk.json"]));
    let folders = std::env::var("PATH").unwrap().replace(':', ", ");
    insta::assert_snapshot!(bare.replace(&folders, "FOLDERS"), @r#"
    error: ./desk.json: command[0]
      expected  a program that can be started
      found     "desk.json", which is in no folder of PATH: FOLDERS
      hint      a program beside the model has a slash: ./desk.json
    1 problem: nothing was started
    "#);
}

#[test]
fn c06_a_command_that_may_not_be_executed() {
    insta::assert_snapshot!(wrong_model(|model| model["command"] = json!(["./a.json"])), @r#"
    error: ./desk.json: command[0]
      expected  a program that can be started
      found     "./a.json", which is FOLDER/a.json: a file that may not be executed
      hint      chmod +x FOLDER/a.json
    1 problem: nothing was started
    "#);
}

#[test]
fn a09_a_host_that_nobody_knows() {
    let text = wrong_addresses(|at| at["in"]["cancel"]["replyer"] = json!("desk.invalid:9000"));
    let told = "error: a.json: connections.in.cancel.replyer\n  expected  a host of this machine to bind\n  found     \
                the host `desk.invalid`, which cannot be resolved: ";
    assert!(text.starts_with(told), "{text}");
    let folder = Folder::new();
    let mut right = addresses(&folder);
    right["connections"]["out"]["venue"]["requester"] = json!("venue.invalid:9000");
    let folder = folder.with("desk.json", model()).with("a.json", right).with_program("desk.py");
    let checked = folder.launch(&format!("check {START}"));
    let warning =
        "warning: a.json: connections.out.venue.requester: the host `venue.invalid` cannot be resolved now";
    assert!(checked.code == Some(0) && checked.stdout.starts_with(warning), "{checked:?}");
    // The command ends at once, which is of no matter here.
    let mut service = Process::start(folder.command(LAUNCHER).args(START.split_whitespace()));
    service.wait_for("the host `venue.invalid` cannot be resolved now");
}

#[test]
fn d01_a_service_that_nobody_knows() {
    insta::assert_snapshot!(wrong_line("-s ./dask.json -a a.json --symbol BTC"), @r#"
    error: --service_path
      expected  the path of a program, PROGRAM:NAME, or the path of a .json service
      found     "./dask.json", no such file or directory
      hint      did you mean `./desk.json`?
    1 problem: nothing was started
    "#);
}

#[test]
fn d02_a_key_without_a_value() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -a a.json --symbol BTC --patience"), @r"
    error: --patience
      expected  a value behind this config key
      found     the end of the line
      hint      write `--patience VALUE` or `--patience=VALUE`
    1 problem: nothing was started
    ");
}

#[test]
fn d03_a_misspelt_flag() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json --adresses_path a.json --symbol BTC"), @r"
    error: --adresses_path
      expected  a key of the config model: symbol, patience, levels
      found     an unknown key
      hint      did you mean the flag `--addresses_path`?
    error: connections.in.cancel
      expected  the address of the in connection `cancel`
      found     nothing
      hint      no addresses file was given: -a ADDRESSES
    error: connections.out.venue
      expected  the address of the out connection `venue`
      found     nothing
      hint      no addresses file was given: -a ADDRESSES
    3 problems: nothing was started
    ");
}

#[test]
fn d04_flags_with_wrong_values() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -cl LOUD --bind_all=yes"), @r#"
    error: --bind_all
      expected  no value: it is a switch
      found     the value "yes"
    error: --console_loglevel
      expected  DEBUG, INFO, WARNING, ERROR, CRITICAL, TRACE or OFF
      found     "LOUD"
    2 problems: nothing was started
    "#);
}

#[test]
fn d05_a_main_mode_that_cannot_be() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -a a.json --symbol BTC -m"), @r"
    error: main
      expected  a main function, for main mode was asked for (-m)
      found     none
      hint      leave -m out, or give the service a `main`
    error: connection_models.in.cancel
      expected  no in connection in main mode (-m)
      found     one
      hint      leave -m out: a service that is called does not lead
    2 problems: nothing was started
    ");
}

#[test]
fn d06_a_log_folder_that_cannot_be() {
    insta::assert_snapshot!(wrong_line("-s ./desk.json -a a.json -l a.json"), @r#"
    error: --log_folder
      expected  a folder that this process can write
      found     "a.json": it is no folder
    error: config.symbol
      expected  str
      found     nothing
      hint      give it as `--symbol VALUE`, as SERVICE_FRAMEWORK_CONFIG_SYMBOL or in the config file
    2 problems: nothing was started
    "#);
    let folder = Folder::new();
    let right = addresses(&folder);
    let folder = folder.with("desk.json", model()).with("a.json", right);
    let checked = folder.launch(&format!("check {START} -l a.json -cl LOUD"));
    assert_eq!(checked.code, Some(2));
    assert!(checked.stderr.contains("--console_loglevel"), "{}", checked.stderr);
    let checked = folder.launch(&format!("check {START} -l a.json"));
    assert!(checked.stdout.contains("\"a.json\": it is no folder"), "{}", checked.stdout);
}

#[test]
fn e01_everything_at_once() {
    insta::assert_snapshot!(
        said(
            |folder, _, addresses| {
                addresses["connections"]["out"] = json!({});
                folder.with("c.json", r#"{"levels": "many"}"#)
            },
            "-s ./desk.json -a a.json -c c.json --patienc 5s",
        ),
        @r#"
    error: c.json: levels
      expected  ["list","int"]
      found     str "many"
      hint      JSON, such as [1, 2]
    error: --patienc
      expected  a key of the config model: symbol, patience, levels
      found     an unknown key
      hint      did you mean `--patience`?
    error: config.symbol
      expected  str
      found     nothing
      hint      give it as `--symbol VALUE`, as SERVICE_FRAMEWORK_CONFIG_SYMBOL or in the config file
    error: a.json: connections.out.venue
      expected  the address of the out connection `venue`
      found     nothing
    4 problems: nothing was started
    "#
    );
}
