//! Threads for code that blocks.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// One piece of work.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads behind one bounded queue. They end when the pool is dropped and the queue is empty.
pub(crate) struct Pool {
    queue: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    bound: usize,
}

impl Pool {
    /// Starts `threads` threads; at most `bound` jobs wait for them.
    pub(crate) fn start(name: &str, threads: usize, bound: usize) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(bound);
        let jobs = Arc::new(Mutex::new(jobs));
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..threads.max(1) {
            let (jobs, waiting) = (jobs.clone(), waiting.clone());
            let runtime = tokio::runtime::Handle::try_current().ok();
            let run = move || {
                let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
                work(&jobs, &waiting);
            };
            thread::Builder::new().name(format!("{name}-{number}")).spawn(run)?;
        }
        Ok(Self { queue, waiting, bound })
    }

    /// Queues a job; false, and the job is gone, if the queue is full.
    #[must_use]
    pub(crate) fn submit(&self, job: Job) -> bool {
        // Counted first: a worker may take the job before this line ends.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let queued = self.queue.try_send(job).is_ok();
        if !queued {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        queued
    }

    /// Whether the next job would be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < self.bound
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, waiting: &AtomicUsize) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        waiting.fetch_sub(1, Ordering::Relaxed);
        // A job answers for its own panics; this keeps the thread for the next one whatever it does.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a worker's job panicked outside of its handler");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A job that says it has begun and ends when told to.
    fn held() -> (Job, Receiver<()>, std::sync::mpsc::Sender<()>) {
        let ((begun, has_begun), (end, ended)) = (channel(), channel());
        let job = move || {
            begun.send(()).unwrap();
            ended.recv().unwrap();
        };
        (Box::new(job), has_begun, end)
    }

    #[test]
    fn refuses_over_its_bound() {
        let pool = Pool::start("test", 1, 1).unwrap();
        let (job, has_begun, end) = held();
        assert!(pool.submit(job));
        has_begun.recv().unwrap();
        assert!(pool.submit(Box::new(|| ())), "one may wait");
        assert!(!pool.submit(Box::new(|| ())), "no second one");
        end.send(()).unwrap();
    }

    #[test]
    fn works_on_after_a_panic() {
        let pool = Pool::start("test", 1, 2).unwrap();
        let (done, finished) = channel();
        assert!(pool.submit(Box::new(|| panic!("on purpose"))));
        assert!(pool.submit(Box::new(move || done.send(7).unwrap())));
        assert_eq!(finished.recv().unwrap(), 7);
    }
}
