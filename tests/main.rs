//! Tests with real processes and real sockets, one file per subject.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod behaviour;
mod broken_inputs;
mod cli;
mod cluster;
mod commands;
mod dashboard;
mod descriptors;
mod direction;
mod flows;
mod folder;
mod interop;
mod interop_states;
mod logs;
mod new;
mod programs;
mod recordings;
mod running;
mod schema;
mod site;
mod states;
mod states_shown;
mod store_faults;
mod stores;
mod support;
mod system_up;
mod systems;
mod talking;
mod ui;
