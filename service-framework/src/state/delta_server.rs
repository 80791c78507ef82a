//! The end of a delta state that answers replicas which ask for a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::delta_owner::DeltaOwner;
use super::exchange::{Answer, Question};
use super::map::is_over;
use super::owner::{Answers, Taken, everything};
use super::socket::StateSocket;
use crate::connection::tap::{Kind, Observed};
use crate::connection::{Counters, Frame, PollItem, Received, Replyer, Route, SocketError, Throttle, Wake};
use crate::value::{Limits, msgpack::write};
use crate::wire::{Envelope, ErrorReply, Extras, codes, most_args, write_error, write_reply_with};

/// Questions that are answered before others have their turn: parts of snapshots, about a millisecond in all.
const BUDGET: usize = 4;
/// Larger states are written for original replicas, which want all at once, on a thread of their own; in bytes.
const MOST_AT_ONCE: usize = 256 << 10;
/// Such threads at once.
const MOST_WRITING: usize = 2;
/// Original replicas that wait for such a thread; beyond, they are refused.
const MOST_WAITING: usize = 1_000;

/// The replyer of a delta state.
pub(crate) struct DeltaServer {
    owner: Arc<DeltaOwner>,
    replyer: Replyer,
    answers: Answers,
    counters: Arc<Counters>,
    not_understood: Throttle,
    wake: Arc<Wake>,
    late: (Sender<Late>, Receiver<Late>),
    /// Threads that write.
    writing: usize,
    /// Original replicas that wait for one of them.
    waiting: VecDeque<(Route, Option<Vec<u8>>)>,
}

/// An answer that took its time, and the way back to who asked.
type Late = (Route, Vec<u8>);

impl DeltaServer {
    pub(crate) fn new(
        owner: Arc<DeltaOwner>,
        replyer: Replyer,
        counters: Arc<Counters>,
        wake: Arc<Wake>,
    ) -> Self {
        let (answers, not_understood) = (Answers::default(), Throttle::default());
        Self {
            owner,
            replyer,
            answers,
            counters,
            not_understood,
            wake,
            late: channel(),
            writing: 0,
            waiting: VecDeque::new(),
        }
    }

    fn serve(&mut self, now: Instant) -> Result<(), SocketError> {
        for _ in 0..BUDGET {
            match self.replyer.receive()? {
                Received::Message(mut request) => {
                    self.observe_question(&mut request.body);
                    self.answer(request.route, &request.body, now)?;
                }
                Received::Junk(frame) => {
                    let frame = frame.as_deref().unwrap_or_default();
                    self.counters.tap.observe(|| Observed::came_in(Kind::Junk, frame));
                }
                Received::Nothing => break,
            }
        }
        Ok(())
    }

    fn answer(&mut self, route: Route, body: &[u8], now: Instant) -> Result<(), SocketError> {
        let mut reply = Vec::new();
        match Envelope::split(body, &Limits::default()) {
            Ok(envelope) => {
                let question = Question::read(envelope.snapshot);
                if question == Question::Everything {
                    return self.answer_everything(route, envelope.workflow_id);
                }
                let owner = &self.owner;
                match self.answers.answer(&question, |since| owner.taken(since), now) {
                    Some(answer) => write_answer(&mut reply, &answer, envelope.workflow_id),
                    None => write_error(&mut reply, &standby(), envelope.workflow_id),
                }
            }
            Err(error) => {
                self.counters.bad.add_one();
                if self.not_understood.allows() {
                    tracing::warn!(state = self.owner.name(), reason = %error, "question not understood");
                }
                write_error(&mut reply, &refusal(codes::BAD_MESSAGE, &error.to_string()), None);
            }
        }
        self.reply(route, reply)
    }

    fn observe_question(&self, body: &mut Frame) {
        if self.counters.tap.is_watched() {
            let peer = body.peer_address().map(ToOwned::to_owned);
            self.counters.tap.observe(|| Observed::came_in(Kind::Request, body).with_peer(peer.as_deref()));
        }
    }

    fn reply(&mut self, route: Route, reply: Vec<u8>) -> Result<(), SocketError> {
        self.counters.tap.observe_answer(&reply);
        self.replyer.reply(route, reply).map(drop)
    }

    /// What an original replica wants: no parts, and no thread that has better things to do.
    fn answer_everything(&mut self, route: Route, workflow: Option<&[u8]>) -> Result<(), SocketError> {
        let mut reply = Vec::new();
        let Some(taken) = self.owner.taken(None) else {
            write_error(&mut reply, &standby(), workflow);
            return self.reply(route, reply);
        };
        if !is_over(&taken.map, MOST_AT_ONCE) {
            return self.reply(route, whole(&taken, workflow));
        }
        if self.waiting.len() >= MOST_WAITING {
            let error = refusal(codes::OVERLOADED, "too many replicas want the whole state at once");
            write_error(&mut reply, &error, workflow);
            return self.reply(route, reply);
        }
        self.waiting.push_back((route, workflow.map(<[u8]>::to_vec)));
        self.write_next();
        Ok(())
    }

    /// Starts as many threads as there may be for those who wait.
    fn write_next(&mut self) {
        while self.writing < MOST_WRITING
            && let Some((route, workflow)) = self.waiting.pop_front()
            && let Some(taken) = self.owner.taken(None)
        {
            let (send, wake) = (self.late.0.clone(), self.wake.clone());
            let writing = move || {
                let _served = send.send((route, whole(&taken, workflow.as_deref())));
                wake.ring();
            };
            match std::thread::Builder::new().name("snapshot".into()).spawn(writing) {
                Ok(_) => self.writing += 1,
                // The way back went with the thread that could not be.
                Err(error) => {
                    tracing::error!(state = self.owner.name(), %error, "a replica is not answered: no thread");
                }
            }
        }
    }
}

impl StateSocket for DeltaServer {
    fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        items.push(self.replyer.poll_item());
    }

    fn places(&self) -> usize {
        1
    }

    fn turn(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError> {
        while let Ok((route, reply)) = self.late.1.try_recv() {
            self.reply(route, reply)?;
            self.writing = self.writing.saturating_sub(1);
        }
        self.write_next();
        if ready == [true] {
            self.serve(now)?;
        }
        self.owner.on_time(now);
        self.answers.on_time(now);
        self.replyer.flush(now)
    }

    fn next_time(&self) -> Option<Instant> {
        let times = [self.owner.next_time(), self.answers.next_time(), self.replyer.retry_at()];
        times.into_iter().flatten().min()
    }

    fn close(&mut self) {
        self.owner.close();
    }
}

fn standby() -> ErrorReply {
    refusal("standby", "this one only stands by for the owner of the state")
}

fn refusal(code: &str, message: &str) -> ErrorReply {
    ErrorReply { code: code.into(), message: message.into(), details: crate::value::Value::Nil }
}

/// The reply with all of a state. One over the limit of a frame cannot be sent; a replica of ours never asks for it.
fn whole(taken: &Taken, workflow: Option<&[u8]>) -> Vec<u8> {
    let (mut reply, limit) = (Vec::new(), most_args());
    if is_over(&taken.map, limit) {
        let message = format!("the state has more than the {limit} bytes that fit into one frame");
        write_error(&mut reply, &refusal(codes::OVERLOADED, &message), workflow);
    } else {
        write_answer(&mut reply, &everything(taken), workflow);
    }
    reply
}

fn write_answer(reply: &mut Vec<u8>, answer: &Answer, workflow: Option<&[u8]>) {
    let mut returned = Vec::with_capacity(answer.state.len() + 32);
    write::map(&mut returned, 2);
    write::str(&mut returned, "state");
    returned.extend_from_slice(&answer.state);
    write::str(&mut returned, "current_num");
    write::int(&mut returned, answer.number);
    let kind = answer.kind.write();
    let extras = Extras { epoch: answer.epoch, snapshot: Some(&kind), ..Extras::default() };
    write_reply_with(reply, &returned, workflow, &extras);
}
