//! A process that runs programs over a store and notes in a ledger what they do, for tests that kill or pause it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value as Json, json};
use service_framework::Value;
use service_framework::program::{
    Answer, Bound, Call, Engine, Event, HookError, Hooks, Plan, Pool, Request, Run, Runs, Settings, Spec,
    Step, Watch,
};
use service_framework::store::Store;

const USAGE: &str =
    "program_runner LOCATION FOLDER LEASE_MS KILL_AT run ON_CRASH FAILS HOLDS KEY | recover KEY";
/// In the order in which they run; `price` is what `charge` needs.
const STEPS: [&str; 5] = ["reserve", "price", "charge", "pack", "ship"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [location, folder, lease, kill_at, what @ ..] = &words[..] else { return Err(USAGE.into()) };
    let killer = Arc::new(Killer { at: kill_at.parse()?, reached: AtomicUsize::new(0) });
    let hooks = hooks(Path::new(folder), &killer);
    let settings = Settings {
        name: "runner".to_owned(),
        lease: Duration::from_millis(lease.parse()?),
        watch: Some(killer),
        ..Settings::default()
    };
    let engine = Engine::start(spec()?, &hooks, Store::open(&location.parse()?)?, settings)?;
    match *what {
        ["run", on_crash, fails, holds, key] => {
            let mut pool = Pool::new();
            pool.set("fails", fails);
            pool.set("holds", holds);
            say(&told(&engine.run(Request::new(on_crash, pool).idempotent(key))));
        }
        ["recover", key] => recover(&engine, key)?,
        _ => return Err(USAGE.into()),
    }
    exit(if engine.stop(Duration::from_secs(30)) { 0 } else { 1 })
}

fn say(line: &Json) {
    println!("{line}");
}

fn told(answer: &Answer) -> Json {
    match answer {
        Answer::Ran { run, end, pool } => {
            json!({"run": run, "end": format!("{end:?}"), "pool": pool.to_json()})
        }
        Answer::Refused(refusal) => json!({"refused": refusal.to_string()}),
    }
}

/// Ends what others have left, says how each run ended and what its pool is, and asks once more with the key of a run.
fn recover(engine: &Engine, key: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (runs, until) = (Runs::of(engine.store()), Instant::now() + Duration::from_secs(60));
    loop {
        engine.recover()?;
        if runs.list(Some("running"), None, 1)?.is_empty() {
            break;
        }
        if Instant::now() > until {
            return Err("runs do not end".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    for info in runs.list(None, None, 1000)? {
        let pool = pool_of(engine.spec(), &runs, &info.run)?;
        say(
            &json!({"run": info.run, "program": info.program, "status": info.status, "pool": pool.to_json()}),
        );
    }
    // Only where there is a run with this key: it would be a new one otherwise.
    if let Some(program) = ["rectify", "resume"].into_iter().find(|program| {
        engine.store().claimed(&format!("request/{program}/{key}")).is_ok_and(|run| run.is_some())
    }) {
        say(&json!({"again": told(&engine.run(Request::new(program, Pool::new()).idempotent(key)))}));
    }
    Ok(())
}

/// The pool of a run, from its journal alone.
fn pool_of(spec: &Spec, runs: &Runs, id: &str) -> Result<Pool, Box<dyn std::error::Error>> {
    let mut run = None;
    for happened in runs.history(id)? {
        match (happened.event, &mut run) {
            (Event::Started { program, pool, .. }, _) => {
                let place =
                    spec.programs().iter().position(|known| known.name == program).ok_or("no program")?;
                run = Some(Run::new(Arc::new(Plan::new(&Arc::new(spec.clone()), place)), pool));
            }
            (event, Some(run)) => run.apply(event)?,
            (_, None) => return Err("no start".into()),
        }
    }
    Ok(run.ok_or("no events")?.pool().clone())
}

fn spec() -> Result<Spec, String> {
    let mut hooks = json!({});
    for step in STEPS {
        let (undo, needs) = (format!("undo_{step}"), if step == "charge" { vec!["price"] } else { vec![] });
        hooks[step] = json!({"reference": format!("shop.{step}"), "args": {}, "rectifiers": [undo], "dependencies": needs,
                             "idempotent": step == "pack"});
        hooks[&undo] =
            json!({"reference": format!("shop.{undo}"), "args": {}, "idempotent": step == "price"});
    }
    let program = |on_crash: &str| {
        let steps: Vec<&str> = STEPS.into_iter().filter(|step| *step != "price").collect();
        json!({"hooks": steps, "args": {}, "outputs": {}, "on_crash": on_crash})
    };
    let spec = json!({"name": "shop", "hooks": hooks, "programs": {"rectify": program("rectify"), "resume": program("resume")}});
    Spec::from_json(&spec).map_err(|problems| format!("{problems:?}"))
}

fn hooks(folder: &Path, killer: &Arc<Killer>) -> Hooks {
    let names = STEPS.iter().flat_map(|step| [(*step).to_owned(), format!("undo_{step}")]);
    names.fold(Hooks::new(), |hooks, name| {
        let (folder, killer, own) = (folder.to_owned(), killer.clone(), name.clone());
        hooks.hook(
            &name,
            Bound::keeping_time(move |pool: &mut Pool, call: &Call| step(&own, &folder, &killer, pool, call)),
        )
    })
}

fn step(name: &str, folder: &Path, killer: &Killer, pool: &mut Pool, call: &Call) -> Result<(), HookError> {
    let is_in = |key: &str, pool: &Pool| pool.get(key).and_then(Value::as_str) == Some(name);
    if is_in("holds", pool) {
        hold(folder)?;
    }
    killer.reach();
    note(&folder.join("ledger"), &format!("{} {} {name}\n", std::process::id(), call.run))?;
    killer.reach();
    pool.set(name, true);
    if is_in("fails", pool) { Err(HookError::new("it was to fail")) } else { Ok(()) }
}

/// Says that it is here, and waits until it may go on.
fn hold(folder: &Path) -> Result<(), HookError> {
    std::fs::write(folder.join("held"), "")?;
    while !folder.join("go").exists() {
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn note(ledger: &PathBuf, line: &str) -> std::io::Result<()> {
    OpenOptions::new().append(true).create(true).open(ledger)?.write_all(line.as_bytes())
}

/// Kills this process at the point of this number; each call has four: it is written that it begins, before and after it does
/// something, and before it is written that it has ended.
struct Killer {
    at: usize,
    reached: AtomicUsize,
}

impl Killer {
    fn reach(&self) {
        if self.reached.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                thread::park();
            }
        }
    }
}

impl Watch for Killer {
    fn before(&self, _: &Step<'_>, _: &Pool) -> bool {
        self.reach();
        true
    }

    fn after(&self, _: &Step<'_>, _: &Pool, _: Option<&str>) {
        self.reach();
    }

    fn noted(&self, _: &str) {}
}
