//! Wire: what stands in a frame around the arguments. No sockets, no clock.
