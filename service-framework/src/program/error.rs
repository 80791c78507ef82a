//! Why a hook failed.

use std::fmt;

/// Why a hook failed: what its reversal, the journal and the log say.
///
/// Any error becomes one by `?`; [`HookError::new`] makes one of text.
pub struct HookError {
    text: String,
    /// Whether it may have happened; none if that is not said.
    doubt: Option<bool>,
}

impl HookError {
    /// One that says this.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), doubt: None }
    }

    /// One after which nobody knows whether the hook has done what it was to do, such as an answer that did not come: if no further
    /// attempt ends well, its own rectifiers are called before those of the steps before it.
    pub fn in_doubt(text: impl Into<String>) -> Self {
        Self { text: text.into(), doubt: Some(true) }
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the hook may have done what it was to do.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.doubt == Some(true)
    }

    /// One after which nobody has to wonder, however late it came: nothing happened, or the other end says what went wrong.
    pub(crate) fn certain(text: impl Into<String>) -> Self {
        Self { text: text.into(), doubt: Some(false) }
    }

    /// The same, in doubt unless it says that nothing happened.
    pub(crate) fn doubted(self) -> Self {
        Self { doubt: self.doubt.or(Some(true)), ..self }
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
        Self::new(text)
    }
}
