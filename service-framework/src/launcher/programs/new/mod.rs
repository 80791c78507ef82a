//! `program new`: a crate with a function for each hook of a spec, or what is new in one that was made so before. Changes no line
//! that somebody else has written.

mod fixed;
mod gives;
mod layout;
mod plan;
mod proofs;
mod source;
mod stubs;
#[cfg(test)]
mod tests;
mod tokens;
mod wiring;
mod words;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use self::plan::{Plan, SPEC, WIRING, Wanted};
use self::words::snake;
use super::spec_file;
use crate::launcher::arguments::Options;
use crate::launcher::files::plain;
use crate::launcher::new::shared::{
    Addition, Additions, Framework, Name, NewFile, NotWritten, Place, above, framework, in_shell, kept,
};
use crate::launcher::say::say;
use crate::launcher::signals::Noted;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::program::spec::Spec;

/// What may be in a folder that is to become a crate.
const HARMLESS: [&str; 1] = [".git"];

/// Writes the crate that the command line asks for, and says what to do next.
pub(super) fn new(options: &Options) -> ExitCode {
    let asked = match Asked::read(options) {
        Ok(asked) => asked,
        Err(problems) => {
            report::problems(&problems, options.color, "nothing was written");
            return ExitCode::from(exit::WRONG_INPUT);
        }
    };
    // Where signals cannot be noted they end the process, as they would anyway.
    let signal = Noted::from_now().unwrap_or_default();
    if let Err(error) = asked.write(|| signal.exit_code().is_some()) {
        say!("error: {error}; nothing was changed");
        return ExitCode::from(signal.exit_code().unwrap_or(exit::FAILED));
    }
    let text = match options.json {
        true => format!("{:#}\n", asked.to_json()),
        false => asked.text(options.color.palette(&io::stdout())),
    };
    report::print(&text, exit::OK)
}

/// Where a crate is, or will be.
enum Target {
    /// Nothing is there, or an empty folder.
    New(Place),
    /// A folder with nothing in it that matters.
    Bare(PathBuf),
    /// One that was made so before.
    Made(PathBuf),
}

impl Target {
    fn folder(&self) -> &Path {
        match self {
            Self::New(place) => place.folder(),
            Self::Bare(folder) | Self::Made(folder) => folder,
        }
    }

    /// # Errors
    /// Something else is there.
    fn find(folder: &Path, spec: &Path) -> Result<Self, Problem> {
        let problem = match Place::find(folder) {
            Ok(place) => return Ok(Self::New(place)),
            Err(problem) => Problem { path: "--output".to_owned(), ..problem },
        };
        if !folder.is_dir() {
            return Err(problem);
        }
        match fs::read_to_string(folder.join(WIRING)).ok().as_deref().and_then(wiring::head) {
            Some(_) => Ok(Self::Made(folder.to_owned())),
            None if is_bare(folder, spec) => Ok(Self::Bare(folder.to_owned())),
            None => {
                let expected =
                    "a folder that is new, or empty but for the spec, or was made by `program new`";
                let hint = "nothing is ever written over: name another folder by -o";
                Err(Problem { expected: expected.to_owned(), ..problem }.with_hint(hint))
            }
        }
    }
}

/// Whether nothing is in a folder but the spec.
fn is_bare(folder: &Path, spec: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let is_harmless = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let is_spec = is_same(&entry.path(), spec);
            is_spec || HARMLESS.iter().any(|known| name == *known)
        })
    };
    entries.into_iter().all(is_harmless)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// What is to be made, and where.
struct Asked {
    target: Target,
    spec: Spec,
    plan: Plan,
    /// The files of a new crate that are the same for every spec.
    fixed: Vec<NewFile>,
    framework: Option<Framework>,
    notes: Vec<String>,
}

impl Asked {
    /// # Errors
    /// All that is wrong with the command line, the spec and the folder.
    fn read(options: &Options) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let path = &options.programs.spec;
        let spec = kept(read_spec(path), &mut problems);
        let Some(folder) = &options.programs.output else {
            problems.push(Problem::missing("--output", "the folder of the crate: `-o FOLDER`"));
            return Err(problems);
        };
        let target = kept(Target::find(folder, path).map_err(|problem| vec![problem]), &mut problems);
        let framework = kept(framework(options.framework.as_deref(), folder), &mut problems);
        let (Some((spec, text)), Some(target), Some((framework, note))) = (spec, target, framework) else {
            return Err(problems);
        };
        let name = Name::like(&spec.module_name());
        let (identifier, root) = identity(&target, &name)?;
        let wanted = Wanted {
            places: layout::layout(&spec, &root).map_err(|problems| in_file(problems, path))?,
            gives: gives::gives(&spec),
            spec: &spec,
            spec_text: &text,
            is_own_spec: is_same(&folder.join(SPEC), path),
            root,
            identifier,
        };
        let plan = wanted.plan(&|path| read_file(&target, path))?;
        Ok(match &target {
            Target::Made(_) => {
                let note = options
                    .framework
                    .as_ref()
                    .map(|_| "--framework is for new crates: this one's Cargo.toml is as it was".to_owned());
                Self {
                    target,
                    spec,
                    plan,
                    fixed: Vec::new(),
                    framework: None,
                    notes: note.into_iter().collect(),
                }
            }
            _ => {
                let fixed = fixed::files(&spec, &name, &framework);
                Self {
                    target,
                    spec,
                    plan,
                    fixed,
                    framework: Some(framework),
                    notes: note.into_iter().collect(),
                }
            }
        })
    }

    fn write(&self, is_stopped: impl Fn() -> bool) -> Result<(), NotWritten> {
        let fixed = self.fixed.iter();
        match &self.target {
            Target::New(place) => {
                let planned = self.plan.files.iter();
                let planned =
                    planned.map(|file| NewFile { path: file.path.clone().into(), text: file.after.clone() });
                place.write(&fixed.cloned().chain(planned).collect::<Vec<_>>(), is_stopped)
            }
            Target::Bare(folder) | Target::Made(folder) => {
                let fixed = fixed.map(|file| Addition {
                    path: file.path.clone().into_owned(),
                    before: None,
                    after: file.text.clone(),
                });
                let files: Vec<_> = fixed.chain(self.plan.files.iter().cloned()).collect();
                if files.is_empty() { Ok(()) } else { Additions { folder, files: &files }.write(is_stopped) }
            }
        }
    }

    fn text(&self, palette: Palette) -> String {
        let folder = self.target.folder().display();
        let mut text = match (&self.target, self.plan.files.is_empty()) {
            (Target::Made(_), true) => {
                format!("{} {folder} has everything that the spec names\n", palette.green("ok:"))
            }
            (Target::Made(_), false) => format!("{} {folder}\n", palette.green("added to")),
            _ => format!("{} {folder}\n", palette.green("made")),
        };
        text.extend(self.fixed.iter().map(|file| format!("  {}\n", file.path)));
        for file in &self.plan.files {
            text.push_str(&format!("  {}{}\n", file.path, self.told(file)));
        }
        let framework = self.framework.iter();
        text.extend(framework.map(|framework| format!("with service_framework from {framework}\n")));
        text.extend(self.notes.iter().map(|note| format!("{} {note}\n", palette.yellow("note:"))));
        if !self.plan.mismatches.is_empty() {
            text.push_str(&format!("{}\n", palette.yellow("No longer as the spec says, and left as it is:")));
        }
        for mismatch in &self.plan.mismatches {
            text.push_str(&format!("  {}:{}: {}\n", mismatch.file, mismatch.line, mismatch.text));
        }
        if !matches!(self.target, Target::Made(_)) {
            text.push_str(&self.next_text(palette));
        }
        text
    }

    /// What was done to a file, with the names of what is new in it.
    fn told(&self, file: &Addition) -> String {
        const MOST: usize = 8;
        let names = self.plan.added.get(&file.path).map(Vec::as_slice).unwrap_or_default();
        let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(MOST);
        match (names.is_empty(), &file.before, more) {
            (true, Some(_), _) => ", written again".to_owned(),
            (true, None, _) => String::new(),
            (false, _, 0) => format!(": {shown}"),
            (false, _, more) => format!(": {shown} and {more} more"),
        }
    }

    fn next_text(&self, palette: Palette) -> String {
        let mut text = format!("{}\n", palette.bold("Next:"));
        let commands = self.next();
        let widths = commands.iter().map(|(command, _)| command.chars().count());
        let width = widths.filter(|width| *width <= fixed::WIDEST).max().unwrap_or_default();
        for (command, about) in commands {
            let line = format!("  {command:width$}  {}", palette.dim(about));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn next(&self) -> Vec<(String, &'static str)> {
        let folder = self.target.folder();
        let enter = (folder != Path::new(".")).then(|| (format!("cd {}", in_shell(folder)), ""));
        enter.into_iter().chain(fixed::commands(&self.spec)).collect()
    }

    fn to_json(&self) -> Json {
        let fixed = self.fixed.iter().map(|file| json!({ "path": file.path, "is_new": true, "added": [] }));
        let planned = self.plan.files.iter().map(|file| {
            json!({ "path": file.path, "is_new": file.before.is_none(), "added": self.plan.added.get(&file.path) })
        });
        let is_new = !matches!(self.target, Target::Made(_));
        let next = if is_new { self.next() } else { Vec::new() };
        json!({
            "folder": self.target.folder(),
            "is_new": is_new,
            "files": fixed.chain(planned).collect::<Vec<_>>(),
            "mismatches": self.plan.mismatches.iter().map(plan::Mismatch::to_json).collect::<Vec<_>>(),
            "framework": self.framework.as_ref().map(Framework::to_json),
            "notes": self.notes,
            "next": next.iter().map(|(command, _)| command).collect::<Vec<_>>(),
        })
    }
}

fn read_spec(path: &Path) -> Result<(Spec, String), Vec<Problem>> {
    // It says best what is wrong with a file.
    spec_file::read(path)?;
    let text =
        fs::read_to_string(path).map_err(|error| vec![unreadable(&path.display().to_string(), &error)])?;
    let spec = Spec::from_text(&text).map_err(|problems| in_file(problems, path))?;
    Ok((spec, text))
}

fn in_file(problems: Vec<Problem>, path: &Path) -> Vec<Problem> {
    let file = path.display().to_string();
    problems.into_iter().map(|problem| problem.in_file(&file)).collect()
}

fn unreadable(path: &str, error: &io::Error) -> Problem {
    Problem::new("", "a file that can be read", plain(error)).in_file(path)
}

/// The name of the crate in Rust, and the first part of references that stands for it.
fn identity(target: &Target, name: &Name) -> Result<(String, String), Vec<Problem>> {
    let new = (name.identifier(), snake(&name.identifier()));
    if !matches!(target, Target::Made(_)) {
        return Ok(new);
    }
    let read = |path: &str| read_file(target, path).map_err(|problem| vec![problem]);
    let manifest = read("Cargo.toml")?.unwrap_or_default();
    let said = manifest.lines().find_map(|line| {
        let value = line.trim().strip_prefix("name")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').replace('-', "_"))
    });
    let root = read(WIRING)?.as_deref().and_then(wiring::head).map(|head| head.root);
    Ok((said.unwrap_or(new.0), root.unwrap_or(new.1)))
}

/// A file of the crate, if it is there.
fn read_file(target: &Target, path: &str) -> Result<Option<String>, Problem> {
    if matches!(target, Target::New(_)) {
        return Ok(None);
    }
    let whole = target.folder().join(path);
    match fs::read_to_string(&whole) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // What stands in the way of the folder stands in the way of the file.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(unreadable(&above(&whole).display().to_string(), &error))
        }
        Err(error) => Err(unreadable(&whole.display().to_string(), &error)),
    }
}
