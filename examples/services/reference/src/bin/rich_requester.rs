//! Asks once with a decimal, a UUID, a set, bytes and a book of prices, and prints the answer as one line of JSON.
//!
//! With `rich_replyer` running, run with
//! `cargo run --bin rich_requester -- -m -a addresses/reference/rich_requester.json --badkeys true`.

use std::collections::HashMap;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use service_framework::Value;
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::{BlockingToSend, Config, Result, Service};
use service_framework::value::{Bytes, Decimal, Set, Uuid};

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new().optional("badkeys", Type::Bool, false);
    let rich = ConnectionModel::requester("rich")
        .requires("price", Type::Decimal)
        .requires("id", Type::Uuid)
        .requires("tags", Type::set(Type::Str))
        .requires("blob", Type::Bytes)
        .requires("book", Type::map(Type::Decimal, Type::Decimal))
        .returns("price", Type::Decimal)
        .returns("id", Type::Uuid)
        .returns("tags", Type::set(Type::Str))
        .returns("blob", Type::Bytes);
    Service::new("rich_requester").version("1.0.0").config(config).connection(rich).main(ask)
}

#[derive(Deserialize)]
struct Settings {
    badkeys: bool,
}

#[derive(Serialize)]
struct Ask {
    price: Decimal,
    id: Uuid,
    tags: Set<&'static str>,
    blob: Bytes,
    book: HashMap<Decimal, Decimal>,
}

fn ask(to_send: BlockingToSend, config: Config) -> Result {
    let Settings { badkeys } = config.to()?;
    let ask = Ask {
        price: "12.50".parse()?,
        id: "12345678-1234-5678-1234-567812345678".parse()?,
        tags: Set(vec!["a", "b"]),
        blob: Bytes(vec![0x00, 0xff]),
        book: if badkeys { book()? } else { HashMap::new() },
    };
    // Read into a `Value`, an answer prints itself: `{"price": {"__decimal__": true, "as_str": "25.00"}, …}`.
    let answer: Value = to_send.request("rich", ask).wait()?;
    println!("{}", answer.to_json());
    Ok(())
}

/// Keys that are no text; the originals can send them but not receive them.
fn book() -> Result<HashMap<Decimal, Decimal>> {
    Ok(HashMap::from([("1.5".parse()?, "2".parse()?)]))
}
