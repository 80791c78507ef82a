//! Owns the state `settings`, which it sets as a whole, again and again.
//!
//! Run with `cargo run --bin settings_owner -- -m -a addresses/reference/settings_owner.json`. Whoever follows the
//! state has the newest, whenever it came: `settings_replica`.

use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigModel, StateModel, Type};
use service_framework::service::{BlockingToSend, Config, Result, Service};

/// Time for replicas to come before the first settings.
const BEFORE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new()
        .optional("n", Type::Int, 10)
        .optional("hold", Type::Float, 1.0)
        .optional_without_default("topic", Type::Str);
    let settings = StateModel::full_out("settings").requires("mode", Type::Str).requires("level", Type::Int);
    Service::new("settings_owner")
        .version("1.0.0")
        .config(config)
        .state(settings)
        .setup_states(shape_settings)
        .main(set_settings)
}

#[derive(Deserialize)]
struct Given {
    n: u64,
    /// Seconds for the last settings to reach replicas, and those that come later.
    hold: f64,
    topic: Option<String>,
}

#[derive(Serialize)]
struct Settings {
    mode: String,
    level: u64,
}

/// The topic of the state comes from the config, and so before its socket opens.
fn shape_settings(config: &model::Config) -> Result<Map<String, Json>> {
    let Given { topic, .. } = config.to()?;
    Ok(Map::from_iter([("settings".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

fn set_settings(to_send: BlockingToSend, config: Config) -> Result {
    let Given { n, hold, .. } = config.to()?;
    let settings = to_send.full("settings")?;
    to_send.sleep(BEFORE)?;
    for level in 0..n {
        settings.set(Settings { mode: format!("m{level}"), level })?;
    }
    to_send.sleep(Duration::try_from_secs_f64(hold).unwrap_or_default())?;
    Ok(())
}
