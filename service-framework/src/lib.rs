#![doc = include_str!("docs/crate.md")]

// What is derived here, in tests, names the library as everybody does.
extern crate self as service_framework;

// Dependencies run one way: drawing, http, value, store, model, wire, program, connection, cluster, state, recording, flow,
// service, launcher;
// `tests/direction.rs` holds this.
#[cfg(feature = "cluster")]
pub mod cluster;
mod connection;
mod derives;
#[cfg_attr(
    not(feature = "programs"),
    expect(unreachable_pub, reason = "programs show its formats to others")
)]
mod drawing;
#[cfg(feature = "flows")]
pub mod flow;
#[cfg(any(feature = "flows", feature = "dashboard"))]
mod http;
pub mod launcher;
pub mod model;
pub mod prelude;
#[cfg(feature = "programs")]
pub mod program;
#[cfg(feature = "recording")]
pub mod recording;
pub mod service;
pub mod state;
#[cfg(feature = "programs")]
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod value;
pub mod wire;

#[doc(hidden)]
pub use derives::derived;
pub use derives::{Config, Links, Message};
pub use launcher::{Services, run};
pub use service::{Result, Service};
pub use value::Value;

/// The samples of the documents, compiled.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/services.md")]
    struct Services;
    #[doc = include_str!("../../docs/states.md")]
    struct States;
    #[cfg(feature = "programs")]
    #[doc = include_str!("../../docs/programs.md")]
    struct Programs;
    #[cfg(feature = "cluster")]
    #[doc = include_str!("../../docs/cluster.md")]
    struct Cluster;
    #[cfg(all(feature = "recording", feature = "testing"))]
    #[doc = include_str!("../../docs/recording.md")]
    struct Recording;
    #[cfg(feature = "programs")]
    #[doc = include_str!("../../docs/store.md")]
    struct Store;
}
