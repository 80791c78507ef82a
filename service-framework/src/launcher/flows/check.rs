//! `flow check`: everything in a script that cannot be run.

use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use crate::flow::engine::{Complaint, Engine, Monty};
use crate::launcher::arguments::Options;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, files, report};
use crate::model::Problem;

/// Checks the script that the command line names.
///
/// # Errors
/// It cannot be read.
pub(super) fn check(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let file = options.positional.as_deref().unwrap_or_default();
    let source = files::read_text_file(Path::new(file)).map_err(|problem| vec![problem])?;
    let complaints = Engine::check(&Monty, file, &source);
    let functions = Engine::functions(&Monty, &source);
    let text = match options.json {
        true => format!("{:#}\n", to_json(file, &complaints, &functions)),
        false => text(file, &source, &complaints, &functions, options.color.palette(&stdout())),
    };
    Ok(report::print(&text, exit::of_check(complaints.is_empty())))
}

fn text(
    file: &str,
    source: &str,
    complaints: &[Complaint],
    functions: &[String],
    palette: Palette,
) -> String {
    if !complaints.is_empty() {
        let problems: Vec<Problem> =
            complaints.iter().map(|complaint| super::script::problem_of(file, source, complaint)).collect();
        return report::text(&problems, "it would not start", palette);
    }
    let functions = match functions {
        [] => "no functions".to_owned(),
        functions => format!("functions {}", functions.join(", ")),
    };
    format!("{} {file}: {functions}\n", palette.green("ok:"))
}

fn to_json(file: &str, complaints: &[Complaint], functions: &[String]) -> Json {
    let problem = |Complaint { line, column, what, instead }: &Complaint| json!({"line": line, "column": column, "what": what, "instead": instead});
    json!({
        "file": file,
        "functions": functions,
        "problems": complaints.iter().map(problem).collect::<Vec<_>>(),
    })
}
