//! States of a recording: what they were at first, what changed, and what they were at the end.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::error::RecordingError;
use super::filter::Filter;
use super::message::Message;
use super::read::Recording;
use super::track::{Step, Track};
use super::write::WholeState;
use super::{Direction, Kind};
use crate::state::{Others, others};
use crate::value::Value;

/// A state as it was at the end of a recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedState {
    /// Whose it was recorded as.
    pub service: Arc<str>,
    /// Such as `states.out.book`.
    pub connection: Arc<str>,
    /// All of it.
    pub value: Value,
    /// The number of the last update in it, counted by its owner from 0; None of a full state.
    pub number: Option<i64>,
    /// Which life of its owner it is of.
    pub epoch: Option<u64>,
    /// How many updates are missing in the recording, as far as their numbers tell.
    pub missing: u64,
}

/// A state of a recording: its service, and its whole name, such as `states.out.book`.
pub type StateName = (Arc<str>, Arc<str>);

/// One step of a state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StateStep {
    /// Microseconds since 1970.
    pub time: u64,
    /// Whether `state` is all there is, rather than what changed.
    pub is_whole: bool,
    /// The state, or what changed: keys with values, nil where a key was deleted.
    pub state: Value,
}

/// The arguments of an update that do not belong to the state.
pub(crate) fn others_of(message: &Message) -> Others {
    let args = message.envelope().and_then(|envelope| envelope.args);
    let (count, entries) = args.map(others).unwrap_or_default();
    Others { count, entries }
}

/// What happens to a state, in order.
pub(crate) enum Happened {
    Whole(WholeState),
    /// An update, or the answer to a replica.
    Message(Message),
}

/// The whole states that were recorded of one state and have not been taken in yet. Those of deltas come before the updates
/// of the same run, since they are read while updates go on, and have numbers.
pub(crate) struct Wholes(VecDeque<(i64, WholeState)>);

impl Wholes {
    pub(crate) fn of(recording: &Recording, filter: &Filter) -> Result<Self, RecordingError> {
        Ok(Self(recording.whole_states(filter)?.into()))
    }

    /// The next one, if it comes before a message.
    pub(crate) fn next_before(&mut self, message: &Message) -> Option<WholeState> {
        self.next_if(|run, whole| whole.time <= message.time || (is_delta(whole) && run == message.run))
    }

    /// The next one, if it is of a time or earlier.
    pub(crate) fn next_until(&mut self, time: u64) -> Option<WholeState> {
        self.next_if(|_, whole| whole.time <= time)
    }

    /// What a delta was at first, whichever update is the first.
    pub(crate) fn first(&mut self) -> Option<WholeState> {
        self.next_if(|_, whole| is_delta(whole))
    }

    fn next_if(&mut self, is_next: impl Fn(i64, &WholeState) -> bool) -> Option<WholeState> {
        let is_next = self.0.front().is_some_and(|(run, whole)| is_next(*run, whole));
        is_next.then(|| self.0.pop_front()).flatten().map(|(_, whole)| whole)
    }
}

fn is_delta(whole: &WholeState) -> bool {
    whole.kind == "delta_update"
}

/// Whether a state is a replica by its whole name.
fn is_replica(connection: &str) -> bool {
    connection.starts_with("states.in.")
}

impl Recording {
    /// The states that are in the recording: service and connection.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn states(&self, filter: &Filter) -> Result<Vec<StateName>, RecordingError> {
        let mut found = BTreeSet::new();
        for (run, state) in self.whole_states(filter)? {
            if let Some(service) = self.service_of(run) {
                found.insert((service.name.clone(), Arc::from(&*state.connection)));
            }
        }
        for message in self.messages(&filter.clone().kind(Kind::Update).without_bodies()) {
            let message = message?;
            found.insert((message.service, message.connection));
        }
        Ok(found.into_iter().collect())
    }

    /// What happens to one state, in the order in which it counts.
    pub(crate) fn happened(
        &self,
        service: &str,
        connection: &str,
        give: &mut dyn FnMut(Happened) -> Result<(), RecordingError>,
    ) -> Result<(), RecordingError> {
        let filter = Filter::new().service(service).connection(connection);
        let mut wholes = Wholes::of(self, &filter)?;
        let seen = match is_replica(connection) {
            true => filter.kind(Kind::Update).kind(Kind::SnapshotReply).direction(Direction::In),
            false => filter.kind(Kind::Update).direction(Direction::Out),
        };
        for message in self.messages(&seen) {
            let message = message?;
            while let Some(whole) = wholes.next_before(&message) {
                give(Happened::Whole(whole))?;
            }
            give(Happened::Message(message))?;
        }
        wholes.0.into_iter().try_for_each(|(_, whole)| give(Happened::Whole(whole)))
    }

    fn track(
        &self,
        service: &str,
        connection: &str,
        give: &mut dyn FnMut(u64, Step),
    ) -> Result<Track, RecordingError> {
        let mut track = Track::of(self.is_full(service, connection)?, is_replica(connection));
        self.happened(service, connection, &mut |happened| {
            let (time, step) = match &happened {
                Happened::Whole(whole) => (whole.time, track.whole(whole)),
                Happened::Message(message) => (message.time, track.message(message)),
            };
            let step = step.map_err(|reason| self.damaged(format!("{connection} of {service}: {reason}")))?;
            give(time, step);
            Ok(())
        })?;
        Ok(track)
    }

    /// Whether a state is a full one, which its model says, or a whole state that was recorded.
    pub(crate) fn is_full(&self, service: &str, connection: &str) -> Result<bool, RecordingError> {
        let filter = Filter::new().service(service).connection(connection);
        if let Some((_, whole)) = self.whole_states(&filter)?.first() {
            return Ok(whole.kind == "full_update");
        }
        let mut parts = connection.splitn(3, '.').skip(1);
        let (side, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let kind = |model: &serde_json::Value| {
            let kind = model.pointer(&format!("/state_models/{side}/{name}/state_type"))?.as_str()?;
            Some(kind.starts_with("full"))
        };
        let models = self.services().iter().filter(|known| *known.name == *service);
        Ok(models.filter_map(|known| kind(known.model.as_ref()?)).next().unwrap_or(false))
    }

    /// What happened to a state of a service, step by step; `connection` is its whole name, such as `states.out.book`.
    ///
    /// # Errors
    /// The file is damaged, or has no frames.
    pub fn state_steps(&self, service: &str, connection: &str) -> Result<Vec<StateStep>, RecordingError> {
        let mut steps = Vec::new();
        self.track(service, connection, &mut |time, step| {
            let (is_whole, bytes) = match step {
                Step::Known => return,
                Step::Changes(bytes) => (false, bytes),
                Step::Whole(bytes) => (true, bytes),
            };
            let state = Value::from_msgpack(&bytes).unwrap_or(Value::Nil);
            steps.push(StateStep { time, is_whole, state });
        })?;
        Ok(steps)
    }

    /// What a state of a service was at the end; `connection` is its whole name, such as `states.out.book`. None if nothing
    /// of it was recorded.
    ///
    /// # Errors
    /// The file is damaged, or has no frames.
    pub fn state_at_end(
        &self,
        service: &str,
        connection: &str,
    ) -> Result<Option<RecordedState>, RecordingError> {
        let mut is_there = false;
        let track = self.track(service, connection, &mut |_, _| is_there = true)?;
        let value = track.to_msgpack().filter(|_| is_there);
        let Some(value) = value else { return Ok(None) };
        Ok(Some(RecordedState {
            service: service.into(),
            connection: connection.into(),
            value: Value::from_msgpack(&value).map_err(|error| self.damaged(error))?,
            number: track.at().1,
            epoch: track.at().0,
            missing: track.missing(),
        }))
    }
}
