//! Stands between one who asks and `echo`: a service that calls a service. Its two requests carry the workflow id of
//! the request that came in, the second one with `_1` behind it.
//!
//! With `echo_replyer` running, run with `cargo run --bin middle -- -a addresses/reference/middle.json -cl DEBUG`.

use service_framework::prelude::*;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("middle").version("1.0.0").replyer("mid", on_mid)
}

#[derive(Message)]
struct Asked {
    payload: String,
}

#[derive(Message)]
struct Ask {
    payload: String,
    cmd: Option<String>,
}

#[derive(Message)]
struct Echo {
    echo: String,
}

#[derive(Links)]
struct Others {
    echo: Requester<Ask, Echo>,
}

// While it waits for an answer, other requests are served.
async fn on_mid(asked: Asked, others: Others) -> Result<Echo> {
    let again = format!("{}!", asked.payload);
    let first = others.echo.request(Ask { payload: asked.payload, cmd: None }).await?;
    let second = others.echo.request(Ask { payload: again, cmd: None }).await?;
    Ok(Echo { echo: first.echo + &second.echo })
}
