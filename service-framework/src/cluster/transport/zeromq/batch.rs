//! Several frames in one message of ZeroMQ: a message costs as much as many small frames.
//!
//! `1`, sixteen bytes that prove that the sender has a secret of the cluster (zeros where there is none), the length of its
//! address in two bytes, the address, and for each frame its length in four bytes and the frame; numbers are little-endian.
//! `2` begins a question of somebody who is no node.

use crate::cluster::keys::Proof;

/// Frames are put together up to so many bytes.
pub(super) const TOGETHER: usize = 64 << 10;

/// Frames in one message, the smallest with their lengths.
const FRAMES_TOGETHER: usize = TOGETHER / 4;

/// Bytes of the longest address.
const ADDRESS: usize = 300;

const FRAMES: u8 = 1;
const QUESTION: u8 = 2;

/// A message that is being put together.
pub(super) fn begin(address: &str, proof: &Proof) -> Vec<u8> {
    let address = if address.len() > ADDRESS { "" } else { address };
    let mut message = vec![FRAMES];
    message.extend_from_slice(proof);
    message.extend_from_slice(&u16::try_from(address.len()).unwrap_or(0).to_le_bytes());
    message.extend_from_slice(address.as_bytes());
    message
}

pub(super) fn add(message: &mut Vec<u8>, frame: &[u8]) {
    message.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
    message.extend_from_slice(frame);
}

pub(super) fn question(asked: &[u8]) -> Vec<u8> {
    [&[QUESTION], asked].concat()
}

/// What a message is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Message<'a> {
    /// Of a node that has proved so and is at this address.
    Frames(&'a Proof, &'a str, Vec<&'a [u8]>),
    Question(&'a [u8]),
}

/// Reads a message; nothing if it is none, whatever it holds.
pub(super) fn read(message: &[u8]) -> Option<Message<'_>> {
    match message.split_first()? {
        (&QUESTION, asked) => Some(Message::Question(asked)),
        (&FRAMES, rest) => {
            let (proof, rest) = rest.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_le_bytes(*length));
            let (address, mut rest) = rest.split_at_checked(length).filter(|_| length <= ADDRESS)?;
            let address = std::str::from_utf8(address).ok()?;
            let mut frames = Vec::new();
            while !rest.is_empty() {
                if frames.len() == FRAMES_TOGETHER {
                    return None;
                }
                let (length, after) = rest.split_first_chunk::<4>()?;
                let (frame, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                frames.push(frame);
                rest = after;
            }
            Some(Message::Frames(proof, address, frames))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut message = begin("tcp://10.0.0.5:60858", &[7; 16]);
        add(&mut message, b"one");
        add(&mut message, b"");
        let expected = Message::Frames(&[7; 16], "tcp://10.0.0.5:60858", vec![b"one", b""]);
        assert_eq!(read(&message), Some(expected));
        assert_eq!(read(&question(b"who")), Some(Message::Question(b"who")));
        assert_eq!(read(&begin("", &[0; 16])), Some(Message::Frames(&[0; 16], "", vec![])));
    }

    #[test]
    fn a_message_of_more_frames_than_are_put_together_is_none() {
        let mut message = begin("", &[0; 16]);
        message.resize(message.len() + 4 * FRAMES_TOGETHER, 0);
        assert!(read(&message).is_some());
        message.resize(message.len() + 4, 0);
        assert_eq!(read(&message), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&bytes);
            let _ = read(&[&[FRAMES][..], &[0; 18], &bytes].concat());
        }

        #[test]
        fn a_message_that_is_cut_short_is_none(cut in 1_usize..12) {
            let mut message = begin("a", &[0; 16]);
            add(&mut message, b"12345678");
            prop_assert_eq!(read(&message[..message.len() - cut.min(11)]).is_none(), cut < 12);
        }
    }
}
