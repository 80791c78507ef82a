//! `new`: a crate with a service that builds, runs and has a test. Writes into a new or an empty folder, and nowhere
//! else.

mod addresses;
mod code;
mod files;
mod framework;
mod name;
mod parts;
mod readme;
mod test_code;
#[cfg(test)]
mod tests;
mod writing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use self::files::Crate;
use self::framework::Framework;
use self::name::Name;
use self::parts::{Parts, Services};
use self::writing::{NewFile, Place};
use super::arguments::Options;
use super::signals::Noted;
use super::terminal::Palette;
use super::{exit, report};
use crate::launcher::say::say;
use crate::model::Problem;

pub(crate) use parts::PART_NAMES;
// What a crate of programs needs too.
#[cfg(feature = "programs")]
pub(in crate::launcher) mod shared {
    pub(in crate::launcher) use super::files::{libzmq, manifest};
    pub(in crate::launcher) use super::framework::Framework;
    pub(in crate::launcher) use super::name::Name;
    pub(in crate::launcher) use super::writing::{Addition, Additions, NewFile, NotWritten, Place, above};
    pub(in crate::launcher) use super::{framework, in_shell, kept};
}

/// Writes the crate that the command line asks for, and says what to type next.
pub(super) fn new(options: &Options) -> ExitCode {
    let asked = match Asked::read(options) {
        Ok(asked) => asked,
        Err(problems) => {
            report::problems(&problems, options.color, "nothing was written");
            return ExitCode::from(exit::WRONG_INPUT);
        }
    };
    let files = asked.new.files();
    // Where signals cannot be noted they end the process, as they would anyway.
    let signal = Noted::from_now().unwrap_or_default();
    if let Err(error) = asked.place.write(&files, || signal.exit_code().is_some()) {
        say!("error: {error}; nothing is left of it");
        return ExitCode::from(signal.exit_code().unwrap_or(exit::FAILED));
    }
    let text = match options.json {
        true => format!("{:#}\n", asked.to_json(&files)),
        false => asked.text(&files, options.color.palette(&std::io::stdout())),
    };
    report::print(&text, exit::OK)
}

/// What is to be made, and where.
struct Asked {
    new: Crate,
    place: Place,
    /// What was decided without being asked for.
    notes: Vec<String>,
}

impl Asked {
    /// # Errors
    /// All that is wrong with the command line and the folder.
    fn read(options: &Options) -> Result<Self, Vec<Problem>> {
        let text = options.positional.as_deref().unwrap_or_default();
        let mut problems = Vec::new();
        let name = kept(Name::read(text).map_err(|problem| vec![problem]), &mut problems);
        let parts = kept(Parts::read(options.with.as_deref().unwrap_or_default()), &mut problems);
        let folder = options.path.clone().unwrap_or_else(|| PathBuf::from(text));
        // Without a name nobody knows which folder is meant.
        let is_known = options.path.is_some() || name.is_some();
        let place = is_known.then(|| Place::find(&folder).map_err(|problem| vec![problem]));
        let place = place.and_then(|place| kept(place, &mut problems));
        let framework = kept(framework(options.framework.as_deref(), &folder), &mut problems);
        let (Some(name), Some(parts), Some(place), Some((framework, note))) = (name, parts, place, framework)
        else {
            return Err(problems);
        };
        let services = Services::of(&parts);
        let notes = services.note.map(str::to_owned).into_iter().chain(note).collect();
        Ok(Self { new: Crate { name, services, framework }, place, notes })
    }

    fn text(&self, files: &[NewFile], palette: Palette) -> String {
        let folder = self.place.folder().display();
        let mut text = format!("{} {folder}\n", palette.green("made"));
        text.extend(files.iter().map(|file| format!("  {}\n", file.path)));
        text.push_str(&format!("with service_framework from {}\n", self.new.framework));
        text.extend(self.notes.iter().map(|note| format!("{} {note}\n", palette.yellow("note:"))));
        text.push_str(&format!("{}\n", palette.bold("Next:")));
        let commands = self.next();
        let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
        for (command, about) in commands {
            let line = format!("  {command:width$}  {}", palette.dim(about));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn to_json(&self, files: &[NewFile]) -> Json {
        json!({
            "name": self.new.name.as_str(),
            "folder": self.place.folder(),
            "files": files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "framework": self.new.framework.to_json(),
            "notes": self.notes,
            "next": self.next().iter().map(|(command, _)| command).collect::<Vec<_>>(),
        })
    }

    /// What to type, from where the command was called.
    fn next(&self) -> Vec<(String, &'static str)> {
        let folder = self.place.folder();
        let enter = (folder != Path::new(".")).then(|| (format!("cd {}", in_shell(folder)), ""));
        enter.into_iter().chain(self.new.commands()).collect()
    }
}

/// What is right; what is wrong goes to the other problems.
pub(in crate::launcher) fn kept<T>(read: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    read.map_err(|wrong| problems.extend(wrong)).ok()
}

pub(in crate::launcher) fn framework(
    said: Option<&str>,
    folder: &Path,
) -> Result<(Framework, Option<String>), Vec<Problem>> {
    match said {
        None => Ok(Framework::of_program()),
        Some(text) => match Framework::read(text, folder) {
            Ok(framework) => Ok((framework, None)),
            Err(problem) => Err(vec![problem]),
        },
    }
}

/// A path as a shell takes it.
pub(in crate::launcher) fn in_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
    match text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
