//! What connections promise where the originals break: each promise provoked over real sockets, with processes where
//! it is a process that fails. The other end is a bare socket ([`peers`]), which can do what no service would.

mod circles;
mod errors;
mod fairness;
mod hostile;
mod idle;
mod inside;
mod peers;
mod place;
mod publishing;
mod requests;
mod stopping;
