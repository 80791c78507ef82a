//! Runs: what a program does with one request, as a machine without effects.
//!
//! A [`Plan`] is a program written out, a [`Run`] stands somewhere in it, and an [`Event`] is what moves it: the one function
//! [`Run::apply`] does so live and over a journal. [`prepare`] makes the pool that a run begins with, [`answer`] what
//! the client gets.

mod answer;
mod event;
mod machine;
mod plain_form;
mod plan;
mod prepare;
mod settle;
#[cfg(test)]
mod tests;

pub use answer::answer;
pub(crate) use event::LIMITS;
pub use event::{Event, EventError};
pub use machine::{End, Illegal, Next, Run};
pub use plan::Plan;
pub(crate) use prepare::find;
pub use prepare::{Request, RequestError, prepare};
