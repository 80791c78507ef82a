//! Words of Rust made of any text: names, literals, comments. Whatever the text is, the code compiles.

/// What cannot be the name of a function, a module or a field, or would hide what the code needs.
const TAKEN: &str = "abstract alloc as async await become bin box break const continue core crate do dyn else enum extern \
     false final fn for gen if impl in let lib loop macro main match mod move mut override priv proc_macro pub ref \
     return self service_framework static std struct super trait true try type typeof union unsafe unsized use virtual \
     where while wiring yield";

/// Where comments end.
const WIDTH: usize = 100;

/// A name in snake case: of other letters than those of English their numbers are left, and what Rust has taken gets a `_`.
pub(super) fn snake(text: &str) -> String {
    let mut name = String::new();
    let mut was_small = false;
    for character in text.chars() {
        if character.is_ascii_uppercase() && was_small {
            name.push('_');
        }
        was_small = character.is_ascii_lowercase() || character.is_ascii_digit();
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => name.push(character.to_ascii_lowercase()),
            _ if character.is_ascii() => name.push('_'),
            _ => name.push_str(&format!("_{:x}_", u32::from(character))),
        }
    }
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let name = words.join("_");
    match name.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{name}"),
        _ if TAKEN.split(' ').any(|taken| taken == name) => format!("{name}_"),
        _ => name,
    }
}

/// The name of a type: of `find_price` it is `FindPrice`.
pub(super) fn pascal(snake: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    snake.split('_').map(capital).collect()
}

/// A name that is not among those that are taken; it is among them then.
pub(super) fn unique(name: String, taken: &mut std::collections::BTreeSet<String>) -> String {
    let mut found = name.clone();
    let mut number = 2;
    while !taken.insert(found.clone()) {
        found = format!("{name}{number}");
        number += 1;
    }
    found
}

/// Text as Rust quotes it; what cannot be seen or turns the order of letters is spelt out.
pub(super) fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// Several lines as Rust quotes them, raw where that can be.
pub(super) fn long_literal(text: &str) -> String {
    let is_seen = |c: char| c == '\n' || format!("{}", c.escape_debug()).len() <= c.len_utf8().max(2);
    match text.contains("\"#") || !text.chars().all(is_seen) {
        true => literal(text),
        false => format!("r#\"{text}\"#"),
    }
}

/// Text in a comment, as one paragraph whose lines begin with `begin`.
pub(super) fn comment(begin: &str, text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace().map(shown).filter(|word| !word.is_empty()) {
        if !line.is_empty() && begin.len() + line.chars().count() + 2 + word.chars().count() > WIDTH {
            lines.push_str(&format!("{begin} {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if line.is_empty() { lines } else { lines + &format!("{begin} {line}\n") }
}

/// A word that means nothing to the compiler or to rustdoc.
fn shown(word: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let word: String = word.chars().filter(is_shown).collect();
    match word.starts_with("```") || word.starts_with("~~~") {
        true => format!("\\{word}"),
        false => word.replace('[', "\\[").replace('<', "\\<"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn any_text_makes_a_name() {
        for (text, name) in [
            ("reserve", "reserve"),
            ("findPrice", "find_price"),
            ("HTTPGet", "httpget"),
            ("match", "match_"),
            ("self", "self_"),
            ("2nd", "n2nd"),
            ("größe", "gr_f6_df_e"),
            ("a-b  c", "a_b_c"),
            ("__init__", "init"),
            ("-", "unnamed"),
        ] {
            assert_eq!(snake(text), name, "{text}");
        }
        assert_eq!(pascal("find_price_2"), "FindPrice2");
    }

    #[test]
    fn comments_are_one_paragraph() {
        assert_eq!(comment("///", "  What\n\n    it\u{202e} does. \n```sh"), "/// What it does. \\```sh\n");
        let long = comment("    ///", &"word ".repeat(50));
        assert!(long.lines().count() > 2 && long.lines().all(|line| line.len() <= WIDTH), "{long}");
        assert_eq!(comment("///", " \n "), "");
    }

    #[test]
    fn nothing_invisible_stands_in_a_literal() {
        assert_eq!(literal("a\"\u{202e}\n"), r#""a\"\u{202e}\n""#);
        assert_eq!(long_literal("{\n \"a\": 1}"), "r#\"{\n \"a\": 1}\"#");
        assert_eq!(long_literal("\"#"), r##""\"#""##);
        assert_eq!(long_literal("\u{2066}"), "\"\\u{2066}\"");
        assert_eq!(long_literal("ü"), "r#\"ü\"#");
    }

    proptest! {
        #[test]
        fn every_name_is_one_of_rust(text in any::<String>()) {
            let name = snake(&text);
            prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            prop_assert!(!TAKEN.split(' ').any(|taken| taken == name) && !name.contains("__"));
        }
    }
}
