//! JSON Schemas (draft 7) of the JSON form of values: what tools that know nothing of this grammar read of types.
//!
//! Every value of a type has a JSON form that its schema allows. The reverse is not so everywhere: 1.0 is a whole number to
//! JSON Schema, and what a `$schema` type says of a tagged value is said of its text.

use serde_json::{Map, Value as Json, json};

use super::arguments::Arguments;
use super::types::Type;
use crate::value::{Tag, json_tags};

impl Type {
    /// The schema of the JSON form of its values.
    pub(crate) fn json_schema(&self) -> Json {
        match self {
            Type::Str => json!({ "type": "string" }),
            Type::Int => json!({ "type": "integer" }),
            Type::Float => any_of([
                json!({ "type": "number" }),
                tagged(json_tags::FLOAT, one_of(&["nan", "inf", "-inf"])),
            ]),
            Type::Bool => json!({ "type": "boolean" }),
            Type::Bytes => tagged(json_tags::BYTES, json!({ "type": "string", "contentEncoding": "base64" })),
            Type::Decimal => text_of(Tag::Decimal),
            Type::DateTime => text_of(Tag::DateTime),
            Type::Date => text_of(Tag::Date),
            Type::Time => text_of(Tag::Time),
            Type::TimeDelta => text_of(Tag::TimeDelta),
            Type::Uuid => text_of(Tag::Uuid),
            Type::Any => json!({}),
            Type::None => json!({ "type": "null" }),
            Type::List(items) => list_of(&items.json_schema()),
            Type::Tuple(items) => tuple_of(items),
            Type::Set(items) => tagged(Tag::Set.keys(), list_of(&items.json_schema())),
            Type::Map(keys, values) => map_of(keys, &values.json_schema()),
            Type::Record(fields) => record_of(fields, &[]),
            Type::Union(members) => any_of(members.iter().map(Type::json_schema)),
            Type::Optional(inner) => any_of([inner.json_schema(), json!({ "type": "null" })]),
            Type::Literal(values) => {
                json!({ "enum": values.iter().map(crate::value::Value::to_json).collect::<Vec<_>>() })
            }
            Type::Schema(schema) => schema.clone(),
        }
    }
}

impl Arguments {
    /// The schema of the JSON form of a message with these arguments.
    pub(crate) fn json_schema(&self) -> Json {
        record_of(&self.required, &self.optional)
    }
}

fn any_of(schemas: impl IntoIterator<Item = Json>) -> Json {
    json!({ "anyOf": Vec::from_iter(schemas) })
}

fn one_of(texts: &[&str]) -> Json {
    json!({ "enum": texts })
}

/// An object of the tag and what it tags.
fn tagged((tag, inner): (&str, &str), schema: Json) -> Json {
    let properties = [(tag.to_owned(), json!({ "const": true })), (inner.to_owned(), schema)];
    object(Map::from_iter(properties), &[tag, inner])
}

fn text_of(tag: Tag) -> Json {
    tagged(tag.keys(), json!({ "type": "string" }))
}

fn object(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["additionalProperties"] = json!(false);
    schema
}

fn record_of(required: &[(String, Type)], optional: &[(String, Type)]) -> Json {
    let all = required.iter().chain(optional);
    let properties = all.map(|(name, of)| (name.clone(), of.json_schema())).collect();
    object(properties, &required.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())
}

fn list_of(items: &Json) -> Json {
    json!({ "type": "array", "items": items })
}

fn tuple_of(items: &[Type]) -> Json {
    let schemas: Vec<Json> = items.iter().map(Type::json_schema).collect();
    let mut schema = json!({ "type": "array", "minItems": items.len(), "maxItems": items.len() });
    // An empty list of schemas is none.
    if !schemas.is_empty() {
        schema["items"] = json!(schemas);
    }
    schema
}

/// An object if all keys are text, and a list of pairs where they may be something else.
fn map_of(keys: &Type, values: &Json) -> Json {
    let plain = json!({ "type": "object", "additionalProperties": values });
    if *keys == Type::Str {
        return plain;
    }
    let pair =
        json!({ "type": "array", "items": [keys.json_schema(), values], "minItems": 2, "maxItems": 2 });
    any_of([tagged(json_tags::MAP, list_of(&pair)), plain])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::generate::{any_type, is_of, value_of};
    use crate::value::Value;

    /// Whether a type says something in JSON Schema itself, which is about texts instead of tagged values.
    fn has_schema(of: &Type) -> bool {
        of.to_json().to_string().contains("$schema")
    }

    fn type_and_value() -> impl Strategy<Value = (Type, Value)> {
        any_type().prop_flat_map(|of| {
            let value = value_of(&of);
            (Just(of), value)
        })
    }

    fn allows(schema: &Json, json: &Json) -> bool {
        jsonschema::draft7::new(schema).unwrap().is_valid(json)
    }

    proptest! {
        #[test]
        fn the_form_of_each_value_of_a_type_is_allowed((of, value) in type_and_value()) {
            // A map may happen to be a tagged one; what it is then is what is read back.
            let value = Value::from_msgpack(&value.to_msgpack()).unwrap();
            if is_of(&value, &of) && !has_schema(&of) {
                let (schema, json) = (of.json_schema(), value.to_json());
                prop_assert!(allows(&schema, &json), "{} in {}", json, schema);
            }
        }
    }

    #[test]
    fn what_is_no_value_of_a_type_is_not_allowed() {
        let record = Type::record([("a", Type::Int), ("b", Type::optional(Type::Str))]);
        let by_number = Type::map(Type::Int, Type::Str);
        let cases = [
            (Type::Int, json!("1")),
            (Type::Bool, json!(1)),
            (Type::Bytes, json!("AA==")),
            (Type::Bytes, json!({ "__bytes__": true })),
            (Type::Decimal, json!("1.5")),
            (Type::Decimal, json!({ "__decimal__": false, "as_str": "1.5" })),
            (Type::Uuid, json!({ "__date__": true, "as_str": "2026-08-18" })),
            (Type::Float, json!({ "__float__": true, "as_str": "much" })),
            (Type::set(Type::Int), json!([1])),
            (Type::set(Type::Int), json!({ "__set__": true, "value": ["1"] })),
            (Type::Tuple(vec![Type::Int, Type::Str]), json!([1])),
            (Type::Tuple(vec![]), json!([1])),
            (record.clone(), json!({ "a": 1 })),
            (record, json!({ "a": 1, "b": null, "c": 1 })),
            (by_number.clone(), json!({ "__map__": true, "value": [["1", "a"]] })),
            (by_number, json!({ "__map__": true, "value": [[1]] })),
            (Type::Literal(vec!["a".into()]), json!("b")),
        ];
        for (of, json) in cases {
            assert!(!allows(&of.json_schema(), &json), "{json} as {of}");
        }
    }
}
