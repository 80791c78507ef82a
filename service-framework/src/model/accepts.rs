//! Assignability: whether all values of one type are values of another, by which two ends of a connection are
//! compared.

use super::types::Type;
use crate::value::Value;

impl Type {
    /// Whether every value of type `other` is a value of this type.
    ///
    /// It never says yes wrongly; it says no where it cannot tell, which is the case for different schemas.
    pub fn accepts(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Any, _) => true,
            (mine, theirs) if mine == theirs => true,
            (mine, Type::Union(members)) => members.iter().all(|member| mine.accepts(member)),
            (mine, Type::Optional(inner)) => mine.accepts(&Type::None) && mine.accepts(inner),
            (mine, Type::Literal(values)) => values.iter().all(|value| mine.accepts_literal(value)),
            (Type::Union(members), theirs) => members.iter().any(|member| member.accepts(theirs)),
            (Type::Optional(inner), theirs) => *theirs == Type::None || inner.accepts(theirs),
            (Type::Literal(values), Type::None) => values.contains(&Value::Nil),
            (Type::Float, Type::Int) => true,
            (Type::List(mine), Type::List(theirs)) | (Type::Set(mine), Type::Set(theirs)) => {
                mine.accepts(theirs)
            }
            (Type::List(mine), Type::Tuple(theirs)) => theirs.iter().all(|theirs| mine.accepts(theirs)),
            (Type::Tuple(mine), Type::Tuple(theirs)) => {
                mine.len() == theirs.len()
                    && mine.iter().zip(theirs).all(|(mine, theirs)| mine.accepts(theirs))
            }
            (Type::Map(keys, values), Type::Map(their_keys, their_values)) => {
                keys.accepts(their_keys) && values.accepts(their_values)
            }
            (Type::Map(keys, values), Type::Record(fields)) => {
                keys.accepts(&Type::Str) && fields.iter().all(|(_, theirs)| values.accepts(theirs))
            }
            (Type::Record(mine), Type::Record(theirs)) => accepts_record(mine, theirs),
            _ => false,
        }
    }

    fn accepts_literal(&self, value: &Value) -> bool {
        match (self, value) {
            (Type::Any, _)
            | (Type::None, Value::Nil)
            | (Type::Bool, Value::Bool(_))
            | (Type::Int, Value::Int(_) | Value::UInt(_))
            | (Type::Float, Value::Int(_) | Value::UInt(_))
            | (Type::Str, Value::Str(_)) => true,
            (Type::Float, Value::Float(_)) => true,
            (Type::Literal(mine), value) => mine.contains(value),
            (Type::Optional(_), Value::Nil) => true,
            (Type::Optional(inner), value) => inner.accepts_literal(value),
            (Type::Union(members), value) => members.iter().any(|member| member.accepts_literal(value)),
            _ => false,
        }
    }
}

/// Records have exactly their keys, so both must have the same.
fn accepts_record(mine: &[(String, Type)], theirs: &[(String, Type)]) -> bool {
    let accepted = |(name, of): &(String, Type)| {
        theirs.iter().find(|(their_name, _)| their_name == name).is_some_and(|(_, theirs)| of.accepts(theirs))
    };
    mine.len() == theirs.len() && mine.iter().all(accepted)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    // That it never says yes wrongly is a law in `checker::laws`; here is what it says yes to.
    #[test]
    fn accepts_what_it_can_tell() {
        let accepts = |mine: &Json, theirs: &Json| {
            Type::from_json(mine, "").unwrap().accepts(&Type::from_json(theirs, "").unwrap())
        };
        for (mine, theirs) in [
            (json!("any"), json!(["int"])),
            (json!("float"), json!("int")),
            (json!("float"), json!(["literal", 1, 2.5])),
            (json!(["optional", "float"]), json!(["optional", "int"])),
            (json!(["optional", "int"]), json!(["literal", 1, null])),
            (json!(["union", "int", "str"]), json!("str")),
            (json!(["union", "int", "str", "None"]), json!(["optional", ["union", "str", "int"]])),
            (json!(["literal", 1, 2]), json!(["literal", 2])),
            (json!(["literal", null]), json!("None")),
            (json!(["float"]), json!(["tuple", "int", "float"])),
            (json!({"str": "float"}), json!({"a": "int", "b": "float"})),
            (json!({"a": "float", "b": "str"}), json!({"b": "str", "a": "int"})),
        ] {
            assert!(accepts(&mine, &theirs), "{mine} {theirs}");
        }
        for (mine, theirs) in [
            (json!("int"), json!("any")),
            (json!("int"), json!("float")),
            (json!("int"), json!("bool")),
            (json!("str"), json!(["optional", "str"])),
            (json!(["literal", 1]), json!("int")),
            (json!(["literal", 1]), json!(["literal", 1, 2])),
            (json!({"a": "int"}), json!({"a": "int", "b": "int"})),
            (json!({"a": "int", "b": "int"}), json!({"a": "int"})),
            (json!({"a": "int"}), json!({"str": "int"})),
            (json!(["tuple", "int"]), json!(["int"])),
            (json!(["set", "int"]), json!(["int"])),
        ] {
            assert!(!accepts(&mine, &theirs), "{mine} {theirs}");
        }
    }
}
