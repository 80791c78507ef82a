//! What can be done with a store from the command line.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::{place, shown};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::store::{Damage, Error, Location, Store, StoreOptions};

/// What came of it: for people, for programs, and the exit code.
struct Outcome {
    text: String,
    json: Json,
    code: u8,
}

impl Outcome {
    fn done(text: String, json: Json) -> Self {
        Self { text, json, code: exit::OK }
    }
}

/// Does what the command line asks of a store.
///
/// # Errors
/// It names no store that is there.
pub(crate) fn act(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let action = options.positional.as_deref().unwrap_or_default();
    let location = place::location(options.store.as_deref()).map_err(|problem| vec![problem])?;
    let to = backup_file(action, options)?;
    let store = open(action, &location)?;
    let outcome = match (action, to) {
        ("backup", Some(to)) => backup(&store, to),
        ("verify", _) => verify(&store, options.color.palette(&std::io::stdout())),
        ("migrate", _) => migrate(&store),
        ("compact", _) => compact(&store),
        _ => info(&store, options.color.palette(&std::io::stdout())),
    };
    Ok(conclude(outcome, options.json))
}

/// Where a backup goes.
fn backup_file<'a>(action: &str, options: &'a Options) -> Result<Option<&'a Path>, Vec<Problem>> {
    match (&options.to, action == "backup") {
        (None, true) => Err(vec![Problem::missing("--to", "the file that the backup is written to")]),
        (Some(to), false) => {
            Err(vec![Problem::new("--to", "nothing: only `backup` writes a file", format!("{to:?}"))])
        }
        (to, _) => Ok(to.as_deref()),
    }
}

/// Looking changes nothing, so only `migrate` brings an older store up to date.
fn open(action: &str, location: &Location) -> Result<Store, Vec<Problem>> {
    let opened = StoreOptions::new().make(false).migrate(action == "migrate").open(location);
    opened.map_err(|error| vec![Problem::new("--store", "an event store", error.to_string())])
}

fn conclude(outcome: Result<Outcome, Error>, as_json: bool) -> ExitCode {
    match outcome {
        Ok(outcome) if as_json => report::print(&format!("{:#}\n", outcome.json), outcome.code),
        Ok(outcome) => report::print(&outcome.text, outcome.code),
        Err(error) => {
            say!("error: {error}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn info(store: &Store, palette: Palette) -> Result<Outcome, Error> {
    let info = store.info()?;
    Ok(Outcome::done(shown::info(&info, palette), shown::info_json(&info)))
}

fn verify(store: &Store, palette: Palette) -> Result<Outcome, Error> {
    let mut damage = store.verify()?;
    damage.extend(damaged_scripts(store)?);
    let json = shown::damage_json(&damage);
    if damage.is_empty() {
        return Ok(Outcome::done(format!("ok: {store} is as it was written\n"), json));
    }
    Ok(Outcome { text: shown::damage(&damage, palette), json, code: exit::FAILED })
}

/// Scripts that are not what was started.
#[cfg(feature = "flows")]
fn damaged_scripts(store: &Store) -> Result<Vec<Damage>, Error> {
    use crate::flow::{FlowError, Flows};
    let damaged = Flows::of(store).damaged_scripts().map_err(|error| match error {
        FlowError::Store(error) => error,
        other => Error::Unreadable { store: store.to_string(), reason: other.to_string() },
    })?;
    Ok(damaged.into_iter().map(|(flow, what)| Damage { place: format!("flow {flow}"), what }).collect())
}

#[cfg(not(feature = "flows"))]
fn damaged_scripts(_: &Store) -> Result<Vec<Damage>, Error> {
    Ok(Vec::new())
}

fn backup(store: &Store, to: &Path) -> Result<Outcome, Error> {
    store.backup(to)?;
    let size = to.metadata().map_or(0, |file| file.len());
    let text = format!("ok: {} has {}\n", to.display(), shown::size(size));
    Ok(Outcome::done(text, json!({"backup": to.display().to_string(), "size": size})))
}

fn migrate(store: &Store) -> Result<Outcome, Error> {
    let info = store.info()?;
    let text = match info.migrated_from {
        Some(from) => format!("ok: {store} was brought from schema {from} to {}\n", info.schema),
        None => format!("ok: {store} has schema {} already\n", info.schema),
    };
    Ok(Outcome::done(text, json!({"schema": info.schema, "from": info.migrated_from})))
}

fn compact(store: &Store) -> Result<Outcome, Error> {
    while store.sweep(1_000).wait()? > 0 {}
    let freed = store.compact()?;
    Ok(Outcome::done(format!("ok: {} given back\n", shown::size(freed)), json!({"freed": freed})))
}
