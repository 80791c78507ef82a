//! Scenarios: what happens to a cluster, and when.

use std::time::Duration;

use super::super::dice::Dice;
use super::super::settings::Settings;
use super::network::Weather;

/// How much the applications of all nodes do together in a second.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Load {
    /// Events to all, at most once each.
    pub emits: f64,
    /// Events to all that are to be acknowledged.
    pub acked: f64,
    /// Events to one that are to be acknowledged.
    pub sends: f64,
    /// Requests to one.
    pub requests: f64,
    /// Writes to shared data, of which some delete and some add to counters.
    pub writes: f64,
    /// Bytes of an event, at most.
    pub bytes: usize,
}

/// What happens to nodes, which are numbered from 0.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// They start, with what is on their disks.
    Start(Vec<usize>),
    /// They end without a word.
    Crash {
        /// Which.
        nodes: Vec<usize>,
        /// Whether their disks are still there when they start again.
        keeps_disk: bool,
    },
    /// They leave on purpose.
    Leave(Vec<usize>),
    /// They do nothing for a while, as if stopped.
    Freeze {
        /// Which.
        nodes: Vec<usize>,
        /// How long.
        duration: Duration,
    },
    /// Their clocks on the wall are ahead, or behind, by milliseconds.
    Skew {
        /// Which.
        nodes: Vec<usize>,
        /// How many.
        millis: i64,
    },
    /// They take so long over each frame.
    Slow {
        /// Which.
        nodes: Vec<usize>,
        /// How long.
        cost: Duration,
    },
    /// Nothing passes from the former to the latter.
    Cut {
        /// From whom.
        from: Vec<usize>,
        /// To whom.
        to: Vec<usize>,
    },
    /// It passes again.
    Mend {
        /// From whom.
        from: Vec<usize>,
        /// To whom.
        to: Vec<usize>,
    },
    /// Everything passes again.
    MendAll,
    /// What happens to all frames from now on.
    Weather(Weather),
    /// What the applications do from now on.
    Load(Load),
}

/// A step of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// When, since the start.
    pub at: Duration,
    /// What.
    pub act: Act,
}

/// A cluster and what happens to it.
#[derive(Clone)]
pub struct Scenario {
    /// For people.
    pub name: String,
    /// All chance of the run comes from it: the same seed gives the same run, to the byte.
    pub seed: u64,
    /// How many nodes there are; they are numbered from 0, and join through the first three, which
    /// run again at the end if they had left.
    pub nodes: usize,
    /// When the last step is over, and all faults and calls end.
    pub length: Duration,
    /// How long the cluster then has to become one again, with the same data everywhere.
    pub settle: Duration,
    /// How the nodes behave.
    pub settings: Settings,
    /// What happens, in any order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Nodes that all start at once, and nothing else.
    #[must_use]
    pub fn calm(seed: u64, nodes: usize, length: Duration) -> Self {
        let start = Step { at: Duration::ZERO, act: Act::Start((0..nodes).collect()) };
        let (name, settings) = ("calm".to_owned(), Settings::default());
        Self { name, seed, nodes, length, settle: Duration::from_secs(60), settings, steps: vec![start] }
    }

    /// Everything at random: weather, crashes with and without the disk, partitions of all kinds, frozen and slow nodes,
    /// clocks, departures, and calls all the time.
    #[must_use]
    pub fn chaos(seed: u64, nodes: usize, length: Duration) -> Self {
        let mut dice = Dice::new(seed ^ 0xc4a0_5000);
        let mut scenario = Self { name: format!("chaos {seed}"), ..Self::calm(seed, nodes, length) };
        scenario.settle = Duration::from_secs(90);
        let load = Load { emits: 3.0, acked: 2.0, sends: 2.0, requests: 3.0, writes: 4.0, bytes: 2_000 };
        scenario.add(0.1, Act::Load(load));
        scenario.add(0.0, Act::Weather(weather(&mut dice)));
        let seconds = length.as_secs_f64();
        for _ in 0..6 {
            let at = 2.0 + dice.below(1_000) as f64 / 1_000.0 * (seconds - 2.0);
            let until = at + dice.below(1_000) as f64 / 1_000.0 * seconds / 2.0;
            scenario.trouble(&mut dice, at, until);
        }
        scenario
    }

    fn add(&mut self, at: f64, act: Act) {
        self.steps.push(Step { at: Duration::from_secs_f64(at), act });
    }

    fn trouble(&mut self, dice: &mut Dice, at: f64, until: f64) {
        let some = group(dice, self.nodes);
        match dice.below(9) {
            0 | 1 => {
                self.add(at, Act::Crash { nodes: some.clone(), keeps_disk: dice.below(3) > 0 });
                self.add(until, Act::Start(some));
            }
            2 => {
                self.add(at, Act::Leave(some.clone()));
                self.add(until, Act::Start(some));
            }
            3 => self.add(at, Act::Freeze { nodes: some, duration: Duration::from_secs_f64(until - at) }),
            4 => self.add(at, Act::Skew { nodes: some, millis: dice.below(8_000) as i64 - 4_000 }),
            5 => self.add(at, Act::Slow { nodes: some, cost: Duration::from_millis(dice.below(30) as u64) }),
            6 => self.add(at, Act::Weather(weather(dice))),
            7 => {
                // One way, or overlapping: between two groups that need not be all.
                let others = group(dice, self.nodes);
                self.add(at, Act::Cut { from: some.clone(), to: others.clone() });
                self.add(until, Act::Mend { from: some, to: others });
            }
            _ => {
                let others: Vec<usize> = (0..self.nodes).filter(|node| !some.contains(node)).collect();
                self.add(at, Act::Cut { from: some.clone(), to: others.clone() });
                self.add(at, Act::Cut { from: others, to: some });
                self.add(until, Act::MendAll);
            }
        }
    }
}

/// Some of the nodes, at least one.
fn group(dice: &mut Dice, nodes: usize) -> Vec<usize> {
    let first = dice.below(nodes);
    let size = 1 + dice.below(nodes.div_ceil(2));
    let mut some: Vec<usize> = (first..first + size).map(|node| node % nodes).collect();
    some.sort_unstable();
    some
}

fn weather(dice: &mut Dice) -> Weather {
    let most = Duration::from_millis(1 + dice.below(60) as u64);
    Weather {
        delay: (Duration::from_micros(200), most),
        loss: [0, 1_000, 20_000, 100_000][dice.below(4)],
        repeat: [0, 0, 10_000, 100_000][dice.below(4)],
        in_order: dice.below(2) == 0,
    }
}
