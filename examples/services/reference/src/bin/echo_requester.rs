//! Measures how fast a replyer answers: one request at a time, and prints what that took as one line of JSON.
//!
//! With `echo_replyer` running, run with
//! `cargo run --release --bin echo_requester -- -m -a addresses/reference/echo_requester.json --size 100`.

use std::time::Instant;

use serde_json::json;
use service_framework::prelude::*;

/// Requests that are not measured: they find the replyer and warm both ends up.
const WARM_UP: usize = 100;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("echo_requester").version("1.0.0").main(measure)
}

// A comment of `///` would become help, and so a part of the model, which is fixed.
#[derive(Config)]
struct Settings {
    size: usize,
    #[config(default = 5000)]
    n: usize,
}

#[derive(Message)]
struct Ask<'a> {
    payload: &'a str,
    cmd: Option<&'a str>,
}

#[derive(Message)]
struct Answer {
    echo: String,
}

/// The other end of `echo_replyer`; `service_framework check --with` compares the two.
#[derive(Links)]
struct Others {
    echo: Requester<Ask<'static>, Answer>,
}

fn measure(others: Others, settings: Settings) -> Result {
    let Settings { size, n } = settings;
    let payload = "x".repeat(size);
    for _ in 0..WARM_UP {
        ask(&others, &payload)?;
    }
    let began = Instant::now();
    let mut latencies = (0..n).map(|_| ask(&others, &payload)).collect::<Result<Vec<_>>>()?;
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
fn ask(others: &Others, payload: &str) -> Result<Duration> {
    let began = Instant::now();
    let Answer { echo } = others.echo.request(Ask { payload, cmd: None }).wait()?;
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
