//! The history of a flow: the events of its stream, and what they add up to. Pure: it knows neither store nor clock.

mod again;
mod event;

pub use again::{end, fork, moves, published, retry_from};
pub use event::{End, Event, EventError, Move, Started, Status, Timing, Turn};
