//! A first service: answers whoever says a name.
//!
//! Run with `cargo run --bin hello -- -a addresses/ideas/hello.json`, and ask it by `request`.

use service_framework::prelude::*;

#[derive(Message)]
struct Name {
    name: String,
}

#[derive(Message)]
struct Greeting {
    text: String,
}

fn greet(asked: Name) -> Result<Greeting> {
    Ok(Greeting { text: format!("Hello, {}", asked.name) })
}

fn main() -> ExitCode {
    service_framework::run(Service::new("greeter").replyer("hello", greet))
}
