//! The program of a command: where it is, and what is wrong with it before it is started.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::launcher::files::plain;
use crate::launcher::resolve::is_program;
use crate::model::Problem;

/// Where a system without `PATH` looks.
const USUAL_FOLDERS: &str = "/bin:/usr/bin";

/// A program given by a relative path is in the folder of its model, one without a path where the system looks.
pub(crate) fn in_folder(program: &str, folder: &Path) -> PathBuf {
    if program.contains('/') { folder.join(program) } else { program.into() }
}

/// Why the command of a model in `folder` cannot be started, as far as one sees without starting it. `searched` is
/// the `PATH` it is started with.
pub(crate) fn problem(command: &[String], folder: &Path, searched: Option<&OsStr>) -> Option<Problem> {
    let program = command.first()?;
    if program.contains('/') {
        return unstartable(program, &in_folder(program, folder));
    }
    let folders: Vec<_> = env::split_paths(searched.unwrap_or(OsStr::new(USUAL_FOLDERS))).collect();
    let is_there = folders.iter().any(|place| is_program(&folder.join(place).join(program)));
    (!is_there).then(|| nowhere(program, &folders))
}

fn unstartable(program: &str, path: &Path) -> Option<Problem> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let shown = whole.display();
    let reason = match fs::metadata(path) {
        Ok(_) if is_program(path) => return None,
        Ok(found) if found.is_file() => "a file that may not be executed".to_owned(),
        Ok(_) => "no file".to_owned(),
        Err(error) => plain(&error),
    };
    let problem = missing(format!("{program:?}, which is {shown}: {reason}"));
    Some(match path.is_file() {
        true => problem.with_hint(format!("chmod +x {shown}")),
        false => problem.with_hint("a relative path is looked up from the folder of the model"),
    })
}

fn nowhere(program: &str, folders: &[PathBuf]) -> Problem {
    let looked: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    missing(format!("{program:?}, which is in no folder of PATH: {}", looked.join(", ")))
        .with_hint(format!("a program beside the model has a slash: ./{program}"))
}

fn missing(found: String) -> Problem {
    Problem::new("command[0]", "a program that can be started", found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_cannot_be_started_is_named_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        fs::write(folder.path().join("plain"), "").unwrap();
        fs::write(folder.path().join("fine"), "").unwrap();
        fs::set_permissions(folder.path().join("fine"), fs::Permissions::from_mode(0o755)).unwrap();
        let told = |program: &str, searched: &str| {
            let problem = problem(&[program.to_owned()], folder.path(), Some(OsStr::new(searched)));
            problem.map(|problem| problem.to_string().replace(&path, "FOLDER")).unwrap_or_default()
        };
        for fine in ["./fine", &format!("{path}/fine")] {
            assert_eq!(told(fine, ""), "");
        }
        assert_eq!(told("fine", &format!("/nowhere:{path}")), "");
        assert_eq!(told("fine", "."), "", "a relative folder is one of the model's");
        insta::assert_snapshot!(told("./gone", ""), @r#"command[0]: expected a program that can be started, found "./gone", which is FOLDER/gone: no such file or directory (a relative path is looked up from the folder of the model)"#);
        insta::assert_snapshot!(told("./plain", ""), @r#"command[0]: expected a program that can be started, found "./plain", which is FOLDER/plain: a file that may not be executed (chmod +x FOLDER/plain)"#);
        insta::assert_snapshot!(told("../", ""), @r#"command[0]: expected a program that can be started, found "../", which is FOLDER/../: no file (a relative path is looked up from the folder of the model)"#);
        insta::assert_snapshot!(told("fin", "/a:/b"), @r#"command[0]: expected a program that can be started, found "fin", which is in no folder of PATH: /a, /b (a program beside the model has a slash: ./fin)"#);
    }
}
