//! Variables of the environment in a system file: `${NAME}`, or `${NAME:-what stands without it}`. `$${` is a plain `${`.

use serde_json::Value as Json;

use crate::model::{Problem, child, element};

/// Puts values in for all variables in the texts of `json`. One that is not set and has no default is a problem.
pub(super) fn put_in(
    json: &mut Json,
    value_of: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) {
    put_in_at(json, "", value_of, problems);
}

fn put_in_at(
    json: &mut Json,
    path: &str,
    value_of: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) {
    match json {
        Json::String(text) => match expand(text, value_of) {
            Ok(expanded) => *text = expanded,
            Err(wrong) => problems.push(wrong.problem(path)),
        },
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                put_in_at(item, &element(path, index), value_of, problems);
            }
        }
        Json::Object(table) => {
            table.iter_mut().for_each(|(key, json)| put_in_at(json, &child(path, key), value_of, problems));
        }
        _ => {}
    }
}

#[derive(Debug, PartialEq)]
enum Wrong {
    Unset(String),
    Unclosed,
    Nameless(String),
}

impl Wrong {
    fn problem(self, path: &str) -> Problem {
        match self {
            Self::Unset(name) => {
                let problem = Problem::missing(path, format!("a value of the variable {name}"));
                problem.with_hint(format!("set it, or write ${{{name}:-DEFAULT}}"))
            }
            Self::Unclosed => {
                Problem::new(path, "a } behind each ${", "none").with_hint("a plain ${ is written $${")
            }
            Self::Nameless(found) => {
                Problem::new(path, "a name of letters, digits and _ behind ${", format!("{found:?}"))
            }
        }
    }
}

fn expand(text: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Result<String, Wrong> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        expanded.push_str(&rest[..at]);
        let (inner, behind) = rest[at + 2..].split_once('}').ok_or(Wrong::Unclosed)?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Wrong::Nameless(name.to_owned()));
        }
        // As in a shell, an empty value counts as none where there is a default.
        let value = value_of(name).filter(|value| default.is_none() || !value.is_empty());
        let value = value.or_else(|| default.map(str::to_owned));
        expanded.push_str(&value.ok_or_else(|| Wrong::Unset(name.to_owned()))?);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value_of(name: &str) -> Option<String> {
        [("HOST", "10.0.0.7"), ("EMPTY", "")]
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.to_owned())
    }

    #[test]
    fn variables_have_values_or_defaults() {
        for (text, expanded) in [
            ("plain $HOME {x}", "plain $HOME {x}"),
            ("${HOST}:${PORT:-5601}", "10.0.0.7:5601"),
            ("${EMPTY}-${EMPTY:-full}-${NONE:-}", "-full-"),
            ("$${HOST}", "${HOST}"),
            ("${NONE:-a:-b}", "a:-b"),
        ] {
            assert_eq!(expand(text, &value_of).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_put_in_is_said_with_its_place() {
        let mut json = json!({ "a": ["${NONE}", { "b": "${HOST" }], "c": "${A B}", "d": "${HOST}" });
        let mut problems = Vec::new();
        put_in(&mut json, &value_of, &mut problems);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        a[0]: expected a value of the variable NONE, found nothing (set it, or write ${NONE:-DEFAULT})
        a[1].b: expected a } behind each ${, found none (a plain ${ is written $${)
        c: expected a name of letters, digits and _ behind ${, found "A B"
        "#);
        assert_eq!(json["d"], "10.0.0.7");
    }
}
