//! Flows that start, await, tell and cancel other flows. All of it is in the store, so none of it happens twice.

use crate::flow::connect::{Connector, Errand, Performed, Performing};
use crate::flow::engine::{Checks, Outcome, Raised};
use crate::flow::errors::FlowError;
use crate::flow::flows::{FlowInfo, Flows, Start, Told};
use crate::flow::history::Event;
use crate::flow::stream::emitted_key;
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
            ("flow.start", [wanted]) => done(Value::Str(self.start(errand, wanted)?)),
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

    /// The same errand starts the same flow, however often it is tried.
    fn start(&self, errand: &Errand, wanted: &Value) -> Result<String, FlowError> {
        let text = |key: &str| wanted.get(key).and_then(Value::as_str).map(str::to_owned);
        let own = self.flows.script(&errand.flow)?;
        let (file, source) = match text("source") {
            Some(source) => (text("file").unwrap_or_else(|| "script.py".to_owned()), source),
            None => (own.file, own.source),
        };
        let args = match wanted.get("args") {
            Some(Value::Map(args)) => args
                .iter()
                .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.clone())))
                .collect(),
            _ => Vec::new(),
        };
        let id = text("id").unwrap_or_else(|| format!("{}.{}", errand.flow, errand.call));
        let start = Start {
            id: Some(id),
            name: text("name").or_else(|| text("function")),
            file,
            source,
            function: text("function"),
            args,
            parent: Some(errand.flow.clone()),
        };
        self.flows.start(&*self.engine, start).map(|(id, _)| id)
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
            Some(end) => Ok(Performed::Done(end.outcome())),
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
