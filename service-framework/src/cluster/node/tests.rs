//! Nodes on sockets and in memory, in one process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::keys::Keys;
use super::super::map::Write;
use super::super::settings::Founding;
use super::super::transport::MemoryNetwork;
use super::super::{Delivery, Instance, Payload, Policy, RequestError};
use super::*;
use crate::store::Store;

pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn on_sockets() -> NodeBuilder {
    Node::builder("test").listen("127.0.0.1:0")
}

pub(super) fn joined(first: &Node, builder: NodeBuilder) -> Node {
    builder.join([&first.addresses()[0].0]).start().unwrap()
}

/// Some nodes that know each other.
fn some(count: usize, make: impl Fn() -> NodeBuilder) -> Vec<Node> {
    let mut nodes = vec![make().start().unwrap()];
    while nodes.len() < count {
        let next = joined(&nodes[0], make());
        nodes.push(next);
    }
    assert!(nodes.iter().all(|node| node.wait_for(count, PATIENCE)));
    nodes
}

#[test]
fn events_reach_all_and_replies_come_back() {
    let got = Arc::new(Mutex::new(Vec::new()));
    let heard = got.clone();
    let nodes = some(3, move || {
        let heard = heard.clone();
        on_sockets()
            .on("greet", move |node, event| {
                heard.lock().unwrap().push((node.id(), event.payload.to::<String>()?));
                Ok(())
            })
            .on_request("double", |_, asked| Ok(Payload::of(&(asked.payload.to::<i64>()? * 2))?))
    });
    assert_eq!(nodes[0].emit("greet", &Payload::of("hello").unwrap(), true).unwrap(), 2);
    until("all heard it", || got.lock().unwrap().len() == 3);
    let reply = nodes[1].request(nodes[2].id(), "double", Payload::of(&21).unwrap(), PATIENCE).unwrap();
    assert_eq!(reply.to::<i64>().unwrap(), 42);
    let outcome =
        nodes[2].emit_acked("greet", &Payload::of("again").unwrap(), Policy::All, PATIENCE).unwrap();
    let outcome = outcome.wait().unwrap();
    assert!(outcome.is_met && outcome.nodes.iter().all(|(_, delivery)| *delivery == Delivery::Acked));
}

#[test]
fn a_large_event_arrives_whole_and_one_that_is_too_large_is_refused() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let heard = sizes.clone();
    let nodes = some(2, move || {
        let heard = heard.clone();
        on_sockets().settings(|settings| settings.frame_bytes = 160 << 20).on("large", move |_, event| {
            let is_whole = event.payload.data.iter().all(|byte| *byte == 9);
            heard.lock().unwrap().push((event.payload.data.len(), is_whole));
            Ok(())
        })
    });
    for size in [1 << 20, 64 << 20] {
        nodes[0].emit("large", &Payload::raw(&vec![9; size]), false).unwrap();
    }
    until("both came", || sizes.lock().unwrap().len() == 2);
    assert_eq!(*sizes.lock().unwrap(), [(1 << 20, true), (64 << 20, true)]);
    assert!(nodes[0].emit("large", &Payload::raw(&vec![9; 81 << 20]), false).is_err());
    assert!(nodes.iter().all(|node| node.wait_for(2, PATIENCE)));
}

#[test]
fn errors_and_panics_of_handlers_are_seen_and_harm_nothing_else() {
    let nodes = some(2, || {
        on_sockets()
            .on("fails", |_, _| Err("no paper".into()))
            .on("panics", |_, _| panic!("on fire"))
            .on_request("refuses", |_, _| Err("out of ink".into()))
            .on_request("works", |_, asked| Ok(asked.payload.clone()))
    });
    let seen = nodes[1].happenings();
    let nothing = Payload::default();
    nodes[0].emit("fails", &nothing, false).unwrap();
    nodes[0].emit("panics", &nothing, false).unwrap();
    let asked = nodes[0].request(nodes[1].id(), "refuses", nothing.clone(), PATIENCE);
    assert_eq!(asked, Err(RequestError::Remote("out of ink".to_owned())));
    assert!(nodes[0].request(nodes[1].id(), "works", nothing.clone(), PATIENCE).is_ok());
    let mut failures = Vec::new();
    while failures.len() < 3 {
        if let Happening::HandlerFailed { name, error } = seen.recv_timeout(PATIENCE).unwrap() {
            failures.push(format!("{name}: {error}"));
        }
    }
    failures.sort();
    assert_eq!(failures, ["fails: no paper", "panics: it panicked: on fire", "refuses: out of ink"]);
    let nobody = nodes[0].request(nodes[1].id(), "unknown", nothing, PATIENCE);
    assert_eq!(nobody, Err(RequestError::NoResponders("unknown".to_owned())));
}

#[test]
fn one_dead_node_does_not_disturb_events_to_the_others() {
    let count = Arc::new(AtomicUsize::new(0));
    let heard = count.clone();
    let mut nodes = some(3, move || {
        let heard = heard.clone();
        on_sockets().on("tick", move |_, _| {
            heard.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    });
    let dead = nodes.pop().unwrap();
    let id = dead.id();
    drop(dead);
    for _ in 0..50 {
        nodes[0].emit("tick", &Payload::default(), false).unwrap();
    }
    until("the living one has all", || count.load(Ordering::SeqCst) >= 50);
    assert!(nodes.iter().all(|node| node.wait_for(2, PATIENCE)));
    let sent = nodes[0].send(id, "tick", &Payload::default());
    assert_eq!(sent, Err(super::super::CallError::NodeDown(id)));
    nodes[0].emit("tick", &Payload::default(), false).unwrap();
    until("and what came later", || count.load(Ordering::SeqCst) >= 51);
}

#[test]
fn a_node_that_leaves_is_left_and_not_failed() {
    let nodes = some(2, on_sockets);
    let seen = nodes[0].happenings();
    nodes[1].leave();
    assert!(nodes[1].is_over());
    let change = loop {
        match seen.recv_timeout(PATIENCE).unwrap() {
            Happening::Member(change) if change.change != Change::Updated => break change,
            _ => {}
        }
    };
    assert_eq!((change.change, change.node), (Change::Left, nodes[1].id()));
}

#[test]
fn late_joiners_get_shared_data_and_writes_say_who_has_them() {
    let nodes = some(2, on_sockets);
    let map = nodes[0].map("stock");
    for number in 0..200 {
        map.set(&format!("item {number}"), &number).unwrap();
    }
    map.add("visits", 3).unwrap();
    nodes[1].map("stock").add("visits", 4).unwrap();
    map.insert("tags", "red").unwrap();
    map.insert("tags", "blue").unwrap();
    map.remove("tags", "red").unwrap();
    map.delete("item 0").unwrap();
    let late = joined(&nodes[1], on_sockets());
    let theirs = late.map("stock");
    until("it has all", || {
        theirs.get::<i64>("item 199").unwrap() == Some(199)
            && theirs.total("visits") == 7
            && theirs.elements::<String>("tags").unwrap() == ["blue"]
    });
    assert_eq!(theirs.get::<i64>("item 0").unwrap(), None);
    assert!(nodes.iter().all(|node| node.wait_for(3, PATIENCE)));
    let written = map.set_with("item 1", &"one", Write::All, PATIENCE).unwrap();
    assert!(written.is_met && written.by.len() == 2);
    assert_eq!(theirs.get::<String>("item 1").unwrap(), Some("one".to_owned()));
}

#[test]
fn a_node_with_a_disk_is_the_same_when_it_starts_again() {
    let (first, store) = (on_sockets().start().unwrap(), Store::in_memory());
    let begin = || on_sockets().name("kept").store(store.clone());
    let node = joined(&first, begin());
    assert!(node.wait_for(2, PATIENCE));
    let id = node.id();
    node.map("data").set("key", &"value").unwrap();
    until("peers are kept", || store.head("cluster/peers").unwrap() > 0);
    drop(node);
    assert!(first.wait_for(1, PATIENCE));
    // It is told nobody to join: it remembers whom it knew.
    let again = begin().founding(Founding::Never).start().unwrap();
    assert_eq!(again.id(), id);
    assert_eq!(again.map("data").get::<String>("key").unwrap(), Some("value".to_owned()));
    assert!(again.wait_for(2, PATIENCE) && first.wait_for(2, PATIENCE));
    let me = again.members().into_iter().find(|member| member.is_me).unwrap();
    assert!(me.epoch >= 2, "{me:?}");
}

#[test]
fn a_folder_is_that_of_one_node() {
    let folder = tempfile::tempdir().unwrap();
    let begin = || on_sockets().folder(folder.path());
    let node = begin().start().unwrap();
    let error = begin().start().unwrap_err().to_string();
    assert!(error.contains("another process has it"), "{error}");
    let id = node.id();
    drop(node);
    assert_eq!(begin().start().unwrap().id(), id);
}

#[test]
fn without_keys_a_node_does_not_listen_where_others_can_reach_it() {
    let open = || Node::builder("test").listen("tcp://0.0.0.0:0");
    assert!(matches!(open().start(), Err(NodeError::Insecure(_))));
    assert!(open().insecure().start().is_ok());
    assert!(open().keys(Keys::generate().unwrap()).start().is_ok());
}

#[test]
fn nodes_with_the_same_keys_are_a_cluster_and_others_stay_out() {
    let keys = Keys::generate().unwrap();
    let with_keys = keys.clone();
    let nodes = some(2, move || on_sockets().keys(with_keys.clone()));
    let stranger = joined(&nodes[0], on_sockets().founding(Founding::Never));
    let other = joined(&nodes[0], on_sockets().keys(Keys::generate().unwrap()).founding(Founding::Never));
    nodes[0].map("m").set("k", &1).unwrap();
    until("data goes round", || nodes[1].map("m").get::<i64>("k").unwrap() == Some(1));
    std::thread::sleep(Duration::from_secs(2));
    for outsider in [&stranger, &other] {
        assert!(outsider.wait_for(1, Duration::ZERO) && outsider.map("m").get::<i64>("k").unwrap().is_none());
    }
    assert!(nodes.iter().all(|node| node.wait_for(2, Duration::ZERO)));
}

/// Keeps the last event of one name in the map of its own.
struct Keeper;

impl NodeType for Keeper {
    fn name(&self) -> &str {
        "keeper"
    }

    fn info(&self) -> std::collections::BTreeMap<String, String> {
        [("kind".to_owned(), "test".to_owned())].into()
    }

    fn on_event(&self, node: &Node, event: &Event) -> Result<(), HandlerError> {
        Ok(node.map("keeper").set("last", &event.name)?)
    }

    fn on_fetch(&self, node: &Node, _: &Asked) -> Result<Payload, HandlerError> {
        Ok(Payload::of(&node.map("keeper").get::<String>("last")?)?)
    }
}

/// Notes what becomes of the map of the other.
struct Noter(Arc<Mutex<Vec<MapChange>>>);

impl NodeType for Noter {
    fn name(&self) -> &str {
        "noter"
    }

    fn on_start(&self, node: &Node) -> Result<(), HandlerError> {
        Ok(node.map("noter").set("started", &true)?)
    }

    fn on_replicate(&self, _: &Node, change: &MapChange) -> Result<(), HandlerError> {
        self.0.lock().unwrap().push(change.clone());
        Ok(())
    }
}

#[test]
fn a_node_has_several_parts() {
    let (network, changes) = (MemoryNetwork::default(), Arc::new(Mutex::new(Vec::new())));
    let noter = Noter(changes.clone());
    let one = Node::builder("test").in_memory(&network, "one").with(Keeper).with(noter).start().unwrap();
    let two = Node::builder("test").in_memory(&network, "two").join(["memory://one"]).start().unwrap();
    assert!(one.wait_for(2, PATIENCE) && two.wait_for(2, PATIENCE));
    two.emit("news", &Payload::default(), false).unwrap();
    until("it is kept", || two.map("keeper").get::<String>("last").unwrap().as_deref() == Some("news"));
    let fetched = two.request(one.id(), "keeper", Payload::default(), PATIENCE).unwrap();
    assert_eq!(fetched.to::<Option<String>>().unwrap().as_deref(), Some("news"));
    until("the other is told of its own map", || !changes.lock().unwrap().is_empty());
    assert!(changes.lock().unwrap().iter().all(|change| change.map == "noter" && change.key == "started"));
    let seen = two.members().into_iter().find(|member| member.node == one.id()).unwrap();
    assert_eq!(seen.info.get("keeper.kind").map(String::as_str), Some("test"));
    let twice = Node::builder("test").in_memory(&network, "three").with(Keeper).with(Keeper).start();
    assert!(matches!(twice, Err(NodeError::SameName(_))));
}

#[test]
fn an_idempotent_request_to_a_service_survives_the_end_of_an_instance() {
    let serve = || {
        let instance = Instance { service: "shop".into(), endpoints: [].into(), weight: 1, ready: true };
        on_sockets().service(instance).on_request("slow", |_, asked| {
            std::thread::sleep(Duration::from_millis(20));
            Ok(asked.payload.clone())
        })
    };
    let mut servers = some(2, serve);
    let client = joined(&servers[0], on_sockets());
    assert!(client.wait_for(3, PATIENCE));
    let asking = client.clone();
    let work = std::thread::spawn(move || {
        (0..100)
            .filter(|_| asking.request_service("shop", "slow", Payload::default(), PATIENCE, true).is_err())
            .count()
    });
    std::thread::sleep(Duration::from_millis(300));
    drop(servers.pop());
    assert_eq!(work.join().unwrap(), 0);
    drop(servers);
    let nobody = || client.request_service("shop", "slow", Payload::default(), Duration::from_secs(1), true);
    until("nobody answers any more", || matches!(nobody(), Err(RequestError::NoResponders(_))));
}

#[test]
fn nodes_are_started_again_one_by_one_without_a_failed_request() {
    let serve = || {
        let instance = Instance { service: "shop".into(), endpoints: [].into(), weight: 1, ready: true };
        on_sockets().service(instance).on_request("work", |_, asked| {
            std::thread::sleep(Duration::from_millis(5));
            Ok(asked.payload.clone())
        })
    };
    let mut servers = some(3, serve);
    let client = joined(&servers[0], on_sockets());
    assert!(client.wait_for(4, PATIENCE));
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (asking, stop) = (client.clone(), is_over.clone());
    let load = std::thread::spawn(move || {
        let (mut done, mut failures) = (0, Vec::new());
        while !stop.load(Ordering::SeqCst) {
            match asking.request_service("shop", "work", Payload::default(), PATIENCE, true) {
                Ok(_) => done += 1,
                Err(error) => failures.push(error),
            }
        }
        (done, failures)
    });
    for place in 0..3 {
        servers.remove(0).leave();
        assert!(client.wait_for(3, PATIENCE), "{place}");
        servers.push(joined(&client, serve()));
        assert!(client.wait_for(4, PATIENCE), "{place}");
    }
    is_over.store(true, Ordering::SeqCst);
    let (done, failures) = load.join().unwrap();
    assert!(failures.is_empty() && done > 0, "{done} done, {failures:?}");
}

#[test]
fn one_who_is_no_node_asks_and_watches() {
    let node = on_sockets().name("asked").start().unwrap();
    let address = node.addresses()[0].0.clone();
    let answer = |question: serde_json::Value| {
        let mut answer = serde_json::Value::Null;
        ask(&address, None, &question, PATIENCE, &mut |json| {
            answer = json.clone();
            false
        })
        .unwrap();
        answer
    };
    use serde_json::json;
    assert_eq!(answer(json!({ "ask": "members" }))["members"][0]["name"], "asked");
    let set = json!({ "ask": "map_set", "map": "m", "key": "k", "value": {"a": [1, 2]} });
    assert_eq!(answer(set)["written"], true);
    assert_eq!(
        answer(json!({ "ask": "map_get", "map": "m", "key": "k" }))["entries"][0]["value"],
        json!({"a": [1, 2]})
    );
    assert!(answer(json!({ "ask": "nonsense" }))["error"].is_string());
    assert_eq!(answer(json!({ "ask": "inspect" }))["counts"]["forged"], 0);
    let (mut seen, emitter) = (Vec::new(), node.clone());
    ask(&address, None, &json!({ "ask": "events", "name": "news" }), PATIENCE, &mut |json| {
        if json["watching"] == true {
            emitter.emit("other", &Payload::default(), true).unwrap();
            emitter.emit("news", &Payload::of(&7).unwrap(), true).unwrap();
            return true;
        }
        seen.push(json["data"].clone());
        false
    })
    .unwrap();
    assert_eq!(seen, [json!(7)]);
    assert_eq!(answer(json!({ "ask": "leave" }))["leaving"], node.id().to_string());
    until("it has left", || node.is_over());
}

#[test]
fn what_is_no_address_is_told_before_anything_is_opened() {
    let wrong = |builder: NodeBuilder| match builder.start() {
        Err(NodeError::Address { flag, .. }) => flag,
        other => panic!("{:?}", other.err()),
    };
    for address in ["127.0.0.1:99999", "127.0.0.1:80x", "nonsense", "", "inproc://a", "cluster://a/b"] {
        assert_eq!(wrong(Node::builder("test").listen(address)), "--listen", "{address}");
        assert_eq!(wrong(on_sockets().join([address])), "--join", "{address}");
    }
    for address in ["*:60858", "127.0.0.1:0"] {
        assert_eq!(wrong(on_sockets().join([address])), "--join", "{address}");
    }
}

#[test]
fn a_folder_is_that_of_one_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let node = |cluster: &str| Node::builder(cluster).listen("127.0.0.1:0").folder(folder.path()).start();
    node("shop").unwrap().leave();
    assert!(matches!(node("other"), Err(NodeError::OtherCluster { kept, .. }) if kept == "shop"));
    node("shop").unwrap().leave();
}
