//! Scripts: read from files, with what they are called with, and checked.

use std::path::Path;

use serde_json::Value as Json;

use super::beside;
use crate::flow::Start;
use crate::flow::engine::{Complaint, Engine, Function, Misfit, Monty};
use crate::launcher::arguments::Options;
use crate::launcher::files;
use crate::launcher::report;
use crate::model::Problem;
use crate::value::Value;

/// Without one this function is called, if there is one.
const MAIN: &str = "main";

/// A flow of the script at `file`, to be called with what the command line says.
///
/// # Errors
/// All that is wrong with the script and with the arguments.
pub(super) fn start(file: &str, function: Option<&str>, options: &Options) -> Result<Start, Vec<Problem>> {
    let (source, args) = report::both(read(file), args(&options.flows.args))?;
    let beside = beside::read(file, &source, &options.flows.along);
    if !beside.wrong.is_empty() {
        return Err(beside.wrong.into_iter().map(|wrong| wrong.problem).collect());
    }
    let function = function_of(file, &source, function)?;
    match &function {
        None if !args.is_empty() => {
            let expected = "a function that takes arguments: FUNCTION, or one that is called main";
            return Err(vec![Problem::missing("command line", expected).in_file(file)]);
        }
        None => {}
        Some(function) => check_args(file, function, &args)?,
    }
    Ok(Start {
        id: options.flows.id.clone(),
        name: options.flows.name.clone(),
        file: file.to_owned(),
        source,
        function: function.map(|function| function.name),
        args,
        scripts: beside.scripts,
        parent: None,
    })
}

/// A script that can be run.
///
/// # Errors
/// It cannot be read, or all that is wrong with it.
fn read(file: &str) -> Result<String, Vec<Problem>> {
    let source = files::read_text_file(Path::new(file)).map_err(|problem| vec![problem])?;
    let complaints = Engine::check(&Monty, file, &source);
    if complaints.is_empty() {
        return Ok(source);
    }
    Err(complaints.iter().map(|complaint| problem_of(file, &source, complaint)).collect())
}

/// Something that cannot be run, with its place and the line in which it stands.
pub(super) fn problem_of(file: &str, source: &str, complaint: &Complaint) -> Problem {
    let Complaint { line, column, what, instead } = complaint;
    let found = source.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    Problem::new(what, instead, found.trim()).in_file(&format!("{file}:{line}:{column}"))
}

fn function_of(file: &str, source: &str, wanted: Option<&str>) -> Result<Option<Function>, Vec<Problem>> {
    let functions = Engine::functions(&Monty, source);
    let Some(wanted) = wanted else {
        return Ok(functions.into_iter().find(|function| function.name == MAIN));
    };
    if let Some(found) = functions.iter().find(|function| function.name == wanted) {
        return Ok(Some(found.clone()));
    }
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    let expected = match names.as_slice() {
        [] => "no FUNCTION: the script has none".to_owned(),
        names => format!("one of its functions: {}", names.join(", ")),
    };
    let problem = Problem::new("command line", expected, format!("{wanted:?}")).in_file(file);
    Err(vec![problem.with_near_miss(wanted, names)])
}

/// # Errors
/// Each argument that the function has not, and each that it needs.
fn check_args(file: &str, function: &Function, args: &[(String, Value)]) -> Result<(), Vec<Problem>> {
    let problem = |misfit| match misfit {
        Misfit::Unknown(name) => {
            let expected = format!("what {} takes: {}", function.name, function.takes());
            let problem = Problem::new("--arg", expected, format!("{name:?}")).in_file(file);
            match function.near(&name) {
                Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
                None => problem,
            }
        }
        Misfit::Missing(name) => {
            Problem::missing("--arg", format!("{name}=VALUE, which {} needs", function.name)).in_file(file)
        }
    };
    let problems: Vec<_> =
        function.misfits(args.iter().map(|(name, _)| name.as_str())).into_iter().map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Each `--arg`, whose value is JSON if it can be read so and text if not; the last one of a name counts.
fn args(said: &[String]) -> Result<Vec<(String, Value)>, Vec<Problem>> {
    let mut args: Vec<(String, Value)> = Vec::new();
    let mut problems = Vec::new();
    for arg in said {
        match arg.split_once('=') {
            Some((name, text)) if !name.is_empty() => match value(text) {
                Ok(value) => {
                    args.retain(|(before, _)| before != name);
                    args.push((name.to_owned(), value));
                }
                Err(found) => {
                    problems.push(Problem::new(format!("--arg {name}"), "a value as JSON, or text", found));
                }
            },
            _ => problems.push(Problem::new("--arg", "NAME=VALUE", format!("{arg:?}"))),
        }
    }
    if problems.is_empty() { Ok(args) } else { Err(problems) }
}

fn value(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<Json>(text) {
        Ok(json) => Value::from_json(&json).map_err(|error| error.to_string()),
        Err(_) => Ok(Value::Str(text.to_owned())),
    }
}

/// A message, as JSON; nothing if nothing is said.
///
/// # Errors
/// It is no JSON.
pub(super) fn message(text: Option<&str>) -> Result<Value, Problem> {
    let Some(text) = text else { return Ok(Value::Nil) };
    let found = match serde_json::from_str::<Json>(text) {
        Ok(json) => match Value::from_json(&json) {
            Ok(value) => return Ok(value),
            Err(error) => error.to_string(),
        },
        Err(error) => format!("{text:?}, which is none: {error}"),
    };
    Err(Problem::new("command line", "JSON: what the message says", found)
        .with_hint("text stands in quotes inside those of the shell: '\"yes\"'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &[&str]) -> Vec<String> {
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    #[test]
    fn arguments_are_json_or_text_and_the_last_counts() {
        let read = args(&said(&["a=1", "b=h1", "c=[true, null]", "a=2", "d=x=y"])).unwrap();
        let expected = [
            ("b", Value::Str("h1".to_owned())),
            ("c", Value::List(vec![Value::Bool(true), Value::Nil])),
            ("a", Value::Int(2)),
            ("d", Value::Str("x=y".to_owned())),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(args(&said(&["a", "=1"])).unwrap_err().len(), 2);
    }

    #[test]
    fn a_message_is_json() {
        assert_eq!(message(None), Ok(Value::Nil));
        assert_eq!(message(Some("[1]")), Ok(Value::List(vec![Value::Int(1)])));
        assert!(message(Some("yes")).unwrap_err().hint.unwrap().contains("quotes"));
    }
}
