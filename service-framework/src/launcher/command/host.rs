//! The handlers of a `.json` service, each a call of its command.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::process::{Heard, Process};
use super::protocol::{self, Said};
use crate::model::{ServiceModel, Side};
use crate::service::{
    BlockingToSend, Config, HandlerError, Refused, Result, SendError, Service, Stop, workers,
};
use crate::value::Value;
use crate::wire::WorkflowId;

/// A command that died is started again after this, then after twice as long, …
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// A command that has run so long begins with the first backoff again.
const GOOD_RUN: Duration = Duration::from_secs(10);
/// What `init_function`, `stop` and the end of the process may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command and the calls to it. Clones share one process.
#[derive(Clone)]
pub(crate) struct Host(Arc<Shared>);

struct Shared {
    command: Vec<String>,
    folder: PathBuf,
    state: Mutex<State>,
    /// Where to wake whoever waits for the process.
    tell: Mutex<Option<Sender<Heard>>>,
}

#[derive(Default)]
struct State {
    config: Json,
    process: Option<Process>,
    started: Option<Instant>,
    backoff: Duration,
    calls: u64,
}

/// Why a call of a command has no return arguments.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the command cannot be started: {0}")]
    Start(std::io::Error),
    #[error("the command died a moment ago and is started again in {0:?}")]
    BackingOff(Duration),
    #[error("the command is gone: {0}")]
    Gone(String),
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
    }));
    let woken = host.clone();
    stop.listen(move || woken.tell(Heard::Stop));
    let names: Vec<String> = model
        .connections
        .iter()
        .filter(|connection| connection.side == Side::In)
        .map(|connection| connection.handler.clone().unwrap_or_else(|| connection.name.clone()))
        .collect();
    let has_main = model.main;
    let mut service = Service::from_model(model).init_function({
        let host = host.clone();
        move |to_send: BlockingToSend, config: Config| host.init(&to_send, config.to_json())
    });
    for name in names {
        let (host, handler) = (host.clone(), name.clone());
        service = service.handler(
            name,
            workers(1, move |args: Value, id: WorkflowId, to_send: BlockingToSend| {
                host.call(&handler, &args, &workflow_id(&id), &to_send, None)
            })
            // One command, one order: whichever connection a call came over.
            .in_group(0),
        );
    }
    if has_main {
        let host = host.clone();
        service = service.main(move |to_send: BlockingToSend| host.main(&to_send));
    }
    (service, host)
}

fn workflow_id(id: &WorkflowId) -> Value {
    match id {
        WorkflowId::Uuid(id) => Value::Uuid(*id),
        WorkflowId::Text(text) => Value::from(&**text),
    }
}

impl Host {
    /// Starts the command, and gives it the time to set itself up.
    fn init(&self, to_send: &BlockingToSend, config: Json) -> Result {
        self.lock().config = config;
        self.running(&mut self.lock())?;
        self.optional("init_function", to_send)
    }

    /// A command need not know this handler: that it refuses is no failure.
    fn optional(&self, handler: &str, to_send: &BlockingToSend) -> Result {
        match self.call(handler, &Value::Map(Vec::new()), &Value::Nil, to_send, Some(PATIENCE)) {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::debug!(%error, handler, "the command did not take this call");
                Ok(())
            }
        }
    }

    fn main(&self, to_send: &BlockingToSend) -> Result {
        self.call("main", &Value::Map(Vec::new()), &Value::Nil, to_send, None).map(drop)
    }

    /// Calls a handler of the command and does what it asks for until it replies.
    fn call(
        &self,
        handler: &str,
        args: &Value,
        workflow_id: &Value,
        to_send: &BlockingToSend,
        patience: Option<Duration>,
    ) -> Result<Value> {
        let mut state = self.lock();
        self.running(&mut state)?;
        state.calls += 1;
        let (number, line) = (state.calls, protocol::call(state.calls, handler, args, workflow_id));
        // One that died while nothing was asked of it is only found out here, and has not seen the call.
        if say(&mut state, &line).is_err() {
            state.process = None;
            self.running(&mut state)?;
            say(&mut state, &line).map_err(|error| CallError::Gone(error.to_string()))?;
        }
        let answered = answer(&mut state, number, to_send, patience);
        if let Err(error) = &answered
            && error.downcast_ref::<CallError>().is_some_and(|error| matches!(error, CallError::Gone(_)))
        {
            state.process = None;
        }
        answered
    }

    /// Makes sure that there is a process, unless the last one died too short a time ago.
    fn running(&self, state: &mut State) -> Result<(), CallError> {
        if state.process.is_some() {
            return Ok(());
        }
        if let Some(started) = state.started {
            if started.elapsed() > GOOD_RUN {
                state.backoff = Duration::ZERO;
            }
            let left = state.backoff.saturating_sub(started.elapsed());
            if !left.is_zero() {
                return Err(CallError::BackingOff(left));
            }
            state.backoff = (2 * state.backoff).clamp(FIRST_BACKOFF, LONGEST_BACKOFF);
            tracing::warn!(command = self.0.command.join(" "), "the command is started again");
        }
        state.started = Some(Instant::now());
        let (mut process, tell) =
            Process::start(&self.0.command, &self.0.folder).map_err(CallError::Start)?;
        process.say(&protocol::start(&state.config)).map_err(CallError::Start)?;
        *self.0.tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        state.process = Some(process);
        Ok(())
    }

    /// Tells whoever waits for the process.
    fn tell(&self, what: Heard) {
        let tell = self.0.tell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = &*tell {
            let _heard = tell.send(what);
        }
    }

    /// Asks the command to stop, then ends it. A call that is still open has used up its grace.
    pub(crate) fn end(&self) {
        if self.0.state.try_lock().is_err() {
            self.tell(Heard::End("the service has ended".into()));
        }
        let mut state = self.lock();
        state.calls += 1;
        let line = protocol::call(state.calls, "stop", &Value::Map(Vec::new()), &Value::Nil);
        if state.process.is_some() && say(&mut state, &line).is_ok() {
            let number = state.calls;
            let _stopped = wait_for_reply(&mut state, number, Instant::now() + PATIENCE);
        }
        if let Some(mut process) = state.process.take() {
            process.end(PATIENCE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    to_send: &BlockingToSend,
    patience: Option<Duration>,
) -> Result<Value, HandlerError> {
    let until = patience.map(|patience| Instant::now() + patience);
    loop {
        match next(state, until)? {
            Heard::Stop if to_send.ends_at_stop() => return Err(SendError::Stopping.into()),
            Heard::Stop => {}
            Heard::End(reason) => return Err(CallError::Gone(reason).into()),
            Heard::Line(line) => match protocol::read(&line).map_err(CallError::Gone)? {
                Said::Reply { call, outcome } if call == number => {
                    return outcome.map_err(|refusal| Refused::from(refusal).into());
                }
                Said::Reply { call, .. } => tracing::debug!(call, "a reply to a call that is over"),
                Said::Send { number, connection, args } => {
                    let outcome = to_send.connection(&connection, args);
                    say(state, &protocol::result(&number, &outcome)).map_err(gone)?;
                }
                Said::Unanswerable { number, reason } => {
                    say(state, &protocol::refused(&number, "no_state", &reason)).map_err(gone)?;
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
    let heard = &state.process.as_ref().ok_or_else(ended)?.heard;
    match until {
        None => heard.recv().map_err(|_| ended()),
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            heard.recv_timeout(left).map_err(|_| CallError::Silent(PATIENCE))
        }
    }
}

/// Waits for a reply and for nothing else: there is nobody any more to send for the command.
fn wait_for_reply(state: &mut State, number: u64, until: Instant) -> Result<(), CallError> {
    loop {
        match next(state, Some(until))? {
            Heard::Line(line) => match protocol::read(&line) {
                Ok(Said::Reply { call, .. }) if call == number => return Ok(()),
                Ok(Said::Send { number, .. } | Said::Unanswerable { number, .. }) => {
                    say(state, &protocol::refused(&number, "stopping", "the service is stopping"))
                        .map_err(gone)?;
                }
                _ => {}
            },
            Heard::End(reason) => return Err(CallError::Gone(reason)),
            Heard::Stop => {}
        }
    }
}
