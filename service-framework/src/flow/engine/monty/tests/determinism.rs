//! The same answers give the same calls, across anything.

use super::host::{Ran, World, replay, response, script, text};
use crate::flow::engine::{Engine, Limits, Monty, Outcome, Script, Step, Unusable};
use crate::value::Value;

/// A bit of everything.
const LONG: &str = r#"
import json, random, time, uuid
from collections import Counter
from datetime import datetime
from flow import flows, events
from flow.http import callback, request
from flow.retry import retry
from flow.saga import on_failure
from flow.tasks import gather
from flow.time import sleep, timeout

class Ledger:
    def __init__(self):
        self.seen = {}
        self.names = set()

    def note(self, name, value):
        self.seen[name] = value
        self.names.add(name)
        print(f"{name}={value}")

ledger = Ledger()

async def fetch(n):
    if n % 3 == 0:
        sleep(n)
    answer = await request.get(f"http://there/{n}")
    ledger.note(f"fetched {n}", answer.status_code)
    return answer.json()

def flaky():
    response = request.get("http://there/flaky")
    response.raise_for_status()
    return response.text

def main(rounds):
    cbs = [callback.new() for _ in range(5)]
    for n in range(rounds):
        with timeout(10):
            try:
                ledger.note(n, request.post("http://there/jobs", json={"n": n, "id": str(uuid.uuid4())}).json())
            except OSError as e:
                ledger.note(n, str(e))
        ledger.note("dice", random.randint(1, 6))
    on_failure(events.publish, "undone", 1)
    try:
        retry(flaky, attempts=3, backoff=2)
    except OSError as e:
        ledger.note("gave up", str(e))
    ledger.note("all", sorted(await gather(*[fetch(n) for n in range(7)], limit=3), key=lambda n: random.random()))
    ledger.note("events", await gather(*[cb.event for cb in cbs]))
    ledger.note("at", [time.time(), datetime.now().isoformat()])
    ledger.note("child", await flows.spawn(fetch, n=1))
    return {"names": ledger.names, "count": Counter(len(str(v)) for v in ledger.seen.values()), "again": await cbs[0].event}
"#;

fn world() -> World {
    let mut asked = 0;
    let mut world = World::new(move |name, args| {
        asked += 1;
        match name {
            "http.request" => {
                let url = args[0].get("url").and_then(Value::as_str).unwrap();
                match url.rsplit('/').next().unwrap() {
                    "jobs" if asked % 3 == 0 => super::host::raised("OSError", "no connection"),
                    "jobs" => response(200, &format!(r#"{{"asked": {asked}}}"#)),
                    "flaky" => response(503, ""),
                    n => response(200, n),
                }
            }
            "flow.start" => Outcome::Value(text("f2")),
            _ => Outcome::Value(Value::Nil),
        }
    });
    for n in [3, 1, 5, 2, 4, 1] {
        world = world.arrives(&format!("cb{n}"), Outcome::Value(Value::Int(n)));
    }
    world
}

fn long() -> Script {
    script(LONG, Some("main"), &[("rounds", 6.into())])
}

fn recorded() -> Ran {
    let ran = world().run_script(&long());
    assert!(ran.end.is_ok(), "{}", ran.failure().traceback);
    assert!(ran.journal.len() > 80, "{}", ran.journal.len());
    ran
}

#[test]
fn a_recorded_run_is_the_same_twenty_times() {
    let ran = recorded();
    for _ in 0..20 {
        assert_eq!(replay(&long(), &ran.journal, &Limits::default(), false), ran);
    }
}

#[test]
fn a_run_is_the_same_when_it_is_saved_and_loaded_at_every_step() {
    let ran = recorded();
    assert_eq!(replay(&long(), &ran.journal, &Limits::default(), true), ran);
    let mut world = world();
    world.is_saved = true;
    assert_eq!(world.run_script(&long()), ran);
}

#[test]
fn an_interrupt_at_any_step_is_the_same_in_replay() {
    let steps = recorded().journal.len();
    for step in (0..steps).step_by(23) {
        let mut world = world();
        world.interrupt_at = Some(step);
        let ran = world.run_script(&long());
        let failure = ran.failure();
        assert_eq!((failure.kind.as_str(), failure.not_compensated.len()), ("KeyboardInterrupt", 0));
        assert_eq!(replay(&long(), &ran.journal, &Limits::default(), false), ran);
    }
}

#[test]
fn calls_are_numbered_without_gaps() {
    use super::host::Entry;
    let ran = recorded();
    let ids: Vec<u32> = ran
        .journal
        .iter()
        .filter_map(|entry| match entry {
            Entry::Answered(call, _) | Entry::Later(call) => Some(call.id),
            _ => None,
        })
        .collect();
    assert_eq!(ids, (0..ids.len() as u32).collect::<Vec<_>>());
}

#[test]
fn saved_states_of_another_layout_are_refused() {
    let script = script("from flow.time import sleep\nsleep(1)\n", None, &[]);
    let Step::Call { state, .. } = Monty.start(&script, &Limits::default()).step else { panic!() };
    let bytes = Monty.save(&state).unwrap();
    let load = |bytes: &[u8]| Monty.load(bytes, &script, &Limits::default()).map(|_| ());
    assert_eq!(load(&bytes), Ok(()));
    assert!(matches!(load(&bytes[1..]), Err(Unusable(_))));
    assert!(matches!(load(b"MONTY\0"), Err(Unusable(_))));
    for cut in [9, 11, 20, bytes.len() / 2, bytes.len() - 1] {
        assert!(matches!(load(&bytes[..cut]), Err(Unusable(_))), "{cut}");
    }
    let mut other = bytes.clone();
    other[7] += 1;
    assert!(matches!(load(&other), Err(Unusable(_))));
    // Monty's own version is looked at too.
    let at = bytes.windows(6).position(|window| window == b"MONTY\0").unwrap();
    let mut other = bytes;
    other[at + 6] += 1;
    assert_eq!(load(&other), Err(Unusable("dump format version 9, this build reads 8".to_owned())));
}

#[test]
fn the_version_names_the_engine_and_the_prelude() {
    let version = Monty.version();
    assert!(version.starts_with("monty-0.0.23/"), "{version}");
    assert_eq!(version, Monty.version());
}
