//! Recordings: what services took in and sent out, in one file.
//!
//! `service_framework record` writes one through the taps of services that run, `inspect` shows it, `replay` does it again.
//! Here is the file itself: an SQLite database with a version, written in batches by one thread and read by
//! whoever has a [`Recording`]. Its bytes are as private as the messages are, so the file is for its owner alone.
//!
//! ```
//! use service_framework::recording::{Filter, Kind, Recording};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("run.sfr");
//! # service_framework::recording::write_example(&path)?;
//! let recording = Recording::open(&path)?;
//! let requests = Filter::new().connection("ask").kind(Kind::Request);
//! for message in recording.messages(&requests) {
//!     let message = message?;
//!     println!("{} {} {:?}", message.time, message.service, message.arguments());
//! }
//! # assert_eq!(recording.messages(&requests).count(), 1);
//! # Ok(())
//! # }
//! ```

mod differences;
mod error;
mod file;
mod filter;
mod message;
mod pages;
mod read;
mod states;
#[cfg(test)]
mod tests;
mod track;
mod write;

pub use crate::connection::tap::{Direction, Kind};
pub(crate) use differences::answer_differences;
pub use differences::{Difference, Ignored, differences};
pub use error::RecordingError;
pub use filter::Filter;
pub use message::Message;
pub use pages::Messages;
pub use read::{RecordedService, Recording};
pub use states::{RecordedState, StateName, StateStep};
pub(crate) use states::{Wholes, others_of};
#[cfg(test)]
pub(crate) use tests::example as example_message;
pub(crate) use track::{Step, Track};
pub use write::write_example;
pub(crate) use write::{WholeState, Writer};
