//! Programs: as the original answers, over real sockets, and whatever becomes of their servers.

mod broken;
mod commands;
mod crashes;
mod deploy;
mod equivalence;
mod hostile;
mod killed;
mod new;
mod run;
mod three_services;
