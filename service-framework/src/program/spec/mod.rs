//! Specs: which programs there are and of which hooks each is made, read from JSON and checked whole.
//!
//! Nothing here reads a file or a clock.
//!
//! ```
//! use service_framework::program::spec::{Spec, Target};
//!
//! let spec = Spec::from_text(
//!     r#"{
//!         "name": "order",
//!         "programs": {"buy": {
//!             "hooks": ["hooks.reserve"],
//!             "args": {"item": {"type": "str", "required": true}},
//!             "outputs": {}
//!         }},
//!         "hooks": {
//!             "reserve": {"reference": "order.stock.reserve", "args": {}, "rectifiers": ["release"]},
//!             "release": {"reference": "order.stock.release", "args": {}}
//!         }
//!     }"#,
//! );
//! let spec = spec.expect("it has no problems");
//! let buy = spec.program("buy").expect("it is there");
//! assert_eq!(buy.hooks, [Target::Hook(0)]);
//! assert_eq!(spec.hooks()[0].rectifiers, [Target::Hook(1)]);
//!
//! let problems = Spec::from_text(r#"{"name": "order", "programs": {}, "hook": {}}"#).unwrap_err();
//! assert_eq!(problems[0].hint.as_deref(), Some("did you mean `hooks`?"));
//! ```

mod arg;
mod arg_type;
mod cycles;
mod durations;
mod fingerprint;
mod keys;
mod locks;
mod model;
mod names;
mod read;
mod read_hook;
mod read_program;
mod references;
mod steps;
mod write;

pub use arg::Arg;
pub use arg_type::ArgType;
pub(super) use durations::write_duration;
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use locks::{LockError, LockTemplate};
pub use model::{Hook, OnCrash, Program, Retry, Spec, Target};
pub use names::{FRAMEWORK_NAMES, is_framework_name};
pub use steps::MAX_STEPS;

#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod problem_tests;
#[cfg(test)]
pub(super) mod properties;
#[cfg(test)]
mod tests;
