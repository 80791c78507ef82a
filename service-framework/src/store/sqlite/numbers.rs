//! Numbers as SQLite has them.

use crate::store::time::Timestamp;

/// Versions and epochs are counted from 1 and never get so large.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}
