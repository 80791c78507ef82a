//! The loop: one thread owns a service's sockets, polls them all, and gives each message to its handler.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::answer::Concluded;
use super::input::{Buffers, Finished, Handled, Hands, Input, Waiting};
use super::reactor::{Reactor, TaskWaker};
use super::shared::Shared;
use crate::connection::{PollItem, Received, SocketError, Sockets, Wake, after, is_ready, poll, readable};
use crate::wire::codes;

/// Messages of one connection before the next one has its turn.
const BUDGET: usize = 64;
/// Time that one connection may take before the next one has its turn.
const LONGEST_TURN: Duration = Duration::from_millis(1);
/// Handlers that wait at the same time; beyond, requests are refused and published messages left in the socket.
const MOST_WAITING: usize = 10_000;

/// The owner thread's state.
pub(crate) struct Owner {
    shared: Arc<Shared>,
    reactor: Rc<Reactor>,
    inputs: Vec<Input>,
    waiting: HashMap<u64, (usize, Waiting, Waker)>,
    next_task: u64,
    finished: Arc<Finished>,
    /// Messages that workers have.
    given: usize,
    first: usize,
    buffers: Buffers,
    stopping: bool,
}

impl Owner {
    pub(crate) fn new(shared: Arc<Shared>, reactor: Rc<Reactor>, inputs: Vec<Input>) -> Self {
        Self {
            shared,
            reactor,
            inputs,
            waiting: HashMap::new(),
            next_task: 0,
            finished: Arc::default(),
            given: 0,
            first: 0,
            buffers: Buffers::default(),
            stopping: false,
        }
    }

    /// Serves until a stop is asked for, at most one turn each `min_wait`.
    pub(crate) fn serve_until_stop(
        &mut self,
        min_wait: Duration,
        stop_bell: &Wake,
    ) -> Result<(), SocketError> {
        while !self.shared.stop.is_requested() {
            let began = Instant::now();
            self.turn(None)?;
            let left = min_wait.saturating_sub(began.elapsed());
            if !left.is_zero() {
                poll(&mut [readable(stop_bell.fd())], Some(left))?;
            }
        }
        Ok(())
    }

    /// Lets what runs come to its end, for at most `grace`, while new requests are told that the service stops.
    /// Whether everything ended.
    pub(crate) fn drain(&mut self, grace: Duration) -> Result<bool, SocketError> {
        self.stopping = true;
        // Workers may have ended while the signal's handler moved bytes, and the bell was silenced there.
        self.send_finished()?;
        let end = after(Instant::now(), grace);
        while self.is_busy() && Instant::now() < end {
            self.turn(Some(end))?;
        }
        let ended = !self.is_busy();
        self.send_the_rest()?;
        Ok(ended)
    }

    /// Gives replies that had no room their time, and whoever asked meanwhile an answer.
    fn send_the_rest(&mut self) -> Result<(), SocketError> {
        let end = Instant::now() + Sockets::LINGER;
        loop {
            self.turn(Some(Instant::now()))?;
            let Some(retry) = self.retry_at().filter(|retry| *retry < end) else { break };
            self.turn(Some(retry))?;
        }
        let lost: usize = self.inputs.iter_mut().map(Input::give_up).sum();
        if lost > 0 {
            tracing::warn!(lost, "replies are lost whose peers did not read");
        }
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.busy() > 0
    }

    /// Handlers that run or wait.
    fn busy(&self) -> usize {
        self.waiting.len() + self.given
    }

    /// Whether nothing new is taken, because it stops or is drained.
    fn is_leaving(&self) -> bool {
        self.stopping || self.shared.is_draining()
    }

    fn retry_at(&self) -> Option<Instant> {
        self.inputs.iter().filter_map(Input::retry_at).min()
    }

    /// Waits for something to do, at most until a time, and does a fair share of it.
    fn turn(&mut self, until: Option<Instant>) -> Result<(), SocketError> {
        #[cfg(feature = "testing")]
        let asked = self.shared.link.settling();
        let ready = self.wait(until)?;
        let (outs, inputs) = ready.split_at(ready.len() - self.inputs.len());
        #[cfg(feature = "testing")]
        let is_idle = !ready[1..].contains(&true) && !self.shared.link.has_woken() && !self.has_changes();
        self.reactor.take_in(outs)?;
        self.send_finished()?;
        self.go_on()?;
        self.serve(inputs)?;
        #[cfg(feature = "testing")]
        {
            let is_waiting = self.given > 0 || self.reactor.outs.borrow().has_open();
            self.shared.link.tell_settled(asked, is_idle && !is_waiting && !self.has_changes(), is_waiting);
        }
        self.shared.set_busy(self.busy());
        let now = Instant::now();
        self.inputs.iter_mut().try_for_each(|input| input.flush(now))
    }

    #[cfg(feature = "testing")]
    fn has_changes(&self) -> bool {
        self.inputs.iter().any(Input::has_changes)
    }

    /// Polls the bell, the out connections, the states and the in connections; which of them are ready, in this order.
    fn wait(&self, until: Option<Instant>) -> Result<Vec<bool>, SocketError> {
        let (outs, states) = (self.reactor.outs.borrow(), self.reactor.states.borrow());
        let mut items: Vec<PollItem<'_>> = vec![readable(self.shared.link.wake.fd())];
        outs.poll_items(&mut items);
        states.poll_items(&mut items);
        let (full, before) = (self.waiting.len() >= MOST_WAITING, items.len());
        let left_out = |input: &Input| input.must_wait(full) || (self.is_leaving() && input.is_subscriber());
        let listening = self.inputs.iter().map(|input| input.poll_item().filter(|_| !left_out(input)));
        let listens: Vec<bool> = listening.map(|item| item.map(|item| items.push(item)).is_some()).collect();
        let now = Instant::now();
        let has_changes = self.inputs.iter().any(|input| input.has_changes() && !left_out(input));
        let at_once = (self.shared.link.has_woken() || has_changes).then_some(now);
        let times = [until, outs.next_deadline(), states.next_time(), self.retry_at(), at_once];
        let until = times.into_iter().flatten().min();
        poll(&mut items, until.map(|until| until.saturating_duration_since(now)))?;
        let mut ready: Vec<bool> = items.iter().map(is_ready).collect();
        let mut of_inputs = ready.split_off(before).into_iter();
        // Those that were left out are not ready.
        ready.extend(listens.into_iter().map(|listens| listens && of_inputs.next().unwrap_or(false)));
        Ok(ready)
    }

    fn send_finished(&mut self) -> Result<(), SocketError> {
        for reply in self.finished.take() {
            self.given -= 1;
            self.inputs[reply.input].reply(reply.route, reply.body)?;
        }
        Ok(())
    }

    /// Lets the handlers go on that something was waited for came to.
    fn go_on(&mut self) -> Result<(), SocketError> {
        let mut woken = Vec::new();
        self.shared.link.woken(&mut woken);
        for task in woken {
            if let Some((input, waiting, waker)) = self.waiting.remove(&task) {
                self.advance(task, input, waiting, waker)?;
            }
        }
        Ok(())
    }

    fn advance(
        &mut self,
        task: u64,
        input: usize,
        mut waiting: Waiting,
        waker: Waker,
    ) -> Result<(), SocketError> {
        let _entered = waiting.enter();
        let Some(returned) = waiting.poll(&waker) else {
            self.waiting.insert(task, (input, waiting, waker));
            return Ok(());
        };
        let workflow_id = waiting.workflow_id.as_deref();
        let (returned, fault) = match returned {
            Ok(returned) => (returned, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let mut body = Vec::new();
        let returned = fault.map_or(Ok(&returned[..]), Err);
        let agreement = &self.inputs[input].agreement;
        let message = Concluded::new(waiting.route.is_some(), workflow_id, waiting.arrived);
        agreement.conclude(returned, &message, &mut body);
        agreement.counters.took.note(waiting.arrived.elapsed());
        self.inputs[input].reply(waiting.route, body).map(drop)
    }

    /// Takes messages off the connections that have some, each its share, a different one first every time.
    fn serve(&mut self, ready: &[bool]) -> Result<(), SocketError> {
        let count = self.inputs.len();
        for offset in 0..count {
            let input = (self.first + offset) % count;
            if ready[input] || self.inputs[input].has_changes() {
                self.serve_one(input)?;
            }
        }
        self.first = (self.first + 1) % count.max(1);
        Ok(())
    }

    fn serve_one(&mut self, input: usize) -> Result<(), SocketError> {
        let began = Instant::now();
        for _ in 0..BUDGET {
            let full = self.waiting.len() >= MOST_WAITING;
            let is_over = self.is_leaving() && self.inputs[input].is_subscriber();
            if is_over || self.inputs[input].must_wait(full) {
                return Ok(());
            }
            let message = match self.inputs[input].receive()? {
                Received::Message(message) => message,
                Received::Junk(_) => continue,
                Received::Nothing => return Ok(()),
            };
            let late = message.arrived.duration_since(began) > LONGEST_TURN;
            let hands = Hands {
                shared: &self.shared,
                finished: &self.finished,
                input,
                refuse: self.reason_to_refuse(full),
            };
            match self.inputs[input].handle(message, &hands, &mut self.buffers) {
                Handled::Through(route) => {
                    let body = std::mem::take(&mut self.buffers.reply);
                    self.buffers.reply = self.inputs[input].reply(route, body)?;
                }
                Handled::Waits(waiting) => self.begin(input, waiting)?,
                Handled::Given => self.given += 1,
            }
            if late {
                return Ok(());
            }
        }
        Ok(())
    }

    fn reason_to_refuse(&self, full: bool) -> Option<(&'static str, &'static str)> {
        if self.is_leaving() {
            return Some((codes::STOPPING, "the service is stopping"));
        }
        full.then_some((codes::OVERLOADED, "too many requests are being handled"))
    }

    /// Lets a handler run until it first waits.
    fn begin(&mut self, input: usize, waiting: Waiting) -> Result<(), SocketError> {
        let task = self.next_task;
        self.next_task += 1;
        let waker = Waker::from(Arc::new(TaskWaker { link: self.shared.link.clone(), task }));
        self.advance(task, input, waiting, waker)
    }
}
