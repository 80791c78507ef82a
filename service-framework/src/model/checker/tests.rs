use serde_json::json;

use super::*;
use crate::value::Value;

fn checker(of: &serde_json::Value) -> Checker {
    let of = Type::from_json(of, "").unwrap();
    Checker::of_type(&of, "").unwrap()
}

/// What is wrong with `value`, in the JSON form of values, as a `of`; one line for each mismatch.
fn wrong(of: serde_json::Value, value: serde_json::Value) -> Vec<String> {
    let bytes = Value::from_json(&value).unwrap().to_msgpack();
    lines(checker(&of).check(&bytes))
}

fn lines(checked: Result<(), Vec<Mismatch>>) -> Vec<String> {
    checked.err().unwrap_or_default().iter().map(Mismatch::to_string).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn takes_values_of_each_type() {
    let uuid = json!({"__uuid__": true, "as_str": "12345678-1234-5678-1234-567812345678"});
    for (of, value) in [
        (json!("str"), json!("")),
        (json!("int"), json!(-5)),
        (json!("int"), json!(u64::MAX)),
        (json!("float"), json!(1.5)),
        (json!("float"), json!(1)),
        (json!("float"), json!({"__float__": true, "as_str": "nan"})),
        (json!("bool"), json!(false)),
        (json!("bytes"), json!({"__bytes__": true, "as_base64": "AP8="})),
        (json!("Decimal"), json!({"as_str": "1.50", "__decimal__": true})),
        (json!("datetime"), json!({"__datetime__": true, "as_str": "2026-08-18T09:30:00"})),
        (json!("date"), json!({"__date__": true, "as_str": "2026-08-18"})),
        (json!("time"), json!({"__time__": true, "as_str": "09:30:00"})),
        (json!("timedelta"), json!({"__timedelta__": true, "as_str": "-PT1.5S"})),
        (json!("UUID"), uuid.clone()),
        (json!("any"), json!([{"a": [1, null]}])),
        (json!("None"), json!(null)),
        (json!(["list", "int"]), json!([1, 2])),
        (json!(["tuple", "int", "str"]), json!([1, "a"])),
        (json!(["tuple"]), json!([])),
        (json!(["set", "str"]), json!({"__set__": true, "value": ["a"]})),
        (
            json!({"Decimal": "int"}),
            json!({"__map__": true, "value": [[{"__decimal__": true, "as_str": "1"}, 1]]}),
        ),
        (json!(["map", "int", ["list", "str"]]), json!({"__map__": true, "value": [[1, ["a"]], [2, []]]})),
        (json!({"x": "int", "y": "int"}), json!({"y": 1, "x": 2})),
        (json!(["union", "int", "str"]), json!("a")),
        (json!(["optional", "int"]), json!(null)),
        (json!(["optional", "int"]), json!(1)),
        (json!(["literal", 1, "a", null, true, 2.0]), json!("a")),
        (json!(["literal", 1, "a", null, true, 2.0]), json!(null)),
        (json!(["literal", 1, "a", null, true, 2.0]), json!(2)),
        (json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string"}), uuid),
    ] {
        assert_eq!(wrong(of.clone(), value.clone()), NONE, "{of} {value}");
    }
}

#[test]
fn says_what_was_expected_and_found() {
    let decimal = json!({"__decimal__": true, "as_str": "1.5"});
    for (of, value, expected) in [
        (json!("int"), json!("abc"), r#"args: expected int, found str "abc""#),
        (json!("int"), json!(true), "args: expected int, found bool true"),
        (json!("float"), json!(false), "args: expected float, found bool false"),
        (json!("int"), json!(1.0), "args: expected int, found float 1.0"),
        (json!("str"), json!(null), "args: expected str, found None"),
        (json!("bytes"), json!("a"), r#"args: expected bytes, found str "a""#),
        (json!("UUID"), decimal.clone(), r#"args: expected UUID, found Decimal "1.5""#),
        (json!(["list", "int"]), json!({}), r#"args: expected ["list","int"], found map of 0"#),
        (json!(["list", "int"]), json!([1, "b"]), r#"args[1]: expected int, found str "b""#),
        (json!(["tuple", "int"]), json!([1, 2]), r#"args: expected ["tuple","int"], found list of 2"#),
        (json!(["set", "int"]), json!([1]), r#"args: expected ["set","int"], found list of 1"#),
        (
            json!(["set", "int"]),
            json!({"value": ["a"], "__set__": true}),
            r#"args[0]: expected int, found str "a""#,
        ),
        (json!({"str": "int"}), json!({"k": {"x": 1}}), r#"args["k"]: expected int, found map of 1"#),
        (json!({"int": "int"}), json!({"k": 1}), r#"args[key]: expected int, found str "k""#),
        (
            json!({"str": "any"}),
            decimal.clone(),
            r#"args: expected ["map","str","any"], found Decimal "1.5""#,
        ),
        (json!({"x": "int", "y": "str"}), json!({"x": 1}), "args.y: expected str, found nothing"),
        (
            json!({"x": "int", "name": "str"}),
            json!({"x": 1, "name": "", "nmae": 1}),
            r#"args.nmae: expected one of the keys x, name, found unknown key "nmae", did you mean "name"?"#,
        ),
        (
            json!({"a": "any", "b": "any"}),
            decimal,
            r#"args: expected ["record",{"a":"any","b":"any"}], found Decimal "1.5""#,
        ),
        (json!(["optional", "int"]), json!("a"), r#"args: expected ["optional","int"], found str "a""#),
        (json!(["literal", 1, "a"]), json!("b"), r#"args: expected ["literal",1,"a"], found str "b""#),
        (
            json!(["union", "int", "str"]),
            json!(1.5),
            r#"args: expected ["union","int","str"], found float 1.5"#,
        ),
    ] {
        assert_eq!(wrong(of.clone(), value.clone()), [expected], "{of} {value}");
    }
}

#[test]
fn a_tagged_map_must_mean_what_it_says() {
    let entry = |key: &str, value: Value| (Value::from(key), value);
    let no_number =
        Value::Map(vec![entry("__decimal__", Value::Bool(true)), entry("as_str", Value::from("x"))]);
    let checked = checker(&json!("Decimal")).check(&no_number.to_msgpack());
    assert_eq!(lines(checked), ["args: expected Decimal, found map of 2"]);
    // Only what is no Decimal is the map that it looks like.
    let record = checker(&json!({"__decimal__": "bool", "as_str": "str"}));
    assert_eq!(record.check(&no_number.to_msgpack()), Ok(()));
    let decimal = Value::Decimal("1.5".parse().unwrap()).to_msgpack();
    let found = lines(record.check(&decimal));
    let expected = r#"args: expected ["record",{"__decimal__":"bool","as_str":"str"}], found Decimal "1.5""#;
    assert_eq!(found, [expected]);
}

#[test]
fn names_the_nearest_member_of_a_union() {
    let of = json!(["union", "int", {"kind": ["literal", "a"], "x": "int"}, {"kind": ["literal", "b"], "y": "int"}]);
    assert_eq!(
        wrong(of, json!({"kind": "b", "y": "one"})),
        [
            r#"args: expected ["union","int",["record",{"kind":["literal","a"],"x":"int"}],["record",{"kind":["literal","b"],"y":"int"}]], found map of 2; nearest is ["record",{"kind":["literal","b"],"y":"int"}], but args.y: expected int, found str "one""#
        ]
    );
}

#[test]
fn checks_argument_tables() {
    let arguments = Arguments::new().requires("payload", Type::Str).optional("cmd", Type::Str);
    let checker = Checker::compile(&arguments).unwrap();
    let check =
        |value: serde_json::Value| lines(checker.check(&Value::from_json(&value).unwrap().to_msgpack()));
    assert_eq!(check(json!({"payload": "x"})), NONE);
    assert_eq!(check(json!({"cmd": "raise", "payload": "x"})), NONE);
    assert_eq!(
        check(json!({"cmd": 1, "paylod": "x"})),
        [
            "args.cmd: expected str, found int 1",
            "args.paylod: expected one of the keys payload, cmd, found unknown key \"paylod\", did you mean \"payload\"?",
            "args.payload: expected str, found nothing",
        ]
    );
    assert_eq!(check(json!(null)), ["args: expected a map of arguments, found None"]);
    let named = checker.check_named("return_args", &[0x80]).unwrap_err();
    assert_eq!(named[0].to_string(), "return_args.payload: expected str, found nothing");
}

#[test]
fn refuses_keys_given_twice() {
    let record = checker(&json!({"a": "int"}));
    assert_eq!(
        lines(record.check(b"\x82\xa1a\x01\xa1a\x02")),
        ["args.a: expected each key once, found key given twice"]
    );
    let map = checker(&json!({"str": "int"}));
    assert_eq!(
        lines(map.check(b"\x82\xa1a\x01\xa1a\x02")),
        ["args[\"a\"]: expected each key once, found key given twice"]
    );
    let twenty = Value::Map((0..20).map(|key| (Value::Int(key), Value::Nil)).collect()).to_msgpack();
    let map = checker(&json!({"int": "None"}));
    assert_eq!(lines(map.check(&twenty)), NONE);
    let mut doubled = twenty;
    let last_key = doubled.len() - 2;
    doubled[last_key] = 0;
    assert_eq!(lines(map.check(&doubled)), ["args[0]: expected each key once, found key given twice"]);
}

#[test]
fn names_of_arguments_are_strings() {
    let record = checker(&json!({"a": "int"}));
    assert_eq!(
        lines(record.check(b"\x82\x05\x01\xa1a\x02")),
        ["args: expected one of the keys a, found the key int 5"]
    );
}

#[test]
fn lists_sixteen_mismatches_at_most() {
    let of = Type::record((0..40).map(|_| ("", Type::Int)).take(0));
    let checker = Checker::of_type(&of, "").unwrap();
    let many = Value::Map((0..40).map(|key| (Value::Str(format!("key{key}")), Value::Nil)).collect());
    assert_eq!(checker.check(&many.to_msgpack()).unwrap_err().len(), 16);
}

#[test]
fn finds_fields_of_wide_records_in_any_order() {
    let names: Vec<String> = (0..200).map(|index| format!("field{index}")).collect();
    let of = Type::record(names.iter().map(|name| (name.as_str(), Type::Int)));
    let checker = Checker::of_type(&of, "").unwrap();
    let mut entries: Vec<_> =
        names.iter().rev().map(|name| (Value::from(name.as_str()), Value::Int(1))).collect();
    assert_eq!(checker.check(&Value::Map(entries.clone()).to_msgpack()), Ok(()));
    entries.remove(100);
    let missing = lines(checker.check(&Value::Map(entries).to_msgpack()));
    assert_eq!(missing, ["args.field99: expected int, found nothing"]);
}

#[test]
fn malformed_bytes_are_one_mismatch() {
    let any = checker(&json!("any"));
    for bytes in [&b""[..], b"\xc1", b"\x81", b"\xa2a", b"\x01\x02", b"\xa1\xff", b"\x91\xa1\xff"] {
        let found = any.check(bytes).unwrap_err();
        assert_eq!(found.len(), 1, "{bytes:?}");
        assert!(found[0].found.starts_with("malformed bytes: "), "{found:?}");
    }
    let deep = [vec![0x91; 129], vec![0xc0]].concat();
    assert!(any.check(&deep).is_err());
    assert!(any.check(&deep[1..]).is_ok());
    // The list that the type opens counts too.
    let list = checker(&json!(["list", "any"]));
    assert!(list.check(&deep[1..]).is_ok());
    assert!(list.check(&deep).is_err());
}

#[test]
fn schemas_see_tagged_scalars_as_text() {
    let of = |schema: serde_json::Value| {
        let mut schema = schema;
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema
    };
    for (schema, value) in [
        (json!({"type": "string", "pattern": "^1"}), json!({"__decimal__": true, "as_str": "1.5"})),
        (json!({"const": "AP8="}), json!({"__bytes__": true, "as_base64": "AP8="})),
        (json!({"const": "nan"}), json!({"__float__": true, "as_str": "nan"})),
        (json!({"const": "-inf"}), json!({"__float__": true, "as_str": "-inf"})),
        (json!({"const": ["a"]}), json!({"__set__": true, "value": ["a"]})),
        (json!({"const": "PT1.5S"}), json!({"__timedelta__": true, "as_str": "PT1.5S"})),
        (json!({"required": ["1"]}), json!({"__map__": true, "value": [[1, 2]]})),
    ] {
        assert_eq!(wrong(of(schema.clone()), value.clone()), NONE, "{schema} {value}");
    }
    let person = json!({"type": "object", "required": ["name"], "properties": {"age": {"minimum": 0}}});
    assert_eq!(
        wrong(of(person), json!({"age": -1})),
        [
            "args.name: expected {\"required\": [\"name\"]}, found nothing",
            "args.age: expected {\"minimum\": 0}, found -1"
        ]
    );
}

#[test]
fn refuses_types_that_mean_nothing() {
    let arguments = Arguments::new()
        .requires("a", Type::Union(Vec::new()))
        .requires("b", Type::Literal(vec![Value::List(Vec::new())]))
        .requires(
            "c",
            Type::Schema(json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "x"})),
        )
        .optional("a", Type::Int);
    let problems = Checker::compile(&arguments).unwrap_err();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["a", "b", "c", "a"]);
    let deep = (0..100).fold(Type::Int, |of, _| Type::list(of));
    assert!(Checker::of_type(&deep, "").is_err());
}

#[test]
fn schemas_may_refer_to_themselves() {
    let draft = "https://json-schema.org/draft/2020-12/schema";
    for schema in [
        json!({"$schema": draft, "$ref": "#"}),
        json!({"$schema": draft, "allOf": [{"$ref": "#"}]}),
        json!({"$schema": draft, "items": {"$ref": "#"}}),
    ] {
        assert_eq!(wrong(schema.clone(), json!([[]])), NONE, "{schema}");
    }
}
