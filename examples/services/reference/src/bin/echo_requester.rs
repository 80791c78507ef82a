//! Measures how fast a replyer answers: one request at a time, and prints what that took as one line of JSON.
//!
//! With `echo_replyer` running, run with
//! `cargo run --release --bin echo_requester -- -m -a addresses/reference/echo_requester.json --size 100`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::{BlockingToSend, Config, Result, Service};

/// Requests that are not measured: they find the replyer and warm both ends up.
const WARM_UP: usize = 100;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new().requires("size", Type::Int).optional("n", Type::Int, 5000);
    // The other end of `echo_replyer`; `service_framework check --with` compares the two.
    let echo = ConnectionModel::requester("echo")
        .requires("payload", Type::Str)
        .optional("cmd", Type::Str)
        .returns("echo", Type::Str);
    Service::new("echo_requester").version("1.0.0").config(config).requester(echo).main(measure)
}

#[derive(Deserialize)]
struct Settings {
    size: usize,
    n: usize,
}

#[derive(Serialize)]
struct Ask<'a> {
    payload: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    echo: String,
}

fn measure(to_send: BlockingToSend, config: Config) -> Result {
    let Settings { size, n } = config.to()?;
    let payload = "x".repeat(size);
    for _ in 0..WARM_UP {
        ask(&to_send, &payload)?;
    }
    let began = Instant::now();
    let mut latencies = (0..n).map(|_| ask(&to_send, &payload)).collect::<Result<Vec<_>>>()?;
    let rps = n as f64 / began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    println!(
        "{}",
        json!({
            "n": n,
            "rps": rps.round(),
            "p50_us": microseconds(&latencies, 0.50),
            "p99_us": microseconds(&latencies, 0.99),
            "max_us": microseconds(&latencies, 1.00),
        })
    );
    Ok(())
}

/// How long one answer takes; a wrong one ends the measurement.
fn ask(to_send: &BlockingToSend, payload: &str) -> Result<Duration> {
    let began = Instant::now();
    let Answer { echo } = to_send.request("echo", Ask { payload }).wait()?;
    let took = began.elapsed();
    if echo == payload {
        Ok(took)
    } else {
        Err(std::io::Error::other("the answer is not the payload").into())
    }
}

/// The latency that this share of the requests did not exceed; 0 if there were none.
fn microseconds(sorted: &[Duration], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    let latency = sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default();
    latency.as_nanos() as f64 / 1_000.0
}
