//! Services that run, seen and steered from the shell: `ps`, `stats`, `describe NAME`, `log-level`, `drain`, `restart`,
//! `stop`, `down` and `logs`, all through control sockets.

mod asked;
mod found;
mod load;
mod logs;
mod ps;
mod stats;
mod steer;

use std::process::ExitCode;

use super::arguments::{LookCommand, Options};
use super::control::client::AskError;
use super::exit;
use super::say::say;
use crate::model::Problem;

#[cfg(feature = "dashboard")]
pub(crate) use asked::describe_each;
pub(crate) use found::running_of;
#[cfg(feature = "dashboard")]
pub(crate) use found::{Found, SILENT, all_asked, ask, systems, text};
pub(crate) use load::Load;
pub(crate) use ps::{size, state};
pub(crate) use stats::time;
pub(super) use steer::describe;

/// Does what the command line says.
///
/// # Errors
/// It names nothing that runs, or more than one.
pub(super) fn act(command: LookCommand, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    match command {
        LookCommand::Ps => Ok(ps::ps(options)),
        LookCommand::Stats => stats::stats(options),
        LookCommand::LogLevel => steer::log_level(options),
        LookCommand::Drain => steer::drain(options),
        LookCommand::Restart => steer::restart(options),
        LookCommand::Stop => steer::stop(options),
        LookCommand::Down => steer::down(options),
        LookCommand::Logs => logs::logs(options),
    }
}

/// Says why something could not be done.
fn failed(who: &str, error: &AskError) -> ExitCode {
    say!("error: {who}: {error}");
    ExitCode::from(exit::FAILED)
}
