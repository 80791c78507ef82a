//! What a running service answers.

use std::env;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::message::{Answer, Question, Refusal, answer_line};
use super::server::Host;
use super::tap::{self, Asked, Beside};
use crate::connection::Counters;
use crate::connection::tap::{Attached, Hub, Wanted};
use crate::launcher::{arguments, logs};
use crate::model::ServiceModel;
use crate::service::{Cause, SeenState, Shared, Stop};

/// The variable with the name that a service has in its system.
pub(crate) const INSTANCE: &str = "SERVICE_FRAMEWORK_INSTANCE";

/// The variable with the name of its system.
pub(crate) const SYSTEM: &str = "SERVICE_FRAMEWORK_SYSTEM";

const QUESTIONS: [&str; 9] =
    ["ping", "describe", "stats", "states", "state", "tap", "log_level", "drain", "stop"];

/// A service on its way from its start to its end.
pub(crate) struct ServiceHost {
    model: ServiceModel,
    main_mode: bool,
    stop: Stop,
    tap: Arc<Hub>,
    began: Instant,
    /// Once its sockets are open and its hooks are through.
    running: OnceLock<Arc<Shared>>,
}

/// How far a service is.
#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Sockets are opened, `init_function` runs.
    Starting,
    /// All is open, but these replicas have not what their owners have.
    Waiting(Vec<String>),
    Ready,
    /// It takes nothing new, and this many handlers run.
    Draining(usize),
    /// It takes nothing new and has nothing to do.
    Drained,
    Stopping,
}

impl Phase {
    fn word(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting(_) => "waiting",
            Self::Ready => "ready",
            Self::Draining(_) => "draining",
            Self::Drained => "drained",
            Self::Stopping => "stopping",
        }
    }
}

impl ServiceHost {
    pub(crate) fn new(model: ServiceModel, main_mode: bool, stop: Stop, tap: Arc<Hub>) -> Self {
        Self { model, main_mode, stop, tap, began: Instant::now(), running: OnceLock::new() }
    }

    /// Its sockets are open and its hooks are through.
    pub(crate) fn is_open(&self, shared: &Arc<Shared>) {
        // It is told once.
        let _ = self.running.set(shared.clone());
    }

    fn phase(&self) -> Phase {
        let Some(shared) = self.running.get().filter(|_| !self.stop.is_requested()) else {
            return if self.stop.is_requested() { Phase::Stopping } else { Phase::Starting };
        };
        if shared.is_draining() {
            let busy = shared.busy();
            return if busy > 0 { Phase::Draining(busy) } else { Phase::Drained };
        }
        let behind = shared.behind();
        if behind.is_empty() { Phase::Ready } else { Phase::Waiting(behind) }
    }

    fn ping(&self) -> Json {
        let phase = self.phase();
        let mut answer = json!({
            "name": env::var(INSTANCE).unwrap_or_else(|_| self.model.name.clone()),
            "service": self.model.name,
            "version": self.model.version,
            "pid": std::process::id(),
            "state": phase.word(),
            "uptime": self.began.elapsed().as_secs_f64(),
        });
        if let Ok(system) = env::var(SYSTEM) {
            answer["system"] = system.into();
        }
        match phase {
            Phase::Waiting(states) => answer["waits_for"] = states.into(),
            Phase::Draining(handlers) => answer["handlers"] = handlers.into(),
            _ => {}
        }
        answer
    }

    fn describe(&self) -> Json {
        let addresses = self.running.get().map(|shared| shared.addresses()).unwrap_or_default();
        let addresses: Map<String, Json> =
            addresses.into_iter().map(|(socket, address)| (socket, address.into())).collect();
        json!({ "model": self.model.to_json(), "listens": addresses })
    }

    fn stats(&self) -> Json {
        let counts = self.running.get().map(|shared| shared.counts()).unwrap_or_default();
        let connections: Map<String, Json> =
            counts.into_iter().map(|(name, counters)| (name, counts_of(&counters))).collect();
        json!({ "connections": connections })
    }

    fn states(&self) -> Json {
        let states = self.running.get().map(|shared| shared.seen_states()).unwrap_or_default();
        states.iter().map(state).collect()
    }

    /// Answers whoever wants to see messages, and begins to show them.
    fn show(&self, question: &Question) -> Result<(Asked, Attached), Refusal> {
        let asked = Asked::read(question)?;
        let attached = self.tap.attach(asked.wanted.clone());
        let attached = attached.map_err(|closed| Refusal::new("busy", closed.to_string()))?;
        Ok((asked, attached))
    }

    fn drain(&self) -> Answer {
        match self.running.get() {
            _ if self.main_mode => {
                Err(Refusal::new("main_mode", "in main mode nothing comes in that could be kept out"))
            }
            None => Err(starting()),
            Some(shared) => {
                shared.drain();
                tracing::info!("drained from outside: nothing new is taken");
                Ok(self.ping())
            }
        }
    }
}

impl Host for ServiceHost {
    fn answer(&self, question: &Question) -> Answer {
        match question.ask.as_str() {
            "ping" => Ok(self.ping()),
            "describe" => Ok(self.describe()),
            "stats" => Ok(self.stats()),
            "states" => Ok(self.states()),
            "state" => match self.running.get() {
                Some(shared) => super::state::answer(shared, question),
                None => Err(starting()),
            },
            "log_level" => set_level(question.text("level")?),
            "drain" => self.drain(),
            "stop" => {
                self.stop.stop_because(Cause::Terminate);
                Ok(self.ping())
            }
            _ => Err(Refusal::unknown(question, &QUESTIONS)),
        }
    }

    fn take_over(&self, question: &Question, mut guest: &UnixStream) -> Option<io::Result<()>> {
        if question.ask != "tap" {
            return None;
        }
        let shown = self.show(question);
        let answer = shown.as_ref().map_err(|refusal| Refusal::new(&refusal.code, &*refusal.message));
        let answer = answer.map(|_| {
            let mut ping = self.ping();
            ping["tap"] = tap::VERSION.into();
            ping
        });
        let told = guest.write_all(answer_line(&answer).as_bytes());
        // The queue is let go of before its guest is.
        Some(told.and_then(|()| shown.map_or(Ok(()), |(asked, seen)| tap::tell(guest, &seen, &asked, self))))
    }
}

impl Beside for ServiceHost {
    fn service(&self) -> Option<Json> {
        self.running.get().map(|_| self.describe())
    }

    fn states(&self, wanted: &Wanted) -> Vec<Json> {
        let states = self.running.get().map(|shared| shared.whole_states()).unwrap_or_default();
        let seen = states.into_iter().filter(|(seen, _)| wanted.includes(&seen.place()));
        seen.map(|(seen, whole)| whole_state(&seen, whole, wanted.bodies)).collect()
    }
}

/// A state with its value, unless bodies are not wanted.
fn whole_state(seen: &SeenState, whole: Option<Vec<u8>>, bodies: bool) -> Json {
    let mut json = state(seen);
    json["type"] = if seen.keys.is_some() { "delta_update" } else { "full_update" }.into();
    json["connection"] = seen.place().into();
    json["body"] = whole.filter(|_| bodies).map(|whole| STANDARD.encode(whole)).into();
    json
}

fn starting() -> Refusal {
    Refusal::new("starting", "it has not started yet")
}

fn set_level(text: &str) -> Answer {
    let level = arguments::level(text).map_err(Refusal::bad)?;
    let before = logs::set_console_level(level).map_err(|reason| Refusal::new("no_logs", reason))?;
    tracing::info!("log lines from {level} on; until now from {before} on");
    Ok(json!({ "level": level.to_string().to_uppercase(), "before": before.to_string().to_uppercase() }))
}

fn counts_of(counters: &Counters) -> Json {
    let times = counters.took.read();
    let seconds = |share| times.within(share).map(|time: Duration| time.as_secs_f64());
    json!({
        "received": counters.received.get(),
        "sent": counters.sent.get(),
        "dropped": counters.dropped.get(),
        "missed": counters.missed.get(),
        "bad": counters.bad.get(),
        "failed": counters.failed.get(),
        "p50": seconds(0.5),
        "p99": seconds(0.99),
    })
}

pub(super) fn state(state: &SeenState) -> Json {
    json!({
        "side": state.side.as_str(),
        "name": state.name,
        "topic": state.topic,
        "status": state.status.word(),
        "stale_for": state.status.stale_for().map(|time| time.as_secs_f64()),
        "epoch": state.epoch,
        "number": state.number,
        "keys": state.keys,
    })
}
