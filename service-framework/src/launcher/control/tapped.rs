//! The asking end of a tap: what a service is seen to do, line by line.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::client::AskError;
use super::message::{Question, read_answer};
use super::tap::{MessageLine, VERSION};
use crate::connection::tap::{Direction, Kind, Record, Wanted};

/// The longest line: a frame of the largest kind in base64, with room for the rest.
const LONGEST_LINE: u64 = 400 * 1024 * 1024;

/// What is told of a service.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Message(Record),
    /// It is open: `model` and `listens`.
    Service(Json),
    /// A whole state: `side`, `name`, `topic`, `type`, `number`, `epoch` and the value as MessagePack in base64.
    State(Json),
    /// So many messages had no room so far.
    Dropped(u64),
    /// The service has ended.
    End,
}

/// A service that is looked at.
#[derive(Debug)]
pub(crate) struct Tapped {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
    /// Who it is: what `ping` answers.
    pub(crate) service: Json,
}

impl Tapped {
    /// Looks at the service with its control socket at `path`, with its whole states first if these are wanted; the answer
    /// may take `patience`.
    ///
    /// # Errors
    /// Nobody is there, or it refuses.
    pub(crate) fn connect(
        path: &Path,
        wanted: &Wanted,
        states: bool,
        patience: Duration,
    ) -> Result<Self, AskError> {
        Self::ask(UnixStream::connect(path)?, wanted, states, patience)
    }

    /// As [`Tapped::connect`], over a connection that is there.
    ///
    /// # Errors
    /// As [`Tapped::connect`].
    pub(crate) fn ask(
        mut stream: UnixStream,
        wanted: &Wanted,
        states: bool,
        patience: Duration,
    ) -> Result<Self, AskError> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let question = Question::new("tap")
            .with("bodies", wanted.bodies)
            .with("connections", wanted.connections.clone())
            .with("states", states);
        stream.write_all(question.to_line().as_bytes())?;
        let mut tapped = Self {
            stream: BufReader::with_capacity(64 << 10, stream),
            line: Vec::new(),
            service: Json::Null,
        };
        if !tapped.read_line()? {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let answer = str::from_utf8(&tapped.line).ok().and_then(read_answer);
        tapped.service = answer.ok_or(AskError::Strange)??;
        if tapped.service.get("tap").and_then(Json::as_u64) != Some(VERSION) {
            return Err(AskError::Strange);
        }
        tapped.stream.get_ref().set_read_timeout(None)?;
        Ok(tapped)
    }

    /// The connection, to end it from another thread.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub(crate) fn stream(&self) -> io::Result<UnixStream> {
        self.stream.get_ref().try_clone()
    }

    /// What is told next; None once nothing more comes. What is not understood is passed over.
    ///
    /// # Errors
    /// The connection breaks.
    pub(crate) fn next(&mut self) -> io::Result<Option<Seen>> {
        while self.read_line()? {
            if let Some(seen) = read(&self.line) {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.stream.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line)?;
        Ok(self.line.last() == Some(&b'\n'))
    }
}

/// Reads a line; None if it is of a kind that is not known here.
fn read(line: &[u8]) -> Option<Seen> {
    if let Ok(message) = serde_json::from_slice::<MessageLine<'_>>(line) {
        return message_of(message).map(Seen::Message);
    }
    let json: Json = serde_json::from_slice(line).ok()?;
    match json.get("kind")?.as_str()? {
        "service" => Some(Seen::Service(json)),
        "state" => Some(Seen::State(json)),
        "dropped" => Some(Seen::Dropped(json.get("count")?.as_u64()?)),
        "end" => Some(Seen::End),
        _ => None,
    }
}

fn message_of(line: MessageLine<'_>) -> Option<Record> {
    let text = |text: Option<Cow<'_, str>>| text.map(|text| text.into_owned().into_boxed_str());
    let direction = if line.direction == "in" { Direction::In } else { Direction::Out };
    let body = line.body.map(|body| STANDARD.decode(body.as_bytes())).transpose().ok()?;
    Some(Record {
        time: line.time,
        connection: line.connection.into_owned().into(),
        direction,
        kind: Kind::named(line.kind)?,
        workflow_id: text(line.workflow_id),
        topic: text(line.topic),
        peer: text(line.peer),
        size: line.size,
        took: line.took.map(Duration::from_micros),
        outcome: text(line.outcome),
        body: body.map(Arc::from),
    })
}
