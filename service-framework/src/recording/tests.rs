//! What is written is read again, whatever it is, and what is no recording is refused in words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::connection::tap::Record;
use crate::value::Value;
use crate::wire::{Extras, WorkflowId, topic_prefix, write_request};

fn record() -> impl Strategy<Value = Record> {
    let text = || proptest::option::of(".{0,12}".prop_map(String::into_boxed_str));
    let body = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40));
    let kinds: Vec<Kind> = Kind::names().filter_map(Kind::named).collect();
    let names = proptest::sample::select(vec!["in.ask", "out.tell", "states.out.book", "ö.\"'; DROP"]);
    let first = (0..1_u64 << 40, names, any::<bool>(), proptest::sample::select(kinds));
    let rest = (text(), text(), text(), text(), proptest::option::of(any::<u32>()), body);
    (first, rest).prop_map(|((time, connection, is_in, kind), (id, topic, peer, outcome, took, body))| {
        Record {
            time,
            connection: connection.into(),
            direction: if is_in { Direction::In } else { Direction::Out },
            kind,
            workflow_id: id,
            topic,
            peer,
            size: body.as_ref().map_or(7, Vec::len),
            took: took.map(|took| Duration::from_micros(took.into())),
            outcome,
            body: body.map(Into::into),
        }
    })
}

fn is_same(message: &Message, record: &Record) -> bool {
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    message.time == record.time
        && *message.connection == *record.connection
        && (message.direction, message.kind) == (record.direction, record.kind)
        && message.workflow_id == text(&record.workflow_id)
        && message.topic == text(&record.topic)
        && message.peer == text(&record.peer)
        && message.size == record.size as u64
        && (message.took, &message.outcome) == (record.took, &text(&record.outcome))
        && message.body.as_deref() == record.body.as_deref()
}

/// Writes records of two services, in turns.
fn write(path: &Path, records: &[Record]) {
    let mut writer = Writer::create(path).unwrap();
    let services = ["desk", "venue"].map(|name| {
        writer.service(&json!({ "name": name, "service": "s", "system": "market", "pid": 7 })).unwrap()
    });
    for (index, record) in records.iter().enumerate() {
        writer.message(services[index % 2], record).unwrap();
        if index % 3 == 0 {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
}

fn all(recording: &Recording, filter: &Filter) -> Vec<Message> {
    recording.messages(filter).map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn messages_are_read_as_they_were_written_in_the_order_of_time(
        records in proptest::collection::vec(record(), 0..60)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sfr");
        write(&path, &records);
        let recording = Recording::open(&path).unwrap();
        let mut expected: Vec<_> = records.iter().enumerate().collect();
        expected.sort_by_key(|(_, record)| record.time);
        let messages = all(&recording, &Filter::new());
        prop_assert_eq!(messages.len(), records.len());
        for (message, (index, record)) in messages.iter().zip(&expected) {
            prop_assert!(is_same(message, record), "{:?} {:?}", message, record);
            prop_assert_eq!(&*message.service, ["desk", "venue"][index % 2]);
        }
    }

    #[test]
    fn filters_give_what_they_say(
        records in proptest::collection::vec(record(), 1..40),
        from in 0..1_u64 << 40,
        until in 0..1_u64 << 40,
        chosen: proptest::sample::Index,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sfr");
        write(&path, &records);
        let recording = Recording::open(&path).unwrap();
        let everything = all(&recording, &Filter::new());
        let one = chosen.get(&everything).clone();
        let holds = |filter: Filter, is_meant: &dyn Fn(&Message) -> bool| {
            let expected: Vec<_> = everything.iter().filter(|message| is_meant(message)).cloned().collect();
            all(&recording, &filter) == expected
        };
        prop_assert!(holds(Filter::new().from(from).until(until), &|m| m.time >= from && m.time < until));
        prop_assert!(holds(Filter::new().kind(one.kind), &|m| m.kind == one.kind));
        prop_assert!(holds(Filter::new().direction(one.direction), &|m| m.direction == one.direction));
        prop_assert!(holds(Filter::new().service(&*one.service), &|m| m.service == one.service));
        prop_assert!(holds(Filter::new().service("market/desk"), &|m| *m.service == *"desk"));
        prop_assert!(holds(Filter::new().connection(&*one.connection), &|m| m.connection == one.connection));
        let topic = one.topic.clone().unwrap_or_default();
        prop_assert!(holds(Filter::new().topic(topic.clone()), &|m| m.topic.as_deref() == Some(&topic)));
    }
}

proptest! {
    #[test]
    fn a_state_of_any_bytes_is_followed_without_harm(
        bodies in proptest::collection::vec((any::<bool>(), hostile()), 0..12),
        is_full: bool,
        is_replica: bool,
    ) {
        let mut track = Track::of(is_full, is_replica);
        let mut message = example();
        for (is_answer, body) in bodies {
            message.kind = if is_answer { Kind::SnapshotReply } else { Kind::Update };
            message.body = Some(body);
            let _ = track.message(&message);
        }
        let _ = (track.to_msgpack(), track.missing());
    }
}

/// Frames of updates and answers, some bytes of which may be others.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![-2_i64..4, Just(i64::MAX), Just(i64::MIN)];
    let honest =
        (number, any::<bool>(), proptest::option::of(0..3_u64)).prop_map(|(number, snapshot, epoch)| {
            let args = json!({ "current_num": number, "is_snapshot": snapshot, "state": { "k": number } });
            let args = Value::from_json(&args).unwrap().to_msgpack();
            let mut frame = Vec::new();
            let extras = Extras { epoch, ..Extras::default() };
            match snapshot {
                true => write_request(&mut frame, &args, &WorkflowId::from("w"), &extras),
                false => crate::wire::write_reply_with(&mut frame, &args, None, &extras),
            }
            frame
        });
    (honest, proptest::option::of((any::<proptest::sample::Index>(), any::<u8>()))).prop_map(
        |(mut frame, change)| {
            if let Some((at, byte)) = change {
                let at = at.index(frame.len());
                frame[at] = byte;
            }
            frame
        },
    )
}

/// The answer of an owner to a replica.
fn answer(time: u64, epoch: u64, number: i64, snapshot: &[u8], state: serde_json::Value) -> Record {
    let returned = json!({ "state": state, "current_num": number });
    let returned = Value::from_json(&returned).unwrap().to_msgpack();
    let mut frame = Vec::new();
    let extras = Extras { epoch: Some(epoch), snapshot: Some(snapshot), ..Extras::default() };
    crate::wire::write_reply_with(&mut frame, &returned, None, &extras);
    Record {
        connection: "states.in.book".into(),
        direction: Direction::In,
        kind: Kind::SnapshotReply,
        body: Some(frame.into()),
        ..update(time, epoch, number, false, json!({}))
    }
}

#[test]
fn a_replica_is_followed_through_answers_and_what_waited_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    let mut writer = Writer::create(&path).unwrap();
    let desk = writer.service(&json!({ "name": "desk", "service": "desk" })).unwrap();
    let came = |time, number, state| Record {
        connection: "states.in.book".into(),
        direction: Direction::In,
        ..update(time, 5, number, false, state)
    };
    let (next, last) = (b"\x81\xa4next\x92\x03\xa1a", b"\x81\xa4last\x03");
    for record in [
        came(10, 6, json!({ "c": 6 })),
        answer(20, 5, 5, next, json!({ "a": 1 })),
        came(30, 7, json!({ "a": null })),
        answer(40, 5, 5, last, json!({ "b": 2 })),
        came(50, 9, json!({ "d": 9 })),
        answer(60, 5, 8, b"\x81\xa5since\x07", json!({ "e": 8 })),
    ] {
        writer.message(desk, &record).unwrap();
    }
    writer.commit().unwrap();
    let end = || Recording::open(&path).unwrap().state_at_end("desk", "states.in.book").unwrap().unwrap();
    assert_eq!(end().value.to_json(), json!({ "b": 2, "c": 6, "d": 9, "e": 8 }));
    assert_eq!((end().number, end().missing), (Some(9), 0));
    writer.message(desk, &came(70, 11, json!({ "z": 11 }))).unwrap();
    writer.commit().unwrap();
    assert_eq!((end().number, end().missing), (Some(9), 1), "what cannot be used is missing something");
}

#[test]
fn a_workflow_is_its_id_and_all_that_branch_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    let ids = ["a", "a_1", "a_1_2", "ab", "a`", "a^", "b"];
    let record = |(time, id): (usize, &&str)| Record {
        time: time as u64,
        connection: "in.ask".into(),
        direction: Direction::In,
        kind: Kind::Request,
        workflow_id: Some((*id).into()),
        topic: None,
        peer: None,
        size: 0,
        took: None,
        outcome: None,
        body: None,
    };
    write(&path, &ids.iter().enumerate().map(record).collect::<Vec<_>>());
    let recording = Recording::open(&path).unwrap();
    let found = all(&recording, &Filter::new().workflow("a"));
    let found: Vec<_> = found.iter().filter_map(|message| message.workflow_id.as_deref()).collect();
    assert_eq!(found, ["a", "a_1", "a_1_2"]);
    assert_eq!(recording.unknown(&Filter::new().service("desk").connection("askk")), ["askk"]);
}

#[test]
fn pages_lose_nothing_also_where_times_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    write_example(&path).unwrap();
    let recording = Recording::open(&path).unwrap();
    let record = |time| Record {
        time,
        connection: "in.ask".into(),
        direction: Direction::In,
        kind: Kind::Junk,
        workflow_id: None,
        topic: None,
        peer: None,
        size: 1,
        took: None,
        outcome: None,
        body: Some((&b"x"[..]).into()),
    };
    let more = folder.path().join("b.sfr");
    write(&more, &(0..2_000).map(|index| record(index / 700)).collect::<Vec<_>>());
    assert_eq!(all(&Recording::open(&more).unwrap(), &Filter::new()).len(), 2_000);
    assert_eq!(all(&recording, &Filter::new()).len(), 2);
}

#[test]
fn a_recording_is_for_its_owner_alone_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    write_example(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = write_example(&path).unwrap_err();
    assert!(matches!(error, RecordingError::CannotMake { .. }), "{error}");
}

#[test]
fn what_is_no_recording_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("empty"), b"").unwrap();
    fs::write(
        file("text"),
        b"this is no database, but it is long enough to be looked at, is it not, so here it is",
    )
    .unwrap();
    Connection::open(file("foreign")).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    let changed = |name: &str, batch: &str| {
        write_example(&file(name)).unwrap();
        Connection::open(file(name)).unwrap().execute_batch(batch).unwrap();
    };
    changed("newer", "PRAGMA user_version = 2");
    changed("older", "PRAGMA user_version = 0");
    changed("less", "DROP TABLE losses");
    changed("view", "DROP TABLE losses; CREATE VIEW losses AS SELECT 1 AS count");
    for (name, words) in [
        ("empty", "this is no recording"),
        ("text", "this is no recording"),
        ("foreign", "this is no recording"),
        ("newer", "version 2 of the format"),
        ("older", "there is no version 0"),
        ("less", "no table `losses`"),
        ("view", "no table `losses`"),
        ("absent", "there is no such file"),
        ("", "it is a folder"),
    ] {
        let error = Recording::open(file(name)).unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[test]
fn damage_is_an_error_and_never_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    write_example(&path).unwrap();
    for batch in [
        "UPDATE messages SET kind = 'nonsense'",
        "UPDATE messages SET kind = 'request', direction = 'up'",
        "UPDATE messages SET direction = 'in', service = 99",
        "UPDATE messages SET service = 1, connection = 99",
    ] {
        let foreign = format!("PRAGMA foreign_keys = OFF; {batch}");
        Connection::open(&path).unwrap().execute_batch(&foreign).unwrap();
        let recording = Recording::open(&path).unwrap();
        let mut messages = recording.messages(&Filter::new());
        assert!(matches!(messages.next(), Some(Err(RecordingError::Damaged { .. }))), "{batch}");
        assert!(messages.next().is_none(), "{batch}");
    }
    let bytes = fs::read(&path).unwrap();
    // Pages behind the first, byte by byte in steps.
    for at in (4_096..bytes.len()).step_by(997) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        fs::write(&path, &damaged).unwrap();
        if let Ok(recording) = Recording::open(&path) {
            let _ = recording.messages(&Filter::new()).count();
            let _ = (recording.span(), recording.lost(), recording.states(&Filter::new()));
        }
    }
}

#[test]
fn damaged_bodies_are_no_arguments() {
    let mut message = example();
    assert_eq!(message.arguments().unwrap().to_json(), json!({ "item": "rope" }));
    assert_eq!(message.read::<std::collections::BTreeMap<String, String>>().unwrap()["item"], "rope");
    for body in [None, Some(vec![]), Some(vec![0xc1]), Some(vec![0x81]), Some(vec![0xff; 9])] {
        message.body = body;
        assert_eq!((message.arguments(), message.error()), (None, None));
        assert!(message.read::<Value>().is_err());
    }
}

pub(crate) fn example() -> Message {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    write_example(&path).unwrap();
    all(&Recording::open(&path).unwrap(), &Filter::new()).remove(0)
}

/// An update of a delta state of this epoch.
fn update(time: u64, epoch: u64, number: i64, is_snapshot: bool, state: serde_json::Value) -> Record {
    let args = json!({ "current_num": number, "is_snapshot": is_snapshot, "state": state });
    let args = Value::from_json(&args).unwrap().to_msgpack();
    let mut frame = topic_prefix("eu");
    let extras = Extras { epoch: Some(epoch), ..Extras::default() };
    write_request(&mut frame, &args, &WorkflowId::from("w"), &extras);
    Record {
        time,
        connection: "states.out.book".into(),
        direction: Direction::Out,
        kind: Kind::Update,
        workflow_id: Some("w".into()),
        topic: Some("eu".into()),
        peer: None,
        size: frame.len(),
        took: None,
        outcome: None,
        body: Some(frame.into()),
    }
}

#[test]
fn a_state_is_followed_from_its_whole_through_its_updates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    let mut writer = Writer::create(&path).unwrap();
    let desk = writer.service(&json!({ "name": "desk", "service": "desk" })).unwrap();
    let body = Value::from_json(&json!({ "a": 1, "b": 2 })).unwrap().to_msgpack();
    for record in [
        update(10, 5, 6, false, json!({ "b": 2 })),
        update(30, 5, 7, false, json!({ "b": null })),
        update(31, 5, 7, false, json!({ "b": null })),
        update(40, 5, 9, false, json!({ "c": 3 })),
    ] {
        writer.message(desk, &record).unwrap();
    }
    // It was read while updates went on.
    let whole = WholeState {
        time: 20,
        connection: "states.out.book".into(),
        kind: "delta_update".into(),
        number: Some(6),
        epoch: Some(5),
        body: Some(body),
    };
    writer.state(desk, &whole).unwrap();
    writer.commit().unwrap();
    let end = || Recording::open(&path).unwrap().state_at_end("desk", "states.out.book").unwrap().unwrap();
    assert_eq!(end().value.to_json(), json!({ "a": 1, "c": 3 }));
    assert_eq!((end().number, end().epoch, end().missing), (Some(9), Some(5), 1));
    // Another life begins with all there is.
    writer.message(desk, &update(50, 9, 0, true, json!({ "z": 1 }))).unwrap();
    writer.message(desk, &update(60, 9, 1, false, json!({ "y": 2 }))).unwrap();
    writer.commit().unwrap();
    assert_eq!(end().value.to_json(), json!({ "y": 2, "z": 1 }));
    let recording = Recording::open(&path).unwrap();
    let steps = recording.state_steps("desk", "states.out.book").unwrap();
    assert_eq!(steps.iter().map(|step| step.is_whole).collect::<Vec<_>>(), [true, false, false, true, false]);
    let states = recording.states(&Filter::new()).unwrap();
    assert_eq!(states, [("desk".into(), "states.out.book".into())]);
    assert!(recording.state_at_end("desk", "states.out.other").unwrap().is_none());
}

#[test]
fn a_batch_that_was_not_ended_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sfr");
    let mut writer = Writer::create(&path).unwrap();
    let desk = writer.service(&json!({ "name": "desk", "service": "desk" })).unwrap();
    writer.message(desk, &update(1, 1, 0, true, json!({}))).unwrap();
    writer.commit().unwrap();
    writer.message(desk, &update(2, 1, 1, false, json!({}))).unwrap();
    writer.lost(desk, 3).unwrap();
    drop(writer);
    let recording = Recording::open(&path).unwrap();
    assert_eq!((all(&recording, &Filter::new()).len(), recording.lost().unwrap()), (1, 0));
    assert_eq!(recording.span().unwrap(), Some((1, 1)));
}
