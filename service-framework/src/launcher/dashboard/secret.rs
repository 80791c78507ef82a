//! What only those know who were told.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Bytes of randomness.
const RANDOM: usize = 24;

/// 192 bits of the system, in 32 characters that need no escape in URLs and headers.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// Another one.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> io::Result<Self> {
        let mut random = [0; RANDOM];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether `text` is it. How long that takes says nothing of where they differ.
    pub(super) fn is(&self, text: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), text.as_bytes());
        let differ =
            own.iter().zip(other).fold(0, |differ, (own, other)| differ | std::hint::black_box(own ^ other));
        own.len() == other.len() && std::hint::black_box(differ) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_it() {
        let secret = Secret::new().unwrap();
        let text = secret.text().to_owned();
        assert_eq!(text.len(), 32);
        assert!(secret.is(&text));
        for wrong in
            ["", &text[1..], &format!("{text}x"), &text.to_lowercase().replace('a', "b"), &"x".repeat(32)]
        {
            assert!(!secret.is(wrong), "{wrong}");
        }
        assert_ne!(Secret::new().unwrap().text(), text);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
