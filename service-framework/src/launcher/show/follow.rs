//! The replica: a service with one in state, on a thread of its own. It never waits for whoever shows the state, so a
//! slow terminal is felt by nobody else.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::de::IgnoredAny;

use super::target::Target;
use crate::model::{Problem, ServiceModel, StateType};
use crate::service::{RunError, Service, Setup, States, Stop};
use crate::state::{FullView, Status, View};
use crate::value::Value;

/// Changes that may wait to be shown; over it the whole state is shown again.
const MOST_CHANGES: usize = 10_000;

/// What the replica tells of each update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    Nothing,
    /// That it came.
    Updates,
    /// Its arguments.
    Changes,
}

/// A running replica.
pub(super) struct Follower {
    name: String,
    kind: StateType,
    desk: Arc<Desk>,
    stop: Stop,
    thread: JoinHandle<Result<(), RunError>>,
}

/// Where the replica leaves what there is to show.
#[derive(Default)]
struct Desk {
    inner: Mutex<Inner>,
    rung: Condvar,
}

#[derive(Default)]
struct Inner {
    states: Option<States>,
    news: News,
    is_over: bool,
}

/// What has come since it was last asked for.
#[derive(Debug, Default)]
pub(super) struct News {
    /// How many updates.
    pub(super) updates: u64,
    /// Their arguments, oldest first.
    pub(super) changes: VecDeque<Value>,
    /// Whether there were too many to keep, so that the whole state is to be shown.
    pub(super) too_many: bool,
    /// Whether nothing more will come.
    pub(super) is_over: bool,
}

/// The state as it is.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) view: AnyView,
    /// Whether somebody is there to publish it.
    pub(super) is_connected: bool,
}

#[derive(Clone, Debug)]
pub(super) enum AnyView {
    Delta(View),
    Full(FullView),
}

impl Follower {
    /// Starts a replica.
    ///
    /// # Errors
    /// What a start of it finds wrong.
    pub(super) fn start(target: &Target, tells: Tells) -> Result<Self, Vec<Problem>> {
        let desk = Arc::<Desk>::default();
        let setup = Setup { addresses: Some(target.addresses()), ..Setup::default() };
        let prepared = service(target, tells, &desk).prepare(&setup).map_err(|error| error.problems)?;
        let stop = Stop::new();
        let (running, told) = (stop.clone(), desk.clone());
        let run = move || {
            let ended = prepared.run(&running);
            told.end();
            ended
        };
        let thread = thread::Builder::new()
            .name("replica".into())
            .spawn(run)
            .map_err(|error| vec![Problem::new("system", "a thread for the replica", error.to_string())])?;
        Ok(Self { name: target.name.clone(), kind: target.kind, desk, stop, thread })
    }

    /// What asks it to end.
    pub(super) fn stopper(&self) -> impl FnOnce() + Send + use<> {
        let (desk, stop) = (self.desk.clone(), self.stop.clone());
        move || {
            stop.stop();
            desk.end();
        }
    }

    /// The state as it is now; `None` until the replica has begun.
    pub(super) fn look(&self) -> Option<Look> {
        let mut states = self.desk.lock().states.clone()?;
        states.refresh();
        let view = match self.kind {
            StateType::DeltaUpdate => AnyView::Delta(states.delta(&self.name).ok()?.clone()),
            StateType::FullUpdate => AnyView::Full(states.full(&self.name).ok()?.clone()),
        };
        Some(Look { view, is_connected: states.is_connected(&self.name).unwrap_or_default() })
    }

    /// Waits for updates, for the end, or for this time.
    pub(super) fn wait(&self, time: Duration) -> News {
        let is_idle = |inner: &mut Inner| !inner.is_over && inner.news.updates == 0;
        self.take(time, is_idle)
    }

    /// Waits for this time or for the end.
    pub(super) fn pause(&self, time: Duration) -> News {
        self.take(time, |inner| !inner.is_over)
    }

    /// Whether it ends within this time.
    pub(super) fn is_over_after(&self, time: Duration) -> bool {
        self.pause(time).is_over
    }

    fn take(&self, time: Duration, is_idle: impl Fn(&mut Inner) -> bool) -> News {
        let inner = self.desk.lock();
        let waited = self.desk.rung.wait_timeout_while(inner, time, is_idle);
        let (mut inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let news = std::mem::take(&mut inner.news);
        News { is_over: inner.is_over, ..news }
    }

    /// Ends the replica.
    ///
    /// # Errors
    /// Why it ended by itself.
    pub(super) fn end(self) -> Result<(), RunError> {
        self.stop.stop();
        self.thread.join().unwrap_or_else(|_| {
            Err(RunError::Panicked { hook: "main", reason: "the replica panicked".into() })
        })
    }
}

fn service(target: &Target, tells: Tells, desk: &Arc<Desk>) -> Service {
    let model = ServiceModel { name: "state".to_owned(), ..ServiceModel::default() };
    let begun = desk.clone();
    let service = Service::from_model(model).init_function(move |states: States| {
        begun.lock().states = Some(states);
        Ok(())
    });
    let desk = desk.clone();
    match tells {
        Tells::Nothing => service.state(target.model()),
        Tells::Updates => {
            service.state(target.model().on_change("told")).handler("told", move |_: IgnoredAny| {
                desk.count(None);
                Ok(())
            })
        }
        Tells::Changes => {
            service.state(target.model().on_change("told")).handler("told", move |args: Value| {
                desk.count(Some(args));
                Ok(())
            })
        }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, args: Option<Value>) {
        let mut inner = self.lock();
        inner.news.updates += 1;
        if inner.news.changes.len() == MOST_CHANGES {
            inner.news.changes.clear();
            inner.news.too_many = true;
        }
        inner.news.changes.extend(args);
        drop(inner);
        self.rung.notify_one();
    }

    fn end(&self) {
        self.lock().is_over = true;
        self.rung.notify_all();
    }
}

impl Look {
    pub(super) fn status(&self) -> Status {
        match &self.view {
            AnyView::Delta(view) => view.status(),
            AnyView::Full(view) => view.status(),
        }
    }

    /// The number of its last update.
    pub(super) fn number(&self) -> Option<i64> {
        match &self.view {
            AnyView::Delta(view) => view.number(),
            AnyView::Full(view) => view.number().and_then(|number| number.try_into().ok()),
        }
    }

    pub(super) fn epoch(&self) -> Option<u64> {
        match &self.view {
            AnyView::Delta(view) => view.epoch(),
            AnyView::Full(view) => view.epoch(),
        }
    }

    /// How many keys there are; of a full state these are its arguments.
    pub(super) fn keys(&self) -> usize {
        match &self.view {
            AnyView::Delta(view) => view.len(),
            AnyView::Full(_) => self.rows(usize::MAX).len(),
        }
    }

    /// Whether there is anything yet.
    pub(super) fn has_value(&self) -> bool {
        self.status() != Status::Waiting
    }

    /// All of it; `None` while there is nothing yet.
    pub(super) fn value(&self) -> Option<Value> {
        self.has_value().then(|| match &self.view {
            AnyView::Delta(view) => view.to_value(),
            AnyView::Full(view) => view.to_value(),
        })
    }

    /// The first keys with their values.
    pub(super) fn rows(&self, most: usize) -> Vec<(Value, Value)> {
        match &self.view {
            AnyView::Delta(view) => view.iter().flatten().take(most).collect(),
            AnyView::Full(view) => match view.to_value() {
                Value::Map(entries) => entries.into_iter().take(most).collect(),
                _ => Vec::new(),
            },
        }
    }
}
