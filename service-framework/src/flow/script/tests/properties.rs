//! Laws of turns, on random scripts and random arrivals.

use proptest::prelude::*;

use super::*;
use crate::flow::engine::{Outcome, Raised};
use crate::flow::history::Timing;

fn line() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("now".to_owned()),
        Just("ask http.request".to_owned()),
        Just("sleep 1".to_owned()),
        Just("push 9".to_owned()),
        Just("pop".to_owned()),
        Just("callback".to_owned()),
        Just("wait callback".to_owned()),
        Just("begin flow.start".to_owned()),
        Just("nap 2".to_owned()),
        (0..4_u32).prop_map(|call| format!("wait call {call}")),
        "[ab]".prop_map(|name| format!("wait message {name}")),
        Just("both a b".to_owned()),
        "[xyz]".prop_map(|text| format!("print {text}")),
    ];
    (line, any::<bool>()).prop_map(|(line, catches)| {
        if catches && !line.starts_with("print") { format!("try {line}") } else { line }
    })
}

fn arrival() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        any::<i64>().prop_map(|number| Outcome::Value(number.into())),
        Just(Outcome::Error(Raised { kind: "OSError".to_owned(), message: String::new() })),
    ];
    prop_oneof![
        4 => (0..12_u32, outcome).prop_map(|(call, outcome)| Event::Result { call, outcome }),
        2 => (0..12_u32).prop_map(|call| Event::Elapsed(Timing::Sleep(call))),
        1 => (0..12_u32).prop_map(|call| Event::Elapsed(Timing::Deadline(call))),
        3 => ("[ab]", any::<i64>()).prop_map(|(name, number)| Event::Message { name, data: number.into() }),
        1 => (1..5_u32).prop_map(|id| Event::Delivered { callback: format!("cb-{id}"), body: 1.into() }),
        1 => Just(Event::Cancelled),
    ]
}

/// What came of a stream: its moves, what was printed, and how it ended.
fn told(events: &[Event]) -> (Vec<Move>, String, Option<String>) {
    let turns = events.iter().filter_map(|event| match event {
        Event::Turn(turn) => Some(turn),
        _ => None,
    });
    let printed = turns.clone().map(|turn| turn.printed.as_str()).collect();
    let end = turns.clone().find_map(|turn| turn.end.as_ref().map(|end| format!("{end:?}")));
    (moves_of(events), printed, end)
}

proptest! {
    /// Wherever a flow is cut off and made anew of its stream, or of what was saved, it goes on as if nothing had been.
    #[test]
    fn a_flow_made_anew_goes_on_the_same(
        lines in proptest::collection::vec(line(), 1..8),
        arrivals in proptest::collection::vec(arrival(), 0..12),
        cut in 0..12_usize,
        loses_the_last_turn in any::<bool>(),
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (mut whole, mut cut_off) = (Flow::new(&lines), Flow::new(&lines));
        whole.go_on();
        cut_off.go_on();
        for (place, event) in arrivals.into_iter().enumerate() {
            whole.then(event.clone());
            cut_off.then(event);
            if place == cut {
                if loses_the_last_turn {
                    // It was not written before the process ended; what it took from outside is made anew.
                    let made = cut_off.events.pop();
                    cut_off.inline.0 = before(&cut_off.inline, &made);
                }
                cut_off = cut_off.again();
                if loses_the_last_turn {
                    cut_off.go_on();
                }
            }
        }
        prop_assert_eq!(told(&whole.events), told(&cut_off.events));
    }

    /// What is saved and loaded is the same script at the same place.
    #[test]
    fn what_is_loaded_goes_on_the_same(
        lines in proptest::collection::vec(line(), 1..8),
        arrivals in proptest::collection::vec(arrival(), 0..12),
        cut in 0..12_usize,
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (mut whole, mut loaded) = (Flow::new(&lines), Flow::new(&lines));
        whole.go_on();
        loaded.go_on();
        for (place, event) in arrivals.into_iter().enumerate() {
            if place == cut && let Ok(saved) = loaded.running.save() {
                let (script, limits) = (loaded.script.clone(), Limits::default());
                loaded.running = Running::load(&Toy, &saved, &script, &limits, "f", "toy").unwrap();
            }
            whole.then(event.clone());
            loaded.then(event);
        }
        prop_assert_eq!(told(&whole.events), told(&loaded.events));
    }
}

/// What had been counted before a turn, given what was counted after it.
fn before(after: &Counted, turn: &Option<Event>) -> u32 {
    let Some(Event::Turn(turn)) = turn else { return after.0 };
    let is_counted = |made: &&Move| matches!(made, Move::Answered(call, _) if matches!(call.name.as_str(), "time.now" | "http.callback"));
    after.0 - u32::try_from(turn.moves.iter().filter(is_counted).count()).unwrap_or_default()
}
