//! A script that runs: where it stands, and what is known of its flow.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::asked::{Asked, Awaited, timed_out};
use super::commands::{Command, Commands};
use super::inbox::Inbox;
use super::inline::{Inline, Who};
use crate::flow::engine::{Call, Engine, Frame, Limits, Outcome, Script, Step, Stepped, Unusable};
use crate::flow::history::{End, Event, Move, Timing, Turn};
use crate::value::{Bytes, Value, decode, encode};

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
    commands: Commands,
    pub(super) printed: String,
    who: Who,
}

/// Everything that is known of a flow besides where its script stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    /// How many moves there were.
    pub(super) moves: u64,
    pub(super) inbox: Inbox,
    /// What is awaited, by its calls.
    pub(super) awaited: BTreeMap<u32, Awaited>,
    /// For what the script stands still, if it asked for it.
    pub(super) standing: Option<Standing>,
    /// The deadlines that hold, the outermost first.
    pub(super) deadlines: Vec<Deadline>,
    pub(super) callbacks: BTreeSet<String>,
    /// Errands that were begun: what they are.
    begun: BTreeMap<u32, (String, Vec<Value>)>,
    /// Sleeps that were begun: how long they are, in seconds.
    begun_sleeps: BTreeMap<u32, f64>,
    pub(super) is_interrupted: bool,
}

impl Memory {
    /// Whether this is the handle of something that was begun.
    pub(super) fn has_begun(&self, handle: u32) -> bool {
        self.begun.contains_key(&handle) || self.begun_sleeps.contains_key(&handle)
    }
}

/// A deadline that holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Deadline {
    /// The call that began it.
    pub(super) call: u32,
    seconds: f64,
    /// Whether it has ended something: it does so once.
    pub(super) is_spent: bool,
}

/// A call that was asked for and without whose outcome the script does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    Errand(u32),
    Sleep(u32),
}

impl Standing {
    pub(super) fn call(self) -> u32 {
        match self {
            Self::Errand(call) | Self::Sleep(call) => call,
        }
    }
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
            Some(Step::Done(value)) => Some(End::Done(value.clone())),
            Some(Step::Failed(failure)) if self.memory.is_interrupted => {
                Some(End::Cancelled(failure.clone()))
            }
            Some(Step::Failed(failure)) => Some(End::Failed(failure.clone())),
            _ => None,
        }
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
        let Some(outcome) = end.as_ref().map(End::outcome) else { return };
        for (flow, call) in self.memory.inbox.watchers.clone() {
            self.commands.push(Command::Tell { flow, call, outcome: outcome.clone() });
        }
    }

    fn stand(&mut self, stepped: Stepped<E::State>) {
        self.printed.push_str(&stepped.printed);
        self.step = Some(stepped.step);
    }

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

    fn diverged(&self, made: &Move, found: String) -> Diverged {
        Diverged { place: self.memory.moves, expected: format!("{made:?}"), found }
    }
}

/// What is to be done for a call for which the script stands still.
fn begun_by(call: &Call) -> Command {
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
