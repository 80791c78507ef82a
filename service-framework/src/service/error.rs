//! What handlers return when they fail, and why a service could not start or go on.

use std::fmt;

use crate::connection::SocketError;
use crate::model::Problem;
use crate::value::Value;
use crate::wire::ErrorReply;

/// The result of a handler, a hook or `main`: any error can be passed on by `?`.
pub type Result<T = (), E = HandlerError> = std::result::Result<T, E>;

/// Any error that ends a handler.
///
/// The one who asked gets the code `handler_failed` without internal text, and the log the whole chain of causes. To
/// tell the other end more, return a [`Refused`].
pub struct HandlerError(Box<dyn std::error::Error + Send + Sync>);

impl HandlerError {
    /// The error itself, if it is of this type.
    #[must_use]
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The error and its causes, in one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let reason = error.to_string();
            // Some errors say their cause themselves.
            if !text.contains(&reason) {
                text.push_str(": ");
                text.push_str(&reason);
            }
            cause = error.source();
        }
        text
    }
}

/// What a handler can fail with: everything that implements [`std::error::Error`] and can go to another thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error",
    label = "not an error: for a text write `Err(Refused::new(\"code\", \"text\"))?`, for a type of yours implement \
             `std::error::Error`"
)]
pub trait AnyError: Sized {
    /// The error, of which only this is known.
    #[doc(hidden)]
    fn boxed(self) -> Box<dyn std::error::Error + Send + Sync>;
}

// So that the compiler tells of this trait, and with it what to write.
#[diagnostic::do_not_recommend]
impl<E: std::error::Error + Send + Sync + 'static> AnyError for E {
    fn boxed(self) -> Box<dyn std::error::Error + Send + Sync> {
        Box::new(self)
    }
}

impl<E: AnyError> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(error.boxed())
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A refusal that the one who asked is meant to read.
///
/// ```
/// use service_framework::service::Refused;
///
/// fn withdraw(balance: i64, amount: i64) -> service_framework::Result<i64> {
///     if amount > balance {
///         return Err(Refused::new("too_little", format!("{balance} is less than {amount}")).into());
///     }
///     Ok(balance - amount)
/// }
/// # assert!(withdraw(1, 2).is_err());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// A word that programs can act on. A reserved one is sent as `handler_failed`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Whatever else helps; nil if nothing.
    pub details: Value,
}

impl Refused {
    /// A refusal without details.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Value::Nil }
    }

    /// Adds details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = details.into();
        self
    }
}

/// A refusal in the framework's own words, from a handler that is its own.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", .0.code, .0.message)]
pub(crate) struct OwnRefusal(pub(crate) ErrorReply);

/// What is wrong with the models, files or hooks of a service. Nothing was opened.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SetupError {
    /// All of it, at once.
    pub problems: Vec<Problem>,
}

impl From<Vec<Problem>> for SetupError {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems }
    }
}

/// Why a service ended that was not asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A socket could not be opened, or broke.
    #[error("{connection}: {source}")]
    Socket {
        /// The connection, as `in.NAME` or `out.NAME`.
        connection: String,
        /// What the engine says.
        source: SocketError,
    },
    /// The system gave no thread, descriptor or runtime.
    #[error("{what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// `main`, `init_function` or a signal handler returned an error.
    #[error("{hook} failed: {reason}")]
    Hook {
        /// Its name.
        hook: &'static str,
        /// The error with its causes.
        reason: String,
    },
    /// `main`, `init_function` or a signal handler panicked.
    #[error("{hook} panicked: {reason}")]
    Panicked {
        /// Its name.
        hook: &'static str,
        /// The panic's message.
        reason: String,
    },
    /// The service was asked to end and did not within the grace period; what was still running is abandoned.
    #[error("not everything ended within the grace period of {0:?}")]
    GraceOver(std::time::Duration),
}
