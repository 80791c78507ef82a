//! The law of derived types: reading them is the check, whatever the bytes. See `shapes`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::{Union, ValueTree};
use proptest::test_runner::TestRunner;

use super::Message;
use super::shapes::{SHAPES, Shape};
use crate::model::arguments::Arguments;
use crate::model::generate::{any_value, value_of};
use crate::model::mangle::{mangled, mistakes, with_one_replaced};
use crate::model::types::Type;
use crate::value::Value;

/// The arguments of a message, mostly of their types.
fn message_of(arguments: &Arguments) -> BoxedStrategy<Value> {
    let entry = |(name, of): (&str, &Type)| (Just(Value::from(name)), value_of(of)).prop_map(Some).boxed();
    let required = arguments.required.iter().map(|(name, of)| entry((name, of)));
    let optional = arguments
        .optional
        .iter()
        .map(|(name, of)| prop_oneof![1 => Just(None), 2 => entry((name, of))].boxed());
    let entries: Vec<_> = required.chain(optional).collect();
    entries.prop_map(|entries| Value::Map(entries.into_iter().flatten().collect())).boxed()
}

/// A shape, and a message that mostly is of it.
fn shape_and_message() -> impl Strategy<Value = (Shape, Value)> {
    Union::new(SHAPES.iter().map(|shape| (Just(*shape), message_of(&(shape.arguments)()))))
}

fn holds(shape: Shape, messages: impl IntoIterator<Item = Vec<u8>>) {
    let checker = shape.checker();
    messages.into_iter().for_each(|bytes| (shape.law)(&checker, &bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn holds_for_what_is_of_the_type((shape, message) in shape_and_message()) {
        holds(shape, [message.to_msgpack()]);
    }

    #[test]
    fn holds_for_other_forms_and_mistakes(
        (shape, message) in shape_and_message(),
        dice in vec(any::<u8>(), 0..200),
    ) {
        holds(shape, [mangled(&message, &dice)]);
    }

    #[test]
    fn holds_for_broken_bytes(
        (shape, message) in shape_and_message(),
        at in any::<Index>(),
        byte in any::<u8>(),
        bit in 0..8_u32,
    ) {
        let bytes = message.to_msgpack();
        let at = at.index(bytes.len());
        let changed = [byte, bytes[at] ^ (1_u8 << bit)].map(|byte| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            bytes
        });
        holds(shape, changed.into_iter().chain([bytes[..at].to_vec()]));
    }

    #[test]
    fn holds_for_anything(shape in select(SHAPES), value in any_value(), bytes in vec(any::<u8>(), 0..40)) {
        holds(shape, [bytes, value.to_msgpack()]);
    }
}

/// Messages of a shape that its checker takes, some of a hundred.
fn messages_that_are(shape: &Shape) -> Vec<Value> {
    let arguments = (shape.arguments)();
    let checker = shape.checker();
    let strategy = message_of(&arguments);
    let mut runner = TestRunner::deterministic();
    let messages = (0..100).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    messages.filter(|message| checker.check(&message.to_msgpack()).is_ok()).collect()
}

/// The laws say something only if there are such messages.
#[test]
fn many_messages_are_of_their_type() {
    for shape in SHAPES {
        let taken = messages_that_are(shape).len();
        assert!(taken >= 10, "{shape:?}: {taken} of 100");
    }
}

#[test]
fn holds_for_one_mistake_at_every_place() {
    for shape in SHAPES {
        let mut messages = messages_that_are(shape);
        messages.sort_by_key(|message| message.to_msgpack().len());
        // Small ones, but not the smallest, of which much is empty.
        for message in messages.iter().skip(messages.len() / 3).take(2) {
            let broken = mistakes().into_iter().flat_map(|mistake| {
                (0..).map_while(move |place| with_one_replaced(message, place, &mistake))
            });
            holds(*shape, broken.map(|broken| broken.to_msgpack()));
        }
    }
}

#[test]
fn arguments_survive_json() {
    for shape in SHAPES {
        let arguments = (shape.arguments)();
        let mut json = serde_json::Map::new();
        arguments.write(&mut json, "required", "optional");
        assert_eq!(Arguments::from_json(&json.into(), ""), Ok(arguments), "{shape:?}");
    }
}

#[test]
fn a_type_that_holds_itself_is_read_strictly_at_every_depth() {
    #[derive(Debug, service_framework::Message)]
    struct Tree {
        size: u8,
        children: Vec<Tree>,
    }
    let tree = |size: Value, children: Vec<Value>| {
        Value::Map(vec![(Value::from("size"), size), (Value::from("children"), Value::List(children))])
    };
    let nested =
        |innermost: Value| tree(Value::Int(1), vec![tree(Value::Int(2), vec![tree(innermost, vec![])])]);
    assert!(Tree::from_msgpack(&nested(Value::Int(3)).to_msgpack()).is_ok());
    let wrong = Tree::from_msgpack(&nested(Value::from("x")).to_msgpack()).unwrap_err();
    assert_eq!(
        wrong[0].to_string(),
        "args: expected the same type at every depth, where a type holds itself, found another one further down"
    );
    let beyond = Tree::from_msgpack(&nested(Value::Int(300)).to_msgpack()).unwrap_err();
    assert_eq!(
        beyond[0].to_string(),
        "args.children[0].children[0].size: expected an int from 0 to 255, found int 300"
    );
}
