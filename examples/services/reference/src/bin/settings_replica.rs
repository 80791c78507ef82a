//! Follows the state `settings` and answers what it is; nil while nothing has come.
//!
//! Run with `cargo run --bin settings_replica -- -a addresses/reference/settings_replica.json`, before or after
//! `settings_owner`.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use service_framework::Value;
use service_framework::model::{Config, ConfigModel, ConnectionModel, StateModel, Type};
use service_framework::service::{Result, Service, States};

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let settings = StateModel::full_in("settings").requires("mode", Type::Str).requires("level", Type::Int);
    Service::new("settings_replica")
        .version("1.0.0")
        .config(ConfigModel::new().optional_without_default("topic", Type::Str))
        .state(settings)
        .receives(ConnectionModel::replyer("read").returns("settings", Type::Any), read)
        .setup_states(shape_settings)
}

#[derive(Deserialize)]
struct Given {
    topic: Option<String>,
}

fn shape_settings(config: &Config) -> Result<Map<String, Json>> {
    let Given { topic } = config.to()?;
    Ok(Map::from_iter([("settings".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Serialize)]
struct Answer {
    settings: Value,
}

fn read(_: Nothing, states: States) -> Result<Answer> {
    Ok(Answer { settings: states.get("settings")? })
}
