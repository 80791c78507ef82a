//! What is seen of services that run: every kind of handler, both ends of every kind of connection, and states.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::connection::tap::{Attached, Direction, Hub, Kind, Next, Observed, Record, Tap, Wanted};
use crate::model::{ConnectionModel, StateModel, Type};
use crate::value::Value;

const LONG: Duration = Duration::from_secs(60);

/// A service that runs, and what is seen of it.
struct Seen {
    stop: Stop,
    thread: thread::JoinHandle<std::result::Result<(), RunError>>,
    attached: Attached,
    records: Vec<Record>,
}

impl Seen {
    fn start(service: Service, addresses: serde_json::Value, main_mode: bool) -> Self {
        let setup = Setup { addresses: Some(addresses), main_mode, ..Setup::default() };
        let prepared = service.prepare(&setup).unwrap();
        let attached = prepared.tap().attach(Wanted::default()).unwrap();
        let stop = Stop::new();
        let asked = stop.clone();
        Self { stop, thread: thread::spawn(move || prepared.run(&asked)), attached, records: Vec::new() }
    }

    /// Waits until a message of this connection, direction and kind is seen, and gives it.
    fn wait_for(&mut self, connection: &str, direction: Direction, kind: Kind) -> Record {
        let until = Instant::now() + LONG;
        let is_it = |record: &Record| {
            (&*record.connection, record.direction, record.kind) == (connection, direction, kind)
        };
        loop {
            if let Some(place) = self.records.iter().position(is_it) {
                return self.records.remove(place);
            }
            match self.attached.next(Duration::from_millis(50)) {
                Next::Record(record) => self.records.push(record),
                _ => assert!(Instant::now() < until, "no {kind:?} of {connection} among {:?}", self.records),
            }
        }
    }

    fn end(self) {
        self.stop.stop();
        self.thread.join().unwrap().unwrap();
    }
}

fn replyer(name: &str) -> ConnectionModel {
    ConnectionModel::replyer(name).requires("text", Type::Str).returns("text", Type::Str)
}

fn at(folder: &TempDir, name: &str) -> String {
    format!("ipc://{}/{name}", folder.path().display())
}

fn echo(asked: Value) -> Result<Value> {
    Ok(asked)
}

async fn echo_later(asked: Value) -> Result<Value> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    Ok(asked)
}

fn refuse(_: Value) -> Result<Value> {
    Err(Refused::new("closed", "not today").into())
}

fn hear(_: Value) -> Result<()> {
    Ok(())
}

#[test]
fn both_ends_of_requests_are_seen_with_every_kind_of_handler() {
    let folder = TempDir::new().unwrap();
    let names = ["plain", "later", "worker", "closed"];
    let asked = Service::new("asked")
        .receives(replyer("plain"), echo)
        .receives(replyer("later"), echo_later)
        .receives(replyer("worker"), workers(1, echo))
        .receives(replyer("closed"), refuse);
    let sockets = |socket: &str| {
        let entry = |name: &str| (name.to_owned(), json!({ socket: at(&folder, name) }));
        serde_json::Map::from_iter(names.map(entry))
    };
    let mut asked = Seen::start(asked, json!({ "in": sockets("replyer") }), false);
    let mut asking = Service::new("asking").main(move |to_send: BlockingToSend| {
        for name in names {
            let _ = to_send.request::<Value>(name, json!({ "text": "hi" })).within(LONG).wait();
        }
        Ok(())
    });
    for name in names {
        asking = asking.connection(
            ConnectionModel::requester(name).requires("text", Type::Str).returns("text", Type::Str),
        );
    }
    let mut asking = Seen::start(asking, json!({ "out": sockets("requester") }), true);
    for name in names {
        let (out, into) = (format!("out.{name}"), format!("in.{name}"));
        let ending = if name == "closed" { Kind::ErrorReply } else { Kind::Reply };
        let sent = asking.wait_for(&out, Direction::Out, Kind::Request);
        let came = asked.wait_for(&into, Direction::In, Kind::Request);
        let replied = asked.wait_for(&into, Direction::Out, ending);
        let heard = asking.wait_for(&out, Direction::In, ending);
        let outcome = if name == "closed" { "closed" } else { "ok" };
        for end in [&replied, &heard] {
            assert!(end.took.is_some() && end.outcome.as_deref() == Some(outcome), "{end:?}");
        }
        assert_eq!((&sent.body, sent.size), (&came.body, came.size), "{name}");
        assert_eq!((&replied.body, replied.size), (&heard.body, heard.size), "{name}");
        assert!(sent.workflow_id.is_some());
        for other in [&came, &replied, &heard] {
            assert_eq!(other.workflow_id, sent.workflow_id, "{name}");
        }
        assert_eq!(sent.peer.as_deref(), Some(&*at(&folder, name)));
    }
    asked.end();
    asking.thread.join().unwrap().unwrap();
}

#[test]
fn what_is_published_is_seen_with_what_handlers_made_of_it() {
    let folder = TempDir::new().unwrap();
    let news = |model: ConnectionModel| model.requires("text", Type::Str).topic("eu");
    let listening = Service::new("listening").receives(news(ConnectionModel::subscriber("news")), hear);
    let addresses = json!({ "in": { "news": { "subscriber": at(&folder, "news") } } });
    let mut listening = Seen::start(listening, addresses, false);
    let telling = Service::new("telling").connection(news(ConnectionModel::publisher("news"))).main(
        |to_send: BlockingToSend| {
            while to_send.sleep(Duration::from_millis(10)).is_ok() {
                to_send.publish("news", json!({ "text": "hi" }))?;
            }
            Ok(())
        },
    );
    let addresses = json!({ "out": { "news": { "publisher": at(&folder, "news") } } });
    let mut telling = Seen::start(telling, addresses, true);
    let sent = telling.wait_for("out.news", Direction::Out, Kind::Message);
    let came = listening.wait_for("in.news", Direction::In, Kind::Message);
    let handled = listening.wait_for("in.news", Direction::In, Kind::Handled);
    assert_eq!((sent.topic.as_deref(), came.topic.as_deref()), (Some("eu"), Some("eu")));
    assert_eq!((&handled.workflow_id, handled.outcome.as_deref()), (&came.workflow_id, Some("ok")));
    telling.end();
    listening.end();
}

#[test]
fn a_function_of_the_service_is_seen_as_who_is_asked() {
    let double = ConnectionModel::external_request("double").requires("n", Type::Int).returns("n", Type::Int);
    let own = Service::new("own")
        .external_request(double, |mut asked: std::collections::BTreeMap<String, i64>| {
            asked.values_mut().for_each(|n| *n *= 2);
            Ok(asked)
        })
        .main(|to_send: BlockingToSend| {
            let doubled: Value = to_send.request("double", json!({ "n": 21 })).wait()?;
            assert_eq!(doubled.get("n"), Some(&Value::Int(42)));
            Ok(())
        });
    let mut own = Seen::start(own, json!({}), true);
    let sent = own.wait_for("out.double", Direction::Out, Kind::Request);
    let heard = own.wait_for("out.double", Direction::In, Kind::Reply);
    assert_eq!((&sent.workflow_id, heard.outcome.as_deref()), (&heard.workflow_id, Some("ok")));
    own.thread.join().unwrap().unwrap();
}

#[test]
fn a_function_of_the_service_that_does_not_answer_is_seen_to() {
    let hang = ConnectionModel::external_request("hang").requires("n", Type::Int).returns("n", Type::Int);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let own = Service::new("own")
        .external_request(hang, move |asked: std::collections::BTreeMap<String, i64>| {
            let _gone = released.lock().unwrap().recv();
            Ok(asked)
        })
        .main(|to_send: BlockingToSend| {
            let asked = to_send.request::<Value>("hang", json!({ "n": 1 })).within(Duration::from_millis(5));
            assert!(asked.wait().is_err());
            Ok(())
        });
    let mut own = Seen::start(own, json!({}), true);
    let sent = own.wait_for("out.hang", Direction::Out, Kind::Request);
    let ended = own.wait_for("out.hang", Direction::In, Kind::Unanswered);
    assert_eq!((&sent.workflow_id, ended.outcome.as_deref()), (&ended.workflow_id, Some("timeout")));
    assert!(sent.workflow_id.is_some() && ended.took.is_some(), "{ended:?}");
    drop(release);
    own.thread.join().unwrap().unwrap();
}

#[test]
fn states_are_seen_at_both_ends() {
    let folder = TempDir::new().unwrap();
    let sockets = |pairs: [(&str, &str); 2]| {
        serde_json::Map::from_iter(pairs.map(|(socket, name)| (socket.to_owned(), json!(at(&folder, name)))))
    };
    let owner = Service::new("owner").state(StateModel::delta_out("book", Type::Any)).main(
        |to_send: BlockingToSend| {
            let book = to_send.delta("book")?;
            let mut number = 0;
            while to_send.sleep(Duration::from_millis(10)).is_ok() {
                number += 1;
                book.set("k", number)?;
            }
            Ok(())
        },
    );
    let book = sockets([("publisher", "book"), ("replyer", "answers")]);
    let mut owner = Seen::start(owner, json!({ "states": { "out": { "book": book } } }), true);
    let told = StateModel::delta_in("book", Type::Any);
    let replica = Service::new("replica").follows(told, |_: Value| -> Result<()> { Ok(()) });
    let book = sockets([("subscriber", "book"), ("requester", "answers")]);
    let mut replica = Seen::start(replica, json!({ "states": { "in": { "book": book } } }), false);
    owner.wait_for("states.out.book", Direction::Out, Kind::Update);
    owner.wait_for("states.out.book", Direction::In, Kind::SnapshotRequest);
    let answer = owner.wait_for("states.out.book", Direction::Out, Kind::SnapshotReply);
    replica.wait_for("states.in.book", Direction::Out, Kind::SnapshotRequest);
    let heard = replica.wait_for("states.in.book", Direction::In, Kind::SnapshotReply);
    assert_eq!(heard.body, answer.body);
    replica.wait_for("states.in.book", Direction::In, Kind::Update);
    replica.wait_for("states.in.book (changes)", Direction::In, Kind::Change);
    replica.wait_for("states.in.book (changes)", Direction::In, Kind::Handled);
    replica.end();
    owner.end();
}

#[test]
fn a_request_without_an_answer_says_why() {
    let folder = TempDir::new().unwrap();
    let asking = Service::new("asking").connection(ConnectionModel::requester("ask")).main(
        |to_send: BlockingToSend| {
            let _ = to_send.request::<Value>("ask", json!({})).within(Duration::from_millis(5)).wait();
            Ok(())
        },
    );
    let addresses = json!({ "out": { "ask": { "requester": at(&folder, "nobody") } } });
    let mut asking = Seen::start(asking, addresses, true);
    let ended = asking.wait_for("out.ask", Direction::In, Kind::Unanswered);
    assert_eq!((ended.outcome.as_deref(), ended.body.as_deref()), (Some("timeout"), Some(&[][..])));
    assert!(ended.took.is_some() && ended.workflow_id.is_some(), "{ended:?}");
    asking.thread.join().unwrap().unwrap();
    assert!(fs::metadata(folder.path()).is_ok());
}

#[test]
fn who_does_not_take_what_is_seen_holds_up_nobody() {
    let hub = Arc::<Hub>::default();
    let slow = hub.attach(Wanted::default()).unwrap();
    let tap = Tap::new(&hub, "in.ask");
    let frame = [0x80; 100];
    let given = 50_000;
    (0..given).for_each(|_| tap.observe(|| Observed::came_in(Kind::Message, &frame)));
    let mut taken = 0;
    while let Next::Record(_) = slow.next(Duration::ZERO) {
        taken += 1;
    }
    assert!(taken > 0 && slow.dropped() > 0, "{taken}");
    assert_eq!(taken + slow.dropped(), given);
}
