//! Time and chance, from the system.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::flow::script::Inline;

/// The system's clock and random numbers.
pub(super) struct System<'a> {
    /// What URLs of callbacks begin with.
    pub(super) public_url: &'a str,
}

/// How many numbers a float from 0 to below 1 can be, all equally far apart.
const STEPS: f64 = (1_u64 << 53) as f64;

impl Inline for System<'_> {
    fn now(&mut self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }

    fn float(&mut self) -> f64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&random(8));
        (u64::from_le_bytes(bytes) >> 11) as f64 / STEPS
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        random(count)
    }

    fn uuid(&mut self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn callback(&mut self) -> (String, String) {
        let id = URL_SAFE_NO_PAD.encode(random(24));
        let url = format!("{}/callback/{id}", self.public_url.trim_end_matches('/'));
        (id, url)
    }
}

/// Random bytes: the free ones of random UUIDs, whose generator is a cryptographic one.
fn random(count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count + 13);
    while bytes.len() < count {
        let id = uuid::Uuid::new_v4().into_bytes();
        bytes.extend_from_slice(&id[..6]);
        bytes.extend_from_slice(&id[9..]);
    }
    bytes.truncate(count);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_from_zero_to_below_one_and_differ() {
        let mut system = System { public_url: "http://here/" };
        let floats: Vec<f64> = (0..100).map(|_| system.float()).collect();
        assert!(floats.iter().all(|float| (0.0..1.0).contains(float)), "{floats:?}");
        assert!(floats.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(system.bytes(33).len(), 33);
        assert!(system.callback().1.starts_with("http://here/callback/"));
    }
}
