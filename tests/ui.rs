//! Mistakes that everybody makes once: each file in `ui/` is wrong, and what the compiler says of it stands beside it. Run
//! with `UPDATE=1` to write that again, and read it as somebody who has never seen this library.
//!
//! The compiler is called itself, with the library that these tests were built with: nothing is built a second time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::root;

/// The compiler that the files were written by; others say some things in other words.
const COMPILER: &str = "rustc 1.95.";

fn folder() -> PathBuf {
    root().join("tests/ui")
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Compiles a file of this folder against one build of the library.
fn compile(name: &Path, library: &Path, out: &Path) -> Output {
    let mut command = rustc();
    command.current_dir(folder()).arg(name).args(["--edition=2024", "--emit=metadata", "--cap-lints=allow"]);
    command.arg("--extern").arg(format!("service_framework={}", library.display()));
    command.arg("-L").arg(format!("dependency={}", library.parent().unwrap().display()));
    command.arg("--out-dir").arg(out).output().unwrap()
}

/// The newest build of the library that has the test kit, as all have that tests are built with. Whatever it is named,
/// it is up to date: nothing that is older than these tests was built after it.
fn library(out: &Path) -> PathBuf {
    let here = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let mut files: Vec<_> = fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libservice_framework-") && name.ends_with(".rlib")
    });
    files.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    let probe = out.join("probe.rs");
    fs::write(&probe, "use service_framework::testing as _; fn main() {}").unwrap();
    files.into_iter().rev().find(|library| compile(&probe, library, out).status.success()).unwrap()
}

/// What the compiler says of a file, without what it shows of other files and lists of other types: that changes with them.
fn said_of(name: &str, library: &Path, out: &Path) -> String {
    let output = compile(Path::new(name), library, out);
    assert!(!output.status.success(), "{name} is right");
    let text = String::from_utf8(output.stderr).unwrap();
    let mut skipped = Skipped::Nothing;
    let kept = text.lines().filter(|line| {
        skipped = skipped.after(line.trim_start(), name);
        skipped == Skipped::Nothing && !is_of_the_machine(line)
    });
    kept.map(|line| format!("{line}\n")).collect()
}

/// What is being left out.
#[derive(Clone, Copy, PartialEq)]
enum Skipped {
    Nothing,
    /// A place in another file.
    Place,
    /// A list of types that implement a trait, with the places of those.
    Others,
}

impl Skipped {
    /// The same, at the next line.
    fn after(self, line: &str, name: &str) -> Self {
        let place = line.strip_prefix("--> ").or_else(|| line.strip_prefix("::: "));
        match (self, place) {
            _ if line.contains("following other types implement trait") => Self::Others,
            (Self::Others, _) if !ends_a_list(line) => Self::Others,
            (_, Some(place)) if !place.starts_with(name) => Self::Place,
            (Self::Place, None)
                if line.starts_with(['|', '.', '&']) || line.starts_with(char::is_numeric) =>
            {
                Self::Place
            }
            _ => Self::Nothing,
        }
    }
}

/// Whether a list of types is over at this line: each of them may be a note of its own.
fn ends_a_list(line: &str) -> bool {
    let is_one_of_it = line.starts_with("= note: `") && !line.contains(" but not for ");
    let is_of_a_macro = line.contains("in this macro invocation");
    let begins = ["= ", "note: ", "help: ", "error"].iter().any(|start| line.starts_with(start));
    line.is_empty() || (begins && !is_one_of_it && !is_of_a_macro)
}

fn is_of_the_machine(line: &str) -> bool {
    ["the full name for the type", "`--verbose`", "this error originates in"]
        .iter()
        .any(|text| line.contains(text))
}

/// The files, without their folder.
fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap());
    names.filter(|name| name.ends_with(".rs")).collect()
}

/// The first lines of all errors, which are ours.
fn errors(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("error")).collect()
}

#[test]
fn the_compiler_says_what_to_write() {
    let version = String::from_utf8(rustc().arg("--version").output().unwrap().stdout).unwrap();
    let is_same_compiler = version.starts_with(COMPILER);
    let out = tempfile::tempdir().unwrap();
    let (library, names) = (library(out.path()), names());
    let (next, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let look = || {
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let said = said_of(name, &library, out.path());
            let path = folder().join(name).with_extension("stderr");
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, &said).unwrap();
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            let is_expected = said == expected || (!is_same_compiler && errors(&said) == errors(&expected));
            if !is_expected {
                eprintln!("{name}: expected\n{expected}\nbut it is\n{said}");
                wrong.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(look))));
    assert!(names.len() >= 20, "there are fewer files than there were");
    assert_eq!(wrong.into_inner(), 0, "if what it says now is better, run again with UPDATE=1");
}
