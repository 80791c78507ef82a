//! The network of a simulation: what it does to a frame between two nodes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::dice::Dice;

/// What happens to frames on their way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weather {
    /// The shortest and the longest way. Frames overtake each other where these differ, unless they are kept in order.
    pub delay: (Duration, Duration),
    /// Frames lost, of a million.
    pub loss: u32,
    /// Frames that arrive twice, of a million.
    pub repeat: u32,
    /// Whether frames between two nodes keep their order, as on a TCP connection.
    pub in_order: bool,
}

impl Default for Weather {
    fn default() -> Self {
        let delay = (Duration::from_micros(500), Duration::from_millis(5));
        Self { delay, loss: 0, repeat: 0, in_order: false }
    }
}

/// Which way is cut, and what the weather is.
#[derive(Debug, Default)]
pub(super) struct Network {
    pub(super) weather: Weather,
    /// From whom to whom nothing passes.
    cuts: BTreeSet<(usize, usize)>,
}

impl Network {
    pub(super) fn cut(&mut self, from: &[usize], to: &[usize]) {
        for from in from {
            self.cuts.extend(to.iter().filter(|to| *to != from).map(|to| (*from, *to)));
        }
    }

    pub(super) fn mend(&mut self, from: &[usize], to: &[usize]) {
        self.cuts.retain(|(cut_from, cut_to)| !(from.contains(cut_from) && to.contains(cut_to)));
    }

    pub(super) fn mend_all(&mut self) {
        self.cuts.clear();
    }

    pub(super) fn is_whole(&self) -> bool {
        self.cuts.is_empty()
    }

    /// How long each copy of a frame takes; none if it is lost.
    pub(super) fn carry(&self, from: usize, to: usize, dice: &mut Dice) -> Vec<Duration> {
        if self.cuts.contains(&(from, to)) || dice.per_million(self.weather.loss) {
            return Vec::new();
        }
        let copies = if dice.per_million(self.weather.repeat) { 2 } else { 1 };
        let (least, most) = self.weather.delay;
        (0..copies).map(|_| dice.between(least, most)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_have_a_direction_and_are_mended() {
        let (mut network, mut dice) = (Network::default(), Dice::new(1));
        network.cut(&[0, 1], &[1, 2]);
        let passes = |network: &Network, dice: &mut Dice, from, to| !network.carry(from, to, dice).is_empty();
        assert!(!passes(&network, &mut dice, 0, 1) && !passes(&network, &mut dice, 1, 2));
        assert!(passes(&network, &mut dice, 2, 0));
        network.mend(&[0], &[1, 2]);
        assert!(passes(&network, &mut dice, 0, 1) && !network.is_whole());
        network.mend_all();
        assert!(network.is_whole());
    }

    #[test]
    fn the_weather_loses_and_repeats() {
        let mut dice = Dice::new(1);
        let of = |loss, repeat| Network {
            weather: Weather { loss, repeat, ..Weather::default() },
            ..Network::default()
        };
        assert!(of(1_000_000, 0).carry(0, 1, &mut dice).is_empty());
        assert_eq!(of(0, 1_000_000).carry(0, 1, &mut dice).len(), 2);
    }
}
