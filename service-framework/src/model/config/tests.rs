use serde::Deserialize;
use serde_json::json;

use super::text::from_text;
use super::*;
use crate::value::{Bytes, Decimal, TimeDelta};

fn desk() -> ConfigModel {
    ConfigModel::new()
        .requires("symbol", Type::Str)
        .requires("size", Type::Int)
        .optional("patience", Type::TimeDelta, "5s")
        .optional("rate", Type::Float, 0.5)
        .optional_without_default("limits", Type::map(Type::Str, Type::Decimal))
        .optional_without_default("max-age", Type::Int)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn lines(assembled: Result<Config, Vec<Problem>>) -> Vec<String> {
    assembled.err().unwrap_or_default().iter().map(Problem::to_string).collect()
}

fn seconds(text: &str) -> Value {
    Value::TimeDelta(text.parse::<TimeDelta>().unwrap())
}

#[test]
fn later_sources_win() {
    let content = json!({"symbol": "file", "size": 1, "rate": 1, "patience": "500ms"});
    let file = Source::File { name: "config.json", content: &content };
    let variables = pairs(&[
        ("SERVICE_FRAMEWORK_CONFIG_SIZE", "2"),
        ("SERVICE_FRAMEWORK_CONFIG_RATE", "2"),
        ("SERVICE_FRAMEWORK_CONFIG_MAX_AGE", "9"),
        ("SERVICE_FRAMEWORK_CONFIG_OTHER", "ignored"),
        ("SERVICE_FRAMEWORK_CONFIG_", "ignored"),
        ("HOME", "/root"),
    ]);
    let arguments = pairs(&[("rate", "3"), ("rate", "3.5")]);
    let setup: Config = [("symbol", "setup")].into_iter().collect();
    let sources =
        [file, Source::Environment(&variables), Source::CommandLine(&arguments), Source::Setup(&setup)];
    let config = desk().assemble(&sources).unwrap();
    let expected = [
        ("patience", seconds("PT0.5S")),
        ("rate", Value::Float(3.5)),
        ("symbol", Value::from("setup")),
        ("size", Value::Int(2)),
        ("max-age", Value::Int(9)),
    ];
    assert_eq!(config, expected.into_iter().collect());
}

#[test]
fn defaults_hold_where_nobody_says_anything() {
    let arguments = pairs(&[("symbol", "EUR"), ("size", "-5")]);
    let config = desk().assemble(&[Source::CommandLine(&arguments)]).unwrap();
    assert_eq!(config.get("patience"), Some(&seconds("PT5S")));
    assert_eq!(config.get("rate"), Some(&Value::Float(0.5)));
    assert_eq!(config.get("limits"), None);
    assert_eq!(config.get("size"), Some(&Value::Int(-5)));
}

#[test]
fn a_file_may_have_sections() {
    let content = json!({
        "required": {"symbol": "EUR", "size": 1},
        "optional": {"limits": {"a": "1.50", "b": 2}},
        "rate": 2
    });
    let config = desk().assemble(&[Source::File { name: "c", content: &content }]).unwrap();
    let decimal = |text: &str| Value::Decimal(text.parse::<Decimal>().unwrap());
    assert_eq!(config.get("limits"), Some(&Value::from([("a", decimal("1.50")), ("b", decimal("2"))])));
    assert_eq!(config.get("rate"), Some(&Value::Int(2)), "kept as it is written");
    assert_eq!(config.get("rate").and_then(Value::as_f64), Some(2.0));

    let own = ConfigModel::new().requires("required", Type::map(Type::Str, Type::Int));
    let content = json!({"required": {"a": 1}});
    let config = own.assemble(&[Source::File { name: "c", content: &content }]).unwrap();
    assert_eq!(config.to_json(), content, "a key of the model is no section");
}

#[test]
fn lists_all_problems_with_their_places() {
    let content = json!({
        "required": {"symbol": 5, "size": "large"},
        "optional": {"symbol": "twice", "limits": {"a": "x"}, "patience": 5},
        "symbl": 1
    });
    let file = Source::File { name: "config.json", content: &content };
    let variables = pairs(&[("SERVICE_FRAMEWORK_CONFIG_RATE", "fast")]);
    let arguments = pairs(&[("patience", "soon"), ("siez", "5"), ("max_age", "x"), ("limits", "[1]")]);
    let sources = [file, Source::Environment(&variables), Source::CommandLine(&arguments)];
    assert_eq!(
        lines(desk().assemble(&sources)),
        [
            "config.json: required.symbol: expected str, found int 5",
            r#"config.json: required.size: expected int, found str "large""#,
            "config.json: optional.symbol: expected each key once, found a key given twice",
            r#"config.json: optional.limits["a"]: expected Decimal, found str "x""#,
            "config.json: optional.patience: expected timedelta, found int 5 (such as 5s, 500ms, 2m, 1h, 1d or PT1.5S)",
            "config.json: symbl: expected a key of the config model: symbol, size, patience, rate, limits, max-age, found an unknown key (did you mean `symbol`?)",
            r#"SERVICE_FRAMEWORK_CONFIG_RATE: expected float, found "fast""#,
            r#"--patience: expected timedelta, found "soon" (such as 5s, 500ms, 2m, 1h, 1d or PT1.5S)"#,
            "--siez: expected a key of the config model: symbol, size, patience, rate, limits, max-age, found an unknown key (did you mean `--size`?)",
            r#"--max_age: expected int, found "x""#,
            r#"--limits: expected ["map","str","Decimal"], found list of 1 (JSON, such as {"key": 1})"#,
        ]
    );
}

#[test]
fn required_keys_may_be_missing_only_before_setup() {
    let missing = "expected str, found nothing (give it as `--symbol VALUE`, as SERVICE_FRAMEWORK_CONFIG_SYMBOL or in the config file)";
    let arguments = pairs(&[("size", "1")]);
    let sources = [Source::CommandLine(&arguments)];
    assert_eq!(lines(desk().assemble(&sources)), [format!("config.symbol: {missing}")]);
    assert!(desk().gather(&sources).is_ok());
    let wrong: Config = [("symbol", Value::Int(1)), ("sise", Value::Nil)].into_iter().collect();
    assert_eq!(
        lines(desk().assemble(&[sources[0], Source::Setup(&wrong)])),
        [
            "setup_config.symbol: expected str, found int 1",
            "setup_config.sise: expected a key of the config model: symbol, size, patience, rate, limits, max-age, found an unknown key (did you mean `size`?)",
        ]
    );
    let with_default = ConfigModel {
        defaults: vec![("symbol".to_owned(), Value::from("EUR")), ("size".to_owned(), Value::Int(1))],
        ..desk()
    };
    assert!(with_default.assemble(&[]).is_ok(), "a default stands in for a required key");
}

#[test]
fn without_a_model_every_key_is_kept() {
    let content = json!({"$schema": "../schemas/config.schema.json", "required": {"a": 1}, "b": [null]});
    let variables = pairs(&[("SERVICE_FRAMEWORK_CONFIG_C_D", "x"), ("HOME", "/root")]);
    let arguments = pairs(&[("random_variable", "5")]);
    let file = Source::File { name: "c", content: &content };
    let sources = [file, Source::Environment(&variables), Source::CommandLine(&arguments)];
    let config = Config::without_model(&sources).unwrap();
    assert_eq!(config.to_json(), json!({"a": 1, "b": [null], "c_d": "x", "random_variable": "5"}));
    let broken = json!([1]);
    let file = Source::File { name: "c.json", content: &broken };
    assert_eq!(
        lines(Config::without_model(&[file])),
        ["c.json: expected a table of config keys, found a list of 1"]
    );
}

#[test]
fn text_is_converted_by_type() {
    let of = |json: Json| Type::from_json(&json, "").unwrap();
    let span = |text: &str| Some(seconds(text));
    let list = |items: &[i64]| Some(Value::from(items.to_vec()));
    for (json, text, value) in [
        (json!("str"), "5", Some(Value::from("5"))),
        (json!("int"), "-5", Some(Value::Int(-5))),
        (json!("int"), "18446744073709551615", Some(Value::UInt(u64::MAX))),
        (json!("int"), "5.0", None),
        (json!("int"), "", None),
        (json!("float"), "5", Some(Value::Float(5.0))),
        (json!("float"), "-1e3", Some(Value::Float(-1000.0))),
        (json!("bool"), "Yes", Some(Value::Bool(true))),
        (json!("bool"), "off", Some(Value::Bool(false))),
        (json!("bool"), "2", None),
        (json!("bytes"), "AP8=", Some(Value::from(Bytes(vec![0, 255])))),
        (json!("bytes"), "x", None),
        (json!("Decimal"), "1.50", Some(Value::Decimal("1.50".parse().unwrap()))),
        (json!("timedelta"), "5s", span("PT5S")),
        (json!("timedelta"), "1.5s", span("PT1.5S")),
        (json!("timedelta"), "500ms", span("PT0.5S")),
        (json!("timedelta"), "0.001us", span("PT0.000000001S")),
        (json!("timedelta"), "2m", span("PT120S")),
        (json!("timedelta"), "-1h", span("-PT3600S")),
        (json!("timedelta"), "1d", span("PT86400S")),
        (json!("timedelta"), "PT1.5S", span("PT1.5S")),
        (json!("timedelta"), "5", None),
        (json!("timedelta"), "5 parsecs", None),
        (json!("timedelta"), "99999999999999999999999999999999999999d", None),
        (json!("timedelta"), "1.s", None),
        (json!("date"), "2026-08-18", Some(Value::Date("2026-08-18".parse().unwrap()))),
        (json!("None"), "null", Some(Value::Nil)),
        (json!("any"), "[1]", list(&[1])),
        (json!("any"), "abc", Some(Value::from("abc"))),
        (json!(["int"]), "[1, 2]", list(&[1, 2])),
        (json!(["int"]), "1, 2", None),
        (
            json!(["set", "date"]),
            r#"["2026-08-18"]"#,
            Some(Value::Set(vec![Value::Date("2026-08-18".parse().unwrap())])),
        ),
        (json!({"int": "timedelta"}), r#"{"1": "5s"}"#, Some(Value::from([(1, seconds("PT5S"))]))),
        (
            json!({"a": ["optional", "Decimal"]}),
            r#"{"a": "2"}"#,
            Some(Value::from([("a", Value::Decimal("2".parse().unwrap()))])),
        ),
        (
            json!(["tuple", "str", "timedelta"]),
            r#"["a", "5s"]"#,
            Some(Value::List(vec![Value::from("a"), seconds("PT5S")])),
        ),
        (json!(["optional", "str"]), "None", Some(Value::Nil)),
        (json!(["optional", "str"]), "abc", Some(Value::from("abc"))),
        (json!(["union", "int", "timedelta", "str"]), "5", Some(Value::Int(5))),
        (json!(["union", "int", "timedelta", "str"]), "5s", span("PT5S")),
        (json!(["union", "int", "timedelta", "str"]), "five", Some(Value::from("five"))),
        (json!(["union", ["int"], ["str"]]), r#"["a"]"#, Some(Value::from(vec!["a"]))),
        (json!(["literal", "a", 1, true, null, 1.5]), "a", Some(Value::from("a"))),
        (json!(["literal", "a", 1, true, null, 1.5]), "1", Some(Value::Int(1))),
        (json!(["literal", "a", 1, true, null, 1.5]), "yes", Some(Value::Bool(true))),
        (json!(["literal", "a", 1, true, null, 1.5]), "none", Some(Value::Nil)),
        (json!(["literal", "a", 1, true, null, 1.5]), "1.50", Some(Value::Float(1.5))),
        (json!(["literal", "a", 1, true, null, 1.5]), "b", None),
    ] {
        assert_eq!(from_text(text, &of(json.clone())), value, "{json} {text}");
    }
}

#[test]
fn is_read_as_a_type() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Desk {
        symbol: String,
        size: i64,
        rate: f64,
        patience: TimeDelta,
        topic: Option<String>,
    }
    let content = json!({"symbol": "EUR", "size": 1, "rate": 2});
    let config = desk().assemble(&[Source::File { name: "c", content: &content }]).unwrap();
    let expected =
        Desk { symbol: "EUR".to_owned(), size: 1, rate: 2.0, patience: "PT5S".parse().unwrap(), topic: None };
    assert_eq!(config.to::<Desk>(), Ok(expected));
    let error = Config::new().to::<Desk>().unwrap_err().to_string();
    assert_eq!(error, "the config is not of the type asked for: missing field `symbol`");
    let odd: Config = [("symbol", Value::from("EUR")), ("size", Value::from("many"))].into_iter().collect();
    let error = odd.to::<Desk>().unwrap_err().to_string();
    assert!(error.starts_with("the config is not of the type asked for: `size`: "), "{error}");
    assert_eq!(config.to::<Option<Desk>>().unwrap().unwrap().size, 1);
    #[derive(Deserialize)]
    struct Wrapped(Desk);
    assert_eq!(config.to::<Wrapped>().unwrap().0.size, 1);
    assert_eq!(config.to::<Value>().unwrap(), config.to_value());
}

#[test]
fn keys_are_unique_and_keep_their_order() {
    let mut config: Config = [("b", 1), ("a", 2)].into_iter().collect();
    config.set("b", 3);
    config.set("c", "x");
    assert_eq!(config.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["b", "a", "c"]);
    assert_eq!(config.to_value().get("b"), Some(&Value::Int(3)));
    assert!(!config.is_empty());
}
