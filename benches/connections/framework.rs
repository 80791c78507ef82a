//! The same work done by services.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use service_framework::model::{ConnectionModel, Type};
use service_framework::service::{BlockingToSend, Service, Setup, Stop};

#[derive(Deserialize, Serialize)]
struct Text {
    payload: String,
}

#[derive(Deserialize, Serialize)]
struct Echo {
    echo: String,
}

fn run(service: Service, addresses: Json, main_mode: bool) {
    let setup = Setup { addresses: Some(addresses), main_mode, ..Setup::default() };
    let prepared = service.prepare(&setup).expect("a service in order");
    prepared.run(&Stop::new()).expect("a service that runs");
}

/// A plain handler with typed arguments and checks on.
pub(crate) fn answer(address: &str) {
    let model = ConnectionModel::replyer("echo").requires("payload", Type::Str).returns("echo", Type::Str);
    let service = Service::new("answers").replyer(model, |asked: Text| Ok(Echo { echo: asked.payload }));
    run(service, json!({"in": {"echo": {"replyer": address}}}), false);
}

/// Keeps `window` requests in flight until `count` are answered.
pub(crate) fn ask(address: &str, window: usize, count: usize) {
    let model = ConnectionModel::requester("echo").requires("payload", Type::Str).returns("echo", Type::Str);
    let main = move |to_send: BlockingToSend| {
        exchange(&to_send, window, 1_000)?;
        let began = Instant::now();
        let latencies = exchange(&to_send, window, count)?;
        crate::print(count, began.elapsed().as_secs_f64(), latencies);
        Ok(())
    };
    let service = Service::new("asks").requester(model).main(main);
    run(service, json!({"out": {"echo": {"requester": address}}}), true);
}

fn exchange(to_send: &BlockingToSend, window: usize, count: usize) -> service_framework::Result<Vec<f64>> {
    let payload = "x".repeat(crate::TEXT);
    let (mut sent, mut latencies, mut left) = (VecDeque::new(), Vec::with_capacity(count), count);
    while latencies.len() < count {
        while left > 0 && sent.len() < window {
            let asked = Text { payload: payload.clone() };
            sent.push_back((Instant::now(), to_send.request::<Echo>("echo", asked).start()));
            left -= 1;
        }
        if let Some((began, pending)) = sent.pop_front() {
            let _echo = pending.wait()?;
            latencies.push(Instant::elapsed(&began).as_secs_f64() * 1e6);
        }
    }
    Ok(latencies)
}

fn ticks(model: ConnectionModel) -> ConnectionModel {
    model.requires("payload", Type::Str)
}

/// Receives `count` messages in a typed handler, timed from the first one on.
pub(crate) fn listen(address: &str, count: usize) {
    let state = Mutex::new((0, Instant::now()));
    let handler = move |message: Text| {
        let mut state = state.lock().expect("one thread");
        if state.0 == 0 {
            state.1 = Instant::now();
        }
        state.0 += 1;
        if state.0 == count {
            crate::print(count - 1, state.1.elapsed().as_secs_f64(), Vec::new());
        }
        drop(message);
        Ok(())
    };
    let service = Service::new("listens").subscriber(ticks(ConnectionModel::subscriber("ticks")), handler);
    run(service, json!({"in": {"ticks": {"subscriber": address}}}), false);
}

/// Publishes `count` messages once the subscriber has had time to subscribe.
pub(crate) fn tell(address: &str, count: usize) {
    let main = move |to_send: BlockingToSend| {
        to_send.sleep(Duration::from_secs(1))?;
        let message = Text { payload: "x".repeat(crate::TEXT) };
        (0..count).try_for_each(|_| to_send.publish("ticks", &message))?;
        crate::limit::wait_to_be_killed();
        Ok(())
    };
    let service = Service::new("tells").publisher(ticks(ConnectionModel::publisher("ticks"))).main(main);
    run(service, json!({"out": {"ticks": {"publisher": address}}}), true);
}
