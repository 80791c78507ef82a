//! The command line: what was asked for, as typed values. Starts nothing and reads no file.

mod commands;
mod flags;
mod flow_commands;
mod flow_flags;
mod flow_options;
mod help;
mod parse;
mod program_commands;
mod program_options;
mod split;
mod values;

pub(crate) use commands::{COMMANDS, Command, Name, RUN};
pub(crate) use flow_commands::FlowCommand;
pub(crate) use help::{Reader, render as render_help};
pub(crate) use parse::{Asked, Options, described_command, parse};
pub(crate) use program_commands::ProgramCommand;
#[cfg(feature = "programs")]
pub(crate) use program_commands::of_program;
pub(crate) use split::{Help, near_flag};
pub(crate) use values::duration;
