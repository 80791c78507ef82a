use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::*;
use crate::model::{Arguments, StateType, Type};

pub(in crate::model) fn problems(json: Json) -> Vec<String> {
    let read = ServiceModel::from_json(&json, None);
    read.err().unwrap_or_default().iter().map(Problem::to_string).collect()
}

/// A service with one of everything, as a person writes it.
fn written() -> Json {
    json!({
        "$schema": "../schemas/model.schema.json",
        "name": "desk",
        "version": "1.2.0",
        "main": true,
        "command": ["./desk.py", "-v"],
        "config_model": {
            "required": {"symbol": "str"},
            "optional": {"patience": "timedelta", "limit": "Decimal"},
            "defaults": {"patience": "5s", "limit": 10},
            "help": {"patience": "How long it may take.", "symbol": null}
        },
        "connection_models": {
            "in": {
                "echo": {
                    "connection_type": "replyer",
                    "required_creation_arguments": {"on_new_request": "on_echo"},
                    "required_arguments": {"payload": "str"},
                    "optional_arguments": {"cmd": "str"},
                    "required_return_arguments": {"echo": "str"},
                    "optional_return_arguments": null
                },
                "ticks": {
                    "connection_type": "subscriber",
                    "optional_creation_arguments": {"topic": "eu", "is_binder": true},
                    "required_arguments": {"seq": "int", "book": {"Decimal": "Decimal"}}
                }
            },
            "out": {
                "venue": {"connection_type": "requester", "required_connection_arguments": {}},
                "alarms": {
                    "connection_type": "publisher",
                    "optional_creation_arguments": {"topic": "", "is_x_pub": true, "wait_after_creation_s": 0.5}
                },
                "cancel": {
                    "connection_type": "external_request",
                    "required_creation_arguments": {"func_to_call": "CbproClient.cancel_order"}
                }
            }
        },
        "state_models": {
            "in": {
                "prices": {
                    "state_type": "delta_update_in",
                    "required_state_arguments": {"is_snapshot": "bool", "current_num": "int"},
                    "required_arguments": {"state": {"str": "Decimal"}, "venue": "str"}
                }
            },
            "out": {
                "status": {
                    "state_type": "full_update",
                    "optional_creation_arguments": {"topic": "s"},
                    "required_arguments": {"open": "bool"}
                }
            }
        }
    })
}

#[test]
fn reads_and_describes_a_service() {
    let model = ServiceModel::from_json(&written(), None).unwrap();
    assert_eq!(
        model.to_json(),
        json!({
            "name": "desk",
            "version": "1.2.0",
            "main": true,
            "command": ["./desk.py", "-v"],
            "config_model": {
                "required": {"symbol": "str"},
                "optional": {"patience": "timedelta", "limit": "Decimal"},
                "defaults": {
                    "patience": {"__timedelta__": true, "as_str": "PT5S"},
                    "limit": {"__decimal__": true, "as_str": "10"}
                },
                "help": {"patience": "How long it may take."}
            },
            "connection_models": {
                "in": {
                    "echo": {
                        "connection_type": "replyer",
                        "required_creation_arguments": {"connection_function": "on_echo"},
                        "required_arguments": {"payload": "str"},
                        "optional_arguments": {"cmd": "str"},
                        "required_return_arguments": {"echo": "str"}
                    },
                    "ticks": {
                        "connection_type": "subscriber",
                        "required_creation_arguments": {"connection_function": "ticks"},
                        "optional_creation_arguments": {"topic": "eu", "is_binder": true},
                        "required_arguments": {"seq": "int", "book": ["map", "Decimal", "Decimal"]}
                    }
                },
                "out": {
                    "venue": {"connection_type": "requester"},
                    "alarms": {
                        "connection_type": "publisher",
                        "optional_creation_arguments": {"is_x_pub": true, "wait_after_creation_s": 0.5}
                    },
                    "cancel": {
                        "connection_type": "external_request",
                        "required_creation_arguments": {"func_to_call": "CbproClient.cancel_order"}
                    }
                }
            },
            "state_models": {
                "in": {
                    "prices": {
                        "state_type": "delta_update_in",
                        "required_arguments": {"state": ["map", "str", "Decimal"], "venue": "str"}
                    }
                },
                "out": {
                    "status": {
                        "state_type": "full_update_out",
                        "optional_creation_arguments": {"topic": "s"},
                        "required_arguments": {"open": "bool"}
                    }
                }
            }
        })
    );
    assert_eq!(ServiceModel::from_json(&model.to_json(), None), Ok(model));
}

#[test]
fn models_in_rust_are_models_in_json() {
    let model = ServiceModel {
        name: "desk".to_owned(),
        version: "0.0.0".to_owned(),
        config: Some(
            ConfigModel::new()
                .requires("symbol", Type::Str)
                .optional("n", Type::Int, 5000)
                .optional("patience", Type::TimeDelta, "500ms")
                .optional_without_default("topic", Type::Str),
        ),
        connections: vec![
            ConnectionModel::replyer("echo")
                .handler("on_echo")
                .requires("payload", Type::Str)
                .optional("cmd", Type::Str)
                .returns("echo", Type::Str)
                .optionally_returns("note", Type::optional(Type::Str)),
            ConnectionModel::subscriber("ticks").topic("eu").binds().requires("seq", Type::Int),
            ConnectionModel::requester("venue").requires("order", Type::record([("id", Type::Uuid)])),
            ConnectionModel::publisher("alarms").connects().waits_after_creation(Duration::from_millis(10)),
            ConnectionModel::external_request("cancel").calls("cancel_order"),
        ],
        states: vec![StateModel {
            arguments: Arguments::new().requires("state", Type::map(Type::Str, Type::Int)),
            ..StateModel::new("prices", Side::Out, StateType::DeltaUpdate)
        }],
        ..ServiceModel::default()
    };
    assert_eq!(model.problems(), []);
    assert_eq!(ServiceModel::from_json(&model.to_json(), None), Ok(model.clone()));
    assert_eq!(model.connection(Side::In, "echo").and_then(|echo| echo.handler.as_deref()), Some("on_echo"));
    assert_eq!(model.connection(Side::Out, "echo"), None);
    assert_eq!(model.connections_on(Side::Out).count(), 3);
    let bound: Vec<_> = model.connections.iter().map(ConnectionModel::is_bound).collect();
    assert_eq!(bound, [Some(true), Some(true), Some(false), Some(false), None]);
}

#[test]
fn rules_hold_for_models_in_rust_too() {
    let model = ServiceModel {
        connections: vec![
            ConnectionModel::publisher("p").returns("x", Type::Int).handler("f"),
            ConnectionModel::requester("r").topic("t").requires("x", Type::Int).optional("x", Type::Str),
            ConnectionModel::requester("r"),
            ConnectionModel { is_x_pub: true, ..ConnectionModel::subscriber("s") },
            ConnectionModel { side: Side::In, func_to_call: None, ..ConnectionModel::external_request("e") },
        ],
        states: vec![StateModel { is_x_pub: true, ..StateModel::new("", Side::In, StateType::FullUpdate) }],
        ..ServiceModel::default()
    };
    let problems: Vec<String> = model.problems().iter().map(Problem::to_string).collect();
    assert_eq!(
        problems,
        [
            "name: expected the name of the service, found nothing",
            "connection_models.out.p.required_creation_arguments.connection_function: expected one of topic, is_x_pub, wait_after_creation_s, found unknown key \"connection_function\"",
            "connection_models.out.p.required_return_arguments: expected none, as nothing comes back from a subscriber, found x",
            "connection_models.out.r.optional_creation_arguments.topic: expected no keys, found unknown key \"topic\"",
            "connection_models.out.r.required_arguments.x: expected each argument declared once, found \"x\" declared twice",
            "connection_models.in.s.optional_creation_arguments.is_x_pub: expected one of connection_function, on_new_message, topic, is_binder, found unknown key \"is_x_pub\"",
            "connection_models.in.e.required_creation_arguments.func_to_call: expected the name of a function, found nothing",
            "connection_models.in.e.connection_type: expected one of replyer, subscriber, found \"external_request\" (an external_request stands under `out`)",
            "state_models.in[\"\"]: expected a name, found nothing",
            "state_models.in[\"\"].optional_creation_arguments.is_x_pub: expected one of topic, topics, on_change, found unknown key \"is_x_pub\"",
            "connection_models.out.r: expected each name once on a side, found a name declared twice",
        ]
    );
}

#[test]
fn lists_all_problems_with_near_misses() {
    let json = json!({
        "nam": "x",
        "version": 1,
        "main": "yes",
        "command": "./run.py",
        "config_model": {
            "required": {"n": "integer"},
            "optional": {"m": "int"},
            "defaults": {"n": 1, "m": "x", "k": 1, "d": {"__decimal__": true, "as_str": "x"}},
            "help": {"m": 5, "n": "The number.", "o": "Another."}
        },
        "connection_models": {
            "inn": {},
            "in": {
                "echo": {
                    "connection_type": "repler",
                    "requird_arguments": {},
                    "topic": "eu",
                    "required_arguments": {"payload": "string"}
                },
                "ask": {"connection_type": "requester"},
                "none": {},
                "sub": {
                    "connection_type": "subscriber",
                    "required_creation_arguments": {"on_new_message": "f", "on_new_request": "f"},
                    "optional_creation_arguments": {"connection_function": "f", "topik": "eu"},
                    "required_return_arguments": {"x": "int"}
                },
                "list": []
            },
            "out": {
                "old": {"connection_type": "external_target"},
                "ext": {
                    "connection_type": "external_request",
                    "required_creation_arguments": {"target": "f", "func_to_call": ""}
                },
                "pub": {
                    "connection_type": "publisher",
                    "optional_creation_arguments": {"wait_after_creation_s": -1, "is_x_pub": 1, "topic": 5}
                }
            }
        }
    });
    let expected = [
        r#"nam: expected one of $schema, name, version, main, command, config_model, connection_models, state_models, found unknown key "nam" (did you mean `name`?)"#,
        "version: expected a string, found 1",
        r#"main: expected true or false, found "yes""#,
        r#"command: expected a list of a program and its arguments, found "./run.py" (did you mean `["./run.py"]`?)"#,
        r#"config_model.required.n: expected a type, found "integer" (did you mean `int`?)"#,
        r#"config_model.defaults.d: expected `__decimal__`: true and `as_str` with a decimal number, found {"__decimal__":true,"as_str":"x"}"#,
        "config_model.help.m: expected a string, found 5",
        r#"connection_models.inn: expected one of in, out, found unknown key "inn" (did you mean `in`?)"#,
        r#"connection_models.in.echo.requird_arguments: expected one of connection_type, required_creation_arguments, optional_creation_arguments, required_connection_arguments, optional_connection_arguments, required_arguments, optional_arguments, required_return_arguments, optional_return_arguments, found unknown key "requird_arguments" (did you mean `required_arguments`?)"#,
        r#"connection_models.in.echo.topic: expected one of connection_type, required_creation_arguments, optional_creation_arguments, required_connection_arguments, optional_connection_arguments, required_arguments, optional_arguments, required_return_arguments, optional_return_arguments, found unknown key "topic" (`topic` belongs in `optional_creation_arguments`)"#,
        r#"connection_models.in.echo.required_arguments.payload: expected a type, found "string" (did you mean `str`?)"#,
        r#"connection_models.in.echo.connection_type: expected one of replyer, subscriber, found "repler" (did you mean `replyer`?)"#,
        r#"connection_models.in.ask.connection_type: expected one of replyer, subscriber, found "requester" (a requester stands under `out`)"#,
        "connection_models.in.none.connection_type: expected one of replyer, subscriber, found nothing",
        "connection_models.in.sub.optional_creation_arguments.connection_function: expected each creation argument once, found one that is given twice",
        r#"connection_models.in.sub.required_creation_arguments.on_new_request: expected one of connection_function, on_new_message, topic, is_binder, found unknown key "on_new_request" (did you mean `on_new_message`?)"#,
        r#"connection_models.in.sub.optional_creation_arguments.topik: expected one of connection_function, on_new_message, topic, is_binder, found unknown key "topik" (did you mean `topic`?)"#,
        "connection_models.in.list: expected a table, found a list of 0",
        r#"connection_models.out.old.connection_type: expected one of requester, publisher, external_request, found "external_target" (did you mean `external_request`?)"#,
        r#"connection_models.out.ext.required_creation_arguments.target: expected one of func_to_call, found unknown key "target" (did you mean `func_to_call`?)"#,
        r#"connection_models.out.ext.required_creation_arguments.func_to_call: expected the name of a function, found """#,
        "connection_models.out.pub.optional_creation_arguments.wait_after_creation_s: expected seconds as a number, 0 or more, found -1",
        "connection_models.out.pub.optional_creation_arguments.is_x_pub: expected true or false, found 1",
        "connection_models.out.pub.optional_creation_arguments.topic: expected a string, found 5",
        "name: expected the name of the service, found nothing",
        r#"config_model.help.o: expected one of m, found unknown key "o""#,
        r#"config_model.defaults.m: expected int, found str "x""#,
        r#"config_model.defaults.k: expected one of m, found unknown key "k""#,
        "connection_models.in.sub.required_return_arguments: expected none, as nothing comes back from a publisher, found x",
    ];
    assert_eq!(problems(json), expected);
}

#[test]
fn hooks_override_creation_arguments() {
    let mut model = ConnectionModel::publisher("ticks").topic("eu");
    let arguments = json!({"topic": null, "is_x_pub": true, "wait_after_creation_s": 1});
    model.override_creation(arguments.as_object().unwrap()).unwrap();
    assert_eq!((model.topic.as_deref(), model.is_x_pub), (None, true));
    assert_eq!(model.wait_after_creation, Some(Duration::from_secs(1)));

    let before = model.clone();
    let broken = json!({"topic": "us", "topik": "us", "is_x_pub": "yes"});
    let problems = model.override_creation(broken.as_object().unwrap()).unwrap_err();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["setup_connections.ticks.topik", "setup_connections.ticks.is_x_pub"]);
    assert_eq!(model, before, "nothing is overridden where anything is wrong");

    let mut echo = ConnectionModel::replyer("echo");
    echo.override_creation(json!({"on_new_request": "other"}).as_object().unwrap()).unwrap();
    echo.override_creation(json!({"connection_function": null}).as_object().unwrap()).unwrap();
    assert_eq!(echo.handler.as_deref(), Some("other"));

    let mut state = StateModel::new("prices", Side::Out, StateType::FullUpdate);
    state.override_creation(json!({"topic": "eu"}).as_object().unwrap()).unwrap();
    assert_eq!(state.topic.as_deref(), Some("eu"));
}

#[test]
fn problems_name_the_file() {
    let problems = ServiceModel::from_json(&json!([]), Some("desk.json")).unwrap_err();
    assert_eq!(problems[0].to_string(), "desk.json: expected a table, found a list of 0");
}

pub(in crate::model) fn shipped_schema() -> jsonschema::Validator {
    let schema = include_str!("../../../schemas/model.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

#[test]
fn the_shipped_schema_agrees() {
    let schema = shipped_schema();
    let errors = |json: &Json| schema.iter_errors(json).map(|error| error.to_string()).collect::<Vec<_>>();
    assert_eq!(errors(&written()), [""; 0]);
    let described = ServiceModel::from_json(&written(), None).unwrap().to_json();
    assert_eq!(errors(&described), [""; 0]);
    let broken = [
        ("/name", json!(1)),
        ("/nam", json!("x")),
        ("/command", json!("./run.py")),
        ("/config_model/required/symbol", json!("string")),
        ("/connection_models/in/echo/connection_type", json!("requester")),
        ("/connection_models/in/echo/topic", json!("x")),
        ("/connection_models/in/echo/optional_creation_arguments", json!({"topic": "eu"})),
        ("/connection_models/in/echo/required_arguments/payload", json!(["map", "str"])),
        ("/connection_models/in/ticks/required_return_arguments", json!({"x": "int"})),
        ("/connection_models/out/cancel/required_creation_arguments", json!({})),
        ("/connection_models/out/alarms/optional_creation_arguments/wait_after_creation_s", json!(-1)),
        ("/state_models/in/prices/state_type", json!("full_update_out")),
        ("/state_models/in/prices/optional_creation_arguments", json!({"is_x_pub": true})),
    ];
    for (pointer, json) in broken {
        let mut model = written();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        model.pointer_mut(parent).unwrap()[key] = json;
        assert!(!schema.is_valid(&model), "{pointer}");
        assert!(ServiceModel::from_json(&model, None).is_err(), "{pointer}");
    }
}

const WORDS: &[&str] = &[
    "name",
    "in",
    "out",
    "str",
    "int",
    "list",
    "map",
    "record",
    "union",
    "literal",
    "optional",
    "Decimal",
    "any",
    "connection_type",
    "replyer",
    "publisher",
    "state_type",
    "delta_update",
    "state",
    "topic",
    "required",
    "required_arguments",
    "required_creation_arguments",
    "defaults",
    "help",
    "$schema",
    "type",
    "__decimal__",
    "as_str",
    "https://json-schema.org/draft/2020-12/schema",
    "$ref",
    "#",
    "",
];

/// JSON of the words that models are made of.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        4 => select(WORDS).prop_map(Json::from),
        1 => any::<bool>().prop_map(Json::from),
        1 => any::<f64>().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => any::<String>().prop_map(Json::from),
        1 => Just(Json::Null),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        let entry = (select(WORDS).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Json::from),
            proptest::collection::vec(entry, 0..4)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

/// A path to each part of `json`.
fn pointers(json: &Json, at: String, into: &mut Vec<String>) {
    let children: Vec<(String, &Json)> = match json {
        Json::Object(table) => table.iter().map(|(key, json)| (key.replace('/', "~1"), json)).collect(),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, json)| (index.to_string(), json)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        pointers(child, format!("{at}/{key}"), into);
    }
    into.push(at);
}

/// A good model with one part replaced.
fn broken_model() -> impl Strategy<Value = Json> {
    (any::<Index>(), any_json()).prop_map(|(index, json)| {
        let mut model = written();
        let mut places = Vec::new();
        pointers(&model, String::new(), &mut places);
        *model.pointer_mut(index.get::<String>(&places)).unwrap() = json;
        model
    })
}

proptest! {
    #[test]
    fn any_json_is_a_model_or_has_problems(json in prop_oneof![any_json(), broken_model()]) {
        match ServiceModel::from_json(&json, Some("x.json")) {
            Ok(model) => {
                prop_assert_eq!(model.problems(), []);
                let described = model.to_json();
                prop_assert!(shipped_schema().is_valid(&described), "{}", described);
                prop_assert_eq!(ServiceModel::from_json(&described, None), Ok(model));
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| problem.file.as_deref() == Some("x.json")));
            }
        }
    }
}
