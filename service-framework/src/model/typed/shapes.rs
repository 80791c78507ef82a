//! Messages of many shapes, and the law that holds for each: reading them is the check. For `laws` and for the fuzz
//! target `typed`, so the library goes by its name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use service_framework::Message;
use service_framework::model::{Arguments, Checker, Message as _, Mismatch};
use service_framework::value::msgpack::{Reader, check_whole};
use service_framework::value::{Bytes, Date, DateTime, Decimal, Limits, Set, Time, TimeDelta, Uuid, Value};

/// A type of messages as the law sees it.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) arguments: fn() -> Arguments,
    /// Panics if the law does not hold for these bytes; the checker is that of the arguments.
    pub(crate) law: fn(&Checker, &[u8]),
}

impl Shape {
    /// The checker of its arguments.
    pub(crate) fn checker(&self) -> Checker {
        Checker::compile(&(self.arguments)()).unwrap()
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Reading takes what the checker of the model takes, but for numbers beyond the Rust type. What was read is written so
/// that the checker takes it and that it is read again as it was.
fn law<M: service_framework::model::Message>(checker: &Checker, bytes: &[u8]) {
    match (checker.check(bytes), is_read::<M>(bytes)) {
        (Ok(()), true) => {
            let written = M::from_msgpack(bytes).unwrap().to_msgpack();
            assert_eq!(checker.check(&written), Ok(()));
            let again = M::from_msgpack(&written).unwrap();
            assert_eq!(canonical(&again.to_msgpack()), canonical(&written));
        }
        (Ok(()), false) => {
            let mismatches = M::from_msgpack(bytes).err().unwrap();
            assert!(mismatches.iter().all(is_beyond), "{mismatches:?}");
        }
        (Err(_), false) => {}
        (Err(found), true) => panic!("read, though not of its type: {found:?}"),
    }
}

fn is_read<M: service_framework::model::Message>(bytes: &[u8]) -> bool {
    check_whole(bytes, &Limits::default()).is_ok() && M::read_arguments(&mut Reader::new(bytes)).is_ok()
}

/// Whether a number is said to be out of range, and is.
fn is_beyond(mismatch: &Mismatch) -> bool {
    let Mismatch { expected, found, .. } = mismatch;
    let range = expected.strip_prefix("an int from ").and_then(|range| range.split_once(" to "));
    let number = found.strip_prefix("int ").and_then(|number| number.parse::<i128>().ok());
    match (range, number) {
        (Some((least, most)), Some(number)) => {
            !(least.parse::<i128>().unwrap()..=most.parse().unwrap()).contains(&number)
        }
        _ => expected == "a timedelta that is not negative" && found.starts_with("timedelta -PT"),
    }
}

/// A message with the entries of its maps and the items of its sets in one order.
fn canonical(bytes: &[u8]) -> Vec<u8> {
    sorted(Value::from_msgpack(bytes).unwrap()).to_msgpack()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(sorted).collect()),
        Value::Set(items) => {
            let mut items: Vec<_> = items.into_iter().map(sorted).collect();
            items.sort_by_cached_key(Value::to_msgpack);
            Value::Set(items)
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.into_iter().map(|(key, value)| (sorted(key), sorted(value))).collect();
            entries.sort_by_cached_key(|(key, _)| key.to_msgpack());
            Value::Map(entries)
        }
        other => other,
    }
}

macro_rules! shapes {
    ($($shape:ty),+ $(,)?) => {
        /// All shapes.
        pub(crate) const SHAPES: &[Shape] = &[$(
            Shape {
                name: stringify!($shape),
                arguments: <$shape as service_framework::model::Message>::arguments,
                law: |checker, bytes| law::<$shape>(checker, bytes),
            },
        )+];
    };
}

shapes! {
    (), Nothing, Integers, Scalars, Tagged, Optional, Defaults, Lists, Sets, Maps, OddKeys, Choices, Events, Odd,
    Borrowed<'_>, Nested<'_>, Page<u8>, Page<Choices>, Page<Nothing>, Page<Optional>, Page<Defaults>, Page<Maps>,
    Page<Events>, Page<Page<Id>>, Wide,
}

#[derive(Message)]
struct Nothing {}

#[derive(Message)]
struct Integers {
    a: i8,
    b: i16,
    c: i32,
    d: i64,
    e: isize,
    f: u8,
    g: u16,
    h: u32,
    i: u64,
    j: usize,
}

#[derive(Message)]
struct Scalars {
    float: f64,
    single: f32,
    truth: bool,
    text: String,
    bytes: Bytes,
    nothing: (),
    anything: Value,
    id: Id,
}

/// A newtype.
#[derive(Message)]
struct Id(u16);

#[derive(Message)]
struct Tagged {
    decimal: Decimal,
    moment: DateTime,
    day: Date,
    time: Time,
    delta: TimeDelta,
    length: Duration,
    id: Uuid,
}

#[derive(Message)]
#[message(rename_all = "camelCase")]
struct Optional {
    first_one: Option<String>,
    second_one: Option<u8>,
    #[message(required)]
    third_one: Option<bool>,
    fourth_one: Option<Vec<Option<i8>>>,
}

#[derive(Message)]
struct Defaults {
    #[message(default = "5s")]
    length: Duration,
    #[message(default)]
    number: u8,
    #[message(default = "eu", rename = "the region")]
    region: String,
    note: Option<Decimal>,
    r#type: Side,
}

#[derive(Message)]
struct Lists {
    numbers: Vec<i16>,
    of_lists: Vec<Vec<bool>>,
    one: (u8,),
    two: (String, Option<u8>),
    eight: (u8, i8, u8, i8, u8, i8, u8, Box<i8>),
    #[message(numbers)]
    raw: Option<Vec<u8>>,
}

#[derive(Message)]
struct Sets {
    plain: Set<u8>,
    sorted: BTreeSet<i64>,
    hashed: HashSet<String>,
    of_lists: BTreeSet<Vec<u8Pair>>,
}

#[expect(non_camel_case_types, reason = "as if it were a type of the language")]
type u8Pair = (u8, u8);

#[derive(Message)]
struct Maps {
    by_text: BTreeMap<String, i8>,
    hashed: HashMap<String, Value>,
    by_number: BTreeMap<u8, String>,
    nested: BTreeMap<String, BTreeMap<i64, Option<bool>>>,
}

#[derive(Message)]
struct OddKeys {
    by_truth: BTreeMap<bool, u8>,
    by_decimal: HashMap<Decimal, u8>,
    by_id: HashMap<Uuid, u8>,
    by_bytes: BTreeMap<Bytes, u8>,
    by_pair: BTreeMap<(u8, String), u8>,
    by_option: BTreeMap<Option<i8>, u8>,
    by_side: BTreeMap<Side, u8>,
    by_length: BTreeMap<Duration, u8>,
}

#[derive(Eq, Message, Ord, PartialEq, PartialOrd)]
#[message(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
}

#[derive(Message)]
struct Choices {
    side: Side,
    price: Price,
    prices: Vec<Price>,
    perhaps: Option<Side>,
}

/// Whole numbers come first, as they fit the float too.
#[derive(Message)]
enum Price {
    Small(u8),
    Whole(i64),
    Float(f64),
    Exact(Decimal),
    Market,
    #[message(rename = "previous close")]
    Previous,
}

#[derive(Message)]
struct Events {
    events: Vec<Event>,
    last: Option<Event>,
}

#[derive(Message)]
enum Event {
    Placed(Placed),
    Cancelled(Cancelled),
    Both((Placed, Cancelled)),
    Notes(BTreeMap<String, Note>),
    Price(Price),
}

#[derive(Message)]
struct Placed {
    order: u8,
    side: Side,
}

#[derive(Message)]
struct Cancelled {
    order: u8,
    reason: Option<String>,
}

#[derive(Message)]
enum Note {
    Text(String),
    Parts(Vec<String>),
    Level(u8),
    Nothing(()),
}

/// What may look like a tagged value, and then is none.
#[derive(Message)]
struct Odd {
    inner: LooksTagged,
    map: BTreeMap<String, Value>,
}

#[derive(Message)]
struct LooksTagged {
    #[message(rename = "__set__")]
    tag: bool,
    value: Vec<u8Pair>,
}

#[derive(Message)]
struct Borrowed<'a> {
    text: &'a str,
    bytes: &'a [u8],
    either: Cow<'a, str>,
    texts: Vec<&'a str>,
    map: BTreeMap<&'a str, Option<&'a str>>,
    name: Name<'a>,
    note: Option<&'a str>,
    #[message(default = "none")]
    more: &'a str,
}

#[derive(Message)]
struct Name<'a>(&'a str);

#[derive(Message)]
struct Nested<'a> {
    all: Vec<Borrowed<'a>>,
    page: Page<&'a str>,
    either: TextOrBytes<'a>,
}

#[derive(Message)]
enum TextOrBytes<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

#[derive(Message)]
struct Page<T> {
    item: T,
    items: Vec<T>,
    by_name: BTreeMap<String, T>,
    perhaps: Option<Box<T>>,
}

/// More fields than a word has bits.
#[derive(Message)]
#[rustfmt::skip]
struct Wide {
    a0: Option<u8>, a1: Option<u8>, a2: Option<u8>, a3: Option<u8>, a4: Option<u8>, a5: Option<u8>, a6: Option<u8>,
    b0: Option<u8>, b1: Option<u8>, b2: Option<u8>, b3: Option<u8>, b4: Option<u8>, b5: Option<u8>, b6: Option<u8>,
    c0: Option<u8>, c1: Option<u8>, c2: Option<u8>, c3: Option<u8>, c4: Option<u8>, c5: Option<u8>, c6: Option<u8>,
    d0: Option<u8>, d1: Option<u8>, d2: Option<u8>, d3: Option<u8>, d4: Option<u8>, d5: Option<u8>, d6: Option<u8>,
    e0: Option<u8>, e1: Option<u8>, e2: Option<u8>, e3: Option<u8>, e4: Option<u8>, e5: Option<u8>, e6: Option<u8>,
    f0: Option<u8>, f1: Option<u8>, f2: Option<u8>, f3: Option<u8>, f4: Option<u8>, f5: Option<u8>, f6: Option<u8>,
    g0: Option<u8>, g1: Option<u8>, g2: Option<u8>, g3: Option<u8>, g4: Option<u8>, g5: Option<u8>, g6: Option<u8>,
    h0: Option<u8>, h1: Option<u8>, h2: Option<u8>, h3: Option<u8>, h4: Option<u8>, h5: Option<u8>, h6: Option<u8>,
    i0: Option<u8>, i1: Option<u8>, i2: Option<u8>, i3: Option<u8>, i4: Option<u8>, i5: Option<u8>, i6: Option<u8>,
    j0: Option<u8>, j1: u8, j2: Vec<u8Pair>,
}
