//! Taking away what nobody needs any more: flows that ended, and the scripts of those that are gone.

use std::collections::HashSet;
use std::time::Duration;

use super::engine::Outcome;
use super::errors::FlowError;
use super::flows::Flows;
use super::history::{Event, Move};
use super::stream::{callback_key, delivered_key, emitted_key, saved_key, source_key, stream};
use crate::store::{Batch, Error as StoreError, Expected, Refused};
use crate::value::Value;

/// How long a script stays that nobody seems to have any more: who started one at the same moment is found meanwhile.
const LAST_HOUR: Duration = Duration::from_secs(3600);
/// How many flows are listed at once.
const PAGE: usize = 1000;

/// What was taken away of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The scripts that it had, by the names under which the store has them.
    pub sources: Vec<String>,
}

impl Flows {
    /// Takes a flow away that has ended, with its history and all that belongs to it; none if it has not ended, or goes on just now.
    ///
    /// # Errors
    /// There is no such flow, or the store cannot be written.
    pub fn remove(&self, id: &str) -> Result<Option<Removed>, FlowError> {
        let info = self.get(id)?;
        if !info.status.has_ended() {
            return Ok(None);
        }
        let sources = self.started(id)?.sources().cloned().collect();
        let batch =
            Batch::new().append(stream(id), Expected::Version(info.version), []).release(saved_key(id));
        let batch = self.since(id, 0)?.iter().fold(batch, |batch, (_, _, event)| without(batch, id, event));
        match self.store().commit(batch.remove(stream(id))) {
            Ok(_) => Ok(Some(Removed { sources })),
            Err(StoreError::Refused(Refused::Conflict { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes those of these scripts away that no flow and no schedule has any more; how many.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn remove_unused(&self, sources: HashSet<String>) -> Result<usize, FlowError> {
        let unused = self.without_used(sources)?;
        let mut texts = Vec::new();
        for source in &unused {
            let key = source_key(source);
            if let Some(text) = self.store().claimed(&key)? {
                self.store().commit(Batch::new().claim_for(&key, text.clone(), LAST_HOUR))?;
                texts.push((source.clone(), text));
            }
        }
        // Who was started meanwhile has it for good again.
        let still = self.without_used(unused)?;
        let used = texts.iter().filter(|(source, _)| !still.contains(source));
        for (source, text) in used {
            self.store().commit(Batch::new().claim(source_key(source), text.clone()))?;
        }
        while self.store().sweep(PAGE).wait()? == PAGE {}
        Ok(texts.iter().filter(|(source, _)| still.contains(source)).count())
    }

    fn without_used(&self, mut sources: HashSet<String>) -> Result<HashSet<String>, FlowError> {
        for used in self.scheduled_sources()? {
            sources.remove(&used);
        }
        let mut after = None::<String>;
        while !sources.is_empty() {
            let page = self.list(None, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for info in &page {
                match self.started(&info.id) {
                    Ok(started) => started.sources().for_each(|used| {
                        sources.remove(used);
                    }),
                    Err(FlowError::NoFlow(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(sources)
    }
}

/// What an event of a flow has put elsewhere is taken away.
fn without(batch: Batch, id: &str, event: &Event) -> Batch {
    let Event::Turn(turn) = event else { return batch };
    turn.moves.iter().fold(batch, |batch, made| match made {
        Move::Answered(call, Outcome::Value(value)) if call.name == "http.callback" => {
            match value.get("id").and_then(Value::as_str) {
                Some(callback) => batch.release(callback_key(callback)).release(delivered_key(callback)),
                None => batch,
            }
        }
        Move::Asked(call) | Move::Begun(call) if call.name == "flow.emit" || call.name == "begin" => {
            batch.release(emitted_key(id, call.id))
        }
        _ => batch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Start;
    use crate::flow::toy::Toy;
    use crate::store::Store;

    #[test]
    fn an_ended_flow_goes_with_its_script_unless_somebody_else_has_it() {
        let flows = Flows::of(&Store::in_memory());
        let start = |id: &str, source: &str| {
            let start = Start { id: Some(id.to_owned()), source: source.to_owned(), ..Start::default() };
            flows.start(&Toy, start).unwrap();
        };
        start("a", "now");
        start("b", "now");
        start("c", "now\nnow");
        let scripts = vec![("other.py".to_owned(), "now\nnow".to_owned())];
        let with_script =
            Start { id: Some("d".to_owned()), source: "now".to_owned(), scripts, ..Start::default() };
        flows.start(&Toy, with_script).unwrap();
        assert_eq!(flows.remove("a").unwrap(), None, "it has not ended");
        let end = |id: &str| {
            let ended = Event::Ended(crate::flow::history::End::Done(Value::Nil));
            let event = crate::store::NewEvent::new(ended.kind(), ended.to_bytes().unwrap());
            let batch = Batch::new().append(stream(id), Expected::Any, [event]);
            flows.store().commit(batch.mark(stream(id), "flow", "done", None)).unwrap();
        };
        let mut sources = HashSet::new();
        for id in ["a", "c"] {
            end(id);
            sources.extend(flows.remove(id).unwrap().unwrap().sources);
        }
        assert!(matches!(flows.get("a"), Err(FlowError::NoFlow(_))));
        assert_eq!(flows.remove_unused(sources.clone()).unwrap(), 0, "another one may start it");
        end("d");
        sources.extend(flows.remove("d").unwrap().unwrap().sources);
        assert_eq!(flows.remove_unused(sources).unwrap(), 1);
        assert!(flows.script("b").is_ok());
    }
}
