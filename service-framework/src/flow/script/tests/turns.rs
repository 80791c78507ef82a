//! Turns, one kind of event after the other.

use super::*;
use crate::flow::engine::{Outcome, Raised};
use crate::flow::history::{End, Timing};
use crate::value::Value;

fn done(values: &[i64]) -> Option<End> {
    Some(End::Done(Value::List(values.iter().map(|number| Value::Int(*number)).collect())))
}

fn result(call: u32, number: i64) -> Event {
    Event::Result { call, outcome: Outcome::Value(number.into()) }
}

fn failed(call: u32) -> Event {
    let raised = Raised { kind: "OSError".to_owned(), message: "no".to_owned() };
    Event::Result { call, outcome: Outcome::Error(raised) }
}

fn sends(went: &Went) -> Vec<u32> {
    let sent = went.commands.iter().filter_map(|command| match command {
        Command::Send { call, .. } => Some(*call),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_script_without_calls_ends_in_its_first_turn() {
    let mut flow = Flow::new(&["print hello"]);
    // The toy prints when it stands; a script that ends at once has printed nothing that counts.
    assert_eq!(flow.go_on().turn.end, done(&[]));
    assert!(flow.go_on().turn.moves.is_empty());
}

#[test]
fn an_errand_is_sent_once_and_its_first_outcome_counts() {
    let mut flow = Flow::new(&["print a", "ask http.request", "print b", "now"]);
    let went = flow.go_on();
    assert_eq!((sends(&went), went.rest, went.turn.printed.as_str()), (vec![0], Rest::Errands, "a"));
    assert!(flow.go_on().turn.moves.is_empty());
    flow.tell(result(0, 5));
    let went = flow.then(result(0, 6));
    assert!(matches!(went.turn.moves[0], Move::Took { call: 0, from: 4 }), "{:?}", went.turn);
    assert_eq!(went.turn.printed, "b");
    let Some(End::Done(Value::List(values))) = went.turn.end else { panic!("{:?}", went.turn) };
    assert_eq!(values[0], Value::Int(5));
}

#[test]
fn messages_wait_until_somebody_takes_them_in_order() {
    let mut flow = Flow::new(&["wait message a", "wait message a", "wait message b"]);
    flow.tell(Event::Message { name: "b".to_owned(), data: 30.into() });
    assert_eq!(flow.go_on().rest, Rest::Others);
    flow.message("a", 10);
    assert_eq!(flow.message("a", 20).turn.end, done(&[10, 20, 30]));
}

#[test]
fn of_several_awaited_what_came_first_is_taken_first() {
    let mut flow = Flow::new(&["both a b"]);
    flow.go_on();
    flow.tell(Event::Message { name: "b".to_owned(), data: 2.into() });
    let went = flow.message("a", 1);
    let took: Vec<_> =
        went.turn.moves.iter().map(|made| matches!(made, Move::Took { call: 1, from: 3 })).collect();
    assert_eq!(took, [true, false], "{:?}", went.turn.moves);
    assert_eq!(went.turn.end, Some(End::Done(Value::List(vec![Value::List(vec![1.into(), 2.into()])]))));
}

#[test]
fn a_sleep_is_a_time_and_no_errand() {
    let mut flow = Flow::new(&["sleep 2.5"]);
    let went = flow.go_on();
    let timing = Timing::Sleep(0);
    assert_eq!((went.commands, went.rest), (vec![Command::Set { timing, seconds: 2.5 }], Rest::Others));
    assert!(flow.then(Event::Elapsed(timing)).turn.end.is_some());
}

#[test]
fn a_deadline_ends_what_is_waited_for_once() {
    let mut flow = Flow::new(&["push 5", "try wait message a", "ask http.request", "pop"]);
    flow.go_on();
    let went = flow.then(Event::Elapsed(Timing::Deadline(0)));
    assert!(matches!(went.turn.moves[0], Move::TimedOut { call: 1, deadline: 0 }), "{:?}", went.turn.moves);
    assert_eq!(sends(&went), [2]);
    let Some(End::Done(Value::List(values))) = flow.then(result(2, 9)).turn.end else { panic!() };
    assert_eq!(values[1..3], [Value::Str("TimeoutError".to_owned()), Value::Int(9)]);
}

#[test]
fn what_is_asked_for_after_its_deadline_is_not_sent() {
    let mut flow = Flow::new(&["push 5", "wait message a", "try ask http.request", "pop"]);
    flow.go_on();
    flow.tell(Event::Message { name: "a".to_owned(), data: 1.into() });
    let went = flow.then(Event::Elapsed(Timing::Deadline(0)));
    assert!(sends(&went).is_empty(), "{went:?}");
    let Some(End::Done(Value::List(values))) = went.turn.end else { panic!("{:?}", flow.events) };
    assert_eq!(values[2], Value::Str("TimeoutError".to_owned()));
    assert_eq!(flow.again().running.moves(), flow.running.moves());
}

#[test]
fn a_sleep_can_be_begun_and_awaited() {
    let mut flow = Flow::new(&["nap 3", "wait call 0"]);
    let went = flow.go_on();
    let timing = Timing::Sleep(0);
    assert_eq!((went.commands, went.rest), (vec![Command::Set { timing, seconds: 3.0 }], Rest::Others));
    assert!(flow.then(Event::Elapsed(timing)).turn.end.is_some());
    // One that nobody awaited ends with the flow.
    let mut flow = Flow::new(&["nap 3", "now"]);
    assert!(flow.go_on().commands.is_empty());
}

#[test]
fn a_result_before_the_deadline_is_taken_though_both_are_there() {
    let mut flow = Flow::new(&["push 5", "ask http.request", "pop"]);
    flow.go_on();
    flow.tell(result(1, 3));
    let went = flow.then(Event::Elapsed(Timing::Deadline(0)));
    assert!(matches!(went.turn.moves[0], Move::Took { call: 1, .. }));
    assert_eq!(went.commands, [Command::Unset(Timing::Deadline(0))]);
    assert!(went.turn.end.is_some());
}

#[test]
fn an_errand_over_its_deadline_is_taken_back() {
    let mut flow = Flow::new(&["push 5", "try ask http.request", "sleep 1"]);
    flow.go_on();
    let went = flow.then(Event::Elapsed(Timing::Deadline(0)));
    assert_eq!(went.commands[0], Command::Unsend(1));
    // What comes of it later is nobody's.
    assert!(flow.then(result(1, 3)).turn.moves.is_empty());
}

#[test]
fn a_begun_errand_can_be_awaited_again_and_again() {
    let mut flow = Flow::new(&["begin http.request", "wait call 0", "wait call 0"]);
    let went = flow.go_on();
    assert_eq!((sends(&went), went.rest), (vec![0], Rest::Errands));
    assert_eq!(flow.then(result(0, 4)).turn.end, done(&[0, 4, 4]));
}

#[test]
fn a_callback_is_awaited_by_its_id_and_others_are_refused() {
    let mut flow = Flow::new(&["callback", "wait callback", "wait callback"]);
    let went = flow.go_on();
    assert_eq!(went.commands, [Command::Register { callback: "cb-1".to_owned() }]);
    flow.tell(Event::Delivered { callback: "cb-1".to_owned(), body: 8.into() });
    let went = flow.then(Event::Delivered { callback: "cb-1".to_owned(), body: 9.into() });
    let Some(End::Done(Value::List(values))) = went.turn.end else { panic!() };
    assert_eq!(values[1..], [Value::Int(8), Value::Int(8)]);

    let mut flow = Flow::new(&["wait callback"]);
    assert!(matches!(flow.go_on().turn.end, Some(End::Failed(failure)) if failure.kind == "ValueError"));
}

#[test]
fn a_cancelled_flow_is_interrupted_where_it_stands() {
    for lines in [["ask http.request"], ["sleep 5"], ["wait message a"]] {
        let mut flow = Flow::new(&lines);
        flow.go_on();
        let went = flow.then(Event::Cancelled);
        assert!(matches!(went.turn.end, Some(End::Cancelled(_))), "{lines:?}: {:?}", went.turn);
        assert_eq!(went.commands.len(), usize::from(lines != ["wait message a"]), "{:?}", went.commands);
        assert_eq!(flow.again().running.moves(), flow.running.moves());
    }
}

#[test]
fn what_takes_too_much_is_interrupted_before_anything_that_has_come() {
    let mut flow = Flow::new(&["wait message a", "ask http.request", "finally ask http.undo"]);
    flow.go_on();
    let exceeded = Event::Exceeded { reason: "too much".to_owned() };
    let message = Event::Message { name: "a".to_owned(), data: Value::Nil };
    flow.tell(message);
    let went = flow.then(exceeded);
    assert_eq!(went.turn.moves[0], Move::Interrupted);
    assert_eq!(sends(&went), [1]);
    let Some(End::Failed(failure)) = flow.then(result(1, 0)).turn.end else { panic!() };
    assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("LimitExceeded", "too much"));
    assert_eq!(flow.again().running.moves(), flow.running.moves());
}

#[test]
fn what_a_cancelled_flow_undoes_may_ask_for_more() {
    let mut flow = Flow::new(&["wait message a", "finally ask http.request"]);
    flow.go_on();
    let went = flow.then(Event::Cancelled);
    assert_eq!(sends(&went), [1]);
    assert!(flow.then(result(1, 0)).turn.end.is_some());
}

#[test]
fn a_retried_flow_asks_again_for_what_it_failed_at() {
    let mut flow = Flow::new(&["ask http.request", "ask http.request"]);
    flow.go_on();
    flow.then(result(0, 1));
    assert!(matches!(flow.then(failed(1)).turn.end, Some(End::Failed(_))));
    // The last move is that it took the failure.
    let keep = flow.running.moves() - 1;
    flow.events.push(Event::Retried { keep });
    let mut again = flow.again();
    let went = again.go_on();
    assert_eq!((sends(&went), went.turn.moves.len()), (vec![1], 0));
    assert_eq!(again.then(result(1, 2)).turn.end, done(&[1, 2]));
    assert_eq!(again.again().running.moves(), again.running.moves());
}

#[test]
fn who_waits_for_a_flow_is_told_its_end() {
    let mut flow = Flow::new(&["wait message a"]);
    flow.go_on();
    flow.tell(Event::Watched { by: "other".to_owned(), call: 7 });
    let went = flow.message("a", 1);
    assert!(matches!(&went.commands[..], [Command::Tell { flow, call: 7, .. }] if flow == "other"));
}

#[test]
fn a_changed_script_is_told_apart() {
    let mut flow = Flow::new(&["now", "ask http.request", "now"]);
    flow.go_on();
    flow.then(result(1, 1));
    for (changed, place) in [(["ask http.request"; 3], 1), (["now"; 3], 2)] {
        let script = toy::script(&changed);
        let mut running = Running::start(&Toy, &script, &Limits::default(), "f", "toy");
        let events = flow.events.iter().zip(1..).map(|(event, version)| (version, event));
        let diverged = running.replay_stream(events).unwrap_err();
        assert_eq!(diverged.place, place, "{diverged}");
    }
}

#[test]
fn what_is_awaited_shows_where_the_script_stands() {
    let mut flow = Flow::new(&["now", "wait message a"]);
    flow.go_on();
    assert_eq!(flow.running.frames()[0].line, 2);
}
