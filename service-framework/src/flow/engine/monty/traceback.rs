//! Exceptions of monty, told in terms of what the author of a script wrote.

use std::sync::Arc;

use monty_types::{CodeLoc, ExcType, MontyException, StackFrame};

use super::convert::Problem;
use super::prelude;
use super::rewrite::{Places, Rewritten, Side};
use super::source::Source;
use crate::flow::engine::{Complaint, Failure, Frame};

/// What a failure is called that is due to a limit.
const LIMIT: &str = "LimitExceeded";

/// Why a script failed.
pub(super) fn failure(error: &MontyException, source: &Source) -> Failure {
    let frames = mapped(error, source);
    let message = error.message().unwrap_or_default().to_owned();
    let (kind, message) = match limit(error) {
        Some(limit) => (LIMIT.to_owned(), limit),
        None => (error.exc_type().to_string(), message),
    };
    let told =
        MontyException::with_traceback(error.exc_type(), error.message().map(str::to_owned), frames.clone());
    Failure {
        kind,
        message,
        frames: frames.iter().map(frame).collect(),
        traceback: told.to_string(),
        compensated: Vec::new(),
        not_compensated: Vec::new(),
    }
}

/// The limit that an exception is due to.
fn limit(error: &MontyException) -> Option<String> {
    let message = error.message()?;
    match error.exc_type() {
        ExcType::RecursionError if message.starts_with("maximum recursion depth") => Some(message.to_owned()),
        ExcType::MemoryError if message.starts_with("memory limit exceeded") => {
            Some(format!("it printed too much at once: {message}"))
        }
        _ => None,
    }
}

/// Where a script stands, from the traceback of an exception that ended it there.
pub(super) fn frames(error: &MontyException, source: &Source) -> Vec<Frame> {
    mapped(error, source).iter().map(frame).collect()
}

/// The frames of the author's text, as they are there.
fn mapped(error: &MontyException, source: &Source) -> Vec<StackFrame> {
    let Some(rewritten) = source.rewritten() else { return Vec::new() };
    let name = prelude::script_name();
    let own = error.traceback().iter().filter(|frame| frame.filename == name);
    own.map(|frame| back(frame, rewritten, source.file())).collect()
}

fn back(frame: &StackFrame, rewritten: &Rewritten, file: &str) -> StackFrame {
    let (line, column) = rewritten.back(frame.start.line, frame.start.column, Side::Start);
    let (end_line, end_column) = rewritten.back(frame.end.line, frame.end.column, Side::End);
    StackFrame {
        filename: file.to_owned(),
        start: CodeLoc { line, column },
        // What spans lines is shown by its first one.
        end: CodeLoc { line, column: if end_line == line { end_column.max(column) } else { column } },
        preview_line: Some(Arc::from(rewritten.places().line(line))),
        hide_caret: frame.hide_caret || end_line != line,
        ..frame.clone()
    }
}

fn frame(frame: &StackFrame) -> Frame {
    Frame {
        function: frame.frame_name.clone().unwrap_or_else(|| "<module>".to_owned()),
        line: frame.start.line,
        column: frame.start.column,
        text: frame.preview_line.as_deref().unwrap_or_default().trim().to_owned(),
    }
}

/// Why a text cannot be run at all.
pub(super) fn of_a_text(complaint: &Complaint, file: &str, source: &str) -> Failure {
    let places = Places::new(source);
    let line = places.line(complaint.line);
    let at = CodeLoc { line: complaint.line, column: complaint.column };
    let told = StackFrame {
        filename: file.to_owned(),
        start: at,
        end: at,
        frame_name: None,
        preview_line: Some(Arc::from(line)),
        hide_caret: false,
        hide_frame_name: true,
    };
    let message = complaint.what.clone();
    let frames = vec![frame(&told)];
    let error = MontyException::with_traceback(ExcType::SyntaxError, Some(message.clone()), vec![told]);
    Failure {
        kind: "SyntaxError".to_owned(),
        message,
        frames,
        traceback: error.to_string(),
        compensated: Vec::new(),
        not_compensated: Vec::new(),
    }
}

/// Why a result cannot leave the script.
pub(super) fn of_a_result(problem: &Problem) -> Failure {
    let kind = match problem {
        Problem::Kind(_) => "TypeError",
        Problem::Size(_) => LIMIT,
        _ => "ValueError",
    };
    without_place(kind, problem.text("the result of a flow"))
}

/// There is no such function to be called.
pub(super) fn of_a_function(name: &str) -> Failure {
    without_place("NameError", format!("the script has no function {name}"))
}

/// The engine itself does not work.
pub(super) fn of_the_engine(problem: &str) -> Failure {
    without_place("SystemError", format!("the interpreter cannot be used: {problem}"))
}

fn without_place(kind: &str, message: String) -> Failure {
    let traceback = format!("{kind}: {message}");
    Failure {
        kind: kind.to_owned(),
        message,
        frames: Vec::new(),
        traceback,
        compensated: Vec::new(),
        not_compensated: Vec::new(),
    }
}
