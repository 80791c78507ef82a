//! A state of a million keys: what an update costs while a replica joins, and what a key costs in memory.

use std::time::{Duration, Instant};

use service_framework::model::StateModel;
use service_framework::service::{BlockingToSend, DeltaOut, Result, Service, States};

use crate::framework::{book, inn, out, run};
use crate::{address, line, median, sorted, start};

/// Keys of a large state.
const MANY: usize = 1_000_000;
/// Updates for each figure.
const MEASURED: usize = 100_000;

fn key(number: usize) -> String {
    format!("key {number:07}")
}

/// Prints: mean and 99th percentile of an update's time, in microseconds, with a thousand keys, with a million, and
/// while a replica joins; the bytes of memory of a key.
pub(crate) fn owner(publisher: &str, replyer: &str) {
    let main = move |to_send: BlockingToSend| {
        let book = to_send.delta("book")?;
        (0..1_000).try_for_each(|number| book.set(key(number), number))?;
        let small = measure(&book, 1_000)?;
        let before = resident();
        (1_000..MANY).try_for_each(|number| book.set(key(number), number))?;
        let a_key = (resident() - before) / (MANY - 1_000) as f64;
        let large = measure(&book, MANY)?;
        println!("{} {} {} {} {a_key}", small[0], small[1], large[0], large[1]);
        // The replica is started when this line is read, and joins meanwhile.
        let mut joining = Vec::new();
        for _ in 0..60 {
            joining.push(measure(&book, MANY)?);
        }
        let of = |index: usize| median(&sorted(joining.iter().map(|round| round[index])));
        let worst = |index: usize| joining.iter().map(|round| round[index]).fold(0.0, f64::max);
        eprintln!(
            "joining: mean {:.2} us (worst of 60: {:.2}), p99 {:.2} us (worst {:.2})",
            of(0),
            worst(0),
            of(1),
            worst(1)
        );
        to_send.sleep(Duration::from_secs(3_600))?;
        Ok(())
    };
    let service = Service::new("owner").state(StateModel::delta_out("book", book())).main(main);
    run(service, out(publisher, replyer), true);
}

/// Times updates of keys here and there, paced so that replicas can follow.
fn measure(book: &DeltaOut, keys: usize) -> Result<[f64; 2]> {
    let mut times = Vec::with_capacity(MEASURED);
    for number in 0..MEASURED / 20 {
        let key = key(number * 7_919 % keys);
        let began = Instant::now();
        book.set(&key, number)?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
        while began.elapsed() < Duration::from_micros(10) {
            std::hint::spin_loop();
        }
    }
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let times = sorted(times.into_iter());
    Ok([mean, times[times.len() * 99 / 100]])
}

/// Joins, and prints how long that took in seconds and the bytes of memory of a key.
pub(crate) fn replica(publisher: &str, replyer: &str) {
    let before = resident();
    let join = async move |mut states: States| {
        let began = Instant::now();
        states.wait_until_current("book", Duration::from_secs(60)).await?;
        let took = began.elapsed().as_secs_f64();
        assert_eq!(states.delta("book")?.len(), MANY, "every key is there");
        println!("{took} {}", (resident() - before) / MANY as f64);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        Ok(())
    };
    let service = Service::new("replica").state(StateModel::delta_in("book", book())).init_function(join);
    run(service, inn(publisher, replyer), false);
}

/// Memory of this process, in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1_024.0
}

pub(crate) fn compare() {
    let [publisher, replyer] = [address(), address()];
    let mut owner = start(0, &["large", "owner", &publisher, &replyer]);
    let figures = line(&mut owner);
    let mut replica = start(1, &["large", "replica", &publisher, &replyer]);
    let joined = line(&mut replica);
    println!(
        "\nkeys: {MANY}; update with a thousand keys {:.2} us (p99 {:.2}), with a million {:.2} us (p99 {:.2})",
        figures[0], figures[1], figures[2], figures[3]
    );
    println!(
        "memory of a key: {:.0} bytes in the owner, {:.0} in a replica; joined in {:.2} s",
        figures[4], joined[1], joined[0]
    );
    std::thread::sleep(Duration::from_secs(4));
    for mut child in [owner, replica] {
        let _ended = child.kill().and_then(|()| child.wait());
    }
}
