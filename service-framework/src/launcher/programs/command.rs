//! Which command behind `program` does what.

use std::process::ExitCode;

use super::{check, graph, new, play, runs, serve};
use crate::launcher::arguments::{Options, ProgramCommand};
use crate::model::Problem;
use crate::service::Programs;

/// Does what the command line says, of a program that has programs of its own or of one that has none.
///
/// # Errors
/// All that is wrong with the command line and the files that it names. Nothing was started.
pub(in crate::launcher) fn act(
    command: ProgramCommand,
    options: &Options,
    own: Option<Programs>,
) -> Result<ExitCode, Vec<Problem>> {
    match command {
        ProgramCommand::New => Ok(new::new(options)),
        ProgramCommand::Check => Ok(check::check(options, own)),
        ProgramCommand::Graph => graph::graph(options, own),
        ProgramCommand::Serve => serve::serve(options, own),
        ProgramCommand::Run => play::play(options, own),
        ProgramCommand::List => runs::list(options),
        ProgramCommand::Show => runs::show(options),
        ProgramCommand::Retry => runs::retry(options),
        ProgramCommand::Resolve => runs::resolve(options),
        ProgramCommand::Cancel => runs::cancel(options),
    }
}
