//! The body of a request, and lists of names and values as URLs and forms have them.

use axum::body::Bytes;

use super::failure::Failure;
use super::request::part;
use super::secrets::{Filling, percent_encoded};
use crate::flow::connect::json;
use crate::value::Value;

/// A body, and what is known of it.
#[derive(Default)]
pub(super) struct Body {
    pub(super) bytes: Option<Bytes>,
    /// Its content type, if the script does not say.
    pub(super) kind: Option<&'static str>,
    /// Whether there are secrets in it.
    pub(super) is_secret: bool,
}

/// The body that a script asks for: `json`, `form` or `body`.
pub(super) fn of(asked: &Value, filling: &mut Filling<'_>) -> Result<Body, Failure> {
    let forms = ["json", "form", "body"]
        .map(|name| asked.get(name).filter(|it| name == "json" || **it != Value::Nil));
    match forms {
        [None, None, None] => Ok(Body::default()),
        [Some(value), None, None] => of_json(value, filling),
        [None, Some(pairs), None] => {
            let (form, is_secret) = encoded(pairs, "form", filling)?;
            let kind = Some("application/x-www-form-urlencoded");
            Ok(Body { bytes: Some(form.into()), kind, is_secret })
        }
        [None, None, Some(Value::Bytes(bytes))] => {
            Ok(Body { bytes: Some(bytes.clone().into()), ..Body::default() })
        }
        [None, None, Some(Value::Str(text))] => {
            let (text, is_secret) = filling.fill(text, |_, value| value.to_owned())?;
            Ok(Body { bytes: Some(text.into()), kind: None, is_secret })
        }
        [None, None, Some(_)] => Err(Failure::value("`body` of a request is bytes or text")),
        _ => Err(Failure::value("a request has one of `json`, `form` and `body`")),
    }
}

fn of_json(value: &Value, filling: &mut Filling<'_>) -> Result<Body, Failure> {
    let mut is_secret = false;
    let value = filled(value, filling, &mut is_secret)?;
    let json = json::to_json(&value).map_err(|no| {
        let place = if no.path.is_empty() {
            "`json` of a request".to_owned()
        } else {
            format!("`{}` in `json` of a request", no.path)
        };
        Failure::new("TypeError", format!("{place} is {}, which JSON has no form for", no.what))
    })?;
    Ok(Body { bytes: Some(json.to_string().into()), kind: Some("application/json"), is_secret })
}

/// The same with secrets in the place of their placeholders, in all texts but keys.
fn filled(value: &Value, filling: &mut Filling<'_>, is_secret: &mut bool) -> Result<Value, Failure> {
    Ok(match value {
        Value::Str(text) => {
            let (text, any) = filling.fill(text, |_, value| value.to_owned())?;
            *is_secret |= any;
            Value::Str(text)
        }
        Value::List(items) => {
            Value::List(items.iter().map(|item| filled(item, filling, is_secret)).collect::<Result<_, _>>()?)
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| Ok((key.clone(), filled(value, filling, is_secret)?));
            Value::Map(entries.iter().map(entry).collect::<Result<_, Failure>>()?)
        }
        other => other.clone(),
    })
}

/// The pairs of `params`, as they stand in a URL; none if there are none.
pub(super) fn params(asked: &Value, filling: &mut Filling<'_>) -> Result<Option<String>, Failure> {
    match part(asked, "params") {
        None => Ok(None),
        Some(pairs) => Ok(Some(encoded(pairs, "params", filling)?.0).filter(|params| !params.is_empty())),
    }
}

/// Pairs as forms and URLs have them, and whether there are secrets in them. A pair with nil is left out.
fn encoded(pairs: &Value, what: &str, filling: &mut Filling<'_>) -> Result<(String, bool), Failure> {
    let wrong = || {
        Failure::value(format!("`{what}` of a request is a list of pairs, each a name and a text or number"))
    };
    let Value::List(pairs) = pairs else { return Err(wrong()) };
    let mut encoded = String::new();
    let mut is_secret = false;
    for pair in pairs {
        let Value::List(pair) = pair else { return Err(wrong()) };
        let [name, value] = pair.as_slice() else { return Err(wrong()) };
        if *value == Value::Nil {
            continue;
        }
        let (name, value) = (as_text(name).ok_or_else(wrong)?, as_text(value).ok_or_else(wrong)?);
        let (value, any) = filling.fill(&value, |_, value| value.to_owned())?;
        is_secret |= any;
        let and = if encoded.is_empty() { "" } else { "&" };
        encoded.push_str(&format!("{and}{}={}", percent_encoded(&name), percent_encoded(&value)));
    }
    Ok((encoded, is_secret))
}

/// What Python's `str` makes of it.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(format!("{number:?}")),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Decimal(number) => Some(number.as_str().to_owned()),
        Value::Uuid(id) => Some(id.to_string()),
        _ => None,
    }
}
