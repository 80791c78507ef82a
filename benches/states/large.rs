//! A state of a million keys: what an update costs while a replica joins, and what a key costs in memory.

use std::process::Child;
use std::time::{Duration, Instant};

use service_framework::model::StateModel;
use service_framework::service::{BlockingToSend, OwnDelta, Result, Service, States};

use crate::framework::{book, inn, out, run};
use crate::statistics::sorted;
use crate::{address, line, start};

/// Keys of a large state.
const MANY: usize = 1_000_000;
/// Updates for each figure, which take longer than a replica takes to join.
const MEASURED: usize = 150_000;

fn key(number: usize) -> String {
    format!("key {number:07}")
}

/// Measures when it is told to by a line on stdin, and prints a line each time: mean and 99th percentile of an update's
/// time, in microseconds. The first time with a thousand keys, then with a million and also the bytes of memory of a key.
pub(crate) fn owner(publisher: &str, replyer: &str) {
    let main = move |to_send: BlockingToSend| -> Result {
        let book = to_send.delta("book")?;
        (0..1_000).try_for_each(|number| book.set(key(number), number))?;
        wait_for_word();
        let [mean, tail] = measure(&book, 1_000)?;
        let before = resident();
        (1_000..MANY).try_for_each(|number| book.set(key(number), number))?;
        println!("{mean} {tail} {}", (resident() - before) / (MANY - 1_000) as f64);
        loop {
            wait_for_word();
            let [mean, tail] = measure(&book, MANY)?;
            println!("{mean} {tail}");
        }
    };
    let service = Service::new("owner").state(StateModel::delta_out("book", book())).main(main);
    run(service, out(publisher, replyer), true);
}

fn wait_for_word() {
    std::io::stdin().read_line(&mut String::new()).expect("a line");
}

/// Times updates of keys here and there, paced so that replicas can follow.
fn measure(book: &OwnDelta, keys: usize) -> Result<[f64; 2]> {
    let mut times = Vec::with_capacity(MEASURED);
    for number in 0..MEASURED {
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
        while states.delta("book")?.len() < MANY {
            tokio::time::sleep(Duration::from_millis(1)).await;
            states.refresh();
        }
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
    let replica = || start(1, &["large", "replica", &publisher, &replyer]);
    let mut first = replica();
    std::thread::sleep(Duration::from_secs(1));
    let small = told(&mut owner);
    let joined = line(&mut first);
    let large = told(&mut owner);
    let mut second = replica();
    let joining = told(&mut owner);
    let again = line(&mut second);
    println!("\n| an update, one replica following | mean, us | 99th percentile, us |\n| --- | --- | --- |");
    println!("| of a state of a thousand keys | {:.2} | {:.2} |", small[0], small[1]);
    println!("| of a state of a million keys | {:.2} | {:.2} |", large[0], large[1]);
    println!("| of that while another replica joins | {:.2} | {:.2} |", joining[0], joining[1]);
    println!("| joining / not joining | {:.2} | {:.2} |", joining[0] / large[0], joining[1] / large[1]);
    let (in_owner, in_replica, took) = (small[2], joined[1], again[0]);
    println!(
        "\nA key takes {in_owner:.0} bytes in the owner, {in_replica:.0} in a replica; joining took {took:.2} s."
    );
    for mut child in [owner, first, second] {
        let _ended = child.kill().and_then(|()| child.wait());
    }
}

/// Has the owner measure; its figures.
fn told(owner: &mut Child) -> Vec<f64> {
    use std::io::Write;
    owner.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("an owner that listens");
    line(owner)
}
