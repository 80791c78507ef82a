//! Who gets which records, and what becomes of those for which there is no room.

use std::sync::Arc;
use std::time::Duration;

use super::hub::Closed;
use super::{Attached, Direction, Hub, Kind, Next, Observed, Record, Tap, Wanted};
use crate::wire::{Extras, WorkflowId, topic_prefix, write_error, write_reply, write_request};

const SOON: Duration = Duration::from_secs(60);

fn frame(topic: Option<&str>, id: &str) -> Vec<u8> {
    let mut frame = topic.map(topic_prefix).unwrap_or_default();
    write_request(&mut frame, &[0x80], &WorkflowId::from(id), &Extras::default());
    frame
}

fn wanting(connections: &[&str], bodies: bool) -> Wanted {
    Wanted { bodies, connections: connections.iter().map(|name| (*name).to_owned()).collect() }
}

fn next(attached: &Attached) -> Record {
    match attached.next(SOON) {
        Next::Record(record) => record,
        other => panic!("{other:?}"),
    }
}

fn is_empty(attached: &Attached) -> bool {
    matches!(attached.next(Duration::ZERO), Next::Nothing)
}

#[test]
fn a_message_is_seen_with_what_stands_in_it() {
    let hub = Arc::<Hub>::default();
    let tap = Tap::new(&hub, "out.news");
    tap.observe(|| panic!("nobody looks"));
    let attached = hub.attach(Wanted::default()).unwrap();
    let sent = frame(Some("eu"), "one_1");
    tap.observe(|| Observed::went_out(Kind::Message, &sent).with_peer(Some("tcp://127.0.0.1:1")));
    let record = next(&attached);
    assert_eq!(
        (&*record.connection, record.direction, record.kind),
        ("out.news", Direction::Out, Kind::Message)
    );
    assert_eq!((record.topic.as_deref(), record.workflow_id.as_deref()), (Some("eu"), Some("one_1")));
    assert_eq!((record.size, record.body.as_deref()), (sent.len(), Some(&sent[..])));
    assert_eq!((record.took, record.outcome), (None, None));
}

#[test]
fn replies_say_how_they_ended() {
    let hub = Arc::<Hub>::default();
    let tap = Tap::new(&hub, "states.in.book");
    let attached = hub.attach(wanting(&[], false)).unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    write_reply(&mut good, &[0x80], None);
    let error = crate::wire::ErrorReply {
        code: "standby".into(),
        message: String::new(),
        details: crate::value::Value::Nil,
    };
    write_error(&mut bad, &error, None);
    tap.observe_reply(&good, None, Duration::from_millis(3));
    tap.observe_reply(&bad, None, Duration::ZERO);
    tap.observe_reply(b"\xc1", None, Duration::ZERO);
    let (good, bad, strange) = (next(&attached), next(&attached), next(&attached));
    assert_eq!((good.kind, good.outcome.as_deref()), (Kind::SnapshotReply, Some("ok")));
    assert_eq!((good.took, good.body), (Some(Duration::from_millis(3)), None));
    assert_eq!((bad.kind, bad.outcome.as_deref()), (Kind::ErrorReply, Some("standby")));
    assert_eq!(strange.workflow_id, None);
}

#[test]
fn each_guest_sees_what_it_wants() {
    let hub = Arc::<Hub>::default();
    let (ask, tell) = (Tap::new(&hub, "in.ask"), Tap::new(&hub, "out.tell"));
    let all = hub.attach(Wanted::default()).unwrap();
    let whole = hub.attach(wanting(&["in.ask"], false)).unwrap();
    let bare = hub.attach(wanting(&["tell"], true)).unwrap();
    let sent = frame(None, "a");
    for tap in [&ask, &tell] {
        tap.observe(|| Observed::came_in(Kind::Request, &sent));
    }
    assert_eq!((&*next(&whole).connection, &*next(&bare).connection), ("in.ask", "out.tell"));
    assert!(is_empty(&whole) && is_empty(&bare));
    assert!(next(&all).body.is_some() && next(&all).body.is_some());
}

#[test]
fn what_has_no_room_is_dropped_and_counted() {
    let hub = Arc::<Hub>::default();
    let tap = Tap::new(&hub, "in.ask");
    let (slow, large) = (hub.attach(wanting(&[], false)).unwrap(), hub.attach(Wanted::default()).unwrap());
    let sent = frame(None, "a");
    let more = 100;
    for _ in 0..super::hub::MOST_WAITING + more {
        tap.observe(|| Observed::came_in(Kind::Request, &sent));
    }
    assert_eq!((slow.dropped(), large.dropped()), (more as u64, more as u64));
    while !is_empty(&large) {}
    let huge = vec![0; 80 << 20];
    for _ in 0..2 {
        tap.observe(|| Observed::came_in(Kind::Junk, &huge));
    }
    assert_eq!((next(&large).size, large.dropped()), (80 << 20, more as u64 + 1), "one alone has room");
    tap.observe(|| Observed::came_in(Kind::Junk, &huge));
    assert_eq!(next(&large).size, 80 << 20, "and what was taken makes room again");
}

#[test]
fn guests_are_bounded_and_leave_no_trace() {
    let hub = Arc::<Hub>::default();
    let tap = Tap::new(&hub, "in.ask");
    let guests: Vec<_> =
        (0..super::hub::MOST_GUESTS).map(|_| hub.attach(Wanted::default()).unwrap()).collect();
    assert_eq!(hub.attach(Wanted::default()).unwrap_err(), Closed::Full);
    drop(guests);
    assert!(!tap.is_watched());
    hub.attach(Wanted::default()).unwrap();
}

#[test]
fn at_the_end_guests_get_what_was_seen_until_then() {
    let hub = Arc::<Hub>::default();
    let tap = Tap::new(&hub, "in.ask");
    let attached = hub.attach(Wanted::default()).unwrap();
    let sent = frame(None, "last");
    tap.observe(|| Observed::came_in(Kind::Request, &sent));
    let reading = std::thread::spawn(move || {
        let last = next(&attached);
        assert!(matches!(attached.next(SOON), Next::End));
        last
    });
    hub.close(SOON);
    assert_eq!(reading.join().unwrap().workflow_id.as_deref(), Some("last"));
    assert_eq!(hub.attach(Wanted::default()).unwrap_err(), Closed::Ended);
}
