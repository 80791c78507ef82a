//! Commands as services, over real sockets.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::host;
use crate::model::ServiceModel;
use crate::service::{BlockingToSend, SendError, Service, Setup, Stop};
use crate::value::Value;

/// Answers `double`, asks `other` for `relay`, dies on `die`, refuses `no`, and notes that it was stopped.
const SCRIPT: &str = r#"
import json, sys
def say(what):
    print(json.dumps(what), flush=True)
config = None
for line in sys.stdin:
    said = json.loads(line)
    if "start" in said:
        config = said["start"]["config"]
        continue
    call, handler, args = said["call"], said["handler"], said["args"]
    if handler == "double":
        say({"reply": call, "return_args": {"n": config["factor"] * args["n"]}})
    elif handler == "relay":
        say({"send": 1, "call": call, "connection": "other", "args": {"n": args["n"] + 1}})
        result = json.loads(sys.stdin.readline())
        say({"reply": call, "return_args": result["return_args"]} if "return_args" in result
            else {"reply": call, "error": {"code": result["error"]["code"], "message": "relayed"}})
    elif handler == "die":
        sys.exit(3)
    elif handler == "no":
        say({"reply": call, "error": {"code": "no", "message": "never", "details": [1]}})
    elif handler == "stop":
        open("stopped", "w").close()
        say({"reply": call, "return_args": {}})
    else:
        say({"reply": call, "error": {"code": "unknown", "message": handler}})
"#;

/// Whether commands in Python can run here; says so if not.
pub(super) fn has_python() -> bool {
    let is_here = std::process::Command::new("python3").arg("--version").output().is_ok();
    if !is_here {
        eprintln!("skipped: there is no python3 here");
    }
    is_here
}

fn model(folder: &Path) -> ServiceModel {
    fs::write(folder.join("service.py"), SCRIPT).unwrap();
    let number = json!({"connection_type": "replyer", "required_arguments": {"n": "int"}, "required_return_arguments": {"n": "int"}});
    let other = json!({"connection_type": "requester", "required_arguments": {"n": "int"}, "required_return_arguments": {"n": "int"}});
    let model = json!({
        "name": "python", "version": "1", "main": false, "command": ["python3", "service.py"],
        "config_model": {"optional": {"factor": "int"}, "defaults": {"factor": 2}},
        "connection_models": {
            "in": {"double": number, "relay": number, "die": number, "no": number},
            "out": {"other": other},
        },
    });
    ServiceModel::from_json(&model, None).unwrap()
}

#[test]
fn a_command_answers_asks_refuses_dies_and_comes_back() {
    if !has_python() {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| format!("ipc://{}/{name}.ipc", folder.path().display());
    let stop = Stop::new();
    let (service, host) = host(model(folder.path()), folder.path(), &stop);
    let sockets =
        ["double", "relay", "die", "no"].map(|name| (name.to_owned(), json!({"replyer": at(name)})));
    // The command asks itself by way of `other`, which is answered by another service.
    let addresses = json!({
        "in": serde_json::Map::from_iter(sockets),
        "out": {"other": {"requester": at("triple")}},
    });
    let prepared = service.prepare(&Setup { addresses: Some(addresses), ..Setup::default() }).unwrap();
    let (asked, running) = (stop.clone(), stop.clone());
    let served = thread::spawn(move || prepared.run(&running));
    let triple = triple(&at("triple"));
    let tripled = triple.0.clone();

    let names = ["double", "relay", "die", "no"];
    let mut asker = Service::new("asker");
    for name in names {
        asker = asker.connection(
            crate::model::ConnectionModel::requester(name)
                .requires("n", crate::model::Type::Int)
                .returns("n", crate::model::Type::Int),
        );
    }
    let asker = asker.main(|to_send: BlockingToSend| {
        let ask = |name: &str| {
            to_send.request::<Value>(name, json!({"n": 4})).within(Duration::from_secs(20)).wait()
        };
        let n = |answer: Result<Value, SendError>| answer.unwrap().get("n").cloned().unwrap();
        assert_eq!(n(ask("double")), Value::from(8));
        assert_eq!(n(ask("relay")), Value::from(15));
        assert_eq!(ask("no").unwrap_err().code(), Some("no"));
        assert_eq!(ask("die").unwrap_err().code(), Some("handler_failed"));
        let back = loop {
            // Until the backoff is over, calls fail at once.
            if let Ok(answer) = ask("double") {
                break answer;
            }
            to_send.sleep(Duration::from_millis(10))?;
        };
        assert_eq!(n(Ok(back)), Value::from(8));
        Ok(())
    });
    let sockets = names.map(|name| (name.to_owned(), json!({"requester": at(name)})));
    let setup = Setup {
        addresses: Some(json!({"out": serde_json::Map::from_iter(sockets)})),
        main_mode: true,
        ..Setup::default()
    };
    asker.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    asked.stop();
    tripled.stop();
    served.join().unwrap().unwrap();
    triple.1.join().unwrap();
    host.end();
    assert!(folder.path().join("stopped").exists());
}

fn triple(address: &str) -> (Stop, thread::JoinHandle<()>) {
    let model = crate::model::ConnectionModel::replyer("triple")
        .requires("n", crate::model::Type::Int)
        .returns("n", crate::model::Type::Int);
    let service = Service::new("triple").receives(model, |asked: Value| {
        let n = asked.get("n").and_then(Value::as_i64).unwrap_or_default();
        Ok(json!({"n": 3 * n}))
    });
    let setup =
        Setup { addresses: Some(json!({"in": {"triple": {"replyer": address}}})), ..Setup::default() };
    let (prepared, stop) = (service.prepare(&setup).unwrap(), Stop::new());
    let asked = stop.clone();
    (stop, thread::spawn(move || prepared.run(&asked).unwrap()))
}
