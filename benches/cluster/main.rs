//! What a node of a cluster costs, and how fast a cluster notices and agrees: simulated, so the figures are of the protocol
//! and not of this machine, but for the last column.
//!
//! `cargo bench --bench cluster [NODES…]`, 10, 100 and 1,000 unless said; `cargo bench --bench cluster cost [NODES…]`, what simulating
//! them costs, 200 and 1,000 unless said; `cargo bench --bench cluster real`, nodes on sockets.

#![expect(clippy::panic, clippy::expect_used, reason = "a bench that cannot go on ends")]

mod limit;
mod real;
#[path = "../statistics.rs"]
mod statistics;

use std::time::{Duration, Instant};

use service_framework::cluster::sim::{Act, Load, Report, Scenario, Step, run};
use service_framework::cluster::{Change, Detection};

fn main() {
    if std::env::args().any(|word| word == "real") {
        return real::run();
    }
    let sizes: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    if std::env::args().any(|word| word == "cost") {
        return cost(if sizes.is_empty() { vec![200, 1_000] } else { sizes });
    }
    let sizes = if sizes.is_empty() { vec![10, 100, 1_000] } else { sizes };
    println!("{:>6} {:<30} {:>14}  {:>10}", "nodes", "what", "figure", "took");
    for nodes in sizes {
        traffic(nodes);
        for (name, detection) in profiles() {
            detects(nodes, name, detection);
        }
        converges(nodes);
    }
}

fn line(nodes: usize, what: &str, figure: &str, began: Instant) {
    println!("{nodes:>6} {what:<30} {figure:>14}  {:>8.1} s", began.elapsed().as_secs_f64());
}

fn steady(nodes: usize, seconds: u64) -> Report {
    run(&Scenario::calm(1, nodes, Duration::from_secs(seconds)))
}

/// Of two runs that are the same up to where the shorter ends, the difference is what an idle cluster sends meanwhile.
fn traffic(nodes: usize) {
    let began = Instant::now();
    let (short, long) = (steady(nodes, 60), steady(nodes, 90));
    let per_node = |all: u64| all as f64 / nodes as f64 / 30.0;
    let joined = short.seen(Change::Joined).into_iter().map(|(at, ..)| at).max().unwrap_or_default();
    line(nodes, "all see all after", &format!("{:.2} s", joined.as_secs_f64()), began);
    let bytes = per_node(long.bytes - short.bytes);
    line(nodes, "idle, bytes per node and second", &format!("{bytes:.0}"), began);
    let frames = per_node(long.frames - short.frames);
    line(nodes, "idle, frames per node and second", &format!("{frames:.1}"), began);
}

/// What it costs to simulate nodes that all join at once, and then ten idle seconds: milliseconds of this machine for each node.
fn cost(sizes: Vec<usize>) {
    println!(
        "{:>6} {:>14} {:>22} {:>22}",
        "nodes", "all see all", "joining, ms per node", "ten seconds, ms per node"
    );
    for nodes in sizes {
        let took = |seconds: u64| {
            let began = Instant::now();
            let report = steady(nodes, seconds);
            (report, began.elapsed().as_secs_f64() * 1e3 / nodes as f64)
        };
        let ((report, short), (_, long)) = (took(20), took(30));
        let joined = report.seen(Change::Joined).into_iter().map(|(at, ..)| at).max().unwrap_or_default();
        println!("{nodes:>6} {:>12.2} s {short:>22.2} {:>22.2}", joined.as_secs_f64(), long - short);
    }
}

fn profiles() -> [(&'static str, Detection); 2] {
    let fast = Detection {
        period: Duration::from_millis(250),
        timeout: Duration::from_millis(100),
        gossip: Duration::from_millis(50),
        ..Detection::default()
    };
    [("default", Detection::default()), ("fast", fast)]
}

/// From a crash to the first and to the last node that says so.
fn detects(nodes: usize, name: &str, detection: Detection) {
    let began = Instant::now();
    let crashed = Duration::from_secs(20);
    let mut scenario = Scenario::calm(2, nodes, Duration::from_secs(60));
    scenario.settings.detection = detection;
    scenario.steps.push(Step { at: crashed, act: Act::Crash { nodes: vec![nodes - 1], keeps_disk: true } });
    let seen: Vec<Duration> =
        run(&scenario).seen(Change::Failed).into_iter().map(|(at, ..)| at.saturating_sub(crashed)).collect();
    let (first, last) = (seen.iter().min(), seen.iter().max());
    if let (Some(first), Some(last)) = (first, last) {
        let figure = format!("{:.1} to {:.1} s", first.as_secs_f64(), last.as_secs_f64());
        line(nodes, &format!("crash seen, {name}"), &figure, began);
    }
}

/// From the last of many writes, and the end of a tenth of all frames being lost, until all nodes have the same data.
fn converges(nodes: usize) {
    let began = Instant::now();
    let mut scenario = Scenario::calm(3, nodes, Duration::from_secs(20));
    let weather = service_framework::cluster::sim::Weather { loss: 100_000, ..Default::default() };
    scenario.steps.push(Step { at: Duration::from_secs(10), act: Act::Weather(weather) });
    let load = Load { writes: 20.0, ..Load::default() };
    scenario.steps.push(Step { at: Duration::from_secs(10), act: Act::Load(load) });
    let after = run(&scenario).settled_after;
    let figure = after.map_or_else(|| "never".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
    line(nodes, "same data after 10 % loss", &figure, began);
}
