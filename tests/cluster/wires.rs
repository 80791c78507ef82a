//! A switch between hosts of tests, with wires that are long, lose frames, or are cut in one direction.
//!
//! The kernels of many machines have no netem. Every host's end of a link is a macvtap, a device from which whole
//! Ethernet frames are read and to which they are written; this hands them on, late, never, or as they came. Whatever
//! runs on the hosts notices nothing of it but its weather.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;

/// Bytes that the device puts before each frame, and of the longest frame.
const HEAD: usize = 10;
const LONGEST: usize = 70_000;

/// What happens to frames between two hosts, one way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wire {
    pub(super) delay: Duration,
    /// Of a hundred, how many are lost.
    pub(super) loss: u64,
    pub(super) is_cut: bool,
}

/// The switch, which ends when this goes.
pub(super) struct Switch {
    wires: Arc<Mutex<BTreeMap<(usize, usize), Wire>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Between the devices at these places, which are the hosts in their order.
    pub(super) fn new(devices: &[String]) -> std::io::Result<Self> {
        let open = |device: &String| {
            let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
            OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(device)
        };
        let ports: Vec<File> = devices.iter().map(open).collect::<Result<_, _>>()?;
        let (wires, is_over) = (Arc::<Mutex<_>>::default(), Arc::<AtomicBool>::default());
        let (of, over) = (wires.clone(), is_over.clone());
        let thread = std::thread::spawn(move || Carrying::new(ports, of).run(&over));
        Ok(Self { wires, is_over, thread: Some(thread) })
    }

    /// How it is from now on from one host to another, one way; hosts are counted from 1.
    pub(super) fn set(&self, from: usize, to: usize, wire: Wire) {
        self.wires.lock().unwrap().insert((from - 1, to - 1), wire);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A frame on its way: when it arrives, its number, where.
type Late = Reverse<(Instant, u64, usize, Vec<u8>)>;

struct Carrying {
    ports: Vec<File>,
    wires: Arc<Mutex<BTreeMap<(usize, usize), Wire>>>,
    /// Behind which port an Ethernet address is.
    places: BTreeMap<[u8; 6], usize>,
    /// What is on its way, the first to arrive on top.
    late: BinaryHeap<Late>,
    number: u64,
    dice: u64,
}

impl Carrying {
    fn new(ports: Vec<File>, wires: Arc<Mutex<BTreeMap<(usize, usize), Wire>>>) -> Self {
        Self { ports, wires, places: BTreeMap::new(), late: BinaryHeap::new(), number: 0, dice: 1 }
    }

    fn run(&mut self, is_over: &AtomicBool) {
        let mut frame = vec![0; LONGEST];
        while !is_over.load(Ordering::SeqCst) {
            self.wait();
            for from in 0..self.ports.len() {
                while let Ok(length) = (&self.ports[from]).read(&mut frame) {
                    self.carry(from, &frame[..length]);
                }
            }
            self.deliver();
        }
    }

    /// Until a frame comes or is due, or a moment has passed.
    fn wait(&self) {
        let due = self.late.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
        let wait = due.unwrap_or(Duration::MAX).min(Duration::from_millis(50));
        let mut ports: Vec<PollFd<'_>> =
            self.ports.iter().map(|port| PollFd::new(port, PollFlags::IN)).collect();
        let _ = poll(&mut ports, Some(&wait.try_into().unwrap()));
    }

    fn carry(&mut self, from: usize, frame: &[u8]) {
        let address = |at: usize| frame.get(HEAD + at..HEAD + at + 6).and_then(|bytes| bytes.try_into().ok());
        let (Some(to), Some(source)) = (address(0), address(6)) else { return };
        self.places.insert(source, from);
        let known = self.places.get(&to).copied();
        let all = 0..self.ports.len();
        for to in all.filter(|to| *to != from && known.is_none_or(|known| known == *to)) {
            let wire = self.wires.lock().unwrap().get(&(from, to)).copied().unwrap_or_default();
            if wire.is_cut || self.dice() % 100 < wire.loss {
                continue;
            }
            self.number += 1;
            self.late.push(Reverse((Instant::now() + wire.delay, self.number, to, frame.to_vec())));
        }
    }

    fn deliver(&mut self) {
        let is_due = |late: &Late| late.0.0 <= Instant::now();
        while let Some(Reverse((_, _, to, frame))) =
            self.late.peek().is_some_and(is_due).then(|| self.late.pop()).flatten()
        {
            // A host that is gone takes nothing.
            let _ = (&self.ports[to]).write(&frame);
        }
    }

    fn dice(&mut self) -> u64 {
        // Xorshift: the same frames in the same order meet the same fate.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }
}
