//! Runs that are left: of another spec, stuck with their locks, waited for, or given up by a server that stops.

use super::*;
use crate::program::{Event, Watch};

/// Several looks for what was left in the time of a test.
fn soon() -> Settings {
    Settings { lease: Duration::from_millis(60), ..Settings::default() }
}

fn start(world: &World, spec: Spec, store: &Store, settings: Settings) -> Engine {
    Engine::start(spec, &world.hooks(), store.clone(), settings).unwrap()
}

fn renamed(json: &mut Json) {
    let program = json["programs"].as_object_mut().unwrap().remove("p").unwrap();
    json["programs"]["q"] = program;
}

#[test]
fn a_run_of_another_spec_is_stuck_until_a_server_comes_that_has_it() {
    let events = journal_of(&[], || spec(|_| {}));
    let changed = |json: &mut Json| json["programs"]["p"]["hooks"] = json!(["a", "c"]);
    for (change, said) in
        [(&changed as &dyn Fn(&mut Json), "not as it was then"), (&renamed, "no program \"p\"")]
    {
        // In the middle of `a`.
        let store = left_behind(&events[..2]);
        let (runs, wrong, right) = (Runs::of(&store), World::default(), World::default());
        let engine = start(&wrong, spec(change), &store, soon());
        assert_eq!(engine.recover().unwrap(), 0);
        wait_until(|| runs.get("r").unwrap().status == "stuck");
        assert_eq!(runs.latest(Some("stuck"), 10).unwrap()[0].server, None);
        let last = runs.history("r").unwrap().pop().unwrap().event;
        let Event::Parked { reason } = last else { panic!("{last:?}") };
        assert!(reason.contains(said) && reason.contains("`program resolve r`"), "{reason}");
        assert_eq!(store.claimed("lock/*").unwrap(), None, "others need not wait for it");
        // Retried by a person it comes to the same.
        runs.retry("r").unwrap();
        wait_until(|| runs.get("r").unwrap().status == "stuck");
        assert!(engine.stop(Duration::from_secs(10)));
        assert_eq!(wrong.done(), [""; 0]);

        let engine = start(&right, spec(|_| {}), &store, soon());
        assert_eq!(engine.recover().unwrap(), 1);
        wait_until(|| runs.get("r").unwrap().status == "rectified");
        assert_eq!(right.done(), ["una"], "the step in doubt");
        assert!(engine.stop(Duration::from_secs(10)));
    }
}

#[test]
fn a_run_of_another_spec_can_be_resolved() {
    let store = left_behind(&journal_of(&[], || spec(|_| {}))[..2]);
    let (runs, world) = (Runs::of(&store), World::default());
    let engine = start(&world, spec(renamed), &store, soon());
    engine.recover().unwrap();
    wait_until(|| runs.get("r").unwrap().status == "stuck");
    runs.resolve("r", "by hand").unwrap();
    assert_eq!(runs.get("r").unwrap().status, "resolved");
    let right = start(&world, spec(|_| {}), &store, soon());
    assert_eq!((right.recover().unwrap(), world.done()), (0, vec![]));
}

/// `a` and `c`, locked by the number in the pool, or by the server.
fn numbered(is_named: bool) -> Spec {
    spec(|json| {
        json["programs"]["p"]["hooks"] = json!(["a", "c"]);
        json["programs"]["p"]["args"] = json!({"id": {"type": "int", "default": 1, "required": false}});
        if is_named {
            json["programs"]["p"]["locks"] = json!(["account:{id}"]);
        }
    })
}

#[test]
fn a_stuck_run_keeps_the_locks_that_it_names_until_somebody_helps() {
    for is_named in [false, true] {
        let (world, store) = (World::default(), Store::in_memory());
        let engine = world.engine(numbered(is_named), &store);
        *world.wrong.lock().unwrap() = vec!["c", "una"];
        let Answer::Ran { run, end: End::Stuck, .. } = engine.run(request()) else {
            panic!("it is not stuck")
        };
        world.wrong.lock().unwrap().clear();
        let second = engine.run(request());
        match is_named {
            false => assert_eq!(end_of(&second), End::Done),
            true => {
                let held = Refusal::Held { lock: "account:1".to_owned(), run: run.clone() };
                assert_eq!(second, Answer::Refused(held));
            }
        }
        let mut other = Pool::new();
        other.set("id", 2);
        assert_eq!(end_of(&engine.run(Request::new("p", other))), End::Done);
        Runs::of(&store).resolve(&run, "by hand").unwrap();
        assert_eq!(end_of(&engine.run(request())), End::Done);
    }
}

#[test]
fn who_waits_for_a_run_that_becomes_stuck_is_told() {
    let (world, store) = (World::default(), Store::in_memory());
    *world.wrong.lock().unwrap() = vec!["c", "una"];
    let (hooks, held) = held(all_but(&world, "a"), "a", &world);
    let first = Engine::start(numbered(true), &hooks, store.clone(), settings()).unwrap();
    let second = world.engine(numbered(true), &store);
    let (send, answered) = sync_channel(2);
    let stuck = send.clone();
    first.submit(request(), move |answer| stuck.send(answer).unwrap());
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    second.submit(request(), move |answer| send.send(answer).unwrap());
    held.go_on.send(()).unwrap();
    let answers: Vec<Answer> =
        (0..2).map(|_| answered.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
    let is_told = |answer: &Answer| matches!(answer, Answer::Refused(Refusal::Held { .. }));
    assert_eq!(answers.iter().filter(|answer| is_told(answer)).count(), 1, "{answers:?}");
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Watch for Heard {
    fn before(&self, _: &Step<'_>, _: &Pool) -> bool {
        true
    }
    fn after(&self, _: &Step<'_>, _: &Pool, _: Option<&str>) {}
    fn noted(&self, _: &str) {}
    fn waits(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn who_waits_for_a_lock_says_once_which_run_has_it() {
    let clock = ManualClock::at(Timestamp::from_micros(1_000_000));
    let store = Store::in_memory_at(clock.clone());
    let gone = store.acquire("server/gone", "elsewhere pid 7 x", Duration::from_secs(60)).wait().unwrap();
    let events = journal_of(&[], || spec(|_| {}));
    let batch = Batch::new().append(stream("r"), Expected::NoStream, events[..2].to_vec());
    let batch = batch.mark(stream("r"), "run", "running", Some(&gone.name)).claim("lock/*", b"r");
    store.commit(batch).unwrap();
    let (world, heard) = (World::default(), Arc::new(Heard::default()));
    let watch: Arc<dyn Watch> = heard.clone();
    let settings = Settings { watch: Some(watch), ..settings() };
    let engine = start(&world, spec(|_| {}), &store, settings);
    let asked = {
        let engine = engine.clone();
        thread::spawn(move || engine.run(request()))
    };
    wait_until(|| !heard.0.lock().unwrap().is_empty());
    clock.advance(Duration::from_secs(61));
    assert_eq!(engine.recover().unwrap(), 1);
    assert_eq!(end_of(&asked.join().unwrap()), End::Done);
    let said = heard.0.lock().unwrap().join("\n");
    assert!(
        said.contains("waits for the lock \"*\", which run r of p has, which goes on on elsewhere pid 7"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn what_is_abandoned_is_told_to_all_who_ask_and_taken_up_at_once() {
    let (world, store) = (World::default(), Store::in_memory());
    let (hooks, held) = held(all_but(&world, "b"), "b", &world);
    let engine = Engine::start(spec(|_| {}), &hooks, store.clone(), settings()).unwrap();
    let (send, answered) = sync_channel(2);
    let again = send.clone();
    engine.submit(request().idempotent("k"), move |answer| send.send(answer).unwrap());
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    engine.submit(request().idempotent("k"), move |answer| again.send(answer).unwrap());
    assert!(!engine.stop(Duration::from_millis(50)));
    let left = engine.unfinished();
    engine.abandon();
    let answers: Vec<Answer> =
        (0..2).map(|_| answered.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
    let told = Answer::Refused(Refusal::Left { run: left[0].clone() });
    // The second one may not have come to a thread before the stop.
    let is_told = |answer: &Answer| *answer == told || *answer == Answer::Refused(Refusal::Stopping);
    assert!(answers.contains(&told) && answers.iter().all(is_told), "{answers:?}");

    let other = World::default();
    let next = other.engine(spec(|_| {}), &store);
    assert_eq!(next.recover().unwrap(), 1, "nobody waits for its lease");
    wait_until(|| Runs::of(&store).get(&left[0]).unwrap().status == "rectified");
    // What the hook comes to now is nobody's.
    held.go_on.send(()).unwrap();
    assert_eq!((left.len(), other.done()), (1, ["unb", "und", "una"].map(str::to_owned).to_vec()));
}

#[test]
fn a_key_or_a_lock_that_nothing_can_be_kept_under_is_the_clients_mistake() {
    let world = World::default();
    let named = spec(|json| {
        json["programs"]["p"]["args"] = json!({"id": {"type": "str", "default": "x", "required": false}});
        json["programs"]["p"]["locks"] = json!(["account:{id}"]);
    });
    let engine = world.engine(named, &Store::in_memory());
    for key in ["k".repeat(600), "k\0".to_owned()] {
        let answer = engine.run(request().idempotent(&key));
        assert!(matches!(answer, Answer::Refused(Refusal::Request(_))), "{answer:?}");
        let mut pool = Pool::new();
        pool.set("id", key);
        let answer = engine.run(Request::new("p", pool));
        assert!(matches!(answer, Answer::Refused(Refusal::Lock(_))), "{answer:?}");
    }
    // The longest that there may be.
    let longest = "k".repeat(512 - "request/p/".len());
    assert_eq!(end_of(&engine.run(request().idempotent(&longest))), End::Done);
    assert_eq!(world.done().len(), 4);
}

#[test]
fn a_cancelled_run_says_so() {
    let (world, store) = (World::default(), Store::in_memory());
    let (hooks, held) = held(all_but(&world, "b"), "b", &world);
    let engine = Engine::start(spec(|_| {}), &hooks, store.clone(), settings()).unwrap();
    let (send, answered) = sync_channel(1);
    engine.submit(request(), move |answer| send.send(answer).unwrap());
    held.called.recv_timeout(Duration::from_secs(30)).unwrap();
    let runs = Runs::of(&store);
    let run = runs.list(None, None, 1).unwrap().remove(0).run;
    assert!(runs.is_attended(&run).unwrap());
    runs.cancel(&run).unwrap();
    held.go_on.send(()).unwrap();
    let Answer::Ran { end, pool, .. } = answered.recv_timeout(Duration::from_secs(30)).unwrap() else {
        panic!()
    };
    assert_eq!((end, pool.get("_cancelled")), (End::Rectified, Some(&Value::Bool(true))));
    assert!(!runs.is_attended(&run).unwrap());
}

#[test]
fn a_run_that_could_not_be_taken_up_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Store::open(&path.display().to_string().parse().unwrap()).unwrap();
    let (world, runs) = (World::default(), Runs::of(&store));
    let engine = start(&world, spec(|_| {}), &store, soon());
    let batch =
        Batch::new().append(stream("r"), Expected::NoStream, journal_of(&[], || spec(|_| {}))[..2].to_vec());
    store.commit(batch.mark(stream("r"), "run", "running", None)).unwrap();
    let locked = rusqlite::Connection::open(&path).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    // From now on it looks by itself too.
    engine.recover().unwrap();
    // Until the store gives up to write.
    wait_until(|| engine.lock().unfinished.contains("r"));
    assert_eq!(engine.unfinished(), ["r"]);
    locked.execute_batch("ROLLBACK").unwrap();
    wait_until(|| runs.get("r").unwrap().status == "rectified");
    // Its end is written before it is not here any more.
    wait_until(|| engine.unfinished().is_empty());
    assert_eq!(world.done(), ["una"]);
    assert!(engine.stop(Duration::from_secs(10)));
}
