//! Counts ticks; on Ctrl-C prints how many came, how often one did not follow the one before, and the last one.
//!
//! Run with `cargo run --bin tick_subscriber -- -a addresses/reference/tick_subscriber.json --topic eu`. With
//! `--binder true` it listens for a publisher that connects: `tick_publisher … --x true`.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use service_framework::model::{Config, ConfigModel, ConnectionModel, Type};
use service_framework::service::{Result, Service};

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config =
        ConfigModel::new().optional_without_default("topic", Type::Str).optional("binder", Type::Bool, false);
    let ticks =
        ConnectionModel::subscriber("ticks").requires("seq", Type::Int).requires("payload", Type::Str);
    let counted = Arc::new(Mutex::new(Seen::default()));
    let printed = counted.clone();
    Service::new("tick_subscriber")
        .version("1.0.0")
        .config(config)
        .subscriber(ticks, move |tick: Tick| {
            counted.lock().unwrap_or_else(PoisonError::into_inner).count(tick.seq);
            Ok(())
        })
        .setup_connections(shape_ticks)
        .sigint_handler(move || {
            println!("{}", printed.lock().unwrap_or_else(PoisonError::into_inner).report());
            Ok(())
        })
}

#[derive(Deserialize)]
struct Settings {
    topic: Option<String>,
    binder: bool,
}

#[derive(Deserialize)]
struct Tick {
    seq: i64,
}

#[derive(Default)]
struct Seen {
    got: u64,
    gaps: u64,
    last: Option<i64>,
}

impl Seen {
    fn count(&mut self, seq: i64) {
        self.got += 1;
        self.gaps += u64::from(self.last.is_some_and(|last| seq != last + 1));
        self.last = Some(seq);
    }

    /// `last` is -1 while nothing came.
    fn report(&self) -> Json {
        json!({"got": self.got, "gaps": self.gaps, "last": self.last.unwrap_or(-1)})
    }
}

fn shape_ticks(config: &Config) -> Result<Map<String, Json>> {
    let Settings { topic, binder } = config.to()?;
    let ticks = json!({"topic": topic.unwrap_or_default(), "is_binder": binder});
    Ok(Map::from_iter([("ticks".to_owned(), ticks)]))
}
