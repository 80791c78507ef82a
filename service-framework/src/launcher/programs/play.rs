//! `program run`: one run of a program here, its steps shown while they happen, its answer on stdout.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Map, Value as Json};

use super::serve::{process_name, read, start};
use super::story::{call_text, called};
use super::{command_hook, store};
use crate::launcher::arguments::Options;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report, signals};
use crate::model::Problem;
use crate::program::{Answer, End, Engine, Pool, Refusal, Request, Settings, Step, Watch};
use crate::service::Programs;

/// Runs the program that the command line names.
///
/// # Errors
/// All that is wrong with the files and the command line. Nothing was started.
pub(super) fn play(options: &Options, own: Option<Programs>) -> Result<ExitCode, Vec<Problem>> {
    let pool = pool(options);
    let (programs, pool) = match (read(options, own, false), pool) {
        (Ok(programs), Ok(pool)) => (programs, pool),
        (programs, pool) => {
            let mut problems = programs.err().unwrap_or_default();
            problems.extend(pool.err().unwrap_or_default());
            return Err(problems);
        }
    };
    let store = store::open(options)?;
    let watch = Tree {
        palette: options.color.palette(&io::stderr()),
        steps: options.programs.step,
        began: Mutex::default(),
    };
    let settings = Settings { name: process_name(), watch: Some(Arc::new(watch)), ..Settings::default() };
    let (_service, engine) = start(programs, store, settings)?;
    Ok(run_once(&engine, pool, options))
}

fn run_once(engine: &Engine, pool: Pool, options: &Options) -> ExitCode {
    let first = |_| eprintln!("the run goes on to its end; once more ends it at once");
    if let Err(error) = signals::on_stop(first, command_hook::kill_all) {
        eprintln!("error: cannot watch for signals: {error}");
        return ExitCode::from(exit::FAILED);
    }
    let mut request = Request::new(options.positional.as_deref().unwrap_or_default(), pool);
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

/// `--pool`, and over it each `--arg`, whose value is JSON if it can be read so and text if not.
fn pool(options: &Options) -> Result<Pool, Vec<Problem>> {
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
                let value = serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()));
                entries.insert(name.to_owned(), value);
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

/// Shows the steps of a run on stderr.
struct Tree {
    palette: Palette,
    /// Whether it waits before each of them.
    steps: bool,
    began: Mutex<Option<Instant>>,
}

impl Watch for Tree {
    fn before(&self, step: &Step<'_>, pool: &Pool) {
        if self.steps {
            let line = called(&step.hook.reference, step.attempt, step.is_reversing);
            say(&format!("{:#}\n{line}  {} ", pool.to_json(), self.palette.dim("press Enter")));
            // At the end of input nobody steps any more.
            let _ = io::stdin().lock().read_line(&mut String::new());
        }
        if let Ok(mut began) = self.began.lock() {
            *began = Some(Instant::now());
        }
    }

    fn noted(&self, text: &str) {
        say(&format!("  {} {text}\n", self.palette.red("!")));
    }

    fn after(&self, step: &Step<'_>, _: &Pool, error: Option<&str>) {
        let began = self.began.lock().ok().and_then(|began| *began);
        let took = began.map(|began| began.elapsed()).unwrap_or_default();
        let called = called(&step.hook.reference, step.attempt, step.is_reversing);
        say(&call_text(&called, took, error, self.palette));
    }
}

/// Whoever closed stderr does not want it; the run goes on.
fn say(text: &str) {
    let _ = write!(io::stderr(), "{text}");
}
