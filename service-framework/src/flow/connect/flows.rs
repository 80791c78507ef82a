//! Flows that start, await, tell and cancel other flows. All of it is in the store, so none of it happens twice.

use crate::flow::connect::{Connector, Errand, Performed, Performing};
use crate::flow::engine::{Checks, Outcome, Raised};
use crate::flow::errors::FlowError;
use crate::flow::flows::{FlowInfo, Flows, Told};
use crate::flow::history::Event;
use crate::flow::start::{MAIN, Start};
use crate::flow::stream::{emitted_key, source};
use crate::store::{Batch, Error as StoreError, Refused, new_id};
use crate::value::{Value, decode};
use std::sync::Arc;

/// Does what flows ask of other flows.
pub struct OtherFlows {
    flows: Flows,
    engine: Arc<dyn Checks>,
}

impl OtherFlows {
    /// Of the same store.
    #[must_use]
    pub fn new(flows: &Flows, engine: Arc<dyn Checks>) -> Self {
        Self { flows: flows.clone(), engine }
    }

    fn act(&self, errand: &Errand) -> Result<Performed, FlowError> {
        let done = |value| Ok(Performed::Done(Outcome::Value(value)));
        match (errand.name.as_str(), errand.args.as_slice()) {
            ("flow.start", [wanted]) => self.start(errand, wanted),
            ("flow.result", [Value::Str(id)]) => self.result(errand, id),
            ("flow.emit", [Value::Str(id), Value::Str(name), data]) => {
                self.emit(errand, id, name, data)?;
                done(Value::Nil)
            }
            ("flow.cancel", [Value::Str(id)]) => match self.flows.cancel(id) {
                Ok(_) | Err(FlowError::NotNow { .. }) => done(Value::Nil),
                Err(error) => Err(error),
            },
            ("flow.get", [Value::Str(id)]) => done(self.told(&self.flows.get(id)?)?),
            ("flow.tell", [Value::Str(flow), Value::Int(call), Value::Bytes(outcome)]) => {
                self.tell(flow, *call, outcome)?;
                Ok(Performed::Elsewhere)
            }
            (name, _) => Ok(failed("TypeError", format!("these are no arguments of {name:?}"))),
        }
    }

    /// The same errand starts the same flow, however often it is tried: it has its texts from the store, and reads no files.
    fn start(&self, errand: &Errand, wanted: &Value) -> Result<Performed, FlowError> {
        let text = |key: &str| wanted.get(key).and_then(Value::as_str).map(str::to_owned);
        let own = self.flows.started(&errand.flow)?;
        let (file, hash) = match text("file") {
            None => (own.file, own.source),
            Some(file) => match own.scripts.iter().find(|(name, _)| *name == file) {
                Some((_, hash)) => (file, hash.clone()),
                None => return Ok(failed("ValueError", not_given(&file, &own.scripts))),
            },
        };
        let source = source(self.flows.store(), &hash)?.ok_or_else(|| FlowError::Incomplete {
            flow: errand.flow.clone(),
            reason: format!("the script {file} is missing"),
        })?;
        let args: Vec<_> = match wanted.get("args") {
            Some(Value::Map(args)) => args
                .iter()
                .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.clone())))
                .collect(),
            _ => Vec::new(),
        };
        let function = match self.function(&source, text("function"), !args.is_empty()) {
            Ok(function) => function,
            Err(there) => return Ok(failed("ValueError", format!("{file} {there}"))),
        };
        let start = Start {
            id: Some(text("id").unwrap_or_else(|| format!("{}.{}", errand.flow, errand.call))),
            name: text("file").is_none().then(|| text("function")).flatten(),
            file,
            source,
            function,
            args,
            scripts: Vec::new(),
            parent: Some(errand.flow.clone()),
        };
        match self.flows.start_child(&*self.engine, start, own.scripts) {
            Ok(id) => Ok(Performed::Done(Outcome::Value(Value::Str(id)))),
            Err(
                error @ (FlowError::Taken { .. } | FlowError::BadId { .. } | FlowError::Complaints { .. }),
            ) => Ok(failed("ValueError", error.to_string())),
            Err(error @ FlowError::Call { .. }) => Ok(failed("TypeError", error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// The function that is called: `main` only if there is one. If it is none of the script's, what the script has instead.
    fn function(
        &self,
        source: &str,
        wanted: Option<String>,
        has_args: bool,
    ) -> Result<Option<String>, String> {
        let there: Vec<String> =
            self.engine.functions(source).into_iter().map(|function| function.name).collect();
        let Some(wanted) = wanted else { return Ok(None) };
        if there.contains(&wanted) {
            return Ok(Some(wanted));
        }
        match there.as_slice() {
            _ if wanted == MAIN && !has_args => Ok(None),
            [] => Err(format!("has no function {wanted:?}: it has none")),
            there => Err(format!("has no function {wanted:?}: it has {}", there.join(", "))),
        }
    }

    /// The other flow's end, or that it is to tell of it.
    fn result(&self, errand: &Errand, id: &str) -> Result<Performed, FlowError> {
        if id == errand.flow {
            return Ok(failed("ValueError", "a flow cannot wait for its own end".to_owned()));
        }
        let watched = Event::Watched { by: errand.flow.clone(), call: errand.call };
        if self.flows.end(id)?.is_none() && self.flows.tell(id, &watched, Batch::new())? == Told::Written {
            return Ok(Performed::Elsewhere);
        }
        match self.flows.end(id)? {
            Some(end) => Ok(Performed::Done(end.outcome(id))),
            None => Ok(failed("RuntimeError", format!("the end of flow {id} cannot be read"))),
        }
    }

    fn emit(&self, errand: &Errand, id: &str, name: &str, data: &Value) -> Result<(), FlowError> {
        // Whoever tries it again has another value for the key, and is refused.
        let once = Batch::new().claim(emitted_key(&errand.flow, errand.call), new_id().into_bytes());
        let message = Event::Message { name: name.to_owned(), data: data.clone() };
        match self.flows.tell(id, &message, once) {
            Err(FlowError::Store(StoreError::Refused(Refused::Claimed { .. }))) => Ok(()),
            done => done.map(drop),
        }
    }

    fn tell(&self, flow: &str, call: i64, outcome: &[u8]) -> Result<(), FlowError> {
        let outcome: Outcome = decode(outcome)?;
        let call = u32::try_from(call).unwrap_or(u32::MAX);
        match self.flows.tell(flow, &Event::Result { call, outcome }, Batch::new()) {
            // Whoever waited is gone.
            Err(FlowError::NoFlow(_)) => Ok(()),
            done => done.map(drop),
        }
    }

    fn told(&self, info: &FlowInfo) -> Result<Value, FlowError> {
        let text = |text: &str| Value::Str(text.to_owned());
        let started = self.flows.started(&info.id)?;
        Ok(Value::Map(vec![
            (text("id"), text(&info.id)),
            (text("name"), text(&started.name)),
            (text("status"), text(info.status.word())),
            (text("published"), Value::Map(self.flows.published(&info.id)?)),
        ]))
    }
}

/// What a script is told that starts one which it does not have.
fn not_given(file: &str, given: &[(String, String)]) -> String {
    let given = match given {
        [] => "it has none".to_owned(),
        given => {
            format!("it has {}", given.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
        }
    };
    format!(
        "this flow was not given a script {file:?} when it was started: {given}. Say the name in the script as a text, \
         flows.start(\"other.py\"), or give it along with --with_script other.py"
    )
}

fn failed(kind: &str, message: String) -> Performed {
    Performed::Done(Outcome::Error(Raised { kind: kind.to_owned(), message }))
}

impl Connector for OtherFlows {
    fn queue(&self) -> &'static str {
        "flow"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            match tokio::task::block_in_place(|| self.act(&errand)) {
                Ok(performed) => performed,
                Err(error @ (FlowError::Store(_) | FlowError::Busy(_))) => Performed::Again {
                    after: std::time::Duration::from_millis(500),
                    reason: error.to_string(),
                },
                Err(error) => failed("RuntimeError", error.to_string()),
            }
        })
    }
}
