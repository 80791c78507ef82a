//! `program run`: one run of a program here, its steps shown while they happen, its answer on stdout.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Map, Value as Json};

use super::serve::{process_name, read, start};
use super::story::{call_text, called, printable};
use super::{command_hook, store};
use crate::launcher::arguments::Options;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report, signals};
use crate::model::{Problem, near_miss};
use crate::program::spec::{Arg, ArgType};
use crate::program::{Answer, End, Engine, Pool, Refusal, Request, Runs, Settings, Step, Watch};
use crate::service::Programs;

/// Runs the program that the command line names.
///
/// # Errors
/// All that is wrong with the files and the command line. Nothing was started.
pub(super) fn play(options: &Options, own: Option<Programs>) -> Result<ExitCode, Vec<Problem>> {
    let programs = read(options, own, false);
    let program =
        programs.as_ref().ok().and_then(|programs| programs.spec().ok()?.program(asked_for(options)));
    let pool = pool(options, program.map(|program| program.args.as_slice()).unwrap_or_default());
    let (programs, pool) = match (programs, pool) {
        (Ok(programs), Ok(pool)) => (programs, pool),
        (programs, pool) => {
            let mut problems = programs.err().unwrap_or_default();
            problems.extend(pool.err().unwrap_or_default());
            return Err(problems);
        }
    };
    let store = store::open_or_make(options)?;
    let watch = Tree {
        palette: options.color.palette(&io::stderr()),
        steps: options.programs.step.then(|| Runs::of(&store)),
        began: Mutex::default(),
    };
    let settings = Settings { name: process_name(), watch: Some(Arc::new(watch)), ..Settings::default() };
    let (_service, engine) = start(programs, store, settings)?;
    Ok(run_once(&engine, pool, options))
}

fn asked_for(options: &Options) -> &str {
    options.positional.as_deref().unwrap_or_default()
}

fn run_once(engine: &Engine, pool: Pool, options: &Options) -> ExitCode {
    let first = |_| eprintln!("the run goes on to its end; once more ends it at once");
    if let Err(error) = signals::on_stop(first, command_hook::kill_all) {
        eprintln!("error: cannot watch for signals: {error}");
        return ExitCode::from(exit::FAILED);
    }
    let mut request = Request::new(asked_for(options), pool);
    if let Some(key) = &options.programs.key {
        request = request.idempotent(key);
    }
    let answer = engine.run(request);
    let has_ended = engine.stop(options.grace);
    match answer {
        Answer::Ran { run, end, pool } => {
            eprintln!("{} {run}", told(end, options.color.palette(&io::stderr())));
            let is_well = end == End::Done && has_ended;
            report::print(&format!("{:#}\n", pool.to_json()), if is_well { exit::OK } else { exit::FAILED })
        }
        Answer::Refused(refusal) => {
            eprintln!("error: {refusal}");
            let is_wrong = matches!(refusal, Refusal::Request(_) | Refusal::Lock(_));
            ExitCode::from(if is_wrong { exit::WRONG_INPUT } else { exit::FAILED })
        }
    }
}

fn told(end: End, palette: Palette) -> String {
    match end {
        End::Done => palette.green("done:"),
        End::Rectified => palette.yellow("failed, and all of it is undone:"),
        End::Stuck => palette.red("failed, and a rectifier too; `program retry` or `program resolve`:"),
        End::Resolved => palette.green("resolved:"),
    }
}

/// `--pool`, and over it each `--arg`, whose value is text where the program says so, and else JSON if it can be read so and text if
/// not.
fn pool(options: &Options, args: &[Arg]) -> Result<Pool, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut entries = match options.programs.pool.as_deref().map(serde_json::from_str::<Json>) {
        None => Map::new(),
        Some(Ok(Json::Object(entries))) => entries,
        Some(Ok(other)) => {
            problems.push(Problem::new("--pool", "a JSON object", other.to_string()));
            Map::new()
        }
        Some(Err(error)) => {
            problems.push(Problem::new("--pool", "a JSON object", error.to_string()));
            Map::new()
        }
    };
    for arg in &options.programs.args {
        match arg.split_once('=') {
            Some((name, text)) if !name.is_empty() => {
                problems.extend(misspelt(name, args));
                let kind = args.iter().find(|arg| arg.name == name).map(|arg| arg.kind);
                entries.insert(name.to_owned(), value(text, kind));
            }
            _ => problems.push(Problem::new("--arg", "name=value", format!("{arg:?}"))),
        }
    }
    let pool = Pool::from_json(&entries);
    problems.extend(pool.as_ref().err().map(|error| Problem::new("--pool", "a pool", error.to_string())));
    match pool {
        Ok(pool) if problems.is_empty() => Ok(pool),
        _ => Err(problems),
    }
}

/// What somebody who types a value means by it.
fn value(text: &str, kind: Option<ArgType>) -> Json {
    match (serde_json::from_str(text), kind) {
        (Ok(Json::String(text)), _) => Json::String(text),
        (Ok(_), Some(ArgType::Str)) | (Err(_), _) => Json::String(text.to_owned()),
        (Ok(value), _) => value,
    }
}

/// A pool may hold anything, but hardly something that is called almost like an arg.
fn misspelt(name: &str, args: &[Arg]) -> Option<Problem> {
    let names = || args.iter().map(|arg| arg.name.as_str());
    let meant = near_miss(name, names()).filter(|_| names().all(|known| known != name))?;
    let problem = Problem::new("--arg", "an arg of the program", format!("{name:?}"));
    Some(
        problem
            .with_hint(format!("did you mean {meant:?}? What is called so none the less goes into --pool")),
    )
}

/// Shows the steps of a run on stderr.
struct Tree {
    palette: Palette,
    /// Where a run is cancelled, if it waits before each step.
    steps: Option<Runs>,
    began: Mutex<Option<Instant>>,
}

impl Watch for Tree {
    fn before(&self, step: &Step<'_>, pool: &Pool) -> bool {
        let goes_on = self.steps.as_ref().is_none_or(|runs| self.asks(runs, step, pool));
        if let Ok(mut began) = self.began.lock() {
            *began = Some(Instant::now());
        }
        goes_on
    }

    fn noted(&self, text: &str) {
        say(&format!("  {} {}\n", self.palette.red("!"), printable(text)));
    }

    fn after(&self, step: &Step<'_>, _: &Pool, error: Option<&str>) {
        let began = self.began.lock().ok().and_then(|began| *began);
        let took = began.map(|began| began.elapsed()).unwrap_or_default();
        let called = called(&step.hook.reference, step.attempt, step.is_reversing);
        say(&call_text(&called, took, error, self.palette));
    }
}

impl Tree {
    /// Shows what comes next, and waits until somebody says that it may; false if all is to be undone instead.
    fn asks(&self, runs: &Runs, step: &Step<'_>, pool: &Pool) -> bool {
        let line = called(&step.hook.reference, step.attempt, step.is_reversing);
        let may = if step.is_reversing { "press Enter" } else { "press Enter, or u and Enter to undo all" };
        say(&format!("{:#}\n{line}  {} ", pool.to_json(), self.palette.dim(may)));
        let mut said = String::new();
        let has_ended = !matches!(io::stdin().lock().read_line(&mut said), Ok(1..));
        // What is being undone is undone, whoever looks on.
        if step.is_reversing || !(has_ended || said.trim() == "u") {
            return true;
        }
        say(if has_ended { "nobody says that it may go on: it is undone\n" } else { "" });
        // Otherwise the step would be tried again, if its hook has more attempts.
        if let Err(error) = runs.cancel(step.run) {
            say(&format!("the run cannot be cancelled: {}\n", report::chain(&error)));
        }
        false
    }
}

/// Whoever closed stderr does not want it; the run goes on.
fn say(text: &str) {
    let _ = write!(io::stderr(), "{text}");
}
