//! What the page is told, as JSON: it agrees with what other commands say.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use super::http::get;
use super::place::{Place, of_service, service, services};
use crate::folder::{LAUNCHER, json};
use crate::support::{Process, wait_until};

/// A state as `service_framework state` prints it, from outside.
pub(super) fn state_from_outside(place: &Place, service: &str, name: &str) -> Json {
    let described = json(&place.folder.launch(&format!("describe {service} --json")).stdout);
    let at = |socket: &str| described["listens"][socket].as_str().unwrap().to_owned();
    let publisher = at(&format!("out.{name}.publisher"));
    let replyer = at(&format!("out.{name}.replyer"));
    let line = format!("state {name} --subscriber {publisher} --requester {replyer} --json --timeout 60s");
    json(&place.folder.launch(&line).stdout)["value"].clone()
}

/// What a holder of a state has, as an object.
fn held(address: &str, id: &str, side: &str, name: &str) -> Json {
    let told = of_service(address, &format!("/api/state?side={side}&name={name}&"), id).json();
    let rows = told["rows"].as_array().unwrap_or_else(|| panic!("{told}")).iter();
    rows.map(|row| (row["key"].as_str().unwrap().to_owned(), row["value"].clone())).collect()
}

#[test]
fn states_are_what_they_are_from_outside() {
    let place = Place::new();
    let (_up, address) = place.up(&[]);
    let outside = state_from_outside(&place, "sensor", "figures");
    for (name, side) in [("sensor", "out"), ("answers", "in"), ("view", "in")] {
        let id = service(&address, name)["id"].as_str().unwrap().to_owned();
        let inside = held(&address, &id, side, "figures");
        // These do not change while the machine runs.
        for key in ["host", "cores"] {
            assert_eq!(inside[key], outside[key], "{name}: {key}");
        }
        let keys = |json: &Json| {
            json.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(keys(&inside), keys(&outside));
        let found =
            of_service(&address, &format!("/api/state?side={side}&name=figures&find=CORE&"), &id).json();
        assert_eq!((&found["found"], &found["rows"][0]["key"]), (&json!(1), &json!("cores")));
        assert!(found["number"].as_i64().is_some_and(|number| number >= 0), "{found}");
    }
    wait_until("the owner and its replicas are told together", || {
        let states = get(&address, "/api/states").json();
        let figures =
            states.as_array().unwrap().iter().find(|state| state["name"] == "figures").unwrap().clone();
        assert_eq!(
            (figures["owners"].as_array().unwrap().len(), figures["replicas"].as_array().unwrap().len()),
            (1, 2)
        );
        figures["replicas"].as_array().unwrap().iter().all(|replica| replica["lag"] == 0)
    });
    let id = service(&address, "sensor")["id"].as_str().unwrap().to_owned();
    assert_eq!(of_service(&address, "/api/state?side=out&name=nothing&", &id).status, 404);
    assert_eq!(of_service(&address, "/api/state?", &id).status, 400);
    assert_eq!(of_service(&address, "/api/state?side=out&name=figures&", "1/nobody").status, 404);
}

#[test]
fn a_value_of_another_life_of_its_owner_is_not_one_that_is_known() {
    let place = Place::new();
    write_two(&place);
    let (_up, address) = up_two(&place);
    wait_until("both run", || {
        ["owner", "reader"].iter().all(|name| service(&address, name)["state"] == "ready")
    });
    let id = service(&address, "reader")["id"].as_str().unwrap().to_owned();
    let asked = |unless: &str| {
        of_service(&address, &format!("/api/state?side=in&name=evil&unless={unless}&"), &id).json()
    };
    let update = |told: &Json| format!("{}:{}", told["epoch"], told["number"]);
    let mut first = asked("");
    wait_until("what the owner has told is known", || {
        first = asked(&update(&first));
        first["rows"].is_null()
    });
    assert_eq!(place.folder.launch("restart owner").code, Some(0));
    wait_until("the owner has another life", || asked("")["epoch"] != first["epoch"]);
    let second = asked(&update(&first));
    assert!(second["rows"].is_array(), "{first} {second}");
    wait_until("that is known too", || asked(&update(&asked("")))["rows"].is_null());
}

#[test]
fn one_that_does_not_answer_holds_up_no_other_and_is_told() {
    let place = Place::new();
    let (_up, address) = place.up(&[]);
    let echo = service(&address, "echo");
    let pid = Pid::from_raw(i32::try_from(echo["pid"].as_i64().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    wait_until("it is told that it does not answer", || service(&address, "echo")["state"] == "silent");
    let others = services(&address);
    assert_eq!(others.iter().filter(|row| row["state"] == "ready").count(), 5, "{others:?}");
    kill_process(pid, Signal::CONT).unwrap();
    wait_until("it answers again", || service(&address, "echo")["state"] == "ready");
}

/// An owner of a state in which `html` is of this type.
fn owner(of: &str) -> Json {
    json!({
        "name": "hostile", "command": ["python3", "hostile.py", "x"],
        "state_models": { "out": { "evil": {
            "state_type": "full_update", "required_arguments": { "html": of, "tree": "any" },
        } } },
    })
}

/// A system `two.json` with that owner and a replica.
fn write_two(place: &Place) {
    let reader = json!({
        "name": "reader", "command": ["python3", "hostile.py", "x"],
        "state_models": { "in": { "evil": {
            "state_type": "full_update", "required_arguments": { "html": "str", "tree": "any" },
        } } },
    });
    let system = json!({
        "name": "two",
        "services": { "owner": { "service": "./owner.json" }, "reader": { "service": "./reader.json" } },
        "addresses": { "owner.evil": "free", "reader.evil": "owner.evil" },
    });
    for (name, content) in [("owner.json", owner("str")), ("reader.json", reader), ("two.json", system)] {
        fs::write(place.folder.path(name), content.to_string()).unwrap();
    }
}

fn up_two(place: &Place) -> (Process, String) {
    let mut up =
        Process::start(place.folder.command(LAUNCHER).args(["up", "two.json", "--dashboard=127.0.0.1:0"]));
    let address = super::place::address(&up.wait_for("dashboard at "));
    (up, address)
}

#[test]
fn what_another_model_does_not_fit_is_told_after_a_restart() {
    let place = Place::new();
    write_two(&place);
    let (_up, address) = up_two(&place);
    let problems = || get(&address, "/api/graph").json()["systems"][0]["connections"][0]["problems"].clone();
    wait_until("the two fit", || problems() == json!([]) && service(&address, "owner")["state"] == "ready");
    fs::write(place.folder.path("owner.json"), owner("int").to_string()).unwrap();
    assert_eq!(place.folder.launch("restart owner").code, Some(0));
    wait_until("they do not fit any more", || {
        problems().as_array().is_some_and(|problems| !problems.is_empty())
    });
    assert!(problems()[0].as_str().unwrap().contains("html"), "{}", problems());
}

#[test]
fn a_request_is_followed_through_all_services() {
    let place = Place::new();
    let (_up, address) = place.up(&[]);
    wait_until("messages are listened to", || get(&address, "/api/paths").json()["listening"] == 6);
    place.ask("hi");
    let mut workflow = String::new();
    wait_until("the request is listed", || {
        let paths = get(&address, "/api/paths?find=mid").json();
        let found =
            paths["paths"].as_array().unwrap().iter().find(|path| path["connection"] == "in.mid").cloned();
        workflow = found.map(|path| path["workflow"].as_str().unwrap().to_owned()).unwrap_or_default();
        !workflow.is_empty()
    });
    let mut spans = Vec::new();
    wait_until("its whole path was seen", || {
        let path = get(&address, &format!("/api/path?workflow={workflow}")).json();
        spans = path["spans"].as_array().unwrap().clone();
        spans.len() == 5 && spans.iter().all(|span| span["outcome"] == "ok")
    });
    let steps = spans.iter().map(|span| {
        (span["depth"].as_u64().unwrap(), span["service"].as_str().unwrap(), span["does"].as_str().unwrap())
    });
    let expected = [
        (0, "host/middle", "answers"),
        (1, "host/middle", "asks"),
        (2, "host/echo", "answers"),
        (1, "host/middle", "asks"),
        (2, "host/echo", "answers"),
    ];
    assert_eq!(steps.collect::<Vec<_>>(), expected);
    let took = |place: usize| spans[place]["took"].as_u64().unwrap();
    assert!(took(0) >= took(1) + took(3), "{spans:?}");
    place.fail();
    wait_until("what went wrong can be chosen", || {
        let paths = get(&address, "/api/paths?only=errors").json();
        paths["paths"].as_array().unwrap().iter().any(|path| path["wrong"] == "handler_failed")
    });
}

#[test]
fn nobody_is_listened_to_while_nobody_looks_at_messages() {
    let place = Place::new();
    let (_up, address) = place.up(&[]);
    let listening = || get(&address, "/api/paths").json()["listening"].clone();
    // Tables, graphs and states need no messages, so the first question for them finds nobody listening.
    for path in ["/api/live", "/api/graph", "/api/states"] {
        assert_eq!(get(&address, path).status, 200);
    }
    assert_eq!(listening(), 0);
    wait_until("from then on there is", || listening() == 6);
}

#[test]
fn a_system_without_a_terminal_says_where_its_page_is() {
    let place = Place::new();
    let started = place.folder.launch("up system.json --detach --dashboard=127.0.0.1:0");
    assert_eq!(started.code, Some(0), "{started:?}");
    let line = started.stdout.lines().find(|line| line.starts_with("Its dashboard is at http://")).unwrap();
    let address = super::place::address(line);
    assert_eq!(services(&address).len(), 6);
    assert_eq!(place.folder.launch("down").code, Some(0));
    assert!(std::net::TcpStream::connect(&address).is_err(), "it ends with its system");
}
