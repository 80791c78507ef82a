//! What happens next to a script that is live.

use super::asked::{Asked, Awaited, raised};
use super::inline::{self, Inline};
use super::memory::Standing;
use super::running::Running;
use crate::flow::engine::{Call, Engine, Outcome, Step};
use crate::flow::history::Move;
use crate::value::Value;

impl<E: Engine> Running<'_, E> {
    /// The next move, if there can be one now. What came first is taken first.
    pub(super) fn decide(&self, inline: &mut dyn Inline) -> Option<Move> {
        let stands = matches!(self.step, Some(Step::Call { .. } | Step::Wait { .. }));
        if stands && self.memory.inbox.exceeded().is_some() && !self.memory.is_interrupted {
            // Before anything that has come: with that it would do again what was too much.
            return Some(Move::Interrupted);
        }
        match self.step.as_ref()? {
            Step::Call { call, .. } => match self.memory.standing {
                Some(standing) => self.decide_standing(standing),
                None => Some(self.decide_new(call, inline)),
            },
            Step::Wait { on, .. } => self.decide_wait(on),
            Step::Done(_) | Step::Failed(_) => None,
        }
    }

    fn decide_new(&self, call: &Call, inline: &mut dyn Inline) -> Move {
        if self.when_cancelled().is_some() {
            return Move::Interrupted;
        }
        let answered = |outcome| Move::Answered(call.clone(), outcome);
        match Asked::of(call) {
            Asked::Inline => answered(inline::answer(call, self.who(), self.memory.inbox.retries(), inline)),
            Asked::Push { .. } | Asked::Pop => answered(Outcome::Value(Value::Nil)),
            Asked::Wrong(error) => answered(Outcome::Error(error)),
            Asked::Await(awaited) => match self.unknown(&awaited) {
                Some(text) => answered(Outcome::Error(raised("ValueError", text))),
                None => Move::Awaits(call.clone()),
            },
            Asked::Begin { .. } | Asked::BeginSleep { .. } => Move::Begun(call.clone()),
            // Nothing is asked for whose outcome nobody could wait for.
            Asked::Sleep { .. } | Asked::Errand => match self.timed_out(call.id) {
                Some((_, timed_out)) => timed_out,
                None => Move::Asked(call.clone()),
            },
        }
    }

    /// What is wrong with something that can never come.
    fn unknown(&self, awaited: &Awaited) -> Option<String> {
        match awaited {
            Awaited::Callback(id) if !self.memory.callbacks.contains(id) => {
                Some("this callback is none of this flow".to_owned())
            }
            Awaited::Call(handle) if !self.memory.has_begun(*handle) => {
                Some(format!("{handle} is no call that this flow began"))
            }
            _ => None,
        }
    }

    fn decide_standing(&self, standing: Standing) -> Option<Move> {
        let done = match standing {
            Standing::Errand(call) => self.memory.inbox.when_done(call),
            Standing::Sleep(call) => self.memory.inbox.when_elapsed(call),
        };
        let call = standing.call();
        let took = done.map(|from| (from, Move::Took { call, from }));
        self.first([took, self.timed_out(call), self.interrupted()])
    }

    fn decide_wait(&self, on: &[u32]) -> Option<Move> {
        let when = |call: &u32| Some((self.memory.inbox.when(self.memory.awaited.get(call)?)?, *call));
        let took = on.iter().filter_map(when).min().map(|(from, call)| (from, Move::Took { call, from }));
        let lowest = on.first().and_then(|call| self.timed_out(*call));
        self.first([took, lowest, self.interrupted()])
    }

    /// Of what can happen, what came first.
    fn first(&self, possible: [Option<(u64, Move)>; 3]) -> Option<Move> {
        possible.into_iter().flatten().min_by_key(|(version, _)| *version).map(|(_, made)| made)
    }

    fn timed_out(&self, call: u32) -> Option<(u64, Move)> {
        self.over().map(|(version, deadline)| (version, Move::TimedOut { call, deadline }))
    }

    /// The deadline that was over first, of those that hold and have not ended anything yet.
    fn over(&self) -> Option<(u64, u32)> {
        let inbox = &self.memory.inbox;
        let holding = self.memory.deadlines.iter().filter(|deadline| !deadline.is_spent);
        holding.filter_map(|deadline| Some((inbox.when_elapsed(deadline.call)?, deadline.call))).min()
    }

    fn interrupted(&self) -> Option<(u64, Move)> {
        self.when_cancelled().map(|version| (version, Move::Interrupted))
    }

    /// When it was cancelled, unless it knows.
    fn when_cancelled(&self) -> Option<u64> {
        self.memory.inbox.when_cancelled().filter(|_| !self.memory.is_interrupted)
    }
}
