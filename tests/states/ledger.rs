//! The services `ledger` and `copy`, and what the ledger's state is at each of its steps.

use std::cell::Cell;
use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use super::net::{Net, ask, wait_until};
use crate::folder::desk;
use crate::support::Process;

#[path = "../services/ledger_steps.rs"]
mod steps;

use steps::{Step, step, value};

/// How large a ledger is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) keys: i64,
    pub(crate) pad: usize,
}

/// A snapshot of it fits into one part.
pub(crate) const SMALL: Size = Size { keys: 40, pad: 0 };
/// A snapshot of it needs some parts.
pub(crate) const LARGE: Size = Size { keys: 1_500, pad: 500 };

/// An owner that has been started, perhaps several times.
pub(crate) struct Ledger {
    pub(crate) process: Process,
    size: Size,
    life: i64,
    number: Cell<i64>,
}

impl Ledger {
    pub(crate) fn start(net: &Net, size: Size, arguments: &[&str]) -> Self {
        let process = start_ledger(net, size, 0, arguments);
        Self { process, size, life: 0, number: Cell::new(-1) }
    }

    /// Kills it and starts it anew, with nothing in its states.
    pub(crate) fn restart(&mut self, net: &Net, arguments: &[&str]) {
        self.process.end_by(Signal::KILL);
        self.life += 1;
        self.number.set(-1);
        self.process = start_ledger(net, self.size, self.life, arguments);
    }

    /// Has it make so many steps.
    pub(crate) fn burst(&self, net: &Net, steps: i64) {
        let made = ask(net.at("burst"), &json!({"steps": steps}));
        self.number.set(made["number"].as_i64().unwrap());
    }

    /// Waits until the replica shows what the owner has, knows it, and has told it to its handler.
    #[track_caller]
    pub(crate) fn wait_for_copy(&self, net: &Net, copy: &str) {
        let expected = book_at(self.life, self.number.get(), self.size);
        let own = net.read("owner");
        assert!(own["number"] == json!(self.number.get()) && own["book"] == expected, "the ledger itself");
        let look = || {
            let read = net.read(copy);
            check_shown(&read, self.size);
            let is_equal = read["book"] == expected && read["number"] == json!(self.number.get());
            Some((read["number"].clone(), read["status"].clone(), read["told"].clone(), is_equal))
        };
        wait_until(look, |seen| (&seen.1, &seen.2, seen.3) == (&json!("current"), &json!(true), true));
    }
}

fn start_ledger(net: &Net, size: Size, life: i64, arguments: &[&str]) -> Process {
    let addresses = json!({
        "connections": {"in": {
            "burst": {"replyer": net.at("burst")},
            "set": {"replyer": net.at("set")},
            "read": {"replyer": net.at("owner")},
        }},
        "states": {"out": {"book": net.book_out(), "settings": {"publisher": net.at("settings")}}},
    });
    let numbers = [life.to_string(), size.keys.to_string(), size.pad.to_string()];
    let names = ["--life", "--keys", "--pad"];
    let given = names.into_iter().zip(&numbers).flat_map(|(name, number)| [name, number]);
    let arguments: Vec<&str> = given.chain(arguments.iter().copied()).collect();
    net.place.start(&service("ledger"), addresses, &arguments)
}

/// Starts a replica that is read at `socket`.
pub(crate) fn start_copy(net: &Net, socket: &str, arguments: &[&str]) -> Process {
    let addresses = json!({
        "connections": {"in": {
            "read": {"replyer": net.at(socket)},
            "doze": {"replyer": net.place.at(&format!("{socket}.doze"))},
        }},
        "states": {"in": {"book": net.book_in(), "settings": {"subscriber": net.at("settings")}}},
    });
    net.place.start(&service("copy"), addresses, arguments)
}

fn service(name: &str) -> String {
    format!("{}:{name}", desk().with_file_name("ledger").display())
}

/// What a replica shows is what the ledger had, in one of its lives and under this number.
#[track_caller]
pub(crate) fn check_shown(read: &Json, size: Size) {
    let Some(number) = read["number"].as_i64() else {
        assert_eq!(read["book"], json!({}), "shown without a number");
        return;
    };
    let life = read["book"]["life"].as_i64();
    let had = book_at(life.unwrap_or_default(), number, size);
    assert!(read["book"] == had, "at {number} the ledger never had {}", read["book"]);
}

/// The state of a ledger after the step with this number.
fn book_at(life: i64, number: i64, size: Size) -> Json {
    let mut keys = BTreeMap::new();
    for number in 0..=number {
        match step(number, size.keys) {
            Step::Set(key) => drop(keys.insert(key, number)),
            Step::Remove(key) => drop(keys.remove(&key)),
            Step::Replace(key) => keys = [(key, number)].into(),
        }
    }
    let book = keys.into_iter().map(|(key, number)| (key, json!(value(life, number, size.pad))));
    let numbers = [("life", life), ("last", number)].map(|(key, number)| (key.to_owned(), json!(number)));
    let numbers = numbers.into_iter().filter(|_| number >= 0);
    Json::Object(book.chain(numbers).collect())
}
