//! The present, which values do not ask for themselves.

use std::time::SystemTime;

use crate::value::DateTime;

impl DateTime {
    /// Now, in UTC, by the system's clock; the end of the year 9999 if that is set to somewhere beyond.
    #[must_use]
    pub fn now() -> Self {
        Self::from_clock(SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn now_is_between_two_readings_of_the_clock() {
        // It is cut to microseconds.
        let before = SystemTime::now() - Duration::from_millis(1);
        let now = DateTime::now().to_system_time().unwrap();
        assert!(before < now && now <= SystemTime::now(), "{before:?} {now:?}");
    }
}
