//! Replicated states against bare publishing, and what a large one costs, in one run.
//!
//! Run with `cargo bench --bench states`. Owner and replicas are processes of their own, the owner pinned to the first
//! core, the replicas to the second. The limit is a bare libzmq publisher and subscribers with the same queue bounds,
//! which send frames of the same bytes and look at none of them. Everything fits into the queues, so nothing is lost and
//! no snapshot makes up for it.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

mod framework;
mod large;
mod limit;
#[path = "../statistics.rs"]
mod statistics;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};

use statistics::{median, sorted};

/// Rounds of each case; odd, so that the median is one of them.
const ROUNDS: usize = 7;
/// Updates of a round.
const UPDATES: usize = 45_000;
/// Keys that are set over and over.
const KEYS: usize = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["limit", "owner", publisher, _, replicas] => {
            limit::owner(publisher, replicas.parse().expect("a number"))
        }
        ["limit", "replica", publisher, _] => limit::replica(publisher),
        ["framework", "owner", publisher, replyer, _] => framework::owner(publisher, replyer),
        ["framework", "replica", publisher, replyer] => framework::replica(publisher, replyer),
        ["large", "owner", publisher, replyer] => large::owner(publisher, replyer),
        ["large", "replica", publisher, replyer] => large::replica(publisher, replyer),
        [] => compare_all(),
        _ => {
            eprintln!("run it as `cargo bench --bench states`, without arguments");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn compare_all() {
    println!(
        "| updates into a typed view | framework / limit: rate, median (least to most) | limit, per second | framework, per second |"
    );
    println!("| --- | --- | --- | --- |");
    for replicas in [1, 10] {
        let rounds: Vec<[f64; 2]> =
            (0..ROUNDS).map(|_| ["limit", "framework"].map(|of| run(of, replicas))).collect();
        let ratios = sorted(rounds.iter().map(|[limit, ours]| ours / limit));
        let of = |side: usize| median(&sorted(rounds.iter().map(|round| round[side])));
        println!(
            "| {replicas} {} | {:.2} ({:.2} to {:.2}) | {:.0} | {:.0} |",
            if replicas == 1 { "replica" } else { "replicas, each" },
            median(&ratios),
            ratios[0],
            ratios[ratios.len() - 1],
            of(0),
            of(1)
        );
    }
    large::compare();
}

/// Runs one case once, on fresh sockets; the median rate of the replicas.
fn run(of: &str, replicas: usize) -> f64 {
    let [publisher, replyer] = [address(), address()];
    let mut owner = start(0, &[of, "owner", &publisher, &replyer, &replicas.to_string()]);
    let replicas: Vec<Child> =
        (0..replicas).map(|_| start(1, &[of, "replica", &publisher, &replyer])).collect();
    let rates = sorted(replicas.into_iter().map(|mut replica| {
        let rate = line(&mut replica)[0];
        let _ended = replica.kill().and_then(|()| replica.wait());
        rate
    }));
    let _ended = owner.kill().and_then(|()| owner.wait());
    median(&rates)
}

/// tcp, as services use it; the port is free when asked for and taken a moment later.
fn address() -> String {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    format!("tcp://127.0.0.1:{port}")
}

/// Starts this program in a role, pinned to a core.
fn start(core: usize, arguments: &[&str]) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new("taskset")
        .args(["-c", &core.to_string()])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("taskset, of the package util-linux")
}

/// The figures of the first line that a process prints.
fn line(child: &mut Child) -> Vec<f64> {
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line of figures");
    line.split_whitespace().map(|figure| figure.parse().expect("a figure")).collect()
}
