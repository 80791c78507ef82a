//! How somebody with a token becomes one with the keys.

use std::time::{Duration, SystemTime};

use serde_json::{Value as Json, json};

use super::super::keys::Keys;
use super::super::tokens::{Token, TokenError};
use super::super::transport::ask_to_enter;
use super::Node;
use super::shared::Ring;

/// What a node answers to a token: the keys of its cluster, or why not.
pub(super) fn answer(ring: &mut Ring, token: &[u8]) -> Json {
    let token = std::str::from_utf8(token).map_err(|_| TokenError::Malformed);
    let checked = token.and_then(str::parse::<Token>).and_then(|token| {
        let keys = ring.keys.as_ref().ok_or(TokenError::Unknown)?;
        keys.check(&token, SystemTime::now()).map(|()| keys.to_json())
    });
    match checked {
        Ok(keys) => {
            ring.entered += 1;
            json!({ "keys": keys })
        }
        Err(error) => {
            ring.not_entered += 1;
            if ring.not_entered.is_power_of_two() {
                tracing::warn!(times = ring.not_entered, "a token was refused: {error}");
            }
            json!({ "error": error.to_string() })
        }
    }
}

impl Keys {
    /// Shows a token to the member at `address`, and is given the keys of its cluster; nothing if nobody answered.
    ///
    /// # Errors
    /// It was refused, and why, or the address cannot be connected to.
    pub fn enter(address: &str, token: &Token, patience: Duration) -> Result<Option<Self>, String> {
        let mut given = None;
        ask_to_enter(address, token, patience, &mut |bytes| {
            given = Some(read(bytes));
            false
        })?;
        given.transpose()
    }
}

fn read(answer: &[u8]) -> Result<Keys, String> {
    let answer: Json = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    match answer.get("error").and_then(Json::as_str) {
        Some(error) => Err(error.to_owned()),
        None => Keys::from_json(answer.get("keys").unwrap_or(&Json::Null)),
    }
}

impl Node {
    /// Goes on with other keys of the cluster, without a stop: see [`Keys`] for the steps in which a secret is changed. Connections
    /// of those who used another key are opened again.
    ///
    /// # Errors
    /// The node was started without keys, or the list of those who may be nodes lacks it; nothing has changed.
    pub fn change_keys(&self, keys: Keys) -> Result<(), String> {
        let mut ring = self.shared.ring();
        let own = ring.own.filter(|_| ring.keys.is_some()).ok_or("the node was started without keys")?;
        keys.check_lists(own)?;
        (ring.keys, ring.is_new) = (Some(keys), true);
        drop(ring);
        (self.shared.bell)();
        Ok(())
    }
}
