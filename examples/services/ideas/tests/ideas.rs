//! Every idea, started: most in this process, some as the programs that they are.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(dead_code, reason = "nobody calls the `main` of the services that run here")]

mod support;

#[path = "../src/bin/order_desk.rs"]
mod desk;
#[path = "../src/bin/dynamic.rs"]
mod dynamic;
#[path = "../src/bin/http_client.rs"]
mod http_client;
#[path = "../src/bin/own_state.rs"]
mod own_state;
#[path = "../src/bin/primes.rs"]
mod primes;
#[path = "../src/bin/publish.rs"]
mod publish;
#[path = "../src/bin/replica.rs"]
mod replica;
#[path = "../src/bin/state.rs"]
mod state;
#[path = "../src/bin/tested.rs"]
mod tested;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use service_framework::service::Start;
use support::{Program, ask, output};

/// For what happens soon, on a slow machine.
const LONG: Duration = Duration::from_secs(20);

/// Addresses of one connection.
fn at(side: &str, connection: &str, socket: &str, address: &str) -> Json {
    json!({"connections": {side: {connection: {socket: address}}}})
}

/// Those of one replyer at a port of the system's.
fn answers(connection: &str) -> Json {
    at("in", connection, "replyer", "127.0.0.1:*")
}

#[test]
fn hello_is_asked_by_request() {
    let mut hello = Program::start(&mut Command::new(env!("CARGO_BIN_EXE_hello")), &answers("hello"));
    let asks = at("out", "hello", "requester", &hello.address());
    let mut request = Command::new(env!("CARGO_BIN_EXE_request"));
    assert_eq!(output(request.args(["-m", "--name", "Ada"]), &asks), "Hello, Ada\n");
}

#[test]
fn subscribe_hears_what_publish_says() {
    let publish = Start::new(publish::service()).config("every", "20ms").main_mode().start().unwrap();
    let hears = at("in", "load", "subscriber", publish.address("load").unwrap());
    let mut subscribe = Program::start(&mut Command::new(env!("CARGO_BIN_EXE_subscribe")), &hears);
    let line = subscribe.line();
    assert!(line.starts_with("at first: "), "{line}");
}

#[test]
fn a_replica_knows_the_memory_of_this_machine() {
    let owner = Start::new(state::service()).config("every", "20ms").main_mode().start().unwrap();
    let replica = Start::new(replica::service()).connect("memory", &owner, "memory").start().unwrap();
    let began = Instant::now();
    let answer = loop {
        let answer = ask(&replica, "in_use", json!({})).unwrap();
        if answer["is_current"] == true && answer.get("share").is_some() {
            break answer;
        }
        assert!(began.elapsed() < LONG, "{answer}");
    };
    let share = answer["share"].as_f64().unwrap();
    assert!((0.0..1.0).contains(&share), "{share}");
}

#[test]
fn pages_are_fetched_side_by_side() {
    let client = http_client::service().start().unwrap();
    let began = Instant::now();
    thread::scope(|scope| {
        let fetch = || ask(&client, "fetch", json!({"path": "/uptime"})).unwrap();
        let fetches: Vec<_> = (0..10).map(|_| scope.spawn(fetch)).collect();
        for fetch in fetches {
            let answer = fetch.join().unwrap();
            assert!(answer["status"] == 200 && answer["body"].as_str().unwrap().contains('.'), "{answer}");
        }
    });
    assert!(began.elapsed() < Duration::from_millis(1500), "one after the other they take two seconds");
    assert_eq!(ask(&client, "fetch", json!({"path": "/nothing"})).unwrap()["status"], 404);
}

#[test]
fn workers_hold_nobody_up() {
    let primes = primes::service().start().unwrap();
    assert_eq!(ask(&primes, "count", json!({"below": 100})).unwrap(), json!({"count": 25}));
    thread::scope(|scope| {
        let long = scope.spawn(|| ask(&primes, "count", json!({"below": 500_000})).unwrap());
        assert_eq!(ask(&primes, "test", json!({"number": 97})).unwrap(), json!({"is_prime": true}));
        assert!(!long.is_finished(), "the short question waited for the long one");
        assert_eq!(long.join().unwrap(), json!({"count": 41_538}));
    });
}

#[test]
fn a_service_keeps_its_own_value() {
    let jobs = own_state::service().start().unwrap();
    let put = |command| ask(&jobs, "put", json!({"command": command})).unwrap()["ahead"].clone();
    assert_eq!([put("make"), put("make test")], [0, 1]);
    let take = || ask(&jobs, "take", json!({})).unwrap();
    assert_eq!([take(), take()], [json!({"command": "make"}), json!({"command": "make test"})]);
    thread::scope(|scope| {
        let waits = scope.spawn(take);
        put("make install");
        assert_eq!(waits.join().unwrap(), json!({"command": "make install"}));
    });
}

#[test]
fn services_inline_need_no_addresses() {
    let ran = Command::new(env!("CARGO_BIN_EXE_inline")).output().unwrap();
    let shown = String::from_utf8(ran.stdout).unwrap();
    assert!(shown.starts_with("up for ") && shown.ends_with(" minutes\n"), "{shown}");
}

#[test]
fn one_program_has_several_services() {
    let several = || Command::new(env!("CARGO_BIN_EXE_several"));
    let mut thermometer = Program::start(several().args(["-s", "thermometer"]), &answers("temperature"));
    let asks = at("out", "thermometer", "requester", &thermometer.address());
    let shown = output(several().args(["-s", "reader", "-m"]), &asks);
    assert!(shown.ends_with(" degrees\n") || shown == "this machine has no thermometer\n", "{shown}");
}

#[test]
fn a_model_can_be_data() {
    let sorter = dynamic::service().unwrap().start().unwrap();
    let sorted = ask(&sorter, "sort", json!({"entries": {"b": 1, "a": [true]}})).unwrap();
    assert_eq!(sorted.to_string(), r#"{"entries":{"a":[true],"b":1}}"#);
    let error = ask(&sorter, "sort", json!({"entries": {"b": 1}, "more": 1})).unwrap_err();
    assert!(error.to_string().contains("more"), "{error}");
}

/// A service whose command is in the folder `commands`. Every program with a service is a launcher too.
fn command(name: &str, connection: &str) -> Program {
    let model = format!("{}/commands/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_hello"));
    Program::start(launcher.args(["-s", &model]), &answers(connection))
}

#[test]
fn a_shell_script_is_a_service() {
    let mut disk = command("disk", "space");
    let mut ask = |path| disk.ask(include_str!("../commands/disk.json"), "space", json!({"path": path}));
    let answer = ask("/").unwrap();
    assert!(answer["free_kib"].as_u64().is_some(), "{answer}");
    assert_eq!(ask("/no/such/path").unwrap_err().code(), Some("no_such_path"));
}

#[test]
fn a_python_script_is_a_service() {
    let mut words = command("words", "count");
    let asked = json!({"text": "To be or not to be, or what to be?"});
    let answer = words.ask(include_str!("../commands/words.json"), "count", asked).unwrap();
    assert_eq!(answer, json!({"words": [["to", 3], ["be", 3], ["or", 2]]}));
}

#[test]
fn a_desk_starts_before_its_venue() {
    let nowhere = "tcp://127.0.0.1:9";
    let desk = Start::new(desk::service()).config("symbol", "X").address("venue", nowhere);
    let desk = desk.address("venue_status", nowhere).address("prices.subscriber", nowhere);
    let desk = desk.address("prices.requester", nowhere).start().unwrap();
    assert!(desk.address("open_orders.replyer").is_some());
    desk.stop();
    desk.join().unwrap();
}

#[test]
fn a_watchman_starts() {
    let watchman = Start::new(tested::service()).config("limit", 4.0).address("load", "tcp://127.0.0.1:9");
    let watchman = watchman.start().unwrap();
    watchman.stop();
    watchman.join().unwrap();
}
