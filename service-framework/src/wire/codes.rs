//! Codes of error replies that the framework itself gives. A handler's own refusal may use any other.

/// The message is not MessagePack, not a map, has no arguments, is followed by more, or is over a limit.
pub const BAD_MESSAGE: &str = "bad_message";
/// The arguments are not what the model says. Details: a list of path, expected and found.
pub const INVALID_ARGUMENTS: &str = "invalid_arguments";
/// The handler returned what the model does not say. Details as for [`INVALID_ARGUMENTS`].
pub const INVALID_RETURN: &str = "invalid_return";
/// The handler failed or panicked. What went wrong stays in the log of its service.
pub const HANDLER_FAILED: &str = "handler_failed";
/// The deadline passed before the handler began.
pub const DEADLINE_EXCEEDED: &str = "deadline_exceeded";
/// More requests are waiting than the service holds.
pub const OVERLOADED: &str = "overloaded";
/// The service is stopping and takes no more requests.
pub const STOPPING: &str = "stopping";
/// The program that was called failed.
pub const PROGRAM_FAILED: &str = "program_failed";

/// Whether `code` is one of these.
#[must_use]
pub fn is_reserved(code: &str) -> bool {
    matches!(
        code,
        BAD_MESSAGE
            | INVALID_ARGUMENTS
            | INVALID_RETURN
            | HANDLER_FAILED
            | DEADLINE_EXCEEDED
            | OVERLOADED
            | STOPPING
            | PROGRAM_FAILED
    )
}
