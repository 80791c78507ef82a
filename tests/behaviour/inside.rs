//! Services of the test itself, where a promise is about what the caller in Rust sees.

use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use service_framework::model::{ConnectionModel, Type};
use service_framework::service::{BlockingToSend, RunError, SendError, Service, Setup, Stop};

use crate::support::PATIENCE;

/// What `echo` is asked.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ask {
    pub(crate) payload: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cmd: Option<String>,
}

/// What it answers.
#[derive(Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) echo: String,
}

pub(crate) fn ask(payload: &str) -> Ask {
    Ask { payload: payload.into(), cmd: None }
}

pub(crate) fn ask_to(payload: &str, cmd: &str) -> Ask {
    Ask { payload: payload.into(), cmd: Some(cmd.into()) }
}

pub(crate) fn echo(text: impl Into<String>) -> Echo {
    Echo { echo: text.into() }
}

/// A replyer that is asked as `echo` is.
pub(crate) fn replyer(name: &str) -> ConnectionModel {
    shaped(ConnectionModel::replyer(name))
}

/// A requester that asks as `echo` is asked.
pub(crate) fn requester(name: &str) -> ConnectionModel {
    shaped(ConnectionModel::requester(name))
}

fn shaped(model: ConnectionModel) -> ConnectionModel {
    model.requires("payload", Type::Str).optional("cmd", Type::Str).returns("echo", Type::Str)
}

/// A service on a thread of its own; stopped when dropped.
pub(crate) struct Inside {
    pub(crate) stop: Stop,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Inside {
    pub(crate) fn start(service: Service, addresses: Json) -> Self {
        Self::run(service, &Setup { addresses: Some(addresses), ..Setup::default() })
    }

    /// Starts one in main mode.
    pub(crate) fn lead(service: Service, addresses: Json) -> Self {
        Self::run(service, &Setup { addresses: Some(addresses), main_mode: true, ..Setup::default() })
    }

    fn run(service: Service, setup: &Setup<'_>) -> Self {
        let prepared = service.prepare(setup).unwrap();
        let stop = Stop::new();
        let asked = stop.clone();
        Self { stop, thread: Some(thread::spawn(move || prepared.run(&asked))) }
    }

    /// Stops it and waits for its end.
    pub(crate) fn end(mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// The `main` of a service whose requester `echo` has these addresses.
pub(crate) fn lead<R: Send + 'static>(
    addresses: impl Into<Json>,
    main: impl FnOnce(&BlockingToSend) -> R + Send + 'static,
) -> R {
    let (result, got) = channel();
    let asker = Service::new("asker").connection(requester("echo")).request_deadline("echo", PATIENCE).main(
        move |to_send: BlockingToSend| {
            result.send(main(&to_send)).unwrap();
            Ok(())
        },
    );
    let addresses = json!({"out": {"echo": {"requester": addresses.into()}}});
    let setup = Setup { addresses: Some(addresses), main_mode: true, ..Setup::default() };
    asker.prepare(&setup).unwrap().run(&Stop::new()).unwrap();
    got.recv().unwrap()
}

/// Asks `echo` with the connection's patience.
pub(crate) fn request(to_send: &BlockingToSend, ask: Ask) -> Result<Echo, SendError> {
    to_send.request("echo", ask).wait()
}

/// Asks `echo` with less of it.
pub(crate) fn request_within(
    to_send: &BlockingToSend,
    ask: Ask,
    within: Duration,
) -> Result<Echo, SendError> {
    to_send.request("echo", ask).within(within).wait()
}
