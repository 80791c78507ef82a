//! What replicated states promise, over real sockets: with processes that are killed and stopped, with services inside
//! the test where a promise is about what the caller in Rust sees, and with bare sockets for what no service would do.

mod changes;
mod chaos;
mod here;
mod hostile;
mod joining;
pub(crate) mod ledger;
pub(crate) mod net;
mod owners;
mod restarts;
mod views;
