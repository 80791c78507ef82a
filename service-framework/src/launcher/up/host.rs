//! What a running system answers on its control socket.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::{Value as Json, json};

use super::board::{Board, Seen};
use super::checks::Plan;
use super::child::Event;
use super::graph::Graph;
use super::job::Order;
use super::screen::{Screen, Stream};
use crate::launcher::control::Host;
use crate::launcher::control::message::{Answer, Question, Refusal};
use crate::model::near_miss;

const QUESTIONS: [&str; 7] = ["ping", "ps", "graph", "restart", "stop", "down", "logs"];

/// A running system as it is asked.
pub(super) struct SystemHost {
    pub(super) name: String,
    pub(super) files: Vec<String>,
    pub(super) began: Instant,
    pub(super) board: Board,
    pub(super) screen: Arc<Screen>,
    /// Who talks to whom, once somebody has asked; it stays as it is.
    pub(super) plan: Arc<Plan>,
    pub(super) graph: OnceLock<Json>,
    /// Where its dashboard is.
    pub(super) dashboard: Option<String>,
    pub(super) events: Sender<Event>,
}

impl Host for SystemHost {
    fn answer(&self, question: &Question) -> Answer {
        match question.ask.as_str() {
            "ping" => Ok(self.ping()),
            "ps" => Ok(self.ps()),
            "graph" => Ok(self.graph.get_or_init(|| Graph::of(&self.plan).to_json()).clone()),
            "restart" => self.order(Order::Restart(self.services(question)?)),
            "stop" => self.order(Order::Stop(self.services(question)?)),
            "down" => self.order(Order::Down),
            "logs" => self.logs(question),
            _ => Err(Refusal::unknown(question, &QUESTIONS)),
        }
    }
}

impl SystemHost {
    fn ping(&self) -> Json {
        let is_ready = |seen: &Seen| ["ready", "ended"].contains(&seen.state);
        let state = if self.board.all().iter().all(is_ready) { "ready" } else { "waiting" };
        let mut answer = json!({
            "name": self.name,
            "pid": std::process::id(),
            "files": self.files,
            "state": state,
            "uptime": self.began.elapsed().as_secs_f64(),
        });
        if let Some(url) = &self.dashboard {
            answer["dashboard"] = url.as_str().into();
        }
        answer
    }

    fn ps(&self) -> Json {
        let mut answer = self.ping();
        answer["services"] = self.board.all().iter().map(Seen::to_json).collect();
        answer
    }

    /// Has the supervisor do something, and waits until it is done.
    fn order(&self, order: Order) -> Answer {
        let (reply, answer) = channel();
        let over = || Refusal::new("stopping", "the system stops");
        self.events.send(Event::Asked { order, reply }).map_err(|_| over())?;
        answer.recv().map_err(|_| over())?
    }

    /// The places of the services under `services`.
    fn services(&self, question: &Question) -> Result<Vec<usize>, Refusal> {
        let names = names(question)?;
        if names.is_empty() {
            return Err(Refusal::bad(format!("{:?} needs names under `services`", question.ask)));
        }
        let places = names.iter().map(|name| self.places(name)).collect::<Result<Vec<_>, _>>()?;
        let mut places = places.concat();
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    fn places(&self, name: &str) -> Result<Vec<usize>, Refusal> {
        let places = self.board.places(name);
        if !places.is_empty() {
            return Ok(places);
        }
        let all = self.board.all();
        let near = near_miss(name, all.iter().flat_map(|seen| [seen.name.as_str(), seen.entry.as_str()]));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(Refusal::new("no_service", format!("{} has no service {name:?}{hint}", self.name)))
    }

    fn logs(&self, question: &Question) -> Answer {
        let names = names(question)?;
        let places = names.iter().map(|name| self.places(name)).collect::<Result<Vec<_>, _>>()?;
        let after = question.get("after").and_then(Json::as_u64).unwrap_or_default();
        let most = question.get("most").and_then(Json::as_u64).and_then(|most| usize::try_from(most).ok());
        let (lines, next) = self.screen.lines_since(&places.concat(), after, most.unwrap_or(usize::MAX));
        let line = |line: super::journal::Line| {
            json!({
                "service": self.screen.name(line.service),
                "stream": if line.stream == Stream::Out { "stdout" } else { "stderr" },
                "line": String::from_utf8_lossy(&line.text),
            })
        };
        Ok(json!({ "lines": lines.into_iter().map(line).collect::<Vec<_>>(), "next": next }))
    }
}

/// The texts under `services`.
fn names(question: &Question) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::bad("`services` is a list of names");
    match question.get("services") {
        None => Ok(Vec::new()),
        Some(Json::Array(names)) => {
            names.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}
