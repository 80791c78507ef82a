//! Clusters of real processes: one host, two hosts in network namespaces, strangers at the port.

mod discovery;
mod examples;
mod hostile;
mod hosts;
mod processes;
mod running;
mod wires;
