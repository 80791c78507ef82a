//! Records: events as the store holds them. A large one is several: what it is, and then its bytes in parts.

use serde::{Deserialize, Serialize};

use crate::program::run::{Event, EventError, LIMITS};
use crate::store::NewEvent;
use crate::value::msgpack::check_whole;
use crate::value::{Bytes, decode, encode};

/// Most bytes of one record.
const PART: usize = 1 << 20;
/// What the first record of a large event is called.
const LARGE: &str = "large";
/// What the others are called.
const MORE: &str = "part";

#[derive(Serialize, Deserialize)]
struct LargeForm {
    kind: String,
    parts: u64,
    /// The event without its values, so that who does not need them reads no more.
    head: Bytes,
}

/// The records of an event, if it can be read again; otherwise why not.
pub(super) fn records(event: &Event) -> Result<Vec<NewEvent>, String> {
    let bytes = event.to_bytes().map_err(|error| error.to_string())?;
    if bytes.len() > LIMITS.bytes {
        return Err(format!("{} bytes are more than {}", bytes.len(), LIMITS.bytes));
    }
    if !bytes.is_empty() {
        check_whole(&bytes, &LIMITS).map_err(|error| error.to_string())?;
    }
    if bytes.len() <= PART {
        return Ok(vec![NewEvent::new(event.kind(), bytes)]);
    }
    let parts = bytes.chunks(PART);
    let form = LargeForm { kind: event.kind().to_owned(), parts: parts.len() as u64, head: head(event)? };
    let first = encode(&form).map_err(|error| error.to_string())?;
    let rest = parts.map(|part| NewEvent::new(MORE, part));
    Ok([NewEvent::new(LARGE, first)].into_iter().chain(rest).collect())
}

fn head(event: &Event) -> Result<Bytes, String> {
    let head = match event {
        Event::Started { program, fingerprint, key, locks, .. } => Event::Started {
            program: program.clone(),
            fingerprint: fingerprint.clone(),
            key: key.clone(),
            locks: locks.clone(),
            pool: crate::program::Pool::new(),
        },
        _ => return Ok(Bytes::default()),
    };
    head.to_bytes().map(Bytes).map_err(|error| error.to_string())
}

/// The event of a first record; of a large one without its values.
pub(super) fn read_head(kind: &str, payload: &[u8]) -> Result<Event, EventError> {
    match kind {
        LARGE => {
            let form = read_large(payload)?;
            Event::from_bytes(&form.kind, &form.head)
        }
        _ => Event::from_bytes(kind, payload),
    }
}

fn read_large(payload: &[u8]) -> Result<LargeForm, EventError> {
    decode(payload).map_err(|source| EventError::Unreadable { kind: LARGE.to_owned(), source })
}

/// Puts records together that come one after the other.
#[derive(Default)]
pub(super) struct Reading {
    open: Option<(LargeForm, Vec<u8>)>,
}

impl Reading {
    /// Takes the next record; the event if it is whole now.
    pub(super) fn take(&mut self, kind: &str, payload: &[u8]) -> Result<Option<Event>, EventError> {
        match (self.open.take(), kind) {
            (None, LARGE) => {
                self.open = Some((read_large(payload)?, Vec::new()));
                Ok(None)
            }
            (Some((mut form, mut bytes)), MORE) => {
                bytes.extend_from_slice(payload);
                form.parts = form.parts.saturating_sub(1);
                if form.parts > 0 {
                    self.open = Some((form, bytes));
                    return Ok(None);
                }
                Event::from_bytes(&form.kind, &bytes).map(Some)
            }
            (Some((form, _)), _) => Err(EventError::Incomplete { kind: form.kind, missing: form.parts }),
            // A part of nothing is no kind of event.
            (None, kind) => Event::from_bytes(kind, payload).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Changes, Pool};
    use crate::value::Value;

    fn read(records: &[NewEvent]) -> Vec<Event> {
        let mut reading = Reading::default();
        let events = records.iter().map(|record| reading.take(&record.kind, &record.payload).unwrap());
        events.flatten().collect()
    }

    #[test]
    fn events_of_any_size_are_read_again() {
        for size in [0, 10, PART - 100, PART, PART + 1, 3 * PART, 5 * PART + 7] {
            let mut pool = Pool::new();
            pool.set("text", "x".repeat(size));
            let (program, fingerprint, key) = ("p".to_owned(), "f".to_owned(), Some("k".to_owned()));
            let started = Event::Started { program, fingerprint, key, locks: vec!["*".to_owned()], pool };
            let ended = Event::Ended {
                changes: Changes {
                    set: vec![("n".to_owned(), Value::Bytes(vec![7; size]))],
                    removed: vec![],
                },
                error: None,
                in_doubt: false,
            };
            let all: Vec<NewEvent> = [&started, &ended, &Event::Recovered]
                .into_iter()
                .flat_map(|event| records(event).unwrap())
                .collect();
            assert!(all.iter().all(|record| record.payload.len() <= PART));
            assert_eq!(read(&all), [started, ended, Event::Recovered]);
            let Event::Started { program, key, .. } = read_head(&all[0].kind, &all[0].payload).unwrap()
            else {
                panic!("{:?}", all[0])
            };
            assert_eq!((program.as_str(), key.as_deref()), ("p", Some("k")));
        }
    }

    #[test]
    fn what_is_too_large_for_the_store_is_said() {
        let mut pool = Pool::new();
        pool.set("text", Value::Bytes(vec![0; LIMITS.bytes]));
        let started = Event::Started {
            program: "p".to_owned(),
            fingerprint: String::new(),
            key: None,
            locks: Vec::new(),
            pool,
        };
        assert!(records(&started).unwrap_err().contains("are more than 250000000"));
    }

    #[test]
    fn parts_of_nothing_are_no_events() {
        assert!(Reading::default().take(MORE, b"").is_err());
        let large = encode(&LargeForm { kind: "started".into(), parts: 2, head: Bytes::default() }).unwrap();
        let mut reading = Reading::default();
        assert!(reading.take(LARGE, &large).unwrap().is_none());
        assert!(reading.take("recovered", b"").unwrap_err().to_string().contains("2 more parts"));
        assert!(reading.take(MORE, b"").is_err());
    }
}
