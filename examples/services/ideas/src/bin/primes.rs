//! Workers: what computes for long has threads of its own, and holds nobody else up.
//!
//! Run with `cargo run --release --bin primes -- -a addresses/ideas/primes.json`.

use service_framework::prelude::*;

#[derive(Message)]
struct Below {
    below: u64,
}

#[derive(Message)]
struct Count {
    count: u64,
}

/// Runs on one of four threads.
fn count(asked: Below) -> Result<Count> {
    Ok(Count { count: (2..asked.below).filter(|number| is_prime(*number)).count() as u64 })
}

fn is_prime(number: u64) -> bool {
    (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| !number.is_multiple_of(divisor))
}

#[derive(Message)]
struct Number {
    number: u64,
}

#[derive(Message)]
struct IsPrime {
    is_prime: bool,
}

/// Runs at once, between two messages: for what takes microseconds.
fn test(asked: Number) -> Result<IsPrime> {
    Ok(IsPrime { is_prime: is_prime(asked.number) })
}

pub(crate) fn service() -> Service {
    Service::new("primes").replyer("count", workers(4, count)).replyer("test", test)
}

fn main() -> ExitCode {
    service_framework::run(service())
}
