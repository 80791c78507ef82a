use super::*;
use crate::state::exchange::{Answer, Kind};
use crate::state::map::apply;
use crate::state::owner::{Answers, Owner};
use crate::state::update::write_update;
use crate::value::Value;

fn changes(entries: &[(&str, i64)]) -> Vec<u8> {
    Value::Map(entries.iter().map(|(key, of)| (Value::from(*key), Value::Int(*of))).collect()).to_msgpack()
}

fn args(number: i64, is_snapshot: bool, entries: &[(&str, i64)]) -> Vec<u8> {
    let mut args = Vec::new();
    write_update(&mut args, number, is_snapshot, &changes(entries), (0, &[]));
    args
}

fn hear(replica: &mut Replica, epoch: Option<u64>, args: &[u8], now: Instant) {
    let heard = Heard { epoch, update: Update::read(args).unwrap(), workflow: None };
    replica.on_update(&heard, now).unwrap();
}

fn answer(epoch: Option<u64>, number: i64, entries: &[(&str, i64)]) -> Answer {
    Answer { epoch, number, kind: Kind::Complete, state: changes(entries) }
}

fn shows(replica: &Replica, entries: &[(&str, i64)]) -> bool {
    let mut map = StateMap::new();
    apply(&mut map, &changes(entries)).unwrap();
    *replica.map() == map
}

fn is_stale(replica: &Replica) -> bool {
    matches!(replica.status(), Status::Stale { .. })
}

#[test]
fn asks_when_it_can_hear_and_applies_what_came_meanwhile() {
    let (mut replica, now) = (Replica::new(false), Instant::now());
    assert!(replica.question().is_none());
    replica.on_connected();
    assert_eq!(replica.question(), Some(Question::Parts));
    hear(&mut replica, Some(1), &args(6, false, &[("b", 6)]), now);
    hear(&mut replica, Some(1), &args(5, false, &[("a", 5)]), now);
    assert_eq!((replica.status(), replica.at()), (Status::Waiting, None));
    replica.on_answer(&answer(Some(1), 5, &[("a", 5)]), now).unwrap();
    assert!(shows(&replica, &[("a", 5), ("b", 6)]));
    assert_eq!(replica.status(), Status::Current);
}

#[test]
fn a_missing_update_shows_by_the_next_and_is_asked_for() {
    let (mut replica, now) = (Replica::new(false), Instant::now());
    replica.on_connected();
    hear(&mut replica, Some(1), &args(0, true, &[("a", 0)]), now);
    let _answered = replica.question();
    replica.on_answer(&answer(Some(1), 0, &[("a", 0)]), now).unwrap();
    hear(&mut replica, Some(1), &args(2, false, &[("a", 2)]), now);
    assert!(is_stale(&replica) && shows(&replica, &[("a", 0)]));
    assert_eq!(replica.question(), Some(Question::Since { epoch: 1, number: 0 }));
    let since = Answer { kind: Kind::Since(0), ..answer(Some(1), 1, &[("x", 1)]) };
    replica.on_answer(&since, now).unwrap();
    assert!(shows(&replica, &[("a", 2), ("x", 1)]));
    assert_eq!(replica.status(), Status::Current);
}

#[test]
fn a_missing_last_update_is_found_when_all_is_quiet_and_then_nothing_is_asked_any_more() {
    let (mut replica, mut now) = (Replica::new(false), Instant::now());
    let mut owner = Owner::new(1);
    replica.on_connected();
    let mut questions = 0;
    for step in 0..100 {
        if step == 5 || step == 6 {
            let (state, mut update) = (changes(&[("a", step)]), Vec::new());
            let told = owner.change(&state, None, false).unwrap().unwrap();
            write_update(&mut update, told.number, told.is_snapshot, &told.state, (0, &[]));
            if step == 5 {
                hear(&mut replica, Some(1), &update, now);
            }
        }
        if let Some(question) = replica.question() {
            questions += 1;
            let answer = Answers::default().answer(&question, |since| Some(owner.taken(since)), now).unwrap();
            replica.on_answer(&answer, now).unwrap();
        }
        now += QUIET / 4;
        replica.on_time(now);
    }
    assert!(shows(&replica, &[("a", 6)]));
    assert_eq!((questions, replica.next_time()), (4, None));
}

#[test]
fn duplicates_and_old_updates_change_nothing() {
    let (mut replica, now) = (Replica::new(true), Instant::now());
    replica.on_connected();
    let _asked = replica.question();
    replica.on_answer(&answer(Some(1), 5, &[("a", 5)]), now).unwrap();
    hear(&mut replica, Some(1), &args(5, false, &[("a", 9)]), now);
    hear(&mut replica, Some(1), &args(0, true, &[("a", 0)]), now);
    assert!(shows(&replica, &[("a", 5)]) && replica.status() == Status::Current);
    assert_eq!(replica.changes(usize::MAX, true).len(), 1);
}

#[test]
fn a_new_life_begins_with_its_first_update_or_its_answer() {
    let (mut replica, now) = (Replica::new(false), Instant::now());
    replica.on_connected();
    let _asked = replica.question();
    replica.on_answer(&answer(Some(1), 500, &[("a", 5)]), now).unwrap();
    hear(&mut replica, Some(2), &args(0, true, &[("b", 0)]), now);
    assert!(shows(&replica, &[("b", 0)]) && replica.status() == Status::Current);
    replica.on_disconnected(now);
    assert!(is_stale(&replica));
    replica.on_connected();
    let _asked = replica.question();
    replica.on_answer(&answer(Some(3), -1, &[]), now).unwrap();
    assert!(shows(&replica, &[]) && replica.status() == Status::Current);
}

#[test]
fn an_owner_whose_clock_was_set_back_is_believed_when_it_says_so_twice() {
    let (mut replica, mut now) = (Replica::new(false), Instant::now());
    replica.on_connected();
    let _asked = replica.question();
    replica.on_answer(&answer(Some(9), 5, &[("a", 5)]), now).unwrap();
    hear(&mut replica, Some(4), &args(0, true, &[("b", 0)]), now);
    for _ in 0..2 {
        assert!(shows(&replica, &[("a", 5)]));
        now += Duration::from_secs(10);
        replica.on_time(now);
        assert!(replica.question().is_some());
        replica.on_answer(&answer(Some(4), 0, &[("b", 0)]), now).unwrap();
    }
    assert!(shows(&replica, &[("b", 0)]) && replica.status() == Status::Current);
}

#[test]
fn an_owner_that_does_not_answer_is_asked_again_ever_more_slowly() {
    let (mut replica, mut now) = (Replica::new(false), Instant::now());
    replica.on_connected();
    let mut pauses = Vec::new();
    for _ in 0..10 {
        assert!(replica.question().is_some());
        replica.on_failure(now);
        let next = replica.next_time().unwrap();
        pauses.push((next - now).as_millis());
        now = next;
        replica.on_time(now);
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 6_400, 6_400]);
    replica.on_disconnected(now);
    assert!(replica.question().is_none() && replica.next_time().is_none());
}

#[test]
fn an_original_owners_snapshot_has_no_number() {
    let (mut replica, now) = (Replica::new(false), Instant::now());
    replica.on_connected();
    assert_eq!(replica.question(), Some(Question::Parts));
    hear(&mut replica, None, &args(7, false, &[("b", 7)]), now);
    hear(&mut replica, None, &args(8, false, &[("c", 8)]), now);
    replica.on_answer(&answer(None, 0, &[("a", 1)]), now).unwrap();
    assert!(shows(&replica, &[("a", 1), ("b", 7), ("c", 8)]));
    // The first update showed that updates come in now: one more answer shows that none before it is missing.
    assert!(replica.question().is_some());
    replica.on_answer(&answer(None, 0, &[("a", 1), ("b", 7), ("c", 8)]), now).unwrap();
    assert_eq!(replica.status(), Status::Current);
    hear(&mut replica, None, &args(9, false, &[("d", 9)]), now);
    assert!(shows(&replica, &[("a", 1), ("b", 7), ("c", 8), ("d", 9)]) && replica.question().is_none());
    hear(&mut replica, None, &args(11, false, &[("d", 11)]), now);
    assert!(is_stale(&replica) && replica.question().is_some());
}

#[test]
fn handlers_are_told_what_a_snapshot_changed() {
    let (mut replica, now) = (Replica::new(true), Instant::now());
    replica.on_connected();
    hear(&mut replica, Some(1), &args(0, true, &[("a", 0), ("b", 0), ("c", 0)]), now);
    hear(&mut replica, Some(1), &args(1, true, &[("a", 0), ("b", 1)]), now);
    let told: Vec<_> = replica
        .changes(usize::MAX, true)
        .iter()
        .map(|change| Value::from_msgpack(&change.args).unwrap().to_json().to_string())
        .collect();
    assert_eq!(
        told,
        [
            r#"{"current_num":0,"is_snapshot":true,"state":{"a":0,"b":0,"c":0}}"#,
            r#"{"current_num":1,"is_snapshot":true,"state":{"b":1,"c":null}}"#
        ]
    );
}

#[test]
fn a_handler_that_does_not_keep_up_is_told_several_updates_as_one() {
    let (mut replica, now) = (Replica::new(true), Instant::now());
    replica.on_connected();
    let mut number = 0;
    let mut update = |replica: &mut Replica, key| {
        hear(replica, Some(1), &args(number, number == 0, &[(key, number)]), now);
        number += 1;
    };
    for key in ["a", "b", "c"] {
        update(&mut replica, key);
    }
    assert_eq!(replica.changes(2, true).len(), 3, "what is there is told");
    for key in ["a", "d", "a"] {
        update(&mut replica, key);
    }
    assert_eq!(replica.changes(0, false), [], "nothing more as long as that waits");
    let told = replica.changes(10, true);
    assert_eq!(told.len(), 1);
    assert_eq!(Update::read(&told[0].args).unwrap().state, changes(&[("a", 5), ("d", 4)]));
    update(&mut replica, "e");
    assert_eq!(replica.changes(10, true).len(), 1);
}

#[test]
fn answers_without_updates_between_them_are_noticed() {
    let (mut replica, mut now) = (Replica::new(false), Instant::now());
    replica.on_connected();
    for number in 0..3 {
        assert!(!replica.seems_deaf());
        assert!(replica.question().is_some());
        replica.on_answer(&answer(Some(1), number, &[("a", number)]), now).unwrap();
        now += QUIET;
        replica.on_time(now);
    }
    assert!(replica.seems_deaf());
    hear(&mut replica, Some(1), &args(3, false, &[("a", 3)]), now);
    assert!(!replica.seems_deaf());
}
