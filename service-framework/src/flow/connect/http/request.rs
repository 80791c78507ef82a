//! A request as the script asks for it, read, checked and filled with secrets.

use std::time::Duration;

use axum::body::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::HttpSettings;
use super::body;
use super::failure::Failure;
use super::retry::Retry;
use super::secrets::{Filling, Redactor, Unknown};
use super::target::Target;
use crate::flow::connect::Errand;
use crate::value::Value;

/// What an errand's request may consist of.
const PARTS: [&str; 9] = ["method", "url", "headers", "params", "json", "form", "body", "timeout", "retry"];

/// Headers that say how a message is sent, not what it is: whoever sends it sets them.
const OF_THE_SENDER: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Longer pauses between attempts become this.
const LONGEST_BACKOFF: f64 = 86_400.0;

/// A request that can be sent. Nothing in it may be shown but what went through its redactor.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) target: Target,
    /// Those with secrets in them are marked as sensitive.
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// Whether there are secrets in the body.
    pub(super) is_body_secret: bool,
    pub(super) timeout: Duration,
    pub(super) retry: Retry,
    pub(super) redactor: Redactor,
}

impl Request {
    /// Reads what a script asks for.
    pub(super) fn of(errand: &Errand, settings: &HttpSettings) -> Result<Self, Failure> {
        let [asked @ Value::Map(parts)] = errand.args.as_slice() else {
            return Err(Failure::value("a request is one map with at least `method` and `url`"));
        };
        let unknown = parts.iter().map(|(key, _)| key.as_str().unwrap_or("a key that is no text"));
        if let Some(unknown) = unknown.into_iter().find(|key| !PARTS.contains(key)) {
            return Err(Failure::value(format!("a request has no `{unknown}`")));
        }
        let mut filling = Filling::new(&settings.secrets);
        let method = method(asked)?;
        let mut target = Target::of(asked, &mut filling)?;
        let mut headers = headers(asked, &mut filling)?;
        let body = body::of(asked, &mut filling)?;
        if body.bytes.as_ref().is_some_and(|bytes| bytes.len() > settings.request_bytes) {
            let most = settings.request_bytes;
            return Err(Failure::value(format!("the body of the request has more than {most} bytes")));
        }
        if let Some(kind) = body.kind {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        }
        let mut redactor = filling.redactor();
        target.move_credentials(&mut headers, &mut redactor);
        target.hide(&mut redactor);
        headers.entry(HeaderName::from_static("idempotency-key")).or_insert(key_header(&errand.key())?);
        Ok(Self {
            method,
            target,
            headers,
            body: body.bytes,
            is_body_secret: body.is_secret,
            timeout: timeout(asked, settings)?,
            retry: retry(asked, &settings.retry)?,
            redactor,
        })
    }

    /// What it is, for messages.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method, self.redactor.text(&self.target.shown()))
    }
}

impl From<Unknown> for Failure {
    fn from(Unknown(name): Unknown) -> Self {
        Self::value(format!(
            "there is no secret `{name}` where requests are sent from: --secret {name}=VALUE, or SERVICE_FRAMEWORK_SECRET_{name} in the environment, sets it; case counts"
        ))
    }
}

/// The part `name`, unless it is not there or nil.
pub(super) fn part<'a>(asked: &'a Value, name: &str) -> Option<&'a Value> {
    asked.get(name).filter(|value| **value != Value::Nil)
}

fn method(asked: &Value) -> Result<Method, Failure> {
    let name = part(asked, "method").and_then(Value::as_str).unwrap_or_default();
    match Method::from_bytes(name.to_uppercase().as_bytes()) {
        Ok(Method::CONNECT) | Err(_) => Err(Failure::value(format!("`{name}` is no method of a request"))),
        Ok(method) => Ok(method),
    }
}

fn headers(asked: &Value, filling: &mut Filling<'_>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    let entries = match part(asked, "headers") {
        None => return Ok(headers),
        Some(Value::Map(entries)) => entries,
        Some(_) => return Err(Failure::value("`headers` of a request is a map of texts")),
    };
    for (name, value) in entries {
        let (Some(name), Some(value)) = (name.as_str(), value.as_str()) else {
            return Err(Failure::value("`headers` of a request is a map of texts"));
        };
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Failure::value(format!("`{name}` cannot name a header")))?;
        if OF_THE_SENDER.contains(&parsed.as_str()) {
            let why = format!("the header `{name}` cannot be set: it follows from the URL and the body");
            return Err(Failure::value(why));
        }
        let (filled, is_secret) = filling.fill(value, |_, value| value.to_owned())?;
        let mut filled = HeaderValue::from_bytes(filled.as_bytes()).map_err(|_| {
            Failure::value(format!(
                "the value of the header `{name}` has characters that none can have, such as line ends"
            ))
        })?;
        filled.set_sensitive(is_secret);
        headers.append(parsed, filled);
    }
    Ok(headers)
}

/// The key as a header, in ASCII whatever the flow is called.
fn key_header(key: &str) -> Result<HeaderValue, Failure> {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '%';
    let ascii: String = key
        .chars()
        .map(|c| if is_plain(c) { c.to_string() } else { super::secrets::percent_encoded(&c.to_string()) })
        .collect();
    HeaderValue::from_str(&ascii).map_err(|_| Failure::value("the flow's id cannot stand in a header"))
}

fn timeout(asked: &Value, settings: &HttpSettings) -> Result<Duration, Failure> {
    let Some(given) = part(asked, "timeout") else { return Ok(settings.timeout) };
    let seconds = number(given)
        .filter(|seconds| *seconds > 0.0)
        .ok_or_else(|| Failure::value("`timeout` of a request is a number of seconds above zero"))?;
    let longest = settings.longest_timeout;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(longest).min(longest))
}

fn retry(asked: &Value, default: &Retry) -> Result<Retry, Failure> {
    let Some(given) = part(asked, "retry") else { return Ok(*default) };
    let pause = |name: &str, default: Duration| match part(given, name) {
        None => Ok(default),
        Some(value) => match number(value).filter(|seconds| *seconds >= 0.0) {
            Some(seconds) => Ok(Duration::from_secs_f64(seconds.min(LONGEST_BACKOFF))),
            None => Err(Failure::value(format!("`{name}` of `retry` is a number of seconds"))),
        },
    };
    let attempts = match part(given, "attempts") {
        None => default.attempts,
        Some(value) => value
            .as_i64()
            .and_then(|many| u32::try_from(many).ok())
            .filter(|many| *many > 0)
            .ok_or_else(|| Failure::value("`attempts` of `retry` is a whole number from 1 on"))?,
    };
    if !matches!(given, Value::Map(_)) {
        return Err(Failure::value(
            "`retry` of a request is a map of `attempts`, `backoff` and `max_backoff`",
        ));
    }
    Ok(Retry {
        attempts,
        backoff: pause("backoff", default.backoff)?,
        max_backoff: pause("max_backoff", default.max_backoff)?,
    })
}

/// A number that is finite.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number).filter(|number| number.is_finite()),
        _ => None,
    }
}
