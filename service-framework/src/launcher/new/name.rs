//! The name of a new service: what cargo, Rust and the launcher take as one. Never looks at folders.

use crate::model::Problem;

/// With longer ones lines of the code would not fit.
const LONGEST: usize = 50;

const RULE: &str = "a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first";

/// What cannot be the name of a crate, or not of its program.
const TAKEN: &str = "abstract alloc as async await become box break build const continue core crate deps do dyn else \
     enum examples extern false final fn for gen if impl in incremental let loop macro match mod move \
     mut override priv proc_macro pub ref return self service_framework static std struct super test \
     trait true try type typeof unsafe unsized use virtual where while yield";

/// A name that is fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::launcher) struct Name(String);

impl Name {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, and a name like it that is fine.
    pub(in crate::launcher) fn read(text: &str) -> Result<Self, Problem> {
        let problem = |expected: &str, found: String| Problem::new("NAME", expected, found);
        let suggest = |problem: Problem| problem.with_hint(format!("write `{}`", suggestion(text)));
        let found = || format!("{text:?}");
        if let Some((_, last)) = text.rsplit_once('/') {
            let hint = format!("the folder stands behind --path: `new {} --path {text}`", suggestion(last));
            return Err(problem("a name", found()).with_hint(hint));
        }
        if !is_well_formed(text) {
            return Err(suggest(problem(RULE, found())));
        }
        if text.len() > LONGEST {
            let length = format!("one of {}", text.len());
            return Err(suggest(problem("a name of at most 50 letters", length)));
        }
        if is_taken(text) {
            let expected = "a name that is no word of Rust's, cargo's or the framework's own";
            return Err(suggest(problem(expected, found())));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, or a name like it that is fine.
    #[cfg(feature = "programs")]
    pub(in crate::launcher) fn like(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|_| Self(suggestion(text)))
    }

    /// As it was given: the package, the program and the service.
    pub(in crate::launcher) fn as_str(&self) -> &str {
        &self.0
    }

    /// In Rust code.
    pub(in crate::launcher) fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }

    /// With one more word, joined as the others are.
    pub(super) fn with_word(&self, word: &str) -> String {
        let joint = if self.0.contains('-') { '-' } else { '_' };
        format!("{}{joint}{word}", self.0)
    }
}

fn is_well_formed(text: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_inside)
}

fn is_taken(text: &str) -> bool {
    let text = text.replace('-', "_");
    TAKEN.split(' ').any(|taken| taken == text)
}

/// A name that is fine and like `text`.
fn suggestion(text: &str) -> String {
    let words = words(text).join("_");
    let words = words.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name: String = words.chars().take(LONGEST).collect();
    match name.trim_end_matches('_') {
        "" => "my_service".to_owned(),
        taken if is_taken(taken) => format!("my_{taken}"),
        name => name.to_owned(),
    }
}

/// The words of a text, small: `OrderDesk 2` is `order`, `desk`, `2`.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in text.chars() {
        let is_new = !character.is_ascii_alphanumeric() || character.is_ascii_uppercase() && was_small;
        if is_new {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_ascii_alphanumeric()) {
            word.push(character.to_ascii_lowercase());
        }
        was_small = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrong(text: &str) -> String {
        Name::read(text).unwrap_err().to_string()
    }

    #[test]
    fn names_of_services_are_taken_as_they_are() {
        for text in ["greeter", "order_desk", "order-desk", "a", "x2", "matcher"] {
            assert_eq!(Name::read(text).unwrap().as_str(), text);
        }
        let name = Name::read("order-desk").unwrap();
        assert_eq!(
            (name.identifier().as_str(), name.with_word("main").as_str()),
            ("order_desk", "order-desk-main")
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_a_name_that_is_not() {
        insta::assert_snapshot!(wrong("OrderDesk"), @r#"NAME: expected a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first, found "OrderDesk" (write `order_desk`)"#);
        insta::assert_snapshot!(wrong("2nd desk"), @r#"NAME: expected a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first, found "2nd desk" (write `nd_desk`)"#);
        insta::assert_snapshot!(wrong(""), @r#"NAME: expected a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first, found "" (write `my_service`)"#);
        insta::assert_snapshot!(wrong("match"), @r#"NAME: expected a name that is no word of Rust's, cargo's or the framework's own, found "match" (write `my_match`)"#);
        insta::assert_snapshot!(wrong("service-framework"), @r#"NAME: expected a name that is no word of Rust's, cargo's or the framework's own, found "service-framework" (write `my_service_framework`)"#);
        insta::assert_snapshot!(wrong("tools/desk"), @r#"NAME: expected a name, found "tools/desk" (the folder stands behind --path: `new desk --path tools/desk`)"#);
        insta::assert_snapshot!(wrong(&"x".repeat(51)), @"NAME: expected a name of at most 50 letters, found one of 51 (write `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`)");
    }

    proptest! {
        #[test]
        fn a_suggestion_is_always_fine(text in any::<String>()) {
            prop_assert!(Name::read(&suggestion(&text)).is_ok());
        }
    }
}
