//! Owns the state `book` and sets its keys, at a steady rate or as fast as it can, then prints how fast that was as one
//! line of JSON.
//!
//! Run with `cargo run --bin book_owner -- -m -a addresses/reference/book_owner.json --rate 1000 --hold 60`. Whoever
//! follows the state meanwhile has all of it, whenever it came: `book_replica`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigType};
use service_framework::prelude::*;

/// Time for replicas to come before the first update.
const BEFORE: Duration = Duration::from_millis(500);
/// So many keys are set, over and over.
const KEYS: u64 = 50;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("book_owner").version("1.0.0").setup_states(shape_book).main(keep_book)
}

// A comment of `///` would become help, and so a part of the model, which is fixed.
#[derive(Config)]
struct Settings {
    #[config(default = 10_000)]
    n: u64,
    #[config(default = 0.0)]
    rate: f64,
    #[config(default = 1.0)]
    hold: f64,
    #[config(default)]
    snap: bool,
    topic: Option<String>,
}

#[derive(Links)]
struct Out {
    book: DeltaOut<Value>,
}

/// The topic of the state comes from the config, and so before its sockets open.
fn shape_book(config: &model::Config) -> Result<Map<String, Json>> {
    let Settings { topic, .. } = Settings::from_config(config)?;
    Ok(Map::from_iter([("book".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

fn keep_book(out: Out, settings: Settings, to_send: BlockingToSend) -> Result {
    let Settings { n, rate, hold, snap, .. } = settings;
    to_send.sleep(BEFORE)?;
    if snap {
        out.book.replace(&BTreeMap::from([("k0".to_owned(), Value::from(-1))]))?;
    }
    let began = Instant::now();
    for number in 0..n {
        wait_for_turn(&to_send, began, number, rate)?;
        out.book.set(&format!("k{}", number % KEYS), Value::from(number))?;
    }
    let send_rate = n as f64 / began.elapsed().as_secs_f64();
    to_send.sleep(Duration::try_from_secs_f64(hold).unwrap_or_default())?;
    println!("{}", json!({"sent": n, "send_rate": send_rate.round()}));
    Ok(())
}

/// Sleeps until the update's place in the schedule, which stands from the start.
fn wait_for_turn(to_send: &BlockingToSend, began: Instant, number: u64, rate: f64) -> Result<(), SendError> {
    if to_send.is_stopping() {
        return Err(SendError::Stopping);
    }
    // A rate of zero leaves no finite time to wait for: flat out.
    let Ok(due) = Duration::try_from_secs_f64(number as f64 / rate) else { return Ok(()) };
    let early = due.saturating_sub(began.elapsed());
    if early.is_zero() { Ok(()) } else { to_send.sleep(early) }
}
