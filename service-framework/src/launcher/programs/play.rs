//! `program run`: one run of a program here, its steps shown while they happen, its answer on stdout.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Map, Value as Json};

use super::serve::{read, start, when_lost};
use super::story::{call_text, called};
use super::{command_hook, store};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::store::{location, process_name};
use crate::launcher::terminal::{Palette, printable};
use crate::launcher::{exit, report, signals};
use crate::model::{Problem, near_miss};
use crate::program::spec::{Arg, ArgType};
use crate::program::{
    Answer, CANCELLED, End, Engine, IN_DOUBT, Pool, Refusal, Request, Runs, Settings, Spec, Step, Watch,
};
use crate::service::Programs;
use crate::store::Location;

/// Runs the program that the command line names.
///
/// # Errors
/// All that is wrong with the files and the command line. Nothing was started.
pub(super) fn play(options: &Options, own: Option<Programs>) -> Result<ExitCode, Vec<Problem>> {
    let programs = read(options, own, false);
    let program =
        programs.as_ref().ok().and_then(|programs| programs.spec().ok()?.program(asked_for(options)));
    let pool = pool(options, program.map(|program| program.args.as_slice()).unwrap_or_default());
    let (programs, pool) = report::both(programs, pool)?;
    let store = store::open_or_make(options)?;
    let tree = Arc::new(Tree {
        palette: options.color.palette(&io::stderr()),
        steps: options.programs.step.then(|| Runs::of(&store)),
        at: Mutex::default(),
        taken_up: Mutex::default(),
    });
    let watch: Arc<dyn Watch> = tree.clone();
    let settings = Settings {
        name: process_name(),
        watch: Some(watch),
        when_lost: Some(when_lost()),
        ..Settings::default()
    };
    let (_service, engine) = start(programs, store, settings)?;
    Ok(run_once(&engine, &tree, pool, options))
}

fn asked_for(options: &Options) -> &str {
    options.positional.as_deref().unwrap_or_default()
}

fn run_once(engine: &Engine, tree: &Arc<Tree>, pool: Pool, options: &Options) -> ExitCode {
    let first = |_| say("the run goes on to its end; once more ends it at once\n");
    let (tree, is_kept) = (tree.clone(), !is_in_memory(options));
    let last = move || {
        command_hook::kill_all();
        tree.cut_off(is_kept);
    };
    if let Err(error) = signals::on_stop_or_hangup(first, last) {
        say!("error: cannot watch for signals: {error}");
        return ExitCode::from(exit::FAILED);
    }
    // Runs that were cut off may have the locks of this one.
    if let Err(error) = engine.recover() {
        say!("error: {error}");
        return ExitCode::from(exit::FAILED);
    }
    let mut request = Request::new(asked_for(options), pool);
    if let Some(key) = &options.programs.key {
        request = request.idempotent(key);
    }
    let answer = engine.run(request);
    let has_ended = engine.stop(options.grace);
    if !has_ended {
        let runs = engine.unfinished().join(", ");
        say!(
            "error: runs have not ended: {runs}; the next `program run` or `program serve` on this store takes them up"
        );
        command_hook::kill_all();
        engine.abandon();
    }
    match answer {
        Answer::Ran { run, end, pool } => {
            say!("{} {run}", told(end, &pool, engine.spec(), options.color.palette(&io::stderr())));
            let is_well = end == End::Done && has_ended;
            report::print(&format!("{:#}\n", pool.to_json()), if is_well { exit::OK } else { exit::FAILED })
        }
        Answer::Refused(refusal) => {
            say!("error: {refusal}");
            let is_wrong = matches!(refusal, Refusal::Request(_) | Refusal::Lock(_));
            ExitCode::from(if is_wrong { exit::WRONG_INPUT } else { exit::FAILED })
        }
    }
}

/// Whether the journal ends with this process.
fn is_in_memory(options: &Options) -> bool {
    matches!(location(options.store.as_deref()), Ok(Location::Memory))
}

fn told(end: End, pool: &Pool, spec: &Spec, palette: Palette) -> String {
    match end {
        End::Done => palette.green("done:"),
        End::Rectified => palette.yellow(&undone(pool, spec)),
        End::Stuck => palette.red("failed, and a rectifier too; `program retry` or `program resolve`:"),
        End::Resolved => palette.green("resolved:"),
    }
}

/// What is said of a run that was undone, with what may have happened of which nobody knows.
fn undone(pool: &Pool, spec: &Spec) -> String {
    let json = pool.to_json();
    let how = if json[CANCELLED] == true { "cancelled" } else { "failed" };
    let doubtful: Vec<&str> =
        json[IN_DOUBT].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let is_undone = |reference: &&str| {
        spec.hooks().iter().any(|hook| hook.reference == **reference && !hook.rectifiers.is_empty())
    };
    let (undone, left): (Vec<&str>, Vec<&str>) = doubtful.into_iter().partition(is_undone);
    let mut text = format!("{how}, and all of it is undone");
    if !undone.is_empty() {
        text.push_str(&format!(", {} too, which may have happened or not", undone.join(", ")));
    }
    if !left.is_empty() {
        text.push_str(&format!(", but nothing undoes {}, which may have happened or not", left.join(", ")));
    }
    format!("{text}:")
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

/// Shows the steps of a run on stderr, and those of runs that were cut off before and are taken up beside it.
struct Tree {
    palette: Palette,
    /// Where a run is cancelled, if it waits before each step.
    steps: Option<Runs>,
    /// Since when which run is in which hook.
    at: Mutex<Vec<(String, String, Instant)>>,
    /// Runs that were taken up.
    taken_up: Mutex<HashSet<String>>,
}

impl Tree {
    /// Whether a run is another one than that which was asked for.
    fn is_other(&self, run: &str) -> bool {
        self.taken_up.lock().is_ok_and(|taken_up| taken_up.contains(run))
    }

    /// Says what becomes of the run that is cut off here.
    fn cut_off(&self, is_kept: bool) {
        let at = self.at.lock().ok().and_then(|at| {
            let own = at.iter().rfind(|(run, ..)| !self.is_other(run));
            own.map(|(run, hook, _)| (run.clone(), hook.clone()))
        });
        let text = match (at, is_kept) {
            (None, _) => "cut off before anything ran\n".to_owned(),
            (Some((run, hook)), true) => format!(
                "run {run} is cut off in {hook}, which is in doubt now: the next `program run` or `program serve` on this store takes the \
                 run up, as its `on_crash` says; `program show {run}` shows it\n"
            ),
            (Some((run, hook)), false) => format!(
                "run {run} is cut off in {hook}, and lost with its journal, which was in memory: nobody undoes it\n"
            ),
        };
        say(&text);
    }
}

impl Watch for Tree {
    fn before(&self, step: &Step<'_>, pool: &Pool) -> bool {
        let asks = self.steps.as_ref().filter(|_| !self.is_other(step.run));
        let goes_on = asks.is_none_or(|runs| self.asks(runs, step, pool));
        if let Ok(mut at) = self.at.lock() {
            at.retain(|(run, ..)| run != step.run);
            at.push((step.run.to_owned(), step.hook.reference.clone(), Instant::now()));
        }
        goes_on
    }

    fn noted(&self, text: &str) {
        say(&format!("  {} {}\n", self.palette.red("!"), printable(text)));
    }

    fn waits(&self, text: &str) {
        say(&format!("  {}\n", self.palette.dim(text)));
    }

    fn taken_up(&self, run: &str, program: &str) {
        if let Ok(mut taken_up) = self.taken_up.lock() {
            taken_up.insert(run.to_owned());
        }
        say(&format!(
            "  {}\n",
            self.palette.yellow(&format!("run {run} of {program} was cut off, and is taken up"))
        ));
    }

    fn after(&self, step: &Step<'_>, _: &Pool, error: Option<&str>) {
        let began = self.at.lock().ok().and_then(|at| {
            let own = at.iter().find(|(run, ..)| run == step.run);
            own.map(|(.., began)| *began)
        });
        let took = began.map(|began| began.elapsed()).unwrap_or_default();
        let mut called = called(&step.hook.reference, step.attempt, step.is_reversing);
        if self.is_other(step.run) {
            called = format!("{called} {}", self.palette.dim(&format!("of run {}", step.run)));
        }
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
