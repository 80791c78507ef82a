//! The programs of `examples/programs/three_services`, whose hooks are in three services: real processes, and what fails in one
//! of them is undone in the others.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Process, free_address, launcher, root, wait_for_listener};

const SERVICES: [&str; 3] = ["stock", "payment", "shipping"];

/// The example in a folder of its own, at addresses of its own.
struct Example {
    folder: TempDir,
    addresses: Vec<String>,
}

impl Example {
    fn copy() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports: Vec<(String, String)> =
            (7710..=7716).map(|port| (format!("127.0.0.1:{port}"), free_address())).collect();
        let ledgers = folder.path().join("ledgers").display().to_string();
        let example = root().join("examples/programs/three_services");
        fs::create_dir(folder.path().join("addresses")).unwrap();
        for inner in ["", "addresses"] {
            for entry in fs::read_dir(example.join(inner)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let text = fs::read_to_string(&path).unwrap().replace("/tmp/three_services", &ledgers);
                    let text = ports.iter().fold(text, |text, (from, to)| text.replace(from, to));
                    fs::write(folder.path().join(inner).join(path.file_name().unwrap()), text).unwrap();
                }
            }
        }
        Self { folder, addresses: ports.into_iter().map(|(_, to)| to).collect() }
    }

    fn start(&self, line: &str) -> Process {
        let mut command = launcher();
        Process::start(command.current_dir(self.folder.path()).args(line.split_whitespace()))
    }

    /// What each service has written down for an order.
    fn ledgers(&self, order: &str) -> Vec<&'static str> {
        let is_there = |service: &str| self.folder.path().join("ledgers").join(service).join(order).exists();
        SERVICES.into_iter().filter(|service| is_there(service)).collect()
    }
}

fn ask(address: &str, pool: Json) -> Json {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(json!({"program": "buy", "data_pool": pool}).to_string().as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn find_address(line: &str) -> String {
    let line: Json = serde_json::from_str(line).unwrap();
    let mut waiting = vec![line];
    while let Some(json) = waiting.pop() {
        match json {
            Json::Object(entries) => {
                if let Some(address) = entries.get("address").and_then(Json::as_str) {
                    return address.to_owned();
                }
                waiting.extend(entries.into_iter().map(|(_, json)| json));
            }
            Json::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    panic!("no address")
}

#[test]
fn what_fails_in_one_service_is_undone_in_the_others() {
    let example = Example::copy();
    let _services = example.start("up system.json");
    example.addresses[1..].iter().for_each(|address| wait_for_listener(address));
    let mut server =
        example.start("program serve -a addresses/programs.json --port 0 --store memory --log_format json");
    let server_address = find_address(&server.wait_for("serving programs"));
    let buy = |order: &str, item: &str, country: &str| {
        ask(&server_address, json!({"order_id": order, "item": item, "country": country}))
    };

    assert_eq!(buy("o-1", "rope", "nl"), json!({"price": 12.5, "parcel": "P-o-1"}));
    assert_eq!(example.ledgers("o-1"), SERVICES);

    // Shipping refuses: stock and payment are asked to undo.
    let answer = buy("o-2", "anvil", "moon");
    assert_eq!(answer["_program_fail"], true, "{answer}");
    assert_eq!(answer["_last_failed_program"], "shipping.ship", "{answer}");
    assert_eq!(example.ledgers("o-2"), [""; 0]);

    // Nothing was kept back: both anvils are still there, and no third one.
    for (order, has_failed) in [("o-3", false), ("o-4", false), ("o-5", true)] {
        let answer = buy(order, "anvil", "de");
        assert_eq!(answer.get("_program_fail").is_some(), has_failed, "{answer}");
    }
    assert_eq!((example.ledgers("o-4").len(), example.ledgers("o-5").len()), (3, 0));
}
