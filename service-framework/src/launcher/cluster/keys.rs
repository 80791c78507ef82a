//! `cluster keys` and `cluster token`: the file with what the nodes of a cluster share, and who is given it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use crate::cluster::{Keys, Token, TokenError};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, files, report};
use crate::model::Problem;

/// Reads the keys of a cluster.
///
/// # Errors
/// What is wrong with the file.
pub(in crate::launcher) fn read(path: &Path) -> Result<Keys, Problem> {
    let json = files::read_json(path)?;
    Keys::from_json(&json).map_err(|error| {
        let (place, reason) = error.split_once(": ").unwrap_or(("", &error));
        Problem::new(place, "keys as `cluster keys` writes them", reason).in_file(&path.display().to_string())
    })
}

/// Reads those that the command line names, if it does.
pub(super) fn named(options: &Options) -> Result<Option<Keys>, Vec<Problem>> {
    options.clusters.keys.as_deref().map(read).transpose().map_err(|problem| vec![problem])
}

/// Makes keys, or takes a step of changing the secret of those that are there.
///
/// # Errors
/// Keys would be made where there are some, or the file that should have them has none.
pub(super) fn write(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let path = Path::new(options.positional.as_deref().unwrap_or_default());
    let problem = |reason: String| vec![Problem::new(path.display().to_string(), "a file for keys", reason)];
    let there = || read(path).map_err(|problem| vec![problem]);
    let (keys, said) = match options.further.first().map(String::as_str) {
        Some("add") => (there()?.added(), "has a new secret behind the others"),
        Some("use") => (Ok(there()?.used()), "has the newest secret first"),
        Some(_) => (Ok(there()?.dropped()), "has one secret"),
        None if path.exists() => {
            return Err(problem("it is there already; `add`, `use` and `drop` change it".to_owned()));
        }
        None => (Keys::generate(), "has the keys of a new cluster"),
    };
    save(path, &keys.map_err(problem)?).map_err(|error| problem(files::plain(&error)))?;
    Ok(report::print(&format!("{} {said}\n", path.display()), exit::OK))
}

/// Writes keys, whole whenever the file is there, and to be read by its owner alone.
pub(super) fn save(path: &Path, keys: &Keys) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(format!("{:#}\n", keys.to_json()).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

/// Prints a token.
///
/// # Errors
/// There are no keys.
pub(super) fn token(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let keys = named(options)?.ok_or_else(|| vec![Problem::missing("--keys", "the keys of the cluster")])?;
    let token = keys.token(options.clusters.valid, SystemTime::now());
    let token = token.map_err(|error| vec![Problem::new("--keys", "keys", error)])?;
    Ok(report::print(&format!("{token}\n"), exit::OK))
}

/// The keys that the line names; where the file is not there yet, those that its token gets, which are written there.
///
/// # Errors
/// What is wrong with the files, or that the token was refused.
pub(super) fn named_or_given(options: &Options) -> Result<Option<Keys>, Vec<Problem>> {
    let Some(token) = &options.clusters.token else { return named(options) };
    let Some(path) = &options.clusters.keys else {
        return Err(vec![Problem::missing("--keys", "the file for the keys that the token gets")]);
    };
    if path.exists() {
        return named(options);
    }
    let text = std::fs::read_to_string(token);
    let wrong = |found: String| vec![Problem::new(token.display().to_string(), "a join token", found)];
    let read = text.map_err(|error| wrong(files::plain(&error)))?;
    let read: Token = read.parse().map_err(|error: TokenError| wrong(error.to_string()))?;
    let keys = given(&options.clusters.join, &read).map_err(wrong)?;
    save(path, &keys).map_err(|error| {
        vec![Problem::new(path.display().to_string(), "a file for keys", files::plain(&error))]
    })?;
    Ok(Some(keys))
}

/// Shows a token to whoever answers first, for ever.
fn given(join: &[String], token: &Token) -> Result<Keys, String> {
    if join.is_empty() {
        return Err("a token without --join, which says to whom it is shown".to_owned());
    }
    let mut is_said = false;
    loop {
        for address in join {
            let address = if address.contains("://") { address.clone() } else { format!("tcp://{address}") };
            if let Some(keys) = Keys::enter(&address, token, Duration::from_secs(2))? {
                return Ok(keys);
            }
        }
        if !std::mem::replace(&mut is_said, true) {
            say!("nobody answers at {}: trying on", join.join(", "));
        }
    }
}

/// Looks after a file of keys: whether it has changed.
pub(super) struct Watch {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    looked: Instant,
}

impl Watch {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: stand(path), looked: Instant::now() }
    }

    /// The keys, if they have changed; what is wrong with them is logged, and they are looked at again after the next change.
    pub(super) fn changed(&mut self) -> Option<Keys> {
        if self.looked.elapsed() < Duration::from_millis(500) {
            return None;
        }
        self.looked = Instant::now();
        let stand = stand(&self.path);
        if stand.is_none() || stand == self.seen {
            return None;
        }
        self.seen = stand;
        let wrong = |problem: &Problem| tracing::error!("the keys stay as they were: {problem}");
        read(&self.path).inspect_err(wrong).ok()
    }
}

fn stand(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
