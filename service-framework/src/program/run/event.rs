//! Events: what happens to a run, as its journal keeps it.

use serde::{Deserialize, Serialize};

use super::plain_form::{Plain, PlainPool, from_plain};
use crate::program::pool::{Changes, Pool};
use crate::value::msgpack::check_whole;
use crate::value::{DecodeError, EncodeError, Limits, Value, decode_checked, encode};

/// How large and how deep an event may be: whatever a request of the default limit comes to, and a batch of the store takes.
pub(crate) const LIMITS: Limits = Limits { depth: Limits::MAX_DEPTH, bytes: 250_000_000 };

/// One thing that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It began, with this pool.
    Started {
        /// The program's name.
        program: String,
        /// [`Spec::fingerprint`](crate::program::Spec::fingerprint) of the spec that it is of.
        fingerprint: String,
        /// The request's idempotency key.
        key: Option<String>,
        /// The names of the locks that it holds until it has ended.
        locks: Vec<String>,
        /// The request's pool with defaults, metadata and what the framework adds.
        pool: Pool,
    },
    /// A hook's function is about to be called.
    Began {
        /// The hook's `reference`.
        hook: String,
        /// 1 for the first time.
        attempt: u32,
        /// Whether it undoes something.
        is_reversing: bool,
    },
    /// The function that began has ended.
    Ended {
        /// What it changed in the pool.
        changes: Changes,
        /// Why it failed; none if it did not.
        error: Option<String>,
        /// Whether it failed in such a way that it may have done what it was to do, as one that was late.
        in_doubt: bool,
    },
    /// Something failed without a function that was called: for those who read the journal.
    Noted {
        /// What, and why.
        text: String,
    },
    /// Somebody takes the run up whose process is gone.
    Recovered,
    /// The time is over that the program may take.
    TimedOut,
    /// Somebody wants the run undone.
    Cancelled,
    /// Nobody who has come since its process is gone can go on with it: it waits for who can, or for a person.
    Parked {
        /// Why, and what to do.
        reason: String,
    },
    /// Somebody wants the rectifier that failed tried once more, or the run taken up that was parked.
    Retried,
    /// Somebody has undone by hand what the run could not.
    Resolved {
        /// Who and how, for those who read it later.
        note: String,
    },
}

#[derive(Deserialize)]
struct StartedForm {
    program: String,
    fingerprint: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    locks: Vec<String>,
    pool: Value,
}

#[derive(Serialize)]
struct StartedView<'a> {
    program: &'a str,
    fingerprint: &'a str,
    key: Option<&'a str>,
    locks: &'a [String],
    pool: PlainPool<'a>,
}

#[derive(Serialize, Deserialize)]
struct BeganForm {
    hook: String,
    attempt: u32,
    is_reversing: bool,
}

#[derive(Deserialize)]
struct EndedForm {
    set: Vec<(String, Value)>,
    removed: Vec<String>,
    error: Option<String>,
    #[serde(default)]
    in_doubt: bool,
}

#[derive(Serialize)]
struct EndedView<'a> {
    set: Vec<(&'a str, Plain<'a>)>,
    removed: &'a [String],
    error: Option<&'a str>,
    in_doubt: bool,
}

/// Of what is said in words.
#[derive(Serialize, Deserialize)]
struct TextForm {
    text: String,
}

/// Why bytes are no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// No event is called so; a newer version may know it.
    #[error("no event of a run is called {0:?}; was it written by a newer version?")]
    Unknown(String),
    /// The bytes are not what an event of this kind consists of.
    #[error("an event {kind:?} cannot be read: {source}")]
    Unreadable {
        /// What the event is called.
        kind: String,
        /// What is wrong with the bytes.
        source: DecodeError,
    },
    /// It is a large event, and other events come before its last part.
    #[error("an event {kind:?} should have {missing} more parts")]
    Incomplete {
        /// What the event is called.
        kind: String,
        /// How many parts there should be.
        missing: u64,
    },
    /// It is an event, and its pool is none.
    #[error("an event {kind:?} holds no pool: {reason}")]
    NoPool {
        /// What the event is called.
        kind: String,
        /// What it holds instead.
        reason: String,
    },
}

impl Event {
    /// What it is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Began { .. } => "began",
            Event::Ended { .. } => "ended",
            Event::Noted { .. } => "noted",
            Event::Recovered => "recovered",
            Event::TimedOut => "timed_out",
            Event::Cancelled => "cancelled",
            Event::Parked { .. } => "parked",
            Event::Retried => "retried",
            Event::Resolved { .. } => "resolved",
        }
    }

    /// What it consists of, as MessagePack.
    ///
    /// # Errors
    /// A value in it is nested deeper than values may be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Event::Started { program, fingerprint, key, locks, pool } => {
                let (key, pool) = (key.as_deref(), PlainPool(pool));
                encode(&StartedView { program, fingerprint, key, locks, pool })
            }
            Event::Began { hook, attempt, is_reversing } => {
                encode(&BeganForm { hook: hook.clone(), attempt: *attempt, is_reversing: *is_reversing })
            }
            Event::Ended { changes, error, in_doubt } => encode(&EndedView {
                set: changes.set.iter().map(|(name, value)| (name.as_str(), Plain(value))).collect(),
                removed: &changes.removed,
                error: error.as_deref(),
                in_doubt: *in_doubt,
            }),
            Event::Noted { text } | Event::Resolved { note: text } | Event::Parked { reason: text } => {
                encode(&TextForm { text: text.clone() })
            }
            Event::Recovered | Event::TimedOut | Event::Cancelled | Event::Retried => Ok(Vec::new()),
        }
    }

    /// Reads what [`Event::to_bytes`] wrote.
    ///
    /// # Errors
    /// The kind is unknown, or the bytes are not of it.
    pub fn from_bytes(kind: &str, bytes: &[u8]) -> Result<Self, EventError> {
        Ok(match kind {
            "started" => {
                let StartedForm { program, fingerprint, key, locks, mut pool } = read(kind, bytes)?;
                from_plain(&mut pool);
                let pool = Pool::from_value(pool).map_err(|error| EventError::NoPool {
                    kind: kind.to_owned(),
                    reason: error.to_string(),
                })?;
                Event::Started { program, fingerprint, key, locks, pool }
            }
            "began" => {
                let form: BeganForm = read(kind, bytes)?;
                Event::Began { hook: form.hook, attempt: form.attempt, is_reversing: form.is_reversing }
            }
            "ended" => {
                let mut form: EndedForm = read(kind, bytes)?;
                form.set.iter_mut().for_each(|(_, value)| from_plain(value));
                let changes = Changes { set: form.set, removed: form.removed };
                Event::Ended { changes, error: form.error, in_doubt: form.in_doubt }
            }
            "noted" => Event::Noted { text: read::<TextForm>(kind, bytes)?.text },
            "resolved" => Event::Resolved { note: read::<TextForm>(kind, bytes)?.text },
            "parked" => Event::Parked { reason: read::<TextForm>(kind, bytes)?.text },
            "recovered" => Event::Recovered,
            "timed_out" => Event::TimedOut,
            "cancelled" => Event::Cancelled,
            "retried" => Event::Retried,
            other => return Err(EventError::Unknown(other.to_owned())),
        })
    }
}

fn read<'a, T: Deserialize<'a>>(kind: &str, bytes: &'a [u8]) -> Result<T, EventError> {
    let decoded = check_whole(bytes, &LIMITS).and_then(|_| decode_checked(bytes));
    decoded.map_err(|source| EventError::Unreadable { kind: kind.to_owned(), source })
}
