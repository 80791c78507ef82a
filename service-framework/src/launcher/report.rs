//! Problems as a person reads them: where, what was expected, what was found, what to do.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use super::terminal::{Color, Palette};
use crate::model::Problem;

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
    let mut text = format!("{} {}\n", palette.red("error:"), palette.bold(&place(problem)));
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
    let indented = content.replace('\n', "\n            ");
    text.push_str(&format!("  {label}  {indented}\n"));
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

/// Writes to stdout; a reader that went away (`| head`) is no failure.
pub(crate) fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

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
