//! The scripts that a script starts by their names: read when it is started itself, from its own folder and nowhere else.

use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

use super::script::problem_of;
use crate::flow::engine::{Complaint, Engine, Mention, Monty};
use crate::launcher::files;
use crate::model::Problem;

/// The flag that gives some along.
const ALONG: &str = "--with_script";

/// What is wrong with a script, and where it stands.
pub(super) struct Wrong {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) problem: Problem,
}

impl Wrong {
    /// A complaint about a script of this text.
    pub(super) fn of(file: &str, source: &str, complaint: &Complaint) -> Self {
        let Complaint { line, column, .. } = complaint;
        let problem = problem_of(file, source, complaint);
        Self { file: file.to_owned(), line: *line, column: *column, problem }
    }

    /// That a script which is said there cannot be had.
    fn unreadable(said: &Said, problem: Problem) -> Self {
        let path = format!("the script {:?}, which is started", said.name);
        let Said { file, line, column, .. } = said;
        let place = if file == ALONG { file.clone() } else { format!("{file}:{line}:{column}") };
        let problem = Problem { path, ..problem }.in_file(&place);
        Self { file: file.clone(), line: *line, column: *column, problem }
    }
}

/// A name, and where it is said.
struct Said {
    name: String,
    file: String,
    line: u32,
    column: u32,
}

/// Scripts by the names by which they are started.
#[derive(Default)]
pub(super) struct Beside {
    /// Each with its text.
    pub(super) scripts: Vec<(String, String)>,
    /// All that cannot be read, or cannot be run.
    pub(super) wrong: Vec<Wrong>,
    folder: PathBuf,
}

/// Those that the script at `file` says by name, those that they say, and so on; and those that the command line gives along.
pub(super) fn read(file: &str, source: &str, along: &[String]) -> Beside {
    let folder = Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut beside = Beside { folder: folder.unwrap_or(Path::new(".")).to_owned(), ..Beside::default() };
    let given = |name: &String| Said { name: name.clone(), file: ALONG.to_owned(), line: 1, column: 1 };
    let mut left: VecDeque<Said> = along.iter().map(given).collect();
    left.extend(said_in(file, source));
    while let Some(said) = left.pop_front() {
        left.extend(beside.take(&said));
    }
    beside
}

fn said_in(file: &str, source: &str) -> impl Iterator<Item = Said> {
    let mentions = Engine::starts(&Monty, source).into_iter();
    mentions.map(move |Mention { file: name, line, column }| Said {
        name,
        file: file.to_owned(),
        line,
        column,
    })
}

impl Beside {
    /// Reads one, unless it was before; what it says in its turn.
    fn take(&mut self, said: &Said) -> Vec<Said> {
        if self.scripts.iter().any(|(there, _)| *there == said.name) {
            return Vec::new();
        }
        let read = self.path_of(&said.name).and_then(|path| files::read_text_file(&path));
        match read {
            Ok(source) => self.add(&said.name, source),
            Err(problem) => {
                self.wrong.push(Wrong::unreadable(said, problem));
                Vec::new()
            }
        }
    }

    fn add(&mut self, name: &str, source: String) -> Vec<Said> {
        let shown = self.folder.join(name).display().to_string();
        let complaints = Engine::check(&Monty, &shown, &source);
        self.wrong.extend(complaints.iter().map(|complaint| Wrong::of(&shown, &source, complaint)));
        let more = said_in(&shown, &source).collect();
        // One with complaints too, so that it is complained about once.
        self.scripts.push((name.to_owned(), source));
        more
    }

    /// Where it is, if that is within the folder.
    fn path_of(&self, name: &str) -> Result<PathBuf, Problem> {
        let is_inside = |component| matches!(component, Component::Normal(_) | Component::CurDir);
        let refused = |found: String| {
            let expected = "a script in the folder of the one that is started first, or in one within it";
            let hint = "put it there: what flows start is read from that folder alone";
            Problem::new("", expected, found).with_hint(hint)
        };
        if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(is_inside) {
            return Err(refused(format!("{name:?}")));
        }
        let path = self.folder.join(name);
        match (self.folder.canonicalize(), path.canonicalize()) {
            (Ok(folder), Ok(real)) if !real.starts_with(&folder) => {
                Err(refused(format!("a link to {}", real.display())))
            }
            // What cannot be found is told by who reads it.
            _ => Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("scripts/parts")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn read_in(folder: &tempfile::TempDir, source: &str, along: &[&str]) -> Beside {
        let file = folder.path().join("scripts/job.py").display().to_string();
        let along: Vec<String> = along.iter().map(|name| (*name).to_owned()).collect();
        read(&file, source, &along)
    }

    fn starting(names: &[&str]) -> String {
        let calls: String = names.iter().map(|name| format!("flows.start({name:?})\n")).collect();
        format!("from flow import flows\n{calls}")
    }

    #[test]
    fn what_is_started_comes_along_and_what_that_starts_too_each_once() {
        let folder = folder_with(&[
            ("scripts/a.py", &starting(&["parts/b.py", "a.py"])),
            ("scripts/parts/b.py", &starting(&["a.py", "c.py"])),
            ("scripts/c.py", "def main():\n    return 1\n"),
            ("scripts/d.py", "x = 1\n"),
        ]);
        let beside = read_in(&folder, &starting(&["a.py"]), &["d.py"]);
        let names: Vec<&str> = beside.scripts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            (names.as_slice(), beside.wrong.len()),
            (["d.py", "a.py", "parts/b.py", "c.py"].as_slice(), 0)
        );
    }

    #[test]
    fn nothing_is_read_from_elsewhere() {
        let folder = folder_with(&[("outside.py", "x = 1\n"), ("scripts/in.py", "x = 1\n")]);
        let outside = folder.path().join("outside.py");
        std::os::unix::fs::symlink(&outside, folder.path().join("scripts/link.py")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("scripts/parts/up")).unwrap();
        std::os::unix::fs::symlink("in.py", folder.path().join("scripts/same.py")).unwrap();
        let absolute = outside.display().to_string();
        let names = [
            "../outside.py",
            "parts/../../outside.py",
            &absolute,
            "link.py",
            "parts/up/outside.py",
            "",
            "a\0b",
        ];
        let beside = read_in(&folder, &starting(&["same.py", "./in.py"]), &names);
        assert_eq!(beside.scripts.len(), 2);
        assert_eq!(beside.wrong.len(), names.len());
        for wrong in &beside.wrong {
            assert!(wrong.problem.expected.contains("in the folder"), "{:?}", wrong.problem);
            assert_eq!(wrong.problem.file.as_deref(), Some(ALONG));
        }
    }

    #[test]
    fn what_is_not_there_or_cannot_run_is_told_with_its_place() {
        let folder = folder_with(&[("scripts/other.py", "import os\n"), ("scripts/bytes.py", "")]);
        std::fs::write(folder.path().join("scripts/bytes.py"), [0xff]).unwrap();
        let beside =
            read_in(&folder, &starting(&["othr.py", "other.py", "other.py", "parts", "bytes.py"]), &[]);
        let told: Vec<String> = beside.wrong.iter().map(|wrong| wrong.problem.to_string()).collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert!(told[0].contains("job.py:2:13") && told[0].contains("othr.py"), "{}", told[0]);
        assert!(told[0].contains("did you mean") && told[0].contains("other.py"), "{}", told[0]);
        assert!(told[1].contains("other.py:1:8") && told[1].contains("no module os"), "{}", told[1]);
        assert!(told[2].contains("a folder, not a file"), "{}", told[2]);
        assert!(told[3].contains("no UTF-8"), "{}", told[3]);
        assert_eq!((beside.wrong[0].line, beside.wrong[0].column), (2, 13));
    }
}
