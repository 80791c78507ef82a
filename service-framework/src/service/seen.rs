//! A running service as it is seen from beside it: what it counted, what its states are, whether it is ready.
//!
//! Any thread may look; the owner thread is not asked and notices nothing.

use std::sync::{Arc, PoisonError};

use super::shared::{Listening, Shared};
use super::state_table::{Seen, StateTable};
use crate::connection::Counters;
use crate::model::Side;
use crate::state::{FullView, Status, View};
use crate::value::Value;

/// A state of a service at one moment.
#[derive(Debug)]
pub(crate) struct SeenState {
    pub(crate) side: Side,
    pub(crate) name: String,
    /// Which of several owners is followed.
    pub(crate) topic: Option<String>,
    pub(crate) status: Status,
    /// The number of the last update; None while there is nothing.
    pub(crate) number: Option<i64>,
    /// Which life of its owner it is of, as far as that is known.
    pub(crate) epoch: Option<u64>,
    /// How many keys a delta state has.
    pub(crate) keys: Option<usize>,
}

/// What a state holds at one moment.
pub(crate) enum SeenValue {
    Delta(View),
    /// The arguments of a full state.
    Full(Vec<(Value, Value)>),
}

impl SeenValue {
    fn of(seen: Seen) -> Self {
        match seen {
            Seen::Delta(view) => Self::Delta(view),
            Seen::Full(view) => Self::of_view(&view),
        }
    }

    fn of_view(view: &FullView) -> Self {
        match view.to_value() {
            Value::Map(entries) => Self::Full(entries),
            _ => Self::Full(Vec::new()),
        }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Delta(view) => view.len(),
            Self::Full(entries) => entries.len(),
        }
    }

    /// Every key with its value, in an order that stays the same.
    pub(crate) fn entries(&self) -> Box<dyn Iterator<Item = (Value, Value)> + '_> {
        match self {
            Self::Delta(view) => Box::new(view.iter().flatten()),
            Self::Full(entries) => Box::new(entries.iter().cloned()),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_full(entries: Vec<(Value, Value)>) -> Self {
        Self::Full(entries)
    }
}

impl SeenState {
    /// Its name among the connections, such as `states.in.book` or `states.in.book.eu`.
    pub(crate) fn place(&self) -> String {
        let topic = self.topic.as_deref().map(|topic| format!(".{topic}")).unwrap_or_default();
        format!("states.{}.{}{topic}", self.side, self.name)
    }
}

impl Shared {
    /// A state as it is now and what it holds; None if there is none of this side and name.
    pub(crate) fn seen_state(
        &self,
        side: &str,
        name: &str,
        topic: Option<&str>,
    ) -> Option<(SeenState, SeenValue)> {
        let (side, topic, view) = self.states.find(side, name, topic)?;
        let (state, view) = seen(side, name.to_owned(), topic, view);
        Some((state, SeenValue::of(view)))
    }

    /// The counts of every connection and state, by names such as `in.ask` and `states.out.book`.
    pub(crate) fn counts(&self) -> Vec<(String, Arc<Counters>)> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every state.
    pub(crate) fn seen_states(&self) -> Vec<SeenState> {
        self.states.seen().into_iter().map(|(state, _)| state).collect()
    }

    /// Every state with all that is in it as MessagePack, if something is.
    pub(crate) fn whole_states(&self) -> Vec<(SeenState, Option<Vec<u8>>)> {
        self.states.seen().into_iter().map(|(state, view)| (state, view.to_msgpack())).collect()
    }

    /// The names of the replicas that are not what their owners have, as far as is known here.
    pub(crate) fn behind(&self) -> Vec<String> {
        let ins = self.states.ins.iter().filter(|entry| !entry.state.see().status().is_current());
        ins.map(|entry| entry.name.clone()).collect()
    }

    /// Every socket that listens, as `in.ask.replyer` and where.
    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        let named = |Listening { side, name, socket, endpoint, .. }: Listening| {
            (format!("{side}.{name}.{socket}"), endpoint)
        };
        self.listening().into_iter().map(named).collect()
    }
}

impl StateTable {
    fn find(&self, side: &str, name: &str, topic: Option<&str>) -> Option<(Side, Option<String>, Seen)> {
        if side == Side::Out.as_str() {
            let (_, state) = self.outs.iter().find(|(known, _)| *known == name)?;
            return Some((Side::Out, None, state.see()));
        }
        let of_name = self.ins.iter().filter(|entry| side == Side::In.as_str() && entry.name == name);
        let mut of_topic = of_name.filter(|entry| topic.is_none() || entry.topic.as_deref() == topic);
        of_topic.next().map(|entry| (Side::In, entry.topic.clone(), entry.state.see()))
    }

    fn seen(&self) -> Vec<(SeenState, Seen)> {
        let ins = self
            .ins
            .iter()
            .map(|entry| seen(Side::In, entry.name.clone(), entry.topic.clone(), entry.state.see()));
        let outs = self.outs.iter().map(|(name, state)| seen(Side::Out, name.clone(), None, state.see()));
        ins.chain(outs).collect()
    }
}

fn seen(side: Side, name: String, topic: Option<String>, view: Seen) -> (SeenState, Seen) {
    let (number, keys) = match &view {
        Seen::Delta(view) => (view.number(), Some(view.len())),
        Seen::Full(view) => (view.number().and_then(|number| i64::try_from(number).ok()), None),
    };
    let epoch = match &view {
        Seen::Delta(view) => view.epoch(),
        Seen::Full(view) => view.epoch(),
    };
    (SeenState { side, name, topic, status: view.status(), number, epoch, keys }, view)
}
