//! Stands between one who asks and `echo`: a service that calls a service. Its two requests carry the workflow id of
//! the request that came in, the second one with `_1` behind it.
//!
//! With `echo_replyer` running, run with `cargo run --bin middle -- -a addresses/reference/middle.json -cl DEBUG`.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use service_framework::model::{ConnectionModel, Type};
use service_framework::service::{Result, Service, ToSend};

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let mid = ConnectionModel::replyer("mid").requires("payload", Type::Str).returns("echo", Type::Str);
    let echo = ConnectionModel::requester("echo")
        .requires("payload", Type::Str)
        .optional("cmd", Type::Str)
        .returns("echo", Type::Str);
    Service::new("middle").version("1.0.0").replyer(mid, on_mid).requester(echo)
}

#[derive(Deserialize, Serialize)]
struct Payload {
    payload: String,
}

#[derive(Deserialize, Serialize)]
struct Echo {
    echo: String,
}

// While it waits for an answer, other requests are served.
async fn on_mid(asked: Payload, to_send: ToSend) -> Result<Echo> {
    let again = Payload { payload: format!("{}!", asked.payload) };
    let first: Echo = to_send.request("echo", asked).await?;
    let second: Echo = to_send.request("echo", again).await?;
    Ok(Echo { echo: first.echo + &second.echo })
}
