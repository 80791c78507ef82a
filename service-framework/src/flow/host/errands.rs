//! Errands that are done here: by a connector, over and over until they come to an end, and kept from others meanwhile.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::Inner;
use super::hot::Hot;
use crate::flow::connect::{Errand, Performed};
use crate::flow::engine::{Outcome, Raised};
use crate::flow::errors::FlowError;
use crate::flow::history::Event;
use crate::flow::stream::{ErrandForm, errand_id, queue_of};
use crate::store::{Batch, Due};
use crate::value::encode;

/// An errand that is being done here.
pub(super) struct Underway {
    task: AbortHandle,
    form: ErrandForm,
}

impl Underway {
    /// Gives it up.
    pub(super) fn abort(&self, inner: &Inner) {
        self.task.abort();
        inner.underway().remove(&errand_id(&self.form.flow, self.form.call));
    }

    /// Leaves it to whoever comes first.
    pub(super) fn leave_to_others(&self, inner: &Inner, batch: Batch) -> Result<Batch, FlowError> {
        self.abort(inner);
        put(batch, &self.form, Due::NOW)
    }
}

/// Puts an errand into the outbox.
pub(super) fn put(batch: Batch, form: &ErrandForm, due: Due) -> Result<Batch, FlowError> {
    Ok(batch.put_outbox(queue_of(&form.name), errand_id(&form.flow, form.call), due, encode(form)?))
}

impl Hot {
    /// Does an errand that was written just now.
    pub(super) fn do_here(&mut self, form: ErrandForm) {
        let call = form.call;
        let task = self.inner.spawn(self.inner.clone().perform(form.clone())).abort_handle();
        self.errands.insert(call, Underway { task, form });
    }
}

impl Inner {
    /// Puts an errand into the outbox: for others at once, or for this host first.
    pub(super) fn put_errand(&self, batch: Batch, form: &ErrandForm) -> Result<Batch, FlowError> {
        // If this host ends before it is done, others find it then.
        let due = if self.does(&form.name) { Due::In(self.settings.lease) } else { Due::NOW };
        put(batch, form, due)
    }

    /// Whether the connector of what is called so is here.
    pub(super) fn does(&self, name: &str) -> bool {
        self.connectors.contains_key(&queue_of(name))
    }

    fn underway(&self) -> MutexGuard<'_, HashMap<String, Arc<()>>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does an errand, and brings its flow what came of it; unless it is done here already, and the disk was too slow to keep it from
    /// being taken again.
    pub(super) async fn perform(self: Arc<Self>, form: ErrandForm) {
        let id = errand_id(&form.flow, form.call);
        let who = Arc::new(());
        match self.underway().entry(id.clone()) {
            Entry::Occupied(_) => return,
            Entry::Vacant(free) => drop(free.insert(who.clone())),
        }
        let _ends = Ends { inner: self.clone(), id, who };
        self.do_errand(form).await;
    }

    async fn do_errand(self: &Arc<Self>, form: ErrandForm) {
        let Some(connector) = self.connectors.get(&queue_of(&form.name)).cloned() else { return };
        let errand = Errand {
            flow: form.flow.clone(),
            call: form.call,
            name: form.name.clone(),
            args: form.args.clone(),
            attempt: form.tried.saturating_add(1),
        };
        let performing = connector.perform(errand);
        let performed = tokio::select! {
            performed = performing => performed,
            () = self.keep_from_others(&form) => return,
            () = self.over() => return self.give_back(&form),
        };
        let call = form.call;
        let (event, with) = match performed {
            Performed::Done(outcome) => {
                let done = Batch::new().done_outbox(errand_id(&form.flow, call));
                (Event::Result { call, outcome: plain(outcome) }, done)
            }
            Performed::Again { after, reason } => {
                let attempt = form.tried.saturating_add(1);
                let again = ErrandForm { tried: attempt, ..form.clone() };
                let Ok(with) = put(Batch::new(), &again, Due::In(after)) else { return };
                (Event::Tried { call, attempt, reason, after: after.as_secs_f64() }, with)
            }
            Performed::Elsewhere => return self.done_elsewhere(&form).await,
        };
        self.deliver(&form.flow, event, with);
    }

    /// The host ends: others do it at once.
    fn give_back(&self, form: &ErrandForm) {
        let (lease, epoch) = self.lease.fence();
        if let Ok(batch) = put(Batch::new().fence(lease, epoch), form, Due::NOW) {
            // If it cannot be written, it is done when this host's time is over.
            drop(self.store().submit(batch));
        }
    }

    /// What comes of it is brought to the flow by somebody else.
    async fn done_elsewhere(&self, form: &ErrandForm) {
        let done = Batch::new().done_outbox(errand_id(&form.flow, form.call));
        if let Err(error) = self.store().submit(done).await {
            tracing::warn!(flow = form.flow, %error, "an errand is done and cannot be noted; it is done again");
        }
    }

    /// Nobody else does an errand as long as this goes on. It ends only if the store cannot be written any more.
    async fn keep_from_others(&self, form: &ErrandForm) {
        let hold = self.settings.lease;
        loop {
            tokio::time::sleep((hold / 3).max(Duration::from_millis(10))).await;
            let (lease, epoch) = self.lease.fence();
            let Ok(batch) = put(Batch::new().fence(lease, epoch), form, Due::In(hold)) else { return };
            if let Err(error) = self.store().submit(batch).await {
                tracing::warn!(flow = form.flow, call = form.call, %error, "an errand cannot be kept from others");
                if error.refused().is_some() {
                    return;
                }
            }
        }
    }
}

/// An errand that is being done, until this goes.
struct Ends {
    inner: Arc<Inner>,
    id: String,
    who: Arc<()>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        let mut underway = self.inner.underway();
        // It may have been given up, and somebody else be at it.
        if underway.get(&self.id).is_some_and(|who| Arc::ptr_eq(who, &self.who)) {
            underway.remove(&self.id);
        }
    }
}

/// An outcome that can be written: one that is nested deeper than values may be is an error.
fn plain(outcome: Outcome) -> Outcome {
    match encode(&outcome) {
        Ok(_) => outcome,
        Err(error) => Outcome::Error(Raised { kind: "ValueError".to_owned(), message: error.to_string() }),
    }
}
