//! Where a store is, and what its acknowledgements mean.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a store is: `memory`, `postgres://USER@HOST/DATABASE`, or the path of an SQLite file.
///
/// ```
/// # use service_framework::store::Location;
/// assert_eq!("memory".parse(), Ok(Location::Memory));
/// assert_eq!("runs.db".parse(), Ok(Location::File("runs.db".into())));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// In this process; it goes with it.
    Memory,
    /// An SQLite file on a disk of this host. Two more files beside it, `-wal` and `-shm`, belong to it.
    File(PathBuf),
    /// A PostgreSQL database, as URL. `?schema=NAME` says in which schema (`service_framework`).
    Postgres(String),
}

/// What an acknowledged batch survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process and of the machine: it is on disk.
    Fsync,
    /// The end of the process. The operating system writes it to disk within moments; the last of it is lost if the power
    /// fails before, without harm to the rest.
    Os,
    /// Nothing: it goes with the process.
    Memory,
}

impl FromStr for Location {
    type Err = String;

    /// # Errors
    /// The text is empty.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("memory, the path of a file, or postgres://USER@HOST/DATABASE".to_owned()),
            "memory" => Ok(Self::Memory),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            path => Ok(Self::File(path.into())),
        }
    }
}

impl fmt::Display for Location {
    /// As it is written, without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// A URL with `***` in the place of what is secret: the password before the host and the parameter of that name.
fn without_password(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, None), |(url, query)| (url, Some(query)));
    let mut shown =
        match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
            Some((scheme, (user, host))) => {
                let (user, password) = user.split_once(':').map_or((user, ""), |(user, _)| (user, ":***"));
                format!("{scheme}://{user}{password}@{host}")
            }
            None => url.to_owned(),
        };
    for (index, pair) in query.iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        shown.push_str(if pair.starts_with("password=") { "password=***" } else { pair });
    }
    shown
}

impl FromStr for Durability {
    type Err = String;

    /// # Errors
    /// The text is none of the names.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fsync" => Ok(Self::Fsync),
            "os" => Ok(Self::Os),
            "memory" => Ok(Self::Memory),
            _ => Err("fsync, os or memory".to_owned()),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fsync => "fsync",
            Self::Os => "os",
            Self::Memory => "memory",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durabilities_have_names() {
        for durability in [Durability::Fsync, Durability::Os, Durability::Memory] {
            assert_eq!(durability.to_string().parse(), Ok(durability));
        }
        assert!("FSYNC".parse::<Durability>().is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = |url: &str| url.parse::<Location>().unwrap().to_string();
        assert_eq!(shown("postgres://me:sec@ret@host/db?schema=a"), "postgres://me:***@host/db?schema=a");
        assert_eq!(
            shown("postgresql://me@host/db?a=1&password=x"),
            "postgresql://me@host/db?a=1&password=***"
        );
        assert_eq!(shown("postgres://host/db"), "postgres://host/db");
        assert_eq!(shown("./postgres:x@y"), "./postgres:x@y");
        assert!("".parse::<Location>().is_err());
    }
}
