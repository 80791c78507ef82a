//! Requests as scripts ask for them, and what came of them.

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use service_framework::flow::connect::http::{Http, HttpSettings};
use service_framework::flow::connect::{Connector, Errand, Performed};
use service_framework::flow::engine::{Outcome, Raised};
use service_framework::value::Value;

/// Nothing here takes that long; whatever does hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A map with texts as keys.
pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// A list of pairs.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::List(pairs.into_iter().map(|(key, value)| Value::List(vec![Value::from(key), value])).collect())
}

/// A request with a method, a URL and more.
pub(crate) fn request<const N: usize>(method: &str, url: &str, more: [(&str, Value); N]) -> Value {
    let Value::Map(mut entries) = map([("method", Value::from(method)), ("url", Value::from(url))]) else {
        unreachable!()
    };
    entries.extend(more.into_iter().map(|(key, value)| (Value::from(key), value)));
    Value::Map(entries)
}

pub(crate) fn get(url: &str) -> Value {
    request("GET", url, [])
}

/// Settings for servers of this machine.
pub(crate) fn local() -> HttpSettings {
    HttpSettings { allow_private: true, ..HttpSettings::default() }
}

pub(crate) fn connector(settings: HttpSettings) -> Http {
    Http::new(settings).unwrap()
}

/// The first attempt of the call 7 of the flow `F`.
pub(crate) async fn perform(connector: &Http, request: Value) -> Performed {
    attempt(connector, request, 1).await
}

pub(crate) async fn attempt(connector: &Http, request: Value, attempt: u32) -> Performed {
    let errand = Errand {
        flow: "F".to_owned(),
        call: 7,
        name: "http.request".to_owned(),
        args: vec![request],
        attempt,
    };
    within(connector.perform(errand)).await
}

/// What a future comes to, which it does in time.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("it hangs"))
}

pub(crate) trait Came: Debug + Sized {
    fn performed(self) -> Performed;

    /// The response.
    #[track_caller]
    fn response(self) -> Value {
        match self.performed() {
            Performed::Done(Outcome::Value(value)) => value,
            other => panic!("{other:?}"),
        }
    }

    /// Kind and words of the error.
    #[track_caller]
    fn error(self) -> (String, String) {
        match self.performed() {
            Performed::Done(Outcome::Error(Raised { kind, message })) => (kind, message),
            other => panic!("{other:?}"),
        }
    }

    /// When it is tried again, and why.
    #[track_caller]
    fn again(self) -> (Duration, String) {
        match self.performed() {
            Performed::Again { after, reason } => (after, reason),
            other => panic!("{other:?}"),
        }
    }
}

impl Came for Performed {
    fn performed(self) -> Performed {
        self
    }
}

/// The body of a response, as text.
#[track_caller]
pub(crate) fn body(response: &Value) -> &str {
    let Some(Value::Bytes(body)) = response.get("body") else { panic!("{response:?}") };
    std::str::from_utf8(body).unwrap()
}

#[track_caller]
pub(crate) fn status(response: &Value) -> i64 {
    response.get("status").and_then(Value::as_i64).unwrap()
}

#[track_caller]
pub(crate) fn text<'a>(response: &'a Value, part: &str) -> &'a str {
    response.get(part).and_then(Value::as_str).unwrap()
}

/// What is logged on this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Everything that is logged for as long as the second is there.
    pub(crate) fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}
