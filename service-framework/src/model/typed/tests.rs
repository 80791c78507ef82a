use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use service_framework::Message;

use super::*;
use crate::value::{Bytes, Decimal, Value};

#[derive(Debug, Message, PartialEq)]
struct Order<'x> {
    symbol: &'x str,
    amount: u8,
    note: Option<String>,
}

fn bytes(json: Json) -> Vec<u8> {
    Value::from_json(&json).unwrap().to_msgpack()
}

#[test]
fn a_message_borrows_from_its_bytes() {
    let bytes = bytes(json!({"amount": 3, "symbol": "X"}));
    let order = Order::from_msgpack(&bytes).unwrap();
    assert_eq!(order, Order { symbol: "X", amount: 3, note: None });
    assert!(bytes.as_ptr_range().contains(&order.symbol.as_ptr()));
    assert_eq!(Order::from_msgpack(&order.to_msgpack()).unwrap(), order);
}

#[test]
fn what_does_not_fit_is_said_as_the_checker_says_it() {
    let shown = |json| Order::from_msgpack(&bytes(json)).unwrap_err()[0].to_string();
    let wrong = shown(json!({"symbol": 1, "amount": 3}));
    assert_eq!(wrong, "args.symbol: expected str, found int 1");
    let nil = shown(json!({"symbol": "X", "amount": 3, "note": null}));
    assert_eq!(nil, "args.note: expected str, found None");
    let beyond = shown(json!({"symbol": "X", "amount": 300}));
    assert_eq!(beyond, "args.amount: expected an int from 0 to 255, found int 300");
    assert!(Order::from_msgpack(&[0xc1]).unwrap_err()[0].found.contains("malformed"));
}

#[test]
fn a_key_in_two_forms_is_two_keys_and_in_one_form_a_mistake() {
    let read = |bytes: &[u8]| BTreeMap::<u8, u8>::read(&mut Reader::new(bytes)).is_ok();
    // 1 as a small integer, and as one byte.
    assert!(read(&[0x82, 0x01, 0x05, 0xcc, 0x01, 0x06]));
    assert!(!read(&[0x82, 0x01, 0x05, 0x01, 0x06]));
    assert!(!read(&[0x84, 0x01, 0x05, 0xcc, 0x01, 0x06, 0x02, 0x01, 0x02, 0x01]));
}

#[test]
fn a_length_of_time_does_not_go_backwards() {
    let negative = crate::value::TimeDelta::from(Duration::from_secs(1)).negated();
    let mut bytes = Vec::new();
    negative.write(&mut bytes);
    let misfit = Duration::read(&mut Reader::new(&bytes)).unwrap_err();
    assert_eq!(
        misfit.into_mismatch("args").to_string(),
        "args: expected a timedelta that is not negative, found timedelta -PT1S"
    );
}

#[test]
fn a_type_within_itself_is_any() {
    #[derive(Debug, Message, PartialEq)]
    struct Tree {
        children: Vec<Tree>,
    }
    #[derive(Message)]
    struct Nest(Vec<Nest>);
    #[derive(Message)]
    enum Term {
        Number(i64),
        Not((Box<Term>,)),
    }
    #[derive(Message)]
    struct Chain<T> {
        head: T,
        tail: Option<Box<Chain<T>>>,
    }
    assert_eq!(Tree::type_of().to_json(), json!(["record", {"children": ["list", "any"]}]));
    assert_eq!(Nest::type_of().to_json(), json!(["list", "any"]));
    assert_eq!(Term::type_of().to_json(), json!(["union", "int", ["tuple", "any"]]));
    assert_eq!(
        Chain::<u8>::type_of().to_json(),
        json!(["record", {"head": "int", "tail": ["optional", "any"]}])
    );
    let tree = Tree { children: vec![Tree { children: Vec::new() }] };
    assert_eq!(Tree::from_msgpack(&tree.to_msgpack()).unwrap(), tree);
}

#[test]
fn unions_that_hold_each_other_and_nothing_else_are_not_read_for_ever() {
    #[derive(Clone, Debug, Message, PartialEq)]
    enum Ping {
        Number(i64),
        Pong(Box<Pong>),
    }
    #[derive(Clone, Debug, Message, PartialEq)]
    enum Pong {
        Ping(Box<Ping>),
        Text(String),
    }
    let read = |value: Value| Ping::read(&mut Reader::new(&value.to_msgpack()));
    assert_eq!(read(Value::from(5)).unwrap(), Ping::Number(5));
    assert!(read(Value::Bool(true)).is_err());
    // A text is a pong at any depth; of many values each is read for itself.
    for _ in 0..3 {
        assert!(matches!(read(Value::from("text")).unwrap(), Ping::Pong(_)));
    }
    let mut bytes = Vec::new();
    vec![Ping::Number(1); 100].write(&mut bytes);
    assert_eq!(Vec::<Ping>::read(&mut Reader::new(&bytes)).unwrap().len(), 100);
}

/// The tables of a message's arguments.
fn tables<M: Message>() -> Json {
    let mut tables = serde_json::Map::new();
    M::arguments().write(&mut tables, "required", "optional");
    Json::Object(tables)
}

#[test]
fn a_field_is_an_argument_at_the_top_and_part_of_a_record_within() {
    #[derive(Debug, Message, PartialEq)]
    #[message(rename_all = "camelCase")]
    struct Limits {
        per_day: u32,
        r#type: Option<u32>,
        #[message(required)]
        per_hour: Option<u32>,
        #[message(rename = "per minute", default = 7)]
        per_minute: u32,
        #[message(default)]
        per_second: u32,
    }
    #[derive(Debug, Message, PartialEq)]
    struct Account {
        limits: Limits,
    }
    assert_eq!(
        tables::<Limits>(),
        json!({
            "required": {"perDay": "int", "perHour": ["optional", "int"]},
            "optional": {"type": "int", "per minute": "int", "perSecond": "int"},
        })
    );
    let of_all = json!({
        "perDay": "int", "type": ["optional", "int"], "perHour": ["optional", "int"], "per minute": "int",
        "perSecond": "int",
    });
    assert_eq!(tables::<Account>(), json!({"required": {"limits": ["record", of_all]}}));
    let limits = Limits { per_day: 1, r#type: None, per_hour: None, per_minute: 7, per_second: 0 };
    let least = bytes(json!({"perDay": 1, "perHour": null}));
    assert_eq!(Limits::from_msgpack(&least).unwrap(), limits);
    let written = json!({"perDay": 1, "perHour": null, "per minute": 7, "perSecond": 0});
    assert_eq!(limits.to_msgpack(), bytes(written));
    let whole = json!({"perDay": 1, "type": null, "perHour": null, "per minute": 7, "perSecond": 0});
    let account = Account { limits };
    assert_eq!(account.to_msgpack(), bytes(json!({"limits": whole})));
    assert!(Account::from_msgpack(&bytes(json!({"limits": {"perDay": 1, "perHour": null}}))).is_err());
    assert_eq!(Account::from_msgpack(&account.to_msgpack()).unwrap(), account);
}

#[test]
fn a_default_is_written_as_it_is_meant() {
    #[derive(Debug, Message, PartialEq)]
    struct Wait<'a> {
        #[message(default = "1.5h")]
        most: Duration,
        #[message(default = "any")]
        venue: String,
        #[message(default = "eu")]
        region: &'a str,
        #[message(default = "0.10")]
        fee: Decimal,
        #[message(default = [1, 2].to_vec())]
        retries: Vec<u16>,
    }
    let wait = Wait::from_msgpack(&[0x80]).unwrap();
    assert_eq!(wait.most, Duration::from_secs(5400));
    assert_eq!((wait.venue.as_str(), wait.region, wait.fee.as_str()), ("any", "eu", "0.10"));
    assert_eq!(wait.retries, [1, 2]);
}

#[test]
#[should_panic(expected = "the default \"ten\" is not of type Decimal")]
fn a_default_of_another_type_is_found_when_the_model_is_made() {
    #[derive(Message)]
    struct Fee {
        #[message(default = "ten")]
        fee: Decimal,
    }
    Fee::arguments();
}

#[test]
fn enums_are_literals_or_unions() {
    #[derive(Clone, Copy, Debug, Message, PartialEq)]
    #[message(rename_all = "snake_case")]
    enum Side {
        Buy,
        #[message(rename = "SELL")]
        Sell,
        GoodTillCancelled,
    }
    #[derive(Debug, Message, PartialEq)]
    enum Price {
        Limit(Decimal),
        Market,
        Side(Side),
        Raw(#[message(numbers)] Vec<u8>),
    }
    #[derive(Debug, Message, PartialEq)]
    struct Id(u64);
    assert_eq!(Side::type_of().to_json(), json!(["literal", "buy", "SELL", "good_till_cancelled"]));
    assert_eq!(
        Price::type_of().to_json(),
        json!(["union", "Decimal", ["literal", "Market"], Side::type_of().to_json(), ["list", "int"]])
    );
    assert_eq!(Id::type_of(), Type::Int);
    let back = |price: Price| {
        let mut out = Vec::new();
        price.write(&mut out);
        assert_eq!(Price::read(&mut Reader::new(&out)).unwrap(), price);
    };
    back(Price::Limit("1.50".parse().unwrap()));
    back(Price::Market);
    back(Price::Side(Side::Sell));
    back(Price::Raw(vec![1, 2]));
    assert!(Price::read(&mut Reader::new(&[0xc0])).is_err());
    assert!(Price::read(&mut Reader::new(&bytes(json!("market")))).is_err());
}

#[test]
fn messages_may_be_empty_generic_and_of_bytes() {
    #[derive(Debug, Message, PartialEq)]
    struct Nothing;
    #[derive(Debug, Message, PartialEq)]
    struct Empty {}
    #[derive(Debug, Message, PartialEq)]
    struct Page<T, const SIZE: usize = 10> {
        items: Vec<T>,
        blob: Bytes,
    }
    #[derive(Debug, Message, PartialEq)]
    struct Pages<'a> {
        first: Page<&'a str>,
        raw: &'a [u8],
    }
    fn owned<M: OwnedMessage>() {}
    owned::<Nothing>();
    owned::<Page<u8>>();
    assert_eq!((tables::<Nothing>(), tables::<Empty>()), (json!({}), json!({})));
    assert!(Nothing::from_msgpack(&[0x80]).is_ok() && Empty::from_msgpack(&[0x80]).is_ok());
    assert!(Nothing::from_msgpack(&[0x81, 0xa0, 0xc0]).is_err());
    let pages = Pages { first: Page { items: vec!["a"], blob: Bytes(vec![1]) }, raw: &[2, 3] };
    assert_eq!(Pages::from_msgpack(&pages.to_msgpack()).unwrap(), pages);
}
