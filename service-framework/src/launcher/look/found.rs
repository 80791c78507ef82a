//! Which services and systems run: everything that has a control socket, and what systems say of their own.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::asked;
use crate::launcher::control::client::{AskError, Client};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};
use crate::launcher::control::usage::{self, Usage};
use crate::model::{Problem, near_miss};

/// How long one that runs may take to answer what needs no doing.
const PATIENCE: Duration = Duration::from_secs(3);

/// The state of one that runs and does not answer in time.
pub(crate) const SILENT: &str = "silent";

/// A service, or an instance of one.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The name of its system, and the process that runs that.
    pub(crate) system: Option<(String, u32)>,
    /// Its own name, unique in its system.
    pub(crate) name: String,
    /// Its process, if it has one now.
    pub(crate) pid: Option<u32>,
    /// What it says of itself, or its system of it.
    pub(crate) said: Json,
    pub(crate) usage: Option<Usage>,
}

/// Asks the socket of this process.
pub(crate) fn ask(kind: Kind, pid: u32, question: &Question, patience: Duration) -> Result<Json, AskError> {
    Client::connect(&place::socket(kind, pid), patience)?.ask(question)
}

/// What the service with this number says, where that is soon.
pub(super) fn ask_soon(pid: u32, question: &Question) -> Result<Json, AskError> {
    ask(Kind::Service, pid, question, PATIENCE)
}

/// The systems that run and say so in time: their names and processes, and what they say of themselves.
pub(crate) fn systems(patience: Duration) -> Vec<(String, u32, Json)> {
    let said = live_systems(patience).filter_map(|(pid, said)| Some((pid, said.ok()?)));
    said.map(|(pid, said)| (text(&said, "name").to_owned(), pid, said)).collect()
}

/// What each process says that runs a system.
fn live_systems(patience: Duration) -> impl Iterator<Item = (u32, Result<Json, AskError>)> {
    let live = place::live().into_iter().filter(|(found, _)| *found == Kind::System);
    live.map(move |(kind, pid)| (pid, ask(kind, pid, &Question::new("ps"), patience)))
}

/// Everything that runs, that of systems first.
pub(super) fn all() -> Vec<Found> {
    let (mut found, mut systems) = (Vec::new(), Vec::new());
    for (up, said) in live_systems(PATIENCE) {
        match said {
            Ok(said) => systems.push((text(&said, "name").to_owned(), up, said)),
            Err(error) => found.extend(Found::silent(up, "up", &error)),
        }
    }
    found.extend(all_asked(&systems, &[], PATIENCE).into_iter().map(|(found, _)| found));
    found
}

/// Everything that runs, that of these systems first, and what each answers to these questions within this time; nothing if
/// it does not answer.
pub(crate) fn all_asked(
    systems: &[(String, u32, Json)],
    questions: &[Question],
    patience: Duration,
) -> Vec<(Found, Vec<Json>)> {
    let of_systems = systems.iter().flat_map(|(_, up, said)| Found::all_of_system(*up, said));
    let mut found: Vec<(Found, Vec<Json>)> = of_systems.map(|found| (found, Vec::new())).collect();
    let places: HashMap<u32, usize> =
        found.iter().enumerate().filter_map(|(place, (found, _))| Some((found.pid?, place))).collect();
    let services = place::live().into_iter().filter(|(kind, _)| *kind == Kind::Service);
    let pids: Vec<u32> = services.map(|(_, pid)| pid).collect();
    let questions: Vec<Question> =
        [Question::new("ping")].into_iter().chain(questions.iter().cloned()).collect();
    for (pid, answers) in pids.iter().zip(asked::each(&pids, &questions, patience)) {
        let known = places.get(pid).and_then(|place| found.get_mut(*place));
        match (answers.map(|mut answers| (answers.remove(0), answers)), known) {
            (Ok((said, answers)), Some((known, answered))) => {
                known.add(&said);
                *answered = answers;
            }
            (Ok((said, answers)), None) => found.push((Found::alone(*pid, said), answers)),
            (Err(error), Some((known, _))) if is_silent(&error) => known.add(&json!({ "state": SILENT })),
            (Err(_), Some(_)) => {}
            (Err(error), None) => {
                found.extend(Found::silent(*pid, "", &error).map(|found| (found, Vec::new())));
            }
        }
    }
    found
}

/// Whether somebody is there who does not answer, because it is stopped or has too much to do.
fn is_silent(error: &AskError) -> bool {
    matches!(error, AskError::Lost(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

impl Found {
    fn of_system(system: &str, up: u32, said: &Json) -> Self {
        let pid = said.get("pid").and_then(Json::as_u64).and_then(|pid| u32::try_from(pid).ok());
        Self {
            system: Some((system.to_owned(), up)),
            name: text(said, "name").to_owned(),
            pid,
            said: said.clone(),
            usage: pid.and_then(usage::of),
        }
    }

    fn all_of_system(up: u32, said: &Json) -> impl Iterator<Item = Self> {
        let services = said.get("services").and_then(Json::as_array).into_iter().flatten();
        services.map(move |service| Self::of_system(text(said, "name"), up, service))
    }

    /// Nothing is known of it but its process; None if that has gone meanwhile.
    fn silent(pid: u32, service: &str, error: &AskError) -> Option<Self> {
        let said = json!({ "name": "?", "service": service, "state": SILENT, "pid": pid });
        is_silent(error).then(|| Self::alone(pid, said))
    }

    fn alone(pid: u32, said: Json) -> Self {
        let name = text(&said, "name").to_owned();
        Self { system: None, name, pid: Some(pid), said, usage: usage::of(pid) }
    }

    /// What a service says of itself is newer than what its system says, and more.
    fn add(&mut self, said: &Json) {
        for (key, value) in said.as_object().into_iter().flatten() {
            self.said[key] = value.clone();
        }
    }

    /// `SYSTEM/NAME`, or the name alone.
    pub(crate) fn full_name(&self) -> String {
        match &self.system {
            Some((system, _)) => format!("{system}/{}", self.name),
            None => self.name.clone(),
        }
    }

    fn is(&self, wanted: &str) -> bool {
        let number = self.pid.is_some_and(|pid| pid.to_string() == wanted);
        number || self.name == wanted || self.full_name() == wanted || self.is_instance(wanted)
    }

    /// Whether it is one of several instances of what is wanted.
    fn is_instance(&self, wanted: &str) -> bool {
        let entry = text(&self.said, "entry");
        let full = self.system.as_ref().map(|(system, _)| format!("{system}/{entry}"));
        !entry.is_empty() && (entry == wanted || full.as_deref() == Some(wanted))
    }
}

/// What is called `wanted`: the name of a service with or without its system, or the number of its process. Several if
/// they are instances of one.
///
/// # Errors
/// Nothing is called so, or several that do not belong together.
pub(super) fn named(wanted: Option<&str>) -> Result<Vec<Found>, Vec<Problem>> {
    let wanted = wanted.unwrap_or_default();
    let all = all();
    let found: Vec<Found> = all.iter().filter(|found| found.is(wanted)).cloned().collect();
    let Some(first) = found.first() else { return Err(vec![nobody(wanted, &all)]) };
    let one_place = |found: &Found| (found.system.clone(), text(&found.said, "entry").to_owned());
    let are_one = found.len() == 1
        || (first.system.is_some() && found.iter().all(|found| one_place(found) == one_place(first)));
    if are_one {
        return Ok(found);
    }
    let many = found.iter().map(|found| format!("{} (process {})", found.full_name(), number(found.pid)));
    let problem = Problem::new("NAME", "one service", many.collect::<Vec<_>>().join(", "));
    Err(vec![problem.with_hint("say SYSTEM/NAME, or the number of its process")])
}

/// As [`named`], of which each has a process.
///
/// # Errors
/// As for [`named`], and that none of them runs.
pub(super) fn running(wanted: Option<&str>) -> Result<Vec<(Found, u32)>, Vec<Problem>> {
    let found = named(wanted)?;
    let names: Vec<_> = found.iter().map(Found::full_name).collect();
    let running: Vec<_> = found.into_iter().filter_map(|found| Some((found.clone(), found.pid?))).collect();
    match running.is_empty() {
        true => Err(vec![Problem::new(
            "NAME",
            "a service that runs",
            format!("{}, which does not", names.join(", ")),
        )]),
        false => Ok(running),
    }
}

/// The system called `wanted`, or the only one.
///
/// # Errors
/// There is no such system, or which one is meant is not said.
pub(super) fn system(wanted: Option<&str>) -> Result<(String, u32), Vec<Problem>> {
    let all = systems(PATIENCE);
    let is_it = |(name, pid, _): &&(String, u32, Json)| {
        wanted.is_none_or(|wanted| name == wanted || pid.to_string() == wanted)
    };
    match all.iter().filter(is_it).collect::<Vec<_>>().as_slice() {
        [(name, pid, _)] => Ok((name.clone(), *pid)),
        [] => {
            let names: Vec<&str> = all.iter().map(|(name, ..)| name.as_str()).collect();
            let found = wanted.map_or("none".to_owned(), |wanted| format!("{wanted:?}"));
            let problem = Problem::new("SYSTEM", expected("a system that runs", &names), found);
            Err(vec![problem.with_near_miss(wanted.unwrap_or_default(), names.iter().copied())])
        }
        several => {
            let named = several.iter().map(|(name, pid, _)| format!("{name} (process {pid})"));
            let found = named.collect::<Vec<_>>().join(", ");
            Err(vec![Problem::new("SYSTEM", "the name or the process of one system", found)])
        }
    }
}

fn nobody(wanted: &str, all: &[Found]) -> Problem {
    let full: Vec<String> = all.iter().map(Found::full_name).collect();
    let names: Vec<&str> = full.iter().map(String::as_str).collect();
    let problem = Problem::new("NAME", expected("a service that runs", &names), format!("{wanted:?}"));
    let near = near_miss(wanted, all.iter().flat_map(|found| [found.name.as_str()]));
    match near {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem.with_hint("`ps` shows what runs"),
    }
}

/// At most so many names are listed.
const MOST_NAMES: usize = 20;

fn expected(what: &str, names: &[&str]) -> String {
    match names {
        [] => what.to_owned(),
        names => format!("{what}: {}", names[..names.len().min(MOST_NAMES)].join(", ")),
    }
}

fn number(pid: Option<u32>) -> String {
    pid.map_or("none".to_owned(), |pid| pid.to_string())
}

/// The text under `key`, or none.
pub(crate) fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// Of each service of a system that runs: its entry, how it is, and what it has counted.
pub(crate) fn running_of(system: &str) -> Vec<(String, String, Json)> {
    let of_system = |found: &Found| found.system.as_ref().is_some_and(|(name, _)| name == system);
    let all = all_asked(&systems(PATIENCE), &[Question::new("stats")], PATIENCE);
    let running = all.into_iter().filter(|(found, _)| of_system(found));
    let said = running.map(|(found, answers)| {
        let text = |key| text(&found.said, key).to_owned();
        (text("entry"), text("state"), answers.into_iter().next().unwrap_or_default())
    });
    said.collect()
}
