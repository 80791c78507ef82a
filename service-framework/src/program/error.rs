//! Why a hook failed.

use std::fmt;

/// Why a hook failed: what its reversal, the journal and the log say.
///
/// Any error becomes one by `?`; [`HookError::new`] makes one of text.
pub struct HookError(String);

impl HookError {
    /// One that says this.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// With its causes.
impl<E: std::error::Error> From<E> for HookError {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(reason) = cause {
            let said = reason.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = reason.source();
        }
        Self(text)
    }
}
