//! Several services in one program: which of them runs is chosen by `-s`. What they have in common is written once.
//!
//! Run with `cargo run --bin several -- -s thermometer -a addresses/ideas/thermometer.json` and
//! `cargo run --bin several -- -s reader -m -a addresses/ideas/reader.json`.

use service_framework::prelude::*;

/// Both ends agree on it, since it is one type.
#[derive(Message)]
struct Temperature {
    /// Of the hottest part that the system knows, in degrees Celsius; left out if it knows none.
    celsius: Option<f64>,
}

fn temperature(_: ()) -> Result<Temperature> {
    let zones = std::fs::read_dir("/sys/class/thermal").into_iter().flatten().flatten();
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<f64>().ok();
    let celsius = zones.filter_map(|zone| Some(read(zone.path().join("temp"))? / 1000.0)).reduce(f64::max);
    Ok(Temperature { celsius })
}

#[derive(Links)]
struct Others {
    thermometer: Requester<(), Temperature>,
}

fn read(others: Others) -> Result {
    match others.thermometer.request(()).wait()?.celsius {
        Some(celsius) => println!("{celsius:.1} degrees"),
        None => println!("this machine has no thermometer"),
    }
    Ok(())
}

fn main() -> ExitCode {
    let thermometer = Service::new("thermometer").replyer("temperature", temperature);
    service_framework::run([thermometer, Service::new("reader").main(read)])
}
