//! The models of the reference services as `describe` prints them: services in other languages rely on every word.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

use serde_json::{Value, json};

/// What `PROGRAM describe --json` prints.
fn describe(program: &str) -> Value {
    let output = Command::new(program).args(["describe", "--json"]).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One end of `echo`.
fn echo(kind: &str) -> Value {
    json!({
        "connection_type": kind,
        "required_arguments": {"payload": "str"},
        "optional_arguments": {"cmd": "str"},
        "required_return_arguments": {"echo": "str"},
    })
}

/// One end of `ticks`.
fn ticks(kind: &str) -> Value {
    json!({"connection_type": kind, "required_arguments": {"seq": "int", "payload": "str"}})
}

/// One end of `rich`.
fn rich(kind: &str) -> Value {
    json!({
        "connection_type": kind,
        "required_arguments": {
            "price": "Decimal",
            "id": "UUID",
            "tags": ["set", "str"],
            "blob": "bytes",
            "book": ["map", "Decimal", "Decimal"],
        },
        "required_return_arguments": {"price": "Decimal", "id": "UUID", "tags": ["set", "str"], "blob": "bytes"},
    })
}

/// An in connection, which also names its handler.
fn handled(mut model: Value, handler: &str) -> Value {
    model["required_creation_arguments"] = json!({"connection_function": handler});
    model
}

#[test]
fn the_echo_services() {
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_echo_replyer")),
        json!({
            "name": "echo_replyer",
            "version": "1.0.0",
            "main": false,
            "config_model": {"optional": {"delay": "float"}, "defaults": {"delay": 1.0}},
            "connection_models": {"in": {"echo": handled(echo("replyer"), "echo")}},
        })
    );
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_echo_requester")),
        json!({
            "name": "echo_requester",
            "version": "1.0.0",
            "main": true,
            "config_model": {"required": {"size": "int"}, "optional": {"n": "int"}, "defaults": {"n": 5000}},
            "connection_models": {"out": {"echo": echo("requester")}},
        })
    );
    let mid = json!({
        "connection_type": "replyer",
        "required_arguments": {"payload": "str"},
        "required_return_arguments": {"echo": "str"},
    });
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_middle")),
        json!({
            "name": "middle",
            "version": "1.0.0",
            "main": false,
            "connection_models": {"in": {"mid": handled(mid, "mid")}, "out": {"echo": echo("requester")}},
        })
    );
}

#[test]
fn the_tick_services() {
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_tick_publisher")),
        json!({
            "name": "tick_publisher",
            "version": "1.0.0",
            "main": true,
            "config_model": {
                "optional": {"n": "int", "rate": "float", "topic": "str", "x": "bool"},
                "defaults": {"n": 20000, "rate": 0.0, "x": false},
            },
            "connection_models": {"out": {"ticks": ticks("publisher")}},
        })
    );
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_tick_subscriber")),
        json!({
            "name": "tick_subscriber",
            "version": "1.0.0",
            "main": false,
            "config_model": {"optional": {"topic": "str", "binder": "bool"}, "defaults": {"binder": false}},
            "connection_models": {"in": {"ticks": handled(ticks("subscriber"), "ticks")}},
        })
    );
}

#[test]
fn the_rich_services() {
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_rich_replyer")),
        json!({
            "name": "rich_replyer",
            "version": "1.0.0",
            "main": false,
            "connection_models": {"in": {"rich": handled(rich("replyer"), "rich")}},
        })
    );
    assert_eq!(
        describe(env!("CARGO_BIN_EXE_rich_requester")),
        json!({
            "name": "rich_requester",
            "version": "1.0.0",
            "main": true,
            "config_model": {"optional": {"badkeys": "bool"}, "defaults": {"badkeys": false}},
            "connection_models": {"out": {"rich": rich("requester")}},
        })
    );
}
