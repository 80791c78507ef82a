//! What is tried again, and when. Pure: the time is an argument.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

/// How often a request is tried, and how long it waits in between: `backoff` before the second attempt and twice as long before
/// each further one, up to `max_backoff`; of that, a part between a half and the whole that differs from request to request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all; 5. One means that nothing is tried again.
    pub attempts: u32,
    /// Before the second attempt; 1 s.
    pub backoff: Duration,
    /// Most before any; 60 s.
    pub max_backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 5, backoff: Duration::from_secs(1), max_backoff: Duration::from_mins(1) }
    }
}

impl Retry {
    /// Whether there is another attempt after this one.
    pub(super) fn goes_on_after(&self, attempt: u32) -> bool {
        attempt < self.attempts
    }

    /// How long to wait after this attempt, counted from 1. The key spreads those that failed at the same moment.
    pub(super) fn pause(&self, key: &str, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let longest = self.backoff.saturating_mul(doubled).min(self.max_backoff);
        let mut hasher = DefaultHasher::new();
        (key, attempt).hash(&mut hasher);
        let share = (hasher.finish() >> 40) as f64 / (1_u64 << 24) as f64;
        longest.mul_f64(0.5 + share / 2.0)
    }
}

/// Whether a status says that the same request may be answered otherwise later.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// How long the header `Retry-After` asks to wait: seconds, or a point in time.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    let time = chrono::DateTime::parse_from_rfc2822(header).ok()?;
    let time = SystemTime::from(time);
    Some(time.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_and_are_bounded(
            backoff in 0_u64..1 << 40,
            max in 0_u64..1 << 40,
            attempt in 1_u32..,
            key in ".*",
        ) {
            let retry = Retry {
                attempts: 9,
                backoff: Duration::from_millis(backoff),
                max_backoff: Duration::from_millis(max),
            };
            let pause = retry.pause(&key, attempt);
            prop_assert_eq!(pause, retry.pause(&key, attempt));
            prop_assert!(pause <= retry.max_backoff);
            let whole = retry.backoff.saturating_mul(2_u32.saturating_pow(attempt - 1)).min(retry.max_backoff);
            prop_assert!(pause >= whole.mul_f64(0.499) && pause <= whole, "{:?} of {:?}", pause, whole);
        }
    }

    #[test]
    fn pauses_differ_between_requests() {
        let pauses: std::collections::BTreeSet<_> =
            (0..100).map(|call| Retry::default().pause(&format!("flow/{call}"), 1)).collect();
        assert!(pauses.len() > 90, "{pauses:?}");
    }

    #[test]
    fn servers_ask_for_seconds_or_a_time() {
        let now = UNIX_EPOCH + Duration::from_secs(1_445_412_400);
        let asked = |header| retry_after(header, now);
        assert_eq!(asked(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(asked("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(80)));
        assert_eq!(asked("Wed, 21 Oct 2014 07:28:00 GMT"), None, "it was a Tuesday");
        assert_eq!(asked("Tue, 21 Oct 2014 07:28:00 GMT"), Some(Duration::ZERO));
        for header in ["", "soon", "-1", "1.5"] {
            assert_eq!(asked(header), None, "{header}");
        }
    }

    #[test]
    fn attempts_come_to_an_end() {
        let retry = Retry { attempts: 2, ..Retry::default() };
        assert!(retry.goes_on_after(1));
        assert!(!retry.goes_on_after(2));
        // A host that was killed may have counted one more.
        assert!(!retry.goes_on_after(3));
    }
}
