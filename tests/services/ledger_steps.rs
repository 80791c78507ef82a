//! What the ledger does at each step: a function of the step alone, so that whoever knows how far it is knows its state.

/// At every so many steps the whole state is replaced.
const REPLACED_EVERY: i64 = 5_003;

/// One step, which is one update of the state: beside this, the key `last` is set to its number.
pub(crate) enum Step {
    Set(String),
    /// The key may be gone already.
    Remove(String),
    /// By this key alone.
    Replace(String),
}

/// The step with this number, in a ledger of so many keys.
pub(crate) fn step(number: i64, keys: i64) -> Step {
    let (index, round) = (number % keys, number / keys);
    let key = format!("k{index}");
    if number % REPLACED_EVERY == REPLACED_EVERY - 1 {
        Step::Replace(key)
    } else if (index + round) % 5 == 4 {
        Step::Remove(key)
    } else {
        Step::Set(key)
    }
}

/// What a key is set to at this step, in this life of the ledger.
pub(crate) fn value(life: i64, number: i64, pad: usize) -> String {
    format!("{life}.{number}.{:pad$}", "")
}
