//! What is said over a control socket: a line of JSON for each question, and one for each answer.
//!
//! `{"ask": NAME, …}` is answered by `{"ok": …}` or by `{"error": {"code", "message"}}`.

use serde_json::{Map, Value as Json, json};

/// The longest question.
pub(crate) const LONGEST_QUESTION: u64 = 64 * 1024;

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    pub(crate) ask: String,
    rest: Map<String, Json>,
}

/// Why a question is not answered.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

pub(crate) type Answer = Result<Json, Refusal>;

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// The question, or something in it, is not understood.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new("bad_question", message)
    }

    /// A question that is for somebody else.
    pub(crate) fn unknown(question: &Question, known: &[&str]) -> Self {
        Self::bad(format!("{:?} is none of {}", question.ask, known.join(", ")))
    }
}

impl Question {
    pub(crate) fn new(ask: &str) -> Self {
        Self { ask: ask.to_owned(), rest: Map::new() }
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.rest.insert(key.to_owned(), value.into());
        self
    }

    /// Reads a line.
    ///
    /// # Errors
    /// It is no JSON object with a text under `ask`.
    pub(crate) fn read(line: &[u8]) -> Result<Self, Refusal> {
        let json = serde_json::from_slice(line).map_err(|error| Refusal::bad(format!("no JSON: {error}")))?;
        let Json::Object(mut rest) = json else { return Err(Refusal::bad("no JSON object")) };
        match rest.remove("ask") {
            Some(Json::String(ask)) => Ok(Self { ask, rest }),
            _ => Err(Refusal::bad("it has no text `ask`")),
        }
    }

    /// The text under `key`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn text(&self, key: &str) -> Result<&str, Refusal> {
        let text = self.rest.get(key).and_then(Json::as_str);
        text.ok_or_else(|| Refusal::bad(format!("{:?} needs a text `{key}`", self.ask)))
    }

    /// What stands under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.rest.get(key)
    }

    pub(crate) fn to_line(&self) -> String {
        let mut json = self.rest.clone();
        json.insert("ask".to_owned(), self.ask.as_str().into());
        format!("{}\n", Json::Object(json))
    }
}

pub(crate) fn answer_line(answer: &Answer) -> String {
    let json = match answer {
        Ok(answer) => json!({ "ok": answer }),
        Err(refusal) => json!({ "error": { "code": refusal.code, "message": refusal.message } }),
    };
    format!("{json}\n")
}

/// Reads the line of an answer; None if it is none.
pub(crate) fn read_answer(line: &str) -> Option<Answer> {
    let mut json: Json = serde_json::from_str(line).ok()?;
    if let Some(answer) = json.get_mut("ok") {
        return Some(Ok(answer.take()));
    }
    let text = |key| json.get("error")?.get(key)?.as_str();
    Some(Err(Refusal::new(text("code")?, text("message")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_are_read_as_they_were_written() {
        let question = Question::new("log_level").with("level", "DEBUG");
        assert_eq!(Question::read(question.to_line().as_bytes()).unwrap(), question);
        for answer in [Ok(json!({ "pid": 7 })), Ok(Json::Null), Err(Refusal::new("busy", "later"))] {
            assert_eq!(read_answer(&answer_line(&answer)), Some(answer));
        }
        assert_eq!(read_answer("{}"), None);
    }

    #[test]
    fn what_is_no_question_is_refused_with_its_reason() {
        for (line, message) in [
            (&b"\xff\x00"[..], "no JSON"),
            (b"", "no JSON"),
            (b"[]", "no JSON object"),
            (b"{}", "it has no text `ask`"),
            (b"{\"ask\": 7}", "it has no text `ask`"),
        ] {
            let refusal = Question::read(line).unwrap_err();
            assert!(refusal.message.starts_with(message), "{refusal}");
        }
        assert!(Question::new("restart").text("service").is_err());
    }
}
