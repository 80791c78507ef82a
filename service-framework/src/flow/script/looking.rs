//! Looking at where a script stood: it is run over its journal up to a move, and no further.

use serde::{Deserialize, Serialize};

use super::running::{Diverged, Running};
use crate::flow::engine::{Call, Engine, Frame, Step};
use crate::flow::history::{Event, moves};

/// Where a script stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stood {
    /// After how many moves.
    pub moves: u64,
    /// How many moves there are in all.
    pub of: u64,
    /// The lines in which it stood, outermost first; none once it has ended.
    pub frames: Vec<Frame>,
    /// What it had printed.
    pub printed: String,
    /// What it stood there for.
    pub stand: Stand,
    /// The calls that began the deadlines which held, the outermost first.
    pub deadlines: Vec<u32>,
}

/// What a script stands still for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stand {
    /// It is about to ask for this: that is the next move.
    Asks(Call),
    /// It asked for this, and has no outcome yet.
    Asked(Call),
    /// It awaits these calls, in their order.
    Awaits(Vec<u32>),
    /// It has ended.
    Ended,
}

impl<E: Engine> Running<'_, E> {
    /// Goes over the first moves of a stream, at most so many, and says where the script stands then. All events of the stream, for
    /// a script at its beginning.
    ///
    /// # Errors
    /// The script does something else than its journal says.
    pub fn stand_at(mut self, events: &[(u64, Event)], most: u64) -> Result<Stood, Diverged> {
        for (version, event) in events {
            self.take_in(*version, event);
        }
        let moves = moves(events.iter().map(|(_, event)| event));
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        for made in moves.iter().take(most) {
            self.apply(made)?;
        }
        let holding = self.memory.deadlines.iter().filter(|deadline| !deadline.is_spent);
        Ok(Stood {
            moves: self.moves(),
            of: moves.len() as u64,
            frames: self.frames(),
            printed: self.printed.clone(),
            stand: self.stand_now(),
            deadlines: holding.map(|deadline| deadline.call).collect(),
        })
    }

    fn stand_now(&self) -> Stand {
        match &self.step {
            Some(Step::Call { call, .. }) if self.memory.standing.is_some() => Stand::Asked(call.clone()),
            Some(Step::Call { call, .. }) => Stand::Asks(call.clone()),
            Some(Step::Wait { on, .. }) => Stand::Awaits(on.clone()),
            _ => Stand::Ended,
        }
    }
}
