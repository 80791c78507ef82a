//! What a handler of changes is called with.

use crate::value::msgpack::{Reader, Token, write};
use crate::wire::write_with_raw_id;

/// What a handler of changes is called with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Arguments as of an update; those of a snapshot hold what it changed.
    pub(crate) args: Vec<u8>,
    /// The workflow id as it came.
    pub(crate) workflow: Option<Vec<u8>>,
}

impl Change {
    /// Adds which of several owners it is of.
    pub(crate) fn with_topic(mut self, topic: Option<&str>) -> Self {
        let mut reader = Reader::new(&self.args);
        if let (Some(topic), Ok(Token::Map(entries))) = (topic, reader.token()) {
            let mut args = Vec::with_capacity(self.args.len() + topic.len() + 12);
            write::map(&mut args, entries as usize + 1);
            args.extend_from_slice(reader.rest());
            write::str(&mut args, "topic");
            write::str(&mut args, topic);
            self.args = args;
        }
        self
    }

    /// The message that a handler of changes takes.
    pub(crate) fn into_message(self) -> Vec<u8> {
        let mut message = Vec::new();
        write_with_raw_id(&mut message, &self.args, self.workflow.as_deref());
        message
    }
}
