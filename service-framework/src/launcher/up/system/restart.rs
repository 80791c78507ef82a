//! Whether a service that has ended is started again, when, and how often. Reads no clock.

use std::time::Duration;

use serde_json::Value as Json;

use super::{DURATION, duration, whole};
use crate::model::Table;

const KEYS: &[&str] = &["policy", "backoff", "max_backoff", "give_up_after"];

const POLICIES: &str = "\"never\", \"on-failure\" or \"always\"";

/// When a service is started again that nobody asked to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::launcher::up) enum Policy {
    /// Its failure ends the system.
    #[default]
    Never,
    OnFailure,
    Always,
}

/// What an entry says about it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::launcher::up) struct Restart {
    pub(in crate::launcher::up) policy: Policy,
    /// The pause before it is started again for the first time. Each further one is twice as long.
    backoff: Duration,
    /// The longest pause. One that ran longer than this begins anew.
    max_backoff: Duration,
    /// After so many starts in a row it has failed for good; None tries for ever.
    give_up_after: Option<u64>,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: Policy::Never,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
            give_up_after: None,
        }
    }
}

/// What follows from the end of a service.
#[derive(Debug, PartialEq)]
pub(in crate::launcher::up) enum Next {
    /// It stays as it is.
    Rest,
    /// It is started again after this time.
    After(Duration),
    /// It was started again as often as it may be.
    GiveUp,
}

impl Restart {
    /// Reads the table `restart` of an entry; what is wrong is a problem.
    pub(super) fn read(table: Option<Table<'_, '_>>) -> Self {
        let Some(mut table) = table else { return Self::default() };
        table.refuse_others(KEYS);
        let default = Self::default();
        Self {
            policy: table.read("policy", POLICIES, policy).unwrap_or_default(),
            backoff: table.read("backoff", DURATION, duration).unwrap_or(default.backoff),
            max_backoff: table.read("max_backoff", DURATION, duration).unwrap_or(default.max_backoff),
            give_up_after: table.read("give_up_after", "a whole number, 0 or more", whole),
        }
    }

    /// What to do with a service that ended after `ran_for`, having been started `again` times in a row; counts on.
    pub(in crate::launcher::up) fn next(&self, again: &mut u64, has_failed: bool, ran_for: Duration) -> Next {
        let wants = match self.policy {
            Policy::Never => false,
            Policy::OnFailure => has_failed,
            Policy::Always => true,
        };
        if !wants {
            return Next::Rest;
        }
        if ran_for > self.max_backoff {
            *again = 0;
        }
        if self.give_up_after.is_some_and(|most| *again >= most) {
            return Next::GiveUp;
        }
        let doublings = u32::try_from(*again).unwrap_or(u32::MAX).min(31);
        *again += 1;
        Next::After(self.backoff.saturating_mul(1 << doublings).min(self.max_backoff))
    }
}

fn policy(json: &Json) -> Option<Policy> {
    match json.as_str()? {
        "never" => Some(Policy::Never),
        "on-failure" => Some(Policy::OnFailure),
        "always" => Some(Policy::Always),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_is_given_up_or_a_run_was_long() {
        let restart = Restart {
            policy: Policy::OnFailure,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(5),
            give_up_after: Some(5),
        };
        let (mut again, short, long) = (0, Duration::ZERO, Duration::from_secs(6));
        let pauses: Vec<Next> = (0..6).map(|_| restart.next(&mut again, true, short)).collect();
        let after = |seconds| Next::After(Duration::from_secs(seconds));
        assert_eq!(pauses, [after(1), after(2), after(4), after(5), after(5), Next::GiveUp]);
        assert_eq!(restart.next(&mut again, true, long), after(1));
        assert_eq!(restart.next(&mut again, false, short), Next::Rest);
    }

    #[test]
    fn policies_say_which_ends_count() {
        for (policy, at_failure, at_success) in
            [(Policy::Never, false, false), (Policy::OnFailure, true, false), (Policy::Always, true, true)]
        {
            let restart = Restart { policy, ..Restart::default() };
            let again = |failed| restart.next(&mut 0, failed, Duration::ZERO) != Next::Rest;
            assert_eq!((again(true), again(false)), (at_failure, at_success), "{policy:?}");
        }
    }
}
