//! Follows the state `book` and answers what is in it.
//!
//! Run with `cargo run --bin book_replica -- -a addresses/reference/book_replica.json`, before or after `book_owner`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigType};
use service_framework::prelude::*;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("book_replica")
        .version("1.0.0")
        .config(Settings::model())
        .replyer("read", read)
        .setup_states(shape_book)
}

#[derive(Config)]
struct Settings {
    topic: Option<String>,
}

#[derive(Links)]
struct In {
    book: DeltaIn<Value>,
}

fn shape_book(config: &model::Config) -> Result<Map<String, Json>> {
    let Settings { topic } = Settings::from_config(config)?;
    Ok(Map::from_iter([("book".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

#[derive(Message)]
struct Book {
    book: BTreeMap<String, Value>,
}

fn read(_: (), seen: &In) -> Result<Book> {
    Ok(Book { book: seen.book.to_map()? })
}
