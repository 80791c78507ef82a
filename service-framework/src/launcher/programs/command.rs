//! Which command behind `program` does what.

use std::process::ExitCode;

use super::{check, graph, play, runs, serve};
use crate::launcher::arguments::{Options, ProgramCommand};
use crate::model::Problem;

/// Does what the command line says.
///
/// # Errors
/// All that is wrong with the command line and the files that it names. Nothing was started.
pub(in crate::launcher) fn act(command: ProgramCommand, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    match command {
        ProgramCommand::Check => Ok(check::check(options)),
        ProgramCommand::Graph => graph::graph(options),
        ProgramCommand::Serve => serve::serve(options),
        ProgramCommand::Run => play::play(options),
        ProgramCommand::List => runs::list(options),
        ProgramCommand::Show => runs::show(options),
        ProgramCommand::Retry => runs::retry(options),
        ProgramCommand::Resolve => runs::resolve(options),
        ProgramCommand::Cancel => runs::cancel(options),
    }
}
