//! Appends, packing, removal and keys.

use super::fixture::{Fixture, SECOND, append, event};
use crate::store::{Batch, Expected, NewEvent, Refused};

pub(super) fn appended_events_are_read_back(fixture: &Fixture) {
    let batch = Batch::new().append("a", Expected::NoStream, [event("begun"), event("step")]).append(
        "b",
        Expected::Any,
        [event("other")],
    );
    let committed = fixture.commit(batch);
    assert_eq!(committed.versions, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    let events = fixture.store.read("a", 1, 10).unwrap();
    assert_eq!(events.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(events[1].kind, "step");
    assert_eq!(events[1].payload, b"step");
    assert!(!events[1].is_packed);
    assert_eq!(events[1].at, committed.at);
    assert_eq!((fixture.store.head("a").unwrap(), fixture.store.head("b").unwrap()), (2, 1));
}

pub(super) fn versions_are_expected_and_both_are_said(fixture: &Fixture) {
    let with = |expected| Batch::new().append("a", expected, [event("next")]);
    let conflict = |expected, found| Refused::Conflict { stream: "a".to_owned(), expected, found };
    assert_eq!(fixture.refused(with(Expected::Version(1))), conflict(1, 0));
    fixture.commit(with(Expected::Version(0)));
    assert_eq!(fixture.refused(with(Expected::NoStream)), conflict(0, 1));
    assert_eq!(fixture.refused(with(Expected::Version(2))), conflict(2, 1));
    assert_eq!(fixture.commit(with(Expected::Version(1))).version("a"), Some(2));
    assert_eq!(fixture.commit(with(Expected::Any)).version("a"), Some(3));
}

pub(super) fn a_batch_is_whole_or_not_at_all(fixture: &Fixture) {
    fixture.commit(append("old", "first").claim("key", b"mine"));
    let batch = Batch::new()
        .append("new", Expected::Any, [event("lost")])
        .append("old", Expected::Any, [event("lost")])
        .mark("new", "run", "running", None)
        .claim("other", b"x")
        .set_timer("timer", SECOND, b"")
        .put_outbox("queue", "message", SECOND, b"")
        .remove("old")
        .claim("key", b"not mine");
    assert_eq!(fixture.refused(batch), Refused::Claimed { key: "key".to_owned(), value: b"mine".to_vec() });
    assert_eq!(fixture.kinds("old"), ["first"]);
    assert_eq!(fixture.store.head("new").unwrap(), 0);
    assert_eq!(fixture.store.stream("new").unwrap(), None);
    assert_eq!(fixture.store.claimed("other").unwrap(), None);
    assert_eq!(fixture.store.next_timer().unwrap(), None);
    assert_eq!(fixture.store.next_outbox("queue").unwrap(), None);
}

pub(super) fn parts_see_those_before_them(fixture: &Fixture) {
    let batch = append("a", "one")
        .append("a", Expected::Version(1), [event("two")])
        .claim("key", b"1")
        .release("key")
        .claim("key", b"2")
        .pack("a", 2, event("both"))
        .append("a", Expected::Version(2), [event("three")])
        .remove("b")
        .append("b", Expected::NoStream, [event("only")])
        .remove("b")
        .append("b", Expected::NoStream, [event("again")])
        .set_timer("timer", SECOND, b"")
        .cancel_timer("timer");
    let committed = fixture.commit(batch);
    assert_eq!((committed.version("a"), committed.version("b")), (Some(3), Some(1)));
    assert_eq!(fixture.kinds("a"), ["both", "three"]);
    assert_eq!(fixture.kinds("b"), ["again"]);
    assert_eq!(fixture.store.claimed("key").unwrap(), Some(b"2".to_vec()));
    assert_eq!(fixture.store.next_timer().unwrap(), None);
}

pub(super) fn an_append_without_events_looks_at_the_version(fixture: &Fixture) {
    fixture.commit(append("a", "one"));
    let look = |version| Batch::new().append("a", Expected::Version(version), []);
    assert_eq!(fixture.commit(look(1)).version("a"), None);
    assert!(matches!(fixture.refused(look(2)), Refused::Conflict { found: 1, .. }));
    fixture.commit(Batch::new().append("none", Expected::NoStream, []));
    assert_eq!(fixture.store.head("none").unwrap(), 0);
}

pub(super) fn packing_keeps_versions(fixture: &Fixture) {
    let kinds = ["one", "two", "three", "four"].map(event);
    fixture.commit(Batch::new().append("a", Expected::Any, kinds));
    fixture.commit(Batch::new().pack("a", 3, event("packed")));
    let versions = |from| {
        let events = fixture.store.read("a", from, 10).unwrap();
        events.iter().map(|event| (event.version, event.is_packed)).collect::<Vec<_>>()
    };
    assert_eq!(versions(0), [(3, true), (4, false)]);
    assert_eq!(versions(3), [(3, true), (4, false)]);
    assert_eq!(versions(4), [(4, false)]);
    assert_eq!(fixture.commit(append("a", "five")).version("a"), Some(5));
    fixture.commit(Batch::new().pack("a", 3, event("again")));
    assert_eq!(fixture.kinds("a"), ["again", "four", "five"]);
    fixture.commit(Batch::new().pack("a", 5, event("all")));
    assert_eq!(versions(1), [(5, true)]);
    assert_eq!(fixture.commit(append("a", "six")).version("a"), Some(6));
}

pub(super) fn what_cannot_be_packed_says_what_is_there(fixture: &Fixture) {
    let nothing = |up_to, first, last| Refused::NothingToPack { stream: "a".to_owned(), up_to, first, last };
    let pack = |up_to| Batch::new().pack("a", up_to, event("packed"));
    assert_eq!(fixture.refused(pack(1)), nothing(1, 0, 0));
    fixture.commit(append("a", "one").append("a", Expected::Any, ["two", "three"].map(event)));
    assert_eq!(fixture.refused(pack(0)), nothing(0, 1, 3));
    assert_eq!(fixture.refused(pack(4)), nothing(4, 1, 3));
    fixture.commit(pack(2));
    assert_eq!(fixture.refused(pack(1)), nothing(1, 2, 3));
    assert_eq!(fixture.store.head("a").unwrap(), 3);
}

pub(super) fn a_removed_stream_begins_anew(fixture: &Fixture) {
    fixture.commit(append("a", "one").mark("a", "run", "done", Some("me")));
    fixture.commit(append("ab", "other").mark("ab", "run", "done", None));
    fixture.commit(Batch::new().remove("a").remove("never"));
    assert_eq!(fixture.kinds("a"), [""; 0]);
    assert_eq!(fixture.store.head("a").unwrap(), 0);
    assert_eq!(fixture.store.stream("a").unwrap(), None);
    assert_eq!(fixture.kinds("ab"), ["other"]);
    let batch = Batch::new().append("a", Expected::NoStream, [event("new")]);
    assert_eq!(fixture.commit(batch).version("a"), Some(1));
    assert_eq!(fixture.store.stream("a").unwrap(), None);
}

pub(super) fn keys_are_unique_until_released(fixture: &Fixture) {
    let claimed = |value: &[u8]| Refused::Claimed { key: "key".to_owned(), value: value.to_vec() };
    fixture.commit(Batch::new().claim("key", b"one"));
    fixture.commit(Batch::new().claim("key", b"one"));
    assert_eq!(fixture.refused(Batch::new().claim("key", b"two")), claimed(b"one"));
    assert_eq!(fixture.store.claimed("key").unwrap(), Some(b"one".to_vec()));
    fixture.pass(1_000_000 * SECOND);
    assert_eq!(fixture.refused(Batch::new().claim("key", b"")), claimed(b"one"));
    fixture.commit(Batch::new().release("key").release("never"));
    assert_eq!(fixture.store.claimed("key").unwrap(), None);
    fixture.commit(Batch::new().claim("key", b""));
    assert_eq!(fixture.store.claimed("key").unwrap(), Some(Vec::new()));
}

pub(super) fn keys_run_out(fixture: &Fixture) {
    fixture.commit(Batch::new().claim_for("a", b"1", 100 * SECOND).claim_for("b", b"1", 900 * SECOND));
    fixture.commit(Batch::new().claim("for ever", b"1"));
    fixture.pass(50 * SECOND);
    assert!(matches!(fixture.refused(Batch::new().claim("a", b"2")), Refused::Claimed { .. }));
    assert_eq!(fixture.store.sweep(10).wait().unwrap(), 0);
    fixture.pass(51 * SECOND);
    assert_eq!(fixture.store.claimed("a").unwrap(), None);
    assert_eq!(fixture.store.claimed("b").unwrap(), Some(b"1".to_vec()));
    fixture.commit(Batch::new().claim_for("a", b"2", 100 * SECOND));
    fixture.pass(901 * SECOND);
    assert_eq!(fixture.store.sweep(1).wait().unwrap(), 1);
    assert_eq!(fixture.store.sweep(10).wait().unwrap(), 1);
    assert_eq!(fixture.store.sweep(10).wait().unwrap(), 0);
    assert_eq!(fixture.store.claimed("for ever").unwrap(), Some(b"1".to_vec()));
}

pub(super) fn names_and_sizes_have_limits(fixture: &Fixture) {
    for name in ["", "with\0nul"] {
        assert!(matches!(fixture.refused(append(name, "kind")), Refused::BadName { .. }), "{name:?}");
        assert!(matches!(fixture.refused(Batch::new().claim(name, b"")), Refused::BadName { .. }));
    }
    let longest = "é".repeat(256);
    fixture.commit(append(&longest, "kind").mark(&longest, &*longest, &*longest, Some(&longest)));
    assert_eq!(fixture.kinds(&longest), ["kind"]);
    let longer = format!("{longest}x");
    assert!(matches!(
        fixture.refused(append(&longer, "kind")),
        Refused::TooLarge { size: 513, most: 512, .. }
    ));
    let kind = NewEvent::new("k".repeat(65), b"");
    let refused = fixture.refused(Batch::new().append("a", Expected::Any, [kind]));
    assert!(matches!(refused, Refused::TooLarge { what: "kind", .. }));
    let payload = vec![0; (64 << 20) + 1];
    let refused = fixture.refused(Batch::new().claim("key", payload));
    assert!(matches!(refused, Refused::TooLarge { what: "payload", .. }));
}

pub(super) fn payloads_of_any_bytes_and_sizes_stay_as_they_are(fixture: &Fixture) {
    let all: Vec<u8> = (0..=255).collect();
    let payloads = [Vec::new(), all.clone(), all.repeat(16), all.repeat(4096)];
    let events = payloads.iter().map(|payload| NewEvent::new("kind é", payload.clone()));
    fixture.commit(Batch::new().append("a", Expected::Any, events));
    let read = fixture.store.read("a", 1, 10).unwrap();
    let read: Vec<Vec<u8>> = read.into_iter().map(|event| event.payload).collect();
    assert!(read == payloads);
}
