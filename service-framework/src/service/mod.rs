//! Services: handlers, what they may send, hooks, and the loop that runs them.
