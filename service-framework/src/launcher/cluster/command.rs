//! Which command does what.

use std::process::ExitCode;

use super::{asking, keys, node, sim};
use crate::launcher::arguments::{ClusterCommand, Options};
use crate::model::Problem;

/// Does what the command line says.
///
/// # Errors
/// All that is wrong with the command line and the files that it names. Nothing was started.
pub(in crate::launcher) fn act(command: ClusterCommand, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    match command {
        ClusterCommand::Node => node::run(options),
        ClusterCommand::Members => asking::members(options),
        ClusterCommand::Services => asking::services(options),
        ClusterCommand::Events => asking::events(options),
        ClusterCommand::Emit => asking::emit(options),
        ClusterCommand::Map => asking::map(options),
        ClusterCommand::Leave => asking::leave(options),
        ClusterCommand::Inspect => asking::inspect(options),
        ClusterCommand::Keys => keys::write(options),
        ClusterCommand::Token => keys::token(options),
        ClusterCommand::Sim => sim::run(options),
    }
}
