//! `record`, `inspect` and `replay`: messages of services that run, kept, shown, and done again.

#[cfg(not(feature = "recording"))]
mod absent;
#[cfg(feature = "recording")]
mod chosen;
#[cfg(feature = "recording")]
mod inspect;
#[cfg(feature = "recording")]
mod record;
#[cfg(feature = "recording")]
mod recorder;
#[cfg(feature = "recording")]
mod replay;
#[cfg(feature = "recording")]
mod started;

#[cfg(not(feature = "recording"))]
pub(super) use absent::{Beginning, act, begin};
#[cfg(feature = "recording")]
pub(super) use started::{Beginning, begin};

#[cfg(feature = "recording")]
use {
    super::arguments::{Options, RecordingCommand},
    crate::model::Problem,
    std::process::ExitCode,
};

/// Does what the command line says.
///
/// # Errors
/// It or the file that it names is wrong.
#[cfg(feature = "recording")]
pub(super) fn act(command: RecordingCommand, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    match command {
        RecordingCommand::Record => record::record(options),
        RecordingCommand::Inspect => inspect::inspect(options),
        RecordingCommand::Replay => replay::replay(options),
    }
}
