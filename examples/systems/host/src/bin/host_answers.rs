//! Answers questions about this machine from the figures that the sensor keeps, and says what is over its limit: as
//! alarms when that begins and ends, and as a state for whoever comes later.
//!
//! Run with `service_framework -s host_answers -a addresses/host/host_answers.json`.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use host_system::alarms::{Limits, Watch};
use host_system::answers::answer;
use host_system::messages::{self, Answer, FIGURES, Question, RAISED, Raised};
use host_system::reading::Reading;
use serde::Deserialize;
use service_framework::model::{ConfigModel, ConnectionModel, StateModel, Type};
use service_framework::service::{Config, Refused, States, ToSend};
use service_framework::{Result, Service};

/// What is over its limit, and when the figures changed last. Both handlers run in turn on one thread; the lock is for
/// the compiler.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<(Watch, Option<Instant>)>>);

/// Which figures changed is of no interest here.
#[derive(Deserialize)]
struct Change {}

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    let config = ConfigModel::new()
        .optional("load_per_core", Type::Float, 2.0)
        .optional("memory", Type::Float, 0.9)
        .optional("disk", Type::Float, 0.95);
    let known = Known::default();
    let asked = known.clone();
    Service::new("host_answers")
        .version(env!("CARGO_PKG_VERSION"))
        .config(config)
        .follows(
            StateModel::delta_in(FIGURES, messages::figures()),
            move |_: Change, states: States, to_send: ToSend, config: Config| {
                known.compare(&states, &to_send, &config)
            },
        )
        .receives(
            messages::ask(ConnectionModel::replyer("ask")),
            move |question: Question, states: States| asked.answer(&question, &states),
        )
        .connection(messages::alarms(ConnectionModel::publisher("alarms")))
        .state(messages::raised(StateModel::full_out(RAISED)))
}

impl Known {
    /// Publishes the alarms that the figures raise or clear.
    fn compare(&self, states: &States, to_send: &ToSend, config: &Config) -> Result {
        let (reading, limits): (Reading, Limits) = (reading(states)?, config.to()?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = known.1.replace(Instant::now()).is_none();
        let alarms = known.0.compare(&reading, &limits);
        if is_first || !alarms.is_empty() {
            to_send.full(RAISED)?.set(Raised { alarms: known.0.raised().cloned().collect() })?;
        }
        for alarm in alarms {
            eprintln!("{alarm}");
            to_send.publish("alarms", alarm)?;
        }
        Ok(())
    }

    fn answer(&self, question: &Question, states: &States) -> Result<Answer> {
        let reading = reading(states)?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alarms: Vec<_> = known.0.raised().cloned().collect();
        let text = answer(&question.about, &reading, &alarms).unwrap_or_default();
        let age = known.1.map_or(0.0, |came| came.elapsed().as_secs_f64());
        Ok(Answer { text, reading, age, alarms })
    }
}

/// The figures as a whole, once the sensor has read the machine.
fn reading(states: &States) -> Result<Reading> {
    let figures = states.delta(FIGURES)?;
    if figures.is_empty() {
        return Err(Refused::new("no_reading", "the sensor has not read anything yet").into());
    }
    Ok(figures.read()?)
}
