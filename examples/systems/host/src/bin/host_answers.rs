//! Answers questions about this machine from what the sensor publishes, and publishes alarms.
//!
//! Run with `service_framework -s host_answers -a addresses/host/host_answers.json`.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use host_system::alarms::{Limits, Watch};
use host_system::answers::answer;
use host_system::messages::{self, Answer, Question};
use host_system::reading::Reading;
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::{Config, Refused, ToSend};
use service_framework::{Result, Service};

/// What is known of the machine. Both handlers run in turn on one thread; the lock is for the compiler.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The last reading, and when it came.
    last: Option<(Instant, Reading)>,
    watch: Watch,
}

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
        .subscriber(
            messages::readings(ConnectionModel::subscriber("readings")),
            move |reading: Reading, to_send: ToSend, config: Config| known.take(reading, &to_send, &config),
        )
        .replyer(messages::ask(ConnectionModel::replyer("ask")), move |question: Question| {
            asked.answer(&question)
        })
        .publisher(messages::alarms(ConnectionModel::publisher("alarms")))
}

impl Known {
    /// Keeps a reading and publishes the alarms that it raises or clears.
    fn take(&self, reading: Reading, to_send: &ToSend, config: &Config) -> Result {
        let limits: Limits = config.to()?;
        self.with(|state| {
            for alarm in state.watch.compare(&reading, &limits) {
                eprintln!("{alarm}");
                to_send.publish("alarms", alarm)?;
            }
            state.last = Some((Instant::now(), reading));
            Ok(())
        })
    }

    fn answer(&self, question: &Question) -> Result<Answer> {
        self.with(|state| {
            let (came, reading) = state.last.as_ref().ok_or_else(no_reading)?;
            let alarms: Vec<_> = state.watch.raised().cloned().collect();
            let text = answer(&question.about, reading, &alarms).unwrap_or_default();
            Ok(Answer { text, reading: reading.clone(), age: came.elapsed().as_secs_f64(), alarms })
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn no_reading() -> Refused {
    Refused::new("no_reading", "the sensor has not published anything yet")
}
