//! Services as objects, against each other.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::model::{ConnectionModel, StateModel, Type};
use crate::service::{BlockingToSend, Cause, Result, SendError, States, ToSend, workers};

const LONG: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Fill {
    id: String,
    amount: i64,
}

fn fill(id: &str, amount: i64) -> Fill {
    Fill { id: id.into(), amount }
}

fn with_fill(model: ConnectionModel) -> ConnectionModel {
    model.requires("id", Type::Str).requires("amount", Type::Int)
}

fn orders() -> Type {
    Type::map(Type::Str, Type::Int)
}

/// Answers orders, tells of them, and owns a delta and a full state of them.
fn exchange() -> Service {
    fn order(asked: Fill, to_send: ToSend) -> Result<Fill> {
        to_send.delta("open")?.set(&asked.id, asked.amount)?;
        to_send.full("last")?.set(&asked)?;
        to_send.publish("fills", &asked)?;
        Ok(asked)
    }
    let replyer = with_fill(ConnectionModel::replyer("order")).returns("id", Type::Str);
    Service::new("exchange")
        .receives(replyer.returns("amount", Type::Int), order)
        .connection(with_fill(ConnectionModel::publisher("fills")))
        .state(StateModel::delta_out("open", orders()))
        .state(StateModel::full_out("last").requires("id", Type::Str).requires("amount", Type::Int))
}

/// Orders what its replyer `buy` is asked, and sends on what it hears of fills and states.
fn desk(heard: Sender<(&'static str, i64)>) -> Service {
    async fn buy(asked: Fill, to_send: ToSend) -> Result<Fill> {
        Ok(to_send.request("venue", asked).await?)
    }
    let (fills, last) = (heard.clone(), heard.clone());
    Service::new("desk")
        .connection(requester("venue"))
        .receives(replyer("buy"), buy)
        .receives(with_fill(ConnectionModel::subscriber("ticker")), move |fill: Fill| {
            Ok(fills.send(("ticker", fill.amount))?)
        })
        .follows(StateModel::delta_in("orders", orders()), move |_: crate::value::Value, states: States| {
            let amount: Option<i64> = states.delta("orders")?.get("a")?;
            amount.map_or(Ok(()), |amount| Ok(heard.send(("orders", amount))?))
        })
        .follows(
            StateModel::full_in("last").requires("id", Type::Str).requires("amount", Type::Int),
            move |fill: Fill| Ok(last.send(("last", fill.amount))?),
        )
}

fn replyer(name: &str) -> ConnectionModel {
    let model = with_fill(ConnectionModel::replyer(name)).returns("id", Type::Str);
    model.returns("amount", Type::Int)
}

fn requester(name: &str) -> ConnectionModel {
    let model = with_fill(ConnectionModel::requester(name)).returns("id", Type::Str);
    model.returns("amount", Type::Int)
}

/// A service whose `main` asks what `ask` leads to; what came of it.
fn asker(asked: Fill) -> (Start, Receiver<std::result::Result<Fill, SendError>>) {
    let (tell, told) = channel();
    let asker = Service::new("asker").connection(requester("ask")).main(move |to_send: BlockingToSend| {
        tell.send(to_send.request::<Fill>("ask", asked).within(LONG).wait())?;
        Ok(())
    });
    (Start::new(asker).main_mode(), told)
}

fn ask(service: &Started, name: &str, asked: Fill) -> Fill {
    let (asker, told) = asker(asked);
    asker.connect("ask", service, name).start().unwrap().join().unwrap();
    told.recv().unwrap().unwrap()
}

#[test]
fn services_are_led_to_each_other_by_name() {
    let exchange = exchange().start().unwrap();
    let (tell, told) = channel();
    let desk = Start::new(desk(tell))
        .connect("venue", &exchange, "order")
        .connect("ticker", &exchange, "fills")
        .connect("orders", &exchange, "open")
        .connect("last", &exchange, "last")
        .start()
        .unwrap();
    let mut missing = vec!["ticker", "orders", "last"];
    let mut amount = 0;
    // What was published before a subscriber was known is gone, so orders go on until all have been heard of.
    while !missing.is_empty() {
        amount += 1;
        assert_eq!(ask(&desk, "buy", fill("a", amount)), fill("a", amount));
        while let Ok((from, heard)) = told.recv_timeout(Duration::from_millis(100)) {
            assert!((1..=amount).contains(&heard), "{from}: {heard}");
            missing.retain(|waited| *waited != from);
        }
        assert!(amount < 100, "nothing heard of {missing:?}");
    }
    desk.join_after_stop();
    exchange.join_after_stop();
}

impl Started {
    fn join_after_stop(self) {
        self.stop();
        self.join().unwrap();
    }
}

#[test]
fn addresses_are_those_of_the_sockets() {
    let exchange = exchange().start().unwrap();
    let names = ["order", "fills", "open.publisher", "open.replyer", "last"];
    let mut addresses = names.map(|name| exchange.address(name).unwrap().to_owned());
    assert!(addresses.iter().all(|address| address.starts_with("tcp://127.0.0.1:")), "{addresses:?}");
    addresses.sort();
    assert!(addresses.windows(2).all(|pair| pair[0] != pair[1]), "{addresses:?}");
    assert_eq!([exchange.address("open"), exchange.address("nothing")], [None, None]);
    let (asker, told) = asker(fill("a", 1));
    asker.address("ask", exchange.address("order").unwrap()).start().unwrap().join().unwrap();
    assert_eq!(told.recv().unwrap().unwrap(), fill("a", 1));
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Start::new(exchange()).address("order", &address).start().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StartError::Run(RunError::Socket { .. })), "{text}");
    assert!(text.contains("in.order") && text.contains(&address), "{text}");
    drop(taken);
    let exchange = Start::new(exchange()).address("order", &address).start().unwrap();
    assert_eq!(exchange.address("order"), Some(&*format!("tcp://{address}")));
}

#[test]
fn an_init_function_that_fails_is_why_it_did_not_start() {
    let fails = || -> Result { Err(std::io::Error::other("no database").into()) };
    let error = exchange().init_function(fails).start().unwrap_err();
    assert_eq!(error.to_string(), "init_function failed: no database");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let exchange = exchange().start().unwrap();
    let (tell, _told) = channel();
    let wrong = desk(tell).connection(ConnectionModel::requester("other").requires("id", Type::Int));
    let wrong = wrong.connection(ConnectionModel::external_request("price"));
    let error = Start::new(wrong)
        .connect("venue", &exchange, "ordr")
        .connect("buy", &exchange, "order")
        .connect("other", &exchange, "order")
        .connect("orders", &exchange, "open")
        .connect("lost", &exchange, "last")
        .address("orders", "tcp://127.0.0.1:5000")
        .start()
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StartError::Setup(_)), "{text}");
    for expected in [
        "connection_models.out.price.func_to_call: expected a function that the service has",
        "connections.out.venue: expected a replyer of exchange that listens, found \"ordr\" (did you mean `order`?)",
        "buy: expected a connection or state that connects, found one that listens",
        "connection_models.out.other.required_arguments.id",
        "lost: expected a connection or state of desk with an address, found none of this name (did you mean `last`?)",
        "orders: expected an address for each of orders.subscriber and orders.requester",
        "connections.in.ticker: expected where it connects to, found nothing",
        "states.in.last: expected where it connects to, found nothing",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(text.matches("connections.out.venue").count(), 1, "{text}");
}

#[test]
fn main_mode_ends_with_main_and_how_it_ended_is_known() {
    let fails = |_: BlockingToSend| -> Result { Err(std::io::Error::other("no luck").into()) };
    let started = Start::new(Service::new("leader").main(fails)).main_mode().start().unwrap();
    assert_eq!(started.join().unwrap_err().to_string(), "main failed: no luck");
    let waits = |to_send: BlockingToSend| -> Result { Ok(to_send.sleep(LONG)?) };
    let started = Start::new(Service::new("leader").main(waits)).main_mode().start().unwrap();
    started.stop();
    started.join().unwrap();
}

/// A service whose handler goes on until it is let go; it tells when it runs.
fn slow(tell: Sender<()>, go: Receiver<()>) -> Service {
    let go = Mutex::new(go);
    let ask = move |asked: Fill| -> Result<Fill> {
        tell.send(())?;
        let _ended = go.lock().unwrap().recv();
        Ok(asked)
    };
    Service::new("slow").receives(replyer("ask"), workers(1, ask))
}

#[test]
fn a_request_that_runs_is_answered_before_the_end() {
    let ((tell, told), (let_go, go)) = (channel(), channel());
    let slow = slow(tell, go).start().unwrap();
    let (asker, answer) = asker(fill("a", 1));
    let asker = asker.connect("ask", &slow, "ask").start().unwrap();
    told.recv_timeout(LONG).unwrap();
    slow.stop();
    let_go.send(()).unwrap();
    slow.join().unwrap();
    assert_eq!(answer.recv_timeout(LONG).unwrap().unwrap(), fill("a", 1));
    asker.join().unwrap();
}

#[test]
fn a_request_that_does_not_end_is_left_after_the_grace_period() {
    let ((tell, told), (_let_go, go)) = (channel(), channel());
    let slow = Start::new(slow(tell, go)).grace(Duration::from_millis(20)).start().unwrap();
    let (asker, _answer) = asker(fill("a", 1));
    let asker = asker.connect("ask", &slow, "ask").start().unwrap();
    told.recv_timeout(LONG).unwrap();
    slow.stop();
    let ended = slow.join();
    assert!(matches!(ended, Err(RunError::GraceOver(_))), "{ended:?}");
    drop(asker);
}

#[test]
fn who_lets_go_of_it_ends_it() {
    let (tell, told) = channel();
    let address = {
        let service = exchange().sigterm_handler(move |_: ToSend| Ok(tell.send(())?)).start().unwrap();
        // From another thread, for it may go there.
        let service = thread::spawn(move || {
            service.stop_because(Cause::Terminate);
            service
        });
        service.join().unwrap().address("order").unwrap().to_owned()
    };
    told.try_recv().unwrap();
    let address = address.strip_prefix("tcp://").unwrap();
    TcpListener::bind(address).unwrap();
}
