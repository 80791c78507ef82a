//! The handlers of a `.json` service, each a call of its command.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::backoff::Backoff;
use super::process::{Group, Heard, Process};
use super::protocol::{self, Said};
use super::reach::Reach;
use crate::model::{ServiceModel, Side};
use crate::service::{
    BlockingToSend, Config, HandlerError, Refused, Result, SendError, Service, States, Stop, workers,
};
use crate::value::Value;
use crate::wire::WorkflowId;

/// What `init_function`, `stop` and the end of the process may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the end of a process may take that has a call which nobody waits for, or that has closed its stdout.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// A command and the calls to it. Clones share one process.
#[derive(Clone)]
pub(crate) struct Host(Arc<Shared>);

struct Shared {
    command: Vec<String>,
    folder: PathBuf,
    state: Mutex<State>,
    /// Where to wake whoever waits for the process.
    tell: Mutex<Option<Sender<Heard>>>,
    /// What to end if we have to end at once.
    group: Group,
    /// Whether the service has ended, after which nothing is called or started.
    is_over: AtomicBool,
}

/// Locked for as long as a call is open, which makes it one call at a time.
#[derive(Default)]
struct State {
    config: Json,
    /// None while a command that has died waits to be started again.
    process: Option<Process>,
    /// Where a process says that it has ended; None when none is to be started any more.
    ended: Option<Sender<()>>,
    /// When the last process was started, and how long it ran if it is gone.
    started: Option<Instant>,
    ran: Duration,
    /// Whether it was ended because it did not keep to the protocol.
    is_breach: bool,
    backoff: Backoff,
    calls: u64,
    /// Whether the last call was left without a reply: the command may still be at work on it.
    is_busy: bool,
}

/// Why a call of a command has no return arguments.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the command cannot be started: {0}")]
    Start(std::io::Error),
    #[error("the command cannot be looked after: {0}")]
    Keeper(std::io::Error),
    #[error("the command has died and is not back yet")]
    BackingOff,
    #[error("the service has ended")]
    Over,
    #[error("the command is gone: {0}")]
    Gone(String),
    #[error("the command does not keep to the protocol: {0}")]
    Breach(String),
    #[error("the command did not answer within {0:?}")]
    Silent(Duration),
}

/// The service of a model whose `command` has the handlers. [`Host::end`] is to be called when it has run.
pub(crate) fn host(model: ServiceModel, folder: &Path, stop: &Stop) -> (Service, Host) {
    let host = Host(Arc::new(Shared {
        command: model.command.clone().unwrap_or_default(),
        folder: folder.into(),
        state: Mutex::default(),
        tell: Mutex::default(),
        group: Group::default(),
        is_over: AtomicBool::default(),
    }));
    let woken = host.clone();
    stop.listen(move || woken.tell(Heard::Stop));
    let (names, has_main) = (handlers(&model), model.main);
    let mut service = Service::from_model(model).init_function({
        let host = host.clone();
        move |to_send: BlockingToSend, states: States, config: Config| {
            host.init(&Reach { to_send: &to_send, states: &states }, config.to_json())
        }
    });
    for name in names {
        let (host, handler) = (host.clone(), name.clone());
        service = service.handler(
            name,
            workers(1, move |args: Value, id: WorkflowId, to_send: BlockingToSend, states: States| {
                let reach = Reach { to_send: &to_send, states: &states };
                host.call(&handler, &args, &workflow_id(&id), &reach, None)
            })
            // One command, one order: whichever connection a call came over.
            .in_group(0),
        );
    }
    if has_main {
        let host = host.clone();
        service = service.main(move |to_send: BlockingToSend, states: States| {
            host.main(&Reach { to_send: &to_send, states: &states })
        });
    }
    (service, host)
}

/// The handlers that the command has by this model: of in connections, and of changes in in states.
fn handlers(model: &ServiceModel) -> Vec<String> {
    let of_connections = model.connections_on(Side::In);
    let of_connections =
        of_connections.map(|connection| connection.handler.as_ref().unwrap_or(&connection.name));
    let of_states = model.states_on(Side::In).filter_map(|state| state.on_change.as_ref());
    of_connections.chain(of_states).cloned().collect()
}

fn workflow_id(id: &WorkflowId) -> Value {
    match id {
        WorkflowId::Uuid(id) => Value::Uuid(*id),
        WorkflowId::Text(text) => Value::from(&**text),
    }
}

impl Host {
    /// Starts the command and whoever looks after it, and gives it the time to set itself up.
    fn init(&self, reach: &Reach<'_>, config: Json) -> Result {
        let (sender, ended) = channel();
        {
            let mut state = self.lock();
            state.config = config;
            state.ended = Some(sender);
            self.start(&mut state).map_err(CallError::Start)?;
        }
        let host = self.clone();
        let keeper = thread::Builder::new().name("command-keeper".into());
        keeper.spawn(move || host.keep(&ended)).map_err(CallError::Keeper)?;
        self.first_call(reach)
    }

    /// A command need not know `init_function`: that it refuses is no failure. Whoever breaks the protocol at its first word will not
    /// serve either.
    fn first_call(&self, reach: &Reach<'_>) -> Result {
        let nothing = Value::Map(Vec::new());
        match self.call("init_function", &nothing, &Value::Nil, reach, Some(PATIENCE)) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.downcast_ref(), Some(CallError::Breach(_))) => Err(error),
            Err(error) => {
                tracing::debug!(%error, "the command did not take init_function");
                Ok(())
            }
        }
    }

    fn main(&self, reach: &Reach<'_>) -> Result {
        // The service ends with its main function: a command that dies in it is not needed again.
        self.lock().ended = None;
        self.call("main", &Value::Map(Vec::new()), &Value::Nil, reach, None).map(drop)
    }

    /// Calls a handler of the command and does what it asks for until it replies.
    fn call(
        &self,
        handler: &str,
        args: &Value,
        workflow_id: &Value,
        reach: &Reach<'_>,
        patience: Option<Duration>,
    ) -> Result<Value> {
        let mut state = self.lock();
        if self.is_over() {
            return Err(CallError::Over.into());
        }
        if state.process.is_none() {
            return Err(CallError::BackingOff.into());
        }
        state.calls += 1;
        state.is_busy = true;
        let number = state.calls;
        let said = say(&mut state, &protocol::call(number, handler, args, workflow_id));
        let answered = match said {
            Ok(()) => answer(&mut state, number, reach, patience),
            Err(error) => Err(gone(error).into()),
        };
        match answered.as_ref().err().and_then(|error| error.downcast_ref::<CallError>()) {
            Some(CallError::Gone(reason)) => lose(&mut state, reason),
            Some(breach @ CallError::Breach(_)) => {
                state.is_breach = true;
                lose(&mut state, &breach.to_string());
            }
            _ => {}
        }
        answered
    }

    /// Starts the command again whenever it has ended, in a call or idle, as long as it is needed.
    fn keep(&self, ended: &Receiver<()>) {
        while ended.recv().is_ok() {
            let mut state = self.lock();
            if state.ended.is_none() {
                return;
            }
            lose(&mut state, "it ended");
            drop(state);
            if !self.bring_back(ended) {
                return;
            }
        }
    }

    /// Starts the command after the backoff, again and again if it cannot be started. False when it is not needed
    /// any more.
    fn bring_back(&self, ended: &Receiver<()>) -> bool {
        loop {
            let pause = next_pause(&mut self.lock());
            // Nothing runs that could end: what wakes this early is that nothing is to be started any more.
            if !matches!(ended.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                return false;
            }
            let mut state = self.lock();
            if state.ended.is_none() {
                return false;
            }
            match self.start(&mut state) {
                Ok(()) => return true,
                Err(error) => {
                    state.ran = Duration::ZERO;
                    tracing::error!(%error, "the command cannot be started");
                }
            }
        }
    }

    fn start(&self, state: &mut State) -> std::io::Result<()> {
        state.started = Some(Instant::now());
        let ended = state.ended.clone();
        let on_end = move || {
            // Nobody listens once the service has ended.
            let _told = ended.map(|ended| ended.send(()));
        };
        let (mut process, tell) = Process::start(&self.0.command, &self.0.folder, &self.0.group, on_end)?;
        // One that has ended already says so itself.
        let _said = process.say(&protocol::start(&state.config));
        *self.0.tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        state.process = Some(process);
        state.is_busy = false;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.0.is_over.load(Ordering::Acquire)
    }

    /// Tells whoever waits for the process.
    fn tell(&self, what: Heard) {
        let tell = self.0.tell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = &*tell {
            let _heard = tell.send(what);
        }
    }

    /// Asks the command to stop, then ends it. One with a call that nobody waits for any more may not hear the
    /// question before that is done: it is not asked, and has little time.
    pub(crate) fn end(&self) {
        self.0.is_over.store(true, Ordering::Release);
        let mut state = self.lock_from_call();
        state.ended = None;
        if !state.is_busy {
            ask_to_stop(&mut state);
        }
        let patience = if state.is_busy { SHORT_PATIENCE } else { PATIENCE };
        if let Some(process) = state.process.take() {
            process.end(patience);
        }
    }

    /// Ends the command and what it has started, without a question and without waiting.
    pub(crate) fn kill(&self) {
        self.0.group.kill();
    }

    /// Locks the state; a call that is open has used up its grace and is given up.
    fn lock_from_call(&self) -> MutexGuard<'_, State> {
        match self.0.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.tell(Heard::Over);
                self.lock()
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clears away a process that is of no use any more, and says how it ended.
fn lose(state: &mut State, reason: &str) {
    if let Some(process) = state.process.take() {
        // Without the time that its end takes.
        state.ran = state.started.map(|started| started.elapsed()).unwrap_or_default();
        let status =
            process.end(SHORT_PATIENCE).map_or_else(|| "unknown".into(), |status| status.to_string());
        tracing::warn!(reason, status, "the command is gone");
    }
}

fn next_pause(state: &mut State) -> Duration {
    let pause = match std::mem::take(&mut state.is_breach) {
        true => state.backoff.after_breach(),
        false => state.backoff.after(state.ran),
    };
    tracing::warn!(?pause, "the command is started again");
    pause
}

/// Calls `stop`; that the command does not know this handler is no failure.
fn ask_to_stop(state: &mut State) {
    state.calls += 1;
    let number = state.calls;
    let line = protocol::call(number, "stop", &Value::Map(Vec::new()), &Value::Nil);
    state.is_busy =
        say(state, &line).is_ok() && wait_for_reply(state, number, Instant::now() + PATIENCE).is_err();
}

fn say(state: &mut State, line: &Json) -> std::io::Result<()> {
    match &mut state.process {
        Some(process) => process.say(line),
        None => Err(std::io::ErrorKind::BrokenPipe.into()),
    }
}

/// Carries out what a command asks for until it replies to a call.
fn answer(
    state: &mut State,
    number: u64,
    reach: &Reach<'_>,
    patience: Option<Duration>,
) -> Result<Value, HandlerError> {
    let until = patience.map(|patience| Instant::now() + patience);
    loop {
        match next(state, until)? {
            Heard::Stop if reach.to_send.ends_at_stop() => return Err(SendError::Stopping.into()),
            Heard::Stop => {}
            Heard::Over => return Err(CallError::Over.into()),
            Heard::End(reason) => return Err(CallError::Gone(reason).into()),
            Heard::Line(line) => match protocol::read(&line).map_err(CallError::Breach)? {
                Said::Reply { call, outcome } if call == number => {
                    state.is_busy = false;
                    return outcome.map_err(|refusal| Refused::from(refusal).into());
                }
                Said::Reply { call, .. } => tracing::debug!(call, "a reply to a call that is over"),
                Said::Send { number, to, args } => {
                    let outcome = reach.send(&to, args);
                    say(state, &protocol::result(&number, &outcome)).map_err(gone)?;
                }
                Said::Read { number, state: name } => {
                    say(state, &reach.read(&number, &name)).map_err(gone)?;
                }
            },
        }
    }
}

fn gone(error: std::io::Error) -> CallError {
    CallError::Gone(error.to_string())
}

fn next(state: &State, until: Option<Instant>) -> Result<Heard, CallError> {
    let ended = || CallError::Gone("it ended".into());
    let process = state.process.as_ref().ok_or_else(ended)?;
    process.hear(until).ok_or_else(|| until.map_or_else(ended, |_| CallError::Silent(PATIENCE)))
}

/// Waits for a reply and for nothing else: there is nobody any more to send for the command.
fn wait_for_reply(state: &mut State, number: u64, until: Instant) -> Result<(), CallError> {
    loop {
        match next(state, Some(until))? {
            Heard::Line(line) => match protocol::read(&line) {
                Ok(Said::Reply { call, .. }) if call == number => return Ok(()),
                Ok(Said::Send { number, .. } | Said::Read { number, .. }) => {
                    say(state, &protocol::refused(&number, "stopping", "the service is stopping"))
                        .map_err(gone)?;
                }
                Ok(Said::Reply { .. }) => {}
                Err(reason) => return Err(CallError::Gone(reason)),
            },
            Heard::End(reason) => return Err(CallError::Gone(reason)),
            Heard::Stop | Heard::Over => {}
        }
    }
}
