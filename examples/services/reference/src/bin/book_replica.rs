//! Follows the state `book` and answers what is in it.
//!
//! Run with `cargo run --bin book_replica -- -a addresses/reference/book_replica.json`, before or after `book_owner`.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use service_framework::Value;
use service_framework::model::{Config, ConfigModel, ConnectionModel, StateModel, Type};
use service_framework::service::{Result, Service, States};

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let book = Type::map(Type::Str, Type::Any);
    Service::new("book_replica")
        .version("1.0.0")
        .config(ConfigModel::new().optional_without_default("topic", Type::Str))
        .state(StateModel::delta_in("book", book.clone()))
        .replyer(ConnectionModel::replyer("read").returns("book", book), read)
        .setup_states(shape_book)
}

#[derive(Deserialize)]
struct Settings {
    topic: Option<String>,
}

fn shape_book(config: &Config) -> Result<Map<String, Json>> {
    let Settings { topic } = config.to()?;
    Ok(Map::from_iter([("book".to_owned(), json!({"topic": topic.unwrap_or_default()}))]))
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Serialize)]
struct Book {
    book: Value,
}

fn read(_: Nothing, states: States) -> Result<Book> {
    Ok(Book { book: states.get("book")? })
}
