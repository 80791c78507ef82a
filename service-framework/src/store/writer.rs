//! Group commit: one thread writes, everything that waits when it is ready in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::backend::{Done, Job, Work};
use super::error::Error;
use super::pending::Reply;
use super::watch::{Hub, Topic};

/// Most jobs that wait before a submitter has to.
const QUEUE: usize = 1024;
/// Most jobs of one transaction.
const GROUP: usize = 256;
/// From so many bytes on a transaction takes no further job.
const GROUP_BYTES: usize = 16 << 20;

/// What writes, on the writer's thread.
pub(crate) trait Engine: Send + 'static {
    /// Does all of it in one transaction, and returns when that is as durable as promised. Each job is done whole or refused
    /// without a trace.
    ///
    /// # Errors
    /// Nothing of it was written, or, with [`Error::Unknown`], perhaps all.
    fn group(&mut self, works: &[Work]) -> Result<Vec<Result<Done, Error>>, Error>;

    /// Forgets whatever a panic may have left half done.
    fn forget(&mut self);
}

/// The thread. When this goes, it writes what is queued, then ends.
pub(crate) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    store: Arc<str>,
}

impl Writer {
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(store: Arc<str>, engine: impl Engine, hub: Arc<Hub>) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        let name = Arc::clone(&store);
        let write = move || Writing { engine, hub, store: name }.run(&jobs);
        let thread =
            thread::Builder::new().name("store-writer".to_owned()).spawn(write).map_err(|error| {
                Error::CannotOpen {
                    store: store.to_string(),
                    reason: format!("no thread to write with: {error}"),
                }
            })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), store })
    }

    /// Queues a job; waits while the queue is full.
    pub(crate) fn submit(&self, job: Job) {
        let unsent = match &self.queue {
            Some(queue) => queue.send(job).err().map(|error| error.0),
            None => Some(job),
        };
        if let Some(job) = unsent {
            let (store, reason) = (self.store.to_string(), "its writer has ended".to_owned());
            job.reply.send(Err(Error::NotWritten { store, reason }));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // That it panicked was said to all who waited.
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Writing<E> {
    engine: E,
    hub: Arc<Hub>,
    store: Arc<str>,
}

impl<E: Engine> Writing<E> {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let (works, replies) = drain(first, jobs);
            self.group(&works, replies);
        }
    }

    fn group(&mut self, works: &[Work], replies: Vec<Reply>) {
        let answers = catch_unwind(AssertUnwindSafe(|| self.engine.group(works))).unwrap_or_else(|_| {
            self.engine.forget();
            let (store, reason) = (self.store.to_string(), "the writer panicked".to_owned());
            Err(Error::Unknown { store, reason })
        });
        let answers = answers.unwrap_or_else(|error| vec![Err(error); works.len()]);
        let done = works.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        self.hub.changed(done.flat_map(|(work, _)| Topic::changed_by(work)));
        for (reply, answer) in replies.into_iter().zip(answers) {
            reply.send(answer);
        }
    }
}

/// The first job and what waits behind it, as far as there is room.
fn drain(first: Job, jobs: &Receiver<Job>) -> (Vec<Work>, Vec<Reply>) {
    let (mut works, mut replies, mut size) = (Vec::new(), Vec::new(), 0);
    let mut next = Some(first);
    while let Some(Job { work, reply }) = next {
        size += work.size();
        works.push(work);
        replies.push(reply);
        let is_full = works.len() >= GROUP || size >= GROUP_BYTES;
        next = if is_full { None } else { jobs.try_recv().ok() };
    }
    (works, replies)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::store::backend::Change;
    use crate::store::pending::{Pending, pending};
    use crate::store::{Batch, Committed, Timestamp};

    /// Does what the test says, group by group.
    struct Scripted {
        sizes: mpsc::Sender<usize>,
        outcomes: mpsc::Receiver<Outcome>,
    }

    enum Outcome {
        Written,
        Failed,
        Panic,
    }

    impl Engine for Scripted {
        fn group(&mut self, works: &[Work]) -> Result<Vec<Result<Done, Error>>, Error> {
            self.sizes.send(works.len()).unwrap();
            let done = || Done::Committed(Committed { at: Timestamp::default(), versions: Vec::new() });
            match self.outcomes.recv().unwrap() {
                Outcome::Written => Ok(works.iter().map(|_| Ok(done())).collect()),
                Outcome::Failed => {
                    Err(Error::NotWritten { store: "s".to_owned(), reason: "full".to_owned() })
                }
                Outcome::Panic => panic!("as the test says"),
            }
        }

        fn forget(&mut self) {}
    }

    fn submit(writer: &Writer) -> Pending<Committed> {
        let (reply, pending) = pending("s".into(), Done::committed);
        writer.submit(Job { work: Work::Change(Change::Batch(Batch::new())), reply });
        pending
    }

    fn scripted() -> (Writer, mpsc::Sender<Outcome>, mpsc::Receiver<usize>) {
        let ((sizes, seen), (tell, outcomes)) = (mpsc::channel(), mpsc::channel());
        let writer = Writer::start("s".into(), Scripted { sizes, outcomes }, Arc::default()).unwrap();
        (writer, tell, seen)
    }

    #[test]
    fn what_waits_is_written_together() {
        let (writer, tell, seen) = scripted();
        let first = submit(&writer);
        assert_eq!(seen.recv_timeout(Duration::from_secs(30)), Ok(1));
        let rest: Vec<_> = (0..300).map(|_| submit(&writer)).collect();
        (0..3).for_each(|_| tell.send(Outcome::Written).unwrap());
        assert!(first.wait().is_ok());
        assert!(rest.into_iter().all(|pending| pending.wait().is_ok()));
        drop(writer);
        assert_eq!(seen.iter().collect::<Vec<_>>(), [GROUP, 300 - GROUP]);
    }

    #[test]
    fn a_failed_group_and_a_panic_leave_nobody_waiting() {
        let (writer, tell, _seen) = scripted();
        tell.send(Outcome::Failed).unwrap();
        assert!(matches!(submit(&writer).wait(), Err(Error::NotWritten { .. })));
        tell.send(Outcome::Panic).unwrap();
        assert!(matches!(submit(&writer).wait(), Err(Error::Unknown { .. })));
        tell.send(Outcome::Written).unwrap();
        assert!(submit(&writer).wait().is_ok());
    }

    #[test]
    fn a_writer_that_goes_writes_what_is_queued() {
        let (writer, tell, _seen) = scripted();
        let all: Vec<_> = (0..3).map(|_| submit(&writer)).collect();
        (0..3).for_each(|_| tell.send(Outcome::Written).unwrap());
        drop(writer);
        assert!(all.into_iter().all(|pending| pending.wait().is_ok()));
    }

    #[test]
    fn an_answer_that_cannot_come_any_more_is_unknown() {
        let (reply, pending) = pending("s".into(), Done::committed);
        drop(reply);
        assert!(matches!(pending.wait(), Err(Error::Unknown { .. })));
    }
}
