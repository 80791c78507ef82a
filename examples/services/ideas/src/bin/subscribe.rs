//! Listens to what another service publishes: says when this machine is busier than it was, or less.
//!
//! Run with `cargo run --bin subscribe -- -a addresses/ideas/subscribe.json`, before or after `publish`.

use service_framework::prelude::*;

#[derive(Message)]
struct Load {
    load: f64,
}

/// What it keeps from one message to the next.
#[derive(Default)]
struct Last(Option<f64>);

fn on_load(now: Load, last: &mut Last) -> Result {
    match last.0.replace(now.load) {
        Some(before) if now.load > before => println!("busier: {:.2}", now.load),
        Some(before) if now.load < before => println!("less busy: {:.2}", now.load),
        Some(_) => {}
        None => println!("at first: {:.2}", now.load),
    }
    Ok(())
}

fn main() -> ExitCode {
    service_framework::run(Service::new("listener").subscriber("load", on_load).owns(Last::default()))
}
