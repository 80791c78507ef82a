//! Flows that are started: checked, named, and written with their scripts.

use super::engine::{Checks, Function};
use super::errors::FlowError;
use super::flows::Flows;
use super::history::{Event, Started, Status};
use super::stream::{CATEGORY, damaged, encoded, hash_of, script_in, source_key, stream};
use crate::store::{Batch, Error as StoreError, Expected, Refused, new_id};
use crate::value::Value;

/// The function that is called if none is said.
pub(super) const MAIN: &str = "main";

/// A flow that is to be started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// Its id; a new one that sorts by time if none is given. The same id gives the same flow.
    pub id: Option<String>,
    /// What it is called in lists; the file's name without its ending if none is given.
    pub name: Option<String>,
    /// How the file is called in tracebacks.
    pub file: String,
    /// The text of the script.
    pub source: String,
    /// The function that is called after the top level.
    pub function: Option<String>,
    /// Its arguments, by name.
    pub args: Vec<(String, Value)>,
    /// The scripts that it may start by `flows.start(name)`, it and those that it starts: each with its text.
    pub scripts: Vec<(String, String)>,
    /// The flow that starts it.
    pub parent: Option<String>,
}

impl Start {
    /// The function that is called if none is said: `main`, if the script has one.
    #[must_use]
    pub fn or_main(self, engine: &dyn Checks) -> Self {
        let has_main = || engine.functions(&self.source).iter().any(|function| function.name == MAIN);
        let main = if self.function.is_none() && has_main() { Some(MAIN.to_owned()) } else { None };
        Self { function: self.function.or(main), ..self }
    }
}

impl Flows {
    /// Starts a flow; whatever host has an interpreter and this store runs it. Its id, and whether it was started just now.
    ///
    /// # Errors
    /// The script cannot be run, or the id belongs to another flow.
    pub fn start(&self, engine: &dyn Checks, start: Start) -> Result<(String, bool), FlowError> {
        self.start_as(engine, start, Status::Ready, None).map(|(id, is_new, _)| (id, is_new))
    }

    /// As [`Flows::start`], already in the hands of the host with this lease. The stream's version too.
    pub(super) fn start_as(
        &self,
        engine: &dyn Checks,
        start: Start,
        status: Status,
        owner: Option<&str>,
    ) -> Result<(String, bool, u64), FlowError> {
        self.check_script(engine, &start)?;
        let mut started = started_of(&start, engine.version());
        let mut batch = Batch::new();
        for (name, text) in start.scripts {
            let source = hash_of(&text);
            batch = batch.claim(source_key(&source), text.into_bytes());
            started.scripts.push((name, source));
        }
        let batch = batch.claim(source_key(&started.source), start.source.into_bytes());
        self.begin(start.id, started, batch, status, owner)
    }

    /// As [`Flows::start`], for a flow that may start what the one may that starts it.
    pub(super) fn start_child(
        &self,
        engine: &dyn Checks,
        start: Start,
        scripts: Vec<(String, String)>,
    ) -> Result<String, FlowError> {
        self.check_text(engine, &start.file, &start.source)?;
        check_call(engine, &start)?;
        let started = Started { scripts, ..started_of(&start, engine.version()) };
        let batch = Batch::new().claim(source_key(&started.source), start.source.into_bytes());
        self.begin(start.id, started, batch, Status::Ready, None).map(|(id, ..)| id)
    }

    fn begin(
        &self,
        id: Option<String>,
        started: Started,
        batch: Batch,
        status: Status,
        owner: Option<&str>,
    ) -> Result<(String, bool, u64), FlowError> {
        let id = id.unwrap_or_else(new_id);
        check_id(&id)?;
        check_name(&started.name)?;
        let event = encoded(&Event::Started(started.clone()))?;
        let batch = batch.append(stream(&id), Expected::NoStream, [event]).mark(
            stream(&id),
            CATEGORY,
            status.word(),
            owner,
        );
        match self.0.commit(batch) {
            Ok(committed) => Ok((id.clone(), true, committed.version(&stream(&id)).unwrap_or(1))),
            Err(StoreError::Refused(Refused::Conflict { .. })) => {
                let there = self.started(&id)?;
                let is_same = (&there.source, &there.function, &there.args)
                    == (&started.source, &started.function, &started.args);
                if is_same { Ok((id, false, 0)) } else { Err(FlowError::Taken { id }) }
            }
            // A script stands under the hash of its text.
            Err(StoreError::Refused(Refused::Claimed { key, .. })) if script_in(&key).is_some() => {
                Err(damaged(&self.0, script_in(&key).unwrap_or_default()).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// # Errors
    /// The script, or one that it may start, cannot be run: everything that is wrong with it.
    pub(super) fn check_script(&self, engine: &dyn Checks, start: &Start) -> Result<(), FlowError> {
        self.check_text(engine, &start.file, &start.source)?;
        check_call(engine, start)?;
        start.scripts.iter().try_for_each(|(name, text)| self.check_text(engine, name, text))
    }

    fn check_text(&self, engine: &dyn Checks, file: &str, source: &str) -> Result<(), FlowError> {
        let hash = format!("{} {}", engine.version(), hash_of(source));
        if self.1.passed.has(&hash) {
            return Ok(());
        }
        let complaints = engine.check(file, source);
        if complaints.is_empty() {
            self.1.passed.remember(hash);
            return Ok(());
        }
        Err(FlowError::Complaints { file: file.to_owned(), complaints })
    }
}

/// # Errors
/// There is no such function, or it cannot be called with the arguments.
fn check_call(engine: &dyn Checks, start: &Start) -> Result<(), FlowError> {
    let Some(wanted) = &start.function else {
        let file = start.file.clone();
        return if start.args.is_empty() { Ok(()) } else { Err(FlowError::ArgsOfNothing { file }) };
    };
    let functions = engine.functions(&start.source);
    let is_called = |function: &Function| function.name == *wanted;
    let Some(function) = functions.iter().find(|function| is_called(function)).cloned() else {
        let there = functions.into_iter().map(|function| function.name).collect();
        return Err(FlowError::NoFunction { file: start.file.clone(), wanted: wanted.clone(), there });
    };
    let misfits = function.misfits(start.args.iter().map(|(name, _)| name.as_str()));
    if misfits.is_empty() {
        return Ok(());
    }
    Err(FlowError::Call { file: start.file.clone(), function, misfits })
}

/// What it is called in lists.
pub(super) fn name_of(start: &Start) -> String {
    let file = start.file.rsplit('/').next().unwrap_or(&start.file);
    let stem = file.strip_suffix(".py").unwrap_or(file);
    start.name.clone().unwrap_or_else(|| if stem.is_empty() { "flow" } else { stem }.to_owned())
}

fn started_of(start: &Start, engine: String) -> Started {
    Started {
        name: name_of(start),
        file: start.file.clone(),
        source: hash_of(&start.source),
        function: start.function.clone(),
        args: start.args.clone(),
        scripts: Vec::new(),
        parent: start.parent.clone(),
        forked_from: None,
        engine,
    }
}

/// The longest name that can be limited.
const LONGEST_NAME: usize = 200;

/// # Errors
/// Flows cannot be called so.
pub(super) fn check_name(name: &str) -> Result<(), FlowError> {
    if (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(char::is_control) {
        return Ok(());
    }
    Err(FlowError::BadName { name: name.to_owned() })
}

pub(super) fn check_id(id: &str) -> Result<(), FlowError> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "-_.:@".contains(c);
    if (1..=200).contains(&id.len()) && id.chars().all(is_good) {
        return Ok(());
    }
    Err(FlowError::BadId { id: id.to_owned() })
}
