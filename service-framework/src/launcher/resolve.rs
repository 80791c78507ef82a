//! Which service is meant: one of this program, another program, or a `.json` file. Starts nothing.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::files;
use crate::model::{Problem, near_miss};

/// Set for a program that a launcher has become, which must not become another one.
pub(crate) const EXECED: &str = "SERVICE_FRAMEWORK_EXECED";

/// Folders in which programs are looked up by name, separated as in `PATH`.
const SEARCH_PATH: &str = "SERVICE_FRAMEWORK_PATH";

/// How many names a message lists.
const LISTED: usize = 12;

/// What `-s` stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The service of this program at this place.
    Registered(usize),
    /// Another program, and which of its services if it was said.
    Program { path: PathBuf, service: Option<String> },
    /// A service in any language: a model with a command.
    Command(PathBuf),
}

/// Where services are looked for.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The folder of this program, then those of `SERVICE_FRAMEWORK_PATH`.
    pub(crate) folders: Vec<PathBuf>,
    /// This program, which is no service to be started.
    pub(crate) own: Option<PathBuf>,
    /// Whether a launcher became this program.
    pub(crate) execed: bool,
}

impl Places {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        let searched = env::var_os(SEARCH_PATH).unwrap_or_default();
        Self { execed: env::var_os(EXECED).is_some(), ..Self::of_program(&searched) }
    }

    /// Those of this program when it is started with these further variables in its environment.
    pub(crate) fn of_child(environment: &[(String, String)]) -> Self {
        let given = environment.iter().rfind(|(name, _)| name == SEARCH_PATH);
        let given = given.map(|(_, folders)| OsString::from(folders));
        Self::of_program(&given.or_else(|| env::var_os(SEARCH_PATH)).unwrap_or_default())
    }

    fn of_program(searched: &OsStr) -> Self {
        let own = env::current_exe().ok();
        let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
        let searched = env::split_paths(searched).filter(|folder| !folder.as_os_str().is_empty());
        Self { folders: beside.into_iter().chain(searched).collect(), own, execed: false }
    }
}

impl Places {
    /// Names of programs that could be services; names with a dot are libraries and debug files.
    fn programs(&self) -> impl Iterator<Item = String> {
        let in_folder = |folder: &PathBuf| {
            let mut names = files::names_in(folder);
            names.retain(|name| !name.contains('.') && self.may_start(&folder.join(name)));
            names
        };
        self.folders.iter().flat_map(in_folder)
    }

    fn may_start(&self, path: &Path) -> bool {
        is_program(path) && self.own.as_deref() != Some(path)
    }
}

/// What `value` stands for in a program with the services `registered`; without a value its only service.
///
/// # Errors
/// Nothing is found, or what is found cannot be a service; says what was tried and which names there are.
pub(crate) fn resolve(value: Option<&str>, registered: &[&str], places: &Places) -> Result<Target, Problem> {
    let Some(value) = value else { return only_one(registered) };
    if let Some(place) = registered.iter().position(|name| *name == value) {
        return Ok(Target::Registered(place));
    }
    if places.execed {
        return Err(not_here(value, registered));
    }
    if value.contains('/') { resolve_path(value) } else { resolve_name(value, registered, places) }
}

fn only_one(registered: &[&str]) -> Result<Target, Problem> {
    match registered {
        [] => Err(Problem::missing("--service_path", "a service: -s NAME or -s ./PATH")
            .with_hint("-h lists all flags, --help explains them with examples")),
        [_] => Ok(Target::Registered(0)),
        names => {
            let expected = format!("which service of this program: {}", names.join(", "));
            Err(Problem::missing("--service_path", expected)
                .with_hint(format!("for instance -s {}", names[0])))
        }
    }
}

/// This program is already what a launcher became; another one is not started from here.
fn not_here(value: &str, registered: &[&str]) -> Problem {
    let expected = format!("a service of this program: {}", listed(registered.iter().copied()));
    Problem::new("--service_path", expected, format!("{value:?}"))
        .with_near_miss(value, registered.iter().copied())
}

fn resolve_path(value: &str) -> Result<Target, Problem> {
    let whole = Path::new(value);
    let parted = value.rsplit_once(':').filter(|(path, _)| path.contains('/') && !whole.exists());
    let (path, service) = match parted {
        Some((path, name)) => (Path::new(path), Some(name.to_owned())),
        None => (whole, None),
    };
    if path.extension().is_some_and(|extension| extension == "json") && service.is_none() {
        return if path.is_file() {
            Ok(Target::Command(path.to_owned()))
        } else {
            Err(no_program(path, value))
        };
    }
    if is_program(path) {
        Ok(Target::Program { path: path.to_owned(), service })
    } else {
        Err(no_program(path, value))
    }
}

fn resolve_name(value: &str, registered: &[&str], places: &Places) -> Result<Target, Problem> {
    let (name, service) = match value.split_once(':') {
        Some((name, service)) => (name, Some(service.to_owned())),
        None => (value, None),
    };
    let mut candidates = places.folders.iter().map(|folder| folder.join(name));
    match candidates.find(|path| places.may_start(path)) {
        Some(path) => Ok(Target::Program { path, service }),
        None => Err(not_found(value, registered, places)),
    }
}

/// Whether this is a file that may be executed.
pub(crate) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Why `path` cannot be started.
fn no_program(path: &Path, value: &str) -> Problem {
    let problem = |found: &str| {
        let expected = "the path of a program, PROGRAM:NAME, or the path of a .json service";
        Problem::new("--service_path", expected, format!("{value:?}, {found}"))
    };
    if path.extension().is_some_and(|extension| extension == "py") {
        return problem("a Python file").with_hint(
            "the Python package starts it; or put `command` beside its model in a .json file, and start that",
        );
    }
    match fs::metadata(path) {
        Err(error) => files::with_near_file(problem(&files::plain(&error)), path),
        Ok(meta) if meta.is_dir() => problem("a folder"),
        Ok(_) => problem("a file that may not be executed").with_hint(format!("chmod +x {}", path.display())),
    }
}

fn not_found(value: &str, registered: &[&str], places: &Places) -> Problem {
    let programs: BTreeSet<String> = places.programs().collect();
    let names: Vec<&str> = registered.iter().copied().chain(programs.iter().map(String::as_str)).collect();
    let tried = places.folders.iter().map(|folder| format!("\n{}", folder.join(value).display()));
    let found =
        format!("{value:?}, which is no service of this program and none of{}", tried.collect::<String>());
    let expected = format!("a service by its name: {}", listed(names.iter().copied()));
    let problem = Problem::new("--service_path", expected, found);
    if Path::new(value).exists() {
        return problem.with_hint(format!("a path has a slash: -s ./{value}"));
    }
    match near_miss(value, names.iter().copied()) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem.with_hint(format!("a path has a slash; {SEARCH_PATH} names further folders")),
    }
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let shown: Vec<_> = names.take(LISTED).collect();
    match (count, count.saturating_sub(LISTED)) {
        (0, _) => "there is none".to_owned(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the programs `echo` and `middle`, a model `any.json`, a folder and a plain file.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["echo", "middle", "any.json", "plain"] {
            fs::write(folder.path().join(name), "#!/bin/sh\n").unwrap();
        }
        for name in ["echo", "middle"] {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::create_dir(folder.path().join("inner")).unwrap();
        folder
    }

    fn places(folder: &Path) -> Places {
        Places { folders: vec![folder.to_owned()], ..Places::default() }
    }

    fn program(path: PathBuf, service: Option<&str>) -> Target {
        Target::Program { path, service: service.map(str::to_owned) }
    }

    /// The problem with the folder's changing name taken out.
    fn problem(value: Option<&str>, registered: &[&str]) -> String {
        let folder = folder();
        let path = folder.path().display().to_string();
        let value = value.map(|value| value.replace("FOLDER", &path));
        let problem = resolve(value.as_deref(), registered, &places(folder.path())).unwrap_err();
        problem.to_string().replace(&path, "FOLDER")
    }

    #[test]
    fn names_are_looked_up_here_then_in_folders() {
        let folder = folder();
        let places = places(folder.path());
        assert_eq!(resolve(None, &["one"], &places), Ok(Target::Registered(0)));
        assert_eq!(resolve(Some("two"), &["one", "two"], &places), Ok(Target::Registered(1)));
        assert_eq!(resolve(Some("echo"), &["echo"], &places), Ok(Target::Registered(0)));
        assert_eq!(resolve(Some("echo"), &[], &places), Ok(program(folder.path().join("echo"), None)));
        assert_eq!(
            resolve(Some("middle:mid"), &[], &places),
            Ok(program(folder.path().join("middle"), Some("mid")))
        );
    }

    #[test]
    fn paths_are_programs_or_models() {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        let resolved = |text: String| resolve(Some(&text), &[], &Places::default());
        let echo = path("echo").display().to_string();
        assert_eq!(resolved(echo.clone()), Ok(program(path("echo"), None)));
        assert_eq!(resolved(format!("{echo}:one")), Ok(program(path("echo"), Some("one"))));
        assert_eq!(resolved(path("any.json").display().to_string()), Ok(Target::Command(path("any.json"))));
    }

    #[test]
    fn a_program_that_was_execed_becomes_no_other() {
        let folder = folder();
        let places = Places { folders: vec![folder.path().to_owned()], execed: true, own: None };
        assert!(resolve(Some("middle"), &["echo"], &places).is_err());
        assert_eq!(resolve(Some("echo"), &["echo"], &places), Ok(Target::Registered(0)));
    }

    #[test]
    fn what_is_not_found_is_explained() {
        insta::assert_snapshot!(problem(None, &[]), @"--service_path: expected a service: -s NAME or -s ./PATH, found nothing (-h lists all flags, --help explains them with examples)");
        insta::assert_snapshot!(problem(None, &["one", "two"]), @"--service_path: expected which service of this program: one, two, found nothing (for instance -s one)");
        insta::assert_snapshot!(problem(Some("midle"), &["one"]), @r#"
        --service_path: expected a service by its name: one, echo, middle, found "midle", which is no service of this program and none of
        FOLDER/midle (did you mean `middle`?)
        "#);
        insta::assert_snapshot!(problem(Some("nothing_like_it"), &[]), @r#"
        --service_path: expected a service by its name: echo, middle, found "nothing_like_it", which is no service of this program and none of
        FOLDER/nothing_like_it (a path has a slash; SERVICE_FRAMEWORK_PATH names further folders)
        "#);
        insta::assert_snapshot!(problem(Some("FOLDER/ecko"), &[]), @r#"--service_path: expected the path of a program, PROGRAM:NAME, or the path of a .json service, found "FOLDER/ecko", no such file or directory (did you mean `FOLDER/echo`?)"#);
        insta::assert_snapshot!(problem(Some("FOLDER/plain"), &[]), @r#"--service_path: expected the path of a program, PROGRAM:NAME, or the path of a .json service, found "FOLDER/plain", a file that may not be executed (chmod +x FOLDER/plain)"#);
        insta::assert_snapshot!(problem(Some("FOLDER/inner"), &[]), @r#"--service_path: expected the path of a program, PROGRAM:NAME, or the path of a .json service, found "FOLDER/inner", a folder"#);
        insta::assert_snapshot!(problem(Some("FOLDER/ane.json"), &[]), @r#"--service_path: expected the path of a program, PROGRAM:NAME, or the path of a .json service, found "FOLDER/ane.json", no such file or directory (did you mean `FOLDER/any.json`?)"#);
        insta::assert_snapshot!(problem(Some("./service.py"), &[]), @r#"--service_path: expected the path of a program, PROGRAM:NAME, or the path of a .json service, found "./service.py", a Python file (the Python package starts it; or put `command` beside its model in a .json file, and start that)"#);
    }
}
