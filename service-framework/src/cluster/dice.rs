//! Numbers that look random and come again from the same seed.

use std::convert::Infallible;
use std::time::Duration;

use super::time::micros;

/// A generator of random numbers (SplitMix64): small, fast, and the same everywhere; not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        match end {
            0 => 0,
            end => usize::try_from(self.next() % end as u64).unwrap_or(0),
        }
    }

    /// True so many times in a million.
    pub(crate) fn per_million(&mut self, count: u32) -> bool {
        self.next() % 1_000_000 < u64::from(count)
    }

    /// Anything from `from` to `to`, to the microsecond.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = micros(to.saturating_sub(from)).saturating_add(1);
        from + Duration::from_micros(self.next() % span)
    }

    /// `duration`, a quarter less to a quarter more.
    pub(crate) fn jitter(&mut self, duration: Duration) -> Duration {
        self.between(duration * 3 / 4, duration * 5 / 4)
    }

    /// A generator of its own for a part.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }
}

/// A number whose every bit depends on every bit of `number`.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl rand::TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_within_their_bounds() {
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        assert_eq!([one.next(), one.next()], [other.next(), other.next()]);
        assert_eq!(one.below(0), 0);
        for _ in 0..1_000 {
            assert!(one.below(3) < 3);
            let time = one.between(Duration::from_millis(1), Duration::from_millis(2));
            assert!(time >= Duration::from_millis(1) && time <= Duration::from_millis(2));
        }
        assert!(one.per_million(1_000_000) && !one.per_million(0));
    }
}
