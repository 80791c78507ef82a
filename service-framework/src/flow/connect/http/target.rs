//! Where a request goes: its URL, and how much of that may be shown.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::body;
use super::failure::Failure;
use super::request::part;
use super::secrets::{Filling, Redactor, has_placeholder, percent_encoded};
use crate::value::Value;

/// Where a request goes.
pub(super) struct Target {
    /// With secrets in it.
    pub(super) url: Url,
    /// As the script wrote it.
    written: String,
    /// Whether the place itself is a secret, or stands beside one.
    is_place_secret: bool,
}

impl Target {
    pub(super) fn of(asked: &Value, filling: &mut Filling<'_>) -> Result<Self, Failure> {
        let written = part(asked, "url").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        // A secret that a URL begins with is the URL's beginning; anywhere else it is a text within it.
        let raw_or_encoded =
            |at: usize, value: &str| if at == 0 { value.trim().to_owned() } else { percent_encoded(value) };
        let (text, _) = filling.fill(&written, raw_or_encoded)?;
        let mut url = parsed(&text).map_err(|why| Failure::value(format!("`{written}` is no URL: {why}")))?;
        if let Some(params) = body::params(asked, filling)? {
            let query = url.query().filter(|query| !query.is_empty());
            let query = query.map_or_else(|| params.clone(), |query| format!("{query}&{params}"));
            url.set_query(Some(&query));
        }
        url.set_fragment(None);
        let is_place_secret = has_placeholder(place(&written));
        Ok(Self { url, written, is_place_secret })
    }

    /// Puts user and password of the URL into a header, unless the script gave one.
    pub(super) fn move_credentials(&mut self, headers: &mut HeaderMap, redactor: &mut Redactor) {
        let (user, password) = (self.url.username(), self.url.password());
        if user.is_empty() && password.is_none() {
            return;
        }
        let mut both = decoded(user);
        both.push(b':');
        both.extend(decoded(password.unwrap_or_default()));
        let both = BASE64_STANDARD.encode(both);
        redactor.hide(&both, "{{credentials}}");
        if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {both}")) {
            value.set_sensitive(true);
            headers.entry(AUTHORIZATION).or_insert(value);
        }
        without_credentials(&mut self.url);
    }

    /// Hides the place if it is a secret.
    pub(super) fn hide(&self, redactor: &mut Redactor) {
        if !self.is_place_secret {
            return;
        }
        redactor.hide(self.url.as_str(), &self.written);
        redactor.hide(&origin(&self.url), place(&self.written));
        redactor.hide(self.url.host_str().unwrap_or_default(), place(&self.written));
        if self.url.path().len() > 1 {
            redactor.hide(self.url.path(), "/…");
        }
    }

    /// For messages, without what stands after `?`. It has to go through the redactor.
    pub(super) fn shown(&self) -> String {
        if self.is_place_secret {
            return self.written.split('?').next().unwrap_or_default().to_owned();
        }
        format!("{}{}", origin(&self.url), self.url.path())
    }

    /// Host and port.
    pub(super) fn place(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }

    /// Where a response came from, for the script. It has to go through the redactor.
    pub(super) fn said(&self, last: &Url) -> String {
        if self.is_place_secret && *last == self.url { self.written.clone() } else { last.to_string() }
    }
}

/// A URL to which a request can be sent.
pub(super) fn parsed(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    checked(url)
}

/// The same, if a request can be sent there.
pub(super) fn checked(url: Url) -> Result<Url, String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("it begins with `{}:` instead of `http:` or `https:`", url.scheme()));
    }
    if url.port_or_known_default() == Some(0) {
        return Err("nothing listens on port 0".to_owned());
    }
    Ok(url)
}

pub(super) fn without_credentials(url: &mut Url) {
    // Only URLs without a host refuse, and those of http have one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// Scheme, host and port.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A written URL up to the end of its host and port.
fn place(written: &str) -> &str {
    let begin = written.find("://").map_or(0, |at| at + 3);
    let end = written[begin..].find(['/', '?', '#']).map_or(written.len(), |at| begin + at);
    &written[..end]
}

fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = if *byte == b'%' { text.get(at + 1..at + 3) } else { None };
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded_byte) => {
                decoded.push(decoded_byte);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    decoded
}
