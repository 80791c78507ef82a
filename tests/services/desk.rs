//! Two services for the tests of the launcher: what they do is seen from outside.
//!
//! `desk` answers `cancel`; asked to stop it says so and, with `--stuck true`, never ends by itself.
//! `probe` is a leading-edge service that prints its config; with `--stuck true` it does not hear a stop, with
//! `--symbol PANIC` it panics.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::Config;
use service_framework::{Result, Service, run};

fn main() -> ExitCode {
    run([desk(), probe()])
}

#[derive(Deserialize)]
struct Cancel {
    order_id: String,
}

#[derive(Serialize)]
struct Cancelled {
    done: bool,
}

fn desk() -> Service {
    let cancel =
        ConnectionModel::replyer("cancel").requires("order_id", Type::Str).returns("done", Type::Bool);
    Service::new("desk")
        .version("1.2.0")
        .config(config())
        .receives(cancel, |cancel: Cancel| -> Result<Cancelled> {
            tracing::info!(order_id = cancel.order_id, "cancelled");
            Ok(Cancelled { done: true })
        })
        .sigint_handler(say_stopping)
}

fn config() -> ConfigModel {
    ConfigModel::new().requires("symbol", Type::Str).optional("delay", Type::Float, 1.0).optional(
        "stuck",
        Type::Bool,
        false,
    )
}

fn say_stopping(config: Config) -> Result {
    println!("stopping");
    block_if_stuck(&config);
    Ok(())
}

fn probe() -> Service {
    Service::new("probe").version("0.3.0").config(config()).main(print_config)
}

fn print_config(config: Config) -> Result {
    tracing::info!("printing");
    println!("{}", config.to_json());
    assert_ne!(config.get("symbol").and_then(|symbol| symbol.as_str()), Some("PANIC"), "asked to");
    block_if_stuck(&config);
    Ok(())
}

fn block_if_stuck(config: &Config) {
    while config.get("stuck").and_then(|stuck| stuck.as_bool()) == Some(true) {
        std::thread::park();
    }
}
