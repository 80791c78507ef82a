//! Answers: JSON, files, and why there is none.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use serde_json::{Value as Json, json};

pub(super) type Answer = Response<Body>;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct No {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
}

impl No {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The question is not understood.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_question", message)
    }

    /// Nothing is called so.
    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown", message)
    }

    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// What was asked did not answer.
    pub(super) fn lost(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "no_answer", message)
    }

    pub(super) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too much is asked at once")
    }

    pub(super) fn answer(&self) -> Answer {
        with(
            self.status,
            "application/json",
            json!({ "error": { "code": self.code, "message": self.message } }).to_string(),
        )
    }
}

pub(super) fn json(value: &Json) -> Answer {
    with(StatusCode::OK, "application/json", value.to_string())
}

/// What there is, or why there is nothing.
pub(super) fn of(result: Result<Json, No>) -> Answer {
    result.map_or_else(|no| no.answer(), |value| json(&value))
}

pub(super) fn with(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
