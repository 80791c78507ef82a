//! Names: of fields and variants in messages, and those that were meant.

use syn::ext::IdentExt;
use syn::{Data, Fields, Ident};

use crate::errors::Errors;

/// How all names of a type are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Case {
    Snake,
    ScreamingSnake,
    Kebab,
    Camel,
    Pascal,
    Lower,
    Upper,
}

/// What `rename_all` may say.
pub(crate) const CASES: [(&str, Case); 7] = [
    ("snake_case", Case::Snake),
    ("camelCase", Case::Camel),
    ("kebab-case", Case::Kebab),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("PascalCase", Case::Pascal),
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
];

impl Case {
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        CASES.iter().find(|(name, _)| *name == text).map(|(_, case)| *case)
    }

    fn apply(self, name: &str) -> String {
        let words = words(name);
        match self {
            Case::Snake => words.join("_"),
            Case::ScreamingSnake => words.join("_").to_uppercase(),
            Case::Kebab => words.join("-"),
            Case::Camel => uncapitalized(&words.iter().map(|word| capitalized(word)).collect::<String>()),
            Case::Pascal => words.iter().map(|word| capitalized(word)).collect(),
            Case::Lower => name.to_lowercase(),
            Case::Upper => name.to_uppercase(),
        }
    }
}

/// The words of a name in lower case, whether it is written as fields or as types are.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let ends_capitals = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins =
            letter.is_uppercase() && before.is_some_and(|before| !before.is_uppercase() || ends_capitals);
        if begins || *letter == '_' {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| *letter != '_') {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn uncapitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The name of a field or a variant in messages.
pub(crate) fn name_of(ident: &Ident, all: Option<Case>) -> String {
    let name = ident.unraw().to_string();
    all.map_or_else(|| name.clone(), |case| case.apply(&name))
}

/// The fields of a struct that has none without names.
pub(crate) fn named_fields(data: &Data) -> Option<&Fields> {
    match data {
        Data::Struct(data) if !matches!(data.fields, Fields::Unnamed(_)) => Some(&data.fields),
        _ => None,
    }
}

/// Refuses names that stand for several fields or variants.
pub(crate) fn refuse_same_names<'a>(
    names: impl Iterator<Item = (&'a Ident, &'a str)>,
    what: &str,
    errors: &mut Errors,
) {
    let mut seen: Vec<(&Ident, &str)> = Vec::new();
    for (ident, name) in names {
        if let Some((first, _)) = seen.iter().find(|(_, known)| *known == name) {
            let message = format!("two {what} are called {name:?}, `{first}` and `{ident}`: rename one");
            errors.at(ident, message);
        }
        seen.push((ident, name));
    }
}

/// The one of `names` that `wanted` was probably meant to be.
pub(crate) fn near_miss<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = names.into_iter().map(|name| (edits(wanted, name), name));
    let near = distances.filter(|(edits, name)| *edits <= (name.len() / 3).max(1) && *edits < name.len());
    near.min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

/// How many letters have to be changed, added or left out to make one name of the other.
fn edits(from: &str, to: &str) -> usize {
    let plain = |name: &str| name.to_lowercase().replace('-', "_").chars().collect::<Vec<_>>();
    let (from, to) = (plain(from), plain(to));
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.iter().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (left, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[left + 1];
            row[left + 1] = replaced.min(diagonal + 1).min(row[left] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_every_case() {
        let written = |name: &str| CASES.map(|(_, case)| case.apply(name));
        let field = ["order_id", "orderId", "order-id", "ORDER_ID", "OrderId", "order_id", "ORDER_ID"];
        assert_eq!(written("order_id"), field);
        let variant = ["at_market", "atMarket", "at-market", "AT_MARKET", "AtMarket", "atmarket", "ATMARKET"];
        assert_eq!(written("AtMarket"), variant);
        assert_eq!(Case::Snake.apply("GTC"), "gtc");
        assert_eq!(Case::Snake.apply("HTTPStatus2XX"), "http_status2_xx");
        assert_eq!(Case::Camel.apply("_x1_y"), "x1Y");
    }

    #[test]
    fn what_was_meant_is_found() {
        let names = ["rename", "required", "default", "numbers"];
        for (wanted, name) in [
            ("renam", Some("rename")),
            ("Default", Some("default")),
            ("requried", Some("required")),
            ("xyz", None),
        ] {
            assert_eq!(near_miss(wanted, names), name, "{wanted}");
        }
    }
}
