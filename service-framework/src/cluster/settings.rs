//! What a node is told before it starts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::events::QueueLimits;
use super::identity::Address;
use super::map::Merge;
use super::membership::Detection;
use super::router::Routing;

/// What a node does when none of the addresses that it should join answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Founding {
    /// It starts a cluster after three seconds, and goes on trying them.
    #[default]
    IfNobodyAnswers,
    /// It starts one at once, and tries them.
    AtOnce,
    /// It waits until one answers.
    Never,
}

/// How a node behaves.
#[derive(Clone)]
pub struct Settings {
    /// The cluster's name; nodes of other names are not spoken to.
    pub cluster: String,
    /// The node's name, for people.
    pub name: String,
    /// Where it listens, best first.
    pub addresses: Vec<Address>,
    /// The port on which it listens on every interface of its host, if it does: others tell it where they see it.
    pub everywhere: Option<u16>,
    /// What it says of itself beside its name.
    pub info: BTreeMap<String, String>,
    /// Where it may join: any member's addresses.
    pub join: Vec<Address>,
    /// What it does if nobody answers.
    pub founding: Founding,
    /// How fast failures are noticed.
    pub detection: Detection,
    /// How frames find their way.
    pub routing: Routing,
    /// Whether it carries frames of others: yes.
    pub relays: bool,
    /// Bounds of what waits for one node.
    pub queues: QueueLimits,
    /// Bytes of the largest frame: 16 MiB.
    pub frame_bytes: usize,
    /// Members that are let in: 20,000. More are refused, and those who are there stay.
    pub members: usize,
    /// Bytes of what a node says of itself and its services, at most: 16 KiB.
    pub record_bytes: usize,
    /// Requests that may wait for replies, and those that may wait for this node's own handlers: 10,000 each.
    pub requests: usize,
    /// Newcomers that are let in within a second, where there are keys: 200. Members come in however many there are.
    pub newcomers: u32,
    /// Connections on which nothing has been said yet: 512. While there are as many, nobody new is accepted.
    pub half_open: usize,
    /// Connections that others open: 10,000. While there are as many, nobody new is accepted.
    pub links: usize,
    /// How far ahead of this node's clock shared data may be stamped before it must wait: 10 seconds.
    pub clock_ahead: Duration,
    /// How long deleted data is kept for members that are down or have left, and by a node that is new whoever has it: a day.
    /// Those that return later are given everything.
    pub remember: Duration,
    /// How often whole views are compared with a random member, when nothing changes: 30 seconds.
    pub exchange: Duration,
    /// How often members that are down are tried, two at a time: 15 seconds.
    pub heal: Duration,
    /// How long leaving waits for what has been sent to be acknowledged: five seconds.
    pub drain: Duration,
    /// How values of the user's own types are joined, by name; the same on all nodes.
    pub merges: BTreeMap<String, Arc<dyn Merge>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster: "default".to_owned(),
            name: String::new(),
            addresses: Vec::new(),
            everywhere: None,
            info: BTreeMap::new(),
            join: Vec::new(),
            founding: Founding::default(),
            detection: Detection::default(),
            routing: Routing::default(),
            relays: true,
            queues: QueueLimits::default(),
            frame_bytes: 16 << 20,
            members: 20_000,
            record_bytes: 16 << 10,
            requests: 10_000,
            newcomers: 200,
            half_open: 512,
            links: 10_000,
            clock_ahead: Duration::from_secs(10),
            remember: Duration::from_secs(24 * 60 * 60),
            exchange: Duration::from_secs(30),
            heal: Duration::from_secs(15),
            drain: Duration::from_secs(5),
            merges: BTreeMap::new(),
        }
    }
}
