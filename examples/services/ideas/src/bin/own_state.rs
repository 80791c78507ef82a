//! A value of its own, which a service keeps between messages: `&mut` in plain handlers, lent for a moment in async ones.
//!
//! Run with `cargo run --bin own_state -- -a addresses/ideas/own_state.json`.

use std::collections::VecDeque;

use service_framework::prelude::*;

#[derive(Message)]
struct Job {
    command: String,
}

#[derive(Message)]
struct Ahead {
    /// How many jobs stand before it.
    ahead: usize,
}

#[derive(Message)]
struct Taken {
    /// Left out if there is none.
    command: Option<String>,
}

/// Jobs that wait, the oldest first. Whatever runs on the one thread of the service has it for itself: no lock.
#[derive(Default)]
struct Queue(VecDeque<Job>);

fn put(job: Job, queue: &mut Queue) -> Result<Ahead> {
    queue.0.push_back(job);
    Ok(Ahead { ahead: queue.0.len() - 1 })
}

/// Waits up to a second for a job; the queue is nobody's over an `.await`.
async fn take(_: (), queue: Own<Queue>) -> Result<Taken> {
    for _ in 0..100 {
        if let Some(job) = queue.with(|queue| queue.0.pop_front()) {
            return Ok(Taken { command: Some(job.command) });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(Taken { command: None })
}

pub(crate) fn service() -> Service {
    Service::new("jobs").replyer("put", put).replyer("take", take).owns(Queue::default())
}

fn main() -> ExitCode {
    service_framework::run(service())
}
