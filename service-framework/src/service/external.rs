//! Requests to a function of this very process, on worker threads.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::pool::Pool;
use crate::connection::tap::{Kind, Observed};
use crate::connection::{Answer, Counters, Deadlines, Frame, Outgoing, SendError};
use crate::wire::WorkflowId;

/// The function behind an external request: the envelope of a request in, that of a reply out.
pub(crate) type Function = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

const THREADS: usize = 4;
const MOST_QUEUED: usize = 1_000;

/// One external request connection.
pub(crate) struct External {
    name: String,
    function: Function,
    counters: Arc<Counters>,
    pool: Pool,
    open: Open,
    deadlines: Deadlines,
    next: u64,
}

/// Who waits. Workers take out what they have an answer for.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<HashMap<u64, Waiting>>>);

struct Waiting {
    answer: oneshot::Sender<Answer>,
    /// How long they said they would wait, and since when.
    within: Duration,
    began: Instant,
    workflow: WorkflowId,
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, id: u64, answer: impl FnOnce(&Waiting) -> Answer) {
        let ended = self.lock().remove(&id);
        if let Some(waiting) = ended {
            let answer = answer(&waiting);
            let _ = waiting.answer.send(answer);
        }
    }
}

impl External {
    pub(crate) fn start_workers(name: &str, function: Function, counters: Arc<Counters>) -> io::Result<Self> {
        let pool = Pool::start(name, THREADS, MOST_QUEUED)?;
        Ok(Self {
            name: name.into(),
            function,
            counters,
            pool,
            open: Open::default(),
            deadlines: Deadlines::default(),
            next: 0,
        })
    }

    /// Hands a request to a worker.
    pub(crate) fn start(&mut self, request: Outgoing, now: Instant) {
        let id = self.next;
        self.next += 1;
        let mut body = Vec::new();
        request.write(&mut body, now);
        self.counters.tap.observe(|| Observed::went_out(Kind::Request, &body));
        self.deadlines.add(request.deadline(), id);
        let Outgoing { answer, within, began, workflow, .. } = request;
        self.open.lock().insert(id, Waiting { answer, within, began, workflow });
        let (function, open) = (self.function.clone(), self.open.clone());
        let job = move || {
            // It stays open while the function runs, so that its deadline can end it.
            if open.lock().contains_key(&id) {
                let reply = Frame::from(function(&body));
                open.end(id, |_| Ok(reply));
            }
        };
        if !self.pool.submit(Box::new(job)) {
            let error = SendError::Overloaded { connection: self.name.clone(), open: MOST_QUEUED };
            self.fail(id, |_| error);
        }
    }

    /// Ends the requests whose deadline has come; their functions run on, unheard.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(id) = self.deadlines.due(now) {
            let connection = self.name.clone();
            self.fail(id, |after| SendError::Timeout { connection, after, no_peer: false });
        }
        let open = self.open.lock();
        self.deadlines.forget(open.len(), |id| open.contains_key(&id));
    }

    /// Ends a request without a reply, which is shown to whoever looks.
    fn fail(&self, id: u64, error: impl FnOnce(Duration) -> SendError) {
        self.open.end(id, |waiting| {
            let error = error(waiting.within);
            if self.counters.tap.is_watched() {
                let mut workflow = Vec::new();
                waiting.workflow.write(&mut workflow);
                let ended = Observed::came_in(Kind::Unanswered, &[]).of_workflow(Some(&workflow));
                self.counters.tap.observe(|| ended.ended(waiting.began.elapsed(), error.word()));
            }
            Err(error)
        });
    }

    /// When [`External::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends every open request.
    pub(crate) fn stop(&mut self) {
        let ended: Vec<_> = self.open.lock().drain().collect();
        for (_, waiting) in ended {
            let _ = waiting.answer.send(Err(SendError::Stopping));
        }
    }
}
