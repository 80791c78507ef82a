//! Who a node is: an id that stays, and the lives of its processes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a node, which stays the same through restarts and changes of address.
///
/// Written as 32 hexadecimal digits; `{:.8}` shortens it to its first eight.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u128);

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{:032x}", self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:.8}")
    }
}

/// A node in one life of its process.
///
/// Of two identities of a node the one with the greater epoch counts, whatever else is said of the other; equal epochs,
/// which only a node without a disk can have, are told apart by the boot number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// The node.
    pub node: NodeId,
    /// Grows at every start, and whenever the cluster had given the node up.
    pub epoch: u64,
    /// A random number that one process keeps to its end: what was delivered is remembered per boot.
    pub boot: u64,
}

impl Identity {
    /// Whether this is a later life than `other` of the same node.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        (self.epoch, self.boot) > (other.epoch, other.boot)
    }

    /// The same process under an epoch above its own and above `known`.
    #[must_use]
    pub(crate) fn renewed(self, known: u64) -> Self {
        Self { epoch: self.epoch.max(known).saturating_add(1), ..self }
    }
}

impl foca::Identity for Identity {
    type Addr = NodeId;

    // Renewing is ours: foca would do it at once and for ever, also against a twin with the same key.
    fn renew(&self) -> Option<Self> {
        None
    }

    fn addr(&self) -> NodeId {
        self.node
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.supersedes(adversary)
    }
}

/// Where a node can be connected to, as its transport writes it: `tcp://10.0.0.5:60858`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl Address {
    /// Whether only this host can use it.
    pub(crate) fn is_of_this_host(&self) -> bool {
        ["tcp://127.", "tcp://localhost:", "tcp://[::1]", "ipc:", "memory:"]
            .iter()
            .any(|begin| self.0.starts_with(begin))
    }

    /// The port, where it is on every interface of its host.
    pub(crate) fn everywhere(&self) -> Option<u16> {
        let rest = self.0.strip_prefix("tcp://")?;
        let (host, port) = rest.rsplit_once(':')?;
        ["0.0.0.0", "[::]", "*"].contains(&host).then(|| port.parse().ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(epoch: u64, boot: u64) -> Identity {
        Identity { node: NodeId(7), epoch, boot }
    }

    #[test]
    fn a_later_epoch_supersedes_and_equal_epochs_are_told_apart() {
        assert!(identity(2, 0).supersedes(&identity(1, 9)));
        assert!(identity(1, 9).supersedes(&identity(1, 3)));
        assert!(!identity(1, 3).supersedes(&identity(1, 3)));
    }

    #[test]
    fn renewing_passes_what_the_cluster_knows_and_keeps_the_process() {
        assert_eq!(identity(1, 5).renewed(9), identity(10, 5));
        assert_eq!(identity(4, 5).renewed(2), identity(5, 5));
        assert_eq!(identity(u64::MAX, 5).renewed(2).epoch, u64::MAX);
    }

    #[test]
    fn ids_are_hexadecimal() {
        assert_eq!(NodeId(0xab << 120).to_string(), format!("ab{}", "0".repeat(30)));
        assert_eq!(format!("{:.4}", NodeId(0xab << 120)), "ab00");
    }
}
