//! System files that are right, and those that are not.

use serde_json::json;

use super::*;

fn problems(json: &Json) -> String {
    let system = System::from_json(json, Path::new("/etc"));
    system.all_problems().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn entry(keys: &Json) -> Entry {
    let mut entry = json!({ "service": "sensor" });
    keys.as_object().unwrap().iter().for_each(|(key, value)| entry[key] = value.clone());
    let system = json!({
        "$schema": "../schemas/system.schema.json",
        "services": { "a": entry },
        "addresses": { "readings": "127.0.0.1:5601", "both": ["ipc:///run/a", "ipc:///run/b"] },
    });
    System::from_json(&system, Path::new("/etc")).services.remove(0)
}

#[test]
fn an_entry_may_say_only_its_service() {
    let expected = Entry {
        name: "a".to_owned(),
        service: "sensor".to_owned(),
        addresses: None,
        config: None,
        args: vec![],
        main_mode: false,
        environment: vec![],
        grace: None,
        problems: vec![],
        is_found: true,
    };
    assert_eq!(entry(&json!({})), expected);
}

#[test]
fn paths_are_relative_to_the_file_and_names_are_not() {
    let entry = entry(&json!({ "service": "./../bin/sh:one", "addresses": "passwd", "config": {"k": 1} }));
    assert_eq!(entry.service, "/etc/../bin/sh:one");
    assert_eq!(entry.addresses, Some(Source::File("/etc/passwd".into())));
    assert_eq!(entry.config, Some(Source::Inline(json!({ "k": 1 }))));
}

#[test]
fn shared_addresses_stand_where_their_names_do() {
    let addresses = json!({
        "in": { "x": { "subscriber": "readings" } },
        "out": { "y": { "requester": ["127.0.0.1:1", "both"] }, "z": { "publisher": "tcp://*:9" } },
    });
    let expected = json!({
        "in": { "x": { "subscriber": "127.0.0.1:5601" } },
        "out": {
            "y": { "requester": ["127.0.0.1:1", "ipc:///run/a", "ipc:///run/b"] },
            "z": { "publisher": "tcp://*:9" },
        },
    });
    assert_eq!(entry(&json!({ "addresses": addresses })).addresses, Some(Source::Inline(expected)));
}

#[test]
fn a_grace_is_seconds_or_text() {
    for (grace, seconds) in [(json!(2), 2.0), (json!(0.5), 0.5), (json!("500ms"), 0.5), (json!("1.5m"), 90.0)]
    {
        assert_eq!(entry(&json!({ "grace": grace })).grace, Some(Duration::from_secs_f64(seconds)));
    }
}

#[test]
fn every_problem_is_listed() {
    let system = json!({
        "servces": {},
        "addresses": { "readings": 5601, "a:b": "127.0.0.1:1" },
        "services": {
            "../up": { "service": "x" },
            "none": {},
            "word": "sensor",
            "a": {
                "service": "./no_such_program",
                "addresses": { "in": { "x": { "subscriber": "readngs" } } },
                "config": "no_such_file.json",
                "args": ["--rate", 5],
                "main": true,
                "main_mode": "yes",
                "environment": { "LEVEL": 3 },
                "grace": "soon",
                "replicas": 3,
                "restart": { "policy": "always" },
            },
        },
    });
    insta::assert_snapshot!(problems(&system), @r#"
    servces: expected one of $schema, services, addresses, found unknown key "servces" (did you mean `services`?)
    addresses.readings: expected an address like "127.0.0.1:5601", or a list of them, found 5601
    addresses["a:b"]: expected a name without `:`, found "a:b"
    services.none.service: expected a service: its name or path, found nothing
    services.word: expected a table, found "sensor"
    services["../up"]: expected a name of letters, digits, `_`, `-` and `.`, found "../up"
    services.a.main: expected one of service, addresses, config, args, main_mode, environment, grace, found unknown key "main"
    services.a.replicas: expected one of service, addresses, config, args, main_mode, environment, grace, found unknown key "replicas" (this version does not act on it: it starts each service once, in the order of the file)
    services.a.restart: expected one of service, addresses, config, args, main_mode, environment, grace, found unknown key "restart" (this version does not act on it: it starts each service once, in the order of the file)
    services.a.addresses.in.x.subscriber: expected an address like "127.0.0.1:5601", or a name from the system's `addresses`, found "readngs" (did you mean `readings`?)
    services.a.service: expected a file, by a path relative to the system file, found no file /etc/no_such_program
    services.a.config: expected a file, by a path relative to the system file, found no file /etc/no_such_file.json
    services.a.args[1]: expected a string, found 5 (write it as "5")
    services.a.main_mode: expected true or false, found "yes"
    services.a.environment.LEVEL: expected a string, found 3 (write it as "3")
    services.a.grace: expected a duration: seconds, or text such as "5s", found "soon"
    "#);
}

/// The schema is for editors; it must not call right what we refuse, nor the other way round.
#[test]
fn the_schema_agrees() {
    let schema = serde_json::from_str(include_str!("../../../../../schemas/system.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let with = |keys: Json| {
        let mut entry = json!({ "service": "sensor" });
        keys.as_object().unwrap().iter().for_each(|(key, value)| entry[key] = value.clone());
        json!({ "services": { "a": entry } })
    };
    for system in [
        with(json!({})),
        with(json!({ "addresses": {}, "config": {}, "args": [], "environment": {}, "main_mode": false })),
        with(
            json!({ "addresses": "passwd", "config": "passwd", "args": ["a"], "environment": { "A": "b" } }),
        ),
        with(json!({ "grace": 0 })),
        with(json!({ "grace": "2.5m" })),
        with(json!({ "grace": "3" })),
        with(json!({ "grace": "5e-1s" })),
        with(json!({ "grace": "" })),
        with(json!({ "grace": "-3s" })),
        with(json!({ "grace": "2.5 years" })),
        with(json!({ "grace": -1 })),
        with(json!({ "grace": true })),
        with(json!({ "service": 3 })),
        with(json!({ "addresses": [] })),
        with(json!({ "config": 1 })),
        with(json!({ "args": "a" })),
        with(json!({ "args": [1] })),
        with(json!({ "environment": { "A": 1 } })),
        with(json!({ "main_mode": 1 })),
        with(json!({ "replicas": 2 })),
        with(json!({ "unknown": 2 })),
        json!({ "services": { "a": {} } }),
        json!({ "services": { "a/b": { "service": "x" } } }),
        json!({ "services": { ".a": { "service": "x" } } }),
        json!({ "services": {} }),
        json!({ "services": [] }),
        json!({}),
        json!([]),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "n": "127.0.0.1:1", "m": ["ipc://x"] } }),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "n": "n" } }),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "n": [] } }),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "a:b": "127.0.0.1:1" } }),
        json!({ "services": { "a": { "service": "x" } }, "unknown": 1 }),
    ] {
        let read = System::from_json(&system, Path::new("/etc"));
        let is_read = read.all_problems().next().is_none();
        assert_eq!(schema.is_valid(&system), is_read, "{system}");
    }
}

#[test]
fn a_system_has_services() {
    for (system, problem) in [
        (json!({ "services": {} }), "services: expected at least one service, found none"),
        (json!({ "services": null }), "services: expected a table of services, found nothing"),
        (json!({ "services": 3 }), "services: expected a table, found 3"),
        (json!({}), "services: expected a table of services, found nothing"),
        (json!([]), "expected a table, found a list of 0"),
    ] {
        assert_eq!(problems(&system), problem);
    }
}

#[test]
fn a_file_that_is_no_json_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("system.json");
    let problem =
        |path: &Path| System::load(path).unwrap_err().to_string().replace(&file.display().to_string(), "F");
    assert_eq!(problem(&file), "F: expected a file that can be read, found no such file or directory");
    std::fs::write(&file, "{\n \"services\": {,}}").unwrap();
    assert_eq!(
        problem(&file),
        "F: line 2, column 15: expected a name in double quotes, found `,` (the line is: \"services\": {,}})"
    );
}
