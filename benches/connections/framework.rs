//! The same work done by services.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::{Value as Json, json};
use service_framework::prelude::*;
use service_framework::service::{Setup, Stop};

#[derive(Message)]
struct Text<'m> {
    payload: &'m str,
}

#[derive(Message)]
struct Echo {
    echo: String,
}

#[derive(Links)]
struct Asked {
    echo: Requester<Text<'static>, Echo>,
}

#[derive(Links)]
struct Told {
    ticks: Publisher<Text<'static>>,
}

fn run(service: Service, addresses: Json, main_mode: bool) {
    let setup = Setup { addresses: Some(addresses), main_mode, ..Setup::default() };
    let prepared = service.prepare(&setup).expect("a service in order");
    prepared.run(&Stop::new()).expect("a service that runs");
}

/// A plain handler with typed arguments and checks on.
pub(crate) fn answer(address: &str) {
    let echo = |asked: Text<'_>| Ok(Echo { echo: asked.payload.to_owned() });
    let service = Service::new("answers").replyer("echo", echo);
    run(service, json!({"in": {"echo": {"replyer": address}}}), false);
}

/// Keeps `window` requests in flight until `count` are answered.
pub(crate) fn ask(address: &str, window: usize, count: usize) {
    let main = move |asked: Asked| {
        exchange(&asked, window, 1_000)?;
        let began = Instant::now();
        let latencies = exchange(&asked, window, count)?;
        crate::print(count, began.elapsed().as_secs_f64(), latencies);
        Ok(())
    };
    let service = Service::new("asks").main(main);
    run(service, json!({"out": {"echo": {"requester": address}}}), true);
}

fn exchange(asked: &Asked, window: usize, count: usize) -> Result<Vec<f64>> {
    let payload = "x".repeat(crate::TEXT);
    let (mut sent, mut latencies, mut left) = (VecDeque::new(), Vec::with_capacity(count), count);
    while latencies.len() < count {
        while left > 0 && sent.len() < window {
            let text = Text { payload: &payload };
            sent.push_back((Instant::now(), asked.echo.request(text).start()));
            left -= 1;
        }
        if let Some((began, pending)) = sent.pop_front() {
            let _echo = pending.wait()?;
            latencies.push(Instant::elapsed(&began).as_secs_f64() * 1e6);
        }
    }
    Ok(latencies)
}

/// Receives `count` messages in a typed handler, timed from the first one on.
pub(crate) fn listen(address: &str, count: usize) {
    let handler = move |message: Text<'_>, came: &mut (usize, Instant)| {
        if came.0 == 0 {
            came.1 = Instant::now();
        }
        came.0 += 1;
        if came.0 == count {
            crate::print(count - 1, came.1.elapsed().as_secs_f64(), Vec::new());
        }
        std::hint::black_box(message.payload);
        Ok(())
    };
    let service = Service::new("listens").owns((0_usize, Instant::now())).subscriber("ticks", handler);
    run(service, json!({"in": {"ticks": {"subscriber": address}}}), false);
}

/// Publishes `count` messages once the subscriber has had time to subscribe.
pub(crate) fn tell(address: &str, count: usize) {
    let main = move |to_send: BlockingToSend, told: Told| {
        to_send.sleep(Duration::from_secs(1))?;
        let payload = "x".repeat(crate::TEXT);
        (0..count).try_for_each(|_| told.ticks.publish(Text { payload: &payload }))?;
        crate::limit::wait_to_be_killed();
        Ok(())
    };
    let service = Service::new("tells").main(main);
    run(service, json!({"out": {"ticks": {"publisher": address}}}), true);
}
