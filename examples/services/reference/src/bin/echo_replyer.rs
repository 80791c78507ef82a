//! Answers every payload with itself; commands make it fail in every way that a handler can.
//!
//! Run with
//! `cargo run --bin echo_replyer -- -a addresses/reference/echo_replyer.json --delay 0.5`
//! and ask it from another terminal: `cargo run --bin echo_requester -- -m …` (see there).

use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::{Config, Result, Service};

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new().optional("delay", Type::Float, 1.0);
    let echo = ConnectionModel::replyer("echo")
        .requires("payload", Type::Str)
        .optional("cmd", Type::Str)
        .returns("echo", Type::Str);
    Service::new("echo_replyer").version("1.0.0").config(config).receives(echo, on_echo)
}

#[derive(Deserialize)]
struct Asked {
    payload: String,
    cmd: Option<String>,
}

/// What the handler returns: as the model says, or, when it is told to, not.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Echo { echo: String },
    Bad { nope: i64 },
    Nothing,
}

#[derive(Deserialize)]
struct Settings {
    delay: f64,
}

// An `async fn`, so that one who asked for a slow answer holds up nobody else.
async fn on_echo(asked: Asked, config: Config) -> Result<Answer> {
    match asked.cmd.as_deref() {
        Some("raise") => return Err(std::io::Error::other("told to fail").into()),
        Some("panic") => panics(),
        Some("badreturn") => return Ok(Answer::Bad { nope: 1 }),
        Some("none") => return Ok(Answer::Nothing),
        Some("slow") => tokio::time::sleep(delay(&config)?).await,
        _ => {}
    }
    Ok(Answer::Echo { echo: asked.payload })
}

fn delay(config: &Config) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(config.to::<Settings>()?.delay)?)
}

#[expect(clippy::panic, reason = "told to, and the service has to survive it")]
fn panics() {
    panic!("told to panic");
}
