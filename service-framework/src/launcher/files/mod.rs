//! JSON files: read whole, with a limit.

use std::fs::{self, File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use serde_json::Value as Json;

pub(crate) use crate::model::parse_json;
use crate::model::{Problem, near_miss};

/// More than any file written by hand; a model with thousands of schemas stays below.
pub(crate) const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads one JSON file. A name that stands twice in an object is a mistake, since one of them would be lost.
///
/// # Errors
/// The file cannot be read, is larger than [`FILE_BYTES`], or is no JSON.
pub(crate) fn read_json(path: &Path) -> Result<Json, Problem> {
    let file = path.display().to_string();
    let text = read_text(path).map_err(|reason| with_near_file(unreadable(&file, &reason), path))?;
    parse_json(&text).map_err(|problem| problem.in_file(&file))
}

/// Reads one file of text.
///
/// # Errors
/// The file cannot be read, is larger than [`FILE_BYTES`], or is no UTF-8.
#[cfg(feature = "flows")]
pub(crate) fn read_text_file(path: &Path) -> Result<String, Problem> {
    let file = path.display().to_string();
    read_text(path).map_err(|reason| with_near_file(unreadable(&file, &reason), path))
}

fn read_text(path: &Path) -> Result<String, String> {
    // To open one that is no plain file may wait for ever, and to read it have no end.
    if let Some(kind) = fs::metadata(path).ok().and_then(|found| other_kind(found.file_type())) {
        return Err(format!("{kind}, not a file"));
    }
    let file = File::open(path).map_err(|error| plain(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(format!("more than {} MiB", FILE_BYTES / 1024 / 1024));
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        format!("byte {byte} is no UTF-8")
    })
}

fn other_kind(kind: FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_dir(), "a folder"),
        (kind.is_fifo(), "a named pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device() || kind.is_block_device(), "a device"),
    ];
    kinds.into_iter().find_map(|(is_it, word)| is_it.then_some(word))
}

/// The system's words without its number.
pub(crate) fn plain(error: &(impl std::fmt::Display + ?Sized)) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// Adds the file that was probably meant, if `path` is not there and one of its folder is named like it.
pub(crate) fn with_near_file(problem: Problem, path: &Path) -> Problem {
    let wanted = path.file_name().and_then(|name| name.to_str()).filter(|_| !path.exists());
    let names = path.parent().map(names_in).unwrap_or_default();
    match wanted.and_then(|wanted| near_miss(wanted, names.iter().map(String::as_str))) {
        Some(near) => problem.with_hint(format!("did you mean `{}`?", path.with_file_name(near).display())),
        None => problem,
    }
}

/// The names of what a folder holds; none if it cannot be read.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn unreadable(file: &str, reason: &str) -> Problem {
    Problem::new("", "a file that can be read", reason).in_file(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_json(&folder.path().join("missing.json")).unwrap_err();
        assert_eq!(missing.found, "no such file or directory");
        assert!(missing.file.unwrap().ends_with("missing.json"));
        assert_eq!(read_json(folder.path()).unwrap_err().found, "a folder, not a file");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read_json(&pipe).unwrap_err().found, "a named pipe, not a file");
        assert_eq!(read_json(Path::new("/dev/zero")).unwrap_err().found, "a device, not a file");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(read_json(&socket).unwrap_err().found, "a socket, not a file");
    }

    #[test]
    fn size_and_encoding_are_checked() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(FILE_BYTES + 1).unwrap();
        assert_eq!(read_json(file.path()).unwrap_err().found, "more than 16 MiB");
        file.as_file().set_len(0).unwrap();
        file.write_all(b"{\"a\": \"\xff\"}").unwrap();
        assert_eq!(read_json(file.path()).unwrap_err().found, "byte 7 is no UTF-8");
    }
}
