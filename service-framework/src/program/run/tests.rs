//! The machine, step by step and against a plain interpreter.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::program::pool::{Changes, IN_DOUBT, LAST_FAILED, Pool};
use crate::program::spec::Spec;
use crate::value::Value;

fn spec(json: &Json) -> Arc<Spec> {
    Arc::new(Spec::from_json(json).unwrap_or_else(|problems| panic!("{problems:?}\n{json:#}")))
}

fn hook(name: &str, dependencies: &[&str], rectifiers: &[&str]) -> (String, Json) {
    let reference = format!("shop.{name}");
    (
        name.to_owned(),
        json!({"reference": reference, "args": {}, "dependencies": dependencies, "rectifiers": rectifiers}),
    )
}

/// A shop: `take` needs `look` and is undone by `put_back`; `pay` is undone by `pay_back`, which needs `ask`.
fn shop(changed: impl FnOnce(&mut Json)) -> Arc<Spec> {
    let hooks: Map<String, Json> = [
        hook("look", &[], &["look_away"]),
        hook("look_away", &[], &[]),
        hook("take", &["look"], &["put_back"]),
        hook("put_back", &[], &[]),
        hook("ask", &[], &[]),
        hook("pay", &[], &["pay_back"]),
        hook("pay_back", &["ask"], &[]),
        hook("go", &[], &[]),
    ]
    .into_iter()
    .collect();
    let mut json = json!({
        "name": "shop",
        "programs": {"buy": {"hooks": ["hooks.take", "hooks.pay", "hooks.go"], "args": {}, "outputs": {
            "bag": {"type": "str", "required": false, "default": "none"}
        }}},
        "hooks": hooks,
    });
    changed(&mut json);
    spec(&json)
}

fn plan(spec: &Arc<Spec>) -> Arc<Plan> {
    Arc::new(Plan::new(spec, 0))
}

fn begin(spec: &Arc<Spec>) -> Run {
    Run::new(plan(spec), Pool::new())
}

fn ended(error: Option<&str>) -> Event {
    Event::Ended { changes: Changes::default(), error: error.map(str::to_owned), in_doubt: false }
}

fn late() -> Event {
    Event::Ended { changes: Changes::default(), error: Some("late".to_owned()), in_doubt: true }
}

fn begins(run: &mut Run) -> Option<String> {
    let (reference, attempt, is_reversing) = match run.next() {
        Next::Call { hook, attempt, is_reversing, .. } => (hook.reference.clone(), attempt, is_reversing),
        Next::Ended(_) => return None,
    };
    run.apply(Event::Began { hook: reference.clone(), attempt, is_reversing }).unwrap();
    Some(reference.trim_start_matches("shop.").to_owned())
}

/// Runs to the end; the calls that `fails` names by their number, from 0 on, fail.
fn finish(run: &mut Run, fails: &[usize]) -> (Vec<String>, End) {
    let mut calls = Vec::new();
    while let Some(name) = begins(run) {
        let fails = fails.contains(&calls.len());
        run.apply(ended(fails.then_some("no"))).unwrap();
        calls.push(name);
    }
    let Next::Ended(end) = run.next() else { unreachable!("it is at its end") };
    (calls, end)
}

fn traced(run: &Run) -> Vec<&str> {
    let Some(Value::List(traced)) = run.pool().get("_traceback") else { return Vec::new() };
    traced.iter().filter_map(Value::as_str).map(|name| name.trim_start_matches("shop.")).collect()
}

fn flag(run: &Run, name: &str) -> Option<bool> {
    run.pool().get(name).and_then(Value::as_bool)
}

#[test]
fn a_program_does_its_steps_in_order() {
    let spec = shop(|_| {});
    let mut run = begin(&spec);
    assert_eq!(finish(&mut run, &[]), (["look", "take", "pay", "go"].map(str::to_owned).to_vec(), End::Done));
    assert_eq!(traced(&run), ["take", "look", "pay", "go"], "a hook begins before its dependencies");
    assert_eq!(answer(run.plan().program(), run.pool()).to_json(), json!({"bag": "none"}));
}

#[test]
fn whatever_fails_what_was_done_is_undone_backwards() {
    let spec = shop(|_| {});
    let expected: [&[&str]; 4] = [
        &["look"],
        &["look", "take", "look_away"],
        &["look", "take", "pay", "put_back", "look_away"],
        &["look", "take", "pay", "go", "ask", "pay_back", "put_back", "look_away"],
    ];
    for (at, expected) in expected.iter().enumerate() {
        let mut run = begin(&spec);
        let (calls, end) = finish(&mut run, &[at]);
        assert_eq!(
            (calls.iter().map(String::as_str).collect::<Vec<_>>(), end),
            (expected.to_vec(), End::Rectified)
        );
        let failed = format!("shop.{}", calls[at]);
        assert_eq!(run.pool().get(LAST_FAILED), Some(&Value::from(failed)));
        let flags = ["_program_fail", "_dependency_fail", "_rectifier_fail"].map(|name| flag(&run, name));
        assert_eq!(flags, [Some(true), Some(at == 0), Some(false)]);
        assert!(answer(run.plan().program(), run.pool()).has("_traceback"));
    }
}

#[test]
fn a_rectifier_that_fails_stops_the_reversal_until_somebody_helps() {
    let spec = shop(|_| {});
    let mut run = begin(&spec);
    let (calls, end) = finish(&mut run, &[3, 4]);
    assert_eq!((calls.last().map(String::as_str), end), (Some("ask"), End::Stuck));
    assert_eq!(["_rectifier_fail", "_dependency_fail"].map(|name| flag(&run, name)), [Some(true); 2]);
    assert_eq!(run.pool().get(LAST_FAILED), Some(&Value::from("shop.ask")));

    let mut resolved = run.clone();
    resolved.apply(Event::Resolved { note: "by hand".into() }).unwrap();
    assert_eq!(resolved.next(), Next::Ended(End::Resolved));

    run.apply(Event::Cancelled).unwrap();
    run.apply(Event::Retried).unwrap();
    let rest = ["ask", "pay_back", "put_back", "look_away"].map(str::to_owned).to_vec();
    assert_eq!(finish(&mut run, &[]), (rest, End::Rectified));
    assert_eq!(flag(&run, "_rectifier_fail"), Some(false));
}

#[test]
fn a_hook_is_tried_as_often_as_it_says_with_the_pool_as_it_was() {
    let spec = shop(|json| {
        json["hooks"]["take"]["retry"] = json!({"attempts": 3, "backoff": "10ms", "max_backoff": "15ms"});
    });
    let mut run = begin(&spec);
    begins(&mut run).unwrap();
    run.apply(ended(None)).unwrap();
    let mut waited = Vec::new();
    for attempt in 1..=3 {
        let Next::Call { after, key, attempt: next, .. } = run.next() else { panic!("it has ended") };
        assert_eq!((key.as_str(), next), ("3", attempt), "one key for all attempts");
        waited.push(after.as_millis());
        assert_eq!(begins(&mut run).as_deref(), Some("take"));
        let changes = Changes { set: vec![("n".into(), attempt.into())], removed: Vec::new() };
        run.apply(Event::Ended { changes, error: Some("no".into()), in_doubt: false }).unwrap();
        assert_eq!(run.pool().has("n"), attempt == 3, "only what the last attempt did stays");
    }
    assert_eq!(waited, [0, 10, 15]);
    assert_eq!(finish(&mut run, &[]).0, ["look_away"]);
}

/// Hooks that are late are undone first, as after a crash, unless a further attempt ends well.
#[test]
fn what_was_late_is_in_doubt_and_undone_first() {
    let spec = shop(|json| json["hooks"]["take"]["retry"] = json!({"attempts": 2, "backoff": "1ms"}));
    let at_take = || {
        let mut run = begin(&spec);
        begins(&mut run).unwrap();
        run.apply(ended(None)).unwrap();
        assert_eq!(begins(&mut run).as_deref(), Some("take"));
        run.apply(late()).unwrap();
        assert!(!run.pool().has(IN_DOUBT), "there is one more attempt");
        run
    };
    let undone = ["put_back", "look_away"].map(str::to_owned).to_vec();
    let in_doubt = Value::from(vec!["shop.take"]);
    // Whatever the second attempt comes to, the first may have happened.
    for second in [late(), ended(Some("no"))] {
        let mut run = at_take();
        begins(&mut run).unwrap();
        run.apply(second).unwrap();
        assert_eq!(finish(&mut run, &[]), (undone.clone(), End::Rectified));
        assert_eq!(run.pool().get(IN_DOUBT), Some(&in_doubt));
        assert_eq!(run.pool().get(LAST_FAILED), Some(&Value::from("shop.take")));
    }
    for between in [Event::TimedOut, Event::Cancelled, Event::Recovered] {
        let mut run = at_take();
        run.apply(between).unwrap();
        assert_eq!(finish(&mut run, &[]), (undone.clone(), End::Rectified));
        assert_eq!(run.pool().get(IN_DOUBT), Some(&in_doubt));
    }
    let mut run = at_take();
    begins(&mut run).unwrap();
    run.apply(ended(None)).unwrap();
    assert_eq!(finish(&mut run, &[0]).0, ["pay", "put_back", "look_away"]);
    assert!(!run.pool().has(IN_DOUBT), "it is known that it happened");
}

#[test]
fn a_rectifier_that_was_late_is_in_doubt_and_stops_the_reversal() {
    let spec = shop(|_| {});
    let mut run = begin(&spec);
    for event in [ended(None), ended(Some("no")), late()] {
        begins(&mut run).unwrap();
        run.apply(event).unwrap();
    }
    assert_eq!(run.next(), Next::Ended(End::Stuck));
    assert_eq!(run.pool().get(IN_DOUBT), Some(&Value::from(vec!["shop.look_away"])));
}

/// A step that is run again after a crash may have happened before it.
#[test]
fn what_was_run_again_after_a_crash_and_fails_is_undone_too() {
    let spec = shop(|json| {
        json["programs"]["buy"]["on_crash"] = "resume".into();
        json["hooks"]["take"]["idempotent"] = true.into();
    });
    let mut run = begin(&spec);
    begins(&mut run).unwrap();
    run.apply(ended(None)).unwrap();
    begins(&mut run).unwrap();
    run.apply(Event::Recovered).unwrap();
    assert_eq!(finish(&mut run, &[0]).0, ["take", "put_back", "look_away"]);
    assert_eq!(run.pool().get(IN_DOUBT), Some(&Value::from(vec!["shop.take"])));
}

#[test]
fn a_true_program_fail_in_the_pool_is_a_failure() {
    let spec = shop(|_| {});
    let mut run = begin(&spec);
    for _ in 0..2 {
        begins(&mut run).unwrap();
        run.apply(ended(None)).unwrap();
    }
    assert_eq!(begins(&mut run).as_deref(), Some("pay"));
    let changes = Changes { set: vec![("_program_fail".into(), 1.into())], removed: Vec::new() };
    run.apply(Event::Ended { changes, error: None, in_doubt: false }).unwrap();
    assert_eq!(finish(&mut run, &[]), (vec!["put_back".into(), "look_away".into()], End::Rectified));
}

#[test]
fn arguments_are_checked_before_a_hook_and_outputs_at_the_end() {
    let spec = shop(|json| {
        json["hooks"]["pay"]["args"] = json!({"amount": {"type": "int", "required": true}});
        json["hooks"]["go"]["args"] = json!({"way": {"type": "str", "required": false, "default": "out"}});
    });
    let mut run = begin(&spec);
    let (calls, end) = finish(&mut run, &[]);
    assert_eq!((calls.len(), end), (4, End::Rectified), "pay is never called");
    assert_eq!(run.take_notes(), ["shop.pay: \"amount\" is missing"]);
    assert_eq!(run.pool().get(LAST_FAILED), Some(&Value::from("shop.pay")));
    assert_eq!(traced(&run), ["take", "look", "pay", "put_back", "look_away"]);

    let mut pool = Pool::new();
    pool.set("amount", 5);
    let mut run = Run::new(plan(&spec), pool);
    assert_eq!(finish(&mut run, &[]).1, End::Done);
    assert_eq!(run.pool().get("way"), Some(&Value::from("out")));

    let spec =
        shop(|json| json["programs"]["buy"]["outputs"]["receipt"] = json!({"type": "str", "required": true}));
    let mut run = begin(&spec);
    let (calls, end) = finish(&mut run, &[]);
    assert_eq!((calls.last().map(String::as_str), end), (Some("look_away"), End::Rectified));
    assert_eq!(run.pool().get(LAST_FAILED), Some(&Value::from("programs.buy")));
}

#[test]
fn a_nested_program_runs_on_the_same_pool_and_is_undone_hook_by_hook() {
    let spec = shop(|json| {
        json["programs"]["twice"] = json!({"hooks": ["programs.buy", "go"], "args": {}, "outputs": {}});
    });
    let nested = Arc::new(Plan::new(&spec, 1));
    let mut run = Run::new(nested, Pool::new());
    let (calls, end) = finish(&mut run, &[4]);
    assert_eq!(end, End::Rectified);
    assert_eq!(calls[..5], ["look", "take", "pay", "go", "go"]);
    assert_eq!(calls[5..], ["ask", "pay_back", "put_back", "look_away"]);
}

#[test]
fn what_was_cancelled_or_is_late_is_undone() {
    let spec = shop(|_| {});
    let mut run = begin(&spec);
    assert_eq!(begins(&mut run).as_deref(), Some("look"));
    run.apply(Event::TimedOut).unwrap_err();
    run.apply(Event::Cancelled).unwrap();
    run.apply(ended(None)).unwrap();
    assert_eq!(finish(&mut run, &[]), (vec!["look_away".into()], End::Rectified));
    assert_eq!((flag(&run, "_program_fail"), run.pool().has(LAST_FAILED)), (Some(true), false));

    let mut run = begin(&spec);
    begins(&mut run).unwrap();
    run.apply(ended(None)).unwrap();
    run.apply(Event::TimedOut).unwrap();
    assert_eq!(run.pool().get(LAST_FAILED), Some(&Value::from("shop.take")));
    assert_eq!(finish(&mut run, &[]), (vec!["look_away".into()], End::Rectified));
}

#[test]
fn what_cannot_happen_is_refused_and_changes_nothing() {
    let spec = shop(|_| {});
    let mut run = begin(&spec);
    let wrong = [
        (ended(None), "ended cannot happen to a run that comes to attempt 1 of shop.look"),
        (
            Event::Began { hook: "shop.take".into(), attempt: 1, is_reversing: false },
            "attempt 1 of shop.take cannot happen",
        ),
        (
            Event::Began { hook: "shop.look".into(), attempt: 2, is_reversing: false },
            "attempt 2 of shop.look cannot happen",
        ),
        (
            Event::Began { hook: "shop.look".into(), attempt: 1, is_reversing: true },
            "attempt 1 of shop.look cannot happen",
        ),
        (Event::Retried, "retried cannot happen"),
        (Event::Resolved { note: String::new() }, "resolved cannot happen"),
    ];
    for (event, said) in wrong {
        let error = run.apply(event).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(finish(&mut run, &[]).1, End::Done);
    let error = run.apply(Event::Recovered).unwrap_err().to_string();
    assert!(error.contains("has ended (Done)"), "{error}");
}

/// What a crash in the middle of `take`, after it, and in the middle of `pay_back` comes to.
#[test]
fn a_crash_is_undone_resumed_or_parked() {
    for (on_crash, is_idempotent, expected) in [
        ("rectify", false, &["put_back", "look_away"][..]),
        ("rectify", true, &["put_back", "look_away"]),
        ("resume", false, &["put_back", "look_away"]),
        ("resume", true, &["take", "pay", "go"]),
    ] {
        let spec = shop(|json| {
            json["programs"]["buy"]["on_crash"] = on_crash.into();
            json["hooks"]["take"]["idempotent"] = is_idempotent.into();
        });
        let mut run = begin(&spec);
        begins(&mut run).unwrap();
        run.apply(ended(None)).unwrap();
        let mut between = run.clone();
        begins(&mut run).unwrap();
        run.apply(Event::Recovered).unwrap();
        assert_eq!(
            run.pool().get(IN_DOUBT),
            Some(&Value::from(vec!["shop.take"])),
            "{on_crash} {is_idempotent}"
        );
        assert_eq!(finish(&mut run, &[]).0, expected, "{on_crash} {is_idempotent}");

        between.apply(Event::Recovered).unwrap();
        assert!(!between.pool().has(IN_DOUBT));
        let expected: &[&str] = if on_crash == "resume" { &["take", "pay", "go"] } else { &["look_away"] };
        assert_eq!(finish(&mut between, &[]).0, expected);
    }
    for is_idempotent in [false, true] {
        let spec = shop(|json| json["hooks"]["put_back"]["idempotent"] = is_idempotent.into());
        let mut run = begin(&spec);
        for fails in [false, false, true] {
            begins(&mut run).unwrap();
            run.apply(ended(fails.then_some("no"))).unwrap();
        }
        assert_eq!(begins(&mut run).as_deref(), Some("put_back"));
        run.apply(Event::Recovered).unwrap();
        let (calls, end) = finish(&mut run, &[]);
        match is_idempotent {
            true => assert_eq!((calls, end), (vec!["put_back".into(), "look_away".into()], End::Rectified)),
            false => assert_eq!((calls, end), (vec![], End::Stuck)),
        }
    }
}

#[test]
fn a_request_becomes_a_pool() {
    let spec = shop(|json| {
        json["programs"]["buy"]["args"] = json!({
            "who": {"type": "str", "required": true},
            "price": {"type": "float", "required": true},
            "bag": {"type": "str", "required": false, "default": "paper"},
        });
    });
    let program = &spec.programs()[0];
    let read = |json: Json| Request::from_json(&json);
    let request = read(json!({
        "program": "buy",
        "data_pool": {"who": "me", "price": 5, "_traceback": ["x"], "_mine": 1},
        "metadata": {"ip": "::1", "_kept": true, "program_fail": true, "step_through": 1, "idempotency_key": "k"},
    }))
    .unwrap();
    assert_eq!(request.idempotency_key(), Some("k"));
    let pool = prepare(program, request, 17).unwrap();
    assert_eq!(
        pool.to_json(),
        json!({"who": "me", "price": 5, "_mine": 1, "_ip": "::1", "_kept": true, "_idempotency_key": "k", "bag": "paper",
               "_program_name": "buy", "_program_time_start": 17})
    );
    let wrong = read(json!({"program": "buy", "data_pool": {"price": "much"}})).unwrap();
    let error = prepare(program, wrong, 0).unwrap_err().to_string();
    assert!(error.contains("\"who\" is missing, \"price\" is no float"), "{error}");
    for (json, said) in [
        (json!([]), "but this is"),
        (json!({}), "\"program\" is no text"),
        (json!({"program": "buy", "data_pool": 1}), "\"data_pool\" is no object"),
        (json!({"program": "buy", "metadata": {"idempotency_key": 1}}), "idempotency_key\" is no text"),
    ] {
        let error = read(json).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let near = find(&spec, "byu").unwrap_err().to_string();
    assert_eq!(near, "there is no program \"byu\"; did you mean \"buy\"?");
    let unknown = find(&spec, "bought").unwrap_err().to_string();
    assert_eq!(unknown, "there is no program \"bought\"; there are buy");
}

/// Specs of six hooks, where each depends on and is undone by later ones only, so that there are no cycles.
fn any_spec() -> impl Strategy<Value = Arc<Spec>> {
    const HOOKS: usize = 6;
    let links = prop::collection::vec(
        (prop::collection::vec(0..HOOKS, 0..3), prop::collection::vec(0..HOOKS, 0..3)),
        HOOKS,
    );
    (links, prop::collection::vec(0..HOOKS, 1..4), any::<bool>(), prop::collection::vec(any::<bool>(), HOOKS)).prop_map(
        |(links, steps, resumes, idempotent)| {
            let name = |place: usize| format!("h{place}");
            let later = |from: usize, to: &[usize]| -> Vec<String> {
                to.iter().filter(|to| **to > from).map(|to| name(*to)).collect()
            };
            let hooks: Map<String, Json> = links
                .iter()
                .enumerate()
                .map(|(place, (needs, undone))| {
                    let json = json!({"reference": format!("m.{}", name(place)), "args": {}, "idempotent": idempotent[place],
                                      "dependencies": later(place, needs), "rectifiers": later(place, undone)});
                    (name(place), json)
                })
                .collect();
            let steps: Vec<String> = steps.into_iter().map(name).collect();
            let on_crash = if resumes { "resume" } else { "rectify" };
            spec(&json!({"name": "any", "hooks": hooks,
                         "programs": {"p": {"hooks": steps, "args": {}, "outputs": {}, "on_crash": on_crash}}}))
        },
    )
}

/// The calls of a program whose call number `fails` fails, as the contract says it in words.
struct Plain<'a> {
    spec: &'a Spec,
    fails: usize,
    /// Whether it fails by being late.
    is_late: bool,
    calls: Vec<usize>,
}

impl Plain<'_> {
    /// Whether the hook and all that it depends on went well; what did is noted.
    fn run(&mut self, hook: usize, done: &mut Vec<usize>) -> bool {
        let needs: Vec<usize> = places(&self.spec.hooks()[hook].dependencies);
        if !needs.into_iter().all(|needed| self.run(needed, done)) {
            return false;
        }
        self.calls.push(hook);
        let is_well = self.calls.len() - 1 != self.fails;
        // What may have happened is undone too.
        if is_well || self.is_late {
            done.push(hook);
        }
        is_well
    }

    fn program(&mut self) -> End {
        let mut done = Vec::new();
        let steps = places(&self.spec.programs()[0].hooks);
        if steps.into_iter().all(|step| self.run(step, &mut done)) {
            return End::Done;
        }
        for hook in done.into_iter().rev() {
            for rectifier in places(&self.spec.hooks()[hook].rectifiers) {
                if !self.run(rectifier, &mut Vec::new()) {
                    return End::Stuck;
                }
            }
        }
        End::Rectified
    }
}

fn places(targets: &[crate::program::spec::Target]) -> Vec<usize> {
    let place = |target: &crate::program::spec::Target| match target {
        crate::program::spec::Target::Hook(place) => *place,
        crate::program::spec::Target::Program(_) => unreachable!("none is nested here"),
    };
    targets.iter().map(place).collect()
}

/// Runs to the end with one failure, by being late or otherwise; the calls, the end and everything that happened.
fn drive(plan: &Arc<Plan>, fails: usize, is_late: bool) -> (Vec<usize>, End, Vec<Event>) {
    let (mut run, mut calls, mut events) = (Run::new(plan.clone(), Pool::new()), Vec::new(), Vec::new());
    loop {
        let (began, place) = match run.next() {
            Next::Call { hook, attempt, place, is_reversing, .. } => {
                (Event::Began { hook: hook.reference.clone(), attempt, is_reversing }, place)
            }
            Next::Ended(end) => return (calls, end, events),
        };
        let changes = Changes { set: vec![(format!("c{}", calls.len()), place.into())], removed: Vec::new() };
        let error = (calls.len() == fails).then(|| "no".to_owned());
        let in_doubt = is_late && error.is_some();
        for event in [began, Event::Ended { changes, error, in_doubt }] {
            run.apply(event.clone()).unwrap();
            events.push(event);
        }
        calls.push(place);
    }
}

proptest! {
    #[test]
    fn a_run_calls_what_the_contract_says(spec in any_spec(), fails in 0_usize..40, is_late in any::<bool>()) {
        let mut plain = Plain { spec: &spec, fails, is_late, calls: Vec::new() };
        let expected = plain.program();
        let (calls, end, _) = drive(&plan(&spec), fails, is_late);
        prop_assert_eq!((calls, end), (plain.calls, expected));
    }

    #[test]
    fn a_journal_is_read_as_it_happened_and_ends_after_a_crash_anywhere(spec in any_spec(), fails in 0_usize..40, is_late in any::<bool>()) {
        let plan = plan(&spec);
        let (_, end, events) = drive(&plan, fails, is_late);
        let mut replayed = Run::new(plan.clone(), Pool::new());
        for event in &events {
            let mut crashed = replayed.clone();
            crashed.apply(Event::Recovered).unwrap();
            let is_doubted = crashed.pool().has(IN_DOUBT);
            prop_assert_eq!(is_doubted, replayed.is_in_flight() || replayed.pool().has(IN_DOUBT));
            let (_, end) = finish(&mut crashed, &[]);
            prop_assert!(end != End::Resolved);
            let read = Event::from_bytes(event.kind(), &event.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(&read, event);
            replayed.apply(read).unwrap();
        }
        prop_assert_eq!(replayed.next(), Next::Ended(end));
    }

    #[test]
    fn tables_stay_tables_in_a_journal(
        keys in prop::collection::vec("\u{1}{0,2}(__decimal__|__set__|__uuid__|as_str|value|[a-z]{1,3})", 1..6),
        text in "1\\.5|[a-z]{0,3}",
    ) {
        let json = keys.iter().fold(serde_json::json!(["1.5"]), |inner, key| {
            serde_json::json!({key: true, "as_str": text, "value": inner, "list": [{key: true, "value": []}]})
        });
        let object = serde_json::json!({"__decimal__": true, "as_str": "1.5", "k": json});
        let mut pool = Pool::from_json(object.as_object().unwrap()).unwrap();
        pool.set("real", Value::Decimal("1.5".parse().unwrap()));
        let set = pool.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let (program, fingerprint) = ("p".to_owned(), "f".to_owned());
        for event in [
            Event::Started { program, fingerprint, key: None, locks: vec!["*".into()], pool: pool.clone() },
            Event::Ended { changes: Changes { set, removed: Vec::new() }, error: None, in_doubt: true },
        ] {
            let read = Event::from_bytes(event.kind(), &event.to_bytes().unwrap()).unwrap();
            prop_assert_eq!(&read, &event);
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_an_error(kind in "[a-z_]{0,9}|started|began|ended|resolved", bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(event) = Event::from_bytes(&kind, &bytes) {
            prop_assert_eq!(event.kind(), kind);
        }
    }
}
