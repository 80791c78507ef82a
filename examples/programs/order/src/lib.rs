//! Order: the functions behind the hooks of ryu_spec.json.

mod wiring;

pub use wiring::{SPEC, hooks, programs};

pub mod books;
pub mod letters;
pub mod payment;
pub mod prices;
pub mod shipping;
pub mod stock;

pub mod shop;
