//! Nodes on hosts of their own: network namespaces with a bridge between them, or a switch of these tests that has weather.
//! They need root, and say so where they are skipped; with `SERVICE_FRAMEWORK_NAMESPACES` set to anything they fail instead.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::discovery::{counter, end, program, reader, words, write};
use super::running::{Killed, NodeProcess, Start, until};
use super::wires::{Switch, Wire};
use crate::folder::LAUNCHER;
use crate::support::{Process, launcher};

/// One at a time: they have the same addresses.
static ONE: Mutex<()> = Mutex::new(());

/// Hosts on one network, taken down when this goes.
struct Hosts {
    bridge: String,
    names: Vec<String>,
    /// The switch, where there is one instead of a bridge.
    switch: Option<Switch>,
    _turn: std::sync::MutexGuard<'static, ()>,
}

fn ip(words: &str) -> bool {
    let output = Command::new("ip").args(words.split_whitespace()).output();
    output.is_ok_and(|output| output.status.success())
}

impl Hosts {
    /// So many hosts, at 10.207.0.1 and so on, on a bridge; nothing where that is not allowed.
    fn new(count: usize) -> Option<Self> {
        Self::made(count, false)
    }

    /// The same at a switch whose wires may be long, lose frames, and be cut.
    fn with_weather(count: usize) -> Option<Self> {
        Self::made(count, true)
    }

    fn made(count: usize, has_weather: bool) -> Option<Self> {
        let turn = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Links vanish some time after the namespace that they were in, so no name is used twice.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let tag = std::process::id() % 10_000 * 10 + MADE.fetch_add(1, Ordering::Relaxed) % 10;
        let mut hosts = Self { bridge: format!("sfbr{tag}"), names: Vec::new(), switch: None, _turn: turn };
        let is_made = match has_weather {
            false => {
                ip(&format!("link add {} type bridge", hosts.bridge))
                    && ip(&format!("link set {} up", hosts.bridge))
                    && (1..=count).all(|number| hosts.add(tag, number) && hosts.plug_in(tag, number))
            }
            true => (1..=count).all(|number| hosts.add(tag, number)) && hosts.wire(tag, count),
        };
        if !is_made {
            let is_wanted = std::env::var_os("SERVICE_FRAMEWORK_NAMESPACES").is_some();
            assert!(!is_wanted, "network namespaces cannot be made here, which needs root and iproute2");
            eprintln!("skipped: network namespaces cannot be made here, which needs root and iproute2");
            return None;
        }
        Some(hosts)
    }

    fn add(&mut self, tag: u32, number: usize) -> bool {
        let (name, outer, inner) =
            (format!("sf{tag}h{number}"), format!("sf{tag}o{number}"), format!("sf{tag}i{number}"));
        self.names.push(name.clone());
        [
            format!("netns add {name}"),
            format!("link add {outer} type veth peer name {inner}"),
            format!("link set {inner} netns {name}"),
            format!("link set {outer} up"),
            format!("-n {name} addr add {}/24 dev {inner}", address(number)),
            format!("-n {name} link set {inner} up"),
            format!("-n {name} link set lo up"),
        ]
        .iter()
        .all(|words| ip(words))
    }

    fn plug_in(&self, tag: u32, number: usize) -> bool {
        ip(&format!("link set sf{tag}o{number} master {}", self.bridge))
    }

    /// A device for each host from which its frames are read, and the switch between them.
    fn wire(&mut self, tag: u32, count: usize) -> bool {
        let device = |number: usize| {
            let (outer, tap) = (format!("sf{tag}o{number}"), format!("sf{tag}t{number}"));
            let is_made = ip(&format!("link add link {outer} name {tap} type macvtap mode passthru"))
                && ip(&format!("link set {tap} up promisc on"));
            let index = std::fs::read_to_string(format!("/sys/class/net/{tap}/ifindex")).ok()?;
            is_made.then(|| format!("/dev/tap{}", index.trim()))
        };
        let devices: Option<Vec<String>> = (1..=count).map(device).collect();
        self.switch = devices.and_then(|devices| Switch::new(&devices).ok());
        self.switch.is_some()
    }

    /// How frames fare between all hosts, both ways.
    fn set_weather(&self, wire: Wire) {
        let Some(switch) = &self.switch else { return };
        let all = 1..=self.names.len();
        all.clone().for_each(|from| all.clone().for_each(|to| switch.set(from, to, wire)));
    }

    /// A talker there, and what it prints.
    fn talker(&self, number: usize, words: &[&str]) -> (Killed, BufReader<ChildStdout>) {
        let program = Path::new(LAUNCHER).parent().unwrap().join("examples").join("talker");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[number - 1]]).arg(program).args(words);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        (Killed(child), lines)
    }

    /// Has the first drop all that it sends to the second, or no longer; one way only.
    fn cut(&self, at: usize, to: usize, is_cut: bool) {
        let word = if is_cut { "add" } else { "del" };
        assert!(ip(&format!("-n {} route {word} blackhole {}/32", self.names[at - 1], address(to))));
    }

    /// A program on one of them.
    fn command(&self, number: usize, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[number - 1]]).arg(program);
        command
    }

    fn start<'a>(&self, number: usize, name: &'a str, folder: &'a std::path::Path) -> Start<'a> {
        let mut start = Start::new(name, folder);
        start.namespace = self.names.get(number - 1).cloned();
        start.listen = format!("{}:60858", address(number));
        start.more = vec!["--insecure"];
        start
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.switch = None;
        for name in &self.names {
            ip(&format!("netns del {name}"));
        }
        ip(&format!("link del {}", self.bridge));
    }
}

fn address(number: usize) -> String {
    format!("10.207.0.{number}")
}

fn emits_to(node: &NodeProcess, members: u64) -> bool {
    node.json(&["emit", "news", "1"])["sent_to"].as_u64() == Some(members)
}

#[test]
fn two_hosts_are_a_cluster_also_where_they_listen_everywhere() {
    let Some(hosts) = Hosts::new(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("cluster.keys");
    assert!(launcher().args(["cluster", "keys"]).arg(&keys).status().unwrap().success());
    let everywhere = |number, name| {
        let mut start = hosts.start(number, name, folder.path());
        start.listen = "*:60858".to_owned();
        (start.more, start.keys) = (Vec::new(), Some(keys.clone()));
        start
    };
    let ask_at = |mut node: NodeProcess, number| {
        node.address = format!("{}:60858", address(number));
        node
    };
    let one = ask_at(everywhere(1, "one").now(), 1);
    let two = ask_at(everywhere(2, "two").join(&one).now(), 2);
    // The third knows the second alone, and must learn where the first is.
    let three = ask_at(everywhere(3, "three").join(&two).now(), 3);
    for node in [&one, &two, &three] {
        node.wait_for(&["one", "three", "two"]);
        until("events go to both", || emits_to(node, 2));
    }
    assert_eq!(three.json(&["map", "set", "m", "k", "3"])["written"], true);
    until("the first has it", || one.json(&["map", "get", "m", "k"])["entries"][0]["value"] == 3);
}

#[test]
fn a_node_that_only_a_relay_reaches_stays_a_member() {
    let Some(hosts) = Hosts::new(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let one = hosts.start(1, "one", folder.path()).now();
    let two = hosts.start(2, "two", folder.path()).join(&one).now();
    // The third and the first never see each other.
    hosts.cut(1, 3, true);
    hosts.cut(3, 1, true);
    let three = hosts.start(3, "three", folder.path()).join(&two).now();
    for node in [&one, &two, &three] {
        node.wait_for(&["one", "three", "two"]);
    }
    assert_eq!(three.json(&["map", "set", "m", "far", "1"])["written"], true);
    until("it comes by the second", || one.json(&["map", "get", "m", "far"])["entries"][0]["value"] == 1);
    until("the second carries", || two.json(&["inspect"])["counts"]["carried"].as_u64() > Some(0));
    // Long enough for a failure to be seen if the way around were none.
    std::thread::sleep(Duration::from_secs(12));
    one.wait_for(&["one", "three", "two"]);
}

#[test]
fn halves_that_did_not_see_each_other_become_one() {
    let Some(hosts) = Hosts::new(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let one = hosts.start(1, "one", folder.path()).now();
    let two = hosts.start(2, "two", folder.path()).join(&one).now();
    let three = hosts.start(3, "three", folder.path()).join(&one).now();
    for node in [&one, &two, &three] {
        node.wait_for(&["one", "three", "two"]);
    }
    for near in [1, 2] {
        hosts.cut(near, 3, true);
        hosts.cut(3, near, true);
    }
    one.wait_for(&["one", "two"]);
    three.wait_for(&["three"]);
    assert_eq!(one.json(&["map", "set", "m", "here", "1"])["written"], true);
    assert_eq!(three.json(&["map", "set", "m", "there", "3"])["written"], true);
    for near in [1, 2] {
        hosts.cut(near, 3, false);
        hosts.cut(3, near, false);
    }
    for node in [&one, &two, &three] {
        node.wait_for(&["one", "three", "two"]);
        until("both writes are everywhere", || {
            node.json(&["map", "get", "m"])["entries"].as_array().map(Vec::len) == Some(2)
        });
    }
}

#[test]
fn a_rolling_restart_of_hosts_under_load_costs_no_request() {
    let Some(hosts) = Hosts::new(4) else { return };
    let folder = tempfile::tempdir().unwrap();
    let one = hosts.start(1, "one", folder.path()).now();
    one.wait_for(&["one"]);
    // Sockets and nodes are on every interface, at any port: where others reach them is found out.
    let addresses = |number: usize| {
        let mut json = words(&one.address, json!("cluster://counter/count"));
        json["cluster"]["listen"] = json!("*:0");
        json["cluster"]["insecure"] = json!(true);
        json["connections"]["in"]["count"]["replyer"] = json!("*:0");
        json["states"]["out"]["work"] = json!({ "publisher": "*:0", "replyer": "*:0" });
        write(&folder.path().join(format!("words{number}.json")), &json)
    };
    let start = |number: usize| counter(hosts.command(number, &program()), &addresses(number));
    let found = || {
        let answer = one.json(&["services", "counter"]);
        let instances = answer["instances"].as_array().cloned().unwrap_or_default();
        let ready = instances.iter().filter(|one| one["presence"] == "alive" && one["ready"] == true);
        let place = |one: &serde_json::Value| {
            one["endpoints"]["count/replyer"].as_str().unwrap_or_default().to_owned()
        };
        let mut places: Vec<String> = ready.map(place).collect();
        places.sort();
        places
    };
    let all_are_found = || {
        let places = found();
        places.len() == 3
            && places
                .iter()
                .zip(2..)
                .all(|(place, number)| place.starts_with(&format!("tcp://{}:", address(number))))
    };
    let mut counters: Vec<Process> = (2..=4).map(start).collect();
    until("all are found where others reach them", all_are_found);
    let stop = folder.path().join("stop");
    let mut reading =
        reader(hosts.command(1, &program()), &addresses(1), &["--until", stop.to_str().unwrap()]);
    reading.wait_for("the text was read once");
    for place in 0..3 {
        let old = counters.remove(place).finish_by(Signal::TERM);
        assert_eq!(old.code, Some(0), "{}", old.text());
        counters.insert(place, start(place + 2));
        until("all are found again", all_are_found);
    }
    let work = end(reading, &stop);
    assert!(work.len() > 3, "those that were started again have done something: {work:?}");
}

fn port_of(number: usize) -> String {
    format!("{}:60858", address(number))
}

#[test]
fn a_request_and_its_reply_go_through_a_relay() {
    let Some(hosts) = Hosts::new(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    hosts.cut(1, 3, true);
    hosts.cut(3, 1, true);
    let (_one, _) = hosts.talker(1, &["one", &port_of(1)]);
    let mut start = hosts.start(2, "two", folder.path());
    start.join.push(port_of(1));
    let two = start.now();
    two.wait_for(&["one", "two"]);
    let (_three, mut said) = hosts.talker(3, &["three", &port_of(3), &port_of(2), "one"]);
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "1048576 bytes, the same: true");
    assert!(two.json(&["inspect"])["counts"]["carried"].as_u64() > Some(0));
}

#[test]
fn long_wires_that_lose_frames_and_are_cut_one_way_do_not_part_a_cluster() {
    let Some(hosts) = Hosts::with_weather(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    hosts.set_weather(Wire { delay: Duration::from_millis(30), loss: 3, ..Wire::default() });
    let one = hosts.start(1, "one", folder.path()).now();
    let two = hosts.start(2, "two", folder.path()).join(&one).now();
    let three = hosts.start(3, "three", folder.path()).join(&one).now();
    let all = [&one, &two, &three];
    all.iter().for_each(|node| node.wait_for(&["one", "three", "two"]));
    // The third still hears the first, which hears nothing of it any more.
    hosts.switch.as_ref().unwrap().set(3, 1, Wire { is_cut: true, ..Wire::default() });
    let is_unreachable = |member: &serde_json::Value| member["presence"] == "unreachable";
    until("one of them says that it reaches the other by others alone", || {
        all.iter().any(|node| {
            node.json(&["members"])["members"]
                .as_array()
                .is_some_and(|members| members.iter().any(is_unreachable))
        })
    });
    assert_eq!(three.json(&["map", "set", "m", "k", "3"])["written"], true);
    until("the first has it", || one.json(&["map", "get", "m", "k"])["entries"][0]["value"] == 3);
    all.iter().for_each(|node| node.wait_for(&["one", "three", "two"]));
    assert!(all.iter().all(|node| !node.log().contains("failed")), "{}", one.log());
}
