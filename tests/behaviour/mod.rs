//! What connections promise where the originals break: each promise provoked over real sockets, with processes where
//! it is a process that fails. The other end is a bare socket ([`peers`]), which can do what no service would.

mod circles;
mod errors;
mod fairness;
pub(crate) mod hostile;
pub(crate) mod idle;
pub(crate) mod inside;
pub(crate) mod peers;
pub(crate) mod place;
mod publishing;
mod requests;
mod stopping;
