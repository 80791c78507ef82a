//! Flows that are large in some way: steps, state, things waited for at once, and others that sleep.
//!
//! `FLOWS_SLEEPING` is how many sleep (10,000 unless said). How long they took to start, and what they take up, is printed.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use service_framework::Value;
use service_framework::flow::engine::Monty;
use service_framework::flow::history::Status;
use service_framework::flow::{Flows, Start};
use service_framework::store::Store;

use super::support::{does, serve, shown, until, with};
use super::world::{World, ask};
use crate::folder::{Folder, json as parsed};
use crate::support::{PATIENCE, Process, wait_until};

#[test]
fn ten_thousand_steps_are_one_flow() {
    let folder = with(
        "from flow.events import signal\nfrom flow.time import sleep\nimport uuid\n\ndef main():\n    ids = set()\n    for number in range(10_000):\n        ids.add(str(uuid.uuid4()))\n        if number % 500 == 0:\n            sleep(0.001)\n    await signal('go')\n    return len(ids)\n",
    );
    let mut served = serve(&folder, "");
    does(&folder, "flow start job.py --id f");
    until(&folder, "f", "waiting");
    served.end_by(Signal::KILL);
    let _served = serve(&folder, "");
    does(&folder, "flow signal f go");
    until(&folder, "f", "done");
    assert_eq!(parsed(&does(&folder, "flow run --id f").stdout), json!(10_000));
    assert!(shown(&folder, "f")["steps"].as_array().unwrap().len() > 10_000);
}

#[test]
fn ten_megabytes_of_state_are_kept() {
    // After a thousand moves what it stands at is saved, and not only what it was told.
    let folder = with(
        "from flow.events import signal\nimport uuid\n\ndef main():\n    ids = [str(uuid.uuid4()) for _ in range(1500)]\n    held = [ids[number % 1500] * 10 for number in range(30_000)]\n    await signal('first')\n    await signal('second')\n    return [len(''.join(held)), held[-1] == ids[29_999 % 1500] * 10]\n",
    );
    let mut served = serve(&folder, "");
    does(&folder, "flow start job.py --id f");
    until(&folder, "f", "waiting");
    does(&folder, "flow signal f first");
    let took = |step: &Json| step["kind"] == "took";
    wait_until("it takes the first", || shown(&folder, "f")["steps"].as_array().unwrap().iter().any(took));
    until(&folder, "f", "waiting");
    served.end_by(Signal::KILL);
    let _served = serve(&folder, "");
    does(&folder, "flow signal f second");
    until(&folder, "f", "done");
    assert_eq!(parsed(&does(&folder, "flow run --id f").stdout), json!([30_000 * 360, true]));
}

#[test]
fn a_thousand_callbacks_are_awaited_at_once() {
    const MANY: usize = 1000;
    let script = "
from flow.http import callback, request
from flow.tasks import gather

async def said(cb):
    return (await cb.event)['number']

def main(count):
    all = [callback.new() for _ in range(count)]
    request.new('PUT', 'http://wilson.local/thing/urls', json=[cb.url for cb in all]).execute().raise_for_status()
    return await gather(*[said(cb) for cb in all])
";
    let (world, folder) = (World::start(&[]), with(script));
    let _served = serve(&folder, &format!("--resolve wilson.local={}", world.address));
    does(&folder, &format!("flow start job.py --id f --arg count={MANY}"));
    let began = Instant::now();
    let urls = loop {
        if let Some(urls) = world.get("/thing/urls") {
            break urls;
        }
        assert!(began.elapsed() < PATIENCE, "nobody says where to call");
    };
    let urls: Vec<&str> = urls.as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
    assert_eq!(urls.len(), MANY);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < MANY) {
                    let (address, path) =
                        urls[number].strip_prefix("http://").unwrap().split_once('/').unwrap();
                    let body = json!({"number": number}).to_string();
                    let taken = ask(address, "POST", &format!("/{path}"), &body);
                    assert!(taken.is_some(), "{number} is not taken");
                }
            });
        }
    });
    until(&folder, "f", "done");
    let result = parsed(&does(&folder, "flow run --id f").stdout);
    assert_eq!(result, json!((0..MANY).collect::<Vec<_>>()));
}

const SLEEPS: &str = "
from flow.events import signal
from flow.time import timeout

def main(number):
    with timeout(86400):
        return [number, await signal('go')]
";

/// Starts so many flows, from several threads, so that they share commits.
fn start_many(flows: &Flows, count: usize) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < count) {
                    let start = Start {
                        id: Some(format!("f{number}")),
                        file: "job.py".to_owned(),
                        source: SLEEPS.to_owned(),
                        function: Some("main".to_owned()),
                        args: vec![("number".to_owned(), Value::Int(number as i64))],
                        ..Start::default()
                    };
                    flows.start(&Monty, start).unwrap();
                }
            });
        }
    });
}

fn has_any(flows: &Flows, status: Status) -> bool {
    !flows.list(Some(status), None, 1).unwrap().is_empty()
}

/// Most bytes of memory that a process ever had.
fn peak(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn many_sleep_and_cost_nothing_but_their_rows() {
    let count: usize = std::env::var("FLOWS_SLEEPING").map_or(10_000, |count| count.parse().unwrap());
    let folder = Folder::new();
    let location = folder.path("service_framework.db").display().to_string();
    let flows = Flows::of(&Store::open(&location.parse().unwrap()).unwrap());
    let began = Instant::now();
    start_many(&flows, count);
    println!("{count} flows started: {:?}", began.elapsed());
    let (began, mut first) = (Instant::now(), serve(&folder, ""));
    while has_any(&flows, Status::Ready) || has_any(&flows, Status::Running) {
        assert!(began.elapsed() < PATIENCE * (1 + count as u32 / 5000), "they do not come to sleep");
        thread::sleep(std::time::Duration::from_millis(100));
    }
    println!("they sleep: {:?}, {} MB of memory at most", began.elapsed(), peak(&first) >> 20);
    first.end_by(Signal::KILL);
    let began = Instant::now();
    let second = serve(&folder, "");
    println!("started again beside them: {:?}", began.elapsed());
    let woken = [0, count / 2, count - 1];
    woken.iter().for_each(|number| drop(does(&folder, &format!("flow signal f{number} go 1"))));
    for number in woken {
        until(&folder, &format!("f{number}"), "done");
        assert_eq!(parsed(&does(&folder, &format!("flow run --id f{number}")).stdout), json!([number, 1]));
    }
    println!("three woken: {:?}, {} MB of memory at most", began.elapsed(), peak(&second) >> 20);
    assert!(!has_any(&flows, Status::Failed));
    // It has read the three, and not the others.
    assert!(peak(&second) < 200 << 20, "{} MB", peak(&second) >> 20);
}
