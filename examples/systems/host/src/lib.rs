//! What the services of the host system share: the reading of a machine, and what is made of it.
//! No sockets and no clock; the three services in `bin/` bring both.

pub mod alarms;
pub mod answers;
pub mod machine;
pub mod reading;
pub mod view;
