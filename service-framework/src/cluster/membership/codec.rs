//! The failure detector's datagrams as bytes: fixed lengths, so that nothing in them is trusted.
//!
//! A header with the count of news behind it is as long as two or three members, so that a datagram that is as long as
//! so many members is full to the last byte: foca goes through all its news for as long as a byte is left.

use bytes::{Buf, BufMut};
use foca::{Codec, Header, Member, Message, State};

use super::super::identity::{Identity, NodeId};

const IDENTITY: usize = 32;
pub(super) const MEMBER: usize = IDENTITY + 3;

/// Bytes that say nothing, in headers of the probes that go through others.
const PADDING: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum CodecError {
    #[error("it ends too early")]
    TooShort,
    #[error("no room left")]
    NoRoom,
    #[error("an unknown kind {0}")]
    Unknown(u8),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed;

fn put_identity(identity: &Identity, out: &mut impl BufMut) {
    out.put_u128(identity.node.0);
    out.put_u64(identity.epoch);
    out.put_u64(identity.boot);
}

fn need(length: usize, buf: &impl Buf) -> Result<(), CodecError> {
    if buf.remaining() < length { Err(CodecError::TooShort) } else { Ok(()) }
}

fn room(length: usize, out: &impl BufMut) -> Result<(), CodecError> {
    if out.remaining_mut() < length { Err(CodecError::NoRoom) } else { Ok(()) }
}

fn get_identity(buf: &mut impl Buf) -> Result<Identity, CodecError> {
    need(IDENTITY, buf)?;
    Ok(Identity { node: NodeId(buf.get_u128()), epoch: buf.get_u64(), boot: buf.get_u64() })
}

fn get_byte(buf: &mut impl Buf) -> Result<u8, CodecError> {
    need(1, buf)?;
    Ok(buf.get_u8())
}

/// The kind, the number of the probe, and the other node that is meant, of those messages that have them.
fn parts(message: &Message<Identity>) -> (u8, u8, Option<&Identity>) {
    match message {
        Message::Ping(number) => (0, *number, None),
        Message::Ack(number) => (1, *number, None),
        Message::PingReq { target, probe_number } => (2, *probe_number, Some(target)),
        Message::IndirectPing { origin, probe_number } => (3, *probe_number, Some(origin)),
        Message::IndirectAck { target, probe_number } => (4, *probe_number, Some(target)),
        Message::ForwardedAck { origin, probe_number } => (5, *probe_number, Some(origin)),
        Message::Announce => (6, 0, None),
        Message::Feed => (7, 0, None),
        Message::Gossip => (8, 0, None),
        Message::Broadcast => (9, 0, None),
        Message::TurnUndead => (10, 0, None),
    }
}

fn get_other(buf: &mut impl Buf) -> Result<Identity, CodecError> {
    let other = get_identity(buf)?;
    need(PADDING, buf)?;
    buf.advance(PADDING);
    Ok(other)
}

fn get_message(buf: &mut impl Buf) -> Result<Message<Identity>, CodecError> {
    let (kind, probe_number) = (get_byte(buf)?, get_byte(buf)?);
    Ok(match kind {
        0 => Message::Ping(probe_number),
        1 => Message::Ack(probe_number),
        2 => Message::PingReq { target: get_other(buf)?, probe_number },
        3 => Message::IndirectPing { origin: get_other(buf)?, probe_number },
        4 => Message::IndirectAck { target: get_other(buf)?, probe_number },
        5 => Message::ForwardedAck { origin: get_other(buf)?, probe_number },
        6 => Message::Announce,
        7 => Message::Feed,
        8 => Message::Gossip,
        9 => Message::Broadcast,
        10 => Message::TurnUndead,
        unknown => return Err(CodecError::Unknown(unknown)),
    })
}

impl Codec<Identity> for Fixed {
    type Error = CodecError;

    fn encode_header(&mut self, header: &Header<Identity>, mut out: impl BufMut) -> Result<(), CodecError> {
        room(3 * IDENTITY + 4 + PADDING, &out)?;
        put_identity(&header.src, &mut out);
        out.put_u16(header.src_incarnation);
        put_identity(&header.dst, &mut out);
        let (kind, number, other) = parts(&header.message);
        out.put_slice(&[kind, number]);
        if let Some(other) = other {
            put_identity(other, &mut out);
            out.put_bytes(0, PADDING);
        }
        Ok(())
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Identity>, CodecError> {
        let src = get_identity(&mut buf)?;
        need(2, &buf)?;
        let src_incarnation = buf.get_u16();
        let dst = get_identity(&mut buf)?;
        Ok(Header { src, src_incarnation, dst, message: get_message(&mut buf)? })
    }

    fn encode_member(&mut self, member: &Member<Identity>, mut out: impl BufMut) -> Result<(), CodecError> {
        room(MEMBER, &out)?;
        put_identity(member.id(), &mut out);
        out.put_u16(member.incarnation());
        out.put_u8(match member.state() {
            State::Alive => 0,
            State::Suspect => 1,
            State::Down => 2,
        });
        Ok(())
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Member<Identity>, CodecError> {
        need(MEMBER, &buf)?;
        let id = get_identity(&mut buf)?;
        let incarnation = buf.get_u16();
        let state = match buf.get_u8() {
            0 => State::Alive,
            1 => State::Suspect,
            2 => State::Down,
            unknown => return Err(CodecError::Unknown(unknown)),
        };
        Ok(Member::new(id, incarnation, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_with_their_count_are_as_long_as_some_members() {
        let identity = Identity { node: NodeId(1), epoch: 1, boot: 1 };
        let of = |message| Header { src: identity, src_incarnation: 1, dst: identity, message };
        let ping = of(Message::PingReq { target: identity, probe_number: 7 });
        for (header, members) in [(of(Message::Gossip), 2), (of(Message::Ack(3)), 2), (ping, 3)] {
            let mut bytes = Vec::new();
            Fixed.encode_header(&header, &mut bytes).unwrap();
            assert_eq!(bytes.len() + 2, members * MEMBER);
            assert_eq!(Fixed.decode_header(&bytes[..]).unwrap(), header);
        }
    }
}
