//! Problems: what is wrong in a file, a model or a command line, said so that a stranger can repair it.
//! Collected, never thrown: whoever reads something lists all of them at once.

use std::fmt;

/// One thing that is wrong, where it is, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in, as the user named it. None when it is in no file (a model written in Rust).
    pub file: Option<String>,
    /// The path inside the file or model, such as `connection_models.in.echo.required_arguments.payload`.
    pub path: String,
    /// What may stand there.
    pub expected: String,
    /// What does stand there; `nothing` if it is missing.
    pub found: String,
    /// What to do about it, such as ``did you mean `topic`?``.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without file and hint.
    pub fn new(path: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Problem { file: None, path: path.into(), expected: expected.into(), found: found.into(), hint: None }
    }

    /// Something required that is not there.
    pub fn missing(path: impl Into<String>, expected: impl Into<String>) -> Self {
        Problem::new(path, expected, "nothing")
    }

    /// A key that nobody knows; names the known one that is close to it, or all of them.
    pub fn unknown_key<'a>(path: &str, key: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let expected = match known.as_slice() {
            [] => "no keys".to_owned(),
            names => format!("one of {}", names.join(", ")),
        };
        Problem::new(child(path, key), expected, format!("unknown key {key:?}")).with_near_miss(key, known)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the name that was probably meant, if one of `names` is close to `wanted`.
    #[must_use]
    pub fn with_near_miss<'a>(self, wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match near_miss(wanted, names) {
            Some(name) => self.with_hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Adds the file it is in.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [self.file.as_deref().unwrap_or_default(), &self.path] {
            if !place.is_empty() {
                write!(f, "{place}: ")?;
            }
        }
        write!(f, "expected {}, found {}", self.expected, self.found)?;
        self.hint.iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for Problem {}

/// The path of `key` below `path`: `path.key`, or `path["odd key"]` where the key is no plain word.
pub(crate) fn child(path: &str, key: &str) -> String {
    let plain =
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == '$');
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{:?}]", shortened(key, 40)),
    }
}

/// The path of the element `index` of the list at `path`.
pub(crate) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// At most `limit` characters of `text`; an ellipsis stands for the rest.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The longest name that is looked at; nobody mistypes longer ones, and hostile ones would be slow.
const LONGEST_NAME: usize = 64;

/// The name of `names` that `wanted` was probably meant to be, if any is close: up to a third of its letters
/// changed, left out, added or swapped. Case, `-` and `_` make no difference.
pub fn near_miss<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = letters(wanted)?;
    let allowed = |name: &str| (wanted.len().max(name.len()) / 3).max(1);
    names
        .into_iter()
        .filter_map(|name| Some((distance(&wanted, &letters(name)?), name)))
        .filter(|(distance, name)| *distance <= allowed(name) && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `name` without the differences that do not count; None if it is too long to be compared.
fn letters(name: &str) -> Option<Vec<char>> {
    let letters: Vec<char> = name
        .chars()
        .take(LONGEST_NAME + 1)
        .flat_map(char::to_lowercase)
        .map(|c| if c == '-' { '_' } else { c })
        .collect();
    (letters.len() <= LONGEST_NAME).then_some(letters)
}

/// Edits between `a` and `b`, a swap of neighbours counted as one (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line() {
        let problem =
            Problem::unknown_key("connection_models.in.echo", "requird_arguments", ["required_arguments"])
                .in_file("echo.json");
        assert_eq!(
            problem.to_string(),
            "echo.json: connection_models.in.echo.requird_arguments: expected one of required_arguments, \
             found unknown key \"requird_arguments\" (did you mean `required_arguments`?)"
        );
        assert_eq!(Problem::missing("", "a name").to_string(), "expected a name, found nothing");
    }

    #[test]
    fn finds_near_misses() {
        let names = ["topic", "is_x_pub", "wait_after_creation_s"];
        for (wanted, name) in [
            ("topik", Some("topic")),
            ("otpic", Some("topic")),
            ("TOPIC", Some("topic")),
            ("is-x-pub", Some("is_x_pub")),
            ("wait_after_creation", Some("wait_after_creation_s")),
            ("func_to_call", None),
            ("", None),
        ] {
            assert_eq!(near_miss(wanted, names), name, "{wanted}");
        }
        assert_eq!(near_miss("b", ["a"]), None, "a name with no letter in common is no near miss");
        assert_eq!(near_miss(&"x".repeat(1 << 20), names), None);
    }

    #[test]
    fn writes_paths() {
        assert_eq!(child("", "in"), "in");
        assert_eq!(child("in", "echo"), "in.echo");
        assert_eq!(child("in", "odd key"), "in[\"odd key\"]");
        assert_eq!(element("in.echo", 2), "in.echo[2]");
    }
}
