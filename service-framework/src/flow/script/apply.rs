//! A move as it is made, whether it was decided just now or is read from the journal.

use super::asked::{Asked, timed_out};
use super::commands::Command;
use super::memory::{Deadline, Standing};
use super::running::{Diverged, Running};
use crate::flow::engine::{Call, Engine, Outcome, Step};
use crate::flow::history::{Move, Timing};
use crate::value::Value;

impl<E: Engine> Running<'_, E> {
    /// Makes a move, whether it was decided now or before.
    pub(super) fn apply(&mut self, made: &Move) -> Result<(), Diverged> {
        let step = self.step.take();
        self.memory.moves += 1;
        match (made, step) {
            (Move::Answered(call, outcome), Some(Step::Call { call: asked, state })) if *call == asked => {
                self.note(call, outcome);
                let stepped = self.engine.answer(state, outcome.clone());
                self.stand(stepped);
            }
            (Move::Asked(call), Some(Step::Call { call: asked, state })) if *call == asked => {
                self.memory.standing = Some(match Asked::of(call) {
                    Asked::Sleep { .. } => Standing::Sleep(call.id),
                    _ => Standing::Errand(call.id),
                });
                self.commands.push(begun_by(call));
                self.step = Some(Step::Call { call: asked, state });
            }
            (Move::Begun(call), Some(Step::Call { call: asked, state })) if *call == asked => {
                self.begin(call);
                let stepped = self.engine.answer(state, Outcome::Value(Value::Int(i64::from(call.id))));
                self.stand(stepped);
            }
            (Move::Awaits(call), Some(Step::Call { call: asked, state })) if *call == asked => {
                if let Asked::Await(awaited) = Asked::of(call) {
                    self.memory.awaited.insert(call.id, awaited);
                }
                let stepped = self.engine.later(state);
                self.stand(stepped);
            }
            (Move::Interrupted, Some(Step::Call { state, .. } | Step::Wait { state, .. })) => {
                self.memory.is_interrupted = true;
                self.leave();
                let stepped = self.engine.interrupt(state);
                self.stand(stepped);
            }
            (Move::TimedOut { call, deadline }, Some(step)) => {
                let spent = self.memory.deadlines.iter_mut().find(|holds| holds.call == *deadline);
                spent.into_iter().for_each(|deadline| deadline.is_spent = true);
                return self.come_to(made, *call, timed_out(), step);
            }
            (Move::Took { call, from }, Some(step)) => {
                let Some(outcome) = self.taken(*call, *from) else {
                    let text = format!("has no event {from} for call {call}");
                    return Err(self.diverged(made, text));
                };
                return self.come_to(made, *call, outcome, step);
            }
            (made, step) => return Err(self.diverged(made, told(step.as_ref()))),
        }
        Ok(())
    }

    /// An errand or a sleep begins, whose end may be awaited.
    fn begin(&mut self, call: &Call) {
        match Asked::of(call) {
            Asked::Begin { name, args } => {
                self.commands.push(Command::Send { call: call.id, name: name.clone(), args: args.clone() });
                self.memory.begun.insert(call.id, (name, args));
            }
            Asked::BeginSleep { seconds } => {
                self.commands.push(Command::Set { timing: Timing::Sleep(call.id), seconds });
                self.memory.begun_sleeps.insert(call.id, seconds);
            }
            _ => {}
        }
    }

    /// The call for which the script stands comes to this.
    fn come_to(
        &mut self,
        made: &Move,
        number: u32,
        outcome: Outcome,
        step: Step<E::State>,
    ) -> Result<(), Diverged> {
        let stepped = match step {
            // One that is over before it was asked for is not asked for at all.
            Step::Call { call, state } if call.id == number && self.may_come_to(made, number) => {
                match made {
                    Move::TimedOut { .. } => self.leave(),
                    _ => self.memory.standing = None,
                }
                self.engine.answer(state, outcome)
            }
            Step::Wait { on, state } if on.contains(&number) => {
                self.memory.awaited.remove(&number);
                self.engine.settle(state, number, outcome)
            }
            step => return Err(self.diverged(made, told(Some(&step)))),
        };
        self.stand(stepped);
        Ok(())
    }

    fn may_come_to(&self, made: &Move, call: u32) -> bool {
        match self.memory.standing {
            Some(standing) => standing.call() == call,
            None => matches!(made, Move::TimedOut { .. }),
        }
    }

    /// The script does not wait any more for what it asked for.
    fn leave(&mut self) {
        match self.memory.standing.take() {
            Some(Standing::Errand(call)) => self.commands.unsend(call),
            Some(Standing::Sleep(call)) => self.commands.unset(Timing::Sleep(call)),
            None => {}
        }
    }

    fn taken(&mut self, call: u32, from: u64) -> Option<Outcome> {
        let inbox = &mut self.memory.inbox;
        match (self.memory.awaited.get(&call), self.memory.standing) {
            (Some(awaited), _) => inbox.take(awaited, from),
            (None, Some(Standing::Sleep(_))) => Some(Outcome::Value(Value::Nil)),
            (None, _) => inbox.take_done(call, from),
        }
    }

    /// What an answer changes besides the script.
    fn note(&mut self, call: &Call, outcome: &Outcome) {
        match (Asked::of(call), outcome) {
            (Asked::Push { seconds }, Outcome::Value(_)) => {
                self.memory.deadlines.push(Deadline { call: call.id, seconds, is_spent: false });
                self.commands.push(Command::Set { timing: Timing::Deadline(call.id), seconds });
            }
            (Asked::Pop, _) => {
                if let Some(deadline) = self.memory.deadlines.pop() {
                    self.commands.unset(Timing::Deadline(deadline.call));
                }
            }
            (Asked::Inline, Outcome::Value(value)) if call.name == "http.callback" => {
                if let Some(id) = value.get("id").and_then(Value::as_str) {
                    self.memory.callbacks.insert(id.to_owned());
                    self.commands.push(Command::Register { callback: id.to_owned() });
                }
            }
            _ => {}
        }
    }

    fn diverged(&self, made: &Move, found: String) -> Diverged {
        Diverged { place: self.memory.moves, expected: format!("{made:?}"), found }
    }
}

/// What is to be done for a call for which the script stands still.
pub(super) fn begun_by(call: &Call) -> Command {
    match Asked::of(call) {
        Asked::Sleep { seconds } => Command::Set { timing: Timing::Sleep(call.id), seconds },
        _ => Command::Send { call: call.id, name: call.name.clone(), args: call.args.clone() },
    }
}

/// What a script does, for those who read errors.
fn told<S>(step: Option<&Step<S>>) -> String {
    match step {
        Some(Step::Call { call, .. }) => format!("asks for {call:?}"),
        Some(Step::Wait { on, .. }) => format!("waits for the calls {on:?}"),
        Some(Step::Done(value)) => format!("has ended with {value:?}"),
        Some(Step::Failed(failure)) => format!("has failed: {}: {}", failure.kind, failure.message),
        None => "moves".to_owned(),
    }
}
