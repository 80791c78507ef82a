//! Reading the grammar of types from JSON, short forms included. Every mistake is listed with its path and, where
//! it is a word of another language, with the word that is meant here.

use serde_json::{Map, Value as Json};

use super::problem::{Problem, child, element};
use super::read::describe;
use super::schema::Schema;
use super::types::{FORMS, MAX_TYPE_DEPTH, Type};
use crate::value::Value;

impl Type {
    /// Reads a type in its short or long form.
    ///
    /// `path` is where `json` stands, for the problems. The schemas in it are compiled once, to find their problems.
    ///
    /// # Errors
    /// All problems, each with its path.
    pub fn from_json(json: &Json, path: &str) -> Result<Type, Vec<Problem>> {
        let mut problems = Vec::new();
        match read_type(json, path, &mut problems) {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(problems),
        }
    }
}

/// The type at `path`; None if it has a problem, which is then in the list.
pub(crate) fn read_type(json: &Json, path: &str, problems: &mut Vec<Problem>) -> Option<Type> {
    Grammar { problems, depth: 0 }.read(json, path)
}

/// The table of names and types at `path`, without the entries that have problems.
pub(crate) fn read_types(
    table: &Map<String, Json>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Type)> {
    let read =
        |(name, json): (&String, &Json)| Some((name.clone(), read_type(json, &child(path, name), problems)?));
    table.iter().filter_map(read).collect()
}

struct Grammar<'p> {
    problems: &'p mut Vec<Problem>,
    depth: usize,
}

impl Grammar<'_> {
    fn read(&mut self, json: &Json, path: &str) -> Option<Type> {
        if self.depth == MAX_TYPE_DEPTH {
            return self.refuse(
                path,
                &format!("types nested at most {MAX_TYPE_DEPTH} deep"),
                "more".to_owned(),
            );
        }
        self.depth += 1;
        let read = match json {
            Json::String(word) => self.word(word, path),
            Json::Array(parts) => self.list(parts, path),
            Json::Object(table) => self.table(table, path),
            other => self.refuse(path, "a type", describe(other)),
        };
        self.depth -= 1;
        read
    }

    fn refuse<T>(&mut self, path: &str, expected: &str, found: String) -> Option<T> {
        self.problems.push(Problem::new(path, expected, found));
        None
    }

    fn word(&mut self, word: &str, path: &str) -> Option<Type> {
        let found = Type::from_word(word);
        if found.is_none() {
            self.problems.push(unknown_word(word, path));
        }
        found
    }

    fn list(&mut self, parts: &[Json], path: &str) -> Option<Type> {
        match parts {
            [Json::String(name), rest @ ..] if FORMS.contains(&name.as_str()) => self.form(name, rest, path),
            [items] => self.read(items, &element(path, 0)).map(Type::list),
            [Json::String(name), ..] if Type::from_word(name).is_none() => {
                self.problems.push(unknown_word(name, &element(path, 0)));
                None
            }
            _ => {
                let expected = format!("one type for a list, or first one of {}", FORMS.join(", "));
                let problem = Problem::new(path, expected, format!("a list of {}", parts.len()));
                self.problems.push(problem.with_hint(r#"did you mean `["tuple", …]` or `["union", …]`?"#));
                None
            }
        }
    }

    /// A type of several parts in its long form; `parts` are what follows its name.
    fn form(&mut self, name: &str, parts: &[Json], path: &str) -> Option<Type> {
        match (name, parts) {
            ("list", [items]) => self.part(items, path, 1).map(Type::list),
            ("set", [items]) => self.part(items, path, 1).map(Type::set),
            ("optional", [inner]) => self.part(inner, path, 1).map(Type::optional),
            ("map", [keys, values]) => {
                let (keys, values) = (self.part(keys, path, 1), self.part(values, path, 2));
                Some(Type::map(keys?, values?))
            }
            ("record", [Json::Object(fields)]) => self.record(fields, &element(path, 1)),
            ("tuple", parts) => self.parts(parts, path).map(Type::Tuple),
            ("union", [_, ..]) => self.parts(parts, path).map(Type::Union),
            ("literal", [_, ..]) => self.literals(parts, path),
            _ => self.refuse(path, form_of(name), Json::Array(with_name(name, parts)).to_string()),
        }
    }

    fn part(&mut self, json: &Json, path: &str, index: usize) -> Option<Type> {
        self.read(json, &element(path, index))
    }

    fn parts(&mut self, parts: &[Json], path: &str) -> Option<Vec<Type>> {
        let read: Vec<_> = (1..).zip(parts).map(|(index, json)| self.part(json, path, index)).collect();
        read.into_iter().collect()
    }

    fn literals(&mut self, values: &[Json], path: &str) -> Option<Type> {
        let read: Vec<_> = (1..).zip(values).map(|(index, json)| self.literal(json, path, index)).collect();
        read.into_iter().collect::<Option<_>>().map(Type::Literal)
    }

    fn literal(&mut self, json: &Json, path: &str, index: usize) -> Option<Value> {
        let scalar = !json.is_array() && !json.is_object();
        let value = scalar.then(|| Value::from_json(json).ok()).flatten();
        if value.is_none() {
            return self.refuse(&element(path, index), "a bool, a number, a string or null", describe(json));
        }
        value
    }

    fn table(&mut self, table: &Map<String, Json>, path: &str) -> Option<Type> {
        if table.contains_key("$schema") {
            return self.schema(table, path);
        }
        let mut entries = table.iter();
        if let (Some((key, values)), None) = (entries.next(), entries.next())
            && let Some(keys) = Type::from_word(key)
        {
            return self.read(values, &child(path, key)).map(|values| Type::map(keys, values));
        }
        self.record(table, path)
    }

    fn record(&mut self, table: &Map<String, Json>, path: &str) -> Option<Type> {
        let fields: Vec<_> = table
            .iter()
            .map(|(name, json)| Some((name.clone(), self.read(json, &child(path, name))?)))
            .collect();
        fields.into_iter().collect::<Option<_>>().map(Type::Record)
    }

    fn schema(&mut self, table: &Map<String, Json>, path: &str) -> Option<Type> {
        let json = Json::Object(table.clone());
        match Schema::compile(&json) {
            Ok(_) => Some(Type::Schema(json)),
            Err(error) => self.refuse(path, "a valid JSON Schema", error),
        }
    }
}

fn with_name(name: &str, parts: &[Json]) -> Vec<Json> {
    std::iter::once(Json::from(name)).chain(parts.iter().cloned()).collect()
}

/// How a type of several parts is written.
fn form_of(name: &str) -> &'static str {
    match name {
        "list" => r#"["list", T]"#,
        "set" => r#"["set", T]"#,
        "optional" => r#"["optional", T]"#,
        "map" => r#"["map", K, V]"#,
        "record" => r#"["record", {name: T}]"#,
        "union" => r#"["union", T1, …]"#,
        _ => r#"["literal", value, …]"#,
    }
}

fn unknown_word(word: &str, path: &str) -> Problem {
    let problem = Problem::new(path, "a type", describe(&Json::from(word)));
    match meant(word) {
        Some(hint) => problem.with_hint(format!("did you mean `{hint}`?")),
        None => problem.with_near_miss(word, Type::words().chain(FORMS)),
    }
}

/// What the words of other languages are called here.
fn meant(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "string" | "text" => "str",
        "integer" | "int64" | "i64" | "u64" | "long" => "int",
        "number" | "double" | "f64" => "float",
        "boolean" => "bool",
        "binary" | "bytestring" | "blob" => "bytes",
        "timestamp" => "datetime",
        "duration" => "timedelta",
        "null" | "nil" => "None",
        "object" | "dict" | "dictionary" | "map" => r#"["map", K, V]` or `{"name": T}"#,
        "struct" | "record" => r#"{"name": T}"#,
        "array" | "list" => r#"["list", T]"#,
        "set" | "frozenset" => r#"["set", T]"#,
        "tuple" => r#"["tuple", T1, T2]"#,
        "enum" | "literal" => r#"["literal", value, …]"#,
        "union" => r#"["union", T1, T2]"#,
        "optional" => r#"["optional", T]"#,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::generate::any_type;

    fn problems(json: Json) -> Vec<String> {
        let read = Type::from_json(&json, "args.x");
        read.err().unwrap_or_default().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn short_forms_have_long_forms() {
        for (short, long) in [
            (json!("str"), json!("str")),
            (json!(["int"]), json!(["list", "int"])),
            (json!([["int"]]), json!(["list", ["list", "int"]])),
            (json!({"Decimal": "Decimal"}), json!(["map", "Decimal", "Decimal"])),
            (json!({"str": ["list", "int"]}), json!(["map", "str", ["list", "int"]])),
            (json!({"price": "Decimal"}), json!(["record", {"price": "Decimal"}])),
            (json!({"str": "int", "int": "int"}), json!(["record", {"str": "int", "int": "int"}])),
            (json!(["record", {"str": "int"}]), json!(["record", {"str": "int"}])),
            (json!({}), json!(["record", {}])),
            (json!(["tuple", "int", ["str"]]), json!(["tuple", "int", ["list", "str"]])),
            (json!(["tuple"]), json!(["tuple"])),
            (json!(["literal", 1, 1.5, "a", null, true]), json!(["literal", 1, 1.5, "a", null, true])),
            (json!(["optional", {"a": ["any"]}]), json!(["optional", ["record", {"a": ["list", "any"]}]])),
        ] {
            assert_eq!(Type::from_json(&short, "").unwrap().to_json(), long, "{short}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_was_meant() {
        for (json, expected) in [
            (json!("string"), r#"args.x: expected a type, found "string" (did you mean `str`?)"#),
            (json!("integer"), r#"args.x: expected a type, found "integer" (did you mean `int`?)"#),
            (json!("boolean"), r#"args.x: expected a type, found "boolean" (did you mean `bool`?)"#),
            (json!("number"), r#"args.x: expected a type, found "number" (did you mean `float`?)"#),
            (json!("uuid"), r#"args.x: expected a type, found "uuid" (did you mean `UUID`?)"#),
            (json!("decimal"), r#"args.x: expected a type, found "decimal" (did you mean `Decimal`?)"#),
            (json!("datetme"), r#"args.x: expected a type, found "datetme" (did you mean `datetime`?)"#),
            (
                json!("dict"),
                r#"args.x: expected a type, found "dict" (did you mean `["map", K, V]` or `{"name": T}`?)"#,
            ),
            (json!("list"), r#"args.x: expected a type, found "list" (did you mean `["list", T]`?)"#),
            (json!("xyzzy"), r#"args.x: expected a type, found "xyzzy""#),
            (json!(5), "args.x: expected a type, found 5"),
            (json!(null), "args.x: expected a type, found null"),
            (
                json!([]),
                r#"args.x: expected one type for a list, or first one of list, tuple, set, map, record, union, optional, literal, found a list of 0 (did you mean `["tuple", …]` or `["union", …]`?)"#,
            ),
            (json!(["lst", "int"]), r#"args.x[0]: expected a type, found "lst" (did you mean `list`?)"#),
            (json!(["list"]), r#"args.x: expected ["list", T], found ["list"]"#),
            (json!(["map", "str"]), r#"args.x: expected ["map", K, V], found ["map","str"]"#),
            (json!(["union"]), r#"args.x: expected ["union", T1, …], found ["union"]"#),
            (
                json!(["literal", [1]]),
                "args.x[1]: expected a bool, a number, a string or null, found a list of 1",
            ),
            (
                json!({"a": {"b": ["in"]}}),
                r#"args.x.a.b[0]: expected a type, found "in" (did you mean `int`?)"#,
            ),
        ] {
            assert_eq!(problems(json.clone()), [expected], "{json}");
        }
    }

    #[test]
    fn lists_all_problems_at_once() {
        let found = problems(json!({"a": "string", "b": ["tuple", "int", "long"], "c": ["map", 1, 2]}));
        let paths: Vec<&str> = found.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(paths, ["args.x.a", "args.x.b[2]", "args.x.c[1]", "args.x.c[2]"]);
    }

    #[test]
    fn broken_schemas_are_problems() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        let broken = problems(json!({"$schema": draft, "type": "strng"}));
        assert!(broken[0].starts_with("args.x: expected a valid JSON Schema, found "), "{broken:?}");
        for schema in [
            json!({"$schema": draft, "$ref": "https://example.org/elsewhere.json"}),
            json!({"$schema": draft, "pattern": "("}),
            json!({"$schema": "https://example.org/own"}),
            json!({"$schema": 5}),
        ] {
            assert_eq!(problems(schema.clone()).len(), 1, "{schema}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| (0..depth).fold(json!("int"), |of, _| json!([of]));
        assert_eq!(problems(nested(MAX_TYPE_DEPTH - 1)), [""; 0]);
        assert_eq!(problems(nested(500)).len(), 1);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(of in any_type()) {
            prop_assert_eq!(Type::from_json(&of.to_json(), ""), Ok(of));
        }
    }
}
