//! What a node keeps: who it is, how often it was started, whom it knew and what it shares.
//!
//! In the project's event store, in streams of their own: `cluster/node` (key, number of the store, epochs), `cluster/name`, `cluster/peers`
//! (addresses of members), `cluster/instances` (where services were) and `cluster/map/N`, a log of entries that is written anew, under the next number, when most of it
//! no longer counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::engine::Output;
use super::super::identity::Address;
use super::super::map::{Entry, Key, Stored, Versions};
use super::super::registry::Remembered;
use super::NodeError;
use crate::store::{Batch, Expected, NewEvent, Store};

const NODE: &str = "cluster/node";
const CLUSTER: &str = "cluster/name";
const PEERS: &str = "cluster/peers";
const INSTANCES: &str = "cluster/instances";
const MAP: &str = "cluster/map";

/// Events that are read at once.
const READ: usize = 1_000;

/// How many events of the log may not count any more, beside as many as do.
const SPARE: u64 = 20_000;

/// Epochs that are kept before they become one.
const EPOCHS: u64 = 100;

/// Who a node is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Own {
    /// The secret half of its key; nothing where there are none.
    pub(super) secret: Option<[u8; 32]>,
    /// Its id, where it does not follow from a key.
    pub(super) id: u128,
    /// Another one if the store was lost.
    pub(super) store: u64,
}

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) identity: Option<Own>,
    pub(super) epoch: u64,
    /// The cluster that the node was in.
    pub(super) cluster: Option<String>,
    pub(super) peers: Vec<Address>,
    pub(super) instances: Vec<Remembered>,
    pub(super) entries: Vec<Entry>,
    pub(super) versions: Versions,
    pub(super) floor: Versions,
}

/// The place where it is kept.
pub(super) struct Disk {
    store: Store,
    /// Which log of shared data is the present one.
    log: u64,
    /// Events in there, and entries that count.
    logged: u64,
    live: u64,
    /// Nobody else has the folder as long as this is open.
    lock: Option<std::fs::File>,
}

#[derive(Default)]
struct Fold {
    entries: BTreeMap<Key, Entry>,
    versions: Versions,
    floor: Versions,
    /// The number of the store, if it is another than it was at first.
    writer: Option<u64>,
    events: u64,
}

impl Disk {
    /// Reads what was kept.
    pub(super) fn open(store: Store) -> Result<(Self, Kept), NodeError> {
        let mut kept = Kept::default();
        each(&store, NODE, |kind, payload| {
            match kind {
                "identity" => kept.identity = Some(read(payload)?),
                "epoch" => kept.epoch = kept.epoch.max(read(payload)?),
                _ => {}
            }
            Ok(())
        })?;
        each(&store, CLUSTER, |_, payload| {
            kept.cluster = Some(read(payload)?);
            Ok(())
        })?;
        each(&store, PEERS, |_, payload| {
            kept.peers = read(payload)?;
            Ok(())
        })?;
        each(&store, INSTANCES, |_, payload| {
            kept.instances = read(payload)?;
            Ok(())
        })?;
        let log = store.claimed(MAP)?.map_or(Ok(0), |number| read(&number))?;
        let mut disk = Self { store, log, logged: 0, live: 0, lock: None };
        let fold = disk.fold()?;
        (disk.logged, disk.live) = (fold.events, fold.entries.len() as u64);
        disk.write_anew_if_worth_it()?;
        if let (Some(identity), Some(writer)) = (&mut kept.identity, fold.writer) {
            identity.store = writer;
        }
        kept.entries = fold.entries.into_values().collect();
        (kept.versions, kept.floor) = (fold.versions, fold.floor);
        Ok((disk, kept))
    }

    /// Holds the lock of its folder for as long as it is used.
    pub(super) fn hold(&mut self, lock: Option<std::fs::File>) {
        self.lock = lock;
    }

    /// Keeps who the node is.
    pub(super) fn keep_identity(&self, identity: &Own) -> Result<(), NodeError> {
        let event = NewEvent::new("identity", written(identity));
        self.store.commit(Batch::new().append(NODE, Expected::NoStream, [event]))?;
        Ok(())
    }

    /// Keeps of which cluster the node is: what is shared in one is nothing to another.
    pub(super) fn keep_cluster(&self, cluster: &str) -> Result<(), NodeError> {
        self.keep_alone(CLUSTER, "cluster", written(&cluster))
    }

    /// Keeps where members were.
    pub(super) fn keep_peers(&self, peers: &[Address]) -> Result<(), NodeError> {
        self.keep_alone(PEERS, "peers", written(&peers))
    }

    /// Keeps where services were.
    pub(super) fn keep_instances(&self, instances: &[Remembered]) -> Result<(), NodeError> {
        self.keep_alone(INSTANCES, "instances", written(&instances))
    }

    /// Keeps the one event of a stream, instead of the one before.
    fn keep_alone(
        &self,
        stream: &'static str,
        kind: &'static str,
        payload: Vec<u8>,
    ) -> Result<(), NodeError> {
        let event = NewEvent::new(kind, payload);
        let batch = Batch::new().remove(stream).append(stream, Expected::NoStream, [event]);
        self.store.commit(batch)?;
        Ok(())
    }

    /// Keeps what is to be kept of `outputs`; it is on disk when this returns.
    pub(super) fn keep(&mut self, outputs: &[Output]) -> Result<(), NodeError> {
        let mut batch = Batch::new();
        let mut events = Vec::new();
        for output in outputs {
            match output {
                Output::StoreEpoch(epoch) => batch = self.with_epoch(batch, *epoch)?,
                Output::Store(stored) => events.push(event_of(stored)),
                _ => {}
            }
        }
        if !events.is_empty() {
            self.logged += events.len() as u64;
            batch = batch.append(self.name_of(self.log), Expected::Any, events);
        }
        if !batch.is_empty() {
            self.store.commit(batch)?;
            self.write_anew_if_worth_it()?;
        }
        Ok(())
    }

    fn with_epoch(&self, batch: Batch, epoch: u64) -> Result<Batch, NodeError> {
        let head = self.store.head(NODE)?;
        let batch = batch.append(NODE, Expected::Any, [NewEvent::new("epoch", written(&epoch))]);
        // The first is who it is.
        if head < EPOCHS || !head.is_multiple_of(EPOCHS) {
            return Ok(batch);
        }
        let identity = self.store.read(NODE, 1, 1)?;
        let Some(identity) = identity.into_iter().find(|event| event.kind == "identity") else {
            return Ok(batch);
        };
        let again = NewEvent::new("identity", identity.payload);
        let epoch = NewEvent::new("epoch", written(&epoch));
        Ok(Batch::new().remove(NODE).append(NODE, Expected::NoStream, [again, epoch]))
    }

    fn name_of(&self, log: u64) -> String {
        format!("{MAP}/{log}")
    }

    fn fold(&self) -> Result<Fold, NodeError> {
        let mut fold = Fold::default();
        each(&self.store, &self.name_of(self.log), |kind, payload| {
            fold.events += 1;
            match kind {
                "entry" => {
                    let entry: Entry = read(payload)?;
                    fold.entries.insert(entry.key.clone(), entry);
                }
                "removed" => drop(fold.entries.remove(&read::<Key>(payload)?)),
                "versions" => (fold.versions, fold.floor) = read(payload)?,
                "seen" => fold.versions.raise(read(payload)?),
                "writer" => fold.writer = Some(read(payload)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(fold)
    }

    /// Writes the log anew with what counts alone, if that is little of it.
    fn write_anew_if_worth_it(&mut self) -> Result<(), NodeError> {
        if self.logged <= 2 * self.live + SPARE {
            return Ok(());
        }
        let fold = self.fold()?;
        let (old, new) = (self.name_of(self.log), self.name_of(self.log + 1));
        let versions = Stored::Versions { versions: fold.versions, floor: fold.floor };
        let entries = fold.entries.into_values().map(|entry| event_of(&Stored::Entry(entry)));
        let writer = fold.writer.map(|writer| event_of(&Stored::Writer(writer)));
        let events: Vec<NewEvent> = entries.chain([event_of(&versions)]).chain(writer).collect();
        let count = events.len() as u64;
        let mut batch = Batch::new().append(&*new, Expected::NoStream, events).remove(old);
        batch = batch.release(MAP).claim(MAP, written(&(self.log + 1)));
        self.store.commit(batch)?;
        (self.log, self.logged, self.live) = (self.log + 1, count, count);
        Ok(())
    }
}

fn event_of(stored: &Stored) -> NewEvent {
    match stored {
        Stored::Entry(entry) => NewEvent::new("entry", written(entry)),
        Stored::Removed(key) => NewEvent::new("removed", written(key)),
        Stored::Versions { versions, floor } => NewEvent::new("versions", written(&(versions, floor))),
        Stored::Seen(dot) => NewEvent::new("seen", written(dot)),
        Stored::Writer(store) => NewEvent::new("writer", written(store)),
    }
}

fn each(
    store: &Store,
    stream: &str,
    mut take: impl FnMut(&str, &[u8]) -> Result<(), NodeError>,
) -> Result<(), NodeError> {
    let mut from = 1;
    loop {
        let events = store.read(stream, from, READ)?;
        for event in &events {
            take(&event.kind, &event.payload)?;
        }
        match events.last() {
            Some(last) if events.len() == READ => from = last.version + 1,
            _ => return Ok(()),
        }
    }
}

/// Writing to memory what can be written cannot fail.
fn written<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, NodeError> {
    rmp_serde::from_slice(payload).map_err(|error| NodeError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::super::identity::NodeId;
    use super::super::super::map::{Actor, Cell, Dot, Kind, Stamp};
    use super::*;

    fn entry(number: u64) -> Entry {
        let actor = Actor { node: NodeId(1), store: 1 };
        let key = Key { map: "m".into(), key: number.to_be_bytes().to_vec().into(), kind: Kind::Register };
        let stamp = Stamp { time: number, actor };
        let dots = Versions::from_iter([Dot { actor, seq: number }]);
        Entry { key, cell: Cell::Register { stamp, value: Some(b"v".as_slice().into()) }, dots }
    }

    #[test]
    fn what_was_kept_comes_back() {
        let store = Store::in_memory();
        let (mut disk, kept) = Disk::open(store.clone()).unwrap();
        assert!(kept.identity.is_none() && kept.epoch == 0);
        disk.keep_identity(&Own { secret: Some([7; 32]), id: 5, store: 9 }).unwrap();
        disk.keep_peers(&[Address("tcp://a:1".into())]).unwrap();
        disk.keep_peers(&[Address("tcp://b:2".into())]).unwrap();
        let (one, two) = (entry(1), entry(2));
        let removed = Output::Store(Stored::Removed(one.key.clone()));
        let versions = Stored::Versions { versions: two.dots.clone(), floor: Versions::default() };
        let entries = [one, two.clone()].map(|entry| Output::Store(Stored::Entry(entry)));
        disk.keep(&entries).unwrap();
        disk.keep(&[removed, Output::Store(versions), Output::StoreEpoch(4)]).unwrap();
        let seen = Dot { actor: Actor { node: NodeId(2), store: 1 }, seq: 7 };
        disk.keep(&[Output::Store(Stored::Seen(seen))]).unwrap();
        let (_, kept) = Disk::open(store).unwrap();
        assert_eq!((kept.epoch, kept.entries), (4, vec![two.clone()]));
        let all = two.dots.dots().chain([seen]).collect();
        assert_eq!((kept.identity.unwrap().store, kept.versions), (9, all));
        assert_eq!(kept.peers, [Address("tcp://b:2".into())]);
    }

    #[test]
    fn many_epochs_become_one() {
        let store = Store::in_memory();
        let (mut disk, _) = Disk::open(store.clone()).unwrap();
        disk.keep_identity(&Own { secret: None, id: 5, store: 9 }).unwrap();
        for epoch in 1..=3 * EPOCHS {
            disk.keep(&[Output::StoreEpoch(epoch)]).unwrap();
        }
        assert!(store.head(NODE).unwrap() <= 2 * EPOCHS);
        let (_, kept) = Disk::open(store).unwrap();
        assert_eq!((kept.epoch, kept.identity.unwrap().id), (3 * EPOCHS, 5));
    }

    #[test]
    fn a_log_of_which_little_counts_is_written_anew() {
        let store = Store::in_memory();
        let (mut disk, _) = Disk::open(store.clone()).unwrap();
        disk.keep_identity(&Own { secret: None, id: 5, store: 9 }).unwrap();
        for _ in 0..SPARE / 1_000 + 2 {
            let writes: Vec<Output> =
                (0..1_000).map(|number| Output::Store(Stored::Entry(entry(number % 10 + 1)))).collect();
            disk.keep(&writes).unwrap();
            disk.keep(&[Output::Store(Stored::Writer(12))]).unwrap();
        }
        assert_eq!(disk.log, 1);
        assert_eq!(store.head("cluster/map/0").unwrap(), 0);
        let (_, kept) = Disk::open(store).unwrap();
        assert_eq!((kept.entries.len(), kept.identity.unwrap().store), (10, 12));
    }
}
