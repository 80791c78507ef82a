//! The shop: a folder in which everything that is true is a file. A file is there as a whole or not at all, so to write one
//! twice is to write it once, and to take back what is not there is nothing.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `stock/ITEM`, `prices/ITEM` | how many there were, what one costs |
//! | `accounts/CUSTOMER` | what a customer had |
//! | `carriers/NAME` | is there while the carrier takes parcels |
//! | `reserved/ORDER`, `paid/ORDER`, `parcels/ORDER`, `letters/ORDER`, `sent/ORDER`, `refunds/ORDER` | what was done for an order |

use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, fs, io, process};

use service_framework::program::HookError;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The shop's folder: `ORDER_SHOP`, or `shop` unless told.
pub fn folder() -> &'static PathBuf {
    FOLDER.get_or_init(|| env::var_os("ORDER_SHOP").map_or_else(|| "shop".into(), PathBuf::from))
}

/// Takes another folder, if nobody has asked for it yet.
pub fn use_folder(folder: PathBuf) {
    let _ = FOLDER.set(folder);
}

/// The path of a file. A name comes from outside, and leads nowhere else.
fn path(table: &str, name: &str) -> Result<PathBuf, HookError> {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.chars().all(is_of_name) {
        true => Ok(folder().join(table).join(name)),
        false => Err(HookError::new(format!("{name:?} is no name: letters, digits, `-` and `_`"))),
    }
}

/// What is in a file; `None` if it is not there.
pub fn read(table: &str, name: &str) -> Result<Option<String>, HookError> {
    match fs::read_to_string(path(table, name)?) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The number in a file that must be there.
pub fn number(table: &str, name: &str) -> Result<f64, HookError> {
    let text = read(table, name)?.ok_or_else(|| HookError::new(format!("there is no {name} in {table}")))?;
    text.parse().map_err(|_| HookError::new(format!("{text:?} in {table}/{name} is no number")))
}

/// Writes a file, or what is in it.
pub fn write(table: &str, name: &str, text: &str) -> Result<(), HookError> {
    let path = path(table, name)?;
    fs::create_dir_all(folder().join(table))?;
    // No name of an order has a dot.
    let draft = folder().join(table).join(format!("{name}.{}", process::id()));
    fs::write(&draft, format!("{text}\n"))?;
    Ok(fs::rename(draft, path)?)
}

/// Removes a file, if it is there.
pub fn remove(table: &str, name: &str) -> Result<(), HookError> {
    match fs::remove_file(path(table, name)?) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Everything that was written into a table, by order.
pub fn all(table: &str) -> Result<Vec<(String, String)>, HookError> {
    let entries = match fs::read_dir(folder().join(table)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.contains('.') {
            // One that another run has taken back meanwhile is not there.
            found.extend(read(table, &name)?.map(|text| (name, text)));
        }
    }
    Ok(found)
}
