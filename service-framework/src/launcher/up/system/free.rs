//! Ports that are free, the same ones each time as far as nobody else has taken them.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use crate::connection::Endpoint;

/// Below are ports that programs have by custom.
const FIRST: u16 = 10_000;

/// Where the system begins to give ports to whoever connects, unless it says: one of those may be taken when its service
/// is started again.
const USUAL_END: u16 = 32_768;

/// Chooses ports.
pub(super) struct Ports {
    taken: HashSet<u16>,
    end: u16,
    /// They are those that would be chosen if nobody had any.
    is_told: bool,
}

impl Ports {
    /// None of those in the addresses `texts` is chosen. If a system is only told of, it is not looked who has them: it may
    /// be that system which runs.
    pub(super) fn beside<'a>(texts: impl IntoIterator<Item = &'a str>, is_told: bool) -> Self {
        let taken = texts.into_iter().filter_map(|text| Endpoint::parse(text).ok()?.port()).collect();
        Self { taken, end: end_of_range(), is_told }
    }

    /// A port of this machine that nobody has, and that was not chosen before; always the same for a `key`, if it can be.
    /// None if all are taken.
    pub(super) fn choose(&mut self, key: &str) -> Option<u16> {
        let range = self.end - FIRST;
        // FNV-1a: no version of anything changes it.
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let first = key.bytes().fold(0x811c_9dc5, mix) % u32::from(range);
        let first = u16::try_from(first).unwrap_or_default();
        let port = (0..range).map(|step| FIRST + (first + step) % range).find(|port| self.is_free(*port))?;
        self.taken.insert(port);
        Some(port)
    }

    fn is_free(&self, port: u16) -> bool {
        let is_nobodys = || self.is_told || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        !self.taken.contains(&port) && is_nobodys()
    }
}

fn end_of_range() -> u16 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|first| first.parse::<u16>().ok());
    first.unwrap_or(USUAL_END).clamp(FIRST + 1_000, USUAL_END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_the_same_each_time_and_each_is_chosen_once() {
        let chosen_or_told = |keys: &[&str], is_told: bool| {
            let mut ports = Ports::beside(["tcp://127.0.0.1:12345"], is_told);
            keys.iter().map(|key| ports.choose(key).unwrap()).collect::<Vec<_>>()
        };
        let chosen = |keys: &[&str]| chosen_or_told(keys, false);
        let first = chosen(&["a", "b", "a"]);
        assert!(first[0] != first[2] && first[0] != first[1], "{first:?}");
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first[1])).unwrap();
        let second = chosen(&["a", "b"]);
        assert_eq!(second[0], first[0]);
        assert_ne!(second[1], first[1]);
        assert_eq!(chosen_or_told(&["a", "b", "a"], true), first);
        drop(taken);
        let mut beside = Ports::beside([format!("127.0.0.1:{}", first[0])].iter().map(String::as_str), false);
        assert_ne!(beside.choose("a"), Some(first[0]));
    }
}
