use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::model::Problem;
use crate::value::Value;

/// A spec with one of everything.
pub(super) fn written() -> Json {
    json!({
        "$schema": "../schemas/spec.schema.json",
        "version": "1.2.3",
        "name": "My transaction processing",
        "programs": {
            "pay": {
                "description": "Moves money.",
                "hooks": ["hooks.take", "give", "programs.note"],
                "args": {
                    "account_id": {"type": "string", "required": true, "description": "whose"},
                    "amount": {"type": "float", "required": false, "default": 1.5}
                },
                "outputs": {"balance": {"type": "int", "required": true}},
                "timeout": "1m",
                "locks": ["account:{account_id}", "{{all}}"],
                "on_crash": "resume"
            },
            "note": {"hooks": ["deep.path.to.write"], "args": {}, "outputs": {}}
        },
        "hooks": {
            "take": {
                "reference": "bank.account.take",
                "args": {"amount": {"type": "float", "required": true}},
                "dependencies": ["hooks.look_up"],
                "rectifiers": ["hooks.put_back", "programs.note"],
                "description": "Takes it.",
                "retry": {"attempts": 3, "backoff": "250ms", "max_backoff": "2s"},
                "timeout": "PT1.5S",
                "idempotent": true
            },
            "give": {"reference": "bank.account.give", "args": {}},
            "look_up": {"reference": "bank.account.find", "args": {}},
            "put_back": {"reference": "bank.account.put_back", "args": {}},
            "write": {"reference": "bank.log.write", "args": {}}
        }
    })
}

pub(super) fn read(json: &Json) -> Spec {
    Spec::from_json(json).unwrap_or_else(|problems| panic!("{}", lines(&problems)))
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn everything_is_read() {
    let spec = read(&written());
    assert_eq!((spec.name(), spec.version()), ("My transaction processing", Some("1.2.3")));
    assert_eq!(spec.module_name(), "my_transaction_processing");
    let pay = spec.program("pay").unwrap();
    assert_eq!(pay.hooks, [Target::Hook(0), Target::Hook(1), Target::Program(1)]);
    assert_eq!(pay.timeout, Some(Duration::from_secs(60)));
    assert_eq!(pay.on_crash, OnCrash::Resume);
    assert_eq!(pay.args[0].kind, ArgType::Str);
    assert_eq!(pay.args[1].default, Some(Value::Float(1.5)));
    let locks: Vec<String> = pay.locks.iter().flatten().map(LockTemplate::to_string).collect();
    assert_eq!(locks, ["account:{account_id}", "{{all}}"]);
    let take = spec.hook("take").unwrap();
    assert_eq!(
        (&*take.dependencies, &*take.rectifiers),
        (&[Target::Hook(2)][..], &[Target::Hook(3), Target::Program(1)][..])
    );
    assert_eq!((take.timeout, take.idempotent), (Some(Duration::from_millis(1500)), true));
    let retry =
        Retry { attempts: 3, backoff: Duration::from_millis(250), max_backoff: Duration::from_secs(2) };
    assert_eq!(take.retry, retry);
    assert_eq!(
        [1, 2, 3, 4, 5, 99].map(|attempt| retry.wait_after(attempt).as_millis()),
        [250, 500, 1000, 2000, 2000, 2000]
    );
    let note = spec.program("note").unwrap();
    assert_eq!((note.locks.as_ref(), note.on_crash, note.timeout), (None, OnCrash::Rectify, None));
    assert_eq!(note.hooks, [Target::Hook(4)], "of a reference to a hook the last part counts");
    assert_eq!(spec.hook("give").unwrap().retry, Retry::default());
}

#[test]
fn what_is_written_is_read_again() {
    let spec = read(&written());
    assert_eq!(read(&spec.to_json()), spec);
    assert_eq!(read(&spec.to_json()).fingerprint(), spec.fingerprint());
}

#[test]
fn locks_are_named_from_a_pool() {
    let spec = read(&written());
    let [account, all] = &spec.program("pay").unwrap().locks.as_ref().unwrap()[..] else { panic!() };
    assert_eq!(account.names().collect::<Vec<_>>(), ["account_id"]);
    assert_eq!(all.render(|_| None), Ok("{all}".to_owned()));
    for (value, name) in [
        (Value::from("a:{b}"), "account:a:{b}"),
        (Value::Int(-5), "account:-5"),
        (Value::UInt(u64::MAX), "account:18446744073709551615"),
        (Value::Bool(true), "account:true"),
        (Value::Float(2.5), "account:2.5"),
        (Value::Float(5.0), "account:5"),
        (Value::Float(-0.0), "account:0"),
    ] {
        assert_eq!(account.render(|_| Some(&value)), Ok(name.to_owned()));
    }
    let unfit = account.render(|_| Some(&Value::Nil)).unwrap_err();
    assert_eq!(
        unfit.to_string(),
        "the lock `account:{account_id}` needs `account_id` to be a str, int, float or bool"
    );
    let missing = account.render(|_| None).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the lock `account:{account_id}` needs `account_id`, which the pool does not have"
    );
}

#[test]
fn a_pool_is_less_strict_than_a_default() {
    for (kind, value, in_pool, as_default) in [
        (ArgType::Float, Value::Int(5), true, false),
        (ArgType::Float, Value::UInt(u64::MAX), true, false),
        (ArgType::Float, Value::Bool(true), false, false),
        (ArgType::Float, Value::Float(0.5), true, true),
        (ArgType::Int, Value::Bool(true), true, true),
        (ArgType::Int, Value::Float(5.0), false, false),
        (ArgType::Bool, Value::Int(1), false, false),
        (ArgType::Str, Value::Nil, false, false),
        (ArgType::List, Value::List(vec![Value::Nil]), true, true),
        (ArgType::Dict, Value::Map(Vec::new()), true, true),
        (ArgType::Dict, Value::List(Vec::new()), false, false),
    ] {
        assert_eq!(
            (kind.accepts(&value), kind.accepts_default(&value)),
            (in_pool, as_default),
            "{kind:?} {value:?}"
        );
    }
}

#[test]
fn lengths_of_time_are_written_as_they_are_read() {
    for (nanos, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1500ns"),
        (1_500_000, "1500us"),
        (250_000_000, "250ms"),
        (90_000_000_000, "90s"),
        (120_000_000_000, "2m"),
        (86_400_000_000_000, "24h"),
    ] {
        assert_eq!(write_duration(Duration::from_nanos(nanos)), text);
        assert_eq!(
            crate::model::duration(text).and_then(|read| Duration::try_from(read).ok()),
            Some(Duration::from_nanos(nanos))
        );
    }
}
