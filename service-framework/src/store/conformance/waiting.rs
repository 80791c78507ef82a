//! Timers, the outbox, and waiting for changes.

use std::time::Duration;

use super::fixture::{Fixture, SECOND, append};
use crate::store::{Batch, Due, Topic};

/// Longer than any machine takes to wake a thread.
const LONG: Duration = Duration::from_secs(30);

fn timers(fixture: &Fixture, limit: usize) -> Vec<String> {
    let timers = fixture.store.take_timers("me", 10 * SECOND, limit).wait().unwrap();
    timers.into_iter().map(|timer| timer.id).collect()
}

fn messages(fixture: &Fixture, queue: &str) -> Vec<(String, u32)> {
    let messages = fixture.store.take_outbox(queue, "me", 10 * SECOND, 10).wait().unwrap();
    messages.into_iter().map(|message| (message.id, message.attempt)).collect()
}

pub(super) fn timers_are_taken_when_due_and_by_one(fixture: &Fixture) {
    let batch = Batch::new()
        .set_timer("third", 30 * SECOND, b"3")
        .set_timer("first", Due::NOW, b"1")
        .set_timer("second", 20 * SECOND, b"2")
        .set_timer("second too", 20 * SECOND, b"2");
    let at = fixture.commit(batch).at;
    assert_eq!(timers(fixture, 10), ["first"]);
    assert_eq!(timers(fixture, 10), [""; 0]);
    fixture.pass(20 * SECOND);
    fixture.commit(Batch::new().cancel_timer("first"));
    assert_eq!(timers(fixture, 1), ["second"]);
    assert_eq!(timers(fixture, 10), ["second too"]);
    assert_eq!(timers(fixture, 10), [""; 0]);
    fixture.pass(11 * SECOND);
    let again = fixture.store.take_timers("you", SECOND, 10).wait().unwrap();
    let again: Vec<_> = again.iter().map(|timer| (timer.id.as_str(), timer.attempt, timer.due)).collect();
    // Those that were held come after what became due before that.
    let due = [
        ("third", 1, at + 30 * SECOND),
        ("second", 2, at + 20 * SECOND),
        ("second too", 2, at + 20 * SECOND),
    ];
    assert!(due.iter().all(|timer| again.contains(timer)) && again.len() == 3, "{again:?}");
}

pub(super) fn a_timer_is_replaced_and_cancelled(fixture: &Fixture) {
    fixture.commit(Batch::new().set_timer("a", Due::NOW, b"old"));
    let at = fixture.commit(Batch::new().set_timer("a", 10 * SECOND, b"new")).at;
    assert_eq!(timers(fixture, 10), [""; 0]);
    fixture.pass(10 * SECOND);
    let taken = fixture.store.take_timers("me", SECOND, 10).wait().unwrap();
    assert_eq!((taken.len(), taken[0].payload.as_slice(), taken[0].attempt), (1, &b"new"[..], 1));
    assert_eq!(taken[0].due, at + 10 * SECOND);
    fixture.commit(Batch::new().cancel_timer("a").cancel_timer("never"));
    fixture.pass(100 * SECOND);
    assert_eq!(timers(fixture, 10), [""; 0]);
}

pub(super) fn messages_are_taken_from_their_queue(fixture: &Fixture) {
    let batch = Batch::new()
        .put_outbox("mail", "2", SECOND, b"two")
        .put_outbox("mail", "1", Due::NOW, b"one")
        .put_outbox("post", "3", Due::NOW, b"three");
    fixture.commit(batch);
    let taken = fixture.store.take_outbox("mail", "me", 10 * SECOND, 10).wait().unwrap();
    assert_eq!((taken.len(), taken[0].id.as_str(), taken[0].payload.as_slice()), (1, "1", &b"one"[..]));
    assert_eq!((taken[0].queue.as_str(), taken[0].attempt), ("mail", 1));
    fixture.pass(SECOND);
    assert_eq!(messages(fixture, "mail"), [("2".to_owned(), 1)]);
    assert_eq!(messages(fixture, "post"), [("3".to_owned(), 1)]);
    fixture.pass(20 * SECOND);
    assert_eq!(messages(fixture, "mail"), [("1".to_owned(), 2), ("2".to_owned(), 2)]);
}

pub(super) fn messages_that_are_done_are_gone(fixture: &Fixture) {
    fixture.commit(Batch::new().put_outbox("mail", "1", Due::NOW, b"").put_outbox(
        "mail",
        "2",
        Due::NOW,
        b"",
    ));
    assert_eq!(messages(fixture, "mail").len(), 2);
    fixture.commit(Batch::new().done_outbox("1").done_outbox("never"));
    fixture.pass(20 * SECOND);
    assert_eq!(messages(fixture, "mail"), [("2".to_owned(), 2)]);
    fixture.commit(Batch::new().put_outbox("post", "2", Due::NOW, b""));
    assert_eq!(messages(fixture, "post"), [("2".to_owned(), 1)]);
    fixture.pass(20 * SECOND);
    assert_eq!(messages(fixture, "mail"), []);
}

pub(super) fn what_is_next_is_known(fixture: &Fixture) {
    let at =
        fixture.commit(Batch::new().set_timer("a", 20 * SECOND, b"").put_outbox("mail", "1", SECOND, b"")).at;
    let sooner = fixture.commit(Batch::new().set_timer("b", 5 * SECOND, b"")).at;
    assert_eq!(fixture.store.next_timer().unwrap(), Some(sooner + 5 * SECOND));
    assert_eq!(fixture.store.next_outbox("mail").unwrap(), Some(at + SECOND));
    assert_eq!(fixture.store.next_outbox("post").unwrap(), None);
    fixture.pass(6 * SECOND);
    assert_eq!(timers(fixture, 1), ["b"]);
    let next = fixture.store.next_timer().unwrap().unwrap();
    assert!(next >= sooner + 16 * SECOND && next <= at + 20 * SECOND);
}

pub(super) fn changes_wake_those_who_wait(fixture: &Fixture) {
    let topics = [Topic::category("run"), Topic::queue("mail"), Topic::Timers];
    let changes = [
        Batch::new().mark("a", "run", "running", None),
        Batch::new().put_outbox("mail", "1", Due::NOW, b""),
        Batch::new().set_timer("a", Due::NOW, b""),
    ];
    for (topic, change) in topics.into_iter().zip(changes) {
        let mut watch = fixture.store.watch([topic]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watch.wait(LONG));
            fixture.commit(change);
            assert!(waiting.join().unwrap());
        });
    }
}

pub(super) fn changes_between_two_waits_are_not_missed(fixture: &Fixture) {
    let mut watch = fixture.store.watch([Topic::category("run")]);
    fixture.commit(Batch::new().mark("a", "run", "running", None));
    assert!(watch.wait(LONG));
    fixture.commit(append("b", "kind").mark("b", "run", "running", None));
    assert!(watch.wait(LONG));
}
