//! Topics: the text that may stand before a published message, in the same frame.

use crate::value::msgpack::{Reader, Token, write};

/// The bytes that precede a message with this topic, and that a subscriber to it asks for.
///
/// The length of the text is part of them, so a subscriber to `eu` does not get `eur`.
#[must_use]
pub fn topic_prefix(topic: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(topic.len() + 5);
    write::str(&mut prefix, topic);
    prefix
}

/// The topic of a published frame, if it has one, and the message behind it.
///
/// A message is a map, so a frame that begins with text has a topic. Where that text is cut off or not UTF-8 the
/// frame is returned whole, and as a message it will be refused.
#[must_use]
pub fn split_topic(frame: &[u8]) -> (Option<&str>, &[u8]) {
    let mut reader = Reader::new(frame);
    match reader.token() {
        Ok(Token::Str(topic)) => (Some(topic), reader.rest()),
        _ => (None, frame),
    }
}

#[cfg(test)]
mod tests {
    use super::{split_topic, topic_prefix};

    #[test]
    fn the_prefix_is_split_off_again() {
        for topic in ["", "eu", &"long ".repeat(20_000)] {
            let frame = [topic_prefix(topic).as_slice(), b"\x80"].concat();
            assert_eq!(split_topic(&frame), (Some(topic), b"\x80".as_slice()));
        }
    }

    #[test]
    fn a_message_alone_has_no_topic() {
        for frame in [b"\x81\xa4args\x80".as_slice(), b"", b"\xa2e", b"\xa1\xff", b"\xc1"] {
            assert_eq!(split_topic(frame), (None, frame));
        }
    }
}
