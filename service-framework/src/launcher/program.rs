//! Other programs that are services: becoming one, and asking one for its model.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::files;
use super::helpers::Helpers;
use super::resolve::EXECED;
use crate::model::{Problem, ServiceModel};

/// How long a program may take to describe itself.
const DESCRIBE_TIME: Duration = Duration::from_secs(10);

/// Becomes `program`, with the launcher's own arguments. Returns only if that failed.
pub(crate) fn exec(program: &Path, service: Option<&str>, arguments: &[String]) -> Problem {
    let mut command = command(program, service, arguments);
    unstartable(program, &command.exec())
}

/// The model that `program describe --json` prints, or that of one of its services, with these further variables in
/// its environment.
///
/// # Errors
/// The program cannot be started, fails, takes longer than ten seconds, prints more than a file may hold, or
/// prints no model.
pub(crate) fn describe(
    helpers: &Helpers,
    program: &Path,
    service: Option<&str>,
    environment: &[(String, String)],
) -> Result<ServiceModel, Vec<Problem>> {
    let name = program.display().to_string();
    let arguments = ["describe".to_owned(), "--json".to_owned()];
    let mut command = command(program, service, &arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = helpers.ask(&mut command, DESCRIBE_TIME).map_err(|reason| {
        vec![Problem::new("describe --json", "a program that prints its model", reason).in_file(&name)]
    })?;
    let json = files::parse_json(&output).map_err(|problem| vec![problem.in_file(&name)])?;
    ServiceModel::from_json(&json, Some(&name))
}

fn command(program: &Path, service: Option<&str>, arguments: &[String]) -> Command {
    let mut command = Command::new(program);
    command.env(EXECED, "1").args(arguments);
    if let Some(service) = service {
        command.args(["-s", service]);
    }
    command
}

fn unstartable(program: &Path, error: &io::Error) -> Problem {
    let found = format!("{} ({})", program.display(), files::plain(error));
    Problem::new("--service_path", "a program that can be started", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_start_is_named() {
        let problems = describe(&Helpers::default(), Path::new("/nowhere/echo"), None, &[]).unwrap_err();
        insta::assert_snapshot!(problems[0], @"/nowhere/echo: describe --json: expected a program that prints its model, found no such file or directory");
    }
}
