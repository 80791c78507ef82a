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
