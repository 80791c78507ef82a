//! Connection models: what a connection is, and a builder for models written in Rust.

use std::fmt;
use std::time::Duration;

use super::arguments::Arguments;
use super::types::Type;

/// Which way a connection or a state leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Others come to the service.
    In,
    /// The service goes to others.
    Out,
}

impl Side {
    /// Both sides, in the order in which they are listed.
    pub const ALL: [Side; 2] = [Side::In, Side::Out];

    /// The key of models and addresses: `in` or `out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::In => "in",
            Side::Out => "out",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionType {
    /// Answers requests; in.
    Replyer,
    /// Takes published messages; in.
    Subscriber,
    /// Asks a replyer; out.
    Requester,
    /// Publishes messages to subscribers; out.
    Publisher,
    /// Calls a function of the program itself, on a worker; out, without an address.
    ExternalRequest,
}

impl ConnectionType {
    /// Every type, the in ones first.
    pub const ALL: [ConnectionType; 5] = [
        ConnectionType::Replyer,
        ConnectionType::Subscriber,
        ConnectionType::Requester,
        ConnectionType::Publisher,
        ConnectionType::ExternalRequest,
    ];

    /// The value of `connection_type`, such as `external_request`.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionType::Replyer => "replyer",
            ConnectionType::Subscriber => "subscriber",
            ConnectionType::Requester => "requester",
            ConnectionType::Publisher => "publisher",
            ConnectionType::ExternalRequest => "external_request",
        }
    }

    /// The side on which this type stands.
    pub fn side(self) -> Side {
        match self {
            ConnectionType::Replyer | ConnectionType::Subscriber => Side::In,
            _ => Side::Out,
        }
    }

    /// Whether an answer comes back.
    pub fn returns(self) -> bool {
        !matches!(self, ConnectionType::Subscriber | ConnectionType::Publisher)
    }

    /// The type at the other end; None for an external request, which has none.
    pub fn other_end(self) -> Option<ConnectionType> {
        match self {
            ConnectionType::Replyer => Some(ConnectionType::Requester),
            ConnectionType::Subscriber => Some(ConnectionType::Publisher),
            ConnectionType::Requester => Some(ConnectionType::Replyer),
            ConnectionType::Publisher => Some(ConnectionType::Subscriber),
            ConnectionType::ExternalRequest => None,
        }
    }
}

impl fmt::Display for ConnectionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One connection of a service: what comes or goes over it, and how it is made.
///
/// The methods that build one report nothing: [`ServiceModel::problems`](super::ServiceModel::problems) does, for all
/// parts of a service at once.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ConnectionModel {
    /// Unique on its side of the service; the key in models and addresses.
    pub name: String,
    /// In or out, as its type says.
    pub side: Side,
    /// What it does.
    pub kind: ConnectionType,
    /// The name of the function that is called for each message. In connections always have one; by default it is
    /// called like the connection.
    pub handler: Option<String>,
    /// The name of the function that an external request calls.
    pub func_to_call: Option<String>,
    /// The topic of a publisher or subscriber; None publishes without one and takes every message.
    pub topic: Option<String>,
    /// Whether a publisher connects instead of binding.
    pub is_x_pub: bool,
    /// Whether a subscriber binds instead of connecting.
    pub is_binder: bool,
    /// How long a publisher waits once it is made, so that subscribers find it; None means the default.
    pub wait_after_creation: Option<Duration>,
    /// Arguments that the type of the connection asks for. They travel with the others.
    pub connection_arguments: Arguments,
    /// The arguments of a message.
    pub arguments: Arguments,
    /// The arguments of its answer.
    pub returns: Arguments,
    /// Whether any arguments fit, both ways: for the launcher, which talks to connections whose models it does not know. No part
    /// of the model's JSON.
    #[doc(hidden)]
    pub takes_anything: bool,
}

impl ConnectionModel {
    /// A connection of this type without any arguments.
    pub fn new(name: impl Into<String>, kind: ConnectionType) -> Self {
        let name = name.into();
        ConnectionModel {
            side: kind.side(),
            handler: (kind.side() == Side::In).then(|| name.clone()),
            func_to_call: (kind == ConnectionType::ExternalRequest).then(|| name.clone()),
            name,
            kind,
            topic: None,
            is_x_pub: false,
            is_binder: false,
            wait_after_creation: None,
            connection_arguments: Arguments::new(),
            arguments: Arguments::new(),
            returns: Arguments::new(),
            takes_anything: false,
        }
    }

    pub(crate) fn anything(mut self) -> Self {
        self.takes_anything = true;
        self
    }

    /// A replyer; its handler is called like it.
    pub fn replyer(name: impl Into<String>) -> Self {
        Self::new(name, ConnectionType::Replyer)
    }

    /// A subscriber to every topic; its handler is called like it.
    pub fn subscriber(name: impl Into<String>) -> Self {
        Self::new(name, ConnectionType::Subscriber)
    }

    /// A requester.
    pub fn requester(name: impl Into<String>) -> Self {
        Self::new(name, ConnectionType::Requester)
    }

    /// A publisher without a topic.
    pub fn publisher(name: impl Into<String>) -> Self {
        Self::new(name, ConnectionType::Publisher)
    }

    /// A request to a function of the program itself, which is called like it.
    pub fn external_request(name: impl Into<String>) -> Self {
        Self::new(name, ConnectionType::ExternalRequest)
    }

    /// Adds an argument that every message has.
    pub fn requires(mut self, name: impl Into<String>, of: Type) -> Self {
        self.arguments = self.arguments.requires(name, of);
        self
    }

    /// Adds an argument that a message may have.
    pub fn optional(mut self, name: impl Into<String>, of: Type) -> Self {
        self.arguments = self.arguments.optional(name, of);
        self
    }

    /// Adds a return argument that every answer has.
    pub fn returns(mut self, name: impl Into<String>, of: Type) -> Self {
        self.returns = self.returns.requires(name, of);
        self
    }

    /// Adds a return argument that an answer may have.
    pub fn optionally_returns(mut self, name: impl Into<String>, of: Type) -> Self {
        self.returns = self.returns.optional(name, of);
        self
    }

    /// Names the function that is called for each message of an in connection.
    pub fn handler(mut self, function: impl Into<String>) -> Self {
        self.handler = Some(function.into());
        self
    }

    /// Names the function that an external request calls.
    pub fn calls(mut self, function: impl Into<String>) -> Self {
        self.func_to_call = Some(function.into());
        self
    }

    /// Publishes under this topic, or subscribes to it. An empty topic is none.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into()).filter(|topic| !topic.is_empty());
        self
    }

    /// Makes a publisher connect; every other out connection and a subscriber do so anyway.
    pub fn connects(mut self) -> Self {
        self.is_x_pub = self.kind == ConnectionType::Publisher;
        self.is_binder = false;
        self
    }

    /// Makes a subscriber bind; a replyer and a publisher do so anyway.
    pub fn binds(mut self) -> Self {
        self.is_binder = self.kind == ConnectionType::Subscriber;
        self.is_x_pub = false;
        self
    }

    /// Sets how long a publisher waits once it is made.
    pub fn waits_after_creation(mut self, wait: Duration) -> Self {
        self.wait_after_creation = Some(wait);
        self
    }

    /// Whether its socket binds; None for an external request, which has no socket.
    pub fn is_bound(&self) -> Option<bool> {
        match self.kind {
            ConnectionType::Replyer => Some(true),
            ConnectionType::Subscriber => Some(self.is_binder),
            ConnectionType::Requester => Some(false),
            ConnectionType::Publisher => Some(!self.is_x_pub),
            ConnectionType::ExternalRequest => None,
        }
    }

    /// Everything that a message has: its connection arguments, then its own.
    pub fn message(&self) -> Arguments {
        self.connection_arguments.clone().and(&self.arguments)
    }
}
