//! An owner and a replica for the tests of states, which can be asked what they have.
//!
//! `ledger` owns the delta state `book` and the full state `settings`. Asked for a `burst` it makes so many steps
//! (`ledger_steps`), each one update. `copy` follows both, and keeps what its handler of changes was told beside what
//! it shows.

mod ledger_steps;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use service_framework::model::{self, ConfigModel, ConnectionModel, StateModel, Type};
use service_framework::service::{BlockingToSend, Config, States, ToSend, workers};
use service_framework::{Result, Service, Value, run};

use ledger_steps::{Step, step, value};

fn main() -> ExitCode {
    run([ledger(), copy()])
}

fn book() -> Type {
    Type::map(Type::Str, Type::Any)
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Ledger {
    life: i64,
    keys: i64,
    pad: usize,
}

fn ledger() -> Service {
    let config = ConfigModel::new()
        .optional("life", Type::Int, 0)
        .optional("keys", Type::Int, 40)
        .optional("pad", Type::Int, 0)
        .optional("topic", Type::Str, "");
    let burst = ConnectionModel::replyer("burst").requires("steps", Type::Int).returns("number", Type::Int);
    let set = ConnectionModel::replyer("set").requires("level", Type::Int).returns("level", Type::Int);
    let read = ConnectionModel::replyer("read").returns("number", Type::Any).returns("book", Type::Any);
    Service::new("ledger")
        .config(config)
        .state(StateModel::delta_out("book", book()))
        .state(StateModel::full_out("settings").requires("level", Type::Int).requires("text", Type::Str))
        .setup_states(shape_out)
        .receives(burst, workers(1, make_steps))
        .receives(set, set_level)
        .receives(read, read_own)
}

fn shape_out(config: &model::Config) -> Result<Map<String, Json>> {
    let topic = json!({"topic": config.get("topic").and_then(|topic| topic.as_str()).unwrap_or_default()});
    Ok(Map::from_iter([("book".to_owned(), topic.clone()), ("settings".to_owned(), topic)]))
}

#[derive(Deserialize)]
struct Burst {
    steps: i64,
}

#[derive(Serialize)]
struct Number {
    number: i64,
}

fn make_steps(burst: Burst, to_send: BlockingToSend, config: Config) -> Result<Number> {
    let Ledger { life, keys, pad } = config.to()?;
    let book = to_send.delta("book")?;
    let mut number = book.view().number().unwrap_or(-1);
    for _ in 0..burst.steps {
        number += 1;
        let update = book.update().set("last", number);
        let update = if number == 0 { update.set("life", life) } else { update };
        match step(number, keys) {
            Step::Set(key) => update.set(key, value(life, number, pad)).publish()?,
            Step::Remove(key) => update.remove(key).publish()?,
            Step::Replace(key) => {
                book.replace(json!({"life": life, "last": number, key: value(life, number, pad)}))?;
            }
        }
    }
    Ok(Number { number })
}

#[derive(Deserialize, Serialize)]
struct Level {
    level: i64,
}

fn set_level(level: Level, to_send: ToSend) -> Result<Level> {
    let text = format!("level {}", level.level);
    to_send.full("settings")?.set(json!({"level": level.level, "text": text}))?;
    Ok(level)
}

#[derive(Serialize)]
struct Own {
    number: Option<i64>,
    book: Value,
}

fn read_own(_: Nothing, to_send: ToSend) -> Result<Own> {
    let view = to_send.delta("book")?.view();
    Ok(Own { number: view.number(), book: view.to_value() })
}

/// What the handler of changes was told, all together.
type Told = Arc<Mutex<Map<String, Json>>>;

fn copy() -> Service {
    let told = Told::default();
    let (begun, changed) = (told.clone(), told.clone());
    let mut read = ConnectionModel::replyer("read");
    for name in ["book", "number", "status", "told", "settings", "settings_status"] {
        read = read.returns(name, Type::Any);
    }
    let doze = ConnectionModel::replyer("doze").requires("seconds", Type::Float).returns("dozed", Type::Bool);
    Service::new("copy")
        .receives(doze, doze_off)
        .config(ConfigModel::new().optional("topic", Type::Str, "").optional("local_copy", Type::Str, ""))
        .follows(StateModel::delta_in("book", book()), move |change: Change| -> Result<()> {
            note(&changed, &change.state);
            Ok(())
        })
        .state(StateModel::full_in("settings").requires("level", Type::Int).requires("text", Type::Str))
        .setup_states(shape_in)
        .init_function(move |states: States| -> Result {
            note(&begun, &states.get("book")?);
            Ok(())
        })
        .receives(read, move |_: Nothing, states: States| read_copy(&told, &states))
}

#[derive(Deserialize)]
struct Doze {
    seconds: f64,
}

#[derive(Serialize)]
struct Dozed {
    dozed: bool,
}

/// Does what no plain handler should: nothing of the service goes on meanwhile.
fn doze_off(doze: Doze) -> Result<Dozed> {
    std::thread::sleep(Duration::try_from_secs_f64(doze.seconds)?);
    Ok(Dozed { dozed: true })
}

fn shape_in(config: &model::Config) -> Result<Map<String, Json>> {
    let text = |name| config.get(name).and_then(|text| text.as_str()).unwrap_or_default();
    let book = json!({"topic": text("topic"), "local_copy": text("local_copy")});
    Ok(Map::from_iter([("book".to_owned(), book), ("settings".to_owned(), json!({"topic": text("topic")}))]))
}

#[derive(Deserialize)]
struct Change {
    state: Value,
}

fn note(told: &Told, changes: &Value) {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let Json::Object(changes) = changes.to_json() else { return };
    for (key, value) in changes {
        if value.is_null() {
            told.remove(&key);
        } else {
            told.insert(key, value);
        }
    }
}

#[derive(Serialize)]
struct Copy {
    book: Value,
    number: Option<i64>,
    status: String,
    /// Whether the handler of changes was told all of it.
    told: bool,
    settings: Value,
    settings_status: String,
}

fn read_copy(told: &Told, states: &States) -> Result<Copy> {
    let book = states.get("book")?;
    let told = Json::Object(told.lock().unwrap_or_else(PoisonError::into_inner).clone()) == book.to_json();
    Ok(Copy {
        number: states.delta("book")?.number(),
        status: word(states, "book")?,
        told,
        book,
        settings: states.get("settings")?,
        settings_status: word(states, "settings")?,
    })
}

/// The status in a word.
fn word(states: &States, state: &str) -> Result<String> {
    let text = format!("{:?}", states.status(state)?).to_lowercase();
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}
