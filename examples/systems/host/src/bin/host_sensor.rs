//! Reads this machine once in a while and keeps what it sees in a state that others follow. A leading-edge service: it
//! asks nobody.
//!
//! Run with `service_framework -s host_sensor -a addresses/host/host_sensor.json -m`.

use std::process::ExitCode;
use std::time::Duration;

use host_system::machine::{LEAST_INTERVAL, Machine};
use host_system::messages::{self, FIGURES};
use host_system::reading::Reading;
use serde::Deserialize;
use service_framework::model::{ConfigModel, StateModel, Type};
use service_framework::service::{BlockingToSend, Config, OwnDelta};
use service_framework::value::{TimeDelta, encode};
use service_framework::{Result, Service, Value};

#[derive(Deserialize)]
struct Settings {
    /// Time between two readings.
    every: TimeDelta,
    /// How many of the busiest processes a reading names.
    busiest: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("config `every` is less than {LEAST_INTERVAL:?}, over which this system measures rates")]
struct TooOften;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new().optional("every", Type::TimeDelta, Duration::from_secs(1)).optional(
        "busiest",
        Type::Int,
        5,
    );
    Service::new("host_sensor")
        .version(env!("CARGO_PKG_VERSION"))
        .config(config)
        .state(StateModel::delta_out(FIGURES, messages::figures()))
        .main(keep_figures)
}

fn keep_figures(to_send: BlockingToSend, config: Config) -> Result {
    let settings: Settings = config.to()?;
    let every = Duration::try_from(settings.every).ok().filter(|every| *every >= LEAST_INTERVAL);
    let every = every.ok_or(TooOften)?;
    let mut machine = Machine::open()?;
    to_send.sleep(LEAST_INTERVAL)?;
    let figures = to_send.delta(FIGURES)?;
    loop {
        update(&figures, &machine.read(settings.busiest)?)?;
        to_send.sleep(every)?;
    }
}

/// One update with what is not as it was.
fn update(figures: &OwnDelta, reading: &Reading) -> Result {
    let Value::Map(parts) = Value::from_msgpack(&encode(reading)?)? else { return Ok(()) };
    let view = figures.view();
    let mut update = figures.update();
    for (name, part) in parts {
        if view.get::<Value>(&name)?.as_ref() != Some(&part) {
            update = update.set(name, part);
        }
    }
    Ok(update.publish()?)
}
