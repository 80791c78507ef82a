//! Owners of leases by name: the process, and behind it what tells it from all others.

use std::path::Path;

/// What a process of this host is called in a store.
pub(crate) fn name_of_process(pid: u32) -> String {
    format!("{} pid {pid}", host())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name of an owner, without what tells it from others of its name.
pub(crate) fn name_in(owner: &str) -> &str {
    owner.rsplit_once(' ').map_or(owner, |(name, _)| name)
}

/// Whether an owner is a process that this host does not have. It is only said: nothing is decided by it.
pub(crate) fn has_no_process(owner: &str) -> bool {
    let Some((there, rest)) = owner.split_once(" pid ") else { return false };
    let number = rest.split(' ').next().and_then(|text| text.parse::<u32>().ok());
    there == host() && number.is_some_and(|number| !Path::new(&format!("/proc/{number}")).exists())
}
