mod properties;
mod turns;

use super::*;
use crate::flow::engine::{Limits, Script};
use crate::flow::history::{Event, Move, Turn};
use crate::flow::toy::{self, Toy};

/// Time, chance and ids that are counted up.
#[derive(Default)]
struct Counted(u32);

impl Inline for Counted {
    fn now(&mut self) -> f64 {
        self.0 += 1;
        f64::from(self.0)
    }

    fn float(&mut self) -> f64 {
        self.0 += 1;
        f64::from(self.0) / 1e6
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        vec![7; count]
    }

    fn uuid(&mut self) -> String {
        self.0 += 1;
        format!("uuid-{}", self.0)
    }

    fn callback(&mut self) -> (String, String) {
        self.0 += 1;
        (format!("cb-{}", self.0), format!("http://here/callback/cb-{}", self.0))
    }
}

/// A flow with its stream, and nothing around it.
struct Flow {
    script: Script,
    events: Vec<Event>,
    running: Running<'static, Toy>,
    inline: Counted,
}

impl Flow {
    fn new(lines: &[&str]) -> Self {
        let script = toy::script(lines);
        let running = Running::start(&Toy, &script, &Limits::default(), "f", "toy");
        // The first event is that it was started.
        Self { script, events: vec![Event::Resumed], running, inline: Counted::default() }
    }

    fn go_on(&mut self) -> Went {
        let went = self.running.go_on(&mut self.inline).unwrap();
        self.events.push(Event::Turn(went.turn.clone()));
        went
    }

    fn tell(&mut self, event: Event) {
        self.events.push(event.clone());
        self.running.take_in(self.events.len() as u64, &event);
    }

    /// Tells it an event and lets it go on.
    fn then(&mut self, event: Event) -> Went {
        self.tell(event);
        self.go_on()
    }

    fn message(&mut self, name: &str, data: i64) -> Went {
        self.then(Event::Message { name: name.to_owned(), data: data.into() })
    }

    /// The same flow, made of its stream alone.
    fn again(&self) -> Self {
        let running = Running::start(&Toy, &self.script, &Limits::default(), "f", "toy");
        let mut again = Self {
            script: self.script.clone(),
            events: self.events.clone(),
            running,
            inline: Counted(self.inline.0),
        };
        again
            .running
            .replay_stream(self.events.iter().zip(1..).map(|(event, version)| (version, event)))
            .unwrap();
        again
    }
}

fn moves_of(events: &[Event]) -> Vec<Move> {
    let turns = events.iter().filter_map(|event| match event {
        Event::Turn(Turn { moves, .. }) => Some(moves.clone()),
        _ => None,
    });
    turns.flatten().collect()
}
