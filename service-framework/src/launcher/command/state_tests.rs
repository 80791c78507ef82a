//! Commands and states: an own one changed and read, one of another service followed.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::host;
use super::tests::has_python;
use crate::model::{ConnectionModel, ServiceModel, StateModel, Type};
use crate::service::{BlockingToSend, Service, Setup, Stop};
use crate::value::Value;

/// Copies every change of `prices` to its own `book`, and says what it sees when it is asked.
const SCRIPT: &str = r#"
import json, sys
def say(what):
    print(json.dumps(what), flush=True)
def ask(what):
    say(what)
    return json.loads(sys.stdin.readline())
for line in sys.stdin:
    said = json.loads(line)
    if "call" not in said:
        continue
    call, handler, args = said["call"], said["handler"], said["args"]
    if handler == "on_prices":
        ask({"send": 1, "call": call, "state": "book", "args": {"state": args["state"]}})
        say({"reply": call, "return_args": None})
    elif handler == "look":
        told = {
            "prices": ask({"read": 1, "state": "prices"}),
            "book": ask({"read": 2, "state": "book"}),
            "near": ask({"read": 3, "state": "bok"}),
            "wrong": ask({"send": 4, "call": call, "state": "book", "args": {"state": {"a": "text"}}}),
            "unknown": ask({"send": 5, "call": call, "state": "prices", "args": {"state": {}}}),
        }
        say({"reply": call, "return_args": {"told": told}})
    else:
        say({"reply": call, "return_args": None})
"#;

fn model(folder: &Path) -> ServiceModel {
    fs::write(folder.join("service.py"), SCRIPT).unwrap();
    let prices = json!({"state_type": "delta_update_in", "required_arguments": {"state": ["map", "str", "int"]},
        "optional_creation_arguments": {"on_change": "on_prices"}});
    let book =
        json!({"state_type": "delta_update_out", "required_arguments": {"state": ["map", "str", "int"]}});
    let look = json!({"connection_type": "replyer", "required_return_arguments": {"told": "any"}});
    let model = json!({
        "name": "python", "command": ["python3", "service.py"],
        "connection_models": {"in": {"look": look}},
        "state_models": {"in": {"prices": prices}, "out": {"book": book}},
    });
    ServiceModel::from_json(&model, None).unwrap()
}

#[test]
fn a_command_follows_one_state_and_owns_another() {
    if !has_python() {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| format!("ipc://{}/{name}.ipc", folder.path().display());
    let stop = Stop::new();
    let (service, host) = host(model(folder.path()), folder.path(), &stop);
    let addresses = json!({
        "connections": {"in": {"look": {"replyer": at("look")}}},
        "states": {
            "in": {"prices": {"subscriber": at("prices"), "requester": at("prices_snapshots")}},
            "out": {"book": {"publisher": at("book"), "replyer": at("book_snapshots")}},
        },
    });
    let prepared = service.prepare(&Setup { addresses: Some(addresses), ..Setup::default() }).unwrap();
    let running = stop.clone();
    let served = thread::spawn(move || prepared.run(&running));

    let addresses = json!({
        "connections": {"out": {"look": {"requester": at("look")}}},
        "states": {"out": {"prices": {"publisher": at("prices"), "replyer": at("prices_snapshots")}}},
    });
    let setup = Setup { addresses: Some(addresses), main_mode: true, ..Setup::default() };
    owner_of_prices().prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    stop.stop();
    served.join().unwrap().unwrap();
    host.end();
}

/// Sets prices, and looks at what the command sees of them until that is all.
fn owner_of_prices() -> Service {
    Service::new("prices")
        .state(StateModel::delta_out("prices", Type::map(Type::Str, Type::Int)))
        .connection(ConnectionModel::requester("look").returns("told", Type::Any))
        .main(|to_send: BlockingToSend| {
            let prices = to_send.delta("prices")?;
            prices.set("a", 1)?;
            prices.update().set("b", 2).remove("a").publish()?;
            let expected = json!({"b": 2});
            loop {
                let told: Value =
                    to_send.request("look", json!({})).within(Duration::from_secs(20)).wait()?;
                let told = told.to_json()["told"].clone();
                if told["prices"]["return_args"] == expected && told["book"]["return_args"] == expected {
                    assert_told(&told);
                    return Ok(());
                }
                to_send.sleep(Duration::from_millis(10))?;
            }
        })
}

fn assert_told(told: &Json) {
    assert_eq!(told["prices"]["status"], "current");
    assert_eq!(told["book"].get("status"), None);
    assert_eq!(
        told["near"]["error"],
        json!({"code": "unknown_state", "message": "no state \"bok\"; did you mean \"book\"?", "details": null})
    );
    assert_eq!(told["wrong"]["error"]["code"], "invalid_arguments");
    assert_eq!(told["unknown"]["error"]["code"], "unknown_state");
}
