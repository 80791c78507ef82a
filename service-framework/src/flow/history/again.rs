//! Going back: which moves a stream adds up to, and from where a flow that failed can go on.

use super::event::{End, Event, Move};
use crate::flow::engine::{Failure, Outcome};
use crate::value::Value;

/// The moves that count, in their order: those behind a retry that went back are none.
#[must_use]
pub fn moves<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a Move> {
    let mut moves = Vec::new();
    for event in events {
        match event {
            Event::Turn(turn) => moves.extend(&turn.moves),
            Event::Retried { keep } => moves.truncate(usize::try_from(*keep).unwrap_or(usize::MAX)),
            _ => {}
        }
    }
    moves
}

/// How a flow ended, if it has.
#[must_use]
pub fn end(events: &[Event]) -> Option<&End> {
    let last = events.iter().rev().take_while(|event| !matches!(event, Event::Retried { .. }));
    last.into_iter().find_map(|event| match event {
        Event::Turn(turn) => turn.end.as_ref(),
        Event::Ended(end) => Some(end),
        _ => None,
    })
}

/// How many moves stay when a flow that failed goes on: those before what it failed at came to an error. An error that its script
/// caught, and went on, is none of those; if it failed by itself, all stay.
///
/// # Errors
/// Why it cannot.
pub fn retry_from(events: &[Event]) -> Result<u64, &'static str> {
    let failure = match end(events) {
        Some(End::Failed(failure)) => failure,
        _ => return Err("only one that failed can be retried"),
    };
    if !failure.compensated.is_empty() {
        return Err("its compensations have run: start it anew, or fork it at a step before them");
    }
    let moves = moves(events);
    let interrupted = moves.iter().rposition(|made| matches!(made, Move::Interrupted));
    let keep = interrupted.or_else(|| failed_at(&moves, events, failure)).unwrap_or(moves.len());
    Ok(keep as u64)
}

/// The last move that came to what the script failed with, or after which it asked for nothing more.
fn failed_at(moves: &[&Move], events: &[Event], failure: &Failure) -> Option<usize> {
    let asks = |made: &&Move| matches!(made, Move::Asked(_) | Move::Begun(_) | Move::Awaits(_));
    let last_asked = moves.iter().rposition(asks);
    let is_it = |place: usize, made: &Move| match wrong(made, events) {
        Some(Wrong::Raised(kind, message)) if kind == failure.kind && message == failure.message => true,
        Some(_) => last_asked.is_none_or(|asked| asked < place),
        None => false,
    };
    (0..moves.len()).rev().find(|place| is_it(*place, moves[*place]))
}

/// What is wrong with what a call came to.
enum Wrong<'a> {
    /// It raised an error of this type, with this text.
    Raised(&'a str, &'a str),
    /// An answer over HTTP says that it could not be done.
    Status,
}

fn wrong<'a>(made: &Move, events: &'a [Event]) -> Option<Wrong<'a>> {
    let from = match made {
        Move::TimedOut { .. } => return Some(Wrong::Raised("TimeoutError", "the time is over")),
        Move::Took { from, .. } => usize::try_from(*from).ok()?,
        _ => return None,
    };
    match events.get(from.checked_sub(1)?)? {
        Event::Result { outcome: Outcome::Error(raised), .. } => {
            Some(Wrong::Raised(&raised.kind, &raised.message))
        }
        Event::Result { outcome: Outcome::Value(answer), .. } => {
            let status = answer.get("status").and_then(Value::as_i64)?;
            (answer.get("headers").is_some() && status >= 400).then_some(Wrong::Status)
        }
        _ => None,
    }
}

/// The place of the event with which a flow came to have made so many moves, for the last time.
fn reached(events: &[Event], keep: u64) -> usize {
    let (mut count, mut reached) = (0, 0);
    for (place, event) in events.iter().enumerate() {
        let before = count;
        match event {
            Event::Turn(turn) => count += turn.moves.len() as u64,
            Event::Retried { keep } => count = count.min(*keep),
            _ => {}
        }
        if before < keep && count >= keep {
            reached = place;
        }
    }
    reached
}

/// The stream of a flow that goes on elsewhere from where this one had made so many moves. Every event keeps its version; messages
/// that came after that are left out, so that others can come.
///
/// # Errors
/// Why it cannot.
pub fn fork(id: &str, events: &[Event], keep: u64) -> Result<Vec<Event>, String> {
    let count = moves(events).len() as u64;
    if keep > count {
        return Err(format!("it has made {count} moves, so it cannot be forked at step {keep}"));
    }
    let Some(Event::Started(started)) = events.first() else {
        return Err("its first event is missing".to_owned());
    };
    let mut started = started.clone();
    started.forked_from = Some((id.to_owned(), keep));
    started.parent = None;
    let reached = reached(events, keep);
    let copied = events.iter().enumerate().skip(1).map(|(place, event)| match event {
        Event::Turn(_) | Event::Message { .. } if place > reached => Event::Resumed,
        Event::Turn(_)
        | Event::Result { .. }
        | Event::Elapsed(_)
        | Event::Message { .. }
        | Event::Delivered { .. }
        | Event::Retried { .. } => event.clone(),
        // It is about the flow itself and not about what its script saw.
        _ => Event::Resumed,
    });
    let mut forked: Vec<Event> = [Event::Started(started)].into_iter().chain(copied).collect();
    forked.push(Event::Retried { keep });
    Ok(forked)
}

/// What a script has published, by name; what was published last counts.
#[must_use]
pub fn published(events: &[Event]) -> Vec<(Value, Value)> {
    let mut published: Vec<(Value, Value)> = Vec::new();
    for made in moves(events) {
        let Move::Answered(call, Outcome::Value(_)) = made else { continue };
        if let ("flow.publish", [name, value]) = (call.name.as_str(), call.args.as_slice()) {
            published.retain(|(before, _)| before != name);
            published.push((name.clone(), value.clone()));
        }
    }
    published
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::engine::{Call, Raised};
    use crate::flow::history::{Started, Turn};

    fn ask(id: u32) -> Move {
        Move::Asked(Call { id, name: "http.request".to_owned(), args: Vec::new() })
    }

    fn raised(kind: &str, message: &str) -> Outcome {
        Outcome::Error(Raised { kind: kind.to_owned(), message: message.to_owned() })
    }

    fn status(status: i64) -> Outcome {
        let headers = Value::List(Vec::new());
        Outcome::Value([("status", Value::Int(status)), ("headers", headers)].into_iter().collect())
    }

    /// A flow that was answered so, one call after another, and failed with this.
    fn failed(outcomes: Vec<Outcome>, kind: &str, message: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let mut taken = Vec::new();
        for (call, outcome) in (0..).zip(outcomes) {
            events.push(Event::Result { call, outcome });
            taken.extend([ask(call), Move::Took { call, from: events.len() as u64 }]);
        }
        let failure = Failure { kind: kind.to_owned(), message: message.to_owned(), ..Failure::default() };
        let end = Some(End::Failed(failure));
        events.push(Event::Turn(Turn { moves: taken, printed: String::new(), end }));
        events
    }

    fn turn(moves: Vec<Move>) -> Event {
        Event::Turn(Turn { moves, printed: String::new(), end: None })
    }

    fn message(name: &str) -> Event {
        Event::Message { name: name.to_owned(), data: Value::Nil }
    }

    #[test]
    fn a_fork_has_the_messages_that_had_come_and_no_later_ones() {
        let started = Event::Started(Started {
            name: "f".to_owned(),
            file: "f.py".to_owned(),
            source: String::new(),
            function: None,
            args: Vec::new(),
            scripts: Vec::new(),
            parent: None,
            forked_from: None,
            engine: String::new(),
        });
        let first = turn(vec![ask(0), ask(1)]);
        let events = vec![started, message("early"), first.clone(), message("late"), turn(vec![ask(2)])];
        let forked = |keep| fork("f", &events, keep).unwrap()[1..].to_vec();
        let retried = |keep| Event::Retried { keep };
        let both = [message("early"), first, Event::Resumed, Event::Resumed, retried(1)];
        assert_eq!(forked(1), both);
        assert_eq!(forked(3)[3..], [turn(vec![ask(2)]), retried(3)]);
        assert_eq!(forked(0), [Event::Resumed, Event::Resumed, Event::Resumed, Event::Resumed, retried(0)]);
        assert!(fork("f", &events, 4).is_err());
    }

    #[test]
    fn what_it_failed_at_is_asked_for_again_and_nothing_that_it_caught() {
        let no = || raised("OSError", "no");
        let good = || Outcome::Value(Value::Int(1));
        // It raised what it was told, at once or after it had put things in order.
        assert_eq!(retry_from(&failed(vec![good(), no()], "OSError", "no")), Ok(3));
        assert_eq!(retry_from(&failed(vec![no(), good()], "OSError", "no")), Ok(1));
        // It raised something of its own over it.
        assert_eq!(retry_from(&failed(vec![good(), no()], "RuntimeError", "no room")), Ok(3));
        // It had caught it, and failed at something later.
        assert_eq!(retry_from(&failed(vec![no(), no()], "OSError", "no")), Ok(3));
        assert_eq!(retry_from(&failed(vec![no(), good()], "ValueError", "its own")), Ok(4));
        // An answer that says no is what it failed at, unless it went on.
        assert_eq!(retry_from(&failed(vec![good(), status(503)], "OSError", "503 Server Error")), Ok(3));
        assert_eq!(retry_from(&failed(vec![status(404), status(200)], "KeyError", "x")), Ok(4));
    }
}
