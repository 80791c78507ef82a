//! Asks another service: a typed call in one line.
//!
//! With `hello` running, run with `cargo run --bin request -- -m -a addresses/ideas/request.json --name Ada`.

use service_framework::prelude::*;

#[derive(Message)]
struct Name {
    name: String,
}

#[derive(Message)]
struct Greeting {
    text: String,
}

#[derive(Links)]
struct Others {
    #[links(within = "2s")]
    hello: Requester<Name, Greeting>,
}

#[derive(Config)]
struct Given {
    /// Who is to be greeted.
    name: String,
}

fn ask(others: Others, given: Given) -> Result {
    let greeting = others.hello.request(Name { name: given.name }).wait()?;
    println!("{}", greeting.text);
    Ok(())
}

fn main() -> ExitCode {
    service_framework::run(Service::new("guest").main(ask))
}
