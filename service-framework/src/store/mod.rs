//! The event store: an append-only log with atomic batches, leases that fence, timers and an outbox.
//!
//! A [`Store`] holds *streams*, each a sequence of events with versions from 1 on. What happens at once is one [`Batch`]: events
//! for several streams, the status under which a stream is listed, unique keys, timers, messages to be sent, and the *fences*
//! under which all of it holds. A batch is written whole or not at all, and [`Pending`] says so when it is on disk.
//!
//! ```
//! use service_framework::store::{Batch, Expected, NewEvent, Store};
//!
//! # fn main() -> Result<(), service_framework::store::Error> {
//! let store = Store::in_memory();
//! let lease = store.acquire("worker-1", "host-a", std::time::Duration::from_secs(10)).wait()?;
//! let batch = Batch::new()
//!     .fence(&lease.name, lease.epoch)
//!     .append("run-1", Expected::NoStream, [NewEvent::new("begun", b"{}")])
//!     .mark("run-1", "run", "running", Some(&lease.name));
//! let committed = store.submit(batch).wait()?;
//! assert_eq!(committed.version("run-1"), Some(1));
//! assert_eq!(store.read("run-1", 1, 100)?[0].kind, "begun");
//! # Ok(())
//! # }
//! ```
//!
//! Payloads are bytes that the store does not look into. Time is the store's: what a batch stamps, when a lease runs out and which
//! timers are due are decided by one clock, that of this host or of the database server.

mod backend;
mod batch;
mod error;
mod handle;
mod location;
mod memory;
mod own_lease;
mod owner;
mod pending;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
mod rules;
mod sqlite;
mod staged;
mod time;
mod upkeep;
mod watch;
mod writer;

pub(crate) use batch::LONGEST_NAME;
pub use batch::{Batch, Expected, NewEvent};
pub use error::{Error, Refused};
pub use handle::{Store, StoreOptions};
pub use location::{Durability, Location};
pub(crate) use own_lease::{OwnLease, new_id};
pub(crate) use owner::{has_no_process, name_in, name_of_process};
pub use pending::Pending;
pub use rows::{Committed, Event, Filter, Lease, LeaseState, Mark, OutboxItem, StreamInfo, Timer};
pub use time::{Clock, Due, ManualClock, SystemClock, Timestamp};
pub use upkeep::{Damage, Info, MarkCount};
pub use watch::{Topic, Watch};

#[cfg(test)]
mod conformance;
