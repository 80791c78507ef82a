//! The question `tap`: a guest who asks it is shown every message of the service until he goes.
//!
//! After the answer come lines of JSON, each with `kind` and, but for `dropped` and `end`, `time` in microseconds since
//! 1970: one for each message; `service`, the model and where it listens, once it is open; `state`, a whole state, if
//! `states` was asked for; `dropped`, how many messages had no room so far; `end` when the service has ended.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::{Question, Refusal};
use crate::connection::tap::{Attached, Next, Record, Wanted, now};

/// The version of what comes after the answer.
pub(crate) const VERSION: u64 = 1;

/// How long a guest may take to read.
const GUEST_TIME: Duration = Duration::from_secs(30);
/// How often it is looked whether a guest has gone to whom there is nothing to say.
const LOOK: Duration = Duration::from_millis(250);

/// A message as a line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MessageLine<'a> {
    pub(super) kind: &'a str,
    pub(super) time: u64,
    #[serde(borrow)]
    pub(super) connection: Cow<'a, str>,
    pub(super) direction: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", default, borrow)]
    pub(super) workflow_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default, borrow)]
    pub(super) topic: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default, borrow)]
    pub(super) peer: Option<Cow<'a, str>>,
    pub(super) size: usize,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) took: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default, borrow)]
    pub(super) outcome: Option<Cow<'a, str>>,
    /// The frame in base64.
    #[serde(skip_serializing_if = "Option::is_none", default, borrow)]
    pub(super) body: Option<Cow<'a, str>>,
}

/// What the service has to say beside its messages.
pub(super) trait Beside {
    /// The model and where it listens, once it is open.
    fn service(&self) -> Option<Json>;
    /// Its states as they are; asked for once it is open.
    fn states(&self, wanted: &Wanted) -> Vec<Json>;
}

/// What a guest wants.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    /// Whether whole states come first.
    pub(super) states: bool,
}

impl Asked {
    /// Reads the options of the question.
    ///
    /// # Errors
    /// One of them is of another type.
    pub(super) fn read(question: &Question) -> Result<Self, Refusal> {
        let truth = |key: &str, default| match question.get(key) {
            None | Some(Json::Null) => Ok(default),
            Some(Json::Bool(truth)) => Ok(*truth),
            Some(_) => Err(Refusal::bad(format!("`{key}` is neither true nor false"))),
        };
        let connections = match question.get("connections") {
            None | Some(Json::Null) => Some(Vec::new()),
            Some(Json::Array(names)) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let connections = connections.ok_or_else(|| Refusal::bad("`connections` is no list of names"))?;
        Ok(Self {
            wanted: Wanted { bodies: truth("bodies", true)?, connections },
            states: truth("states", false)?,
        })
    }
}

/// Tells a guest what is seen until he or the service goes.
///
/// # Errors
/// The guest has gone, or does not read.
pub(super) fn tell(
    guest: &UnixStream,
    attached: &Attached,
    asked: &Asked,
    beside: &impl Beside,
) -> io::Result<()> {
    guest.set_write_timeout(Some(GUEST_TIME))?;
    let mut telling = Telling { out: BufWriter::with_capacity(64 << 10, guest), dropped: 0, is_open: false };
    let mut told_at = Instant::now();
    loop {
        telling.beside(asked, beside)?;
        // Of a queue that is never empty, too.
        if told_at.elapsed() >= LOOK {
            told_at = Instant::now();
            telling.dropped(attached.dropped())?;
        }
        let next = match attached.next(Duration::ZERO) {
            Next::Nothing => {
                telling.dropped(attached.dropped())?;
                telling.out.flush()?;
                attached.next(LOOK)
            }
            next => next,
        };
        match next {
            Next::Record(record) => telling.message(&record)?,
            Next::Nothing if has_gone(guest) => return Ok(()),
            Next::Nothing => {}
            Next::End => return telling.end(asked, beside, attached.dropped()),
        }
    }
}

struct Telling<'a> {
    out: BufWriter<&'a UnixStream>,
    /// How many dropped ones were told.
    dropped: u64,
    /// Whether it was told that the service is open.
    is_open: bool,
}

impl Telling<'_> {
    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    fn message(&mut self, record: &Record) -> io::Result<()> {
        self.line(&MessageLine {
            kind: record.kind.as_str(),
            time: record.time,
            connection: (&*record.connection).into(),
            direction: record.direction.as_str(),
            workflow_id: record.workflow_id.as_deref().map(Into::into),
            topic: record.topic.as_deref().map(Into::into),
            peer: record.peer.as_deref().map(Into::into),
            size: record.size,
            took: record.took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            outcome: record.outcome.as_deref().map(Into::into),
            body: record.body.as_ref().map(|body| STANDARD.encode(body).into()),
        })
    }

    fn beside(&mut self, asked: &Asked, beside: &impl Beside) -> io::Result<()> {
        if self.is_open {
            return Ok(());
        }
        let Some(mut service) = beside.service() else { return Ok(()) };
        self.is_open = true;
        service["kind"] = "service".into();
        service["time"] = now().into();
        self.line(&service)?;
        if !asked.states {
            return Ok(());
        }
        // What comes while they are read is newer than they are.
        let time = now();
        for mut state in beside.states(&asked.wanted) {
            state["kind"] = "state".into();
            state["time"] = time.into();
            self.line(&state)?;
        }
        Ok(())
    }

    fn dropped(&mut self, count: u64) -> io::Result<()> {
        if count > self.dropped {
            self.dropped = count;
            self.line(&json!({ "kind": "dropped", "count": count }))?;
        }
        Ok(())
    }

    fn end(mut self, asked: &Asked, beside: &impl Beside, dropped: u64) -> io::Result<()> {
        self.beside(asked, beside)?;
        self.dropped(dropped)?;
        self.line(&json!({ "kind": "end" }))?;
        self.out.flush()
    }
}

/// Whether the other end is closed for both directions.
fn has_gone(guest: &UnixStream) -> bool {
    let fd = guest.as_fd();
    let mut polled = [PollFd::new(&fd, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok()
        && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}
