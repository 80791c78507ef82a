//! Laws of the checker, over types and values nobody thought of.

use proptest::prelude::*;

use super::*;
use crate::model::generate::{any_type, any_value, is_of, value_of};
use crate::value::Value;

fn checks(of: &Type, bytes: &[u8]) -> bool {
    Checker::of_type(of, "").unwrap().check(bytes).is_ok()
}

/// A type, and a value that mostly is of it.
fn type_and_value() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|of| {
        let value = value_of(&of);
        (Just(of), value)
    })
}

proptest! {
    #[test]
    fn agrees_with_the_plain_meaning_of_types((of, value) in type_and_value()) {
        // A map may happen to be a tagged one; what it is then is what is read back.
        let bytes = value.to_msgpack();
        let read = Value::from_msgpack(&bytes).unwrap();
        prop_assert_eq!(checks(&of, &bytes), is_of(&read, &of));
    }

    #[test]
    fn takes_the_values_of_accepted_types((theirs, value) in type_and_value(), mine in any_type()) {
        let bytes = value.to_msgpack();
        prop_assert!(theirs.accepts(&theirs));
        if mine.accepts(&theirs) && checks(&theirs, &bytes) {
            prop_assert!(checks(&mine, &bytes));
        }
        let wider = Type::optional(Type::Union(vec![mine, theirs.clone()]));
        prop_assert!(wider.accepts(&theirs));
        prop_assert!(checks(&wider, &bytes) || !checks(&theirs, &bytes));
    }

    #[test]
    fn what_it_takes_can_be_decoded(of in any_type(), bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        let checked = Checker::of_type(&of, "").unwrap().check(&bytes);
        prop_assert!(checked.is_err() || Value::from_msgpack(&bytes).is_ok());
        let shown = checked.err().map(|found| found.len());
        prop_assert!(shown.is_none_or(|count| (1..=16).contains(&count)));
    }

    #[test]
    fn survives_broken_bytes(
        (of, value) in type_and_value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = value.to_msgpack();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let checker = Checker::of_type(&of, "").unwrap();
        prop_assert!(checker.check(&bytes).is_err() || Value::from_msgpack(&bytes).is_ok());
        prop_assert!(checker.check(&bytes[..at]).is_err());
    }

    #[test]
    fn any_takes_every_value(value in any_value()) {
        prop_assert!(checks(&Type::Any, &value.to_msgpack()));
    }
}
