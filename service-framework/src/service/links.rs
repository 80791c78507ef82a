//! Links: the out connections and the states of a service as fields of a struct, each of its own types.
//!
//! `#[derive(Links)]` writes [`Links`] for such a struct: the names of its fields are those of the connections and states,
//! which become part of the model of every service one of whose functions asks for the struct.

use std::marker::PhantomData;
use std::time::Duration;

use super::codec::ByType;
use super::declare::{Calls, Declared};
use super::error::Result as HandlerResult;
use super::found::Place;
use super::given::Given;
use super::handler::{Handler, Kind, OnWorkers, Workers, workers};
use super::request::{Request, Returned};
use super::to_send::{ToSend, check};
use crate::connection::SendError;
use crate::model::{ConnectionModel, Message, OwnedMessage, StateModel};

/// A struct of links. Derived by `#[derive(Links)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct of links",
    label = "no links",
    note = "put `#[derive(Links)]` on a struct whose fields are `Requester<A, R>`, `Publisher<A>`, \
            `ExternalRequest<A, R>`, `DeltaIn<V>`, `DeltaOut<V>`, `RecordIn<T>`, `RecordOut<T>`, `FullIn<T>` or `FullOut<T>`"
)]
pub trait Links: Sized + 'static {
    /// Declares its fields, in their order.
    fn declare(fields: &mut Fields);
    /// Takes its fields, in the same order.
    fn take(taker: &mut Taker<'_>) -> Self;
}

/// One field of a struct of links.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a struct of links",
    label = "no link",
    note = "links are `Requester<A, R>`, `Publisher<A>`, `ExternalRequest<A, R>`, `DeltaIn<V>`, `DeltaOut<V>`, \
            `RecordIn<T>`, `RecordOut<T>`, `FullIn<T>` and `FullOut<T>`"
)]
pub trait Link: Sized {
    /// Declares it under this name.
    fn declare(fields: &mut Fields, name: &str, options: LinkOptions);
    /// Takes it.
    fn take(taker: &mut Taker<'_>) -> Self;
}

/// What a struct of links declares.
#[derive(Default)]
pub struct Fields(pub(super) Vec<Declared>);

/// What is said of a link besides its name and types, by `#[links(…)]`.
#[derive(Default)]
pub struct LinkOptions {
    /// The topic of a publisher or a state.
    pub topic: Option<&'static str>,
    /// The topics of several owners of one in state.
    pub topics: &'static [&'static str],
    /// How long a request may take; 5 s if nobody says.
    pub within: Option<Duration>,
    /// Whether a request may go to another peer when the first one is lost or says that it stops.
    pub idempotent: bool,
    /// Whether a publisher or the publisher of an out state connects instead of binding.
    pub connects: bool,
    /// How long a publisher waits once it is made; 150 ms if nobody says.
    pub wait: Option<Duration>,
    /// The file in which the replica of a delta state keeps a copy.
    pub local_copy: Option<&'static str>,
    /// Whether the owner of a delta state begins as a standby.
    pub stands_by: bool,
    /// Whether the owner of a full state sends only the newest of values that come fast.
    pub conflates: bool,
    /// The function of an external request.
    pub calls: Option<Calls>,
}

/// Hands out the fields of a struct of links.
pub struct Taker<'a> {
    pub(super) to_send: ToSend,
    places: std::slice::Iter<'a, Place>,
}

impl<'a> Taker<'a> {
    pub(super) fn new(to_send: ToSend, places: &'a [Place]) -> Self {
        Self { to_send, places: places.iter() }
    }

    /// Where the next field is; a place that nothing has, if there are no more.
    pub(super) fn next(&mut self) -> Place {
        self.places.next().copied().unwrap_or(Place { index: usize::MAX, is_own_model: false })
    }
}

/// Asks a replyer elsewhere: arguments `A`, return arguments `R`.
///
/// ```
/// use service_framework::prelude::*;
///
/// #[derive(Message)]
/// struct Name { name: String }
/// #[derive(Message)]
/// struct Greeting { text: String }
/// #[derive(Links)]
/// struct Others { greeter: Requester<Name, Greeting> }
///
/// async fn relay(name: Name, others: Others) -> Result<Greeting> {
///     Ok(others.greeter.request(name).within(Duration::from_secs(1)).await?)
/// }
/// # let _ = Service::new("relay").replyer("relay", relay);
/// ```
pub struct Requester<A, R> {
    out: OutLink,
    types: PhantomData<fn(A) -> R>,
}

/// Calls a function of this program on a worker, like a replyer: it may block, and requests to it have deadlines. The
/// function is said by `#[links(calls = function)]`.
pub struct ExternalRequest<A, R> {
    requester: Requester<A, R>,
}

/// Tells subscribers: arguments `A`.
pub struct Publisher<A> {
    out: OutLink,
    types: PhantomData<fn(A)>,
}

/// An out connection.
#[derive(Clone)]
struct OutLink {
    to_send: ToSend,
    place: Place,
}

impl OutLink {
    fn take(taker: &mut Taker<'_>) -> Self {
        Self { to_send: taker.to_send.clone(), place: taker.next() }
    }

    /// The arguments as bytes, checked where their type is not the model any more.
    fn write<A: Message>(&self, args: &A) -> Result<Vec<u8>, SendError> {
        let entry = self.to_send.shared.outs.at(self.place.index)?;
        let bytes = args.to_msgpack();
        match self.place.is_own_model {
            true => SendError::unless_they_fit(&entry.name, bytes.len())?,
            false => check(entry, &bytes)?,
        }
        Ok(bytes)
    }

    fn request<A: Message, R: Returned<ByType>>(&self, args: &A) -> Request<R, ByType> {
        let prepare = || {
            let entry = self.to_send.shared.outs.at(self.place.index)?;
            self.to_send.prepare(self.place.index, entry, self.write(args)?, self.place.is_own_model)
        };
        Request::new(prepare())
    }

    fn publish<A: Message>(&self, args: &A) -> Result<(), SendError> {
        let entry = self.to_send.shared.outs.at(self.place.index)?;
        self.to_send.may_publish(entry)?;
        self.to_send.publish_bytes(self.place.index, entry, self.write(args)?)
    }
}

// What is sent is bound at the method, so that the compiler says what is wrong with it and not that there is no method.

impl<A, R: Returned<ByType>> Requester<A, R> {
    /// A request, which leaves when it is awaited or [waited for](Request::wait). Without [`Request::within`] the
    /// connection's deadline holds.
    ///
    /// # Errors
    /// Awaiting it gives a [`SendError`]; it always ends.
    pub fn request<'m>(&self, args: impl Given<A::Of<'m>>) -> Request<R, ByType>
    where
        A: Message,
    {
        self.out.request(args.lent())
    }
}

impl<A, R: Returned<ByType>> ExternalRequest<A, R> {
    /// A request to the function; see [`Requester::request`].
    ///
    /// # Errors
    /// As [`Requester::request`].
    pub fn request<'m>(&self, args: impl Given<A::Of<'m>>) -> Request<R, ByType>
    where
        A: Message,
    {
        self.requester.request(args)
    }
}

impl<A: Message + 'static, R: Message + 'static> ExternalRequest<A, R> {
    /// What derived code says of the function that it calls.
    #[doc(hidden)]
    pub fn calling<F>(name: &'static str, function: F) -> Option<Calls>
    where
        Workers<F>: Handler<ByType, (OnWorkers, A, R)>,
        F: Fn(A::Of<'_>) -> HandlerResult<R> + Send + Sync + 'static,
    {
        match workers(1, function).erase().kind {
            Kind::Workers { call, .. } => Some(Calls { name, call, function: std::any::type_name::<F>() }),
            Kind::Inline(_) => None,
        }
    }
}

impl<A> Publisher<A> {
    /// A message to every subscriber. Returns at once.
    ///
    /// # Errors
    /// The service stops, or the message is too large.
    pub fn publish<'m>(&self, args: impl Given<A::Of<'m>>) -> Result<(), SendError>
    where
        A: Message,
    {
        self.out.publish(args.lent())
    }
}

impl Fields {
    fn connection(&mut self, model: ConnectionModel, options: LinkOptions) {
        let LinkOptions { topic, within, idempotent, connects, wait, calls, .. } = options;
        let mut model = model.topic(topic.unwrap_or_default());
        model.is_x_pub = connects;
        model.wait_after_creation = wait;
        model.func_to_call = calls.as_ref().map(|calls| calls.name.to_owned()).or(model.func_to_call);
        self.0.push(Declared::Connection { model, within, idempotent, calls });
    }

    pub(super) fn state(&mut self, model: StateModel, options: LinkOptions) {
        let LinkOptions { topic, topics, connects, wait, local_copy, stands_by, conflates, .. } = options;
        let mut model = model.topic(topic.unwrap_or_default()).topics(topics.iter().copied());
        model.is_x_pub = connects;
        model.wait_after_creation = wait;
        model.local_copy = local_copy.map(Into::into);
        model.is_standby = stands_by;
        model.conflates = conflates;
        self.0.push(Declared::State(model));
    }
}

impl<A: Message, R: OwnedMessage> Link for Requester<A, R> {
    fn declare(fields: &mut Fields, name: &str, options: LinkOptions) {
        let model = ConnectionModel {
            arguments: A::arguments(),
            returns: R::arguments(),
            ..ConnectionModel::requester(name)
        };
        fields.connection(model, options);
    }

    fn take(taker: &mut Taker<'_>) -> Self {
        Self { out: OutLink::take(taker), types: PhantomData }
    }
}

impl<A: Message, R: OwnedMessage> Link for ExternalRequest<A, R> {
    fn declare(fields: &mut Fields, name: &str, options: LinkOptions) {
        let model = ConnectionModel::external_request(name);
        let model = ConnectionModel { arguments: A::arguments(), returns: R::arguments(), ..model };
        fields.connection(model, options);
    }

    fn take(taker: &mut Taker<'_>) -> Self {
        Self { requester: Link::take(taker) }
    }
}

impl<A: Message> Link for Publisher<A> {
    fn declare(fields: &mut Fields, name: &str, options: LinkOptions) {
        let model = ConnectionModel { arguments: A::arguments(), ..ConnectionModel::publisher(name) };
        fields.connection(model, options);
    }

    fn take(taker: &mut Taker<'_>) -> Self {
        Self { out: OutLink::take(taker), types: PhantomData }
    }
}

impl<A, R> Clone for Requester<A, R> {
    fn clone(&self) -> Self {
        Self { out: self.out.clone(), types: PhantomData }
    }
}

impl<A, R> Clone for ExternalRequest<A, R> {
    fn clone(&self) -> Self {
        Self { requester: self.requester.clone() }
    }
}

impl<A> Clone for Publisher<A> {
    fn clone(&self) -> Self {
        Self { out: self.out.clone(), types: PhantomData }
    }
}

/// What `#[derive(Links)]` adds for tests: nothing, while the feature `testing` is off.
#[cfg(not(feature = "testing"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __links_for_test {
    ($($tokens:tt)*) => {};
}
