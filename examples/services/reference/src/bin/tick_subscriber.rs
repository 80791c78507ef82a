//! Counts ticks; on Ctrl-C prints how many came, how often one did not follow the one before, and the last one.
//!
//! Run with `cargo run --bin tick_subscriber -- -a addresses/reference/tick_subscriber.json --topic eu`. With
//! `--binder true` it listens for a publisher that connects: `tick_publisher … --x true`.

use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigType};
use service_framework::prelude::*;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("tick_subscriber")
        .version("1.0.0")
        .config(Settings::model())
        .subscriber("ticks", count)
        .setup_connections(shape_ticks)
        .sigint_handler(report)
        .owns(Seen::default())
}

// A comment of `///` would become help, and so a part of the model, which is fixed.
#[derive(Config)]
struct Settings {
    topic: Option<String>,
    #[config(default)]
    binder: bool,
}

#[derive(Message)]
struct Tick<'a> {
    seq: i64,
    payload: &'a str,
}

fn count(tick: Tick<'_>, seen: &mut Seen, _settings: &Settings) -> Result {
    seen.count(tick.seq);
    Ok(())
}

fn report(seen: &mut Seen) -> Result {
    println!("{}", seen.report());
    Ok(())
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

fn shape_ticks(config: &model::Config) -> Result<Map<String, Json>> {
    let Settings { topic, binder } = Settings::from_config(config)?;
    let ticks = json!({"topic": topic.unwrap_or_default(), "is_binder": binder});
    Ok(Map::from_iter([("ticks".to_owned(), ticks)]))
}
