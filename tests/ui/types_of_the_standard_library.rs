// Types that look as if a message could hold them.
use std::path::PathBuf;
use std::time::SystemTime;

use service_framework::prelude::*;

#[derive(Message)]
struct File {
    path: PathBuf,
    changed: SystemTime,
}

#[derive(Message)]
struct Letter {
    first: char,
    sizes: [u32; 3],
    number: u128,
}

fn main() {}
