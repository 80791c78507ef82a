//! A folder of its own for each test, and the launcher run in it with an environment of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

/// The launcher.
pub(crate) const LAUNCHER: &str = env!("CARGO_BIN_EXE_service_framework");

/// The program with the services `desk` and `probe`, which `cargo test` builds as an example.
pub(crate) fn desk() -> PathBuf {
    let folder = Path::new(LAUNCHER).parent().unwrap().join("examples");
    let path = folder.join("desk");
    assert!(path.exists(), "{} is built by `cargo test` or `cargo build --examples`", path.display());
    path
}

/// A folder with files, in which the launcher runs.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// How a run ended, with the folder's name taken out.
#[derive(Debug, PartialEq)]
#[must_use]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// Writes a file.
    pub(crate) fn with(self, name: &str, content: impl ToString) -> Self {
        fs::write(self.path(name), content.to_string()).unwrap();
        self
    }

    /// Sets a variable of the environment for what is run.
    pub(crate) fn with_variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Writes a program that does nothing.
    pub(crate) fn with_program(self, name: &str) -> Self {
        let folder = self.with(name, "#!/bin/sh\n");
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `program` in this folder, with nothing of the environment that a launcher reads but what was set here.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SERVICE_FRAMEWORK") || name == "NO_COLOR" {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the launcher with a line of arguments until it ends.
    pub(crate) fn launch(&self, line: &str) -> Ended {
        self.ended(self.command(LAUNCHER).args(line.split_whitespace()).output().unwrap())
    }

    pub(crate) fn ended(&self, output: Output) -> Ended {
        let text = |bytes| {
            String::from_utf8(bytes).unwrap().replace(&self.path("").display().to_string(), "FOLDER/")
        };
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The JSON in a text.
pub(crate) fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}
