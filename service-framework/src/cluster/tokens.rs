//! Join tokens: the right to be given the keys of a cluster, for a while.
//!
//! A token has the public half of the key with which nodes listen, a secret with which its owner may knock and nothing
//! else, a number, when it ends, and a code over both that only the secret of the cluster makes. So every member can
//! tell a good one without having heard of it, and none is left to be kept or taken back: one that was seen by
//! the wrong eyes is ended by changing the secret.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as TEXT;
use hmac::Mac;

use super::keys::{Keys, mac};
use crate::connection::curve::{KeyPair, PublicKey};

/// What tokens begin with, so that nobody takes them for something else.
const BEGIN: &str = "sfjoin1-";

/// Bytes behind it.
const LENGTH: usize = 32 + 32 + 16 + 8 + 32;

/// The right to be given the keys of a cluster, until it ends. It is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// With whom its owner speaks.
    pub(crate) server: PublicKey,
    /// As whom.
    pub(crate) enters: [u8; 32],
    number: [u8; 16],
    /// Seconds since 1970.
    ends: u64,
    code: [u8; 32],
}

/// Why a token is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no token, or only a part of one.
    #[error("this is no token; one is made by `cluster token`, and begins with {BEGIN}")]
    Malformed,
    /// It is not of this cluster, or the cluster has changed its secret since.
    #[error("the token is not of this cluster, or its secret was changed since; nothing was given")]
    Unknown,
    /// It has ended.
    #[error("the token ended {0} s ago; nothing was given")]
    Ended(u64),
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token(until {})", self.ends)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = self.ends.to_be_bytes();
        let parts: [&[u8]; 5] = [&self.server.0, &self.enters, &self.number, &ends, &self.code];
        write!(formatter, "{BEGIN}{}", TEXT.encode(parts.concat()))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim().strip_prefix(BEGIN).ok_or(TokenError::Malformed)?;
        let bytes = TEXT.decode(text).map_err(|_| TokenError::Malformed)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| TokenError::Malformed)?;
        let (server, rest) = split(&bytes)?;
        let (enters, rest) = split(rest)?;
        let (number, rest) = split(rest)?;
        let (ends, rest) = split(rest)?;
        let (code, _) = split(rest)?;
        Ok(Self { server: PublicKey(server), enters, number, ends: u64::from_be_bytes(ends), code })
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), TokenError> {
    bytes.split_first_chunk().map(|(first, rest)| (*first, rest)).ok_or(TokenError::Malformed)
}

impl Token {
    /// As whom its owner knocks.
    pub(crate) fn pair(&self) -> Option<KeyPair> {
        KeyPair::of_secret(self.enters).ok()
    }

    fn code(pair: &KeyPair, number: &[u8; 16], ends: u64) -> hmac::Hmac<sha2::Sha256> {
        mac(pair, "token", &[number, &ends.to_be_bytes()])
    }
}

impl Keys {
    /// A token with which whoever has it is given these keys by any member, for so long from `now`.
    ///
    /// # Errors
    /// This build cannot encrypt.
    pub fn token(&self, valid: Duration, now: SystemTime) -> Result<Token, String> {
        let (pair, enters) = self.ring().first().zip(self.enterers().next()).ok_or("there are no keys")?;
        let number = *uuid::Uuid::new_v4().as_bytes();
        let ends = seconds(now).saturating_add(valid.as_secs());
        let code = Token::code(pair, &number, ends).finalize().into_bytes().into();
        Ok(Token { server: pair.public(), enters: enters.secret(), number, ends, code })
    }

    /// Whether the owner of a token may be given these keys.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, token: &Token, now: SystemTime) -> Result<(), TokenError> {
        let is_of =
            |pair: &KeyPair| Token::code(pair, &token.number, token.ends).verify_slice(&token.code).is_ok();
        if !self.ring().iter().any(is_of) {
            return Err(TokenError::Unknown);
        }
        match seconds(now).checked_sub(token.ends) {
            Some(late) => Err(TokenError::Ended(late)),
            None => Ok(()),
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_token_is_good_until_it_ends_and_only_where_it_was_made() {
        let (keys, now) = (Keys::generate().unwrap(), SystemTime::now());
        let token = keys.token(HOUR, now).unwrap();
        let read: Token = format!(" {token}\n").parse().unwrap();
        assert_eq!(read, token);
        assert_eq!(keys.check(&read, now), Ok(()));
        assert_eq!(keys.check(&read, now + HOUR + Duration::from_secs(5)), Err(TokenError::Ended(5)));
        assert_eq!(Keys::generate().unwrap().check(&read, now), Err(TokenError::Unknown));
        // As long as the secret with which it was made is believed.
        let used = keys.added().unwrap().used();
        assert_eq!(used.check(&read, now), Ok(()));
        assert_eq!(used.dropped().check(&read, now), Err(TokenError::Unknown));
        assert!(!format!("{token:?}").contains(&token.to_string()));
    }

    #[test]
    fn whoever_makes_a_token_last_longer_has_none() {
        let (keys, now) = (Keys::generate().unwrap(), SystemTime::now());
        let token = keys.token(Duration::ZERO, now).unwrap();
        assert!(matches!(keys.check(&token, now), Err(TokenError::Ended(_))));
        let longer = Token { ends: token.ends + 1_000, ..token };
        assert_eq!(keys.check(&longer, now), Err(TokenError::Unknown));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_a_token_or_refused(text in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), LENGTH)) {
            prop_assert_eq!(text.parse::<Token>(), Err(TokenError::Malformed));
            let forged: Token = format!("{BEGIN}{}", TEXT.encode(bytes)).parse().unwrap();
            let keys = Keys::generate().unwrap();
            prop_assert_eq!(keys.check(&forged, SystemTime::UNIX_EPOCH), Err(TokenError::Unknown));
        }
    }
}
