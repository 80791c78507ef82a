//! Recordings in a build without them: how to get them.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::connection::tap::Hub;
use crate::launcher::arguments::{Options, RecordingCommand};
use crate::launcher::control::Host;
use crate::launcher::features;
use crate::model::Problem;

/// Refuses every command.
pub(in crate::launcher) fn act(_: RecordingCommand, _: &Options) -> Result<ExitCode, Vec<Problem>> {
    Err(vec![features::missing("record", "recording")])
}

/// A recording that has begun: there is none.
pub(in crate::launcher) enum Beginning {}

/// Refuses to begin one.
pub(in crate::launcher) fn begin(path: Option<&Path>) -> Result<Option<Beginning>, Vec<Problem>> {
    match path {
        None => Ok(None),
        Some(_) => Err(vec![features::missing("--record", "recording")]),
    }
}

impl Beginning {
    pub(in crate::launcher) fn record(&self, _: &Arc<impl Host>, _: &Hub) {
        match *self {}
    }

    pub(in crate::launcher) fn listen(&self, _: &Path) -> std::io::Result<()> {
        match *self {}
    }

    pub(in crate::launcher) fn end(self, _: u8) -> u8 {
        match self {}
    }
}
