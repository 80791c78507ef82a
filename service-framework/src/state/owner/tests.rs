use std::time::Duration;

use super::*;
use crate::state::exchange::{Answer, Kind, Question};
use crate::value::Value;

fn changes(entries: &[(&str, Option<i64>)]) -> Vec<u8> {
    let value = |value: Option<i64>| value.map_or(Value::Nil, Value::Int);
    Value::Map(entries.iter().map(|(key, of)| (Value::from(*key), value(*of))).collect()).to_msgpack()
}

fn change(owner: &mut Owner, entries: &[(&str, Option<i64>)]) -> Option<(i64, bool, Vec<u8>)> {
    let changes = changes(entries);
    let numbered = owner.change(&changes, None, false).unwrap();
    numbered.map(|numbered| (numbered.number, numbered.is_snapshot, numbered.state.into_owned()))
}

fn ask(owner: &Owner, question: &Question<'_>) -> Answer {
    Answers::default().answer(question, |since| Some(owner.taken(since)), Instant::now()).unwrap()
}

#[test]
fn counts_from_zero_and_begins_with_a_snapshot() {
    let mut owner = Owner::new(7);
    assert_eq!(ask(&owner, &Question::Everything).number, -1);
    assert_eq!(change(&mut owner, &[("a", Some(1))]), Some((0, true, changes(&[("a", Some(1))]))));
    assert_eq!(change(&mut owner, &[("b", Some(2))]), Some((1, false, changes(&[("b", Some(2))]))));
}

#[test]
fn deleting_what_is_not_there_is_not_told() {
    let mut owner = Owner::new(7);
    assert_eq!(change(&mut owner, &[("a", None)]), None);
    change(&mut owner, &[("a", Some(1))]);
    let told = change(&mut owner, &[("x", None), ("a", None), ("b", Some(1))]);
    assert_eq!(told, Some((1, false, changes(&[("a", None), ("b", Some(1))]))));
    assert_eq!(change(&mut owner, &[("x", None)]), None);
    assert_eq!(change(&mut owner, &[]), None);
    assert_eq!(owner.change(&[0x80], None, true).unwrap().map(|told| told.number), Some(2));
}

#[test]
fn a_fault_changes_nothing() {
    let mut owner = Owner::new(7);
    change(&mut owner, &[("a", Some(1))]);
    assert!(owner.change(&[0x82, 1, 1], None, false).is_err());
    assert!(owner.replace(&[0x82, 1, 1]).is_err());
    assert_eq!((owner.number(), owner.map().len()), (0, 1));
}

#[test]
fn who_missed_a_little_gets_what_changed() {
    let mut owner = Owner::new(7);
    for number in 0..200 {
        change(&mut owner, &[(&format!("k{}", number % 100), Some(number))]);
    }
    change(&mut owner, &[("k3", None)]);
    let answer = ask(&owner, &Question::Since { epoch: 7, number: 198 });
    assert_eq!((answer.number, answer.kind), (200, Kind::Since(198)));
    assert_eq!(answer.state, changes(&[("k3", None), ("k99", Some(199))]));
    let all = ask(&owner, &Question::Since { epoch: 7, number: 3 });
    assert_eq!(all.kind, Kind::Complete, "more changed than there is");
    let all = ask(&owner, &Question::Since { epoch: 6, number: 198 });
    assert_eq!(all.kind, Kind::Complete, "another life");
}

#[test]
fn a_large_snapshot_comes_in_parts_of_one_moment() {
    let mut owner = Owner::new(7);
    for number in 0..50_000 {
        change(&mut owner, &[(&format!("key number {number}"), Some(number))]);
    }
    let before = owner.map().clone();
    let (mut got, mut question, mut parts) = (StateMap::new(), Question::Parts, 0);
    let mut answers = Answers::default();
    let mut last;
    loop {
        let answer = answers.answer(&question, |since| Some(owner.taken(since)), Instant::now()).unwrap();
        assert_eq!(answer.number, 49_999);
        apply(&mut got, &answer.state).unwrap();
        parts += 1;
        change(&mut owner, &[("key number 7", Some(parts)), ("new", Some(parts))]);
        let Kind::Part { token, after } = answer.kind else { break };
        last = after;
        question = Question::Next { token, after: &last };
    }
    assert!(parts > 2, "{parts}");
    assert_eq!(got, before);
    assert!(answers.next_time().is_none(), "nothing is kept of it");
}

#[test]
fn no_answer_is_larger_than_its_largest_value_needs() {
    const LARGE: usize = 5 << 20;
    let mut owner = Owner::new(7);
    for (key, size) in [("a", 100), ("b", LARGE), ("c", 100), ("d", LARGE)] {
        let change = Value::Map(vec![(key.into(), "x".repeat(size).into())]).to_msgpack();
        owner.change(&change, None, false).unwrap();
    }
    let (mut answers, now) = (Answers::default(), Instant::now());
    let mut ask =
        |question: &Question<'_>| answers.answer(question, |since| Some(owner.taken(since)), now).unwrap();
    let mut answer = ask(&Question::Since { epoch: 7, number: 0 });
    let mut sizes = vec![answer.state.len()];
    while let Kind::Part { token, after } = &answer.kind {
        answer = ask(&Question::Next { token: *token, after });
        sizes.push(answer.state.len());
    }
    assert!(matches!(answer.kind, Kind::Last(_)), "{:?}", answer.kind);
    assert!(sizes.iter().all(|size| *size < LARGE + 50), "{sizes:?}");
    let since = ask(&Question::Since { epoch: 7, number: 2 });
    assert_eq!(since.kind, Kind::Since(2));
}

#[test]
fn a_snapshot_that_is_forgotten_begins_again() {
    let mut owner = Owner::new(7);
    for number in 0..50_000 {
        change(&mut owner, &[(&format!("key number {number}"), Some(number))]);
    }
    let now = Instant::now();
    let mut answers = Answers::default();
    let first = answers.answer(&Question::Parts, |since| Some(owner.taken(since)), now).unwrap();
    let Kind::Part { token, after } = first.kind else { panic!() };
    assert!(answers.next_time().is_some());
    let next = Question::Next { token, after: &after };
    let late =
        answers.answer(&next, |since| Some(owner.taken(since)), now + Duration::from_secs(31)).unwrap();
    assert!(matches!(late.kind, Kind::Part { token: other, .. } if other != token));
}

#[test]
fn keys_go_when_their_time_has_come() {
    let (mut owner, now) = (Owner::new(7), Instant::now());
    let at = |seconds| Some(now + Duration::from_secs(seconds));
    let _told = owner.change(&changes(&[("a", Some(1)), ("b", Some(1))]), at(1), false).unwrap();
    let _told = owner.change(&changes(&[("c", Some(1))]), at(3), false).unwrap();
    change(&mut owner, &[("b", Some(2))]);
    assert_eq!(owner.next_time(), at(1));
    assert_eq!(owner.expire(now), Ok(None));
    let told = owner.expire(now + Duration::from_secs(2)).unwrap().unwrap();
    assert_eq!(told.state, changes(&[("a", None)]), "a key that was set again stays");
    assert_eq!(owner.map().len(), 2);
    assert_eq!(owner.next_time(), at(3));
    let _told = owner.replace(&changes(&[("z", Some(1))])).unwrap();
    assert_eq!(owner.next_time(), None);
}

#[test]
fn a_standby_goes_on_in_a_later_life() {
    let mut first = Owner::new(100);
    change(&mut first, &[("a", Some(1))]);
    let mut standby = Owner::new(50);
    let told = standby.take_over(first.map().clone(), Some(first.epoch()), 1_000);
    assert!(told.is_snapshot);
    assert_eq!(told.state, changes(&[("a", Some(1))]));
    assert_eq!((standby.epoch(), standby.number()), (101, 0));
}

#[test]
fn what_is_taken_over_begins_without_times_and_a_large_state_is_asked_for() {
    let (mut owner, now) = (Owner::new(7), Instant::now());
    let _told = owner.change(&changes(&[("a", Some(1))]), Some(now), false).unwrap();
    let told = owner.take_over(owner.map().clone(), None, 1);
    assert_eq!((told.is_snapshot, &*told.state), (false, &[0x80][..]));
    assert_eq!((owner.next_time(), owner.expire(now)), (None, Ok(None)));
}

#[test]
fn many_keys_go_in_several_updates() {
    let (mut owner, now) = (Owner::new(7), Instant::now());
    for number in 0..MOST_AT_ONCE + 1 {
        let _told = owner.change(&changes(&[(&format!("k{number}"), Some(1))]), Some(now), false).unwrap();
    }
    let first = owner.expire(now).unwrap().unwrap().number;
    assert_eq!((owner.map().len(), owner.next_time()), (1, Some(now)));
    assert_eq!(owner.expire(now).unwrap().unwrap().number, first + 1);
    assert_eq!((owner.map().len(), owner.next_time()), (0, None));
}
