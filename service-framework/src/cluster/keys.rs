//! The keys of a cluster: what its nodes share, and who may be a node.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::identity::NodeId;
use crate::connection::curve::{KeyPair, PublicKey, from_z85, to_z85};

/// Says of a node's public key that its owner has a secret of the cluster.
pub(crate) type Proof = [u8; 16];

/// The keys of a cluster.
///
/// All nodes of a cluster share a secret, of which there may be several while it is being changed: they listen with the
/// first, connect with any and believe any. Without it nobody is a node, and with a [token](Keys::token) somebody gets it. Each
/// node has a key pair of its own besides, from which its id follows; where there is a list of those who may be nodes,
/// others with the secret can ask but not join.
///
/// To change the secret without a stop, each of three steps is taken at all nodes before the next: [`Keys::added`],
/// [`Keys::used`], [`Keys::dropped`].
///
/// ```
/// use service_framework::cluster::Keys;
///
/// let keys = Keys::generate()?;
/// assert_eq!(Keys::from_json(&keys.to_json()).map(|keys| keys.to_json()), Ok(keys.to_json()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keys {
    ring: Vec<KeyPair>,
    allow: Option<BTreeSet<PublicKey>>,
}

impl Keys {
    /// New keys, for a new cluster; anybody who has them may be a node.
    ///
    /// # Errors
    /// This build cannot encrypt.
    pub fn generate() -> Result<Self, String> {
        check_there()?;
        let pair = KeyPair::new().map_err(|error| error.to_string())?;
        Ok(Self { ring: vec![pair], allow: None })
    }

    /// Reads `{"keys": [SECRET, …], "allow": [PUBLIC, …]}`. `allow`, if it is there, are the public keys of those who may be
    /// nodes. Keys are 40 characters of Z85.
    ///
    /// # Errors
    /// What is wrong with it, or that this build cannot encrypt.
    pub fn from_json(json: &Json) -> Result<Self, String> {
        check_there()?;
        let unknown = json.as_object().and_then(|object| {
            object.keys().find(|key| !["keys", "allow", "$schema"].contains(&key.as_str())).cloned()
        });
        if let Some(key) = unknown {
            return Err(format!("{key}: there are `keys` and `allow`"));
        }
        let secrets = texts(json, "keys")?.ok_or("keys: expected a list of secret keys, found nothing")?;
        if secrets.is_empty() {
            return Err("keys: expected at least one secret key, found an empty list".to_owned());
        }
        let ring = secrets.iter().enumerate().map(|(at, secret)| {
            let secret = from_z85(secret).ok_or_else(|| no_key("keys", at))?;
            KeyPair::of_secret(secret).map_err(|error| error.to_string())
        });
        let allow = texts(json, "allow")?.map(|allowed| {
            let key =
                |(at, text): (usize, &String)| PublicKey::parse(text).ok_or_else(|| no_key("allow", at));
            allowed.iter().enumerate().map(key).collect::<Result<_, _>>()
        });
        Ok(Self { ring: ring.collect::<Result<_, _>>()?, allow: allow.transpose()? })
    }

    /// As [`Keys::from_json`] reads it. It holds secrets.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let keys: Vec<String> = self.ring.iter().map(|pair| to_z85(&pair.secret())).collect();
        match &self.allow {
            Some(allow) => {
                let allow: Vec<String> = allow.iter().map(PublicKey::to_string).collect();
                json!({ "keys": keys, "allow": allow })
            }
            None => json!({ "keys": keys }),
        }
    }

    /// The same with a new secret behind the others: nodes believe it and connect with it, but do not listen with it yet.
    ///
    /// # Errors
    /// This build cannot encrypt.
    pub fn added(mut self) -> Result<Self, String> {
        self.ring.push(KeyPair::new().map_err(|error| error.to_string())?);
        Ok(self)
    }

    /// The same with the newest secret before the others: nodes listen with it, and still believe the old ones.
    #[must_use]
    pub fn used(mut self) -> Self {
        if let Some(newest) = self.ring.pop() {
            self.ring.insert(0, newest);
        }
        self
    }

    /// The same with the first secret alone.
    #[must_use]
    pub fn dropped(mut self) -> Self {
        self.ring.truncate(1);
        self
    }

    /// What can be said of its secrets without telling them, in their order: eight characters each.
    #[must_use]
    pub fn marks(&self) -> Vec<String> {
        let mark = |pair: &KeyPair| {
            let bytes = mac(pair, "mark", &[]).finalize().into_bytes();
            bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
        };
        self.ring.iter().map(mark).collect()
    }

    pub(crate) fn ring(&self) -> &[KeyPair] {
        &self.ring
    }

    /// Whether whoever has this key may be a node.
    pub(crate) fn allows(&self, key: PublicKey) -> bool {
        self.allow.as_ref().is_none_or(|allow| allow.contains(&key))
    }

    /// # Errors
    /// The owner of this key may be no node, and what to do.
    pub(crate) fn check_lists(&self, key: PublicKey) -> Result<(), String> {
        match self.allows(key) {
            true => Ok(()),
            false => Err(format!("the list of those who may be nodes lacks {key}")),
        }
    }

    /// The keys of those who only ask: whoever has a secret of the cluster has one.
    pub(crate) fn askers(&self) -> impl Iterator<Item = KeyPair> {
        self.ring.iter().filter_map(|pair| derived(pair, "asks"))
    }

    /// The keys of those who have a token, and nothing else: they may ask for the keys.
    pub(crate) fn enterers(&self) -> impl Iterator<Item = KeyPair> {
        self.ring.iter().filter_map(|pair| derived(pair, "enters"))
    }

    /// What a node with this key says of itself, for each of the secrets.
    pub(crate) fn proofs(&self, key: PublicKey) -> Vec<Proof> {
        let proof = |pair: &KeyPair| {
            let bytes: [u8; 32] = mac(pair, "node", &[&key.0]).finalize().into_bytes().into();
            bytes.first_chunk().copied().unwrap_or_default()
        };
        self.ring.iter().map(proof).collect()
    }

    /// Whether the owner of this key has one of the secrets.
    pub(crate) fn believes(&self, key: PublicKey, proof: &Proof) -> bool {
        self.ring.iter().any(|pair| mac(pair, "node", &[&key.0]).verify_truncated_left(proof).is_ok())
    }
}

/// A code over `parts` that only whoever has the secret can make, and that is of no use for another purpose.
pub(crate) fn mac(pair: &KeyPair, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    // A key may have any length.
    let keyed = Hmac::<Sha256>::new_from_slice(&pair.secret());
    let mut mac = keyed.unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn derived(pair: &KeyPair, purpose: &str) -> Option<KeyPair> {
    KeyPair::of_secret(mac(pair, purpose, &[]).finalize().into_bytes().into()).ok()
}

/// The id of the node that has a key.
pub(crate) fn node_of(key: PublicKey) -> NodeId {
    let digest: [u8; 32] = Sha256::digest(key.0).into();
    let (half, _) = digest.split_at(16);
    NodeId(half.iter().fold(0, |id, byte| id << 8 | u128::from(*byte)))
}

fn check_there() -> Result<(), String> {
    match crate::connection::curve::is_there() {
        true => Ok(()),
        false => Err("this libzmq was built without CURVE, so nothing can be encrypted".to_owned()),
    }
}

fn no_key(list: &str, at: usize) -> String {
    format!("{list}[{at}]: expected a key of 40 characters (Z85)")
}

fn texts(json: &Json, key: &str) -> Result<Option<Vec<String>>, String> {
    let Some(list) = json.get(key) else { return Ok(None) };
    let texts = list.as_array().and_then(|list| {
        list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    texts.map(Some).ok_or_else(|| format!("{key}: expected a list of keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let error = |json| Keys::from_json(&json).unwrap_err();
        assert!(error(json!({})).starts_with("keys: expected a list"));
        assert!(error(json!({ "keys": [] })).contains("at least one"));
        assert!(error(json!({ "keys": ["x"] })).starts_with("keys[0]"));
        assert!(error(json!({ "keys": 7 })).starts_with("keys: expected a list"));
        let good = Keys::generate().unwrap().to_json()["keys"].clone();
        assert!(error(json!({ "keys": good, "allow": [1] })).starts_with("allow"));
        assert!(error(json!({ "keys": good, "alow": [] })).starts_with("alow"));
    }

    #[test]
    fn a_list_says_who_may_be_a_node() {
        let keys = Keys::generate().unwrap();
        let (one, other) = (KeyPair::new().unwrap(), KeyPair::new().unwrap());
        assert!(keys.allows(one.public()));
        let mut json = keys.added().unwrap().to_json();
        json["allow"] = json!([one.public().to_string()]);
        let keys = Keys::from_json(&json).unwrap();
        assert!(keys.allows(one.public()) && !keys.allows(other.public()));
        assert_eq!(keys.askers().count(), 2);
        assert_ne!(node_of(one.public()), node_of(other.public()));
    }

    #[test]
    fn a_secret_is_changed_in_three_steps_in_which_all_understand_each_other() {
        let node = KeyPair::new().unwrap().public();
        let old = Keys::generate().unwrap();
        let added = old.clone().added().unwrap();
        let used = added.clone().used();
        let new = used.clone().dropped();
        for [one, other] in [[&old, &added], [&added, &used], [&used, &new]] {
            for (said, heard) in [(one, other), (other, one)] {
                // Whoever is ahead or behind can connect, and what it says when it does so is believed.
                let listens = heard.ring()[0].public();
                let at = said.ring().iter().position(|pair| pair.public() == listens).unwrap();
                assert!(heard.believes(node, &said.proofs(node)[at]));
            }
        }
        assert!(!new.believes(node, &old.proofs(node)[0]));
        assert_eq!((used.marks().len(), used.marks()[0].len(), &used.marks()[0]), (2, 8, &new.marks()[0]));
    }

    #[test]
    fn a_proof_is_of_one_key() {
        let (keys, node) = (Keys::generate().unwrap(), KeyPair::new().unwrap().public());
        let proof = keys.proofs(node)[0];
        assert!(keys.believes(node, &proof));
        assert!(!keys.believes(KeyPair::new().unwrap().public(), &proof));
        assert!(!Keys::generate().unwrap().believes(node, &proof));
        assert!(!keys.believes(node, &[0; 16]));
    }
}
