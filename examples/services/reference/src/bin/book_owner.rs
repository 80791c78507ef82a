//! Owns the state `book` and sets its keys, at a steady rate or as fast as it can, then prints how fast that was as one
//! line of JSON.
//!
//! Run with `cargo run --bin book_owner -- -m -a addresses/reference/book_owner.json --rate 1000 --hold 60`. Whoever
//! follows the state meanwhile has all of it, whenever it came: `book_replica`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigModel, StateModel, Type};
use service_framework::service::{BlockingToSend, Config, Result, SendError, Service};

/// Time for replicas to come before the first update.
const BEFORE: Duration = Duration::from_millis(500);
/// So many keys are set, over and over.
const KEYS: u64 = 50;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new()
        .optional("n", Type::Int, 10_000)
        .optional("rate", Type::Float, 0.0)
        .optional("hold", Type::Float, 1.0)
        .optional("snap", Type::Bool, false)
        .optional_without_default("topic", Type::Str);
    Service::new("book_owner")
        .version("1.0.0")
        .config(config)
        .state(StateModel::delta_out("book", Type::map(Type::Str, Type::Any)))
        .setup_states(shape_book)
        .main(keep_book)
}

#[derive(Deserialize)]
struct Settings {
    n: u64,
    rate: f64,
    hold: f64,
    snap: bool,
    topic: Option<String>,
}

/// The topic of the state comes from the config, and so before its sockets open.
fn shape_book(config: &model::Config) -> Result<Map<String, Json>> {
    let Settings { topic, .. } = config.to()?;
    Ok(Map::from_iter([("book".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

fn keep_book(to_send: BlockingToSend, config: Config) -> Result {
    let Settings { n, rate, hold, snap, .. } = config.to()?;
    let book = to_send.delta("book")?;
    to_send.sleep(BEFORE)?;
    if snap {
        book.replace(json!({"k0": -1}))?;
    }
    let began = Instant::now();
    for number in 0..n {
        wait_for_turn(&to_send, began, number, rate)?;
        book.set(format!("k{}", number % KEYS), number)?;
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
