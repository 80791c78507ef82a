//! Ids of callbacks: whoever knows one may deliver, so nobody can guess one, and logs have their beginnings alone.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Bytes of randomness in an id.
const RANDOM: usize = 24;

/// The longest that is looked for.
const LONGEST: usize = 128;

/// How much of an id is shown.
const SHOWN: usize = 6;

/// The system has no random numbers, so no id could be made that nobody guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random numbers for the id of a callback")]
pub struct NoRandom;

/// An id for one more callback: 192 bits from the system, in 32 characters that need no escape in URLs.
///
/// # Errors
/// The system has no random numbers.
pub fn new_id() -> Result<String, NoRandom> {
    let mut random = [0; RANDOM];
    let source = rustls::crypto::ring::default_provider().secure_random;
    source.fill(&mut random).map_err(|_| NoRandom)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
}

/// Whether something could be an id, so that it is worth looking for.
pub(super) fn could_be(id: &str) -> bool {
    let is_of_ids = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_of_ids)
}

/// What logs say of an id.
pub(super) fn shown(id: &str) -> String {
    let beginning: String = id.chars().take(SHOWN).collect();
    format!("{beginning}…")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_need_no_escape() {
        let ids: HashSet<String> = (0..1000).map(|_| new_id().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && could_be(id)), "{ids:?}");
    }

    #[test]
    fn what_cannot_be_an_id_is_not_looked_for() {
        for id in ["", "a/b", "a b", "é", "a.b", "%41", &"a".repeat(129)] {
            assert!(!could_be(id), "{id}");
        }
        assert!(could_be(&"a".repeat(128)));
    }

    #[test]
    fn logs_have_the_beginning() {
        assert_eq!(shown("abcdefgh"), "abcdef…");
        assert_eq!(shown("é"), "é…");
    }
}
