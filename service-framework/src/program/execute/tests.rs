//! The engine over a store in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::*;
use crate::program::execute::journal::stream;
use crate::program::{End, HookError, Pool, Request, Runs, Spec};
use crate::store::{Batch, Expected, ManualClock, NewEvent, Store, Timestamp};
use crate::value::Value;

mod left;
mod upkeep;

/// `a` `b` `c`, each undone by its `un`, with `d` before `b`.
fn spec(changed: impl FnOnce(&mut Json)) -> Spec {
    let mut json = json!({
        "name": "abc",
        "programs": {"p": {"hooks": ["a", "b", "c"], "args": {}, "outputs": {"out": {"type": "int", "required": false}}}},
        "hooks": {},
    });
    for (name, needs) in [("a", &[][..]), ("b", &["d"]), ("c", &[]), ("d", &[])] {
        let undo = format!("un{name}");
        json["hooks"][name] = json!({"reference": format!("m.{name}"), "args": {}, "dependencies": needs, "rectifiers": [undo]});
        json["hooks"][undo.as_str()] = json!({"reference": format!("m.{undo}"), "args": {}});
    }
    changed(&mut json);
    Spec::from_json(&json).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What was done outside, and which hooks go wrong.
#[derive(Clone, Default)]
struct World {
    done: Arc<Mutex<Vec<String>>>,
    wrong: Arc<Mutex<Vec<&'static str>>>,
}

impl World {
    fn hooks(&self) -> Hooks {
        let names = ["a", "b", "c", "d", "una", "unb", "unc", "und"];
        names.iter().fold(Hooks::new(), |hooks, name| {
            let (world, name) = (self.clone(), (*name).to_owned());
            hooks.hook(&name.clone(), move |pool: &mut Pool| world.does(&name, pool))
        })
    }

    fn does(&self, name: &str, pool: &mut Pool) -> Result<(), HookError> {
        self.done.lock().unwrap().push(name.to_owned());
        pool.set("out", self.done.lock().unwrap().len());
        match self.wrong.lock().unwrap().contains(&name) {
            true => Err(HookError::new(format!("{name} is wrong"))),
            false => Ok(()),
        }
    }

    fn engine(&self, spec: Spec, store: &Store) -> Engine {
        Engine::start(spec, &self.hooks(), store.clone(), settings()).unwrap()
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }
}

/// Nobody renews a lease while a test runs.
fn settings() -> Settings {
    Settings { lease: Duration::from_secs(3600), ..Settings::default() }
}

fn request() -> Request {
    Request::new("p", Pool::new())
}

fn end_of(answer: &Answer) -> End {
    match answer {
        Answer::Ran { end, .. } => *end,
        Answer::Refused(refusal) => panic!("{refusal}"),
    }
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it never came to be");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn whatever_goes_wrong_everything_done_is_undone() {
    for (wrong, expected, end) in [
        (&[][..], &["a", "d", "b", "c"][..], End::Done),
        (&["a"], &["a"], End::Rectified),
        (&["d"], &["a", "d", "una"], End::Rectified),
        (&["b"], &["a", "d", "b", "und", "una"], End::Rectified),
        (&["c"], &["a", "d", "b", "c", "unb", "und", "una"], End::Rectified),
        (&["c", "und"], &["a", "d", "b", "c", "unb", "und"], End::Stuck),
    ] {
        let world = World::default();
        *world.wrong.lock().unwrap() = wrong.to_vec();
        let engine = world.engine(spec(|_| {}), &Store::in_memory());
        let answer = engine.run(request());
        assert_eq!(
            (world.done(), end_of(&answer)),
            (expected.iter().map(|&name| name.into()).collect(), end)
        );
        let Answer::Ran { run, pool, .. } = answer else { unreachable!() };
        assert_eq!(pool.get("out"), Some(&Value::from(expected.len())), "what failing hooks put in stays");
        assert_eq!(pool.has("_traceback"), end != End::Done);
        let runs = Runs::of(engine.store());
        assert_eq!(runs.get(&run).unwrap().status, journal::status(end));
        // `started`, and two events for each call.
        assert_eq!(runs.history(&run).unwrap().len(), 1 + 2 * expected.len());
        assert!(engine.stop(Duration::from_secs(10)));
        assert_eq!(engine.run(request()), Answer::Refused(Refusal::Stopping));
    }
}

/// The journal of a whole run, event by event.
fn journal_of(wrong: &[&'static str], spec: impl Fn() -> Spec) -> Vec<NewEvent> {
    let world = World::default();
    *world.wrong.lock().unwrap() = wrong.to_vec();
    let engine = world.engine(spec(), &Store::in_memory());
    let Answer::Ran { run, .. } = engine.run(request()) else { panic!("it did not run") };
    let events = engine.store().read(&stream(&run), 1, 100).unwrap();
    events.into_iter().map(|event| NewEvent::new(event.kind, event.payload)).collect()
}

/// A store with a run in it whose server is gone.
fn left_behind(events: &[NewEvent]) -> Store {
    let store = Store::in_memory();
    let batch = Batch::new()
        .append(stream("r"), Expected::NoStream, events.to_vec())
        .mark(stream("r"), "run", "running", Some("server/gone"))
        .claim("lock/*", b"r");
    store.commit(batch).unwrap();
    store
}

#[test]
fn a_run_ends_wherever_its_server_was_killed() {
    for (on_crash, wrong) in [("rectify", &[][..]), ("resume", &[]), ("rectify", &["c"]), ("resume", &["c"])]
    {
        let spec = || {
            spec(|json| {
                json["programs"]["p"]["on_crash"] = on_crash.into();
                json["hooks"]["b"]["idempotent"] = true.into();
            })
        };
        let events = journal_of(wrong, spec);
        for count in 1..events.len() {
            let store = left_behind(&events[..count]);
            let world = World::default();
            let engine = world.engine(spec(), &store);
            assert_eq!(engine.recover().unwrap(), 1);
            let runs = Runs::of(&store);
            wait_until(|| runs.get("r").unwrap().status != "running");
            let status = runs.get("r").unwrap().status;
            let in_doubt = events[count - 1].kind == "began";
            let is_stuck = in_doubt && count > 9;
            assert_eq!(status == "stuck", is_stuck, "after {count} events of {on_crash} {wrong:?}: {status}");
            // The steps of the run that was killed, which nobody repeats unless they say that they may be.
            let before: Vec<String> =
                events[..count].iter().filter(|event| event.kind == "began").map(name_in).collect();
            for name in world.done() {
                assert!(
                    !before.contains(&name) || (name == "b" && on_crash == "resume"),
                    "{name} of {before:?} again"
                );
            }
            assert_eq!(store.claimed("lock/*").unwrap(), None, "its locks are free");
            let answer = engine.run(request());
            assert_eq!(end_of(&answer), End::Done);
        }
    }
}

fn name_in(event: &NewEvent) -> String {
    match crate::program::Event::from_bytes(&event.kind, &event.payload).unwrap() {
        crate::program::Event::Began { hook, .. } => hook.trim_start_matches("m.").to_owned(),
        other => panic!("{other:?}"),
    }
}

/// A hook that says when it is called, and returns when it is told.
struct Held {
    called: Receiver<()>,
    go_on: SyncSender<()>,
}

fn held(hooks: Hooks, name: &str, world: &World) -> (Hooks, Held) {
    let ((say, called), (go_on, told)) = (sync_channel(8), sync_channel::<()>(8));
    let (told, world, own) = (Mutex::new(told), world.clone(), name.to_owned());
    let hook = move |pool: &mut Pool| {
        say.send(()).unwrap();
        // Whoever holds it may be gone when the test is over.
        let _ = told.lock().unwrap().recv_timeout(Duration::from_secs(30));
        world.does(&own, pool)
    };
    (hooks.hook(name, hook), Held { called, go_on })
}

fn all_but(world: &World, name: &str) -> Hooks {
    let names = ["a", "b", "c", "d", "una", "unb", "unc", "und"];
    names.iter().filter(|other| **other != name).fold(Hooks::new(), |hooks, name| {
        let (world, own) = (world.clone(), (*name).to_owned());
        hooks.hook(name, move |pool: &mut Pool| world.does(&own, pool))
    })
}

#[test]
fn a_server_that_was_paused_past_its_lease_runs_nothing_more() {
    let clock = ManualClock::at(Timestamp::from_micros(1_000_000));
    let store = Store::in_memory_at(clock.clone());
    let (paused, other) = (World::default(), World::default());
    let (hooks, held) = held(all_but(&paused, "b"), "b", &paused);
    let first = Engine::start(spec(|_| {}), &hooks, store.clone(), settings()).unwrap();
    let (send, answered) = sync_channel(1);
    first.submit(request(), move |answer| send.send(answer).unwrap());
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();

    let second = other.engine(spec(|_| {}), &store);
    assert_eq!(second.recover().unwrap(), 0, "its lease has not run out");
    clock.advance(Duration::from_secs(3601));
    assert_eq!(second.recover().unwrap(), 1);
    wait_until(|| Runs::of(&store).list(Some("rectified"), None, 10).unwrap().len() == 1);
    assert_eq!(other.done(), ["unb", "und", "una"], "the step in doubt is undone first");

    held.go_on.send(()).unwrap();
    let answer = answered.recv_timeout(Duration::from_secs(30)).unwrap();
    let Answer::Refused(refusal) = answer else { panic!("{answer:?}") };
    assert!(refusal.to_string().contains("another server has taken over"), "{refusal}");
    assert_eq!(paused.done(), ["a", "d", "b"], "nothing after the step that it was in");
}

#[test]
fn who_waits_for_the_lock_of_a_run_that_was_left_gets_it() {
    let clock = ManualClock::at(Timestamp::from_micros(1_000_000));
    let store = Store::in_memory_at(clock.clone());
    let gone = store.acquire("server/gone", "gone", Duration::from_secs(60)).wait().unwrap();
    let events = journal_of(&[], || spec(|_| {}));
    let batch = Batch::new()
        .fence(&gone.name, gone.epoch)
        .append(stream("r"), Expected::NoStream, events[..4].to_vec())
        .mark(stream("r"), "run", "running", Some(&gone.name))
        .claim("request/p/k", b"r")
        .claim("lock/*", b"r");
    store.commit(batch).unwrap();
    let world = World::default();
    let engine = world.engine(spec(|_| {}), &store);
    assert_eq!(engine.recover().unwrap(), 0);
    let asking: Vec<_> = [request(), request().idempotent("k")]
        .into_iter()
        .map(|request| {
            let engine = engine.clone();
            thread::spawn(move || engine.run(request))
        })
        .collect();
    clock.advance(Duration::from_secs(61));
    assert_eq!(engine.recover().unwrap(), 1);
    let ends: Vec<End> = asking.into_iter().map(|asked| end_of(&asked.join().unwrap())).collect();
    assert_eq!(ends, [End::Done, End::Rectified], "the second one is the run that was left");
}

#[test]
fn of_two_servers_one_takes_a_run_up() {
    let events = journal_of(&[], || spec(|_| {}));
    for _ in 0..20 {
        let store = left_behind(&events[..6]);
        let world = World::default();
        let engines = [world.engine(spec(|_| {}), &store), world.engine(spec(|_| {}), &store)];
        thread::scope(|scope| {
            engines.iter().for_each(|engine| drop(scope.spawn(|| engine.recover().unwrap())))
        });
        let runs = Runs::of(&store);
        wait_until(|| runs.get("r").unwrap().status != "running");
        assert_eq!(runs.get("r").unwrap().status, "rectified");
        assert!(engines.iter().all(|engine| engine.stop(Duration::from_secs(10))));
        let undone = world.done();
        assert_eq!(undone, ["unb", "und", "una"].map(str::to_owned), "each once");
    }
}

#[test]
fn a_server_that_stops_keeps_its_runs_until_they_have_ended() {
    let store = Store::in_memory();
    let world = World::default();
    let (hooks, held) = held(all_but(&world, "b"), "b", &world);
    let short = Settings { lease: Duration::from_millis(300), ..Settings::default() };
    let engine = Engine::start(spec(|_| {}), &hooks, store.clone(), short).unwrap();
    let asked = {
        let engine = engine.clone();
        thread::spawn(move || engine.run(request()))
    };
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    let server = Runs::of(&store).list(Some("running"), None, 10).unwrap().remove(0).server.unwrap();
    let until = || store.lease(&server).unwrap().unwrap().until;
    let stopping = {
        let engine = engine.clone();
        thread::spawn(move || engine.stop(Duration::from_secs(30)))
    };
    wait_until(|| engine.run(request()) == Answer::Refused(Refusal::Stopping));
    // Longer than it would last without being renewed.
    let before = until();
    wait_until(|| until() > before + Duration::from_millis(600));
    held.go_on.send(()).unwrap();
    assert_eq!((end_of(&asked.join().unwrap()), stopping.join().unwrap()), (End::Done, true));
}

#[test]
fn a_cancelled_run_is_not_tried_again() {
    let store = Store::in_memory();
    let world = World::default();
    *world.wrong.lock().unwrap() = vec!["b"];
    let (hooks, held) = held(all_but(&world, "b"), "b", &world);
    let retried = spec(|json| {
        json["hooks"]["b"]["retry"] = json!({"attempts": 50, "backoff": "10m", "max_backoff": "10m"})
    });
    let engine = Engine::start(retried, &hooks, store.clone(), settings()).unwrap();
    let asked = {
        let engine = engine.clone();
        thread::spawn(move || engine.run(request()))
    };
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    let runs = Runs::of(&store);
    let run = runs.list(Some("running"), None, 10).unwrap().remove(0).run;
    runs.cancel(&run).unwrap();
    held.go_on.send(()).unwrap();
    assert_eq!(end_of(&asked.join().unwrap()), End::Rectified);
    assert_eq!(world.done(), ["a", "d", "b", "und", "una"]);
}

#[test]
fn what_cannot_be_kept_is_a_failure() {
    let world = World::default();
    let deep = |pool: &mut Pool| {
        let nested = (0..200).fold(Value::Nil, |inner, _| Value::List(vec![inner]));
        pool.set("deep", nested);
        Ok(())
    };
    let engine =
        Engine::start(spec(|_| {}), &all_but(&world, "b").hook("b", deep), Store::in_memory(), settings())
            .unwrap();
    let Answer::Ran { run, end: End::Rectified, .. } = engine.run(request()) else {
        panic!("it is not undone")
    };
    assert_eq!(world.done(), ["a", "d", "unb", "und", "una"], "it has done what it was to do");
    let story = format!("{:?}", Runs::of(engine.store()).history(&run).unwrap());
    assert!(story.contains("cannot be kept"), "{story}");
}

#[test]
fn one_key_runs_once_and_everybody_gets_its_answer() {
    let world = World::default();
    let engine = world.engine(spec(|json| json["programs"]["p"]["locks"] = json!([])), &Store::in_memory());
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asks = |_| scope.spawn(|| engine.run(request().idempotent("k")));
        let asking: Vec<_> = (0..8).map(asks).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(world.done().len(), 4);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(engine.run(request().idempotent("k")), answers[0], "also long after");
    assert_ne!(engine.run(request().idempotent("other")), answers[0]);
}

#[test]
fn runs_that_share_a_lock_never_meet_and_others_do() {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let spec = spec(|json| {
        json["programs"]["p"]["args"] = json!({"id": {"type": "int", "required": true}});
        json["programs"]["p"]["locks"] = json!(["account:{id}"]);
    });
    let world = World::default();
    let (counted, highest) = (inside.clone(), most.clone());
    let slow = move |_: &mut Pool| -> Result<(), HookError> {
        highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(3));
        counted.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    };
    let engine =
        Engine::start(spec, &all_but(&world, "a").hook("a", slow), Store::in_memory(), settings()).unwrap();
    let run = |id: usize| {
        let mut pool = Pool::new();
        pool.set("id", id);
        assert_eq!(end_of(&engine.run(Request::new("p", pool))), End::Done);
    };
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| run(1)))));
    assert_eq!(most.swap(0, Ordering::SeqCst), 1);
    // Others wait for nobody: sooner or later two of them meet.
    let engine = &engine;
    wait_until(|| {
        thread::scope(|scope| (0..8).for_each(|id| drop(scope.spawn(move || run_one(engine, id)))));
        most.load(Ordering::SeqCst) > 1
    });
}

fn run_one(engine: &Engine, id: usize) {
    let mut pool = Pool::new();
    pool.set("id", id);
    assert_eq!(end_of(&engine.run(Request::new("p", pool))), End::Done);
}

#[test]
fn an_operator_cancels_retries_and_resolves() {
    let store = Store::in_memory();
    let world = World::default();
    let (hooks, held) = held(all_but(&world, "b"), "b", &world);
    let engine = Engine::start(spec(|_| {}), &hooks, store.clone(), settings()).unwrap();
    let runs = Runs::of(&store);
    let asked = {
        let engine = engine.clone();
        thread::spawn(move || engine.run(request()))
    };
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    let run = runs.list(Some("running"), None, 10).unwrap().remove(0).run;
    assert!(runs.retry(&run).unwrap_err().to_string().contains("is running: only one that is stuck"));
    world.wrong.lock().unwrap().push("una");
    runs.cancel(&run).unwrap();
    held.go_on.send(()).unwrap();
    assert_eq!(end_of(&asked.join().unwrap()), End::Stuck);
    assert_eq!(world.done(), ["a", "d", "b", "unb", "und", "una"], "c was never begun");

    world.wrong.lock().unwrap().clear();
    runs.retry(&run).unwrap();
    assert_eq!(engine.recover().unwrap(), 1);
    wait_until(|| runs.get(&run).unwrap().status == "rectified");
    assert_eq!(world.done().last().map(String::as_str), Some("una"));
    assert!(runs.resolve(&run, "late").is_err());
    assert!(runs.cancel("nobody").unwrap_err().to_string().contains("there is no run \"nobody\""));

    world.wrong.lock().unwrap().extend(["a", "c", "und"]);
    world.wrong.lock().unwrap().retain(|name| *name != "a");
    held.go_on.send(()).unwrap();
    let Answer::Ran { run, end: End::Stuck, .. } = engine.run(request()) else { panic!("it is not stuck") };
    runs.resolve(&run, "put back by hand").unwrap();
    assert_eq!(runs.get(&run).unwrap().status, "resolved");
}

#[test]
fn a_program_has_its_time_and_its_hooks_theirs() {
    let slow = |_: &mut Pool| -> Result<(), HookError> {
        thread::sleep(Duration::from_secs(60));
        Ok(())
    };
    for changed in [json!({"hook": "20ms"}), json!({"program": "20ms"})] {
        let spec = spec(|json| {
            if let Some(timeout) = changed.get("hook") {
                json["hooks"]["b"]["timeout"] = timeout.clone();
            }
            if let Some(timeout) = changed.get("program") {
                json["programs"]["p"]["timeout"] = timeout.clone();
            }
        });
        let world = World::default();
        let hooks = all_but(&world, "b").hook("b", slow);
        let engine = Engine::start(spec, &hooks, Store::in_memory(), settings()).unwrap();
        let answer = engine.run(request());
        assert_eq!(end_of(&answer), End::Rectified, "{changed}");
        // A program's time may be over before its first step.
        let done = world.done();
        assert!(done.is_empty() || done.last().is_some_and(|last| last == "una"), "{changed} {done:?}");
    }
}

#[test]
fn more_or_less_than_the_spec_names_is_said_at_the_start() {
    #[derive(service_framework::Message)]
    struct Amount {
        amount: i64,
        way: String,
    }
    let typed =
        |read: Amount| -> Result<Amount, HookError> { Ok(Amount { amount: read.amount, way: read.way }) };
    let spec = spec(|json| json["hooks"]["a"]["args"] = json!({"amount": {"type": "str", "required": true}}));
    let hooks = Hooks::new()
        .hook("a", typed)
        .rectified_by("unb", |_: &mut Pool| Ok(()))
        .hook("bb", |_: &mut Pool| Ok(()));
    let error =
        Engine::start(spec, &hooks, Store::in_memory(), settings()).map(drop).unwrap_err().to_string();
    for said in [
        "hooks.a.args.amount: expected the type that the function reads, \"int\", found str",
        "hooks.a.args.way: expected an argument, because the function reads it, found nothing",
        "hooks.a.rectifiers: expected \"unb\", which stands beside the function of this hook, found una",
        "hooks.a.rectifiers: expected `.rectified_by(\"una\", …)` beside the function of this hook too, found unb",
        "hooks.a.way: expected an arg or an output somewhere in the spec, because the function writes it",
        "hooks.b: expected a function for m.b, found nothing",
        "hooks.bb: expected a hook of the spec, found a function without one",
    ] {
        assert!(error.contains(said), "{said:?} is not in\n{error}");
    }
}

#[test]
fn what_a_function_writes_agrees_with_the_spec() {
    #[derive(service_framework::Message)]
    struct Wrong {
        out: String,
        _program_fail: bool,
        outt: Option<i64>,
    }
    let wrong = |(): ()| -> Result<Wrong, HookError> {
        Ok(Wrong { out: String::new(), _program_fail: false, outt: None })
    };
    let hooks = all_but(&World::default(), "a").hook("a", wrong);
    let error = Engine::start(spec(|_| ()), &hooks, Store::in_memory(), settings()).map(drop).unwrap_err();
    let EngineError::Problems(problems) = error else { panic!("{error}") };
    let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "hooks.a.out: expected int, as the spec has it, found a function that writes \"str\"",
            "hooks.a.outt: expected an arg or an output somewhere in the spec, because the function writes it, found nothing \
             (did you mean `out`?)"
        ]
    );
}

#[test]
fn a_rectifier_may_stand_beside_several_hooks_and_be_one() {
    fn undo(_: &mut Pool) -> Result<(), HookError> {
        Ok(())
    }
    let shared = spec(|json| {
        for hook in ["a", "c"] {
            json["hooks"][hook]["rectifiers"] = json!(["una", "d"]);
        }
    });
    let hooks = |last: fn(Hooks) -> Hooks| {
        let hooks =
            ["b", "unb", "unc", "und"].iter().fold(Hooks::new(), |hooks, name| hooks.hook(name, undo));
        let hooks = hooks.hook("a", undo).rectified_by("una", undo).rectified_by("d", undo);
        last(hooks.hook("c", undo).rectified_by("una", undo).rectified_by("d", undo))
    };
    assert_eq!(hooks(|hooks| hooks.hook("d", undo)).bind(&shared).map(|bound| bound.len()), Ok(8));
    for (wrong, said) in [
        (
            hooks(|hooks| hooks.rectified_by("una", |_: &mut Pool| Ok(()))),
            "hooks.una: expected one function, found two",
        ),
        (hooks(|hooks| hooks.hook("a", undo)), "hooks.a: expected one function, found two"),
        (
            Hooks::new().rectified_by("una", undo),
            "hooks.una: expected a hook before it that it rectifies, found none",
        ),
    ] {
        let problems = wrong.bind(&shared).map(drop).unwrap_err();
        assert!(problems.iter().any(|problem| problem.to_string().contains(said)), "{said}: {problems:?}");
    }
}

#[test]
fn a_hook_may_be_told_of_its_call() {
    #[derive(service_framework::Message)]
    struct Out {
        out: i64,
    }
    let typed =
        |(): (), call: &Call| -> Result<Out, HookError> { Ok(Out { out: i64::from(call.attempt) + 41 }) };
    let on_pool = |pool: &mut Pool, call: &Call| -> Result<(), HookError> {
        assert_eq!(pool.get("out"), Some(&Value::Int(42)));
        assert!(call.idempotency_key.starts_with(&call.run));
        pool.set("out", 43);
        Ok(())
    };
    let names = ["b", "d", "una", "unb", "unc", "und"];
    let hooks = names.iter().fold(Hooks::new(), |hooks, name| hooks.hook(name, |_: &mut Pool| Ok(())));
    let hooks = hooks.hook("a", typed).hook("c", on_pool);
    let engine = Engine::start(spec(|_| ()), &hooks, Store::in_memory(), settings()).unwrap();
    let Answer::Ran { end, pool, .. } = engine.run(Request::new("p", Pool::new())) else { panic!("refused") };
    assert_eq!((end, pool.get("out")), (End::Done, Some(&Value::Int(43))));
}
