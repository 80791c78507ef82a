//! Tests with real processes and real sockets, one file per subject.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod behaviour;
mod broken_inputs;
mod cli;
mod commands;
mod descriptors;
mod direction;
mod flows;
mod folder;
mod interop;
mod interop_states;
mod logs;
mod new;
mod programs;
mod running;
mod schema;
mod states;
mod states_shown;
mod store_faults;
mod stores;
mod support;
mod system_up;
mod ui;
