//! What is written at once.

use std::borrow::Cow;
use std::time::Duration;

use super::error::Refused;
use super::time::Due;

/// Longest name of a stream, lease, key, queue, timer, category, status or owner, in bytes.
pub(crate) const LONGEST_NAME: usize = 512;
/// Longest kind of an event, in bytes.
pub(crate) const LONGEST_KIND: usize = 64;
/// Most bytes of one payload.
pub(crate) const LARGEST_PAYLOAD: usize = 64 << 20;
/// Most bytes of all payloads of a batch.
pub(crate) const LARGEST_BATCH: usize = 256 << 20;

/// An event to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened, in a word of at most 64 bytes.
    pub kind: Cow<'static, str>,
    /// What the store does not look into; at most 64 MiB.
    pub payload: Vec<u8>,
}

impl NewEvent {
    /// An event of this kind.
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind: kind.into(), payload: payload.into() }
    }
}

/// What a stream has to be like for an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// As it is.
    Any,
    /// Without events.
    NoStream,
    /// With this last version.
    Version(u64),
}

/// Everything that happens at once or not at all. Its parts are looked at in their order, each seeing what those before it did.
///
/// Names are at most 512 bytes long, not empty and without NUL; payloads at most 64 MiB each and 256 MiB together. A batch with
/// others is refused before it is queued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) parts: Vec<Part>,
}

/// One part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Fence { lease: String, epoch: u64 },
    Append { stream: String, expected: Expected, events: Vec<NewEvent> },
    Pack { stream: String, up_to: u64, event: NewEvent },
    Remove { stream: String },
    Mark { stream: String, category: String, status: String, owner: Option<String> },
    Claim { key: String, value: Vec<u8>, keep: Option<Duration> },
    Release { key: String },
    SetTimer { id: String, due: Due, payload: Vec<u8> },
    CancelTimer { id: String },
    PutMessage { queue: String, id: String, due: Due, payload: Vec<u8> },
    DoneMessage { id: String },
}

impl Batch {
    /// A batch that does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Both at once: this one's parts first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Refuses the whole batch with [`Refused::Fenced`] unless the lease has this epoch. Whether its time ran out does not matter:
    /// nobody else has acted under it as long as the epoch is the same.
    #[must_use]
    pub fn fence(self, lease: impl Into<String>, epoch: u64) -> Self {
        self.with(Part::Fence { lease: lease.into(), epoch })
    }

    /// Appends events; without any it only looks at the version. [`Refused::Conflict`] if the stream is not as expected.
    #[must_use]
    pub fn append(
        self,
        stream: impl Into<String>,
        expected: Expected,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Self {
        let events = events.into_iter().collect();
        self.with(Part::Append { stream: stream.into(), expected, events })
    }

    /// Puts one event in the place of all up to and with version `up_to`, whose version it has from then on. Later events keep
    /// theirs. [`Refused::NothingToPack`] if no event has that version.
    #[must_use]
    pub fn pack(self, stream: impl Into<String>, up_to: u64, event: NewEvent) -> Self {
        self.with(Part::Pack { stream: stream.into(), up_to, event })
    }

    /// Takes a stream away with all its events and its mark; its versions begin at 1 again. What is not there stays so.
    #[must_use]
    pub fn remove(self, stream: impl Into<String>) -> Self {
        self.with(Part::Remove { stream: stream.into() })
    }

    /// Sets under what a stream is listed by [`Store::streams`](super::Store::streams). A stream without events may have a mark.
    #[must_use]
    pub fn mark(
        self,
        stream: impl Into<String>,
        category: impl Into<String>,
        status: impl Into<String>,
        owner: Option<&str>,
    ) -> Self {
        let (stream, category, status) = (stream.into(), category.into(), status.into());
        self.with(Part::Mark { stream, category, status, owner: owner.map(str::to_owned) })
    }

    /// Takes a unique key. [`Refused::Claimed`] if it stands with another value; with the same value it is claimed anew.
    #[must_use]
    pub fn claim(self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.with(Part::Claim { key: key.into(), value: value.into(), keep: None })
    }

    /// [`claim`](Self::claim) for so long; after it the key is free, as if it had been released.
    #[must_use]
    pub fn claim_for(self, key: impl Into<String>, value: impl Into<Vec<u8>>, keep: Duration) -> Self {
        self.with(Part::Claim { key: key.into(), value: value.into(), keep: Some(keep) })
    }

    /// Frees a key, whatever its value.
    #[must_use]
    pub fn release(self, key: impl Into<String>) -> Self {
        self.with(Part::Release { key: key.into() })
    }

    /// Sets a timer, in the place of one with the same id.
    #[must_use]
    pub fn set_timer(self, id: impl Into<String>, due: impl Into<Due>, payload: impl Into<Vec<u8>>) -> Self {
        self.with(Part::SetTimer { id: id.into(), due: due.into(), payload: payload.into() })
    }

    /// Takes a timer away, whether it waits or was taken.
    #[must_use]
    pub fn cancel_timer(self, id: impl Into<String>) -> Self {
        self.with(Part::CancelTimer { id: id.into() })
    }

    /// Puts a message into the outbox, in the place of one with the same id.
    #[must_use]
    pub fn put_outbox(
        self,
        queue: impl Into<String>,
        id: impl Into<String>,
        due: impl Into<Due>,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        let (queue, id, payload) = (queue.into(), id.into(), payload.into());
        self.with(Part::PutMessage { queue, id, due: due.into(), payload })
    }

    /// Takes a message away, whether it waits or was taken.
    #[must_use]
    pub fn done_outbox(self, id: impl Into<String>) -> Self {
        self.with(Part::DoneMessage { id: id.into() })
    }

    /// How much memory its payloads take.
    pub(crate) fn size(&self) -> usize {
        self.parts.iter().map(|part| part.payloads().map(<[u8]>::len).sum::<usize>() + 64).sum()
    }

    /// # Errors
    /// A name or a payload is not as [`Batch`] says.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        for part in &self.parts {
            part.check()?;
        }
        at_most("batch", self.size(), LARGEST_BATCH)
    }
}

impl Part {
    fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let (events, one): (&[NewEvent], Option<&[u8]>) = match self {
            Self::Append { events, .. } => (events, None),
            Self::Pack { event, .. } => (std::slice::from_ref(event), None),
            Self::Claim { value, .. } => (&[], Some(value)),
            Self::SetTimer { payload, .. } | Self::PutMessage { payload, .. } => (&[], Some(payload)),
            _ => (&[], None),
        };
        events.iter().map(|event| event.payload.as_slice()).chain(one)
    }

    fn check(&self) -> Result<(), Refused> {
        match self {
            Self::Fence { lease, .. } => check_name("lease", lease)?,
            Self::Append { stream, events, .. } => {
                check_name("stream", stream)?;
                events.iter().try_for_each(check_kind)?;
            }
            Self::Pack { stream, event, .. } => {
                check_name("stream", stream)?;
                check_kind(event)?;
            }
            Self::Remove { stream } => check_name("stream", stream)?,
            Self::Mark { stream, category, status, owner } => {
                check_name("stream", stream)?;
                check_name("category", category)?;
                check_name("status", status)?;
                owner.iter().try_for_each(|owner| check_name("owner", owner))?;
            }
            Self::Claim { key, .. } | Self::Release { key } => check_name("key", key)?,
            Self::SetTimer { id, .. } | Self::CancelTimer { id } => check_name("timer", id)?,
            Self::PutMessage { queue, id, .. } => {
                check_name("queue", queue)?;
                check_name("message", id)?;
            }
            Self::DoneMessage { id } => check_name("message", id)?,
        }
        self.payloads().try_for_each(|payload| at_most("payload", payload.len(), LARGEST_PAYLOAD))
    }
}

fn check_kind(event: &NewEvent) -> Result<(), Refused> {
    check_name("kind", &event.kind)?;
    at_most("kind", event.kind.len(), LONGEST_KIND)
}

/// # Errors
/// The name is empty, too long or has a NUL.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), Refused> {
    if name.is_empty() || name.contains('\0') {
        return Err(Refused::BadName { what, name: name.to_owned() });
    }
    at_most(what, name.len(), LONGEST_NAME)
}

fn at_most(what: &'static str, size: usize, most: usize) -> Result<(), Refused> {
    if size > most { Err(Refused::TooLarge { what, size, most }) } else { Ok(()) }
}
