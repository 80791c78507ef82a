//! Problems as a person reads them: where, what was expected, what was found, what to do.

use std::io::{self, Write};
use std::process::ExitCode;

use rustix::io::Errno;
use serde_json::{Value as Json, json};

use super::terminal::{Color, Palette};
use super::{exit, files};
use crate::model::Problem;

/// Longer words are shortened to their begin and end.
const LONGEST_WORD: usize = 300;
const WORD_BEGIN: usize = 100;
const WORD_END: usize = 60;

/// Two things that were read, or all that is wrong with either.
#[cfg(feature = "programs")]
pub(crate) fn both<A, B>(
    one: Result<A, Vec<Problem>>,
    other: Result<B, Vec<Problem>>,
) -> Result<(A, B), Vec<Problem>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => {
            let mut problems = one.err().unwrap_or_default();
            problems.extend(other.err().unwrap_or_default());
            Err(problems)
        }
    }
}

/// Writes all problems to stderr, and what their number means.
pub(crate) fn problems(problems: &[Problem], color: Color, consequence: &str) {
    let mut stderr = io::stderr().lock();
    let palette = color.palette(&stderr);
    // Nobody is left to be told if stderr is closed.
    let _ = stderr.write_all(text(problems, consequence, palette).as_bytes());
}

/// The same as text.
pub(crate) fn text(problems: &[Problem], consequence: &str, palette: Palette) -> String {
    let mut text: String = problems.iter().map(|problem| one(problem, palette)).collect();
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    text.push_str(&format!("{}: {consequence}\n", palette.bold(&count)));
    text
}

fn one(problem: &Problem, palette: Palette) -> String {
    let mut text =
        format!("{} {}\n", palette.red("error:"), palette.bold(&without_long_words(&place(problem))));
    row(&mut text, palette.dim("expected"), &problem.expected);
    row(&mut text, palette.dim("found   "), &problem.found);
    if let Some(hint) = &problem.hint {
        row(&mut text, palette.cyan("hint    "), hint);
    }
    text
}

fn place(problem: &Problem) -> String {
    match (&problem.file, problem.path.as_str()) {
        (Some(file), "") => file.clone(),
        (Some(file), path) => format!("{file}: {path}"),
        (None, "") => "model".to_owned(),
        (None, path) => path.to_owned(),
    }
}

fn row(text: &mut String, label: String, content: &str) {
    let indented = without_long_words(content).replace('\n', "\n            ");
    text.push_str(&format!("  {label}  {indented}\n"));
}

/// `text` with the middle of each word left out that is longer than any name or path one would read.
pub(crate) fn without_long_words(text: &str) -> String {
    let shown = |word: &str| match word.chars().count() {
        0..=LONGEST_WORD => word.to_owned(),
        count => {
            let begin: String = word.chars().take(WORD_BEGIN).collect();
            let end: String = word.chars().skip(count - WORD_END).collect();
            format!("{begin}…{end}")
        }
    };
    text.split_inclusive(char::is_whitespace).map(shown).collect()
}

/// A problem for another program.
pub(crate) fn to_json(problem: &Problem) -> Json {
    json!({
        "file": problem.file,
        "path": problem.path,
        "expected": problem.expected,
        "found": problem.found,
        "hint": problem.hint,
    })
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
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

/// Writes to stdout, all of it, and returns `code`, or that of a failure, with its reason on stderr. A reader that
/// went away (`| head`) is none.
pub(crate) fn print(text: &str, code: u8) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if !is_reader_gone(&error) => {
            // Nobody is left to be told if stderr is closed, too.
            let _ = writeln!(io::stderr(), "error: {}", unwritable(&error));
            ExitCode::from(exit::FAILED)
        }
        _ => ExitCode::from(code),
    }
}

/// That something could not be written to stdout.
pub(crate) fn unwritable(error: &io::Error) -> String {
    format!("stdout cannot be written: {}", files::plain(error))
}

/// Whether a write failed because nobody wants it any more: a closed pipe, or a terminal that is gone.
pub(crate) fn is_reader_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened() {
        let long = "x".repeat(5_000);
        let problem =
            Problem::new(format!("--{long}"), format!("one of a, {long}"), format!("unknown key {long:?}"));
        let text = text(&[problem], "nothing was started", Palette::PLAIN);
        assert!(text.chars().count() < 800, "{text}");
        assert!(text.contains(&format!("unknown key \"{}…{}\"\n", "x".repeat(99), "x".repeat(59))), "{text}");
        let path = format!("/{}", "folder/".repeat(42));
        assert_eq!(without_long_words(&path), path);
    }

    #[test]
    fn a_problem_has_a_row_for_each_part() {
        let problems = [
            Problem::new("connections.in.echo.replyer", "an address", "\"127.0.0.1\" (it has no port)")
                .in_file("a.json")
                .with_hint("add the port: host:8001"),
            Problem::missing("--service_path", "a service"),
        ];
        insta::assert_snapshot!(text(&problems, "nothing was started", Palette::PLAIN), @r#"
        error: a.json: connections.in.echo.replyer
          expected  an address
          found     "127.0.0.1" (it has no port)
          hint      add the port: host:8001
        error: --service_path
          expected  a service
          found     nothing
        2 problems: nothing was started
        "#);
    }
}
