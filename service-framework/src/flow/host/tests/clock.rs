//! Clocks that are set, back and forth, while flows go on.

use super::*;
use crate::store::{ManualClock, Timestamp};

const BEGAN: i64 = 1_800_000_000_000_000;
const HOUR: i64 = 3_600_000_000;
const LINES: [&str; 7] =
    ["now", "ask http.get", "sleep 0.2", "ask http.get", "wait message go", "sleep 0.2", "ask http.get"];

/// By how much the clock is wrong: an hour back or forth now and then, by turns that a seed chooses.
struct Errors(u64);

impl Errors {
    fn next(&mut self) -> i64 {
        // Knuth's generator for 64 bits; any would do.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (self.0 >> 33) % 8 {
            0 => HOUR,
            1 => -HOUR,
            _ => 0,
        }
    }
}

#[test]
fn nothing_is_lost_or_asked_by_another_key_when_clocks_are_set() {
    for seed in 1..=3 {
        let clock = ManualClock::at(Timestamp::from_micros(BEGAN));
        let (store, world) = (Store::in_memory_at(clock.clone()), Arc::new(World::default()));
        let hosts = [host_on(&store, &world, settings()), host_on(&store, &world, settings())];
        let test = Test { store, world, host: hosts[0].clone() };
        let ids: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        for id in &ids {
            test.flows().start(&Toy, start_of(id, &LINES)).unwrap();
            test.flows().signal(id, "go", Value::Nil).unwrap();
        }
        let (began, mut errors, mut ticks) = (Instant::now(), Errors(seed), 0);
        while ids.iter().any(|id| !test.flows().get(id).unwrap().status.has_ended()) {
            ticks += 1;
            // What is held since the clock was an hour ahead is free again when it is so once more, for good.
            let error = if ticks < 400 { errors.next() } else { HOUR };
            clock.set(Timestamp::from_micros(BEGAN + 20_000 * ticks + error));
            assert!(began.elapsed() < BOUND * 3, "seed {seed}: they do not come to an end");
            std::thread::sleep(Duration::from_millis(5));
        }
        for id in &ids {
            let done = test.done(id);
            assert_eq!(
                [&done[1], &done[3], &done[6]],
                [&Value::Int(1), &Value::Int(3), &Value::Int(6)],
                "{id}"
            );
        }
        // Whoever held something longer than its lease may have asked again, by the same key.
        assert_eq!(test.world.done.lock().unwrap().len(), 3 * ids.len());
        assert!(hosts.iter().all(|host| host.stop(BOUND)));
    }
}

#[test]
fn a_clock_that_is_set_back_makes_sleepers_late_and_no_more() {
    let clock = ManualClock::at(Timestamp::from_micros(BEGAN));
    let (store, world) = (Store::in_memory_at(clock.clone()), Arc::new(World::default()));
    let host = host_on(&store, &world, settings());
    let test = Test { store, world, host };
    test.start("f", &["sleep 60", "now"]);
    test.waits("f");
    clock.set(Timestamp::from_micros(BEGAN - HOUR));
    test.start("g", &["ask http.get"]);
    test.done("g");
    assert_eq!(test.flows().get("f").unwrap().status, Status::Waiting);
    clock.set(Timestamp::from_micros(BEGAN + 61_000_000));
    test.done("f");
    assert!(test.host.stop(BOUND));
}
