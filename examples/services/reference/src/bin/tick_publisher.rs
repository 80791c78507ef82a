//! Publishes numbered ticks at a steady rate, or as fast as it can, and prints how fast that was as one line of JSON.
//!
//! Run with `cargo run --bin tick_publisher -- -m -a addresses/reference/tick_publisher.json --rate 1000 --topic eu`,
//! after `tick_subscriber`, which counts what arrives.

use std::time::Instant;

use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigType};
use service_framework::prelude::*;

/// Time for subscribers to come before the first tick, and for the last one to reach them.
const BEFORE: Duration = Duration::from_millis(500);
const AFTER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("tick_publisher").version("1.0.0").setup_connections(shape_ticks).main(publish)
}

// A comment of `///` would become help, and so a part of the model, which is fixed.
#[derive(Config)]
struct Settings {
    #[config(default = 20_000)]
    n: u64,
    #[config(default = 0.0)]
    rate: f64,
    topic: Option<String>,
    #[config(default)]
    x: bool,
}

#[derive(Message)]
struct Tick<'a> {
    seq: u64,
    payload: &'a str,
}

#[derive(Links)]
struct Out {
    ticks: Publisher<Tick<'static>>,
}

/// Topic and direction of the connection come from the config, and so before its socket opens.
fn shape_ticks(config: &model::Config) -> Result<Map<String, Json>> {
    let Settings { topic, x, .. } = Settings::from_config(config)?;
    let ticks = json!({"topic": topic.unwrap_or_default(), "is_x_pub": x});
    Ok(Map::from_iter([("ticks".to_owned(), ticks)]))
}

fn publish(out: Out, settings: Settings, to_send: BlockingToSend) -> Result {
    let Settings { n, rate, .. } = settings;
    to_send.sleep(BEFORE)?;
    let began = Instant::now();
    for seq in 0..n {
        wait_for_turn(&to_send, began, seq, rate)?;
        out.ticks.publish(Tick { seq, payload: "tick" })?;
    }
    let send_rate = n as f64 / began.elapsed().as_secs_f64();
    to_send.sleep(AFTER)?;
    println!("{}", json!({"sent": n, "send_rate": send_rate.round()}));
    Ok(())
}

/// Sleeps until the tick's place in the schedule, which stands from the start: what one sleep is too long, the next
/// ones are shorter.
fn wait_for_turn(to_send: &BlockingToSend, began: Instant, seq: u64, rate: f64) -> Result<(), SendError> {
    // A rate of zero leaves no finite time to wait for: flat out.
    let Ok(due) = Duration::try_from_secs_f64(seq as f64 / rate) else { return Ok(()) };
    let early = due.saturating_sub(began.elapsed());
    if early.is_zero() { Ok(()) } else { to_send.sleep(early) }
}
