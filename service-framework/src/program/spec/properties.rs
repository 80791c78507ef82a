//! Laws of specs, on those that chance writes.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value as Json, json};

use super::tests::written;
use super::*;
use crate::model::Problem;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z_]{1,8}", 1 => "[a-zA-Z0-9äé:\" \\[\\]-]{1,6}".prop_filter("readable", |name| name.trim() == name)]
}

fn default_of(kind: &'static str) -> BoxedStrategy<Json> {
    match kind {
        "str" | "string" => ".{0,6}".prop_map(Json::from).boxed(),
        "int" => prop_oneof![any::<i64>().prop_map(Json::from), any::<bool>().prop_map(Json::from)].boxed(),
        // Others may lose their last digit on the way through text.
        "float" => any::<i32>().prop_map(|eighths| Json::from(f64::from(eighths) / 8.0)).boxed(),
        "list" => select(vec![json!([]), json!([1, "a", null, [true]])]).boxed(),
        "dict" => select(vec![json!({}), json!({"__uuid__": true, "as_str": {"b": [1.5]}})]).boxed(),
        _ => any::<bool>().prop_map(Json::from).boxed(),
    }
}

fn arg() -> impl Strategy<Value = Json> {
    let kinds = vec!["str", "string", "int", "float", "list", "dict", "bool"];
    let kind = select(kinds).prop_flat_map(|kind| (Just(kind), prop::option::of(default_of(kind))));
    (kind, any::<bool>(), prop::option::of(".{0,8}")).prop_map(|((kind, default), required, description)| {
        let mut arg = json!({"type": kind, "required": required});
        default.into_iter().for_each(|default| arg["default"] = default);
        description.into_iter().for_each(|text| arg["description"] = json!(text));
        arg
    })
}

fn args() -> impl Strategy<Value = Map<String, Json>> {
    prop::collection::btree_map(name(), arg(), 0..3).prop_map(|args| args.into_iter().collect())
}

/// Numbers that choose among what may be referred to.
fn choices() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec((any::<Index>(), any::<u8>()), 0..4)
}

fn extras() -> impl Strategy<Value = Map<String, Json>> {
    let retry = select(vec![
        json!({"attempts": 1}),
        json!({"attempts": 4, "backoff": "1.5ms"}),
        json!({"attempts": 2, "max_backoff": 0.01}),
    ]);
    let timeout = select(vec![json!("PT90S"), json!(1.25), json!("7d"), json!("1ns"), json!("1500us")]);
    (prop::option::of(retry), prop::option::of(timeout), prop::option::of(any::<bool>())).prop_map(
        |(retry, timeout, idempotent)| {
            let entries =
                [("retry", retry), ("timeout", timeout), ("idempotent", idempotent.map(Json::from))];
            entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
        },
    )
}

/// References to what stands before, so that there are no cycles.
fn references(choices: &[(Index, u8)], hooks: &[String], programs: &[String]) -> Vec<String> {
    let all: Vec<(bool, &String)> =
        hooks.iter().map(|name| (true, name)).chain(programs.iter().map(|name| (false, name))).collect();
    let reference = |(index, style): &(Index, u8)| {
        let (is_hook, name) = all[index.index(all.len())];
        match (is_hook, style % 3) {
            (false, _) => format!("programs.{name}"),
            (true, 0) => name.clone(),
            (true, 1) => format!("hooks.{name}"),
            (true, _) => format!("pkg.hooks.{name}"),
        }
    };
    if all.is_empty() { Vec::new() } else { choices.iter().map(reference).collect() }
}

prop_compose! {
    fn hook()(args in args(), extras in extras(), dependencies in choices(), rectifiers in choices())
        -> (Map<String, Json>, Map<String, Json>, Vec<(Index, u8)>, Vec<(Index, u8)>) {
        (args, extras, dependencies, rectifiers)
    }
}

prop_compose! {
    fn program()(args in args(), outputs in args(), hooks in choices(), locked in prop::option::of(any::<bool>()), resumes in any::<bool>())
        -> (Map<String, Json>, Map<String, Json>, Vec<(Index, u8)>, Option<bool>, bool) {
        (args, outputs, hooks, locked, resumes)
    }
}

/// Specs without mistakes.
pub(in crate::program) fn specs() -> impl Strategy<Value = Json> {
    let hooks = prop::collection::btree_map(name(), hook(), 0..6);
    let programs = prop::collection::btree_map(name(), program(), 0..4);
    (hooks, programs, "[a-zA-Z][a-zA-Z0-9 _-]{0,8}").prop_map(|(hooks, programs, name)| {
        let (mut hook_table, mut names) = (Map::new(), Vec::new());
        for (place, (name, (args, extras, dependencies, rectifiers))) in hooks.into_iter().enumerate() {
            let mut hook = json!({
                "reference": format!("pkg.mod{place}.run"), "args": args,
                "dependencies": references(&dependencies, &names, &[]),
                "rectifiers": references(&rectifiers, &names, &[]),
            });
            hook.as_object_mut().into_iter().for_each(|hook| hook.extend(extras.clone()));
            hook_table.insert(name.clone(), hook);
            names.push(name);
        }
        let (mut program_table, mut before) = (Map::new(), Vec::new());
        for (name, (args, outputs, hooks, locked, resumes)) in programs {
            let locks: Option<Vec<String>> = locked.map(|all| lock_templates(&args, all));
            let mut program =
                json!({"hooks": references(&hooks, &names, &before), "args": args, "outputs": outputs});
            locks.into_iter().for_each(|locks| program["locks"] = json!(locks));
            program["on_crash"] = json!(if resumes { "resume" } else { "rectify" });
            program_table.insert(name.clone(), program);
            before.push(name);
        }
        json!({"name": name, "programs": program_table, "hooks": hook_table})
    })
}

/// A lock for each arg that can stand in one.
fn lock_templates(args: &Map<String, Json>, all: bool) -> Vec<String> {
    let fits = |arg: &Json| {
        let is_scalar = arg["type"] != "list" && arg["type"] != "dict";
        is_scalar && (arg["required"] == true || arg.get("default").is_some())
    };
    let named = args.iter().filter(|(_, arg)| all && fits(arg));
    named.map(|(name, _)| format!("{{{{{name}: {{{name}}}")).collect()
}

/// What may stand where something else should.
fn mistakes() -> impl Strategy<Value = Json> {
    select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5),
        json!(1e300),
        json!(""),
        json!("hooks.nothing"),
        json!("programs."),
        json!("{x"),
        json!("1s"),
        json!([]),
        json!([null]),
        json!(["x", "x"]),
        json!({}),
        json!({"": null}),
        json!({"type": "int", "required": true, "default": 1.5}),
    ])
}

/// How many values a tree has.
fn size(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(size).sum(),
        Json::Object(entries) => entries.values().map(size).sum(),
        _ => 0,
    }
}

/// Replaces the value with this number.
fn replace(json: &mut Json, left: &mut usize, by: &Json) -> bool {
    if *left == 0 {
        *json = by.clone();
        return true;
    }
    *left -= 1;
    match json {
        Json::Array(items) => items.iter_mut().any(|item| replace(item, left, by)),
        Json::Object(entries) => entries.iter_mut().any(|(_, value)| replace(value, left, by)),
        _ => false,
    }
}

/// The value at the path of a problem; for one of a key that is missing its table.
fn at<'a>(json: &'a Json, problem: &Problem) -> Option<&'a Json> {
    let parent = problem.found == "nothing";
    let mut steps = steps(&problem.path);
    if parent {
        steps.pop();
    }
    steps.iter().try_fold(json, |json, step| match step.parse::<usize>() {
        Ok(index) if json.is_array() => json.get(index),
        _ => json.get(step),
    })
}

/// The keys and places of a path such as `hooks["odd name"].dependencies[0]`.
fn steps(path: &str) -> Vec<String> {
    let (mut steps, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix("[\"") {
            let mut stream = serde_json::Deserializer::from_str(&rest[1..]).into_iter::<String>();
            let key = stream.next().and_then(Result::ok).unwrap_or_else(|| panic!("{inside}"));
            rest = rest[1 + stream.byte_offset()..].strip_prefix(']').unwrap();
            steps.push(key);
        } else if let Some(inside) = rest.strip_prefix('[') {
            let (index, behind) = inside.split_once(']').unwrap();
            steps.push(index.to_owned());
            rest = behind;
        } else {
            let word = rest.strip_prefix('.').unwrap_or(rest);
            let end = word.find(['.', '[']).unwrap_or(word.len());
            steps.push(word[..end].to_owned());
            rest = &word[end..];
        }
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_spec_is_written_as_it_is_read(json in specs()) {
        let read = Spec::from_json(&json);
        let spec = read.unwrap_or_else(|problems| panic!("{json:#}: {problems:?}"));
        let again = Spec::from_json(&spec.to_json()).unwrap_or_else(|problems| panic!("{problems:?}"));
        prop_assert_eq!(&again, &spec);
        prop_assert_eq!(again.fingerprint(), spec.fingerprint());
        prop_assert_eq!(Spec::from_text(&spec.to_json().to_string()), Ok(spec));
    }

    #[test]
    fn the_order_of_tables_is_no_part_of_a_fingerprint(json in specs()) {
        let mut turned = json.clone();
        for table in ["hooks", "programs"] {
            let entries = turned[table].as_object().unwrap().clone();
            turned[table] = Json::Object(entries.into_iter().rev().collect());
        }
        let (spec, turned) = (Spec::from_json(&json).unwrap(), Spec::from_json(&turned).unwrap());
        prop_assert_eq!(spec.fingerprint(), turned.fingerprint());
        for program in spec.programs() {
            prop_assert_eq!(spec.fingerprint_of(&program.name), turned.fingerprint_of(&program.name));
        }
    }

    #[test]
    fn whatever_is_wrong_has_a_place(json in specs(), place in any::<Index>(), by in mistakes()) {
        let mut json = json;
        let mut left = place.index(size(&json));
        replace(&mut json, &mut left, &by);
        match Spec::from_json(&json) {
            Ok(spec) => prop_assert_eq!(Spec::from_json(&spec.to_json()).map(|again| again == spec), Ok(true)),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in &problems {
                    prop_assert!(at(&json, problem).is_some(), "{problem}: {json:#}");
                }
            }
        }
    }

    #[test]
    fn what_the_reader_takes_the_schema_allows(json in specs(), place in any::<Index>(), by in prop::option::of(mistakes())) {
        let mut json = json;
        by.into_iter().for_each(|by| {
            let mut left = place.index(size(&json));
            replace(&mut json, &mut left, &by);
        });
        if Spec::from_json(&json).is_ok() {
            let errors: Vec<String> = schema().iter_errors(&json).map(|error| error.to_string()).collect();
            prop_assert!(errors.is_empty(), "{errors:?}: {json:#}");
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,64}") {
        prop_assert!(Spec::from_text(&text).is_err());
    }

    #[test]
    fn a_lock_is_printed_as_it_is_read(text in "[{}a-c:]{0,12}") {
        if let Ok(lock) = LockTemplate::parse(&text) {
            prop_assert_eq!(lock.to_string(), text);
        }
    }
}

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: std::sync::OnceLock<jsonschema::Validator> = std::sync::OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = include_str!("../../../../schemas/spec.schema.json");
        jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
    })
}

#[test]
fn the_shipped_schema_refuses_what_it_can() {
    let is_valid = |pointer: &str, value: Json| {
        let mut json = written();
        let (table, key) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(table).unwrap()[key] = value;
        (schema().is_valid(&json), Spec::from_json(&json).is_ok())
    };
    assert_eq!(is_valid("/version", json!("2")), (true, true));
    for (pointer, value) in [
        ("/name", json!("")),
        ("/progams", json!({})),
        ("/hooks/a.b", json!({"reference": "f", "args": {}})),
        ("/hooks/give/reference", json!("a..b")),
        ("/hooks/give/retry", json!({"attempts": 0})),
        ("/hooks/give/retry", json!({})),
        ("/hooks/give/timeout", json!(0)),
        ("/hooks/give/timeout", json!("soon")),
        ("/hooks/give/idempotent", json!(1)),
        ("/hooks/give/args", json!({"x": {"type": "int", "required": true, "default": "1"}})),
        ("/hooks/give/args", json!({"x": {"type": "bool", "required": true, "default": 1}})),
        ("/hooks/give/args", json!({"x": {"type": "number", "required": true}})),
        ("/programs/note/on_crash", json!("retry")),
        ("/programs/note/locks", json!(["a", "a"])),
    ] {
        assert_eq!(is_valid(pointer, value.clone()), (false, false), "{pointer} {value}");
    }
}

/// The number of the first release; it may never change, as journals hold it.
#[test]
fn a_fingerprint_stays_the_same() {
    let spec = super::tests::read(&written());
    insta::assert_snapshot!(spec.fingerprint(), @"fd476c92822951e5d4efed8f2a86e9e4");
    insta::assert_snapshot!(spec.fingerprint_of("note"), @"64433a46a6496fc652287d353ccfdc5b");
    let text = spec.fingerprint().to_string();
    assert_eq!(text.parse(), Ok(spec.fingerprint()));
    assert_eq!("x".parse::<Fingerprint>(), Err(InvalidFingerprint));
    assert_eq!("+".repeat(32).parse::<Fingerprint>(), Err(InvalidFingerprint));
}

#[test]
fn a_fingerprint_tells_what_a_run_depends_on() {
    let of = |pointer: &str, value: Json| {
        let mut json = written();
        let (table, key) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(table).unwrap()[key] = value;
        let spec = super::tests::read(&json);
        (spec.fingerprint(), spec.fingerprint_of("pay"), spec.fingerprint_of("note"))
    };
    let before = of("/version", json!("1.2.3"));
    for (pointer, value) in [
        ("/version", json!("9")),
        ("/name", json!("other")),
        ("/hooks/take/description", json!("?")),
        ("/programs/pay/description", json!("?")),
        ("/programs/pay/args/account_id/description", json!("?")),
        ("/programs/pay/args/account_id/type", json!("str")),
        ("/programs/pay/timeout", json!(60)),
        ("/programs/pay/hooks", json!(["take", "hooks.give", "programs.note"])),
    ] {
        assert_eq!(of(pointer, value), before, "{pointer} makes no difference");
    }
    for (pointer, value) in [
        ("/hooks/take/reference", json!("bank.other")),
        ("/hooks/take/idempotent", json!(false)),
        ("/hooks/take/timeout", json!("2s")),
        ("/hooks/take/retry", json!({"attempts": 4, "backoff": "250ms", "max_backoff": "2s"})),
        ("/hooks/take/rectifiers", json!(["put_back"])),
        ("/hooks/take/dependencies", json!([])),
        ("/hooks/look_up/args", json!({"a": {"type": "int", "required": false}})),
        ("/programs/pay/hooks", json!(["give", "take", "programs.note"])),
        ("/programs/pay/locks", json!([])),
        ("/programs/pay/on_crash", json!("rectify")),
        ("/programs/pay/args/amount/default", json!(1.25)),
        ("/programs/pay/outputs/balance/required", json!(false)),
    ] {
        let after = of(pointer, value);
        assert_ne!((after.0, after.1), (before.0, before.1), "{pointer} makes a difference");
        assert!(after.0 != before.0 && after.1 != before.1, "{pointer}");
        assert_eq!(after.2, before.2, "{pointer} is nothing to another program");
    }
    assert_ne!(of("/hooks/write/idempotent", json!(true)).2, before.2);
}
