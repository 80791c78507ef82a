//! `state`: states of real services, shown from outside once and for as long as one looks.

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::folder::{Ended, Folder, LAUNCHER, json};
use crate::support::Process;

/// A folder with the addresses of the owners and of a replica.
fn folder() -> Folder {
    let folder = Folder::new();
    let at = |name: &str| format!("ipc://{}", folder.path(name).display());
    let owners = json!({"states": {"out": {
        "book": {"publisher": at("book"), "replyer": at("book_answers")},
        "settings": {"publisher": at("settings")},
    }}});
    let replica = json!({"states": {"in": {
        "book": {"subscriber": [at("book")], "requester": at("book_answers")},
    }}});
    folder.with("owners.json", owners).with("replica.json", replica)
}

fn start(folder: &Folder, line: &str) -> Process {
    Process::start(folder.command(LAUNCHER).args(line.split_whitespace()))
}

/// A book with three keys, whose owner stays.
fn owner_of_book(folder: &Folder) -> Process {
    start(folder, "-s book_owner -a owners.json -m --n 3 --hold 600")
}

/// Watches a state until a line has this text.
fn watch(folder: &Folder, name: &str, until: &str) -> Process {
    let mut watching = start(folder, &format!("state {name} -a owners.json --watch --json"));
    watching.wait_for(until);
    watching
}

/// What is shown, without what is new at each run.
fn once(folder: &Folder, line: &str) -> Json {
    let ended = folder.launch(&format!("state {line} --json --timeout 60s"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut shown = json(&ended.stdout);
    assert!(shown["epoch"].as_u64().is_some(), "{shown}");
    shown.as_object_mut().unwrap().remove("epoch");
    shown
}

#[test]
fn a_delta_state_is_shown_once() {
    let folder = folder();
    let owner = owner_of_book(&folder);
    let watching = watch(&folder, "book", "\"number\":2");
    let expected = json!({
        "state": "book", "status": "current", "number": 2, "keys": 3, "value": {"k0": 0, "k1": 1, "k2": 2},
    });
    assert_eq!(once(&folder, "book -a owners.json"), expected);
    assert_eq!(once(&folder, "-a replica.json"), expected, "a file with one state needs no name");
    let ended = folder.launch("state book -a replica.json");
    insta::assert_snapshot!(ended.stdout, @r"
    book current, number 2, 3 keys
      key  value
      k0       0
      k1       1
      k2       2
    ");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(watching.finish_by(Signal::INT).code, Some(0));
    assert_eq!(owner.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_watched_state_adds_up_to_what_it_is() {
    let folder = folder();
    let watching = start(&folder, "state book -a owners.json --watch --json");
    let owner = start(&folder, "-s book_owner -a owners.json -m --n 500 --rate 2000 --hold 600");
    let until = watch(&folder, "book", "\"number\":499").finish_by(Signal::INT);
    assert_eq!(until.code, Some(0), "{}", until.text());
    let mut watching = watching;
    watching.wait_for("\"number\":499");
    owner.signal(Signal::TERM);
    let stale = watching.wait_for("\"status\":\"stale\"");
    assert!(stale.contains("\"keys\":50"), "{stale}");
    let watched = watching.finish_by(Signal::TERM);
    assert_eq!(watched.code, Some(0), "{}", watched.text());
    let mut value = serde_json::Map::new();
    for line in watched.objects() {
        if let Some(whole) = line["value"].as_object() {
            value = whole.clone();
        }
        for (key, new) in line["changes"].as_object().into_iter().flatten() {
            value.insert(key.clone(), new.clone());
        }
    }
    let expected: serde_json::Map<_, _> = (450..500).map(|n| (format!("k{}", n % 50), json!(n))).collect();
    assert_eq!(value, expected);
}

#[test]
fn people_read_a_line_for_each_change() {
    let folder = folder();
    let mut watching = start(&folder, "state book -a owners.json --watch");
    watching.wait_for("book waiting: nobody is there");
    let owner = start(&folder, "-s book_owner -a owners.json -m --n 1000000 --rate 20");
    let change = watching.wait_for("book number ");
    assert!(change.contains(": k") && change.contains(" = "), "{change}");
    owner.signal(Signal::TERM);
    let stale = watching.wait_for("book stale for ");
    assert!(stale.contains(" s: nobody is there, number "), "{stale}");
    let ended = watching.finish_by(Signal::INT);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert!(ended.text().contains("book current, "), "{}", ended.text());
}

#[test]
fn a_full_state_is_waited_for_and_followed() {
    let folder = folder();
    let mut watching = start(&folder, "state settings -a owners.json --watch --json");
    watching.wait_for("waiting");
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| once(&folder, "settings -a owners.json"));
        let owner = start(&folder, "-s settings_owner -a owners.json -m --hold 600");
        watching.wait_for("\"value\":{\"mode\":\"m9\",\"level\":9}");
        let shown = waiting.join().unwrap();
        assert_eq!(owner.finish_by(Signal::TERM).code, Some(0));
        shown
    });
    assert_eq!((&waiting["status"], &waiting["keys"]), (&json!("current"), &json!(2)));
    assert!(waiting["value"]["level"].as_i64().is_some(), "{waiting}");
    watching.wait_for("\"status\":\"stale\"");
    assert_eq!(watching.finish_by(Signal::INT).code, Some(0));
}

/// How a state that is not current in time is told.
fn late(folder: &Folder, line: &str) -> Ended {
    let ended = folder.launch(&format!("state {line} --timeout 2s"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    ended
}

#[test]
fn why_nothing_is_shown_is_told() {
    let folder = folder();
    insta::assert_snapshot!(late(&folder, "book -a owners.json").stderr, @r"
    error: book
      expected  a state that is current within 2s
      found     nobody at ipc://FOLDER/book
      hint      start its owner, or say where its publisher binds; --timeout waits longer
    1 problem: no current state to show
    ");
    let shown = json(&late(&folder, "book -a owners.json --json").stdout);
    assert_eq!((&shown["status"], &shown["value"]), (&json!("waiting"), &Json::Null));
    assert!(shown["problem"]["found"].as_str().unwrap().starts_with("nobody at"), "{shown}");

    let owner = owner_of_book(&folder);
    drop(watch(&folder, "book", "\"number\":2"));
    insta::assert_snapshot!(late(&folder, "book --subscriber ipc://book --requester ipc://nobody").stderr, @r"
    error: book
      expected  a state that is current within 2s
      found     no answer from ipc://nobody
      hint      see that the owner's replyer binds there, and that it does not only stand by; --timeout waits longer
    1 problem: no current state to show
    ");
    insta::assert_snapshot!(late(&folder, "book --subscriber ipc://book --topic eu").stderr, @r#"
    error: book
      expected  a state that is current within 2s
      found     somebody is at ipc://book, but no value came under the topic "eu"
      hint      its owner may have set none yet; a delta state needs --requester too; --timeout waits longer
    1 problem: no current state to show
    "#);
    drop(owner);
}

#[test]
fn what_is_wrong_with_the_question_is_told() {
    let folder = folder();
    let wrong = |line: &str| {
        let ended = folder.launch(&format!("state {line}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        ended.stderr
    };
    insta::assert_snapshot!(wrong("bok -a owners.json"), @r#"
    error: owners.json: states
      expected  the name of one of its states: book, settings
      found     "bok"
      hint      did you mean `book`?
    1 problem: nothing was started
    "#);
    insta::assert_snapshot!(wrong("-a owners.json"), @r"
    error: owners.json: states
      expected  the name of one of its states: book, settings
      found     nothing
    1 problem: nothing was started
    ");
    insta::assert_snapshot!(wrong("book"), @r"
    error: command line
      expected  where the state's owner publishes: -a ADDRESSES or --subscriber ADDRESS
      found     nothing
    1 problem: nothing was started
    ");
    insta::assert_snapshot!(wrong("book -a owners.json --subscriber a:1"), @r"
    error: --addresses_path
      expected  either an addresses file or the addresses themselves
      found     both
    1 problem: nothing was started
    ");
    insta::assert_snapshot!(wrong("book --subscriber a --requester :2 --watch"), @r#"
    error: --subscriber
      expected  an address: host:port, tcp://host:port, ipc://path or inproc://name
      found     "a": it has no port
      hint      add the port: host:8001
    error: --requester
      expected  an address: host:port, tcp://host:port, ipc://path or inproc://name
      found     ":2": it has no host
      hint      write 127.0.0.1 for this machine alone, * to bind every interface
    2 problems: nothing was started
    "#);
    insta::assert_snapshot!(wrong("book -a owner.json"), @r"
    error: owner.json
      expected  a file that can be read
      found     no such file or directory
      hint      did you mean `owners.json`?
    1 problem: nothing was started
    ");
    insta::assert_snapshot!(wrong("book -a owners.json --watsh"), @r"
    error: command line
      expected  a flag of `state`
      found     `--watsh`
      hint      did you mean `--watch`?
    1 problem: nothing was started
    ");
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let folder = folder();
    let _owner = start(&folder, "-s book_owner -a owners.json -m --n 1000000 --rate 1000");
    let mut command = folder.command(LAUNCHER);
    command.args("state book -a owners.json --watch".split_whitespace());
    let mut watching = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(watching.stdout.take());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}
