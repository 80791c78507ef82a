//! The command line: what was asked for, as typed values. Starts nothing and reads no file.

mod cluster_commands;
mod cluster_flags;
mod cluster_options;
mod commands;
mod dashboard_options;
mod flag;
mod flags;
mod flow_commands;
mod flow_flags;
mod flow_options;
mod help;
mod look_commands;
mod parse;
mod program_commands;
mod program_options;
mod recording_commands;
mod recording_flags;
mod recording_options;
mod split;
mod talk_commands;
mod values;

pub(crate) use cluster_commands::ClusterCommand;
pub(crate) use commands::{COMMANDS, Command, Name, RUN};
pub(crate) use flow_commands::FlowCommand;
pub(crate) use help::{Reader, render as render_help};
pub(crate) use look_commands::LookCommand;
pub(crate) use parse::{Asked, Options, described_command, parse};
pub(crate) use program_commands::ProgramCommand;
#[cfg(feature = "programs")]
pub(crate) use program_commands::of_program;
pub(crate) use recording_commands::RecordingCommand;
pub(crate) use split::{Help, near_flag};
pub(crate) use values::{duration, level};
