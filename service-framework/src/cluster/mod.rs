//! Clusters: nodes that find each other, exchange events, and keep shared data.
//!
//! Everything that decides is a machine without sockets, clock, threads or chance of its own: it is told what came in and
//! what time it is, and says what to send. So one process can run hundreds of nodes under any faults, from a seed that
//! replays them exactly: see [`sim`].
//!
//! What each call promises is written in `docs/cluster.md`; [`sim`] checks it.

mod dice;
mod engine;
mod events;
mod identity;
mod keys;
mod links;
mod map;
mod membership;
mod node;
mod record;
mod registry;
pub mod router;
mod settings;
pub mod sim;
mod time;
mod tokens;
pub mod transport;
mod wire;

pub use engine::{Change, Counts, Member, Presence};
pub use events::requests::{Request, Target};
pub use events::{CallError, Delivery, Overflow, Payload, Policy, QueueLimits, RequestError, Ticket};
pub use identity::{Address, Identity, NodeId};
pub use keys::Keys;
pub use map::{Merge, Write, Written};
pub use membership::Detection;
pub use node::{
    Asked, Cbor, Codec, CodecError, DEFAULT_PORT, Event, HandlerError, Happening, JsonText, MapChange,
    MapError, MapValue, MemberChange, MessagePack, Node, NodeBuilder, NodeError, NodeType, Outcome,
    SharedMap, Waiting, ask,
};
pub use record::Instance;
pub use registry::Located;
pub(crate) use registry::directory;
pub use router::Routing;
pub use settings::{Founding, Settings};
pub use time::{Moment, Now};
pub use tokens::{Token, TokenError};
pub use transport::MemoryNetwork;
#[cfg(any(fuzzing, test))]
pub use wire::fuzzing;
