//! A hybrid logical clock: it follows the wall's, never goes back, and is always past what has been seen.

/// Bits of a stamp's time for writes within one millisecond.
const LOGICAL: u32 = 16;

/// Milliseconds since 1970 in the upper 48 bits, a count in the lower 16.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock(u64);

impl Clock {
    /// A time after all that were given or seen before.
    pub(crate) fn tick(&mut self, wall: u64) -> u64 {
        self.0 = self.0.saturating_add(1).max(at(wall));
        self.0
    }

    pub(crate) fn see(&mut self, time: u64) {
        self.0 = self.0.max(time);
    }
}

/// The first time of a millisecond.
pub(crate) fn at(wall: u64) -> u64 {
    wall.min(u64::MAX >> LOGICAL) << LOGICAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rise_whatever_the_wall_says() {
        let mut clock = Clock::default();
        let times = [100, 100, 50, 101].map(|wall| clock.tick(wall));
        assert!(times.is_sorted_by(|one, next| one < next));
        clock.see(at(5_000));
        assert!(clock.tick(102) > at(5_000));
    }
}
