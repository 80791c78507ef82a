//! The binary `service_framework`.

fn main() {}
