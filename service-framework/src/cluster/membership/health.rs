//! Local health: how far this node should doubt itself before it doubts others.

use std::time::Duration;

/// How much slower a node at its worst probes and condemns.
const WORST: u32 = 8;

/// How late a timer must be called for this node to count as slow.
const LATE: Duration = Duration::from_millis(400);

/// A score from 0, well, to 8. It rises when probes go unanswered, when others suspect this node and when its own timers
/// are called late, and falls with every answered probe. All waiting for answers is multiplied by one more than it.
#[derive(Debug, Default)]
pub(super) struct Health {
    score: u32,
}

impl Health {
    pub(super) fn factor(&self) -> u32 {
        self.score + 1
    }

    pub(super) fn worse(&mut self) {
        self.score = (self.score + 1).min(WORST);
    }

    pub(super) fn better(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    /// Takes how late a timer was called, and says whether that was too late to trust what has not been heard since.
    pub(super) fn was_called(&mut self, late: Duration) -> bool {
        let is_slow = late >= LATE;
        if is_slow {
            self.score = (self.score + 2).min(WORST);
        }
        is_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_stays_within_its_bounds() {
        let mut health = Health::default();
        health.better();
        assert_eq!(health.factor(), 1);
        assert!(!health.was_called(Duration::from_millis(100)));
        assert!(health.was_called(Duration::from_secs(5)));
        assert_eq!(health.factor(), 3);
        (0..20).for_each(|_| health.worse());
        assert_eq!(health.factor(), 9);
        health.better();
        assert_eq!(health.factor(), 8);
    }
}
