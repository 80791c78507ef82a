//! Secrets: values that scripts name and never see.
//!
//! A script writes `{{secret:NAME}}`. The value stands there only in what is sent: it is not in the history, in errors or in logs,
//! and what a server sends back of it is made the placeholder again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Before the name in a placeholder.
const OPEN: &str = "{{secret:";

/// After it.
const CLOSE: &str = "}}";

/// Shorter values are left where they stand in bodies of responses, since they may stand there by chance.
const SHORTEST_IN_BODIES: usize = 8;

/// Secrets by name. Printed, they are names alone.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

/// Why something cannot be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The name could not stand in a placeholder. Nothing was kept.
    #[error("`{0}` cannot name a secret: expected letters, digits, `_`, `-` and `.`")]
    Name(String),
    /// The value has no characters, so it could not be kept out of anything. Nothing was kept.
    #[error("the secret `{0}` is empty")]
    Empty(String),
}

impl Secrets {
    /// Keeps a secret, in the place of one of the same name.
    ///
    /// # Errors
    /// The name or the value cannot be one.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), SecretError> {
        if !is_name(name) {
            return Err(SecretError::Name(name.to_owned()));
        }
        if value.is_empty() {
            return Err(SecretError::Empty(name.to_owned()));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// A placeholder names a secret that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) String);

/// Puts values in the place of placeholders, and notes which were used.
pub(super) struct Filling<'a> {
    secrets: &'a Secrets,
    used: BTreeSet<&'a str>,
}

impl<'a> Filling<'a> {
    pub(super) fn new(secrets: &'a Secrets) -> Self {
        Self { secrets, used: BTreeSet::new() }
    }

    /// The text with values in it, each written by `encode`, which is told at which byte of `text` it stands; and whether there
    /// were any.
    pub(super) fn fill(
        &mut self,
        text: &str,
        encode: impl Fn(usize, &str) -> String,
    ) -> Result<(String, bool), Unknown> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        let mut any = false;
        while let Some((before, name, after)) = next_placeholder(rest) {
            let (name, value) = self.secrets.0.get_key_value(name).ok_or_else(|| Unknown(name.to_owned()))?;
            filled.push_str(before);
            filled.push_str(&encode(text.len() - rest.len() + before.len(), value));
            self.used.insert(name);
            any = true;
            rest = after;
        }
        filled.push_str(rest);
        Ok((filled, any))
    }

    /// What takes the values that were used out of texts again.
    pub(super) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        for name in &self.used {
            let placeholder = format!("{OPEN}{name}{CLOSE}");
            for form in forms(&self.secrets.0[*name]) {
                redactor.hide(&form, &placeholder);
            }
        }
        redactor
    }
}

/// Whether there is a placeholder in a text.
pub(super) fn has_placeholder(text: &str) -> bool {
    next_placeholder(text).is_some()
}

fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (name, after) = rest.split_once(CLOSE)?;
    Some((before, name, after))
}

/// The ways in which a value may be written in what is sent and in what comes back.
fn forms(value: &str) -> BTreeSet<String> {
    let upper = percent_encoded(value);
    let lower = encoded(value, |byte| format!("%{byte:02x}"));
    let json = serde_json::Value::from(value).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(value).to_owned();
    let form = upper.replace("%20", "+");
    [value.to_owned(), form, lower, upper, json].into()
}

/// As it can stand anywhere in a URL.
pub(super) fn percent_encoded(text: &str) -> String {
    encoded(text, |byte| format!("%{byte:02X}"))
}

fn encoded(text: &str, hex: impl Fn(u8) -> String) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&hex(byte));
        }
    }
    encoded
}

/// Takes the values of secrets out of what is shown and kept.
#[derive(Default)]
pub(super) struct Redactor {
    /// What is hidden and what stands there instead, longest first.
    hidden: Vec<(String, String)>,
}

impl Redactor {
    /// Hides one more text.
    pub(super) fn hide(&mut self, text: &str, placeholder: &str) {
        if !text.is_empty() {
            let at = self.hidden.partition_point(|(other, _)| other.len() >= text.len());
            self.hidden.insert(at, (text.to_owned(), placeholder.to_owned()));
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for (hidden, placeholder) in &self.hidden {
            if shown.contains(hidden) {
                shown = shown.replace(hidden, placeholder);
            }
        }
        shown
    }

    /// The same for a body, in which only values of eight bytes and more are looked for.
    pub(super) fn body(&self, body: Vec<u8>) -> Vec<u8> {
        let long = self.hidden.iter().filter(|(hidden, _)| hidden.len() >= SHORTEST_IN_BODIES);
        long.fold(body, |body, (hidden, placeholder)| {
            replaced(body, hidden.as_bytes(), placeholder.as_bytes())
        })
    }
}

fn replaced(body: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let find = |from_at: usize| {
        body[from_at..].windows(from.len()).position(|window| window == from).map(|at| from_at + at)
    };
    let Some(mut found) = find(0) else { return body };
    let mut whole = Vec::with_capacity(body.len());
    let mut done = 0;
    loop {
        whole.extend_from_slice(&body[done..found]);
        whole.extend_from_slice(to);
        done = found + from.len();
        match find(done) {
            Some(next) => found = next,
            None => break,
        }
    }
    whole.extend_from_slice(&body[done..]);
    whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert("TOKEN", "s3cr3t/ \"value").unwrap();
        secrets.insert("pin", "7").unwrap();
        secrets
    }

    fn plain(_: usize, value: &str) -> String {
        value.to_owned()
    }

    #[test]
    fn placeholders_become_values() {
        let secrets = secrets();
        let mut filling = Filling::new(&secrets);
        assert_eq!(
            filling.fill("no secret {{here}}", plain).unwrap(),
            ("no secret {{here}}".to_owned(), false)
        );
        let (filled, any) = filling.fill("{{secret:pin}}-{{secret:TOKEN}}!", plain).unwrap();
        assert_eq!((filled.as_str(), any), ("7-s3cr3t/ \"value!", true));
        assert_eq!(filling.fill("a {{secret:other}}", plain), Err(Unknown("other".to_owned())));
        assert_eq!(filling.fill("{{secret:pin", plain).unwrap(), ("{{secret:pin".to_owned(), false));
        let at = filling.fill("ab{{secret:pin}}c{{secret:pin}}", |at, _| at.to_string()).unwrap();
        assert_eq!(at.0, "ab2c17");
    }

    #[test]
    fn a_value_is_not_looked_at_for_placeholders() {
        let mut secrets = secrets();
        secrets.insert("nested", "{{secret:TOKEN}}").unwrap();
        let filled = Filling::new(&secrets).fill("{{secret:nested}}", plain).unwrap();
        assert_eq!(filled.0, "{{secret:TOKEN}}");
    }

    #[test]
    fn values_are_taken_out_however_they_are_written() {
        let secrets = secrets();
        let mut filling = Filling::new(&secrets);
        filling.fill("{{secret:TOKEN}}", plain).unwrap();
        let redactor = filling.redactor();
        for written in [
            "s3cr3t/ \"value",
            "s3cr3t%2F%20%22value",
            "s3cr3t%2f%20%22value",
            "s3cr3t%2F+%22value",
            "s3cr3t/ \\\"value",
        ] {
            assert_eq!(redactor.text(&format!("a {written} b")), "a {{secret:TOKEN}} b", "{written}");
            assert_eq!(redactor.body(written.as_bytes().to_vec()), b"{{secret:TOKEN}}", "{written}");
        }
    }

    #[test]
    fn short_values_stay_in_bodies_alone() {
        let secrets = secrets();
        let mut filling = Filling::new(&secrets);
        filling.fill("{{secret:pin}}", plain).unwrap();
        let redactor = filling.redactor();
        assert_eq!(redactor.text("7"), "{{secret:pin}}");
        assert_eq!(redactor.body(b"1789".to_vec()), b"1789");
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.insert("a b", "x"), Err(SecretError::Name("a b".to_owned())));
        assert_eq!(secrets.insert("", "x"), Err(SecretError::Name(String::new())));
        assert_eq!(secrets.insert("a", ""), Err(SecretError::Empty("a".to_owned())));
        secrets.insert("a", "hidden").unwrap();
        assert_eq!(format!("{secrets:?}"), r#"{"a"}"#);
    }

    proptest! {
        #[test]
        fn no_value_is_left(value in "[a-c/ \"%+]{8,20}", around in "[a-c/ \"%+]{0,40}", after in "[a-c%]{0,40}") {
            let mut secrets = Secrets::default();
            secrets.insert("S", &value).unwrap();
            let mut filling = Filling::new(&secrets);
            filling.fill("{{secret:S}}", plain).unwrap();
            let redactor = filling.redactor();
            let text = format!("{around}{value}{after}");
            prop_assert!(!redactor.text(&text).contains(&value));
            let body = redactor.body(text.into_bytes());
            prop_assert!(!body.windows(value.len()).any(|window| window == value.as_bytes()));
        }
    }
}
