//! The asking end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use super::message::{Question, Refusal, read_answer};

/// The longest answer that is read: models and logs are long.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nobody is there, or no answer comes in time. Whether what was asked for is done is not known.
    #[error("{0}")]
    Lost(#[from] io::Error),
    /// What came is no answer.
    #[error("what answers does not speak this protocol")]
    Strange,
    /// The answer is no.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// A connection to a control socket, for one question after the other.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the socket at `path`; each answer may take `patience`.
    pub(crate) fn connect(path: &Path, patience: Duration) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn ask(&mut self, question: &Question) -> Result<Json, AskError> {
        self.stream.get_mut().write_all(question.to_line().as_bytes())?;
        let mut line = String::new();
        if self.stream.by_ref().take(LONGEST_ANSWER).read_line(&mut line)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(read_answer(&line).ok_or(AskError::Strange)??)
    }
}
