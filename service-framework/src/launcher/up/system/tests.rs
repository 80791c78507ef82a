//! System files that are right, and those that are not.

use serde_json::json;

use super::*;
use crate::model::{ConnectionModel, ServiceModel, StateModel, Type};

/// As a file in /etc.
fn read(json: &Json) -> System {
    let mut json = json.clone();
    layers::from_root(&mut json, Path::new("/etc"));
    System::from_json(&json)
}

fn problems(json: &Json) -> String {
    let system = read(json);
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
    read(&system).services.remove(0)
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
        replicas: 1,
        depends_on: vec![],
        restart: Restart::default(),
        grace: None,
        build: vec![],
        watch: vec![],
        problems: vec![],
        is_found: true,
    };
    assert_eq!(entry(&json!({})), expected);
}

#[test]
fn paths_are_relative_to_the_file_and_names_are_not() {
    let entry = entry(&json!({
        "service": "./../bin/sh:one", "addresses": "passwd", "config": { "k": 1 }, "watch": ["passwd"],
    }));
    assert_eq!(entry.watch, ["/etc/passwd"].map(PathBuf::from));
    assert_eq!(entry.service, "/etc/../bin/sh:one");
    assert_eq!(entry.addresses, Some(Source::File("/etc/passwd".into())));
    assert_eq!(entry.config, Some(Source::Inline(json!({ "k": 1 }))));
}

#[test]
fn what_is_built_is_built_of_something() {
    let built = entry(&json!({ "build": ["make", "stock"] }));
    assert_eq!(
        built.problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(),
        ["services.a.watch"]
    );
}

#[test]
fn what_is_said_of_a_cluster_has_paths_and_no_names_of_addresses() {
    let out = json!({ "y": { "requester": "cluster://desk/cancel" } });
    let cluster = |keys: &str, data: &str| json!({ "name": "shop", "keys": keys, "data": data });
    let given = json!({ "cluster": cluster("cluster.keys", "./node"), "out": out });
    let expected = json!({ "cluster": cluster("/etc/cluster.keys", "/etc/node"), "out": out });
    let entry = entry(&json!({ "addresses": given }));
    assert_eq!((entry.addresses, entry.problems), (Some(Source::Inline(expected)), vec![]));
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
                "replicas": 0,
                "depends_on": ["words", "a", 7],
                "restart": { "policy": "sometimes", "backof": 1, "give_up_after": -1 },
            },
        },
    });
    insta::assert_snapshot!(problems(&system), @r#"
    servces: expected one of $schema, name, services, addresses, found unknown key "servces" (did you mean `services`?)
    addresses.readings: expected an address like "127.0.0.1:5601", or a list of them, found 5601
    addresses["a:b"]: expected a name without `:`, found "a:b"
    services.none.service: expected a service: its name or path, found nothing
    services.word: expected a table, found "sensor"
    services.a.depends_on[0]: expected a service of this system: ../up, a, found "words"
    services.a.depends_on: expected services that do not wait for each other, found a → a
    services["../up"]: expected a name of letters, digits, `_`, `-` and `.`, found "../up"
    services.a.main: expected one of service, addresses, config, args, main_mode, environment, replicas, depends_on, restart, grace, build, watch, found unknown key "main"
    services.a.addresses.in.x.subscriber: expected an address like "127.0.0.1:5601", "free", a name from the system's `addresses`, or the other end: SERVICE.CONNECTION, found "readngs" (did you mean `readings`?)
    services.a.service: expected a file, by a path relative to the system file, found no file /etc/no_such_program
    services.a.config: expected a file, by a path relative to the system file, found no file /etc/no_such_file.json
    services.a.args[1]: expected a string, found 5 (write it as "5")
    services.a.main_mode: expected true or false, found "yes"
    services.a.environment.LEVEL: expected a string, found 3 (write it as "3")
    services.a.replicas: expected a whole number from 1 to 1000, found 0
    services.a.depends_on[2]: expected a string, found 7 (write it as "7")
    services.a.restart.backof: expected one of policy, backoff, max_backoff, give_up_after, found unknown key "backof" (did you mean `backoff`?)
    services.a.restart.policy: expected "never", "on-failure" or "always", found "sometimes"
    services.a.restart.give_up_after: expected a whole number, 0 or more, found -1
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
        with(json!({ "replicas": "3" })),
        with(json!({ "replicas": 0 })),
        with(json!({ "replicas": 1001 })),
        with(json!({ "replicas": "many" })),
        with(json!({ "main_mode": "true" })),
        with(json!({ "main_mode": "yes" })),
        with(json!({ "depends_on": [] })),
        with(json!({ "depends_on": "a" })),
        with(json!({ "restart": {} })),
        with(
            json!({ "restart": { "policy": "always", "backoff": 1, "max_backoff": "2s", "give_up_after": 3 } }),
        ),
        with(json!({ "restart": { "policy": "maybe" } })),
        with(json!({ "restart": { "give_up_after": -1 } })),
        with(json!({ "restart": { "often": true } })),
        with(json!({ "restart": "always" })),
        json!({ "name": "shop", "services": { "a": { "service": "x" } } }),
        json!({ "name": "a/b", "services": { "a": { "service": "x" } } }),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "a.b": "free", "a.c": ["free", "a.b"] } }),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "a.b": { "publisher": "free" } } }),
        json!({ "services": { "a": { "service": "x" } }, "addresses": { "a.b": 7 } }),
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
        let read = read(&system);
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
    let problem = |path: &Path| {
        let system = System::load(&[path.to_owned()]);
        assert_eq!(system.problems.len(), 1, "{:?}", system.problems);
        system.problems[0].to_string().replace(&file.display().to_string(), "F")
    };
    assert_eq!(problem(&file), "F: expected a file that can be read, found no such file or directory");
    std::fs::write(&file, "{\n \"services\": {,}}").unwrap();
    assert_eq!(
        problem(&file),
        "F: line 2, column 15: expected a name in double quotes, found `,` (the line is: \"services\": {,}})"
    );
}

#[test]
fn a_system_has_its_name_from_its_file_or_its_folder() {
    for (path, name) in
        [("/x/shop/system.json", "shop"), ("/x/shop/dev.json", "dev"), ("/x/a b/system.json", "a_b")]
    {
        assert_eq!(name_of(Path::new(path)), name);
    }
}

#[test]
fn services_stand_behind_those_that_they_wait_for() {
    let entry = |needed: &[&str]| json!({ "service": "x", "depends_on": needed });
    let system = json!({ "services": {
        "view": entry(&["answers", "sensor"]), "answers": entry(&["sensor"]), "other": entry(&[]), "sensor": entry(&[]),
    } });
    let read = read(&system);
    let names: Vec<&str> = read.in_order().into_iter().map(|at| read.services[at].name.as_str()).collect();
    assert_eq!(names, ["other", "sensor", "answers", "view"]);
}

/// Services, what the system's `addresses` say, and the models of the services in their order.
fn wired(services: Json, addresses: Json, models: &[&ServiceModel]) -> (Vec<Wired>, Vec<String>) {
    let system = read(&json!({ "name": "test", "services": services, "addresses": addresses }));
    assert_eq!(system.all_problems().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    let models: Vec<Option<&ServiceModel>> = models.iter().copied().map(Some).collect();
    let (wired, unused) = wire(&system, &models);
    let all = wired.iter().flat_map(|wired| &wired.problems).chain(&unused).map(ToString::to_string);
    let all = all.collect();
    (wired, all)
}

fn model(connections: Vec<ConnectionModel>, states: Vec<StateModel>) -> ServiceModel {
    ServiceModel { connections, states, ..ServiceModel::default() }
}

fn sensor() -> ServiceModel {
    model(vec![ConnectionModel::replyer("ask")], vec![StateModel::delta_out("figures", Type::Any)])
}

fn view() -> ServiceModel {
    model(vec![ConnectionModel::requester("ask")], vec![StateModel::delta_in("figures", Type::Any)])
}

fn addresses(wired: &Wired) -> Json {
    match &wired.addresses {
        Some(Source::Inline(json)) => json.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn addresses_are_made_from_those_of_the_system() {
    let services = json!({ "sensor": { "service": "s" }, "view": { "service": "v" } });
    let of_system = json!({
        "sensor.ask": "*:5602",
        "sensor.figures": { "publisher": "127.0.0.1:5601", "replyer": "free" },
        "view.ask": "sensor.ask",
        "view.figures": "sensor.figures",
    });
    let (wired, problems) = wired(services, of_system, &[&sensor(), &view()]);
    assert_eq!(problems, [""; 0]);
    let (of_sensor, of_view) = (addresses(&wired[0]), addresses(&wired[1]));
    assert_eq!(of_sensor["connections"]["in"]["ask"], json!({ "replyer": "*:5602" }));
    assert_eq!(of_view["connections"]["out"]["ask"], json!({ "requester": "tcp://127.0.0.1:5602" }));
    let figures = &of_view["states"]["in"]["figures"];
    assert_eq!(figures["subscriber"], "tcp://127.0.0.1:5601");
    assert_eq!(figures["requester"], of_sensor["states"]["out"]["figures"]["replyer"]);
}

#[test]
fn each_instance_has_an_address_and_the_other_end_has_all() {
    let replyer = model(vec![ConnectionModel::replyer("ask")], vec![]);
    let asker = model(vec![ConnectionModel::requester("question")], vec![]);
    for address in [json!("free"), json!(["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"])] {
        let services = json!({
            "asker": { "service": "a", "addresses": { "out": { "question": { "requester": "stock.ask" } } } },
            "stock": { "service": "s", "replicas": 3 },
        });
        let (wired, problems) = wired(services, json!({ "stock.ask": address }), &[&asker, &replyer]);
        assert_eq!(problems, [""; 0]);
        let names: Vec<&str> = wired.iter().map(|wired| wired.name.as_str()).collect();
        assert_eq!(names, ["asker", "stock.1", "stock.2", "stock.3"]);
        let bound =
            wired[1..].iter().map(|wired| addresses(wired)["connections"]["in"]["ask"]["replyer"].clone());
        let all = addresses(&wired[0])["out"]["question"]["requester"].clone();
        let ports = |json: Json| json.as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        let bound: Vec<String> = bound.map(ports).collect();
        let all: Vec<String> = all.as_array().unwrap().iter().cloned().map(ports).collect();
        assert_eq!(bound, all);
        assert!(bound[0] != bound[1] && bound[1] != bound[2], "{bound:?}");
    }
}

#[test]
fn names_of_the_system_stand_for_one_address_or_several() {
    let asker = model(vec![ConnectionModel::requester("a")], vec![]);
    let services = json!({ "asker": {
        "service": "a", "addresses": { "out": { "a": { "requester": ["127.0.0.1:1", "both"] } } },
    } });
    let of_system = json!({ "both": ["ipc:///run/a", "ipc:///run/b"] });
    let (wired, problems) = wired(services, of_system, &[&asker]);
    assert_eq!(problems, [""; 0]);
    let expected =
        json!({ "out": { "a": { "requester": ["127.0.0.1:1", "ipc:///run/a", "ipc:///run/b"] } } });
    assert_eq!(addresses(&wired[0]), expected);
}

#[test]
fn ends_that_do_not_fit_are_named() {
    let services = json!({
        "sensor": { "service": "s", "replicas": 2 },
        "view": { "service": "v", "addresses": { "out": { "ask": { "requester": "free" } } } },
    });
    let of_system = json!({
        "sensor.ask": "127.0.0.1:5602",
        "sensor.figures": { "publisher": "view.figures", "replyer": ["free"] },
        "sensor.figurs": "free",
        "view.figures": "sensor.figurs",
    });
    let (_, problems) = wired(services, of_system, &[&sensor(), &view()]);
    insta::assert_snapshot!(problems.join("\n"), @r#"
    addresses["sensor.ask"]: expected "free", or a list of 2 addresses, one for each replica, found one address for all: "127.0.0.1:5602"
    addresses["sensor.figures"].publisher: expected an address or "free", since this end binds, found "view.figures"
    addresses["sensor.figures"].replyer: expected "free", or a list of 2 addresses, one for each replica, found a list of 1
    services.view.addresses.out.ask.requester: expected an address or the other end, SERVICE.CONNECTION, since this end connects, found "free"
    addresses["view.figures"]: expected a publisher of `sensor`: figures, found "sensor.figurs" (did you mean `sensor.figures`?)
    addresses["view.figures"]: expected a replyer of `sensor`: figures, found "sensor.figurs" (did you mean `sensor.figures`?)
    addresses["sensor.figurs"]: expected a connection or state of `sensor`: ask, figures, found "figurs" (did you mean `figures`?)
    "#);
}
