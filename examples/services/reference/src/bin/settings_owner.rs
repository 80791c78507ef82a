//! Owns the state `settings`, which it sets as a whole, again and again.
//!
//! Run with `cargo run --bin settings_owner -- -m -a addresses/reference/settings_owner.json`. Whoever follows the
//! state has the newest, whenever it came: `settings_replica`.

use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigType};
use service_framework::prelude::*;

/// Time for replicas to come before the first settings.
const BEFORE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("settings_owner").version("1.0.0").setup_states(shape_settings).main(set_settings)
}

// A comment of `///` would become help, and so a part of the model, which is fixed.
#[derive(Config)]
struct Given {
    #[config(default = 10)]
    n: u64,
    // Seconds for the last settings to reach replicas, and those that come later.
    #[config(default = 1.0)]
    hold: f64,
    topic: Option<String>,
}

#[derive(Message)]
struct Settings {
    mode: String,
    level: u64,
}

#[derive(Links)]
struct Out {
    settings: FullOut<Settings>,
}

/// The topic of the state comes from the config, and so before its socket opens.
fn shape_settings(config: &model::Config) -> Result<Map<String, Json>> {
    let Given { topic, .. } = Given::from_config(config)?;
    Ok(Map::from_iter([("settings".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

fn set_settings(out: Out, given: Given, to_send: BlockingToSend) -> Result {
    let Given { n, hold, .. } = given;
    to_send.sleep(BEFORE)?;
    for level in 0..n {
        out.settings.set(Settings { mode: format!("m{level}"), level })?;
    }
    to_send.sleep(Duration::try_from_secs_f64(hold).unwrap_or_default())?;
    Ok(())
}
