//! What a script asks of the host and what it is told, as monty has it.

use std::str::FromStr;

use monty::{ReplFunctionCall, ReplOsCall};
use monty_types::{
    ExcType, ExtFunctionResult, MontyDate, MontyDateTime, MontyException, MontyObject, MontyTimeZone,
    OsFunctionCall,
};

use super::convert;
use super::prelude::HOST;
use crate::flow::engine::{Limits, Outcome, Raised};
use crate::value::Value;

/// What the clock is called.
pub(super) const NOW: &str = "time.now";

/// The name and arguments of a call of the host's function; an exception for the script if they cannot leave it.
/// `None` if the script called something that there is not.
pub(super) fn request(
    call: &ReplFunctionCall,
    limits: &Limits,
) -> Option<Result<(String, Vec<Value>), MontyException>> {
    if call.function_name != HOST || call.object_id.is_some() {
        return None;
    }
    let [MontyObject::String(name), MontyObject::List(args)] = call.args.as_slice() else { return None };
    let values = convert::to_values(args, limits.argument);
    Some(match values {
        Ok(args) => Ok((name.clone(), args)),
        Err(problem) => Err(problem.in_call(name)),
    })
}

/// Whether a call to the operating system asks for nothing but the time.
pub(super) fn is_clock(call: &ReplOsCall) -> bool {
    matches!(call.function_call, OsFunctionCall::DateTimeNow(_) | OsFunctionCall::DateToday)
}

/// Why a call to the operating system is not done.
pub(super) fn refusal(call: &OsFunctionCall) -> MontyException {
    let text =
        format!("{} is not there: a flow reaches the world outside through the modules of flow", call.name());
    MontyException::new(ExcType::PermissionError, Some(text))
}

/// What the script gets for an outcome.
pub(super) fn result(outcome: Outcome) -> ExtFunctionResult {
    match outcome {
        Outcome::Value(value) => ExtFunctionResult::Return(convert::to_object(value)),
        Outcome::Error(raised) => ExtFunctionResult::Error(exception(raised)),
    }
}

/// What the script gets for an outcome that it awaits: an error as a value, which the prelude raises.
///
/// An error that comes to a task of a gather as one ends the gather at once, past everything in the task that would catch it.
pub(super) fn awaited(outcome: Outcome) -> ExtFunctionResult {
    match result(outcome) {
        ExtFunctionResult::Error(error) => ExtFunctionResult::Return(MontyObject::Exception {
            exc_type: error.exc_type(),
            arg: error.into_message(),
        }),
        other => other,
    }
}

/// What the script gets for what the clock said.
pub(super) fn time_result(call: &OsFunctionCall, outcome: Outcome) -> ExtFunctionResult {
    let value = match outcome {
        Outcome::Value(value) => value,
        Outcome::Error(raised) => return ExtFunctionResult::Error(exception(raised)),
    };
    let at = |zone: Option<&MontyTimeZone>| value.as_f64().and_then(|seconds| point_in_time(seconds, zone));
    let object = match call {
        OsFunctionCall::DateTimeNow(zone) => at(zone.as_ref()).map(MontyObject::DateTime),
        _ => at(None).map(|at| MontyObject::Date(MontyDate { year: at.year, month: at.month, day: at.day })),
    };
    match object {
        Some(object) => ExtFunctionResult::Return(object),
        None => ExtFunctionResult::Error(MontyException::new(
            ExcType::OverflowError,
            Some("the clock's time is none that a datetime can be".to_owned()),
        )),
    }
}

/// A point in time in a zone; without one, in UTC but not saying so, as a clock that runs on UTC shows it.
fn point_in_time(seconds: f64, zone: Option<&MontyTimeZone>) -> Option<MontyDateTime> {
    use chrono::{DateTime, TimeDelta};

    let micros = (seconds * 1e6).round();
    if !micros.is_finite() || micros.abs() > 4e17 {
        return None;
    }
    let offset = zone.map(|zone| zone.offset_seconds);
    let shift = TimeDelta::try_seconds(i64::from(offset.unwrap_or(0)))?;
    let at = DateTime::from_timestamp_micros(micros as i64)?.naive_utc().checked_add_signed(shift)?;
    convert::of_naive(at, offset, zone.and_then(|zone| zone.name.clone()))
}

/// The exception that is raised for something from outside.
pub(super) fn exception(raised: Raised) -> MontyException {
    let kind = match raised.kind.as_str() {
        "Timeout" => ExcType::TimeoutError,
        "ConnectionError" => ExcType::OSError,
        name => ExcType::from_str(name).unwrap_or(ExcType::RuntimeError),
    };
    MontyException::new(kind, (!raised.message.is_empty()).then_some(raised.message))
}

/// What is raised where a script stands when it is to end.
pub(super) fn interruption() -> Outcome {
    let (kind, message) = ("KeyboardInterrupt".to_owned(), "the flow was cancelled".to_owned());
    Outcome::Error(Raised { kind, message })
}
