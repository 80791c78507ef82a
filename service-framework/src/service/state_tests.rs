//! States between services in one process, as far as no other process is needed for them.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::model::{StateModel, Type};
use crate::value::Value;

const LONG: Duration = Duration::from_secs(20);

fn prices() -> Type {
    Type::map(Type::Str, Type::Int)
}

/// Runs a service on a thread of its own until the returned stop is asked for.
fn start(service: Service, states: serde_json::Value) -> (Stop, thread::JoinHandle<()>) {
    let prepared =
        service.prepare(&Setup { addresses: Some(json!({"states": states})), ..Setup::default() }).unwrap();
    let stop = Stop::new();
    let asked = stop.clone();
    (stop, thread::spawn(move || prepared.run(&asked).unwrap()))
}

/// A change of one of several owners.
#[derive(Debug, Deserialize)]
struct Change {
    topic: String,
    state: BTreeMap<String, Option<i64>>,
}

/// Sends on what changes, and what the views are once all are current.
fn follower(changes: Sender<Change>, views: Sender<(Value, States)>) -> Service {
    let model = StateModel::delta_in("prices", prices()).topics(["eu", "us"]);
    Service::new("follower")
        .follows(model, move |change: Change| {
            changes.send(change).unwrap();
            Ok(())
        })
        .init_function(async move |mut states: States| {
            states.wait_until_current("prices", LONG).await?;
            // An owner may answer before it has set anything.
            while states.delta_of("prices", "eu")?.is_empty() || states.delta_of("prices", "us")?.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
                states.refresh();
            }
            views.send((states.get("prices")?, states)).unwrap();
            Ok(())
        })
}

#[test]
fn a_replica_has_a_view_of_each_of_several_owners() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| format!("ipc://{}/{name}", folder.path().display());
    let owner = Service::new("owner")
        .state(StateModel::delta_out("eu_prices", prices()).topic("eu"))
        .state(StateModel::delta_out("us_prices", prices()).topic("us"))
        .init_function(|to_send: BlockingToSend| {
            to_send.delta("eu_prices")?.set("ABC", 1)?;
            Ok(to_send.delta("us_prices")?.set("ABC", 2)?)
        });
    let of_owner = json!({"out": {
        "eu_prices": {"publisher": at("eu"), "replyer": at("eu_replyer")},
        "us_prices": {"publisher": at("us"), "replyer": at("us_replyer")},
    }});
    let ((changes, changed), (views, seen)) = (channel(), channel());
    let of_follower = json!({"in": {"prices": {
        "subscriber": [at("eu"), at("us")],
        "requester": [at("eu_replyer"), at("us_replyer")],
    }}});
    let running = [start(owner, of_owner), start(follower(changes, views), of_follower)];
    let (value, states) = seen.recv_timeout(LONG).unwrap();
    assert_eq!(value.to_json(), json!({"eu": {"ABC": 1}, "us": {"ABC": 2}}));
    assert_eq!(states.delta_of("prices", "us").unwrap().get::<i64>("ABC"), Ok(Some(2)));
    let told = [changed.recv_timeout(LONG).unwrap(), changed.recv_timeout(LONG).unwrap()];
    let told = told.map(|change| (change.topic, change.state["ABC"]));
    assert!(told.contains(&("eu".into(), Some(1))) && told.contains(&("us".into(), Some(2))), "{told:?}");
    let only = states.delta("prices").unwrap_err();
    assert_eq!(only.to_string(), r#""prices" has an owner for each topic: eu, us"#);
    let unknown = states.delta_of("price", "eu").unwrap_err();
    assert_eq!(unknown.to_string(), r#"no in state "price"; did you mean "prices"?"#);
    for (stop, thread) in running {
        stop.stop();
        thread.join().unwrap();
    }
}

#[test]
fn each_of_several_owners_needs_its_address() {
    let service = Service::new("follower").state(StateModel::delta_in("p", prices()).topics(["a", "b"]));
    let addresses = json!({"states": {"in": {"p": {"subscriber": ["h:1", "h:2"], "requester": "h:3"}}}});
    let problems = service.prepare(&Setup { addresses: Some(addresses), ..Setup::default() }).err().unwrap();
    let text = problems.to_string();
    assert!(
        text.contains("states.in.p.requester: expected 2 addresses, one for each topic, found 1"),
        "{text}"
    );
}
