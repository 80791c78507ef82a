//! What the services of the host system share: their messages, the reading of a machine, and what is made of it.
//! No sockets; the three services in `bin/` bring them.

pub mod alarms;
pub mod answers;
pub mod machine;
pub mod messages;
pub mod reading;
pub mod view;
