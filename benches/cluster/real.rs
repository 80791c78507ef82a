//! Nodes on sockets of this host: joining, events, requests, shared data and failures, beside bare sockets of the same shape in the same
//! rounds.
//!
//! With the Python of an environment that has pydevts in `CLUSTER_PYDEVTS`, its nodes do the same in the same rounds (at two and four nodes).
//! Each figure is the median of five rounds, with the least and the most, and so is each ratio, which is taken within a round.
//! All nodes are in one process, so at sixteen they share the cores that they have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use service_framework::cluster::{Change, Detection, Happening, Node, Payload};

use crate::limit::Bare;
use crate::statistics::{median, sorted};

const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 5;
const EVENTS: usize = 5_000;
const REQUESTS: usize = 1_000;
const SETS: usize = 2_000;

pub(crate) fn run() {
    println!("{:>6} {:<40} {:>10} {:>22}  here / other", "nodes", "what", "median", "least to most");
    for count in [2, 4, 16] {
        let heard = Arc::<AtomicUsize>::default();
        let (nodes, joins) = cluster(count, &heard);
        let bare = Bare::new(count);
        line(count, "joined after, ms", joins);
        let rounds: Vec<Round> = (0..ROUNDS).map(|_| round(&nodes, &heard, &bare)).collect();
        line(count, "events of 100 bytes to all, 1/s", rounds.iter().map(|round| round.here.0).collect());
        ratio("limit", rounds.iter().map(|round| Some(round.here.0 / round.limit.0)));
        ratio("pydevts", rounds.iter().map(|round| Some(round.here.0 / round.pydevts?.0)));
        line(count, "requests, one by one, 1/s", rounds.iter().map(|round| round.here.1).collect());
        ratio("limit", rounds.iter().map(|round| Some(round.here.1 / round.limit.1)));
        ratio("pydevts", rounds.iter().map(|round| Some(round.here.1 / round.pydevts?.1)));
        let sets: Vec<(f64, f64)> = (0..ROUNDS).map(|_| sets(&nodes)).collect();
        line(count, "sets of shared data, 1/s", sets.iter().map(|(rate, _)| *rate).collect());
        line(count, "and the same everywhere after, ms", sets.iter().map(|(_, after)| *after).collect());
    }
    for (name, detection) in crate::profiles() {
        let seen = (0..ROUNDS).map(|_| detected(detection)).collect();
        line(4, &format!("a node that is gone is failed, {name}, s"), seen);
    }
}

fn spread(figures: impl Iterator<Item = f64>) -> Option<(f64, String)> {
    let figures = sorted(figures);
    let text = format!("{:.2} to {:.2}", figures.first()?, figures.last()?);
    Some((median(&figures), text))
}

fn line(nodes: usize, what: &str, figures: Vec<f64>) {
    if let Some((median, spread)) = spread(figures.into_iter()) {
        println!("{nodes:>6} {what:<40} {median:>10.2} {spread:>22}");
    }
}

/// Events and requests in a second, here and elsewhere.
struct Round {
    here: (f64, f64),
    limit: (f64, f64),
    pydevts: Option<(f64, f64)>,
}

fn round(nodes: &[Node], heard: &AtomicUsize, bare: &Bare) -> Round {
    Round {
        here: (emits(nodes, heard), requests(nodes)),
        limit: (bare.emits(EVENTS), bare.requests(REQUESTS)),
        pydevts: pydevts(nodes.len()),
    }
}

/// What pydevts does, if there is one; at sixteen nodes it takes minutes.
fn pydevts(nodes: usize) -> Option<(f64, f64)> {
    let python = std::env::var_os("CLUSTER_PYDEVTS").filter(|_| nodes <= 4)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/cluster/original.py");
    let output = std::process::Command::new(python).args([script, "1", &nodes.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let mut figures = text.split_whitespace().skip(1).map(str::parse);
    Some((figures.next()?.ok()?, figures.next()?.ok()?))
}

fn ratio(to: &str, rounds: impl Iterator<Item = Option<f64>>) {
    if let Some((median, spread)) = spread(rounds.flatten()) {
        println!("{:>6} {:<40} {:>10} {:>22}  {median:.2} ({spread}) times {to}", "", "", "", "");
    }
}

fn builder() -> service_framework::cluster::NodeBuilder {
    Node::builder("bench").listen("127.0.0.1:0")
}

/// Nodes that know each other, and how many milliseconds each took to see all that were there.
fn cluster(count: usize, heard: &Arc<AtomicUsize>) -> (Vec<Node>, Vec<f64>) {
    let (mut nodes, mut joins): (Vec<Node>, Vec<f64>) = (Vec::new(), Vec::new());
    for number in 0..count {
        let counted = heard.clone();
        let builder = builder()
            .on("tick", move |_, _| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
            .on_request("echo", |_, asked| Ok(asked.payload.clone()));
        let first = nodes.first().map(|node| node.addresses()[0].0.clone());
        let node = builder.join(first).start().unwrap_or_else(|error| panic!("{error}"));
        let began = Instant::now();
        assert!(node.wait_for(number + 1, PATIENCE));
        if number > 0 {
            joins.push(began.elapsed().as_secs_f64() * 1e3);
        }
        nodes.push(node);
    }
    assert!(nodes.iter().all(|node| node.wait_for(count, PATIENCE)));
    (nodes, joins)
}

fn wait(what: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !what() && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(200));
    }
    assert!(what(), "not within a minute");
}

/// Events that all others have handled, in a second.
fn emits(nodes: &[Node], heard: &AtomicUsize) -> f64 {
    let (payload, before) = (Payload::raw(&[7; 100]), heard.load(Ordering::Relaxed));
    let began = Instant::now();
    for _ in 0..EVENTS {
        nodes[0].emit("tick", &payload, false).unwrap_or_else(|error| panic!("{error}"));
    }
    let expected = before + EVENTS * (nodes.len() - 1);
    wait(|| heard.load(Ordering::Relaxed) == expected);
    EVENTS as f64 / began.elapsed().as_secs_f64()
}

fn requests(nodes: &[Node]) -> f64 {
    let to = nodes[nodes.len() - 1].id();
    let began = Instant::now();
    for _ in 0..REQUESTS {
        let reply = nodes[0].request(to, "echo", Payload::raw(&[7; 100]), PATIENCE);
        reply.unwrap_or_else(|error| panic!("{error}"));
    }
    REQUESTS as f64 / began.elapsed().as_secs_f64()
}

/// Sets in a second, and after how many milliseconds more the last node had the last of them.
fn sets(nodes: &[Node]) -> (f64, f64) {
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let map = nodes[0].map("bench");
    let began = Instant::now();
    for number in 0..SETS {
        map.set(&format!("key {number}"), &(round, number)).unwrap_or_else(|error| panic!("{error}"));
    }
    let rate = SETS as f64 / began.elapsed().as_secs_f64();
    let written = Instant::now();
    let last = format!("key {}", SETS - 1);
    let has_it = |node: &Node| {
        node.map("bench").get::<(usize, usize)>(&last).is_ok_and(|value| value == Some((round, SETS - 1)))
    };
    wait(|| nodes.iter().all(has_it));
    (rate, written.elapsed().as_secs_f64() * 1e3)
}

/// After how many seconds the last of the others says that a node that ended without a word has failed.
fn detected(detection: Detection) -> f64 {
    let start = |join: Option<String>| {
        let builder = builder().join(join).settings(|settings| settings.detection = detection);
        builder.start().unwrap_or_else(|error| panic!("{error}"))
    };
    let first = start(None);
    let at = first.addresses()[0].0.clone();
    let mut nodes = vec![first];
    nodes.extend((0..3).map(|_| start(Some(at.clone()))));
    assert!(nodes.iter().all(|node| node.wait_for(4, PATIENCE)));
    let happenings: Vec<_> = nodes.iter().take(3).map(Node::happenings).collect();
    drop(nodes.pop());
    let began = Instant::now();
    for happening in &happenings {
        let is_failed = |happening: &Happening| matches!(happening, Happening::Member(member) if member.change == Change::Failed);
        while !happening.recv_timeout(PATIENCE).is_ok_and(|happening| is_failed(&happening)) {
            assert!(began.elapsed() < PATIENCE, "not within a minute");
        }
    }
    began.elapsed().as_secs_f64()
}
