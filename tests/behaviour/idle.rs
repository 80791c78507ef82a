//! A service with nothing to do costs nothing but the memory it stands in.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::json;

use super::peers::{Peer, payload};
use super::place::{Place, in_connection};
use crate::support::PATIENCE;

/// How often each thread went to sleep or was put aside, by its name and number. Without those of libzmq.
pub(super) fn switches(pid: Pid) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
    let named = tasks.map(|task| {
        let name = fs::read_to_string(task.join("comm")).unwrap().trim_end().to_owned();
        (
            format!("{name} {}", task.file_name().unwrap().display()),
            status(&task.join("status"), "ctxt_switches"),
        )
    });
    named.filter(|(name, _)| !name.starts_with("ZMQbg/")).collect()
}

/// The sum of the numbers whose names in a status file end with `name`.
fn status(file: &std::path::Path, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let entries = text.lines().filter_map(|line| line.split_once(':')).filter(|(key, _)| key.ends_with(name));
    entries.map(|(_, value)| value.split_whitespace().next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Waits until nothing has happened for a moment, and then watches for a while.
pub(crate) fn assert_sleeps(pid: Pid) {
    let until = Instant::now() + PATIENCE;
    let mut before = switches(pid);
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = switches(pid);
        if now == before {
            break;
        }
        assert!(Instant::now() < until, "it never comes to rest: {now:?}");
        before = now;
    }
    thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(pid), before, "somebody woke up");
    assert!(before.len() >= 2, "the owner and the one who waits for signals: {before:?}");
}

fn all_sleep<const N: usize>(pids: [Pid; N]) {
    let watchers = pids.map(|pid| thread::spawn(move || assert_sleeps(pid)));
    watchers.into_iter().for_each(|watcher| watcher.join().unwrap());
}

#[test]
fn no_thread_of_ours_wakes_without_peers() {
    let place = Place::new();
    let (replyer, _) = place.echo_replyer(&[]);
    let nobody = in_connection("ticks", "subscriber", &place.at("nobody"));
    let subscriber = place.start("tick_subscriber", nobody, &[]);
    all_sleep([replyer.pid(), subscriber.pid()]);
}

#[test]
fn none_wakes_while_its_peers_are_quiet() {
    let place = Place::new();
    let (replyer, echo) = place.echo_replyer(&[]);
    let addresses = json!({
        "in": {"mid": {"replyer": place.at("mid")}},
        "out": {"echo": {"requester": echo}},
    });
    let middle = place.start("middle", addresses, &[]);
    let peer = Peer::connect(zmq::DEALER, &place.at("mid"));
    assert_eq!(peer.ask(&payload("x")).echo(), "xx!");
    all_sleep([replyer.pid(), middle.pid()]);
}

#[test]
fn a_service_is_small() {
    let place = Place::new();
    let (replyer, _) = place.echo_replyer(&[]);
    let file = std::path::PathBuf::from(format!("/proc/{}/status", replyer.pid()));
    // What it has taken for itself is the same in every build; the pages of an unoptimised program are not its own.
    let own = status(&file, "RssAnon");
    assert!(own < 5_000, "{own} kB");
    if !cfg!(debug_assertions) {
        let all = status(&file, "VmRSS");
        assert!(all < 10_000, "{all} kB");
    }
}
