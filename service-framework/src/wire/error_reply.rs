//! Error replies.

use super::WireError;
use crate::value::Value;
use crate::value::msgpack::write;

/// Why a request was not answered, as it is sent to the requester.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorReply {
    /// What kind of error, for programs: one of [`super::codes`], or the handler's own.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// More about it, as the code has it; nil for none.
    pub details: Value,
}

impl ErrorReply {
    /// An error without details.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Value::Nil }
    }

    /// The same error with details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = details.into();
        self
    }

    /// Reads the error of a reply, [`super::Envelope::error`]. Unknown keys are ignored, and message and details
    /// may be missing.
    ///
    /// # Errors
    /// It is no map, or has no code that is text.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, WireError> {
        let error = Value::from_msgpack(bytes)?;
        let text = |key| error.get(key).and_then(Value::as_str).map(str::to_owned);
        let code = text("code").ok_or_else(|| WireError::NotAnError { found: shown(&error) })?;
        let details = error.get("details").cloned().unwrap_or(Value::Nil);
        Ok(Self { code, message: text("message").unwrap_or_default(), details })
    }

    /// Appends the map of code, message and details.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write::map(out, 3);
        write::str(out, "code");
        write::str(out, &self.code);
        write::str(out, "message");
        write::str(out, &self.message);
        write::str(out, "details");
        self.details.write(out);
    }
}

/// A value for a message, as JSON and not too long.
fn shown(value: &Value) -> String {
    value.to_json().to_string().chars().take(80).collect()
}
