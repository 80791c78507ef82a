//! Tells whoever listens: the load of this machine, again and again.
//!
//! Run with `cargo run --bin publish -- -m -a addresses/ideas/publish.json --every 1s`; `subscribe` listens.

use service_framework::prelude::*;

#[derive(Message)]
struct Load {
    /// Processes that want a processor, on average over a minute.
    load: f64,
}

#[derive(Links)]
struct Out {
    load: Publisher<Load>,
}

#[derive(Config)]
struct Given {
    /// The time between two readings.
    #[config(default = "1s")]
    every: Duration,
}

fn measure(out: Out, given: Given, to_send: BlockingToSend) -> Result {
    loop {
        out.load.publish(Load { load: load()? })?;
        // Ends with an error when the service stops, and `main` with it.
        to_send.sleep(given.every)?;
    }
}

fn load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

pub(crate) fn service() -> Service {
    Service::new("meter").main(measure)
}

fn main() -> ExitCode {
    service_framework::run(service())
}
