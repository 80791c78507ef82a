//! Every step broken in turn, in every way, and every rectifier: what is undone is exactly what was done, backwards.
//!
//! The specs are those of the examples and random ones; `PROGRAMS_SPECS` is how many (200 unless said), `PROGRAMS_SEED` where
//! they begin. What is expected is written out from the JSON of the spec, without the framework.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use service_framework::Value;
use service_framework::program::{
    Answer, Bound, Call, End, Engine, HookError, Hooks, Pool, Request, Settings, Spec,
};
use service_framework::store::Store;

use crate::support::root;

/// Attempts of every hook.
const ATTEMPTS: usize = 2;

/// How a hook fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Error,
    Panic,
    Timeout,
}

const WAYS: [Way; 3] = [Way::Error, Way::Panic, Way::Timeout];

/// Which of the steps, or of what undoes them, fail.
#[derive(Clone, Copy, Debug, Default)]
struct Breaks {
    step: Option<(usize, Way)>,
    undoing: Option<(usize, Way)>,
    /// The first attempt of this step fails, in addition.
    once: Option<(usize, Way)>,
}

/// What was called in the run that goes on.
#[derive(Default)]
struct Course {
    breaks: Breaks,
    calls: Vec<String>,
    /// How many steps were done, and how many things that undo them.
    done: usize,
    undone: usize,
    is_reversing: bool,
    attempt: usize,
}

impl Course {
    /// What this call comes to.
    fn call(&mut self, name: &str) -> Option<Way> {
        self.calls.push(name.to_owned());
        self.attempt += 1;
        let (at, broken) = match self.is_reversing {
            false => (self.done, self.breaks.step),
            true => (self.undone, self.breaks.undoing),
        };
        let once = self.breaks.once.filter(|_| !self.is_reversing && self.attempt == 1);
        let way = broken.or(once).filter(|(place, _)| *place == at);
        let way = way.or(once.filter(|(place, _)| *place == at)).map(|(_, way)| way);
        if way.is_some() && self.attempt < ATTEMPTS {
            return way;
        }
        self.attempt = 0;
        match (way, self.is_reversing) {
            (None, false) => self.done += 1,
            (None, true) => self.undone += 1,
            (Some(_), _) => self.is_reversing = true,
        }
        way
    }
}

#[derive(Clone, Default)]
struct World(Arc<Mutex<Course>>);

impl World {
    fn course(&self) -> MutexGuard<'_, Course> {
        self.0.lock().unwrap()
    }

    fn hook(&self, name: &str) -> Bound {
        let (world, name) = (self.clone(), name.to_owned());
        Bound::keeping_time(move |_: &mut Pool, _: &Call| {
            let way = world.course().call(&name);
            match way {
                None => Ok(()),
                Some(Way::Error) => Err(HookError::new("it was to fail")),
                // As `panic!`, without a word on stderr.
                Some(Way::Panic) => std::panic::resume_unwind(Box::new("it was to fail")),
                // As one that is late, without the time that it takes.
                Some(Way::Timeout) => Err(HookError::in_doubt("it is late")),
            }
        })
    }
}

/// A spec with an engine, and what its programs should do.
struct Broken {
    spec: Json,
    engine: Engine,
    world: World,
    /// The pool of the latest run.
    last: Mutex<Pool>,
}

impl Broken {
    /// Every hook has two attempts here, shortly after each other; no run keeps a lock from the next one.
    fn new(mut spec: Json) -> Self {
        for hook in spec["hooks"].as_object_mut().unwrap().values_mut() {
            hook["retry"] = json!({"attempts": ATTEMPTS, "backoff": 0.00001, "max_backoff": 0.00001});
            hook.as_object_mut().unwrap().remove("timeout");
        }
        for program in spec["programs"].as_object_mut().unwrap().values_mut() {
            program.as_object_mut().unwrap().remove("timeout");
            program["locks"] = json!([]);
        }
        let world = World::default();
        let names = spec["hooks"].as_object().unwrap().keys();
        let hooks = names.fold(Hooks::new(), |hooks, name| hooks.hook(name, world.hook(name)));
        let parsed = Spec::from_json(&spec).unwrap_or_else(|problems| panic!("{problems:?} in {spec}"));
        let engine = Engine::start(parsed, &hooks, Store::in_memory(), Settings::default()).unwrap();
        Self { spec, engine, world, last: Mutex::default() }
    }

    fn named(reference: &Json) -> (bool, &str) {
        let reference = reference.as_str().unwrap();
        let name = reference.rsplit('.').next().unwrap();
        (reference.starts_with("programs."), name)
    }

    /// The hooks that a reference comes to, in the order in which they are called.
    fn written_out(&self, reference: &Json, calls: &mut Vec<String>) {
        let (is_program, name) = Self::named(reference);
        let all = |list: &Json, calls: &mut Vec<String>| {
            list.as_array().into_iter().flatten().for_each(|inner| self.written_out(inner, calls));
        };
        if is_program {
            return all(&self.spec["programs"][name]["hooks"], calls);
        }
        all(&self.spec["hooks"][name]["dependencies"], calls);
        calls.push(name.to_owned());
    }

    fn steps(&self, program: &str) -> Vec<String> {
        let mut steps = Vec::new();
        self.written_out(&json!(format!("programs.{program}")), &mut steps);
        steps
    }

    /// What undoes these steps.
    fn undoing(&self, steps: &[String]) -> Vec<String> {
        let mut calls = Vec::new();
        for step in steps.iter().rev() {
            let rectifiers = self.spec["hooks"][step]["rectifiers"].as_array();
            rectifiers.into_iter().flatten().for_each(|inner| self.written_out(inner, &mut calls));
        }
        calls
    }

    /// A pool with all that anybody may want to have in it.
    fn pool(&self) -> Pool {
        let mut pool = Pool::new();
        let tables =
            ["programs", "hooks"].into_iter().flat_map(|kind| self.spec[kind].as_object().unwrap().values());
        for (name, arg) in
            tables.flat_map(|it| [&it["args"], &it["outputs"]]).filter_map(Json::as_object).flatten()
        {
            let value = match arg["type"].as_str().unwrap() {
                "int" => Value::from(1),
                "float" => Value::from(1.5),
                "bool" => Value::from(true),
                "list" => Value::List(Vec::new()),
                "dict" => Value::Map(Vec::new()),
                _ => Value::from("text"),
            };
            pool.set(name, value);
        }
        pool
    }

    /// Runs a program that breaks so; how it ended and what was called.
    fn run(&self, program: &str, breaks: Breaks) -> (End, Vec<String>) {
        *self.world.course() = Course { breaks, ..Course::default() };
        match self.engine.run(Request::new(program, self.pool())) {
            Answer::Ran { end, pool, .. } => {
                *self.last.lock().unwrap() = pool;
                (end, std::mem::take(&mut self.world.course().calls))
            }
            Answer::Refused(refusal) => panic!("{refusal}: {}", self.spec),
        }
    }

    /// What the answer of the latest run names as in doubt.
    fn in_doubt(&self) -> Vec<String> {
        let listed = self.last.lock().unwrap().to_json()["_in_doubt"].clone();
        serde_json::from_value(listed).unwrap_or_default()
    }

    fn reference(&self, hook: &str) -> String {
        self.spec["hooks"][hook]["reference"].as_str().unwrap().to_owned()
    }

    fn assert(&self, program: &str, breaks: Breaks, end: End, calls: Vec<String>) {
        let found = self.run(program, breaks);
        assert_eq!(found, (end, calls), "{program} with {breaks:?} in {}", self.spec);
    }

    /// Breaks everything in turn, each in the ways that `ways` says for it.
    fn break_everything(&self, program: &str, ways: impl Fn(usize) -> Vec<Way>) -> usize {
        let steps = self.steps(program);
        self.assert(program, Breaks::default(), End::Done, steps.clone());
        let mut count = 1;
        for (place, step) in steps.iter().enumerate() {
            let (done, undoing) = (&steps[..place], self.undoing(&steps[..place]));
            let failed = [done, &vec![step.clone(); ATTEMPTS]].concat();
            for way in ways(place) {
                // What was late may have happened.
                let is_in_doubt = way == Way::Timeout;
                let undoing = if is_in_doubt { self.undoing(&steps[..=place]) } else { undoing.clone() };
                let broken = Some((place, way));
                let breaks = Breaks { step: broken, ..Breaks::default() };
                self.assert(program, breaks, End::Rectified, [&failed[..], &undoing].concat());
                assert_eq!(
                    self.in_doubt(),
                    if is_in_doubt { vec![self.reference(step)] } else { Vec::new() }
                );
                // Repeated, it is one step all the same.
                let repeated = [done, std::slice::from_ref(step), &steps[place..]].concat();
                self.assert(program, Breaks { once: broken, ..Breaks::default() }, End::Done, repeated);
                assert_eq!(self.in_doubt(), Vec::<String>::new());
                count += 2;
            }
        }
        count + self.break_rectifiers(program, &steps, ways)
    }

    /// The last step fails, and each of what undoes those before it in turn; and once more with every step repeated.
    fn break_rectifiers(&self, program: &str, steps: &[String], ways: impl Fn(usize) -> Vec<Way>) -> usize {
        let Some((last, done)) = steps.split_last() else { return 0 };
        let (undoing, mut count) = (self.undoing(done), 0);
        let step = Some((done.len(), Way::Error));
        let failed = [done, &vec![last.clone(); ATTEMPTS]].concat();
        for (place, rectifier) in undoing.iter().enumerate() {
            for way in ways(place) {
                let breaks = Breaks { step, undoing: Some((place, way)), once: None };
                let stuck = [&failed[..], &undoing[..place], &vec![rectifier.clone(); ATTEMPTS]].concat();
                self.assert(program, breaks, End::Stuck, stuck);
                count += 1;
            }
        }
        for (place, repeated) in done.iter().enumerate() {
            let breaks = Breaks { step, once: Some((place, Way::Error)), undoing: None };
            let again = [&done[..place], std::slice::from_ref(repeated), &failed[place..]].concat();
            self.assert(program, breaks, End::Rectified, [&again[..], &undoing].concat());
            count += 1;
        }
        count
    }

    fn programs(&self) -> Vec<String> {
        self.spec["programs"].as_object().unwrap().keys().cloned().collect()
    }
}

#[test]
fn whatever_breaks_in_an_example_what_was_done_is_undone_backwards() {
    let (mut specs, mut runs) = (0, 0);
    let mut folders = vec![root().join("examples/programs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() == "ryu_spec.json" {
                let broken =
                    Broken::new(serde_json::from_str(&fs::read_to_string(entry.path()).unwrap()).unwrap());
                let programs = broken.programs();
                runs += programs
                    .iter()
                    .map(|name| broken.break_everything(name, |_| WAYS.to_vec()))
                    .sum::<usize>();
                specs += 1;
            }
        }
    }
    println!("{runs} runs of {specs} specs");
    assert!(specs >= 2 && runs > 100);
}

/// Hooks whose links lead to later ones only, and programs whose steps are hooks or later programs.
fn any_spec() -> impl Strategy<Value = Json> {
    const HOOKS: usize = 8;
    const PROGRAMS: usize = 3;
    let links = prop::collection::vec(
        (prop::collection::vec(0..HOOKS, 0..3), prop::collection::vec(0..HOOKS, 0..3)),
        HOOKS,
    );
    let steps = prop::collection::vec(prop::collection::vec(0..HOOKS + PROGRAMS, 1..4), PROGRAMS);
    (links, steps).prop_map(|(links, steps)| {
        let named = |places: &[usize], after: usize| -> Vec<String> {
            places.iter().filter(|place| **place > after).map(|place| format!("hooks.h{place}")).collect()
        };
        let hook = |(place, (needs, undone)): (usize, &(Vec<usize>, Vec<usize>))| {
            let (needs, undone) = (named(needs, place), named(undone, place));
            let hook = json!({"reference": format!("m.h{place}"), "args": {}, "dependencies": needs, "rectifiers": undone});
            (format!("h{place}"), hook)
        };
        let program = |(place, steps): (usize, &Vec<usize>)| {
            let named = |step: &usize| match step.checked_sub(HOOKS) {
                None => Some(format!("hooks.h{step}")),
                Some(inner) => (inner > place).then(|| format!("programs.p{inner}")),
            };
            let steps: Vec<String> = steps.iter().filter_map(named).collect();
            (format!("p{place}"), json!({"hooks": steps, "args": {}, "outputs": {}}))
        };
        let hooks: Map<String, Json> = links.iter().enumerate().map(hook).collect();
        let programs: Map<String, Json> = steps.iter().enumerate().map(program).collect();
        json!({"name": "random", "hooks": hooks, "programs": programs})
    })
}

#[test]
fn whatever_breaks_in_a_random_spec_what_was_done_is_undone_backwards() {
    /// So many calls of one program are broken; longer ones are left to other seeds.
    const LONGEST: usize = 16;
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("PROGRAMS_SEED").unwrap_or(20_261_127);
    let specs = number("PROGRAMS_SPECS").unwrap_or(200);
    println!("PROGRAMS_SEED={seed} PROGRAMS_SPECS={specs}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut count, mut runs) = (0, 0);
    while count < specs {
        let broken = Broken::new(any_spec().new_tree(&mut runner).unwrap().current());
        let is_short = |name: &String| {
            let steps = broken.steps(name);
            steps.len() <= LONGEST && broken.undoing(&steps).len() <= LONGEST
        };
        let programs: Vec<String> = broken.programs().into_iter().filter(is_short).collect();
        // Each in one way, the next in another.
        let way = |place: usize| vec![WAYS[(place + count as usize) % WAYS.len()]];
        runs += programs.iter().map(|name| broken.break_everything(name, way)).sum::<usize>();
        count += u64::from(!programs.is_empty());
    }
    println!("{runs} runs of {count} specs");
}
