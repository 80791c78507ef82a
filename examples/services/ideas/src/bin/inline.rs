//! Several services in one thread, without sockets: a request is a function call.
//!
//! Run with `cargo run --bin inline`.

use service_framework::prelude::*;
use service_framework::service::{Inline, InlineError};

#[derive(Message)]
struct Uptime {
    uptime: Duration,
}

fn uptime(_: ()) -> Result<Uptime> {
    let text = std::fs::read_to_string("/proc/uptime")?;
    let seconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Uptime { uptime: Duration::try_from_secs_f64(seconds)? })
}

#[derive(Links)]
struct Others {
    clock: Requester<(), Uptime>,
}

fn tell(others: Others) -> Result {
    let answer = others.clock.request(()).wait()?;
    println!("up for {} minutes", answer.uptime.as_secs() / 60);
    Ok(())
}

fn main() -> Result<(), InlineError> {
    Inline::new(Service::new("teller").main(tell))
        .service(Service::new("clock").replyer("uptime", uptime))
        .relate(("teller", "clock"), ("clock", "uptime"))
        .run()
}
