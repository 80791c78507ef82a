//! Services against each other over real sockets, in one process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::model::{ConnectionModel, Type};
use crate::value::Value;
use crate::wire::WorkflowId;

const LONG: Duration = Duration::from_secs(20);

#[derive(Deserialize, Serialize)]
struct Text {
    text: String,
}

fn text(text: &str) -> Text {
    Text { text: text.into() }
}

/// A folder for the sockets of one test.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn at(&self, name: &str) -> String {
        format!("ipc://{}/{name}", self.0.path().display())
    }
}

fn replyer(name: &str) -> ConnectionModel {
    ConnectionModel::replyer(name).requires("text", Type::Str).returns("text", Type::Str)
}

fn requester(name: &str) -> ConnectionModel {
    ConnectionModel::requester(name).requires("text", Type::Str).returns("text", Type::Str)
}

/// A service on a thread of its own.
struct Running {
    stop: Stop,
    thread: JoinHandle<std::result::Result<(), RunError>>,
}

impl Running {
    fn start(service: Service, addresses: serde_json::Value) -> Self {
        Self::start_with(service, &Setup { addresses: Some(addresses), ..Setup::default() })
    }

    fn start_with(service: Service, setup: &Setup<'_>) -> Self {
        let prepared = service.prepare(setup).unwrap();
        let stop = Stop::new();
        let asked = stop.clone();
        Self { stop, thread: thread::spawn(move || prepared.run(&asked)) }
    }

    fn end(self) -> std::result::Result<(), RunError> {
        self.stop.stop();
        self.thread.join().unwrap()
    }
}

/// Runs `main` with one requester `ask` to `address`.
fn ask<R: Send + 'static>(
    address: impl Into<serde_json::Value>,
    main: impl FnOnce(&BlockingToSend) -> R + Send + 'static,
) -> R {
    let (result, got) = mpsc::channel();
    let asker = Service::new("asker").connection(requester("ask")).main(move |to_send: BlockingToSend| {
        result.send(main(&to_send)).unwrap();
        Ok(())
    });
    let addresses = json!({"out": {"ask": {"requester": address.into()}}});
    let setup = Setup { addresses: Some(addresses), main_mode: true, ..Setup::default() };
    asker.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    got.recv().unwrap()
}

fn shout(asked: Text) -> Result<Text> {
    Ok(Text { text: asked.text.to_uppercase() })
}

#[test]
fn a_request_is_answered_by_a_plain_an_async_and_a_worker_handler() {
    async fn shout_later(asked: Text) -> Result<Text> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        shout(asked)
    }
    let place = Place::new();
    let service = Service::new("shouter")
        .receives(replyer("plain"), shout)
        .receives(replyer("later"), shout_later)
        .receives(replyer("worker"), workers(2, shout));
    let names = ["plain", "later", "worker"];
    let entry = |name: &str| (name.to_owned(), json!({"replyer": place.at(name)}));
    let addresses = json!({"in": serde_json::Map::from_iter(names.map(entry))});
    let running = Running::start(service, addresses);
    for name in names {
        let answer: Text = ask(place.at(name), |to_send| to_send.request("ask", text("hi")).wait().unwrap());
        assert_eq!(answer.text, "HI", "{name}");
    }
    running.end().unwrap();
}

#[test]
fn handler_failures_are_typed_errors_and_the_service_goes_on() {
    fn fails(asked: Text) -> Result<Value> {
        match asked.text.as_str() {
            "refuse" => Err(Refused::new("not_today", "closed").with_details(7).into()),
            "reserved" => Err(Refused::new("stopping", "a lie").into()),
            "error" => Err(std::io::Error::other("secret"))?,
            "panic" => panic!("secret"),
            "nothing" => Ok(Value::Nil),
            _ => Ok(Value::Map(vec![("nope".into(), 1.into())])),
        }
    }
    let place = Place::new();
    let service = Service::new("failing").receives(replyer("fail"), fails);
    let running = Running::start(service, json!({"in": {"fail": {"replyer": place.at("fail")}}}));
    let answers = ask(place.at("fail"), |to_send| {
        ["refuse", "reserved", "error", "panic", "nothing", "other"].map(|what| {
            match to_send.request::<Value>("ask", text(what)).wait() {
                Err(SendError::Refused { error, .. }) => error,
                other => panic!("{what}: {other:?}"),
            }
        })
    });
    let codes = answers.each_ref().map(|error| error.code.as_str());
    assert_eq!(
        codes,
        [
            "not_today",
            "handler_failed",
            "handler_failed",
            "handler_failed",
            "invalid_return",
            "invalid_return"
        ]
    );
    assert_eq!((answers[0].message.as_str(), &answers[0].details), ("closed", &Value::from(7)));
    assert!(answers.iter().all(|error| !error.message.contains("secret")), "{answers:?}");
    running.end().unwrap();
}

#[test]
fn slow_handlers_hold_up_nobody() {
    async fn slow_if_asked(asked: Text) -> Result<Text> {
        if asked.text == "slow" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok(asked)
    }
    let place = Place::new();
    let service = Service::new("mixed").receives(replyer("mixed"), slow_if_asked);
    let running = Running::start(service, json!({"in": {"mixed": {"replyer": place.at("mixed")}}}));
    ask(place.at("mixed"), |to_send| {
        let slow = to_send.request::<Text>("ask", text("slow")).start();
        let began = Instant::now();
        for _ in 0..100 {
            let _fast: Text = to_send.request("ask", text("fast")).wait().unwrap();
        }
        let fast_took = began.elapsed();
        assert_eq!(slow.wait().unwrap().text, "slow");
        assert!(fast_took < began.elapsed(), "the fast ones came first");
    });
    running.end().unwrap();
}

#[test]
fn nested_requests_number_their_workflow_and_circles_end() {
    async fn outer(asked: Text, to_send: ToSend) -> Result<Text> {
        if asked.text.len() > 2 {
            return Ok(asked);
        }
        let first: Text = to_send.request("other", text(&format!("{}!", asked.text))).await?;
        let second: Text = to_send.request("other", text(&format!("{}?", asked.text))).await?;
        Ok(Text { text: first.text + &second.text })
    }
    fn seen_id(
        ids: &Arc<Mutex<Vec<String>>>,
    ) -> impl Fn(Text, WorkflowId, ToSend) -> std::pin::Pin<Box<dyn Future<Output = Result<Text>>>> + Send + use<>
    {
        let ids = ids.clone();
        move |asked, id, to_send| {
            ids.lock().unwrap().push(id.to_string());
            Box::pin(async move { Ok(to_send.request::<Text>("back", asked).await?) })
        }
    }
    let (place, ids) = (Place::new(), Arc::default());
    let a = Service::new("a").receives(replyer("a"), outer).connection(requester("other"));
    let b = Service::new("b").receives(replyer("b"), seen_id(&ids)).connection(requester("back"));
    let a = Running::start(
        a,
        json!({"in": {"a": {"replyer": place.at("a")}}, "out": {"other": {"requester": place.at("b")}}}),
    );
    let b = Running::start(
        b,
        json!({"in": {"b": {"replyer": place.at("b")}}, "out": {"back": {"requester": place.at("a")}}}),
    );
    let answer: Text =
        ask(place.at("a"), |to_send| to_send.request("ask", text("ab")).within(LONG).wait().unwrap());
    assert_eq!(answer.text, "ab!ab?");
    let ids = ids.lock().unwrap();
    assert_eq!(ids[1], format!("{}_1", ids[0]));
    a.end().unwrap();
    b.end().unwrap();
}

#[test]
fn a_request_to_nobody_ends_at_its_deadline_and_a_lost_peer_at_once() {
    let begun = Arc::new(AtomicUsize::new(0));
    let has_begun = begun.clone();
    let never = move |_asked: Text| {
        begun.store(1, Ordering::SeqCst);
        std::future::pending::<Result<Text>>()
    };
    let place = Place::new();
    let nobody = ask(place.at("nobody"), |to_send| {
        to_send.request::<Text>("ask", text("hi")).within(Duration::from_millis(50)).wait().map(|_| ())
    });
    assert!(matches!(nobody, Err(SendError::Timeout { no_peer: true, .. })), "{nobody:?}");

    let service = Service::new("silent").receives(replyer("never"), never);
    let setup = Setup {
        addresses: Some(json!({"in": {"never": {"replyer": place.at("never")}}})),
        grace: Duration::ZERO,
        ..Setup::default()
    };
    let running = Running::start_with(service, &setup);
    let stop = running.stop.clone();
    let lost = ask(place.at("never"), move |to_send| {
        let waiting = to_send.request::<Text>("ask", text("hi")).within(LONG).start();
        while has_begun.load(Ordering::SeqCst) == 0 {
            to_send.sleep(Duration::from_millis(2)).unwrap();
        }
        stop.stop();
        let began = Instant::now();
        (waiting.wait().map(|_| ()), began.elapsed())
    });
    assert!(matches!(lost.0, Err(SendError::NoPeer { .. })), "{lost:?}");
    assert!(lost.1 < LONG / 2, "{lost:?}");
    assert!(matches!(running.end(), Err(RunError::GraceOver(_))));
}

#[test]
fn a_request_waits_for_a_replyer_that_starts_later() {
    let place = Place::new();
    let address = place.at("late");
    let asker = thread::spawn({
        let address = address.clone();
        move || {
            ask(address, |to_send| to_send.request::<Text>("ask", text("hi")).within(LONG).wait().unwrap())
        }
    });
    thread::sleep(Duration::from_millis(50));
    let running = Running::start(
        Service::new("late").receives(replyer("late"), shout),
        json!({"in": {"late": {"replyer": address}}}),
    );
    assert_eq!(asker.join().unwrap().text, "HI");
    running.end().unwrap();
}

#[test]
fn published_messages_arrive_in_order_with_and_without_a_topic() {
    #[derive(Deserialize, Serialize)]
    struct Tick {
        seq: i64,
    }
    let place = Place::new();
    let got: Arc<Mutex<Vec<(i64, &str)>>> = Arc::default();
    let note = |tag: &'static str| {
        let got = got.clone();
        move |tick: Tick| {
            got.lock().unwrap().push((tick.seq, tag));
            Ok(())
        }
    };
    let subscriber = |name: &str| ConnectionModel::subscriber(name).requires("seq", Type::Int);
    let service = Service::new("listener")
        .receives(subscriber("all"), note("all"))
        .receives(subscriber("eu").topic("eu"), note("eu"))
        .receives(subscriber("us").topic("us"), note("us"));
    let address = place.at("ticks");
    let listen = json!({"subscriber": address});
    let running = Running::start(service, json!({"in": {"all": listen, "eu": listen, "us": listen}}));
    let teller = Service::new("teller")
        .connection(ConnectionModel::publisher("ticks").topic("eu").requires("seq", Type::Int))
        .main(|to_send: BlockingToSend| {
            to_send.sleep(Duration::from_millis(300))?;
            (0..100).try_for_each(|seq| to_send.publish("ticks", Tick { seq }))?;
            Ok(())
        });
    let setup = Setup {
        addresses: Some(json!({"out": {"ticks": {"publisher": address}}})),
        main_mode: true,
        ..Setup::default()
    };
    teller.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    wait_until(|| got.lock().unwrap().len() == 200);
    for tag in ["all", "eu"] {
        let seen: Vec<_> =
            got.lock().unwrap().iter().filter(|(_, by)| *by == tag).map(|(seq, _)| *seq).collect();
        assert_eq!(seen, (0..100).collect::<Vec<_>>(), "{tag}");
    }
    running.end().unwrap();
}

#[test]
fn an_external_function_is_asked_like_a_replyer() {
    let model = ConnectionModel::external_request("double").requires("n", Type::Int).returns("n", Type::Int);
    #[derive(Deserialize, Serialize)]
    struct Number {
        n: i64,
    }
    let service = Service::new("local")
        .external_request(model, |asked: Number| match asked.n {
            0 => Err(Refused::new("zero", "no zero").into()),
            n => Ok(Number { n: 2 * n }),
        })
        .main(|to_send: BlockingToSend| {
            let answer: Number = to_send.request("double", Number { n: 21 }).wait()?;
            assert_eq!(answer.n, 42);
            let refused = to_send.request::<Number>("double", Number { n: 0 }).wait().map(|_| ());
            assert_eq!(refused.unwrap_err().code(), Some("zero"));
            let invalid = to_send.connection("double", json!({"n": "x"}));
            assert!(matches!(invalid, Err(SendError::InvalidArguments { .. })), "{invalid:?}");
            Ok(())
        });
    let setup = Setup { main_mode: true, ..Setup::default() };
    service.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
}

#[test]
fn an_external_function_that_hangs_ends_at_its_deadline() {
    let model =
        ConnectionModel::external_request("hang").requires("text", Type::Str).returns("text", Type::Str);
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let service = Service::new("local")
        .external_request(model, move |asked: Text| {
            let _gone = released.lock().unwrap().recv();
            Ok(asked)
        })
        .main(|to_send: BlockingToSend| {
            let asked = to_send.request::<Text>("hang", text("hi")).within(Duration::from_millis(50)).wait();
            assert!(matches!(asked.map(|_| ()), Err(SendError::Timeout { no_peer: false, .. })));
            Ok(())
        });
    let setup = Setup { main_mode: true, ..Setup::default() };
    service.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    drop(release);
}

#[test]
fn connections_may_share_a_handler() {
    let place = Place::new();
    let service = Service::new("shared")
        .receives(replyer("a").handler("shout"), shout)
        .receives(replyer("b").handler("shout"), shout);
    let addresses = json!({"in": {"a": {"replyer": place.at("a")}, "b": {"replyer": place.at("b")}}});
    let running = Running::start(service, addresses);
    for name in ["a", "b"] {
        let answer: Text = ask(place.at(name), |to_send| to_send.request("ask", text("hi")).wait().unwrap());
        assert_eq!(answer.text, "HI", "{name}");
    }
    running.end().unwrap();
}

#[test]
fn a_request_from_a_thread_that_outlives_its_service_ends() {
    let (keep, kept) = mpsc::channel();
    let service = Service::new("ends").connection(requester("ask")).main(move |to_send: ToSend| {
        let sent = keep.send(to_send);
        async move { Ok(sent?) }
    });
    let place = Place::new();
    let setup = Setup {
        addresses: Some(json!({"out": {"ask": {"requester": place.at("nobody")}}})),
        main_mode: true,
        ..Setup::default()
    };
    service.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let to_send = kept.recv().unwrap();
    let asked = runtime.block_on(async { to_send.request::<Text>("ask", text("hi")).await });
    assert!(matches!(asked.map(|_| ()), Err(SendError::Stopping)));
}

#[test]
fn log_lines_of_a_handler_and_of_its_failure_carry_the_workflow_id() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = {
        let seen = seen.clone();
        move |asked: Text, id: WorkflowId| {
            let mut current = String::new();
            write_current_workflow(&mut current).unwrap();
            seen.lock().unwrap().extend([id.to_string(), current]);
            Ok(asked)
        }
    };
    let place = Place::new();
    let service = Service::new("noting").receives(replyer("note"), note);
    let running = Running::start(service, json!({"in": {"note": {"replyer": place.at("note")}}}));
    let _answer: Text = ask(place.at("note"), |to_send| to_send.request("ask", text("hi")).wait().unwrap());
    running.end().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((seen.len(), &seen[0]), (2, &seen[1]));
}

#[test]
fn main_ends_with_stopping_and_an_async_main_where_it_waits() {
    let lead = |service: Service| {
        let setup = Setup { main_mode: true, ..Setup::default() };
        let (prepared, stop) = (service.prepare(&setup).unwrap(), Stop::new());
        let asked = stop.clone();
        let thread = thread::spawn(move || prepared.run(&asked));
        thread::sleep(Duration::from_millis(50));
        stop.stop();
        thread.join().unwrap().unwrap();
    };
    lead(Service::new("plain").main(|to_send: BlockingToSend| Ok(to_send.sleep(LONG)?)));
    lead(Service::new("async").main(|_to_send: ToSend| async { std::future::pending::<Result>().await }));
}

#[test]
fn a_stop_lets_handlers_finish_and_refuses_newcomers() {
    let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
    let held = {
        let (begun, gate) = (begun.clone(), gate.clone());
        move |asked: Text| {
            let gate = gate.clone();
            begun.fetch_add(1, Ordering::SeqCst);
            async move {
                if asked.text == "first" {
                    gate.notified().await;
                }
                Ok(asked)
            }
        }
    };
    let place = Place::new();
    let running = Running::start(
        Service::new("held").receives(replyer("held"), held),
        json!({"in": {"held": {"replyer": place.at("held")}}}),
    );
    let stop = running.stop.clone();
    let first = ask(place.at("held"), move |to_send| {
        let first = to_send.request::<Text>("ask", text("first")).within(LONG).start();
        while begun.load(Ordering::SeqCst) == 0 {
            to_send.sleep(Duration::from_millis(2)).unwrap();
        }
        stop.stop();
        // What came in before the stop was seen is still handled.
        while to_send.request::<Text>("ask", text("next")).within(LONG).wait().is_ok() {}
        let refused = to_send.request::<Text>("ask", text("late")).within(LONG).wait().map(|_| ());
        assert_eq!(refused.unwrap_err().code(), Some("stopping"));
        gate.notify_one();
        first.wait().unwrap()
    });
    assert_eq!(first.text, "first");
    running.end().unwrap();
}

#[test]
fn a_signal_handler_may_ask_while_handlers_finish() {
    let (bye_came, held_left) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    // It answers "bye" only once it has answered "held", which waits for "bye".
    let answers = move |asked: Text| {
        let (bye_came, held_left) = (bye_came.clone(), held_left.clone());
        async move {
            if asked.text == "held" {
                bye_came.notified().await;
                held_left.notify_one();
            } else {
                bye_came.notify_one();
                held_left.notified().await;
            }
            Ok(asked)
        }
    };
    async fn asks(asked: Text, to_send: ToSend) -> Result<Text> {
        if asked.text == "quick" { Ok(asked) } else { Ok(to_send.request("other", asked).await?) }
    }
    fn says_bye(to_send: BlockingToSend) -> Result {
        let _answered: Text = to_send.request("other", text("bye")).wait()?;
        Ok(())
    }
    let place = Place::new();
    let other = Running::start(
        Service::new("other").receives(replyer("other"), answers),
        json!({"in": {"other": {"replyer": place.at("other")}}}),
    );
    let service = Service::new("asks").receives(replyer("asks"), asks).connection(requester("other"));
    let running = Running::start(
        service.sigterm_handler(says_bye),
        json!({"in": {"asks": {"replyer": place.at("asks")}}, "out": {"other": {"requester": place.at("other")}}}),
    );
    let stop = running.stop.clone();
    let held = ask(place.at("asks"), move |to_send| {
        let held = to_send.request::<Text>("ask", text("held")).within(LONG).start();
        let _quick: Text = to_send.request("ask", text("quick")).wait().unwrap();
        stop.stop_because(Cause::Terminate);
        held.wait()
    });
    assert_eq!(held.unwrap().text, "held");
    running.end().unwrap();
    other.end().unwrap();
}

fn wait_until(condition: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < until, "the condition never came");
        thread::sleep(Duration::from_millis(2));
    }
}
