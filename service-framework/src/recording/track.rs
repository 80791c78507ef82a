//! A state on its way through a recording.

use super::Kind;
use super::message::Message;
use super::write::WholeState;
use crate::state::{AnswerKind, StateMap, Update, apply, read_answer, write_all};

/// A state on its way through a recording.
///
/// What its owner publishes is followed from what it was at first. A replica is followed as it was itself: updates that it could
/// not use wait for the owner's answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    map: StateMap,
    /// Of a full state.
    value: Option<Vec<u8>>,
    is_full: bool,
    is_replica: bool,
    epoch: Option<u64>,
    number: Option<i64>,
    /// Whether all before the next update is known.
    is_whole: bool,
    /// Updates of a replica that wait for what is before them.
    held: Vec<Message>,
    /// An answer of which parts have come, by its number.
    parts: Option<(u64, StateMap)>,
    missing: u64,
}

/// What a step is.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// It is in the state already, or waits.
    Known,
    /// Keys that change, as MessagePack.
    Changes(Vec<u8>),
    /// All there is.
    Whole(Vec<u8>),
}

impl Track {
    /// One of a full or a delta state, seen at its owner or at a replica.
    pub(crate) fn of(is_full: bool, is_replica: bool) -> Self {
        Self { is_full, is_replica, ..Self::default() }
    }

    pub(crate) fn map(&self) -> &StateMap {
        &self.map
    }

    pub(crate) fn at(&self) -> (Option<u64>, Option<i64>) {
        (self.epoch, self.number)
    }

    /// How many updates are missing, as far as is known.
    pub(crate) fn missing(&self) -> u64 {
        self.missing + self.held.len() as u64
    }

    /// Takes in a state as it was.
    pub(crate) fn whole(&mut self, whole: &WholeState) -> Result<Step, String> {
        let Some(body) = &whole.body else { return Ok(Step::Known) };
        self.is_full = whole.kind == "full_update";
        if self.is_full {
            self.value = Some(body.clone());
            return Ok(Step::Whole(body.clone()));
        }
        let map = read_map(body)?;
        self.install(map, whole.epoch, whole.number)
    }

    /// Takes in an update, or an answer to a replica.
    pub(crate) fn message(&mut self, message: &Message) -> Result<Step, String> {
        match message.kind {
            Kind::SnapshotReply => self.answer(message),
            _ => self.update(message),
        }
    }

    /// Takes in an update.
    pub(crate) fn update(&mut self, message: &Message) -> Result<Step, String> {
        let envelope = message.envelope().ok_or("its frame is missing or damaged")?;
        let args = envelope.args.ok_or("it has no arguments")?;
        if self.is_full {
            (self.value, self.epoch) = (Some(args.to_vec()), envelope.epoch);
            return Ok(Step::Whole(args.to_vec()));
        }
        let update = Update::read(args).map_err(|error| error.to_string())?;
        if self.has(envelope.epoch, update.number) {
            return Ok(Step::Known);
        }
        if update.is_snapshot {
            return self.install(read_map(update.state)?, envelope.epoch, Some(update.number));
        }
        let gap = self.gap(envelope.epoch, update.number);
        if self.is_replica && gap != Some(0) {
            self.held.push(message.clone());
            return Ok(Step::Known);
        }
        let mut map = self.map.clone();
        apply(&mut map, update.state).map_err(|error| error.to_string())?;
        self.missing += gap.unwrap_or(1);
        (self.map, self.is_whole) = (map, true);
        (self.epoch, self.number) = (envelope.epoch, Some(update.number));
        Ok(Step::Changes(update.state.to_vec()))
    }

    fn has(&self, epoch: Option<u64>, number: i64) -> bool {
        self.is_whole && self.epoch == epoch && self.number.is_some_and(|known| known >= number)
    }

    /// How many updates there were in between; None if that is not known.
    fn gap(&self, epoch: Option<u64>, number: i64) -> Option<u64> {
        if !self.is_whole || self.epoch != epoch {
            return None;
        }
        // An original owner does not say which update its answer has.
        let before = self.number.unwrap_or(number.saturating_sub(1));
        u64::try_from(number.saturating_sub(before).saturating_sub(1)).ok()
    }

    /// Takes in what an owner answered to a replica.
    fn answer(&mut self, message: &Message) -> Result<Step, String> {
        let envelope = message.envelope().ok_or("its frame is missing or damaged")?;
        let Some(returned) = envelope.return_args.filter(|_| envelope.error.is_none()) else {
            return Ok(Step::Known);
        };
        let (state, number) = read_answer(returned).map_err(|error| error.to_string())?;
        let number = envelope.epoch.is_some().then_some(number);
        let parts = self.parts.take();
        let of = |token: u64| parts.filter(|(known, _)| *known == token).map(|(_, map)| map);
        match AnswerKind::read(envelope.snapshot) {
            AnswerKind::Complete => self.install(read_map(state)?, envelope.epoch, number),
            AnswerKind::Part { token, .. } => {
                let mut map = of(token).unwrap_or_default();
                apply(&mut map, state).map_err(|error| error.to_string())?;
                self.parts = Some((token, map));
                Ok(Step::Known)
            }
            AnswerKind::Last(token) => {
                let Some(mut map) = of(token) else { return Ok(Step::Known) };
                apply(&mut map, state).map_err(|error| error.to_string())?;
                self.install(map, envelope.epoch, number)
            }
            AnswerKind::Since(from) if self.has(envelope.epoch, from) => {
                let mut map = self.map.clone();
                apply(&mut map, state).map_err(|error| error.to_string())?;
                self.install(map, envelope.epoch, number)
            }
            AnswerKind::Since(_) => Ok(Step::Known),
        }
    }

    /// Puts all there is in the place of what was there, unless that is later, and goes on with what waited.
    fn install(&mut self, map: StateMap, epoch: Option<u64>, number: Option<i64>) -> Result<Step, String> {
        if number.is_some_and(|number| self.has(epoch, number)) {
            return Ok(Step::Known);
        }
        (self.map, self.epoch, self.number, self.is_whole) = (map, epoch, number, true);
        let held = std::mem::take(&mut self.held);
        held.iter().try_for_each(|update| self.update(update).map(drop))?;
        Ok(Step::Whole(self.to_msgpack().unwrap_or_default()))
    }

    /// All of the state as MessagePack.
    pub(crate) fn to_msgpack(&self) -> Option<Vec<u8>> {
        if self.is_full {
            return self.value.clone();
        }
        let mut bytes = Vec::new();
        write_all(&self.map, &mut bytes);
        Some(bytes)
    }
}

fn read_map(body: &[u8]) -> Result<StateMap, String> {
    let mut map = StateMap::new();
    apply(&mut map, body).map_err(|error| error.to_string())?;
    Ok(map)
}
