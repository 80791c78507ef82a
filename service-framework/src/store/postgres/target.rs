//! Which database and which schema of it.

use std::time::Duration;

use postgres::Config;

use crate::store::error::Error;
use crate::store::location::Durability;

/// The schema if the URL names none.
const SCHEMA: &str = "service_framework";
/// How long one attempt to connect takes at most, unless the URL says.
const CONNECT: Duration = Duration::from_secs(5);
/// After so long without an acknowledgement a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(15);

/// Where a store is in PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(super) config: Config,
    pub(super) schema: String,
    /// Without the password.
    pub(super) name: String,
    pub(super) durability: Durability,
}

impl Target {
    /// # Errors
    /// The URL is none, or the schema's name is not one that needs no quotes.
    pub(crate) fn new(url: &str, name: String, durability: Durability) -> Result<Self, Error> {
        let cannot = |reason: String| Error::CannotOpen { store: name.clone(), reason };
        let (url, schema) = without_schema(url);
        let schema = schema.unwrap_or(SCHEMA).to_owned();
        if !is_plain(&schema) {
            let expected = "a schema of lower-case letters, digits and `_`, at most 63";
            return Err(cannot(format!("{expected} is expected, {schema:?} found")));
        }
        let mut config: Config = url.parse().map_err(|error| cannot(super::link::text(&error)))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name("service_framework");
        }
        Ok(Self { config, schema, name, durability })
    }

    pub(super) fn cannot(&self, reason: impl Into<String>) -> Error {
        Error::CannotOpen { store: self.name.clone(), reason: reason.into() }
    }

    /// The first number of all advisory locks of this store.
    pub(super) fn lock_class(&self) -> i32 {
        i32::from_ne_bytes(crc32fast::hash(self.schema.as_bytes()).to_ne_bytes())
    }

    /// The channel on which changes are told.
    pub(super) fn channel(&self) -> String {
        format!("{}_changes", &self.schema[..self.schema.len().min(50)])
    }
}

/// The URL without its parameter `schema`, which is ours, and what that says.
fn without_schema(url: &str) -> (String, Option<&str>) {
    let Some((url, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let schema = query.split('&').filter_map(|pair| pair.strip_prefix("schema=")).next_back();
    let rest: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("schema=")).collect();
    let separator = if rest.is_empty() { "" } else { "?" };
    (format!("{url}{separator}{}", rest.join("&")), schema)
}

fn is_plain(schema: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=63).contains(&schema.len())
        && schema.bytes().all(is_plain)
        && !schema.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_taken_out_of_the_url() {
        assert_eq!(without_schema("postgres://h/d"), ("postgres://h/d".to_owned(), None));
        assert_eq!(without_schema("postgres://h/d?schema=a"), ("postgres://h/d".to_owned(), Some("a")));
        let (url, schema) = without_schema("postgres://h/d?connect_timeout=3&schema=a&keepalives=1");
        assert_eq!((url.as_str(), schema), ("postgres://h/d?connect_timeout=3&keepalives=1", Some("a")));
    }

    #[test]
    fn schemas_have_plain_names() {
        let open = |url: &str| Target::new(url, "name".to_owned(), Durability::Fsync);
        assert_eq!(open("postgres://h/d").unwrap().schema, "service_framework");
        assert_eq!(open("postgres://h/d?schema=flows_2").unwrap().schema, "flows_2");
        for schema in ["", "2a", "A", "a b", "a\"", "é", &"x".repeat(64)] {
            assert!(open(&format!("postgres://h/d?schema={schema}")).is_err(), "{schema}");
        }
        assert!(open("postgres://h:notaport/d").is_err());
    }
}
