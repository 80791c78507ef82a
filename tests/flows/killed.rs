//! Flows whose host is killed after every commit, and after every errand before its commit: what they come to and what they did outside
//! is what an undisturbed one comes to and does.
//!
//! With FLOWS_KILLED_STORE=postgres each run has a schema of its own in the PostgreSQL server of the tests instead of a file: whoever
//! shares a store does the other's errands too, and dies of them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::world::{World, ask};
use crate::folder::LAUNCHER;
use crate::schema::Schema;
use crate::site::Site;
use crate::support::{PATIENCE, free_address, root};

/// One example: its script, its arguments, how its world is, and what somebody outside answers.
struct Example {
    script: &'static str,
    args: &'static str,
    world: &'static [&'static str],
    answer: Option<&'static str>,
}

/// How many runs there are at the same moment: over PostgreSQL all have one server.
fn runs_at_once() -> usize {
    if is_on_postgres() { 4 } else { 12 }
}

/// What stands in arguments for a folder that each run has for itself.
const FOLDER: &str = "FOLDER";

const EXAMPLES: [Example; 6] = [
    Example {
        script: "seed/reboot.py",
        args: r#"{"host": "h1"}"#,
        world: &["--job-time", "0.1", "--callbacks", "twice"],
        answer: None,
    },
    Example {
        script: "nightly.py",
        args: r#"{"world": "http://wilson.local", "night": "one"}"#,
        world: &[],
        answer: None,
    },
    // The last thing cannot be kept: those before it are removed again.
    Example {
        script: "nightly.py",
        args: r#"{"world": "http://wilson.local", "night": "two"}"#,
        world: &["--refuse", "latest"],
        answer: None,
    },
    Example {
        script: "approval.py",
        args: r#"{"world": "http://wilson.local"}"#,
        world: &[],
        answer: Some(r#"{"approved": true, "by": "ada"}"#),
    },
    Example {
        script: "fan_out.py",
        args: r#"{"world": "http://wilson.local", "count": 4, "at_once": 2}"#,
        world: &[],
        answer: None,
    },
    // A release that is cut off is undone, and deployed again.
    Example {
        script: "deploy.py",
        args: r#"{"root": "FOLDER", "releases": [["r1", "hello"], ["r2", "again"]]}"#,
        world: &[],
        answer: None,
    },
];

/// The releases that there are, which of them is current, and which are served.
fn deployed(site: &Site) -> Vec<String> {
    let Some(current) = site.current() else { return Vec::new() };
    let told = |name: String| {
        let served = if site.is_served(&name) { "served" } else { "not served" };
        format!("{name} is there and {served}")
    };
    site.releases().into_iter().map(told).chain([format!("{current} is current")]).collect()
}

/// What a run came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: String,
    effects: Vec<String>,
}

fn is_on_postgres() -> bool {
    std::env::var("FLOWS_KILLED_STORE").is_ok_and(|store| store == "postgres")
}

/// Runs an example whose host dies there, and again until it has ended. The numbers of commits, errands and hooks of the last host too.
fn run(example: &Example, die: &str) -> (Outcome, [u32; 3]) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (world, folder) = (World::start(example.world), tempfile::tempdir().unwrap());
    let file = folder.path().join("store.db").display().to_string();
    let schema = is_on_postgres().then(|| Schema::new().unwrap());
    let store = schema.as_ref().map_or(file, |schema| schema.location.clone());
    let id = format!("killed-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let site = Site(folder.path().join("site"));
    let port = free_address().rsplit(':').next().unwrap().to_owned();
    let (began, mut die) = (Instant::now(), die);
    loop {
        let args = example.args.replace(FOLDER, &site.0.display().to_string());
        let mut host = host(&store, example.script, &id, &port, &world.address, [die, &args]);
        if let Some(answer) = example.answer {
            answer_once(&world, answer, &mut host);
        }
        let output = host.wait_with_output().unwrap();
        if output.status.success() {
            let said = String::from_utf8(output.stdout).unwrap();
            let (result, counts) = said.trim_end().split_once('\n').unwrap();
            let counts: Vec<u32> = counts.split(' ').map(|count| count.parse().unwrap()).collect();
            replays(&store, &id);
            let mut effects = world.effects();
            effects.extend(deployed(&site));
            let outcome = Outcome { result: result.to_owned(), effects };
            return (outcome, counts.try_into().unwrap());
        }
        assert!(output.status.code().is_none(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(began.elapsed() < PATIENCE, "{}: it does not come to an end", example.script);
        die = "no";
    }
}

fn host(store: &str, script: &str, id: &str, port: &str, world: &str, [die, args]: [&str; 2]) -> Child {
    let program = Path::new(LAUNCHER).parent().unwrap().join("examples/flow_host");
    let script = root().join("examples/flows").join(script);
    let mut command = Command::new(program);
    command.args([store, script.to_str().unwrap(), id, port, world, die, args]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What its journal says is what its script does.
fn replays(store: &str, id: &str) {
    let replayed = Command::new(LAUNCHER).args(["flow", "replay", id, "--store", store]).output().unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
}

/// Answers what the flow asks of a person, as long as its host is there.
fn answer_once(world: &World, answer: &str, host: &mut Child) {
    while host.try_wait().unwrap().is_none() {
        let asked = world.get("/thing/request");
        let url = asked.as_ref().and_then(|asked| asked["answer_to"].as_str()?.strip_prefix("http://"));
        if let Some((address, path)) = url.and_then(|url| url.split_once('/'))
            && ask(address, "POST", &format!("/{path}"), answer).is_some()
        {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Points at which a host may die, of an example that was undisturbed.
fn points(example: &Example, [commits, errands, hooks]: [u32; 3]) -> Vec<String> {
    assert!(commits >= 2 && errands >= 2, "{}: {commits} {errands}", example.script);
    assert_eq!(hooks > 0, example.script == "deploy.py");
    let points = (1..commits).map(|n| format!("c{n}"));
    let points = points.chain((1..=errands).map(|n| format!("e{n}")));
    // Those of the second release, when there is one before it.
    points.chain((hooks / 2 + 1..=hooks).map(|n| format!("h{n}"))).collect()
}

/// Does something with each, several at a time: most of a run is waiting, for leases of the dead and for times.
fn at_once<T: Sync>(all: &[T], does: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..runs_at_once() {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    does(one);
                }
            });
        }
    });
}

#[test]
fn whoever_kills_the_host_changes_nothing() {
    let undisturbed = EXAMPLES.each_ref().map(|_| OnceLock::new());
    let all: Vec<_> = EXAMPLES.iter().zip(&undisturbed).collect();
    at_once(&all, |(example, outcome)| drop(outcome.set(run(example, "no"))));
    let mut runs = Vec::new();
    for (example, outcome) in &all {
        let (outcome, counts) = outcome.get().unwrap();
        runs.extend(points(example, *counts).into_iter().map(|point| (*example, outcome, point)));
    }
    at_once(&runs, |(example, undisturbed, point)| {
        let (killed, ..) = run(example, point);
        assert_eq!(killed, **undisturbed, "{} {} killed at {point}", example.script, example.args);
    });
}
