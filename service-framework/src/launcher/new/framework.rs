//! Where a new crate takes the framework from: a folder, a git repository, or crates.io. Asks no network.

use std::fmt;
use std::path::{self, Component, Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::model::Problem;

/// The crate that this program was built from.
const BUILT_FROM: &str = env!("CARGO_MANIFEST_DIR");

const EXPECTED: &str = "the folder, git address or version of service_framework";

/// The source of the framework.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::launcher) enum Framework {
    /// The folder of its crate.
    Folder(PathBuf),
    Git(String),
    Version(String),
}

impl Framework {
    /// Reads what `--framework` says, for a crate that will be in `target`.
    ///
    /// # Errors
    /// It is none of the three, or the folder has no framework in it.
    pub(super) fn read(text: &str, target: &Path) -> Result<Self, Problem> {
        if is_git(text) {
            return Ok(Self::Git(text.to_owned()));
        }
        if text.contains('/') && !text.contains(':') || text.starts_with('.') || Path::new(text).is_dir() {
            return folder(text, target);
        }
        if is_version(text) {
            return Ok(Self::Version(text.to_owned()));
        }
        let problem = Problem::new("--framework", EXPECTED, format!("{text:?}"));
        Err(match text.split_once(':').filter(|(host, path)| host.contains('@') && !path.is_empty()) {
            Some((host, path)) => problem.with_hint(format!("cargo writes it `ssh://{host}/{path}`")),
            None => problem.with_hint("a folder has a `/`: `./NAME`; a git address begins with `https://`"),
        })
    }

    /// The clone that this program was built from; if there is none any more, the program's version, and why.
    pub(super) fn of_program() -> (Self, Option<String>) {
        Self::of_build(Path::new(BUILT_FROM), env!("CARGO_PKG_VERSION"))
    }

    fn of_build(built_from: &Path, version: &str) -> (Self, Option<String>) {
        if is_crate(built_from) && !is_cargos(built_from) {
            return (Self::Folder(built_from.to_owned()), None);
        }
        let note = format!(
            "there is no clone of service_framework at {}: Cargo.toml asks crates.io for version {version} \
             (--framework says otherwise)",
            built_from.display()
        );
        (Self::Version(version.to_owned()), Some(note))
    }

    /// The value of the dependency in Cargo.toml.
    pub(super) fn dependency(&self, features: &[&str]) -> String {
        let (key, value) = self.key_and_value();
        let named: Vec<_> = features.iter().map(|feature| quoted(feature)).collect();
        let more =
            if named.is_empty() { String::new() } else { format!(", features = [{}]", named.join(", ")) };
        format!("{{ {key} = {}{more} }}", quoted(&value))
    }

    pub(in crate::launcher) fn to_json(&self) -> Json {
        let (key, value) = self.key_and_value();
        json!({ key: value })
    }

    fn key_and_value(&self) -> (&'static str, String) {
        match self {
            Self::Folder(folder) => ("path", folder.to_string_lossy().into_owned()),
            Self::Git(address) => ("git", address.clone()),
            Self::Version(version) => ("version", version.clone()),
        }
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Git(address) => f.write_str(address),
            Self::Version(version) => write!(f, "crates.io, version {version}"),
        }
    }
}

/// Text as TOML quotes it, which is as JSON does but for one character that no path has.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn is_git(text: &str) -> bool {
    let schemes = ["https://", "http://", "ssh://", "git://", "file://"];
    let place = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_of_an_address = |c: char| !c.is_whitespace() && !c.is_control() && !"\"<>\\^`{|}".contains(c);
    place.is_some_and(|place| place.contains(char::is_alphanumeric) && place.chars().all(is_of_an_address))
}

fn is_version(text: &str) -> bool {
    let number = text.trim_start_matches(['^', '=', '~']);
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(is_inside)
}

/// A clone of the repository or the crate in it. One that was said relative to the present folder is written relative
/// to the new crate, so that both can move together.
fn folder(text: &str, target: &Path) -> Result<Framework, Problem> {
    let said = Path::new(text);
    let in_clone = said.join("service-framework");
    let found = [said, &in_clone].into_iter().find(|folder| is_crate(folder));
    let expected = "a folder with service_framework in it";
    let problem = |found: &str| Problem::new("--framework", expected, format!("{text:?}, {found}"));
    let found = found.ok_or_else(|| {
        problem(if said.is_dir() { "which has no crate `service-framework`" } else { "which is no folder" })
    })?;
    let wrong = |error: std::io::Error| problem(&format!("which cannot be looked at: {error}"));
    let absolute = found.canonicalize().map_err(wrong)?;
    let place = match said.is_absolute() {
        true => absolute,
        false => relative(&real(target).map_err(wrong)?, &absolute),
    };
    match place.to_str() {
        Some(_) => Ok(Framework::Folder(place)),
        None => Err(problem("whose name is no text in UTF-8")),
    }
}

/// Whether the framework's crate is there.
fn is_crate(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.replace(' ', "") == "name=\"service-framework\"")
}

/// Whether cargo keeps the folder, and may remove it: it marks what it has unpacked or cloned.
fn is_cargos(folder: &Path) -> bool {
    folder.ancestors().take(2).any(|folder| folder.join(".cargo-ok").exists())
}

/// Where `target` will be, links followed, though its last part need not be there yet.
fn real(target: &Path) -> std::io::Result<PathBuf> {
    if let Ok(real) = target.canonicalize() {
        return Ok(real);
    }
    let absolute = path::absolute(target)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        _ => Ok(absolute),
    }
}

/// The way from one folder to another, both absolute.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(text: &str) -> Result<String, String> {
        let found = Framework::read(text, Path::new("/nowhere/desk"));
        found.map(|framework| framework.dependency(&[])).map_err(|problem| problem.to_string())
    }

    /// A clone in a folder.
    fn clone_in(folder: &Path) -> PathBuf {
        let place = folder.join("clone/service-framework");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("Cargo.toml"), "[package]\nname = \"service-framework\"\n").unwrap();
        place.canonicalize().unwrap()
    }

    #[test]
    fn git_addresses_and_versions_are_told_apart() {
        assert_eq!(read("https://x.org/f.git").unwrap(), r#"{ git = "https://x.org/f.git" }"#);
        assert_eq!(read("file:///srv/f").unwrap(), r#"{ git = "file:///srv/f" }"#);
        for version in ["0.1", "=0.1.0", "^1", "1.0.0-rc.1"] {
            assert_eq!(read(version).unwrap(), format!("{{ version = {version:?} }}"));
        }
    }

    #[test]
    fn an_address_is_a_place() {
        for wrong in ["https://", "ssh://", "https://x.org/a b", "https://x\"y", "file:///\n", "https:///"] {
            assert!(
                read(wrong).unwrap_err().contains("expected the folder, git address or version"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_none_of_the_three_is_said() {
        insta::assert_snapshot!(read("latest").unwrap_err(), @r#"--framework: expected the folder, git address or version of service_framework, found "latest" (a folder has a `/`: `./NAME`; a git address begins with `https://`)"#);
        insta::assert_snapshot!(read("git@x.org:team/f.git").unwrap_err(), @r#"--framework: expected the folder, git address or version of service_framework, found "git@x.org:team/f.git" (cargo writes it `ssh://git@x.org/team/f.git`)"#);
        insta::assert_snapshot!(read("/nowhere/at/all").unwrap_err(), @r#"--framework: expected a folder with service_framework in it, found "/nowhere/at/all", which is no folder"#);
        insta::assert_snapshot!(read("/").unwrap_err(), @r#"--framework: expected a folder with service_framework in it, found "/", which has no crate `service-framework`"#);
    }

    #[test]
    fn a_folder_is_a_clone_or_the_crate_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = clone_in(folder.path());
        let target = folder.path().join("desk");
        for said in [place.as_path(), place.parent().unwrap()] {
            let found = Framework::read(said.to_str().unwrap(), &target).unwrap();
            assert_eq!(found, Framework::Folder(place.clone()));
        }
    }

    #[test]
    fn a_way_goes_up_and_down() {
        let way = |from: &str, to: &str| relative(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(way("/a/desk", "/a/clone/crate"), "../clone/crate");
        assert_eq!(way("/a/b/desk", "/c"), "../../../c");
        assert_eq!(way("/a", "/a/clone"), "clone");
    }

    #[test]
    fn without_a_clone_it_is_the_version() {
        let folder = tempfile::tempdir().unwrap();
        let place = clone_in(folder.path());
        assert_eq!(Framework::of_build(&place, "1.2.3"), (Framework::Folder(place.clone()), None));
        fs::write(folder.path().join("clone/.cargo-ok"), "").unwrap();
        let (found, note) = Framework::of_build(&place, "1.2.3");
        assert_eq!(found, Framework::Version("1.2.3".to_owned()));
        assert!(note.unwrap().contains("version 1.2.3"));
        assert!(Framework::of_build(Path::new("/nowhere"), "1.2.3").1.is_some());
    }

    #[test]
    fn this_program_has_one() {
        assert_eq!(Framework::of_program(), (Framework::Folder(BUILT_FROM.into()), None));
    }
}
