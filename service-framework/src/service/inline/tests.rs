//! Services of one thread against each other, models as data.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::*;
use crate::model::{ConnectionModel, StateModel, Type};
use crate::service::{BlockingToSend, Refused, Result, SendError, States, ToSend, workers};
use crate::value::Value;
use crate::wire::WorkflowId;

#[derive(Debug, Deserialize, Serialize)]
struct Number {
    number: i64,
}

fn requester(name: &str) -> ConnectionModel {
    ConnectionModel::requester(name).requires("number", Type::Int).returns("number", Type::Int)
}

fn replyer(name: &str) -> ConnectionModel {
    ConnectionModel::replyer(name).requires("number", Type::Int).returns("number", Type::Int)
}

fn double(asked: Number) -> Result<Number> {
    Ok(Number { number: 2 * asked.number })
}

async fn double_later(asked: Number) -> Result<Number> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    double(asked)
}

/// A service that asks `next` and adds one.
fn relay(name: &str) -> Service {
    async fn ask_next(asked: Number, to_send: ToSend) -> Result<Number> {
        let answer: Number = to_send.request("next", asked).await?;
        Ok(Number { number: answer.number + 1 })
    }
    Service::new(name).connection(requester("next")).receives(replyer("ask"), ask_next)
}

/// Runs `main` with one requester `ask`, which leads to `to`.
fn ask<R: Send + 'static>(
    group: impl FnOnce(Inline) -> Inline,
    main: impl FnOnce(&BlockingToSend) -> R + Send + 'static,
) -> R {
    let (result, got) = mpsc::channel();
    let asker = Service::new("asker").connection(requester("ask")).main(move |to_send: BlockingToSend| {
        result.send(main(&to_send)).unwrap();
        Ok(())
    });
    group(Inline::new(asker)).run().unwrap();
    got.recv().unwrap()
}

fn number(to_send: &BlockingToSend, number: i64) -> std::result::Result<i64, SendError> {
    to_send.request::<Number>("ask", Number { number }).wait().map(|answer| answer.number)
}

#[test]
fn plain_async_and_worker_handlers_answer() {
    for service in [
        Service::new("doubler").receives(replyer("double"), double),
        Service::new("doubler").receives(replyer("double"), double_later),
        Service::new("doubler").receives(replyer("double"), workers(2, double)),
    ] {
        let group = |group: Inline| group.service(service).relate(("asker", "ask"), ("doubler", "double"));
        assert_eq!(ask(group, |to_send| number(to_send, 21).unwrap()), 42);
    }
}

#[test]
fn services_ask_each_other_in_a_circle() {
    let group = |group: Inline| {
        group
            .service(relay("a"))
            .service(relay("b").receives(replyer("double"), double))
            .relate(("asker", "ask"), ("a", "ask"))
            .relate(("a", "next"), ("b", "ask"))
            .relate(("b", "next"), ("b", "double"))
    };
    assert_eq!(ask(group, |to_send| number(to_send, 5).unwrap()), 12);
}

#[test]
fn a_circle_without_an_end_is_ended_by_its_deadline() {
    let group = |group: Inline| {
        group
            .service(relay("a").request_deadline("next", Duration::from_millis(50)))
            .relate(("asker", "ask"), ("a", "ask"))
            .relate(("a", "next"), ("a", "ask"))
    };
    let error = ask(group, |to_send| {
        to_send
            .request::<Number>("ask", Number { number: 1 })
            .within(Duration::from_millis(100))
            .wait()
            .unwrap_err()
    });
    let shown = error.to_string();
    assert!(matches!(error, SendError::Timeout { .. } | SendError::Refused { .. }), "{shown}");
}

#[test]
fn errors_are_those_of_services_apart() {
    fn fails(asked: Number) -> Result<Number> {
        match asked.number {
            0 => Err(Refused::new("zero", "not that").into()),
            1 => Err(std::io::Error::other("secret").into()),
            _ => panic!("secret"),
        }
    }
    let service = Service::new("failing").receives(replyer("fail"), fails);
    let group = |group: Inline| group.service(service).relate(("asker", "ask"), ("failing", "fail"));
    let codes = ask(group, |to_send| {
        [0, 1, 2].map(|asked| number(to_send, asked).unwrap_err().code().unwrap_or_default().to_owned())
    });
    assert_eq!(codes, ["zero", "handler_failed", "handler_failed"]);
}

#[test]
fn a_request_ends_at_its_deadline() {
    async fn never(_: Number) -> Result<Number> {
        std::future::pending().await
    }
    let service = Service::new("silent").receives(replyer("ask"), never);
    let group = |group: Inline| {
        group.service(service).grace(Duration::ZERO).relate(("asker", "ask"), ("silent", "ask"))
    };
    let (result, got) = mpsc::channel();
    let asker = Service::new("asker").connection(requester("ask")).main(move |to_send: BlockingToSend| {
        let asked = to_send.request::<Number>("ask", Number { number: 1 }).within(Duration::from_millis(20));
        result.send(asked.wait().unwrap_err().to_string()).unwrap();
        Ok(())
    });
    let began = Instant::now();
    let ended = group(Inline::new(asker)).run();
    assert!(matches!(ended, Err(InlineError::Run(RunError::GraceOver(_)))), "{ended:?}");
    assert!(got.recv().unwrap().contains("no answer on \"ask\" within 20ms"));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn published_messages_reach_every_subscriber_in_order_with_their_workflow() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = |name: &'static str| {
        let seen = seen.clone();
        let model = ConnectionModel::subscriber("ticks").requires("number", Type::Int);
        Service::new(name).receives(model, move |tick: Number, id: WorkflowId| -> Result {
            seen.lock().unwrap().push((name, tick.number, id.to_string().len()));
            Ok(())
        })
    };
    let main = |to_send: BlockingToSend| -> Result {
        (0..3).try_for_each(|number| to_send.publish("ticks", Number { number }))?;
        Ok(())
    };
    let model = ConnectionModel::publisher("ticks").requires("number", Type::Int);
    Inline::new(Service::new("ticker").connection(model).main(main))
        .service(heard("a"))
        .service(heard("b"))
        .relate(("ticker", "ticks"), ("a", "ticks"))
        .relate(("ticker", "ticks"), ("b", "ticks"))
        .run()
        .unwrap();
    let expected: Vec<_> = (0..3).flat_map(|number| [("a", number, 36), ("b", number, 36)]).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_replica_shows_what_the_owner_has_and_its_handler_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let prices = Type::map(Type::Str, Type::Int);
    let follower = Service::new("follower").follows(
        StateModel::delta_in("prices", prices.clone()),
        move |change: Value, states: States| -> Result {
            let price: Option<i64> = states.delta("prices")?.get("X")?;
            heard.lock().unwrap().push((change.get("current_num").and_then(Value::as_i64), price));
            Ok(())
        },
    );
    let main = |to_send: BlockingToSend| -> Result {
        let prices = to_send.delta("prices")?;
        prices.set("X", 1)?;
        to_send.sleep(Duration::from_millis(1))?;
        prices.set("X", 2)?;
        to_send.sleep(Duration::from_millis(1))?;
        Ok(())
    };
    Inline::new(Service::new("owner").state(StateModel::delta_out("prices", prices)).main(main))
        .service(follower)
        .relate(("owner", "prices"), ("follower", "prices"))
        .run()
        .unwrap();
    assert_eq!(*told.lock().unwrap(), [(Some(0), Some(1)), (Some(1), Some(2))]);
}

#[test]
fn wrong_relations_are_said_all_at_once() {
    let asker = Service::new("asker").connection(requester("ask")).connection(requester("other"));
    let text = ConnectionModel::replyer("text").requires("text", Type::Str);
    let doubler =
        Service::new("doubler").receives(replyer("double"), double).receives(text, |_: Value| Ok(()));
    let error = Inline::new(asker)
        .service(doubler)
        .relate(("asker", "ask"), ("doubler", "double"))
        .relate(("asker", "ask"), ("doubler", "text"))
        .relate(("askr", "ask"), ("doubler", "double"))
        .relate(("asker", "ask"), ("doubler", "duble"))
        .run()
        .unwrap_err()
        .to_string();
    for expected in [
        "relations[1]: expected one replyer for each requester, found ask of asker led to a second one",
        "relations[2]: expected a service of the group, found \"askr\"",
        "did you mean `double`?",
        "asker.other: expected a relation to a replyer, found none",
        "connection_models.out.ask.required_arguments",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn an_own_value_that_is_lent_makes_others_wait_instead_of_failing() {
    fn count(_: Number, counted: &mut i64) -> Result {
        *counted += 1;
        Ok(())
    }
    async fn begin(asked: Number, counted: crate::service::Own<i64>, to_send: ToSend) -> Result<Number> {
        counted.with(|_| to_send.publish("ticks", Number { number: 1 }))?;
        to_send.publish("ticks", Number { number: 2 })?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(Number { number: asked.number + counted.with(|counted| *counted) })
    }
    let ticks = || ConnectionModel::publisher("ticks").requires("number", Type::Int);
    let service = Service::new("own")
        .owns(0_i64)
        .connection(ticks())
        .receives(ConnectionModel::subscriber("heard").requires("number", Type::Int), count)
        .receives(replyer("begin"), begin);
    let group = |group: Inline| {
        group
            .service(service)
            .relate(("asker", "ask"), ("own", "begin"))
            .relate(("own", "ticks"), ("own", "heard"))
    };
    assert_eq!(ask(group, |to_send| number(to_send, 40).unwrap()), 42);
}

#[test]
fn two_that_answer_each_other_for_ever_do_not_keep_main_from_its_end() {
    fn echo(asked: Number, to_send: ToSend) -> Result {
        Ok(to_send.publish("out", asked)?)
    }
    let out = || ConnectionModel::publisher("out").requires("number", Type::Int);
    let heard = || ConnectionModel::subscriber("heard").requires("number", Type::Int);
    let player = |name: &str| Service::new(name).connection(out()).receives(heard(), echo);
    let main = |to_send: BlockingToSend| -> Result {
        to_send.publish("out", Number { number: 1 })?;
        Ok(to_send.sleep(Duration::from_millis(20))?)
    };
    let ended = Inline::new(Service::new("first").connection(out()).main(main))
        .service(player("a"))
        .service(player("b"))
        .grace(Duration::from_millis(20))
        .relate(("first", "out"), ("a", "heard"))
        .relate(("a", "out"), ("b", "heard"))
        .relate(("b", "out"), ("a", "heard"))
        .run();
    assert!(matches!(ended, Err(InlineError::Run(RunError::GraceOver(_)))), "{ended:?}");
}

#[test]
fn what_happens_last_is_heard_and_no_message_is_lost_for_want_of_a_worker() {
    let heard = Arc::new(Mutex::new((0, 0)));
    let (ticks, changes) = (heard.clone(), heard.clone());
    let count = move |_: Number| -> Result {
        ticks.lock().unwrap().0 += 1;
        Ok(())
    };
    let prices = || Type::map(Type::Str, Type::Int);
    let follower = Service::new("follower")
        .receives(ConnectionModel::subscriber("ticks").requires("number", Type::Int), workers(1, count))
        .follows(StateModel::delta_in("prices", prices()), move |_: Value| -> Result {
            changes.lock().unwrap().1 += 1;
            Ok(())
        });
    let main = |to_send: BlockingToSend| -> Result {
        (0..2_500).try_for_each(|number| to_send.publish("ticks", Number { number }))?;
        Ok(to_send.delta("prices")?.set("X", 1)?)
    };
    let owner = Service::new("owner")
        .connection(ConnectionModel::publisher("ticks").requires("number", Type::Int))
        .state(StateModel::delta_out("prices", prices()))
        .main(main);
    Inline::new(owner)
        .service(follower)
        .relate(("owner", "ticks"), ("follower", "ticks"))
        .relate(("owner", "prices"), ("follower", "prices"))
        .run()
        .unwrap();
    assert_eq!(*heard.lock().unwrap(), (2_500, 1));
}
