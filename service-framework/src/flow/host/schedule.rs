//! Schedules: scripts that are started again and again. Each is a stream with a timer; whoever takes the timer starts the flow.
//!
//! The id of a flow is made of the schedule's name and the time that was due, so each is started once, however many hosts there are.

use serde::{Deserialize, Serialize};

use crate::flow::connect::cron::Cron;
use crate::flow::engine::Checks;
use crate::flow::errors::FlowError;
use crate::flow::flows::Flows;
use crate::flow::start::{Start, check_id};
use crate::flow::stream::{all, hash_of, source, source_key};
use crate::store::{Batch, Due, Error as StoreError, Expected, Filter, NewEvent, Refused, Timestamp};
use crate::value::{Value, decode, encode};

/// Under what schedules are listed.
const CATEGORY: &str = "flow-schedule";
/// What their events are called.
const KIND: &str = "scheduled";

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What it is called: what the ids of its flows begin with.
    pub name: String,
    /// When.
    pub cron: String,
    /// How the file is called.
    pub file: String,
    /// The function that is called.
    pub function: Option<String>,
    /// Its arguments.
    pub args: Vec<(String, Value)>,
    /// When it is due next.
    pub next: Option<Timestamp>,
}

/// What a stream of a schedule has last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Form {
    cron: String,
    file: String,
    source: String,
    function: Option<String>,
    args: Vec<(String, Value)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scripts: Vec<(String, String)>,
}

fn stream(name: &str) -> String {
    format!("flow-schedule/{name}")
}

/// The schedule of a timer.
pub(super) fn name_in(timer: &str) -> Option<&str> {
    timer.strip_prefix("flow-schedule/")
}

impl Flows {
    /// Has a script started whenever `cron` says, from now on; one of this name is changed. False if it is so already.
    ///
    /// # Errors
    /// The script cannot be run, or the name cannot be one.
    pub fn schedule(
        &self,
        engine: &dyn Checks,
        name: &str,
        cron: &Cron,
        start: &Start,
    ) -> Result<bool, FlowError> {
        check_id(name)?;
        // Something is put behind it.
        check_id(&format!("{name}.20261127T000000Z"))?;
        self.check_script(engine, start)?;
        let form = Form {
            cron: cron.to_string(),
            file: start.file.clone(),
            source: hash_of(&start.source),
            function: start.function.clone(),
            args: start.args.clone(),
            scripts: start.scripts.iter().map(|(name, text)| (name.clone(), hash_of(text))).collect(),
        };
        let before = self.read_schedule(name)?;
        if before.as_ref().is_some_and(|(_, there)| *there == form) {
            return Ok(false);
        }
        let now = self.store().now()?;
        let expected = before.map_or(Expected::NoStream, |(version, _)| Expected::Version(version));
        let scripts = start.scripts.iter().zip(&form.scripts);
        let batch = scripts
            .fold(Batch::new(), |batch, ((_, text), (_, source))| {
                batch.claim(source_key(source), text.clone().into_bytes())
            })
            .claim(source_key(&form.source), start.source.clone().into_bytes())
            .append(stream(name), expected, [NewEvent::new(KIND, encode(&form)?)])
            .mark(stream(name), CATEGORY, "active", None);
        self.store().commit(with_timer(batch, name, cron, now)?)?;
        Ok(true)
    }

    /// Takes a schedule away; false if there is none of this name. Its flows stay.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn unschedule(&self, name: &str) -> Result<bool, FlowError> {
        let is_there = self.store().stream(&stream(name))?.is_some();
        self.store().commit(Batch::new().remove(stream(name)).cancel_timer(stream(name)))?;
        Ok(is_there)
    }

    /// All schedules, in the order of their names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn schedules(&self) -> Result<Vec<Schedule>, FlowError> {
        let now = self.store().now()?;
        let mut all = Vec::new();
        for name in self.schedule_names()? {
            let Some((_, form)) = self.read_schedule(&name)? else { continue };
            let next = form.cron.parse::<Cron>().ok().and_then(|cron| cron.next(now));
            let Form { cron, file, function, args, .. } = form;
            all.push(Schedule { name, cron, file, function, args, next });
        }
        Ok(all)
    }

    /// The scripts of all schedules, by the names under which the store has them.
    pub(crate) fn scheduled_sources(&self) -> Result<Vec<String>, FlowError> {
        let mut all = Vec::new();
        for name in self.schedule_names()? {
            if let Some((_, form)) = self.read_schedule(&name)? {
                all.push(form.source);
                all.extend(form.scripts.into_iter().map(|(_, source)| source));
            }
        }
        Ok(all)
    }

    fn schedule_names(&self) -> Result<Vec<String>, FlowError> {
        let listed = all(self.store(), &Filter::category(CATEGORY))?;
        Ok(listed.iter().filter_map(|info| name_in(&info.stream)).map(str::to_owned).collect())
    }

    fn read_schedule(&self, name: &str) -> Result<Option<(u64, Form)>, FlowError> {
        let version = self.store().head(&stream(name))?;
        let events = self.store().read(&stream(name), version.max(1), 1)?;
        match events.last() {
            Some(event) => Ok(Some((event.version, decode(&event.payload)?))),
            None => Ok(None),
        }
    }

    /// Starts what is due of a schedule, and sets its next time. `since` is the last time that counted.
    pub(super) fn fire(&self, engine: &dyn Checks, name: &str, since: Timestamp) -> Result<(), FlowError> {
        let Some((version, form)) = self.read_schedule(name)? else {
            self.store().commit(Batch::new().cancel_timer(stream(name)))?;
            return Ok(());
        };
        let cron: Cron = form.cron.parse().map_err(|error: crate::flow::connect::cron::CronError| {
            FlowError::Incomplete { flow: name.to_owned(), reason: error.to_string() }
        })?;
        let due = cron.latest(since, self.store().now()?);
        if let Some(due) = due {
            self.start_due(engine, name, &form, due)?;
        }
        let unchanged = Batch::new().append(stream(name), Expected::Version(version), []);
        match self.store().commit(with_timer(unchanged, name, &cron, due.unwrap_or(since))?) {
            // It was changed or taken away meanwhile, and so was its timer.
            Ok(_) | Err(StoreError::Refused(Refused::Conflict { .. })) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn start_due(
        &self,
        engine: &dyn Checks,
        name: &str,
        form: &Form,
        due: Timestamp,
    ) -> Result<(), FlowError> {
        let mut scripts = Vec::new();
        for (name, hash) in &form.scripts {
            scripts.extend(source(self.store(), hash)?.map(|text| (name.clone(), text)));
        }
        let source = source(self.store(), &form.source)?;
        let Some(source) = source.filter(|_| scripts.len() == form.scripts.len()) else {
            tracing::error!(schedule = name, "a script of a schedule is missing: schedule it again");
            return Ok(());
        };
        let start = Start {
            id: Some(format!("{name}.{}", compact(due))),
            name: Some(name.to_owned()),
            file: form.file.clone(),
            source,
            function: form.function.clone(),
            args: form.args.clone(),
            scripts,
            parent: None,
        };
        match self.start(engine, start) {
            Ok((flow, is_new)) => {
                if is_new {
                    tracing::info!(schedule = name, flow, "started");
                }
                Ok(())
            }
            Err(FlowError::Store(error)) => Err(error.into()),
            // Nothing gets better by trying again; the next time may.
            Err(error) => {
                tracing::error!(schedule = name, %error, "a flow that was due could not be started");
                Ok(())
            }
        }
    }
}

/// A time as it stands in ids: `20261127T043000Z`.
fn compact(time: Timestamp) -> String {
    let time =
        chrono::DateTime::from_timestamp(time.as_micros().div_euclid(1_000_000), 0).unwrap_or_default();
    time.format("%Y%m%dT%H%M%SZ").to_string()
}

/// The timer of a schedule, for the first time after `since`.
fn with_timer(batch: Batch, name: &str, cron: &Cron, since: Timestamp) -> Result<Batch, FlowError> {
    Ok(match cron.next(since) {
        Some(next) => batch.set_timer(stream(name), Due::At(next), encode(&since.as_micros())?),
        None => batch.cancel_timer(stream(name)),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::flow::history::Status;
    use crate::flow::toy::Toy;
    use crate::flow::worker::{Pool, Threads, TurnLimits};
    use crate::flow::{Host, HostSettings};
    use crate::store::{ManualClock, Store};

    fn start_of(line: &str) -> Start {
        Start { file: "toy.py".to_owned(), source: line.to_owned(), ..Start::default() }
    }

    fn ids(flows: &Flows) -> Vec<String> {
        flows.list(None, None, 100).unwrap().into_iter().map(|info| info.id).collect()
    }

    #[test]
    fn each_time_starts_one_flow_and_what_was_missed_one() {
        // 2026-11-27T00:00:00Z.
        let clock = ManualClock::at(Timestamp::from_micros(1_795_737_600_000_000));
        let flows = Flows::of(&Store::in_memory_at(clock.clone()));
        let cron: Cron = "*/10 * * * *".parse().unwrap();
        assert!(flows.schedule(&Toy, "tick", &cron, &start_of("now")).unwrap());
        assert!(!flows.schedule(&Toy, "tick", &cron, &start_of("now")).unwrap());
        let take = || flows.store().take_timers("a", Duration::from_secs(10), 10).wait().unwrap();
        assert_eq!(take().len(), 0);
        clock.advance(Duration::from_secs(601));
        for timer in take() {
            let since = Timestamp::from_micros(decode(&timer.payload).unwrap());
            flows.fire(&Toy, name_in(&timer.id).unwrap(), since).unwrap();
            // Another host that had it too.
            flows.fire(&Toy, name_in(&timer.id).unwrap(), since).unwrap();
        }
        assert_eq!(ids(&flows), ["tick.20261127T001000Z"]);
        clock.advance(Duration::from_secs(3600));
        for timer in take() {
            flows.fire(&Toy, "tick", Timestamp::from_micros(decode(&timer.payload).unwrap())).unwrap();
        }
        assert_eq!(ids(&flows), ["tick.20261127T001000Z", "tick.20261127T011000Z"]);
        let next = flows.schedules().unwrap().remove(0).next.unwrap();
        assert_eq!(compact(next), "20261127T012000Z");
        assert!(flows.unschedule("tick").unwrap());
        assert!(!flows.unschedule("tick").unwrap());
        assert_eq!(flows.store().next_timer().unwrap(), None);
    }

    #[test]
    fn a_host_starts_what_is_due() {
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let flows = Flows::of(&Store::in_memory_at(clock.clone()));
        let pool = Pool::new(1, TurnLimits::default(), Threads::open(|| Toy)).unwrap();
        let host = Host::start(&flows, Arc::new(Toy), Some(pool), Vec::new(), HostSettings::default());
        let host = host.unwrap();
        flows.schedule(&Toy, "tick", &"* * * * *".parse().unwrap(), &start_of("now")).unwrap();
        clock.advance(Duration::from_secs(61));
        let began = Instant::now();
        let is_done = || flows.get("tick.19700101T000100Z").is_ok_and(|info| info.status == Status::Done);
        while !is_done() {
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", ids(&flows));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(host.stop(Duration::from_secs(10)));
    }

    #[test]
    fn a_name_that_would_give_no_ids_is_refused() {
        let flows = Flows::of(&Store::in_memory());
        let cron: Cron = "@daily".parse().unwrap();
        for name in ["", "a b", &"x".repeat(190)] {
            assert!(flows.schedule(&Toy, name, &cron, &start_of("now")).is_err(), "{name:?}");
        }
    }
}
