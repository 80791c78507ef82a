//! The command that starts one service: the launcher itself, as a user would type it.

use std::io;
use std::path::Path;
use std::process::Command;

use super::checks::Instance;
use super::detach;
use super::folder::PrivateFolder;
use super::follow::PARENT;
use super::lines::COLUMNS;
use super::system::{Entry, Source};
use crate::launcher::control::recorder::RECORDER;
use crate::launcher::control::{INSTANCE, SYSTEM};
use crate::launcher::resolve::EXECED;

/// What all services of a system are started with.
pub(super) struct Starter<'a> {
    pub(super) launcher: &'a Path,
    /// The name of the system.
    pub(super) system: &'a str,
    pub(super) folder: &'a PrivateFolder,
    /// Launcher arguments for every service, before its own.
    pub(super) for_all: &'a [String],
    /// Whether their logs have colours, which they cannot know: they write to pipes.
    pub(super) colour: bool,
    /// The width of the terminal, if panels are shown on it.
    pub(super) columns: Option<u16>,
    /// Where services call that are recorded.
    pub(super) recorder: Option<&'a Path>,
}

/// What stands on the command line of `entry` behind its service and its files.
pub(super) fn further_arguments(entry: &Entry, for_all: &[String]) -> Vec<String> {
    let main_mode = entry.main_mode.then(|| "-m".to_owned());
    let grace = entry.grace.map(|grace| format!("--grace={}s", grace.as_secs_f64()));
    main_mode.into_iter().chain(grace).chain(for_all.iter().chain(&entry.args).cloned()).collect()
}

impl Starter<'_> {
    /// The command for an instance of `entry`. What stands inside the system file is written to the private folder.
    pub(super) fn command(&self, entry: &Entry, instance: &Instance) -> io::Result<Command> {
        let mut command = Command::new(self.launcher);
        command.arg("-s").arg(&entry.service);
        self.add_source(&mut command, "-a", "addresses", &instance.name, instance.addresses.as_ref())?;
        self.add_source(&mut command, "-c", "config", &instance.name, entry.config.as_ref())?;
        if self.colour {
            command.arg("--color=always");
        }
        command.args(further_arguments(entry, self.for_all));
        // They are launchers themselves, and may become other programs.
        command.env_remove(EXECED).env(PARENT, std::process::id().to_string());
        detach::hide(&mut command);
        command.env(SYSTEM, self.system).env(INSTANCE, &instance.name);
        match self.columns {
            Some(columns) => command.env(COLUMNS, columns.to_string()),
            None => command.env_remove(COLUMNS),
        };
        if let Some(recorder) = self.recorder {
            command.env(RECORDER, recorder);
        }
        command.envs(entry.environment.iter().cloned());
        Ok(command)
    }

    fn add_source(
        &self,
        command: &mut Command,
        flag: &str,
        what: &str,
        name: &str,
        source: Option<&Source>,
    ) -> io::Result<()> {
        let file = match source {
            None => return Ok(()),
            Some(Source::File(path)) => path.clone(),
            Some(Source::Inline(json)) => self.folder.write(&format!("{name}.{what}.json"), json)?,
        };
        command.arg(flag).arg(file);
        Ok(())
    }
}
