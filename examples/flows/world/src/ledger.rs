//! What this service did, and for whom.

use axum::http::HeaderMap;
use serde_json::{Value, json};

/// Effects in their order.
#[derive(Default)]
pub(crate) struct Ledger(Vec<Effect>);

struct Effect {
    key: String,
    what: String,
    /// How often it was asked for.
    times: usize,
}

impl Ledger {
    /// Notes an effect; false if it was had before for the same key. What has no key is an effect each time.
    pub(crate) fn note(&mut self, headers: &HeaderMap, what: &str) -> bool {
        let key = super::key_of(headers);
        match self.0.iter_mut().find(|effect| !key.is_empty() && effect.key == key) {
            Some(effect) => {
                effect.times += 1;
                false
            }
            None => {
                self.0.push(Effect { key, what: what.to_owned(), times: 1 });
                true
            }
        }
    }

    /// All of it.
    pub(crate) fn list(&self) -> Value {
        let all = self.0.iter();
        all.map(|effect| json!({ "key": effect.key, "what": effect.what, "times": effect.times })).collect()
    }
}
