//! `store` from the command line, on real files.

use serde_json::json;
use service_framework::store::{Batch, Expected, Location, NewEvent, Store};

use crate::folder::{Ended, Folder, json};

/// A folder with a store of three streams.
fn folder() -> Folder {
    let folder = Folder::new();
    let store = Store::open(&Location::File(folder.path("runs.db"))).unwrap();
    let run = |n: u32, status: &str| {
        let events = ["begun", "ended"].map(|kind| NewEvent::new(kind, b"SOME PAYLOAD"));
        let stream = format!("run-{n}");
        Batch::new().append(&stream, Expected::NoStream, events).mark(&stream, "run", status, None)
    };
    for (n, status) in [(1, "done"), (2, "done"), (3, "stuck")] {
        store.commit(run(n, status)).unwrap();
    }
    folder
}

fn store(folder: &Folder, line: &str) -> Ended {
    folder.launch(&format!("store {line}"))
}

#[test]
fn info_shows_figures() {
    let folder = folder();
    let shown = store(&folder, "info --store runs.db");
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    for row in ["runs.db\n", "sqlite, schema 1", "  streams   3\n", "run done: 2\n", "run stuck: 1\n"] {
        assert!(shown.stdout.contains(row), "{row}: {}", shown.stdout);
    }
    let object = json(&store(&folder, "info --store runs.db --json").stdout);
    assert_eq!((&object["streams"], &object["events"]), (&json!(3), &json!(6)));
    assert_eq!(object["marks"][1], json!({"category": "run", "status": "stuck", "count": 1}));
}

#[test]
fn the_environment_names_the_store() {
    let folder = folder();
    let mut command = folder.command(crate::folder::LAUNCHER);
    let shown = command.args(["store", "info", "--json"]).env("SERVICE_FRAMEWORK_STORE", "runs.db").output();
    assert_eq!(json(&folder.ended(shown.unwrap()).stdout)["location"], "runs.db");
}

#[test]
fn a_backup_is_a_store() {
    let folder = folder();
    let done = store(&folder, "backup --store runs.db --to copy.db");
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(json(&store(&folder, "info --store copy.db --json").stdout)["events"], 6);
    assert_eq!(store(&folder, "verify --store copy.db").stdout, "ok: copy.db is as it was written\n");
    let again = store(&folder, "backup --store runs.db --to copy.db");
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("there is a file already"), "{}", again.stderr);
}

#[test]
fn verify_lists_all_damage() {
    let folder = folder();
    assert_eq!(store(&folder, "verify --store runs.db").code, Some(0));
    let path = folder.path("runs.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let payload = b"SOME PAYLOAD";
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(payload)).collect();
    assert_eq!(places.len(), 6);
    places[..2].iter().for_each(|at| bytes[*at] = b's');
    std::fs::write(&path, bytes).unwrap();
    let verified = store(&folder, "verify --store runs.db");
    assert_eq!(verified.code, Some(1));
    assert_eq!(verified.stdout.lines().filter(|line| line.starts_with("damaged: stream run-")).count(), 2);
    let object = json(&store(&folder, "verify --store runs.db --json").stdout);
    assert_eq!(object["damage"].as_array().map(Vec::len), Some(2));
}

#[test]
fn other_actions_say_what_they_did() {
    let folder = folder();
    assert_eq!(store(&folder, "migrate --store runs.db").stdout, "ok: runs.db has schema 1 already\n");
    assert_eq!(json(&store(&folder, "compact --store runs.db --json").stdout), json!({"freed": 0}));
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_made() {
    let folder = folder();
    for (line, reason) in [
        ("info --store none.db", "there is no such file"),
        ("info", "service_framework.db cannot be opened: there is no such file"),
        ("info --store addresses/x/y.db", "there is no folder"),
        ("backup --store runs.db", "the file that the backup is written to"),
        ("info --store runs.db --to copy.db", "only `backup` writes a file"),
        ("look --store runs.db", "one of info, verify, backup, migrate, compact"),
        ("", "ACTION"),
        ("info --store=", "memory, the path of a file"),
    ] {
        let ended = store(&folder, line);
        assert_eq!(ended.code, Some(2), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{line}: {}", ended.stderr);
    }
    assert!(!folder.path("none.db").exists() && !folder.path("service_framework.db").exists());
}
