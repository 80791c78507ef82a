//! What an interpreter process does: it runs turns, one after the other, and keeps the scripts that stood last.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::frame::{read, write};
use super::inline::System;
use super::protocol::{Base, Job, Order, Report, Stored};
use crate::flow::engine::Engine;
use crate::flow::history::Event;
use crate::flow::script::Running;

/// How often it says that it still replays.
const SIGN: Duration = Duration::from_secs(1);
/// Most scripts that a process keeps.
const MOST_KEPT: usize = 256;

/// Takes turns from `from` and says on `to` what came of them, until `from` ends.
///
/// # Errors
/// One of the two is broken.
pub fn serve<E: Engine>(engine: &E, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut kept = Kept { engine, scripts: HashMap::new(), count: 0 };
    while let Some(order) = read::<Order>(from)? {
        match order {
            Order::Run(job) => {
                let report = kept.run(*job, &mut |sign| write(to, &sign))?;
                write(to, &report)?;
            }
            Order::Forget(flow) => drop(kept.scripts.remove(&flow)),
        }
    }
    Ok(())
}

/// Whoever hears of signs of life before the report.
type Say<'s> = dyn FnMut(Report) -> io::Result<()> + 's;

struct Kept<'a, E: Engine> {
    engine: &'a E,
    /// Each with the count at which it was used last.
    scripts: HashMap<String, (Running<'a, E>, u64)>,
    count: u64,
}

impl<'a, E: Engine> Kept<'a, E> {
    /// # Errors
    /// Nobody hears of the signs.
    fn run(&mut self, job: Job, say: &mut Say<'_>) -> io::Result<Report> {
        if let Some(most) = job.looks_at {
            return Ok(look(self.engine, &job, most));
        }
        let mut running = match self.open(&job) {
            Ok(running) => running,
            Err(report) => return Ok(report),
        };
        if let Err(report) = replay(&mut running, &job, say) {
            return Ok(report);
        }
        if job.replays() {
            say(Report::Replayed)?;
        }
        let report = go_on(&mut running, &job);
        if matches!(&report, Report::Went { went, .. } if went.turn.end.is_none()) {
            self.keep(job.flow, running);
        }
        Ok(report)
    }

    /// The script, where it stood before the job's events.
    fn open(&mut self, job: &Job) -> Result<Running<'a, E>, Report> {
        let kept = self.scripts.remove(&job.flow);
        match (&job.base, &job.script) {
            (Base::Kept(seen), _) => match kept {
                Some((running, _)) if running.seen() == *seen => Ok(running),
                _ => Err(Report::NotKept),
            },
            (Base::Start, Some(script)) => {
                Ok(Running::start(self.engine, script, &job.limits, &job.flow, &job.name))
            }
            (Base::Saved(bytes), Some(script)) => {
                Running::load(self.engine, &bytes.0, script, &job.limits, &job.flow, &job.name)
                    .map_err(|error| Report::Unusable(error.to_string()))
            }
            (_, None) => Err(Report::NotKept),
        }
    }

    fn keep(&mut self, flow: String, running: Running<'a, E>) {
        self.count += 1;
        self.scripts.insert(flow, (running, self.count));
        if self.scripts.len() > MOST_KEPT {
            let oldest = self.scripts.iter().min_by_key(|(_, (_, used))| *used).map(|(flow, _)| flow.clone());
            drop(oldest.and_then(|flow| self.scripts.remove(&flow)));
        }
    }
}

/// Where a script stood. Nobody keeps it for that.
fn look<E: Engine>(engine: &E, job: &Job, most: u64) -> Report {
    let Some(script) = &job.script else { return Report::NotKept };
    let events = match read_events(job) {
        Ok(events) => events,
        Err(report) => return report,
    };
    let running = Running::start(engine, script, &job.limits, &job.flow, &job.name);
    running
        .stand_at(&events, most)
        .map_or_else(|error| Report::Stuck(error.to_string()), |stood| Report::Stood(Box::new(stood)))
}

fn read_events(job: &Job) -> Result<Vec<(u64, Event)>, Report> {
    let read = |stored: &Stored| match stored.read() {
        Ok(event) => Ok((stored.version, event)),
        Err(error) => Err(Report::Stuck(format!("event {}: {error}", stored.version))),
    };
    job.events.iter().map(read).collect()
}

/// Tells it what came since, and makes the moves that were made before.
fn replay<E: Engine>(running: &mut Running<'_, E>, job: &Job, say: &mut Say<'_>) -> Result<(), Report> {
    let events = read_events(job)?;
    let is_kept = matches!(job.base, Base::Kept(_));
    // What was kept has made the moves of its turns already.
    let news = events.iter().filter(|(_, event)| !(is_kept && matches!(event, Event::Turn(_))));
    let mut said = Instant::now();
    let mut moved = || {
        if said.elapsed() >= SIGN {
            said = Instant::now();
            // Who does not hear it hears of no report either.
            let _ = say(Report::Replaying);
        }
    };
    let news = news.map(|(version, event)| (*version, event));
    let replayed = running.replay_stream_saying(news, &mut moved);
    replayed.map_err(|error| Report::Stuck(error.to_string()))?;
    if let Some((last, _)) = events.last() {
        running.has_seen(*last);
    }
    Ok(())
}

fn go_on<E: Engine>(running: &mut Running<'_, E>, job: &Job) -> Report {
    let mut system = System { public_url: &job.public_url };
    let went = match running.go_on(&mut system) {
        Ok(went) => went,
        Err(error) => return Report::Stuck(error.to_string()),
    };
    let saved = job.saves.then(|| running.save().ok()).flatten();
    Report::Went { went: Box::new(went), saved: saved.map(Into::into), moves: running.moves() }
}
