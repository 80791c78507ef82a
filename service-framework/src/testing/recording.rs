//! Recordings as fixtures: what happened to a service once happens to it in a test.

use std::path::Path;

use super::{Kit, PATIENCE};
use crate::connection::SendError;
use crate::model::OwnedMessage;
use crate::recording::{
    self, Difference, Direction, Filter, Ignored, Kind, Message, RecordingError, differences,
};
use crate::service::{BySerde, ToSend};
use crate::value::Value;
use crate::value::msgpack::Reader;

/// A recording that a test takes from: what `service_framework record` wrote.
///
/// ```
/// use service_framework::prelude::*;
/// use service_framework::testing::{self, Recording};
///
/// #[derive(Message)]
/// struct Ask { item: String }
///
/// #[derive(Message)]
/// struct Offer { price: i64 }
///
/// fn service() -> Service {
///     Service::new("desk").replyer("ask", |ask: Ask| -> Result<Offer> {
///         Ok(Offer { price: if ask.item == "rope" { 3 } else { 7 } })
///     })
/// }
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("monday.sfr");
/// # service_framework::recording::write_example(&path)?;
/// // `record desk -o tests/monday.sfr` wrote it; here is one request for a rope, which was offered for 3.
/// let monday = Recording::open(&path)?;
/// let asked: Vec<Ask> = monday.requests("ask")?;
/// assert_eq!(asked[0].item, "rope");
///
/// let kit = testing::inline(service()).start()?;
/// let replies = monday.ask_again(&kit, "ask")?;
/// assert_eq!(replies.len(), 1);
/// assert!(replies.iter().all(|reply| reply.is_same()), "{replies:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recording {
    recording: recording::Recording,
    filter: Filter,
    ignored: Ignored,
}

/// A recorded request that was sent again, and what came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replied {
    /// The request.
    pub request: Message,
    /// Where its reply is not what was recorded.
    pub differences: Vec<Difference>,
}

impl Replied {
    /// Whether the reply is the recorded one.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Why a recording cannot be played in a test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The file cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The service under test does not take it.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A message is of another type than was asked for, or without what stands in it.
    #[error("message {id} of {connection}: {reason}")]
    Message {
        /// Its number in the file.
        id: i64,
        /// Its connection.
        connection: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Recording {
    /// Opens a file.
    ///
    /// # Errors
    /// It is no recording.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let recording = recording::Recording::open(path)?;
        Ok(Self { recording, filter: Filter::new(), ignored: Ignored::default() })
    }

    /// Only what this filter says, such as one service of several that were recorded.
    #[must_use]
    pub fn only(self, filter: Filter) -> Self {
        Self { filter, ..self }
    }

    /// Places of replies that may differ: keys at any depth, or whole paths.
    #[must_use]
    pub fn ignoring<T: Into<String>>(self, places: impl IntoIterator<Item = T>) -> Self {
        Self { ignored: Ignored::new(places), ..self }
    }

    /// The recording itself.
    #[must_use]
    pub fn recording(&self) -> &recording::Recording {
        &self.recording
    }

    /// The requests that came in over a connection, in the type of its handler.
    ///
    /// # Errors
    /// One of them is of another type, or the file is damaged.
    pub fn requests<T: OwnedMessage>(&self, connection: &str) -> Result<Vec<T>, PlayError> {
        self.came_in(connection, Kind::Request)?.iter().map(read).collect()
    }

    /// The published messages that came in over a connection, in the type of its handler.
    ///
    /// # Errors
    /// As [`Recording::requests`].
    pub fn messages<T: OwnedMessage>(&self, connection: &str) -> Result<Vec<T>, PlayError> {
        self.came_in(connection, Kind::Message)?.iter().map(read).collect()
    }

    /// Asks a service under test all that was asked over a connection, one request after the other, and compares its replies
    /// with those that were recorded; those whose reply was not recorded are only asked.
    ///
    /// # Errors
    /// The file is damaged, or has no frames.
    pub fn ask_again(&self, kit: &Kit, connection: &str) -> Result<Vec<Replied>, PlayError> {
        let mut used = std::collections::HashSet::new();
        let mut replied = Vec::new();
        for request in self.came_in(connection, Kind::Request)? {
            let recorded = self.recording.reply_to(&request, &used)?;
            used.extend(recorded.as_ref().map(|reply| reply.id));
            let answer = ask(kit, connection, arguments(&request)?.to_vec());
            let differences = recorded.map_or_else(Vec::new, |recorded| self.compare(&recorded, answer));
            replied.push(Replied { request, differences });
        }
        Ok(replied)
    }

    /// Publishes to a service under test all that came in over one of its subscribers; how many messages that were.
    ///
    /// # Errors
    /// The file is damaged, or a handler failed.
    pub fn publish_again(&self, kit: &Kit, connection: &str) -> Result<usize, PlayError> {
        let messages = self.came_in(connection, Kind::Message)?;
        for message in &messages {
            kit.publish_bytes(connection, arguments(message)?.to_vec())?;
        }
        Ok(messages.len())
    }

    /// Has a state that the service under test follows go through all that it was recorded to: `service` is whose recording
    /// it is, `connection` the whole name there, such as `states.out.book` of its owner or `states.in.book` of a replica;
    /// `state` is what the service under test calls it. How many steps that were.
    ///
    /// # Errors
    /// The file is damaged, or the state is none that the service's can be.
    pub fn play_state(
        &self,
        kit: &Kit,
        state: &str,
        (service, connection): (&str, &str),
    ) -> Result<usize, PlayError> {
        let is_full = self.recording.is_full(service, connection)?;
        let steps = self.recording.state_steps(service, connection)?;
        for step in &steps {
            kit.step(state, |owner| match (is_full, &step.state) {
                (true, whole) => owner.full(state)?.set(whole),
                (false, whole) if step.is_whole => owner.delta(state)?.replace(whole),
                (false, Value::Map(changes)) => {
                    let delta = owner.delta(state)?;
                    let update = changes.iter().fold(delta.update(), |update, (key, value)| {
                        if *value == Value::Nil { update.remove(key) } else { update.set(key, value) }
                    });
                    update.publish()
                }
                _ => Ok(()),
            })?;
        }
        Ok(steps.len())
    }

    fn came_in(&self, connection: &str, kind: Kind) -> Result<Vec<Message>, RecordingError> {
        let filter = self.filter.clone().kind(kind).direction(Direction::In);
        self.recording.messages(&filter.connection(format!("in.{connection}"))).collect()
    }

    fn compare(&self, recorded: &Message, answer: Result<Value, SendError>) -> Vec<Difference> {
        let was = recorded.error().map(|error| Value::from(error.code));
        let is = answer.as_ref().err().map(|error| Value::from(error.code().unwrap_or("no answer")));
        if was != is {
            let (was, is) = (was.unwrap_or(Value::Nil), is.unwrap_or(Value::Nil));
            return differences(&was, &is, &Ignored::default());
        }
        let value = recorded.arguments().unwrap_or(Value::Nil);
        answer.map_or_else(|_| Vec::new(), |answer| differences(&value, &answer, &self.ignored))
    }
}

fn arguments(message: &Message) -> Result<&[u8], PlayError> {
    message.arguments_as_msgpack().ok_or_else(|| wrong(message, "it has no arguments that can be read"))
}

fn read<T: OwnedMessage>(message: &Message) -> Result<T, PlayError> {
    let args = arguments(message)?;
    T::read_owned(&mut Reader::new(args)).map_err(|misfit| {
        // The checker says better what is wrong.
        let found = T::from_msgpack(args).err().and_then(|found| found.into_iter().next());
        wrong(message, &found.unwrap_or_else(|| misfit.into_mismatch("args")).to_string())
    })
}

fn wrong(message: &Message, reason: &str) -> PlayError {
    let (id, connection) = (message.id, message.connection.to_string());
    PlayError::Message { id, connection, reason: reason.to_owned() }
}

fn ask(kit: &Kit, connection: &str, args: Vec<u8>) -> Result<Value, SendError> {
    kit.settle();
    let request = kit.0.mode.sends(connection).request_bytes::<Value, BySerde>(connection, args);
    let answer = kit.wait_for(async { request.within(PATIENCE).await })?;
    kit.settle();
    answer
}

impl Kit {
    /// A step of the test's own state of this name, which the service follows.
    fn step(
        &self,
        state: &str,
        step: impl FnOnce(&ToSend) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let own =
            self.0.mode.states().into_iter().find(|own| own.delta(state).is_ok() || own.full(state).is_ok());
        let unknown = || SendError::UnknownState { name: state.to_owned(), near: None };
        let own = own.ok_or_else(unknown)?;
        self.wait_for(async { step(own) })??;
        self.0.mode.await_state(crate::model::Side::In, state);
        self.settle();
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::allow_attributes, reason = "derived code is for crates that may not know `expect`")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connection::tap::Record;
    use crate::recording::{WholeState, Writer};
    use crate::testing::{inline, live};
    use crate::wire::{Extras, WorkflowId, write_request};
    use service_framework::prelude::*;

    #[derive(Clone, Debug, Message, PartialEq)]
    struct Price {
        bid: i64,
    }

    #[derive(Links)]
    struct Market {
        seen: DeltaOut<Price>,
    }

    fn hear(price: Price, market: Market) -> Result {
        Ok(market.seen.set("heard", price)?)
    }

    fn on_price(change: DeltaChange<Price>, market: Market) -> Result {
        for (symbol, price) in change.changed {
            match price {
                Some(price) => market.seen.set(&symbol, price)?,
                None => market.seen.remove(&symbol)?,
            }
        }
        Ok(())
    }

    fn service() -> Service {
        Service::new("desk").subscriber("news", hear).on_change("prices", on_price)
    }

    fn args(json: serde_json::Value) -> Vec<u8> {
        Value::from_json(&json).unwrap().to_msgpack()
    }

    fn record(time: u64, connection: &str, kind: Kind, json: serde_json::Value) -> Record {
        let mut frame = Vec::new();
        let extras = Extras { epoch: Some(7), ..Extras::default() };
        write_request(&mut frame, &args(json), &WorkflowId::from("w"), &extras);
        Record {
            time,
            connection: connection.into(),
            direction: Direction::In,
            kind,
            workflow_id: Some("w".into()),
            topic: None,
            peer: None,
            size: frame.len(),
            took: None,
            outcome: None,
            body: Some(frame.into()),
        }
    }

    fn monday(path: &Path) -> Recording {
        let mut writer = Writer::create(path).unwrap();
        let desk = writer.service(&json!({ "name": "desk", "service": "desk" })).unwrap();
        let whole = WholeState {
            time: 1,
            connection: "states.in.prices".into(),
            kind: "delta_update".into(),
            number: Some(4),
            epoch: Some(7),
            body: Some(args(json!({ "a": { "bid": 1 }, "b": { "bid": 2 } }))),
        };
        writer.state(desk, &whole).unwrap();
        let update = |number: i64, state: serde_json::Value| json!({ "current_num": number, "is_snapshot": false, "state": state });
        for record in [
            record(2, "states.in.prices", Kind::Update, update(5, json!({ "a": null, "c": { "bid": 3 } }))),
            record(3, "in.news", Kind::Message, json!({ "bid": 9 })),
            record(4, "states.in.prices", Kind::Update, update(6, json!({ "c": { "bid": 4 } }))),
        ] {
            writer.message(desk, &record).unwrap();
        }
        writer.commit().unwrap();
        Recording::open(path).unwrap()
    }

    #[test]
    fn what_was_published_and_what_a_state_was_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let monday = monday(&folder.path().join("monday.sfr"));
        for setup in [inline(service()), live(service())] {
            let kit = setup.start().unwrap();
            let market = kit.links::<Market>();
            assert_eq!(monday.play_state(&kit, "prices", ("desk", "states.in.prices")).unwrap(), 3);
            assert_eq!(monday.publish_again(&kit, "news").unwrap(), 1);
            let seen = market.seen.to_map().into_iter().map(|(key, price)| (key, price.bid));
            let expected = [("b", 2), ("c", 4), ("heard", 9)].map(|(key, bid)| (key.to_owned(), bid));
            assert_eq!(seen.collect::<Vec<_>>(), expected);
        }
        assert_eq!(monday.messages::<Price>("news").unwrap(), [Price { bid: 9 }]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        #[derive(Debug, Message)]
        struct Other {
            ask: String,
        }
        let folder = tempfile::tempdir().unwrap();
        let monday = monday(&folder.path().join("monday.sfr"));
        let error = monday.messages::<Other>("news").unwrap_err().to_string();
        assert!(error.contains("message 2 of in.news") && error.contains("ask"), "{error}");
        let kit = inline(service()).start().unwrap();
        assert!(monday.play_state(&kit, "pricse", ("desk", "states.in.prices")).is_err());
        assert!(monday.requests::<Price>("news").unwrap().is_empty());
    }

    #[test]
    fn replies_that_differ_are_told() {
        #[derive(Message)]
        struct Ask {
            item: String,
        }
        #[derive(Message)]
        struct Offer {
            price: i64,
        }
        fn offer(ask: Ask) -> Result<Offer> {
            match ask.item.as_str() {
                "rope" => Ok(Offer { price: 4 }),
                _ => Err(Refused::new("sold_out", "none left").into()),
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monday.sfr");
        crate::recording::write_example(&path).unwrap();
        let kit = inline(Service::new("desk").replyer("ask", offer)).start().unwrap();
        let monday = Recording::open(&path).unwrap();
        let replies = monday.ask_again(&kit, "ask").unwrap();
        assert_eq!(replies[0].differences[0].to_string(), "price: recorded 3, now 4");
        let replies = monday.ignoring(["price"]).ask_again(&kit, "ask").unwrap();
        assert!(replies[0].is_same());
    }
}
