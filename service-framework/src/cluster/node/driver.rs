//! The thread that moves the machine: takes in what arrives, keeps what must be kept, sends what is to be sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::super::engine::{Call, Output};
use super::super::identity::Address;
use super::super::transport::{Arrival, Caller, To, Transport};
use super::admin::{Asking, Watchers};
use super::calls::Outcome;
use super::disk::Disk;
use super::handlers::{Asked, Event, Job, MemberChange, Queues, Todo};
use super::map::change_of;
use super::shared::Shared;
use super::{Happening, MapChange, Node, NodeError, word_of};

/// The longest that it sleeps, and how long when nothing is due.
const SLEEP: Duration = Duration::from_secs(1);

/// How soon addresses of members are kept after they have changed.
const KEEP_PEERS: Duration = Duration::from_secs(2);

/// So many epochs within such a time are more than misfortune; the first of them is the start.
const OFTEN: (usize, Duration) = (4, Duration::from_secs(60));

/// Addresses that are kept.
const PEERS: usize = 200;

pub(super) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Box<dyn Transport>,
    pub(super) disk: Option<Disk>,
    pub(super) queues: Queues,
    watchers: Watchers,
    peers_changed: Option<Instant>,
    instances_changed: bool,
    has_left: bool,
    /// Answers to questions that leave once what they tell is kept.
    held_answers: Vec<(Caller, Json)>,
    /// When the node has begun anew lately.
    epochs: Vec<Instant>,
}

/// What one turn has found.
struct Turn {
    outputs: Vec<Output>,
    changes: Vec<MapChange>,
    questions: Vec<(Caller, Vec<u8>)>,
    tokens: Vec<(Caller, Vec<u8>)>,
    may_have_more: bool,
    /// Up to which taking of outputs this is.
    taken: u64,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        transport: Box<dyn Transport>,
        disk: Option<Disk>,
        queues: Queues,
    ) -> Self {
        let watchers = Watchers::default();
        Self {
            shared,
            transport,
            disk,
            queues,
            watchers,
            peers_changed: None,
            instances_changed: false,
            has_left: false,
            held_answers: Vec::new(),
            epochs: Vec::new(),
        }
    }

    /// Until the node has left or is ended.
    pub(super) fn run(mut self) {
        let mut may_have_more = false;
        while !self.has_left && !self.shared.is_stopped.load(std::sync::atomic::Ordering::SeqCst) {
            let pause = if may_have_more { Duration::ZERO } else { self.pause() };
            self.transport.wait(pause);
            let turn = self.take_in();
            may_have_more = turn.may_have_more;
            if let Err(error) = self.perform(turn) {
                tracing::error!(%error, "the node ends: what it must keep cannot be kept");
                self.shared.tell(&Happening::Failed(error.to_string()));
                break;
            }
            self.transport.flush();
        }
        self.end();
    }

    /// How long nothing is due.
    fn pause(&self) -> Duration {
        let core = self.shared.core();
        if core.engine.waiting() > 0 {
            return Duration::ZERO;
        }
        let now = self.shared.clock.now().at;
        core.engine.next_due().map_or(SLEEP, |due| due.since(now)).min(SLEEP)
    }

    fn take_in(&mut self) -> Turn {
        let (mut questions, mut tokens) = (Vec::new(), Vec::new());
        let mut core = self.shared.core();
        let (engine, clock) = (&mut core.engine, &self.shared.clock);
        engine.set_congested(self.shared.handlers.is_congested());
        let may_have_more = self.transport.receive(&mut |arrival| match arrival {
            Arrival::Frame(origin, bytes) => {
                engine.receive(clock.now(), origin.address.as_ref(), origin.node, bytes);
            }
            Arrival::Asked(caller, bytes) => questions.push((caller, bytes.to_vec())),
            Arrival::Entering(caller, token) => tokens.push((caller, token.to_vec())),
        });
        let now = clock.now();
        if engine.next_due().is_some_and(|due| due <= now.at) {
            engine.tick(now);
        }
        let outputs: Vec<Output> = std::iter::from_fn(|| engine.next_output()).collect();
        let changes = self.changes(&core.engine, &outputs);
        if outputs.iter().any(|output| matches!(output, Output::Member { .. })) {
            let view = core.engine.view();
            self.instances_changed |= core.registry.take_in(now.wall, &view);
        }
        core.taken += 1;
        Turn { outputs, changes, questions, tokens, may_have_more, taken: core.taken }
    }

    /// What has changed in maps that somebody follows.
    fn changes(&self, engine: &super::super::engine::Engine, outputs: &[Output]) -> Vec<MapChange> {
        let changed = outputs.iter().filter_map(|output| match output {
            Output::Changed(keys) => Some(keys),
            _ => None,
        });
        let keys: BTreeSet<_> = changed.flatten().collect();
        keys.into_iter().map(|key| change_of(engine, key)).collect()
    }

    fn perform(&mut self, turn: Turn) -> Result<(), NodeError> {
        // Before anything is sent that others take for kept.
        if let Some(disk) = &mut self.disk {
            disk.keep(&turn.outputs)?;
        }
        let held = std::mem::take(&mut self.held_answers);
        self.reply(held);
        let settled = turn.outputs.iter().any(|output| {
            matches!(output, Output::Member { .. } | Output::Outcome { .. } | Output::Store(_))
        });
        let was_many = turn.outputs.len() > 100;
        for output in turn.outputs {
            self.do_output(output);
        }
        for change in turn.changes {
            self.changed(change);
        }
        *self.shared.counted() = (self.transport.undelivered(), self.transport.connections());
        self.answer(turn.questions);
        self.let_in(&turn.tokens);
        self.change_keys();
        self.keep_peers()?;
        self.shared.core().kept = turn.taken;
        if settled || was_many {
            self.shared.moved.notify_all();
        }
        Ok(())
    }

    fn do_output(&mut self, output: Output) {
        match output {
            Output::Transmit { to, addresses, lane, bytes } => {
                self.transport.send(&To { node: to, addresses }, lane, bytes);
            }
            Output::StoreEpoch(epoch) => self.began_anew(epoch),
            Output::Store(_) | Output::Changed(_) => {}
            Output::Founded => {
                self.say(Happening::Founded, "the node has founded a cluster");
                self.warn_if_alone();
            }
            Output::Joined => self.say(Happening::Joined, "the node has joined the cluster"),
            Output::HasLeft => {
                self.has_left = true;
                self.say(Happening::Left, "the node has left the cluster");
            }
            Output::Member { change, node, name } => self.member(MemberChange { change, node, name }),
            Output::Event { from, name, payload } => self.event(Event { from, name, payload }),
            Output::Request { from, call, name, payload, patience } => {
                let asked = Asked { from, name, payload, patience: Duration::from_millis(patience) };
                self.request(asked, call);
            }
            Output::Outcome { ticket, is_met, nodes } => {
                if let Some(sender) = self.shared.core().outcomes.remove(&ticket) {
                    let _ = sender.send(Outcome { is_met, nodes });
                }
            }
            Output::Reply { ticket, result } => {
                if let Some(sender) = self.shared.core().replies.remove(&ticket) {
                    let _ = sender.send(result);
                }
            }
            Output::Written { ticket, written } => {
                if let Some(sender) = self.shared.core().writes.remove(&ticket) {
                    let _ = sender.send(written);
                }
            }
        }
    }

    fn say(&self, happening: Happening, text: &str) {
        let listening: Vec<&str> = self.shared.listening.iter().map(|address| &*address.0).collect();
        tracing::info!(node = %self.shared.id, listening = listening.join(" "), "{text}");
        self.shared.tell(&happening);
    }

    /// Whoever was told where to join and is alone now may be so by mistake.
    fn warn_if_alone(&self) {
        let seeds = self.shared.core().engine.seeds();
        if !seeds.is_empty() {
            tracing::warn!(
                "nobody has answered at {}, and it goes on trying; if a cluster is there, it has another name or other keys, or the \
                 address is wrong: `service_framework cluster members --node ADDRESS` says which",
                seeds.join(", ")
            );
        }
    }

    /// Another epoch is rare, but for the first, unless a process with the same key takes this node's place again and again.
    fn began_anew(&mut self, epoch: u64) {
        let now = Instant::now();
        self.epochs.retain(|at| now.saturating_duration_since(*at) < OFTEN.1);
        self.epochs.push(now);
        if self.epochs.len() == OFTEN.0 {
            tracing::warn!(
                epoch,
                "others have given this node up {} times within a minute: its way to them breaks off again and again, or another process has \
                 its key, perhaps by a copied folder",
                OFTEN.0 - 1
            );
        }
    }

    fn member(&mut self, change: MemberChange) {
        tracing::info!(member = change.name, node = %change.node, "{}", word_of(change.change));
        self.peers_changed.get_or_insert_with(Instant::now);
        self.watchers.tell(&mut *self.transport, &Happening::Member(change.clone()));
        self.shared.tell(&Happening::Member(change.clone()));
        self.todo(Todo::Member(change));
    }

    fn event(&mut self, event: Event) {
        if self.shared.handlers.takes(event.size()) {
            self.watchers.tell(&mut *self.transport, &Happening::Event(event.clone()));
            self.shared.tell(&Happening::Event(event.clone()));
            self.todo(Todo::Event(event));
        }
    }

    fn request(&self, asked: Asked, call: Call) {
        match self.shared.handlers.takes_job(&asked) {
            // Without threads there is no node.
            Ok(()) => drop(self.queues.jobs.send(Job { asked, call })),
            Err(reason) => Node::weak(&self.shared).reply(asked.from, call, Err(reason)),
        }
    }

    fn changed(&mut self, change: MapChange) {
        self.watchers.tell(&mut *self.transport, &Happening::Map(change.clone()));
        self.shared.tell(&Happening::Map(change.clone()));
        if self.shared.handlers.follows(&change.map) {
            self.shared.handlers.counts(change.size());
            self.todo(Todo::Changed(change));
        }
    }

    fn todo(&self, todo: Todo) {
        // Without threads there is no node.
        let _ = self.queues.todo.send(todo);
    }

    fn answer(&mut self, questions: Vec<(Caller, Vec<u8>)>) {
        if questions.is_empty() {
            return;
        }
        let asking = Asking { node: Node::weak(&self.shared) };
        let mut answers = Vec::new();
        for (caller, question) in questions {
            let answer = asking.answer(&caller, &question, &mut self.watchers);
            answers.extend(answer.map(|answer| (caller, answer)));
        }
        // What they tell may have to be kept first, which the next turn does at once.
        if self.shared.core().engine.waiting() > 0 {
            self.held_answers = answers;
        } else {
            self.reply(answers);
        }
    }

    fn reply(&mut self, answers: Vec<(Caller, Json)>) {
        for (caller, answer) in answers {
            self.transport.answer(&caller, answer.to_string().as_bytes());
        }
    }

    /// Gives the keys of the cluster to those who have a token.
    fn let_in(&mut self, tokens: &[(Caller, Vec<u8>)]) {
        for (caller, token) in tokens {
            let answer = super::entering::answer(&mut self.shared.ring(), token);
            self.transport.answer(caller, answer.to_string().as_bytes());
        }
    }

    fn change_keys(&mut self) {
        let mut ring = self.shared.ring();
        if std::mem::take(&mut ring.is_new)
            && let Some(keys) = &ring.keys
        {
            self.transport.change_keys(keys);
        }
    }

    fn keep_peers(&mut self) -> Result<(), NodeError> {
        let is_due = self.peers_changed.is_some_and(|changed| changed.elapsed() >= KEEP_PEERS);
        let Some(disk) = self.disk.as_ref().filter(|_| is_due) else { return Ok(()) };
        self.peers_changed = None;
        let core = self.shared.core();
        let (members, instances) = (core.engine.view(), core.registry.kept());
        drop(core);
        if std::mem::take(&mut self.instances_changed) {
            disk.keep_instances(&instances)?;
        }
        let others = members.into_iter().filter(|member| !member.is_me && member.presence.is_there());
        let addresses: Vec<Address> = others
            .flat_map(|member| member.addresses.into_iter().chain(member.observed))
            .take(PEERS)
            .collect();
        // Whoever is alone now is so by misfortune, and wants to find the others again.
        if addresses.is_empty() { Ok(()) } else { disk.keep_peers(&addresses) }
    }

    fn end(mut self) {
        self.transport.flush();
        let mut core = self.shared.core();
        core.is_over = true;
        // Whoever waits is told by their end.
        core.outcomes.clear();
        core.replies.clear();
        core.writes.clear();
        drop(core);
        self.shared.moved.notify_all();
    }
}
