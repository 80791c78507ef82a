//! How everything is at one moment, and what changed since the last look.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::exact::exact;
use super::graph::Graphs;
use super::settings::Shows;
use crate::launcher::control::message::Question;
use crate::launcher::look::{Found, Load, SILENT, all_asked, systems, text};

/// How long a service may take to answer. The others wait for it at most so long, and few at a time.
const PATIENCE: Duration = Duration::from_millis(500);

/// One look.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) at: Option<Instant>,
    pub(super) systems: Vec<System>,
    pub(super) services: Vec<Service>,
    pub(super) graphs: Json,
}

#[derive(Clone, Debug)]
pub(super) struct System {
    pub(super) name: String,
    /// The process of `up`.
    pub(super) up: u32,
    said: Json,
}

/// A service at that moment.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// What it is called by the page.
    pub(super) id: String,
    pub(super) found: Found,
    load: Option<Load>,
    /// What each connection has counted.
    pub(super) stats: Json,
    pub(super) states: Json,
    /// Messages in and out in a second, of each connection.
    pub(super) rates: HashMap<String, (f64, f64)>,
}

/// Whoever looks, with what has to be remembered from one look to the next.
pub(super) struct Looker {
    shows: Shows,
    /// Of each process: what it does, what its connections had counted, and what it said of itself last.
    known: HashMap<u32, Known>,
    graphs: Graphs,
}

/// What each connection has received and sent.
type Counts = HashMap<String, (u64, u64)>;

#[derive(Default)]
struct Known {
    load: Load,
    counted: Option<(Instant, Counts)>,
    said: Option<Found>,
}

impl Looker {
    pub(super) fn new(shows: Shows) -> Self {
        Self { shows, known: HashMap::new(), graphs: Graphs::default() }
    }

    pub(super) fn look(&mut self) -> Snapshot {
        let mut systems = systems(PATIENCE);
        systems.retain(|(name, up, _)| self.shows.takes(name, *up));
        let questions = [Question::new("stats"), Question::new("states")];
        let mut found = all_asked(&systems, &questions, PATIENCE);
        found.retain(|(found, _)| found.system.is_some() || self.is_alone(found));
        let now = Instant::now();
        let services: Vec<Service> =
            found.into_iter().map(|(found, answers)| self.service(found, answers, now)).collect();
        let systems: Vec<System> =
            systems.into_iter().map(|(name, up, said)| System { name, up, said }).collect();
        let graphs = self.graphs.look(&systems, &services);
        let pids: HashSet<u32> = services.iter().filter_map(|service| service.found.pid).collect();
        self.known.retain(|pid, _| pids.contains(pid));
        Snapshot { at: Some(now), systems, services, graphs }
    }

    /// Whether it belongs to no system and is to be shown. One that says that it is of a system has one that does not answer.
    fn is_alone(&self, found: &Found) -> bool {
        self.shows.takes_others() || self.shows.takes(text(&found.said, "system"), 0)
    }

    fn service(&mut self, found: Found, mut answers: Vec<Json>, now: Instant) -> Service {
        let mut next = || if answers.is_empty() { Json::Null } else { answers.remove(0) };
        let (stats, states) = (next(), next());
        let known = found.pid.map(|pid| self.known.entry(pid).or_default());
        let mut service = Service { id: id(&found), load: None, rates: HashMap::new(), stats, states, found };
        let Some(known) = known else { return service };
        let stats = Some(&service.stats).filter(|stats| !stats.is_null());
        known.load.take(stats, service.found.usage, now);
        service.load = Some(known.load.clone());
        match stats {
            Some(stats) => {
                service.rates = known.rates(stats, now);
                known.said = Some(service.found.clone());
            }
            None => known.name(&mut service.found),
        }
        service
    }
}

fn id(found: &Found) -> String {
    match (&found.system, found.pid) {
        (Some((_, up)), _) => format!("{up}/{}", found.name),
        (None, pid) => format!("-/{}", pid.unwrap_or_default()),
    }
}

impl Known {
    /// Gives one that does not answer the name that it had when it did.
    fn name(&self, found: &mut Found) {
        if let Some(said) =
            self.said.as_ref().filter(|_| found.system.is_none() && text(&found.said, "state") == SILENT)
        {
            *found = Found { usage: found.usage, ..said.clone() };
            found.said["state"] = SILENT.into();
        }
    }

    /// Messages in a second of each connection since the last look.
    fn rates(&mut self, stats: &Json, now: Instant) -> HashMap<String, (f64, f64)> {
        let connections = stats.get("connections").and_then(Json::as_object).into_iter().flatten();
        let number = |counts: &Json, key: &str| counts.get(key).and_then(Json::as_u64).unwrap_or_default();
        let counted: Counts = connections
            .map(|(name, counts)| (name.clone(), (number(counts, "received"), number(counts, "sent"))))
            .collect();
        let Some((then, before)) = self.counted.replace((now, counted.clone())) else {
            return HashMap::new();
        };
        let seconds = now.saturating_duration_since(then).max(Duration::from_millis(1)).as_secs_f64();
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let rates = counted.into_iter().filter_map(|(name, (received, sent))| {
            let (received_before, sent_before) = before.get(&name)?;
            Some((name, (rate(received, *received_before), rate(sent, *sent_before))))
        });
        rates.collect()
    }
}

impl Snapshot {
    pub(super) fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Everything of the table.
    pub(super) fn to_json(&self) -> Json {
        json!({
            "systems": self.systems.iter().map(System::to_json).collect::<Vec<_>>(),
            "services": self.services.iter().map(Service::row).collect::<Vec<_>>(),
        })
    }
}

impl System {
    fn to_json(&self) -> Json {
        json!({
            "name": self.name,
            "up": self.up,
            "state": self.said.get("state"),
            "uptime": self.said.get("uptime"),
            "files": self.said.get("files"),
        })
    }
}

impl Service {
    pub(super) fn state(&self) -> &str {
        text(&self.found.said, "state")
    }

    /// Its row of the table.
    pub(super) fn row(&self) -> Json {
        let said = |key: &str| self.found.said.get(key);
        let load = self.load.as_ref();
        let system = self.found.system.as_ref();
        json!({
            "id": self.id,
            "name": self.found.full_name(),
            "system": system.map(|(name, _)| name),
            "entry": said("entry"),
            "service": said("service"),
            "state": self.state(),
            "waits_for": said("waits_for"),
            "end": said("end"),
            "pid": self.found.pid,
            "uptime": said("uptime"),
            "restarts": said("restarts"),
            "cpu": load.map(|load| load.share),
            "memory": load.map(|load| load.memory),
            "in": load.map(|load| load.rates.received),
            "out": load.map(|load| load.rates.sent),
            "p99": load.and_then(|load| load.rates.p99),
            "errors": load.map(|load| load.rates.errors),
        })
    }

    /// All that is known of it.
    pub(super) fn details(&self) -> Json {
        let mut details = self.row();
        let mut connections = self.stats.get("connections").cloned().unwrap_or_default();
        for (name, (received, sent)) in &self.rates {
            connections[name]["in"] = json!(received);
            connections[name]["out"] = json!(sent);
        }
        details["connections"] = connections;
        details["states"] = exact(self.states.clone());
        details
    }
}
