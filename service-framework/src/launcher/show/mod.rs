//! `state`: any state as it is, from outside, once or live. It is a replica like any other, and asks its owner for no
//! more than one does.

mod cell;
mod follow;
mod lines;
mod live;
mod object;
mod table;
mod target;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;

use self::follow::{Follower, Look, Tells};
use self::lines::Lines;
use self::live::Live;
use self::table::{Look as TableLook, Table};
use self::target::Target;
use super::arguments::Options;
use super::logs::{Format, Logs};
use super::{exit, report, signals};
use crate::launcher::say::say;
use crate::model::{Problem, StateType};
use crate::state::Status;

/// How long nothing may be looked at while a state is waited for.
const STEP: Duration = Duration::from_millis(10);

/// Shows the state that the command line names.
///
/// # Errors
/// All that is wrong with the command line and the addresses file. Nothing was opened then.
pub(super) fn show(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let target = target::find(options)?;
    let is_live = options.watch && !options.json && io::stdout().is_terminal();
    logs(options, is_live).start().map_err(|problem| vec![problem])?;
    let tells = match (options.watch, target.kind) {
        (false, _) => Tells::Nothing,
        (true, StateType::DeltaUpdate) if !is_live => Tells::Changes,
        (true, _) => Tells::Updates,
    };
    let follower = Follower::start(&target, tells)?;
    let stop = follower.stopper();
    if let Err(error) = signals::on_stop(move |_| stop(), || {}) {
        say!("error: cannot watch for signals: {error}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let code = match (options.watch, is_live) {
        (false, _) => once(&target, &follower, options),
        (true, true) => watch(&follower, &mut Live::new(&target, options)),
        (true, false) => watch(&follower, &mut Lines::new(&target, options.json)),
    };
    if let Err(error) = follower.end() {
        say!("error: {}", report::chain(&error));
        return Ok(ExitCode::from(exit::FAILED));
    }
    Ok(code)
}

/// Lines of the log would break a live table, which says all that they would.
fn logs(options: &Options, is_live: bool) -> Logs {
    Logs {
        service: "state".to_owned(),
        console_level: if is_live { LevelFilter::OFF } else { LevelFilter::WARN },
        format: Format::Human,
        palette: options.color.palette(&io::stderr()),
        files: None,
    }
}

/// What shows a state for as long as it is watched.
trait Watch {
    /// Waits for something to show and shows it; false when there is no more.
    fn turn(&mut self, follower: &Follower) -> io::Result<bool>;
}

/// A reader that goes away has seen enough.
fn watch(follower: &Follower, watch: &mut dyn Watch) -> ExitCode {
    loop {
        match watch.turn(follower) {
            Ok(true) => {}
            Err(error) if !report::is_reader_gone(&error) => {
                say!("error: {}", report::unwritable(&error));
                return ExitCode::from(exit::FAILED);
            }
            Ok(false) | Err(_) => return ExitCode::from(exit::OK),
        }
    }
}

/// Waits until the state is current and prints it.
fn once(target: &Target, follower: &Follower, options: &Options) -> ExitCode {
    let until = Instant::now().checked_add(options.timeout);
    loop {
        let look = follower.look();
        if look.as_ref().is_some_and(|look| look.status().is_current()) {
            return report::print(&shown(target, look.as_ref(), options), exit::OK);
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            return fail(target, look.as_ref(), options);
        }
        if follower.is_over_after(STEP) {
            return ExitCode::from(exit::OK);
        }
    }
}

fn fail(target: &Target, look: Option<&Look>, options: &Options) -> ExitCode {
    let problem = not_current(target, look, options.timeout);
    report::problems(std::slice::from_ref(&problem), options.color, "no current state to show");
    if !options.json {
        return ExitCode::from(exit::FAILED);
    }
    let mut object = object::whole(&target.name, look);
    object["problem"] = report::to_json(&problem);
    report::print(&format!("{object}\n"), exit::FAILED)
}

/// The state as text or as JSON.
fn shown(target: &Target, look: Option<&Look>, options: &Options) -> String {
    let Some(look) = look.filter(|_| !options.json) else {
        return format!("{}\n", object::whole(&target.name, look));
    };
    let palette = options.color.palette(&io::stdout());
    let first = format!("{} {}", palette.bold(&target.name), cell::standing(look));
    let table = Table::of(&look.rows(usize::MAX), &[]);
    let lines = table.lines(TableLook { width: None, palette });
    [first].into_iter().chain(lines).map(|line| line + "\n").collect()
}

/// Why a state is not current, and what to do.
fn not_current(target: &Target, look: Option<&Look>, timeout: Duration) -> Problem {
    let expected = format!("a state that is current within {timeout:?}");
    let problem = |found: String, hint: &str| {
        Problem::new(&target.name, expected, found).with_hint(format!("{hint}; --timeout waits longer"))
    };
    let publishers = target::listed(&target.subscriber);
    match look.map(|look| (look.status(), look.is_connected)) {
        Some((Status::Stale { .. }, true)) => problem(
            "it is stale: updates are missing, and the owner does not say which".to_owned(),
            "look at the owner's log",
        ),
        Some((Status::Stale { .. }, false)) => {
            problem(format!("it is stale: nobody is at {publishers} any more"), "start its owner again")
        }
        Some((_, true)) => match target.kind {
            StateType::DeltaUpdate => problem(
                format!("no answer from {}", target::listed(&target.requester)),
                "see that the owner's replyer binds there, and that it does not only stand by",
            ),
            StateType::FullUpdate => problem(
                format!("somebody is at {publishers}, but no value came{}", under(target)),
                "its owner may have set none yet; a delta state needs --requester too",
            ),
        },
        _ => problem(format!("nobody at {publishers}"), "start its owner, or say where its publisher binds"),
    }
}

fn under(target: &Target) -> String {
    target.topic.as_ref().map(|topic| format!(" under the topic {topic:?}")).unwrap_or_default()
}
