//! What is to be done outside once a turn is written.

use serde::{Deserialize, Serialize};

use crate::flow::engine::Outcome;
use crate::flow::history::Timing;
use crate::value::Value;

/// One thing to be done, in the same commit as the turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// An errand is put into the outbox.
    Send {
        /// The call.
        call: u32,
        /// What is asked for.
        name: String,
        /// With what.
        args: Vec<Value>,
    },
    /// Nobody waits for the errand of this call any more.
    Unsend(u32),
    /// A time begins.
    Set {
        /// Which.
        timing: Timing,
        /// How long, in seconds.
        seconds: f64,
    },
    /// Nobody waits for this time any more.
    Unset(Timing),
    /// A callback can be delivered from now on.
    Register {
        /// Its id.
        callback: String,
    },
    /// Another flow waits for this one, which has ended.
    Tell {
        /// Which flow.
        flow: String,
        /// Its call.
        call: u32,
        /// What it comes to.
        outcome: Outcome,
    },
}

/// The commands of one turn. What is begun and given up in the same turn is none.
#[derive(Debug, Default)]
pub(super) struct Commands(Vec<Command>);

impl Commands {
    pub(super) fn push(&mut self, command: Command) {
        self.0.push(command);
    }

    pub(super) fn unsend(&mut self, call: u32) {
        self.take_back(
            |command| matches!(command, Command::Send { call: sent, .. } if *sent == call),
            Command::Unsend(call),
        );
    }

    pub(super) fn unset(&mut self, timing: Timing) {
        self.take_back(
            |command| matches!(command, Command::Set { timing: set, .. } if *set == timing),
            Command::Unset(timing),
        );
    }

    fn take_back(&mut self, is_it: impl Fn(&Command) -> bool, otherwise: Command) {
        match self.0.iter().rposition(is_it) {
            Some(place) => drop(self.0.remove(place)),
            None => self.0.push(otherwise),
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_and_ends_in_one_turn_is_nothing() {
        let mut commands = Commands::default();
        let timing = Timing::Deadline(1);
        commands.push(Command::Set { timing, seconds: 1.0 });
        commands.push(Command::Send { call: 2, name: "http.request".to_owned(), args: Vec::new() });
        commands.unset(timing);
        commands.unsend(2);
        commands.unset(Timing::Sleep(7));
        assert_eq!(commands.take(), [Command::Unset(Timing::Sleep(7))]);
    }
}
