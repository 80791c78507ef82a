//! `flow check`: everything in a script that cannot be run, and in those that it starts by their names.

use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::beside::{self, Beside, Wrong};
use crate::flow::engine::{Engine, Monty};
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
    let mut wrong: Vec<Wrong> =
        complaints.iter().map(|complaint| Wrong::of(file, &source, complaint)).collect();
    let Beside { scripts, wrong: of_others, .. } = beside::read(file, &source, &options.flows.along);
    wrong.extend(of_others);
    let checked = Checked {
        file,
        functions: Engine::functions(&Monty, &source).into_iter().map(|function| function.name).collect(),
        scripts: scripts.into_iter().map(|(name, _)| name).collect(),
        wrong,
    };
    let text = match options.json {
        true => format!("{:#}\n", checked.to_json()),
        false => checked.to_text(options.color.palette(&stdout())),
    };
    Ok(report::print(&text, exit::of_check(checked.wrong.is_empty())))
}

/// What is known of a script.
struct Checked<'a> {
    file: &'a str,
    functions: Vec<String>,
    /// Those that it may start.
    scripts: Vec<String>,
    wrong: Vec<Wrong>,
}

impl Checked<'_> {
    fn to_text(&self, palette: Palette) -> String {
        if !self.wrong.is_empty() {
            let problems: Vec<Problem> = self.wrong.iter().map(|wrong| wrong.problem.clone()).collect();
            return report::text(&problems, "it would not start", palette);
        }
        let functions = match self.functions.as_slice() {
            [] => "no functions".to_owned(),
            functions => format!("functions {}", functions.join(", ")),
        };
        let scripts = match self.scripts.as_slice() {
            [] => String::new(),
            scripts => format!("; starts {}", scripts.join(", ")),
        };
        format!("{} {}: {functions}{scripts}\n", palette.green("ok:"), self.file)
    }

    fn to_json(&self) -> Json {
        let problem = |Wrong { file, line, column, problem }: &Wrong| {
            let Problem { path, expected, found, .. } = problem;
            json!({"file": file, "line": line, "column": column, "what": path, "instead": expected, "found": found})
        };
        json!({
            "file": self.file,
            "functions": self.functions,
            "scripts": self.scripts,
            "problems": self.wrong.iter().map(problem).collect::<Vec<_>>(),
        })
    }
}
