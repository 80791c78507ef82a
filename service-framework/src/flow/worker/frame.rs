//! Messages on a pipe: four bytes of length, lowest first, then MessagePack.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{decode_checked, encode};

/// Most bytes of one message: a flow's whole stream is one.
const LARGEST: usize = 1 << 30;

/// Writes one message.
pub(super) fn write<T: Serialize>(to: &mut dyn Write, message: &T) -> io::Result<()> {
    let bytes = encode(message).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= LARGEST);
    let length =
        length.ok_or_else(|| io::Error::other(format!("a message of {} bytes is too large", bytes.len())))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one message; none at the end of the pipe. The other end is this program too: what it wrote is what is read.
pub(super) fn read<T: DeserializeOwned>(from: &mut dyn Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let length = u64::from(u32::from_le_bytes(length));
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Ok(None);
    }
    decode_checked(&bytes).map(Some).map_err(io::Error::other)
}
