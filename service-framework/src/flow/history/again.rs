//! Going back: which moves a stream adds up to, and from where a flow that failed can go on.

use super::event::{End, Event, Move};
use crate::flow::engine::Outcome;
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

/// How many moves stay when a flow that failed goes on: those before what it failed at came to an error.
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
    let is_error = |made: &&Move| match made {
        Move::TimedOut { .. } | Move::Interrupted => true,
        Move::Took { from, .. } => {
            let version = usize::try_from(*from).unwrap_or(usize::MAX);
            let event = version.checked_sub(1).and_then(|place| events.get(place));
            matches!(event, Some(Event::Result { outcome: Outcome::Error(_), .. }))
        }
        _ => false,
    };
    let keep = moves.iter().rposition(is_error).unwrap_or(moves.len());
    Ok(keep as u64)
}

/// The stream of a flow that goes on elsewhere from where this one had made so many moves. Every event keeps its version.
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
    let copied = events.iter().skip(1).map(|event| match event {
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
