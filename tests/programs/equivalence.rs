//! Programs here and in the original, ryuso 0.0.8: the same spec, the same hooks and the same request give the same answer.
//!
//! Specs, what their hooks do and requests are random; `PROGRAMS_SEED` is where they begin, `PROGRAMS_CASES` how many there are.
//! Where the contract says that the original is mended, the difference is looked at case by case below.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};
use service_framework::Value;
use service_framework::program::{Answer, Engine, HookError, Hooks, Pool, Request, Settings, Spec};
use service_framework::store::Store;

use crate::interop::python_with;
use crate::support::root;

const HOOKS: usize = 7;

/// The original in a process of its own.
struct Original {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Original {
    /// None if it is not here; says so.
    fn start() -> Option<Self> {
        let python = python_with("import importlib.metadata as m; assert m.version('ryuso') == '0.0.8'")?;
        let mut command = Command::new(python);
        command.arg(root().join("tests/programs/original.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, stdin, stdout })
    }

    fn answer(&mut self, case: &Json) -> Json {
        writeln!(self.stdin, "{case}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        comparable(serde_json::from_str(&line).unwrap())
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn comparable(mut answer: Json) -> Json {
    if let Some(entries) = answer.as_object_mut() {
        entries.remove("_program_time_start");
    }
    answer
}

fn ours(case: &Json) -> Json {
    let spec = Spec::from_json(&case["spec"]).unwrap_or_else(|problems| panic!("{problems:?}"));
    let behaviours = case["behaviours"].as_object().unwrap();
    let hooks = behaviours.iter().fold(Hooks::new(), |hooks, (name, behaviour)| {
        let behaviour = behaviour.clone();
        hooks.hook(name, move |pool: &mut Pool| behave(&behaviour, pool))
    });
    let engine = Engine::start(spec, &hooks, Store::in_memory(), Settings::default()).unwrap();
    match engine.run(Request::from_json(&case["request"]).unwrap()) {
        Answer::Ran { pool, .. } => comparable(pool.to_json()),
        Answer::Refused(refusal) => json!({"refused": refusal.to_string()}),
    }
}

fn behave(behaviour: &Json, pool: &mut Pool) -> Result<(), HookError> {
    for (name, value) in behaviour["set"].as_object().into_iter().flatten() {
        pool.set(name, Value::from_json(value)?);
    }
    for name in behaviour["remove"].as_array().into_iter().flatten() {
        pool.remove(name.as_str().unwrap_or_default());
    }
    if behaviour["says_failed"] == true {
        pool.set("_program_fail", true);
    }
    if behaviour["raises"] == true { Err(HookError::new("it was to fail")) } else { Ok(()) }
}

/// A value as JSON has them.
fn any_value() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        (-1000..1000_i32).prop_map(|n| Json::from(f64::from(n) / 8.0)),
        "[ -~äß€]{0,8}".prop_map(Json::from),
        prop::collection::vec(0..9_i32, 0..3).prop_map(Json::from),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "_e", "out", "f g"]).prop_map(str::to_owned)
}

fn any_values() -> impl Strategy<Value = Json> {
    prop::collection::btree_map(any_name(), any_value(), 0..4)
        .prop_map(|values| Json::Object(values.into_iter().collect()))
}

/// What hook number `place` does. Those from `LEAVES` on are dependencies, which do not fail here.
fn any_behaviour(may_fail: bool) -> impl Strategy<Value = Json> {
    let fails = prop::bool::weighted(if may_fail { 0.15 } else { 0.0 });
    (any_values(), prop::collection::vec(any_name(), 0..2), fails, fails).prop_map(
        |(set, remove, raises, says_failed)| json!({"set": set, "remove": remove, "raises": raises, "says_failed": says_failed}),
    )
}

/// Hooks 0 to 3 are steps and rectifiers, 4 to 6 dependencies: what the original does whole, without a dependency that fails.
const LEAVES: usize = 4;

fn any_case() -> impl Strategy<Value = Json> {
    let links = (prop::collection::vec(LEAVES..HOOKS, 0..3), prop::collection::vec(0..LEAVES, 0..3));
    let hooks = prop::collection::vec(links, LEAVES);
    let behaviours: Vec<_> = (0..HOOKS).map(|place| any_behaviour(place < LEAVES).boxed()).collect();
    let args = prop::collection::btree_map(any_name(), any_value(), 0..3);
    let outputs = prop::collection::btree_map(any_name(), prop::option::of(any_value()), 0..4);
    let steps = prop::collection::vec(0..LEAVES, 0..5);
    (hooks, behaviours, steps, args, outputs, any_values(), any_values()).prop_map(
        |(links, behaviours, steps, args, outputs, pool, metadata)| {
            let hooks: Map<String, Json> = (0..HOOKS).map(|place| hook(place, links.get(place))).collect();
            let behaviours: Map<String, Json> =
                behaviours.into_iter().enumerate().map(|(place, it)| (name(place), it)).collect();
            let args: Map<String, Json> =
                args.into_iter().filter_map(|(name, default)| Some((name, arg(Some(&default))?))).collect();
            let outputs: Map<String, Json> = outputs
                .into_iter()
                .filter_map(|(name, default)| Some((name, arg(default.as_ref())?)))
                .collect();
            // An argument of another type than the spec says is refused here.
            let pool: Map<String, Json> = pool
                .as_object()
                .unwrap()
                .clone()
                .into_iter()
                .filter(|(name, _)| !args.contains_key(name))
                .collect();
            let metadata: Map<String, Json> = metadata
                .as_object()
                .unwrap()
                .clone()
                .into_iter()
                .filter(|(name, _)| !args.contains_key(name) && !args.contains_key(&format!("_{name}")))
                .collect();
            let steps: Vec<String> = steps.into_iter().map(|step| format!("hooks.{}", name(step))).collect();
            json!({
                "spec": {"name": "random", "hooks": hooks,
                         "programs": {"p": {"hooks": steps, "args": args, "outputs": outputs}}},
                "behaviours": behaviours,
                "request": {"program": "p", "data_pool": pool, "metadata": metadata},
            })
        },
    )
}

fn name(place: usize) -> String {
    format!("h{place}")
}

fn hook(place: usize, links: Option<&(Vec<usize>, Vec<usize>)>) -> (String, Json) {
    let (needs, undone) = links.cloned().unwrap_or_default();
    let named = |places: Vec<usize>| {
        places.into_iter().map(|place| format!("hooks.{}", name(place))).collect::<Vec<_>>()
    };
    // The original gives a dependency's and a rectifier's own links no meaning, and a cycle is none to it.
    let undone: Vec<usize> = undone.into_iter().filter(|other| *other > place).collect();
    (
        name(place),
        json!({"reference": format!("random.{}", name(place)), "args": {}, "dependencies": named(needs),
                         "rectifiers": named(undone)}),
    )
}

/// An argument with a default of a type that the spec has; none for a value of no such type.
fn arg(default: Option<&Json>) -> Option<Json> {
    let Some(default) = default else { return Some(json!({"type": "str", "required": false})) };
    let kind = match default {
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        _ => return None,
    };
    Some(json!({"type": kind, "required": false, "default": default}))
}

/// A rectifier whose own dependencies would run here, or whose links the original ignores.
fn is_mended(case: &Json) -> bool {
    let hooks = case["spec"]["hooks"].as_object().unwrap();
    hooks.values().flat_map(|hook| hook["rectifiers"].as_array().unwrap()).any(|rectifier| {
        let key = rectifier.as_str().unwrap().trim_start_matches("hooks.");
        !hooks[key]["dependencies"].as_array().unwrap().is_empty()
    })
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn random_programs_answer_as_in_the_original() {
    let Some(mut original) = Original::start() else { return };
    let (seed, cases) =
        (from_environment("PROGRAMS_SEED", 20_261_122), from_environment("PROGRAMS_CASES", 400));
    println!("{cases} cases from seed {seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut failed, mut compared) = (0, 0);
    while compared < cases {
        let case = any_case().new_tree(&mut runner).unwrap().current();
        if is_mended(&case) {
            continue;
        }
        compared += 1;
        let (theirs, ours) = (original.answer(&case), ours(&case));
        assert_eq!(ours, theirs, "seed {seed}, case {compared}: {case:#}");
        failed += u64::from(ours.get("_program_fail").is_some());
    }
    assert!(failed > cases / 10 && failed < cases, "{failed} of {cases} failed: the cases say little");
}

/// A step `a` and a step `b`, which needs `need` and is followed by `c`.
fn case(behaviours: Json, changed: impl FnOnce(&mut Json)) -> Json {
    let mut hooks = Map::new();
    let mut all = Map::new();
    for key in ["a", "b", "c", "undo_a", "undo_b", "need", "need_of_need", "undo_need"] {
        let rectifiers = match key {
            "a" => json!(["hooks.undo_a"]),
            "b" => json!(["hooks.undo_b"]),
            "need" => json!(["hooks.undo_need"]),
            _ => json!([]),
        };
        let dependencies = match key {
            "b" => json!(["hooks.need"]),
            "need" => json!(["hooks.need_of_need"]),
            _ => json!([]),
        };
        hooks.insert(key.into(), json!({"reference": format!("m.{key}"), "args": {}, "dependencies": dependencies, "rectifiers": rectifiers}));
        all.insert(key.into(), behaviours.get(key).cloned().unwrap_or(json!({"set": {key: true}})));
    }
    let mut case = json!({
        "spec": {"name": "mended", "hooks": hooks, "programs": {"p": {"hooks": ["hooks.a", "hooks.b", "hooks.c"], "args": {}, "outputs": {}}}},
        "behaviours": all,
        "request": {"program": "p", "data_pool": {}, "metadata": {}},
    });
    changed(&mut case);
    case
}

fn traced(answer: &Json) -> Vec<&str> {
    let traced = answer["_traceback"].as_array().map(Vec::as_slice).unwrap_or_default();
    traced.iter().filter_map(Json::as_str).map(|name| name.trim_start_matches("m.")).collect()
}

/// Every difference that the contract names, and that it is one.
#[test]
fn what_is_mended_is_told_from_the_original() {
    let Some(mut original) = Original::start() else { return };
    let mut both = |case: Json| (original.answer(&case), ours(&case));

    // Dependencies run recursively, and what ran as one is undone as a step is.
    let (theirs, ours) = both(case(json!({"c": {"raises": true}}), |_| {}));
    assert_eq!(traced(&theirs), ["a", "b", "need", "c", "undo_b", "undo_a"]);
    assert_eq!(traced(&ours), ["a", "b", "need", "need_of_need", "c", "undo_b", "undo_need", "undo_a"]);

    // After a dependency failed, rectifiers run as after any failure. The original traces them, but does not call them.
    let fails = json!({"need": {"raises": true}});
    let outputs = |case: &mut Json| {
        case["spec"]["programs"]["p"]["outputs"] = json!({"undo_a": {"type": "bool", "required": false}});
    };
    let (theirs, ours) = both(case(fails, outputs));
    assert_eq!((theirs.get("undo_a"), &ours["undo_a"]), (None, &json!(true)));
    assert_eq!((&theirs["_dependency_fail"], &ours["_dependency_fail"]), (&json!(true), &json!(true)));

    // Required arguments are looked for before anything runs.
    let (theirs, ours) = both(case(json!({}), |case| {
        case["spec"]["programs"]["p"]["args"] = json!({"amount": {"type": "int", "required": true}});
    }));
    assert_eq!(theirs, json!({}));
    assert!(ours["refused"].as_str().unwrap().contains("\"amount\" is missing"), "{ours}");

    // A hook's arguments are checked, and their defaults filled in.
    let args = |case: &mut Json| {
        case["spec"]["hooks"]["b"]["args"] = json!({"n": {"type": "int", "required": true}, "m": {"type": "int", "required": false, "default": 7}});
        case["spec"]["programs"]["p"]["outputs"] = json!({"m": {"type": "int", "required": false}});
    };
    let (theirs, ours) = both(case(json!({}), args));
    assert_eq!(theirs, json!({}));
    assert_eq!((&ours["_last_failed_program"], traced(&ours).last()), (&json!("m.b"), Some(&"undo_a")));

    // A required output that is missing is a failure.
    let (theirs, ours) = both(case(json!({}), |case| {
        case["spec"]["programs"]["p"]["outputs"] = json!({"receipt": {"type": "str", "required": true}});
    }));
    assert_eq!((theirs, &ours["_program_fail"]), (json!({}), &json!(true)));

    // The framework's own names are not the client's to set.
    let (theirs, ours) = both(case(json!({"a": {"raises": true}}), |case| {
        case["request"]["data_pool"] = json!({"_traceback": ["mine"]});
    }));
    assert_eq!((traced(&theirs), traced(&ours)), (vec!["mine", "a"], vec!["a"]));

    // Links may be left out, where the original's generated code crashes.
    let (theirs, ours) = both(case(json!({}), |case| {
        case["spec"]["hooks"]["c"].as_object_mut().unwrap().remove("rectifiers");
    }));
    assert!(theirs["crashed"].as_str().unwrap().contains("KeyError"), "{theirs}");
    assert_eq!(ours, json!({}));

    // What is no program is an answer, where the original's server ends.
    let (theirs, ours) = both(case(json!({}), |case| case["request"]["program"] = json!("q")));
    assert!(theirs["crashed"].is_string(), "{theirs}");
    assert!(ours["refused"].as_str().unwrap().contains("there is no program \"q\""), "{ours}");
}
