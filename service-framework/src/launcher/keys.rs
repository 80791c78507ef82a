//! Config keys as people read them, in `describe` and in the help of a service.

use crate::model::{ConfigModel, Type};
use crate::value::Value;

/// The longest line of a key's help.
const LINE: usize = 80;

/// A key of a config.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Its type and its default.
    pub(crate) about: String,
    /// What it is for, in lines.
    pub(crate) help: Vec<String>,
}

/// The keys of a config, those that must be given first.
pub(crate) fn keys(config: &ConfigModel) -> Vec<Key> {
    let required = config.arguments.required.iter().map(|(key, of)| described(config, key, of, ", required"));
    let optional = config.arguments.optional.iter().map(|(key, of)| described(config, key, of, ""));
    required.chain(optional).collect()
}

fn described(config: &ConfigModel, key: &str, of: &Type, if_no_default: &str) -> Key {
    let about = match find(&config.defaults, key) {
        Some(value) => format!("{of} [{}]", shown(value)),
        None => format!("{of}{if_no_default}"),
    };
    let help = find(&config.help, key).map(|text| text.lines().flat_map(wrapped).collect());
    Key { name: key.to_owned(), about, help: help.unwrap_or_default() }
}

fn find<'a, T>(table: &'a [(String, T)], key: &str) -> Option<&'a T> {
    table.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// A value as one would write it on the command line.
fn shown(value: &Value) -> String {
    let json = value.to_json();
    let text = json.as_str().or_else(|| json.get("as_str")?.as_str());
    text.map_or_else(|| json.to_string(), str::to_owned)
}

/// A paragraph in lines of bounded length, each broken between words.
fn wrapped(paragraph: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_help_is_wrapped_between_words() {
        let text = "word ".repeat(40) + &"x".repeat(100);
        let lines = wrapped(&text);
        assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [79, 79, 39, 100]);
        assert_eq!(lines.join(" "), text);
        assert!(wrapped("").is_empty());
    }
}
