//! Servers that are killed at every event of a journal, or paused past their leases, over both stores: an outside ledger says
//! what was really done.
//!
//! `PROGRAMS_KILLS` is how many random kills there are besides (none unless said), `PROGRAMS_SEED` where they begin.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rustix::process::Signal;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::folder::LAUNCHER;
use crate::schema::Schema;
use crate::support::{Process, wait_for_file};

/// In the order in which they run.
const STEPS: [&str; 5] = ["reserve", "price", "charge", "pack", "ship"];
/// No kill at all.
const NEVER: usize = 0;

/// A store with a ledger beside it.
struct Shop {
    folder: TempDir,
    location: String,
    _schema: Option<Schema>,
}

impl Shop {
    fn in_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("store.db").display().to_string();
        Self { folder, location, _schema: None }
    }

    /// None if there is no server; says so.
    fn in_postgres() -> Option<Self> {
        let schema = Schema::new()?;
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            location: schema.location.clone(),
            _schema: Some(schema),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn runner(&self, kill_at: usize, what: &[&str]) -> Command {
        self.runner_for(Duration::from_millis(100), kill_at, what)
    }

    fn runner_for(&self, lease: Duration, kill_at: usize, what: &[&str]) -> Command {
        let mut command = Command::new(Path::new(LAUNCHER).parent().unwrap().join("examples/program_runner"));
        command.arg(&self.location).arg(self.folder.path()).arg(lease.as_millis().to_string());
        command.arg(kill_at.to_string()).args(what);
        command
    }

    fn ledger(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.path("ledger")).unwrap_or_default();
        text.lines().map(Line::read).collect()
    }
}

/// What a server has done for a run.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    server: String,
    run: String,
    step: String,
}

impl Line {
    fn read(line: &str) -> Self {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let [server, run, step] = words.try_into().unwrap();
        Self { server, run, step }
    }
}

fn objects(output: &Output) -> Vec<Json> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is killed, and when; a second kill is one of the server that takes the run up.
#[derive(Clone, Debug)]
struct Case {
    on_crash: &'static str,
    fails: &'static str,
    kill_at: usize,
    kill_again_at: usize,
}

/// Runs a case. Whether the first kill came before the run had ended.
fn run(shop: &Shop, case: &Case, key: &str) -> bool {
    let Case { on_crash, fails, kill_at, kill_again_at } = *case;
    let began = shop.runner(kill_at, &["run", on_crash, fails, "", key]).output().unwrap();
    if kill_again_at != NEVER {
        shop.runner(kill_again_at, &["recover", key]).output().unwrap();
    }
    let recovered = shop.runner(NEVER, &["recover", key]).output().unwrap();
    assert!(recovered.status.success(), "{case:?}: {}", String::from_utf8_lossy(&recovered.stderr));
    let (runs, ledger) = (objects(&recovered), shop.ledger());
    for run in runs.iter().filter(|run| run["run"].is_string()) {
        check(case, run, &ledger);
    }
    if let Some(again) = runs.iter().find_map(|run| run.get("again")) {
        let known = runs.iter().find(|run| run["run"] == again["run"]);
        assert_eq!(known.map(|run| run["status"].as_str()), Some(Some(status_of(&again["end"]))), "{case:?}");
    }
    began.status.code().is_none()
}

fn status_of(end: &Json) -> &str {
    match end.as_str().unwrap() {
        "Done" => "done",
        "Rectified" => "rectified",
        "Stuck" => "stuck",
        other => panic!("{other}"),
    }
}

/// What a run's status and pool say, and what the ledger says of it.
fn check(case: &Case, run: &Json, ledger: &[Line]) {
    let id = run["run"].as_str().unwrap();
    let steps: Vec<&str> = ledger.iter().filter(|line| line.run == id).map(|line| &*line.step).collect();
    let told = format!("{case:?}: {run} but {steps:?}");
    let doubts = |name: &str| {
        let listed = run["pool"]["_in_doubt"].as_array().map(Vec::as_slice).unwrap_or_default();
        listed.iter().filter(|reference| **reference == format!("shop.{name}")).count()
    };
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    steps.iter().for_each(|step| *count.entry(step).or_default() += 1);
    for (name, times) in &count {
        let repeats = if matches!(*name, "pack" | "undo_price") { doubts(name) } else { 0 };
        assert!(*times <= 1 + repeats, "{name} was done {times} times, {told}");
    }
    let fails = run["pool"]["fails"].as_str().unwrap();
    let did = |name: &str| count.contains_key(name);
    match run["status"].as_str().unwrap() {
        "done" => {
            assert!(
                STEPS.iter().all(|step| did(step)) && !steps.iter().any(|step| step.starts_with("undo")),
                "{told}"
            );
        }
        "rectified" => {
            for step in STEPS {
                let undone = did(&format!("undo_{step}"));
                // What failed did nothing that is to be undone, unless nobody knows whether it did.
                assert!(
                    undone == did(step) || doubts(step) > 0 || (step == fails && !undone),
                    "{step}: {told}"
                );
            }
        }
        "stuck" => {
            assert_eq!(run["pool"]["_rectifier_fail"], true, "{told}");
            assert!(STEPS.iter().any(|step| doubts(&format!("undo_{step}")) > 0), "{told}");
        }
        other => panic!("{other}: {told}"),
    }
    // Undone are those that were done, backwards.
    let mut undone: Vec<&str> = steps.iter().filter_map(|step| step.strip_prefix("undo_")).collect();
    undone.dedup();
    let places = undone.iter().map(|step| STEPS.iter().position(|known| known == step).unwrap());
    assert!(places.clone().zip(places.skip(1)).all(|(first, then)| first > then), "{told}");
}

/// Kills at each point, one after the other, until the run ends before it.
fn kill_everywhere(shop: &Shop, on_crash: &'static str, fails: &'static str, points: &[usize]) {
    for kill_at in (0..).flat_map(|call| points.iter().map(move |point| call * 4 + point)) {
        let case = Case { on_crash, fails, kill_at, kill_again_at: NEVER };
        if !run(shop, &case, &format!("{on_crash}-{fails}-{kill_at}")) {
            let calls = if fails.is_empty() { 5 } else { 9 };
            assert!(kill_at > calls * 4, "{case:?}: it ended too soon");
            return;
        }
    }
}

/// When it is written that a call begins, and before it is written that it has ended: all that a journal can say.
const EVENTS: [usize; 2] = [1, 4];

fn killed_at_every_event(shop: impl Fn() -> Shop + Sync) {
    thread::scope(|scope| {
        for (on_crash, fails) in [("rectify", ""), ("rectify", "ship"), ("resume", "")] {
            let shop = &shop;
            scope.spawn(move || kill_everywhere(&shop(), on_crash, fails, &EVENTS));
        }
    });
}

#[test]
fn whatever_event_a_server_is_killed_at_its_runs_end() {
    killed_at_every_event(Shop::in_sqlite);
}

#[test]
fn whatever_event_a_server_over_postgres_is_killed_at_its_runs_end() {
    if Shop::in_postgres().is_some() {
        killed_at_every_event(|| Shop::in_postgres().unwrap());
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let fails = prop::sample::select(vec!["", "", "reserve", "price", "charge", "pack", "ship"]);
    (any::<bool>(), fails, 1..40_usize, 0..40_usize).prop_map(|(rectifies, fails, kill_at, kill_again_at)| {
        Case { on_crash: if rectifies { "rectify" } else { "resume" }, fails, kill_at, kill_again_at }
    })
}

#[test]
fn however_often_servers_are_killed_their_runs_end() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (kills, seed) = (number("PROGRAMS_KILLS").unwrap_or(0), number("PROGRAMS_SEED").unwrap_or(1));
    println!("PROGRAMS_KILLS={kills} PROGRAMS_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let shops: Vec<Shop> = [Some(Shop::in_sqlite()), Shop::in_postgres()].into_iter().flatten().collect();
    for number in 0..kills {
        let case = any_case().new_tree(&mut runner).unwrap().current();
        for shop in &shops {
            run(shop, &case, &number.to_string());
        }
    }
}

/// One server is in a step when it is paused; the other one takes its run up; then the first goes on.
fn paused_past_its_lease(shop: &Shop) {
    // It is not to be paused while it renews its lease: it would keep the others out of the store.
    let lease = Duration::from_secs(2);
    let mut paused =
        Process::start(&mut shop.runner_for(lease, NEVER, &["run", "rectify", "", "charge", "k"]));
    wait_for_file(&shop.path("held"));
    paused.signal(Signal::STOP);
    let recovered = shop.runner(NEVER, &["recover", "k"]).output().unwrap();
    let runs = objects(&recovered);
    assert!(recovered.status.success(), "{}", String::from_utf8_lossy(&recovered.stderr));
    assert_eq!(
        (&runs[0]["status"], &runs[0]["pool"]["_in_doubt"][0]),
        (&"rectified".into(), &"shop.charge".into())
    );

    paused.signal(Signal::CONT);
    fs::write(shop.path("go"), "").unwrap();
    let answer: Json = serde_json::from_str(&paused.wait_for("{")).unwrap();
    let refused = answer["refused"].as_str().unwrap();
    assert!(refused.contains("another server has taken over the run"), "{answer}");
    assert_eq!(paused.finish().code, Some(0));

    let (ledger, again) = (shop.ledger(), shop.runner(NEVER, &["recover", "k"]).output().unwrap());
    let [first, second] = [&ledger[0].server, &ledger[ledger.len() - 2].server];
    let steps_of = |server: &str| -> Vec<&str> {
        ledger.iter().filter(|line| line.server == server).map(|line| line.step.as_str()).collect()
    };
    // What it was in when it was paused it did to its end, and nothing after it.
    assert_eq!(steps_of(first), ["reserve", "price", "charge"]);
    assert_eq!(steps_of(second), ["undo_charge", "undo_price", "undo_reserve"]);
    assert_eq!((&objects(&again)[0]["status"], shop.ledger().len()), (&"rectified".into(), 6));
}

#[test]
fn no_step_is_run_by_a_paused_server_and_by_another() {
    paused_past_its_lease(&Shop::in_sqlite());
}

#[test]
fn no_step_is_run_by_a_paused_server_over_postgres_and_by_another() {
    if let Some(shop) = Shop::in_postgres() {
        paused_past_its_lease(&shop);
    }
}
