//! Reads this machine once in a while and publishes what it sees. A leading-edge service: it asks nobody.
//!
//! Run with `service_framework -s host_sensor -a addresses/host/host_sensor.json -m`.

use std::process::ExitCode;
use std::time::Duration;

use host_system::machine::{LEAST_INTERVAL, Machine};
use host_system::messages;
use serde::Deserialize;
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::{BlockingToSend, Config};
use service_framework::value::TimeDelta;
use service_framework::{Result, Service};

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
        .publisher(messages::readings(ConnectionModel::publisher("readings")))
        .main(publish_readings)
}

fn publish_readings(to_send: BlockingToSend, config: Config) -> Result {
    let settings: Settings = config.to()?;
    let every = Duration::try_from(settings.every).ok().filter(|every| *every >= LEAST_INTERVAL);
    let every = every.ok_or(TooOften)?;
    let mut machine = Machine::open()?;
    to_send.sleep(LEAST_INTERVAL)?;
    loop {
        to_send.publish("readings", machine.read(settings.busiest)?)?;
        to_send.sleep(every)?;
    }
}
