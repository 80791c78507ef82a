use std::time::Duration;

use serde_json::json;
use service_framework::{Config, Message};

use super::ConfigType;
use crate::model::{Config as Values, Source};
use crate::value::{Bytes, Decimal, TimeDelta, Value};

#[derive(Clone, Copy, Debug, Message, PartialEq)]
#[message(rename_all = "snake_case")]
enum Side {
    Buy,
    Sell,
}

#[derive(Clone, Debug, Message, PartialEq)]
struct Limit {
    per_day: u32,
    note: Option<String>,
}

#[derive(Config, Debug, PartialEq)]
struct Desk {
    /// What is traded.
    symbol: String,
    /// How long the venue
    /// may take.
    ///
    /// No longer than a day.
    #[config(default = "5s")]
    patience: Duration,
    #[config(default = "buy")]
    side: Side,
    #[config(default = "0.10")]
    fee: Decimal,
    #[config(default = 1.5)]
    rate: f32,
    #[config(default, rename = "max-open")]
    max_open: u16,
    #[config(default = [Limit { per_day: 1, note: None }].to_vec())]
    limits: Vec<Limit>,
    secret: Option<Bytes>,
    r#type: Option<Side>,
}

fn desk() -> Desk {
    Desk {
        symbol: "X".to_owned(),
        patience: Duration::from_secs(5),
        side: Side::Buy,
        fee: "0.10".parse().unwrap(),
        rate: 1.5,
        max_open: 0,
        limits: vec![Limit { per_day: 1, note: None }],
        secret: None,
        r#type: None,
    }
}

/// The config that a command line makes.
fn assembled(arguments: &[(&str, &str)]) -> Values {
    let arguments: Vec<_> =
        arguments.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    Desk::model().assemble(&[Source::CommandLine(&arguments)]).unwrap()
}

#[test]
fn fields_are_keys_with_types_defaults_and_help() {
    let limit = json!(["record", {"per_day": "int", "note": ["optional", "str"]}]);
    let side = json!(["literal", "buy", "sell"]);
    assert_eq!(
        Desk::model().to_json(),
        json!({
            "required": {"symbol": "str"},
            "optional": {
                "patience": "timedelta", "side": side, "fee": "Decimal", "rate": "float", "max-open": "int",
                "limits": ["list", limit], "secret": "bytes", "type": side,
            },
            "defaults": {
                "patience": {"__timedelta__": true, "as_str": "PT5S"},
                "side": "buy",
                "fee": {"__decimal__": true, "as_str": "0.10"},
                "rate": 1.5,
                "max-open": 0,
                "limits": [{"per_day": 1, "note": null}],
            },
            "help": {
                "symbol": "What is traded.",
                "patience": "How long the venue may take.\nNo longer than a day.",
            },
        })
    );
}

#[test]
fn a_config_is_read_and_written() {
    let config = assembled(&[("symbol", "X")]);
    assert_eq!(Desk::from_config(&config).unwrap(), desk());
    assert_eq!(Desk::from_config(&[("symbol", "X")].into_iter().collect()).unwrap(), desk());
    let config = assembled(&[("symbol", "X"), ("side", "sell"), ("secret", "aGVsbG8="), ("type", "buy")]);
    let read = Desk::from_config(&config).unwrap();
    assert_eq!((read.side, read.r#type), (Side::Sell, Some(Side::Buy)));
    assert_eq!(read.secret, Some(Bytes(b"hello".to_vec())));
    let mut changed = config;
    desk().to_config(&mut changed);
    assert_eq!(changed.get("secret"), None);
    assert_eq!(Desk::from_config(&changed).unwrap(), desk());
    assert_eq!(desk().copy(), desk());
}

#[test]
fn a_key_that_does_not_fit_is_named() {
    let error = |key: &str, value: Value| {
        let mut config = assembled(&[("symbol", "X")]);
        config.set(key, value);
        Desk::from_config(&config).unwrap_err().to_string()
    };
    assert!(
        error("max-open", Value::Int(-1))
            .ends_with("`max-open`: expected an int from 0 to 65535, found int -1")
    );
    let backwards = TimeDelta::from(Duration::from_secs(1)).negated();
    assert!(
        error("patience", backwards.into()).contains("`patience`: expected a timedelta that is not negative")
    );
    assert!(Desk::from_config(&Values::new()).unwrap_err().to_string().ends_with("`symbol`: is missing"));
}

#[test]
fn a_config_without_required_keys_has_a_default() {
    #[derive(Config, Debug, PartialEq)]
    struct Limits {
        #[config(default = "1.5h")]
        most: Duration,
        #[config(default = "PT0.5S")]
        least: Duration,
        note: Option<String>,
    }
    let (most, least) = (Duration::from_secs(5400), Duration::from_millis(500));
    assert_eq!(Limits::default(), Limits { most, least, note: None });
}

#[test]
fn a_default_in_code_means_what_it_means_in_a_file() {
    #[derive(Config)]
    struct Times {
        #[config(default = "15ns")]
        ns: Duration,
        #[config(default = "2us")]
        us: Duration,
        #[config(default = "2.5µs")]
        micro: Duration,
        #[config(default = "0.001ms")]
        ms: Duration,
        #[config(default = "+5 s")]
        s: Duration,
        #[config(default = "3m")]
        m: Duration,
        #[config(default = "1.000000001h")]
        h: Duration,
        #[config(default = "1d")]
        d: Duration,
        #[config(default = "PT1.000000001S")]
        iso: Duration,
    }
    let texts = ["15ns", "2us", "2.5µs", "0.001ms", "+5 s", "3m", "1.000000001h", "1d", "PT1.000000001S"];
    let Times { ns, us, micro, ms, s, m, h, d, iso } = Times::default();
    for (text, meant) in texts.into_iter().zip([ns, us, micro, ms, s, m, h, d, iso]) {
        assert_eq!(super::settings::default_of::<Duration>(text), meant, "{text}");
    }
}
