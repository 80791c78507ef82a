//! The connector of HTTP requests: sends what flows ask for, and gives them the response.
//!
//! It knows where requests may go, what they may take and which are tried again ([`HttpSettings`]). It never decides what a
//! response means: a status of 500 is a response like any other.
//!
//! Every address that it connects to was looked at when it was looked up, on redirects too, so no name leads it inside. Secrets are
//! filled in when a request is sent and taken out of everything that comes back.

mod addresses;
mod body;
mod failure;
mod gates;
mod names;
mod request;
mod retry;
mod secrets;
mod send;
mod settings;
mod target;
mod tls;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use tracing::debug;

use self::failure::Failure;
use self::gates::Gates;
use self::names::{Names, Resolver};
use self::request::Request;
pub use self::retry::Retry;
pub use self::secrets::{SecretError, Secrets};
use self::send::{Response, Sender};
pub use self::settings::{AllowedHost, HostError, HttpSettings, Mapping};
use super::{Connector, Errand, Performed, Performing};
use crate::flow::engine::{Outcome, Raised};
use crate::value::Value;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// How long the other end may be silent before the system asks whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Why there is no connector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The certificates of the settings cannot be read, so nothing could be trusted by them.
    #[error("the root certificates cannot be read: {0}. Expected certificates in PEM")]
    Certificates(String),
    /// The library that sends requests cannot be set up.
    #[error("requests cannot be sent: {0}")]
    Client(String),
}

/// Sends the HTTP requests of flows: performs `http.request`.
pub struct Http {
    client: reqwest::Client,
    settings: HttpSettings,
    names: Arc<Names>,
    gates: Gates,
    without_roots: bool,
}

impl Http {
    /// A connector with these settings. Nothing is sent yet.
    ///
    /// # Errors
    /// The certificates of the settings cannot be read.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpError> {
        let (tls, without_roots) = tls::config(&settings)?;
        let names = Arc::new(Names::new(&settings));
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(Resolver(Arc::clone(&names))))
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.at_once_per_host)
            .tcp_keepalive(KEEP_ALIVE)
            .user_agent(concat!("service_framework/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| HttpError::Client(error.to_string()))?;
        let gates = Gates::new(settings.at_once, settings.at_once_per_host);
        Ok(Self { client, settings, names, gates, without_roots })
    }

    async fn request(&self, errand: &Errand) -> Performed {
        let request = match Request::of(errand, &self.settings) {
            Ok(request) => request,
            Err(Failure::Final(raised)) => return Performed::Done(Outcome::Error(raised)),
            // Nothing was sent yet.
            Err(Failure::Connection { reason, .. }) => return done(raised("OSError", reason)),
        };
        match self.attempt(&request).await {
            Ok(response) => {
                debug!(key = errand.key(), status = response.status.as_u16(), "{}", request.shown());
                self.answered(errand, &request, response)
            }
            Err(failure) => failed(errand, &request, failure),
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Response, Failure> {
        let Self { client, names, settings, without_roots, .. } = self;
        // Before its turn, so that nobody waits for what is refused.
        names.check(&request.target.url)?;
        let _passage = self.gates.pass(&request.target.place()).await;
        let sender = Sender { client, names, settings, without_roots: *without_roots };
        match tokio::time::timeout(request.timeout, sender.send(request)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::new(
                "TimeoutError",
                format!("there was no whole response within {:?}", request.timeout),
            )),
        }
    }

    /// What a response means for its errand.
    fn answered(&self, errand: &Errand, request: &Request, response: Response) -> Performed {
        if retry::is_passing(response.status.as_u16()) && request.retry.goes_on_after(errand.attempt) {
            let asked = response.headers.get(RETRY_AFTER).and_then(|header| header.to_str().ok());
            let asked = asked.and_then(|header| retry::retry_after(header, SystemTime::now()));
            let pause = request.retry.pause(&errand.key(), errand.attempt);
            let after = pause.max(asked.unwrap_or_default().min(self.settings.longest_retry_after));
            let status = format!("{} {}", response.status.as_u16(), response.reason);
            return again(errand, request, after, request.redactor.text(status.trim()));
        }
        Performed::Done(Outcome::Value(response_value(request, response)))
    }
}

impl Connector for Http {
    fn queue(&self) -> &'static str {
        "http"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            match errand.name.as_str() {
                "http.request" => self.request(&errand).await,
                other => done(raised("RuntimeError", format!("nobody performs `{other}`"))),
            }
        })
    }
}

/// What is done about a request that has no response.
fn failed(errand: &Errand, request: &Request, failure: Failure) -> Performed {
    let shown = request.shown();
    match failure.map(|message| request.redactor.text(message)) {
        Failure::Final(Raised { kind, message }) => done(raised(&kind, format!("{shown}: {message}"))),
        Failure::Connection { host, reason } if request.retry.goes_on_after(errand.attempt) => {
            let after = request.retry.pause(&errand.key(), errand.attempt);
            again(errand, request, after, format!("{host}: {reason}"))
        }
        Failure::Connection { host, reason } => {
            let attempts = match errand.attempt {
                1 => "1 attempt".to_owned(),
                many => format!("{many} attempts"),
            };
            done(raised("OSError", format!("{shown}: no response from {host} after {attempts}: {reason}")))
        }
    }
}

fn again(errand: &Errand, request: &Request, after: Duration, what: String) -> Performed {
    let reason = format!("{what} (attempt {} of {})", errand.attempt, request.retry.attempts);
    debug!(key = errand.key(), ?after, reason, "{} is tried again", request.shown());
    Performed::Again { after, reason }
}

fn done(raised: Raised) -> Performed {
    Performed::Done(Outcome::Error(raised))
}

fn raised(kind: &str, message: impl Into<String>) -> Raised {
    Raised { kind: kind.to_owned(), message: message.into() }
}

/// The response as scripts get it, without secrets.
fn response_value(request: &Request, response: Response) -> Value {
    let redactor = &request.redactor;
    Value::from([
        ("status", Value::Int(response.status.as_u16().into())),
        ("reason", Value::Str(redactor.text(&response.reason))),
        ("headers", headers_value(&response.headers, |text| redactor.text(text))),
        ("url", Value::Str(redactor.text(&request.target.said(&response.url)))),
        ("body", Value::Bytes(redactor.body(response.body))),
    ])
}

/// Names in lower case; several of one name are one, with commas between them.
fn headers_value(headers: &HeaderMap, redacted: impl Fn(&str) -> String) -> Value {
    let joined = |name| {
        let values: Vec<String> = headers.get_all(name).iter().map(header_text).collect();
        redacted(&values.join(", "))
    };
    Value::Map(
        headers.keys().map(|name| (Value::Str(name.as_str().to_owned()), Value::Str(joined(name)))).collect(),
    )
}

/// The text of a header: UTF-8, else each byte a character.
fn header_text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
