//! A script that runs: where it stands, and what is known of its flow.

use serde::{Deserialize, Serialize};

use super::apply::begun_by;
use super::asked::{Asked, Awaited};
use super::commands::{Command, Commands};
use super::inline::{Inline, Who};
use super::memory::Memory;
use crate::flow::engine::{Call, Engine, Failure, Frame, Limits, Script, Step, Stepped, Unusable};
use crate::flow::history::{End, Event, Timing, Turn};
use crate::value::{Bytes, decode, encode};

/// Most moves of one turn; after so many it is written, and the script goes on in the next.
const MOST_MOVES: usize = 10_000;

/// That a script does not do again what its journal says that it did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "move {place} of the journal is {expected}, and the script {found}: was it recorded with another script or engine?"
)]
pub struct Diverged {
    /// Which move, from 1 on.
    pub place: u64,
    /// What the journal says.
    pub expected: String,
    /// What the script does.
    pub found: String,
}

/// What a script waits for when a turn is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rest {
    /// Nothing: it can go on as soon as this turn is written.
    Nothing,
    /// Errands that are on their way, perhaps besides others.
    Errands,
    /// Times, messages, callbacks.
    Others,
    /// It has ended.
    Ended,
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Went {
    /// For the journal.
    pub turn: Turn,
    /// To be done in the same commit.
    pub commands: Vec<Command>,
    /// What it waits for now.
    pub rest: Rest,
}

/// A script that runs, or stands still.
pub struct Running<'a, E: Engine> {
    pub(super) engine: &'a E,
    /// Where it stands; none only while it moves.
    pub(super) step: Option<Step<E::State>>,
    pub(super) memory: Memory,
    pub(super) commands: Commands,
    pub(super) printed: String,
    who: Who,
}

/// A memory and where the script stood, as bytes.
#[derive(Serialize, Deserialize)]
struct Saved {
    engine: String,
    memory: Memory,
    state: Bytes,
}

impl<'a, E: Engine> Running<'a, E> {
    /// A script at its beginning. It runs to its first call.
    pub fn start(engine: &'a E, script: &Script, limits: &Limits, id: &str, name: &str) -> Self {
        let who = Who { id: id.to_owned(), name: name.to_owned() };
        let mut running = Self {
            engine,
            step: None,
            memory: Memory::default(),
            commands: Commands::default(),
            printed: String::new(),
            who,
        };
        running.stand(engine.start(script, limits));
        running
    }

    /// How many moves there were.
    #[must_use]
    pub fn moves(&self) -> u64 {
        self.memory.moves
    }

    /// Version of the last event that it was told.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.memory.inbox.seen
    }

    /// It was told all events up to this version, as far as they are for it.
    pub fn has_seen(&mut self, version: u64) {
        self.memory.inbox.seen = self.memory.inbox.seen.max(version);
    }

    /// Tells it an event of its stream; each once, in their order. Turns are for [`Running::replay_stream`].
    pub fn take_in(&mut self, version: u64, event: &Event) {
        self.memory.inbox.take_in(version, event);
    }

    /// Tells it events of its stream, in their order, and goes over the moves that were made before; each event once. A script that
    /// was [`load`](Self::load)ed gets those since. A retry that goes back behind what was loaded is an error.
    ///
    /// # Errors
    /// The script does something else than its journal says.
    pub fn replay_stream<'e>(
        &mut self,
        events: impl IntoIterator<Item = (u64, &'e Event)>,
    ) -> Result<(), Diverged> {
        self.replay_stream_saying(events, &mut || {})
    }

    /// As [`Running::replay_stream`], for somebody who hears of each move.
    ///
    /// # Errors
    /// As there.
    pub fn replay_stream_saying<'e>(
        &mut self,
        events: impl IntoIterator<Item = (u64, &'e Event)>,
        moved: &mut dyn FnMut(),
    ) -> Result<(), Diverged> {
        let (mut moves, mut has_turn, mut is_retried) = (Vec::new(), false, false);
        for (version, event) in events {
            match event {
                Event::Turn(turn) => {
                    moves.extend(&turn.moves);
                    (has_turn, is_retried) = (true, false);
                }
                Event::Retried { keep } => {
                    moves.truncate(self.kept(*keep)?);
                    is_retried = true;
                }
                _ => {}
            }
            self.take_in(version, event);
        }
        for made in moves {
            self.apply(made)?;
            moved();
        }
        // What it asked for then was done then, and what it printed is in the journal.
        self.commands.clear();
        if has_turn {
            self.printed.clear();
        }
        if is_retried {
            self.ask_again();
        }
        Ok(())
    }

    /// How many of the moves that are to come stay, if so many stay of all.
    fn kept(&self, keep: u64) -> Result<usize, Diverged> {
        let kept = keep.checked_sub(self.memory.moves).and_then(|kept| usize::try_from(kept).ok());
        kept.ok_or_else(|| Diverged {
            place: self.memory.moves,
            expected: format!("gone back behind, to move {keep}"),
            found: "was loaded as it stood then".to_owned(),
        })
    }

    /// What has to be asked for again after a retry, because what it came to counts no more.
    fn ask_again(&mut self) {
        let pending = self
            .memory
            .begun
            .iter()
            .filter(|(call, _)| self.memory.inbox.when(&Awaited::Call(**call)).is_none());
        for (call, (name, args)) in pending {
            self.commands.push(Command::Send { call: *call, name: name.clone(), args: args.clone() });
        }
        let sleeps = self.memory.begun_sleeps.iter();
        for (call, seconds) in
            sleeps.filter(|(call, _)| self.memory.inbox.when(&Awaited::Call(**call)).is_none())
        {
            self.commands.push(Command::Set { timing: Timing::Sleep(*call), seconds: *seconds });
        }
        for deadline in self.memory.deadlines.iter().filter(|deadline| !deadline.is_spent) {
            let timing = Timing::Deadline(deadline.call);
            self.commands.push(Command::Set { timing, seconds: deadline.seconds });
        }
        if let (Some(_), Some(Step::Call { call, .. })) = (self.memory.standing, &self.step) {
            self.commands.push(begun_by(call));
        }
    }

    /// Goes on as far as it can. The moves, and what is to be done for them, are not to be done before they are written.
    ///
    /// # Errors
    /// It does what it decided to do differently from how it decided: an error of this library.
    pub fn go_on(&mut self, inline: &mut dyn Inline) -> Result<Went, Diverged> {
        let mut moves = Vec::new();
        while moves.len() < MOST_MOVES {
            let Some(next) = self.decide(inline) else { break };
            self.apply(&next)?;
            moves.push(next);
        }
        let end = self.end();
        if end.is_some() {
            self.give_up(&end);
        }
        let rest = self.rest(moves.len() == MOST_MOVES, end.is_some());
        let turn = Turn { moves, printed: std::mem::take(&mut self.printed), end };
        Ok(Went { turn, commands: self.commands.take(), rest })
    }

    /// Where the script stands, outermost first.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        match &self.step {
            Some(Step::Call { state, .. } | Step::Wait { state, .. }) => self.engine.frames(state),
            _ => Vec::new(),
        }
    }

    pub(super) fn who(&self) -> &Who {
        &self.who
    }

    fn rest(&self, is_cut: bool, has_ended: bool) -> Rest {
        let is_errand = |call: &Call| matches!(Asked::of(call), Asked::Errand);
        let pending = |call: &u32| self.memory.inbox.when(&Awaited::Call(*call)).is_none();
        match &self.step {
            _ if has_ended => Rest::Ended,
            _ if is_cut => Rest::Nothing,
            Some(Step::Call { call, .. }) if is_errand(call) => Rest::Errands,
            _ if self.memory.begun.keys().any(pending) => Rest::Errands,
            _ => Rest::Others,
        }
    }

    fn end(&self) -> Option<End> {
        match &self.step {
            Some(Step::Done(_)) if self.memory.inbox.exceeded().is_some() => self.exceeded(None),
            Some(Step::Failed(failure)) if self.memory.inbox.exceeded().is_some() => {
                self.exceeded(Some(failure))
            }
            Some(Step::Done(value)) => Some(End::Done(value.clone())),
            Some(Step::Failed(failure)) if self.memory.is_interrupted => {
                Some(End::Cancelled(failure.clone()))
            }
            Some(Step::Failed(failure)) => Some(End::Failed(failure.clone())),
            _ => None,
        }
    }

    /// How it ends that took more than it may, with what its compensations came to.
    fn exceeded(&self, failure: Option<&Failure>) -> Option<End> {
        let reason = self.memory.inbox.exceeded()?;
        Some(End::Failed(Failure::exceeded(reason, failure)))
    }

    /// Nothing is waited for any more, and whoever waits for this flow is told.
    fn give_up(&mut self, end: &Option<End>) {
        for deadline in std::mem::take(&mut self.memory.deadlines) {
            self.commands.unset(Timing::Deadline(deadline.call));
        }
        for (call, _) in std::mem::take(&mut self.memory.begun_sleeps) {
            if self.memory.inbox.when_elapsed(call).is_none() {
                self.commands.unset(Timing::Sleep(call));
            }
        }
        let Some(outcome) = end.as_ref().map(|end| end.outcome(&self.who.id)) else { return };
        for (flow, call) in self.memory.inbox.watchers.clone() {
            self.commands.push(Command::Tell { flow, call, outcome: outcome.clone() });
        }
    }

    pub(super) fn stand(&mut self, stepped: Stepped<E::State>) {
        self.printed.push_str(&stepped.printed);
        self.step = Some(stepped.step);
    }

    /// Everything that is needed to go on from here without the journal, for the same engine.
    ///
    /// # Errors
    /// It cannot be saved: it has ended, or the engine cannot.
    pub fn save(&self) -> Result<Vec<u8>, Unusable> {
        let Some(Step::Call { state, .. } | Step::Wait { state, .. }) = &self.step else {
            return Err(Unusable("it has ended".to_owned()));
        };
        let (engine, state) = (self.engine.version(), Bytes(self.engine.save(state)?));
        let saved = Saved { engine, memory: self.memory.clone(), state };
        encode(&saved).map_err(|error| Unusable(error.to_string()))
    }

    /// Goes on from what [`Running::save`] gave; only from bytes whose checksum was looked at.
    ///
    /// # Errors
    /// They are of another engine.
    pub fn load(
        engine: &'a E,
        bytes: &[u8],
        script: &Script,
        limits: &Limits,
        id: &str,
        name: &str,
    ) -> Result<Self, Unusable> {
        let saved: Saved = decode(bytes).map_err(|error| Unusable(error.to_string()))?;
        if saved.engine != engine.version() {
            return Err(Unusable(format!("it is of {}, and this is {}", saved.engine, engine.version())));
        }
        let step = engine.load(&saved.state.0, script, limits)?;
        let who = Who { id: id.to_owned(), name: name.to_owned() };
        let (memory, commands, printed) = (saved.memory, Commands::default(), String::new());
        Ok(Self { engine, step: Some(step), memory, commands, printed, who })
    }
}
