//! What types are compiled to.

use std::collections::HashSet;

use crate::model::arguments::Arguments;
use crate::model::problem::{Problem, child, element, shortened};
use crate::model::schema::Schema;
use crate::model::types::{MAX_TYPE_DEPTH, Type};
use crate::value::msgpack::Token;
use crate::value::{Tag, Value};

/// The longest text of a type in a mismatch.
const LONGEST_TYPE: usize = 120;

/// The argument of a delta update that holds the changed keys.
const STATE: &str = "state";

/// A compiled type and how it is called in mismatches.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) text: Box<str>,
}

#[derive(Debug)]
pub(super) enum Shape {
    Any,
    Nil,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    /// A tagged scalar.
    Tagged(Tag),
    List(Box<Node>),
    Tuple(Box<[Node]>),
    Set(Box<Node>),
    Map(Box<Node>, Box<Node>),
    Record(Fields),
    Union(Box<[Node]>),
    Optional(Box<Node>),
    Literal(Box<[Value]>),
    Schema(Box<Schema>),
}

/// The fields of a record or of argument tables.
#[derive(Debug)]
pub(super) struct Fields {
    /// In the order of the model, which is the order in which they mostly come.
    pub(super) fields: Box<[Field]>,
    /// Places in `fields`, sorted by name.
    by_name: Box<[usize]>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) node: Node,
    pub(super) required: bool,
}

impl Shape {
    /// Whether a token is a value of this type, which is no container and no tagged one.
    #[inline]
    pub(super) fn takes(&self, token: Token<'_>) -> bool {
        match (self, token) {
            (Shape::Nil, Token::Nil) | (Shape::Bool, Token::Bool(_)) => true,
            (Shape::Int | Shape::Float, Token::Int(_) | Token::UInt(_)) => true,
            (Shape::Float, Token::Float(_))
            | (Shape::Str, Token::Str(_))
            | (Shape::Bytes, Token::Bytes(_)) => true,
            (Shape::Literal(values), token) => values.iter().any(|value| is_literal(value, token)),
            _ => false,
        }
    }
}

/// Whether a token is this value; as with types, a whole number is a float too.
fn is_literal(value: &Value, token: Token<'_>) -> bool {
    match (value, token) {
        (Value::Nil, Token::Nil) => true,
        (Value::Bool(value), Token::Bool(found)) => *value == found,
        (Value::Int(value), Token::Int(found)) => *value == found,
        (Value::UInt(value), Token::UInt(found)) => *value == found,
        (Value::Float(value), Token::Float(found)) => *value == found,
        (Value::Float(value), Token::Int(found)) => *value == found as f64,
        (Value::Float(value), Token::UInt(found)) => *value == found as f64,
        (Value::Str(value), Token::Str(found)) => value == found,
        _ => false,
    }
}

impl Fields {
    fn new(fields: Vec<Field>) -> Self {
        let mut by_name: Box<[usize]> = (0..fields.len()).collect();
        by_name.sort_by_key(|&place| &fields[place].name);
        Fields { fields: fields.into(), by_name }
    }

    /// The place of the field `name`; `likely` is tried first.
    #[inline]
    pub(super) fn find(&self, name: &str, likely: usize) -> Option<usize> {
        if self.fields.get(likely).is_some_and(|field| &*field.name == name) {
            return Some(likely);
        }
        let found = self.by_name.binary_search_by(|&place| (*self.fields[place].name).cmp(name));
        found.ok().map(|place| self.by_name[place])
    }

    /// The keys that there may be, in words.
    pub(super) fn listed(&self) -> String {
        match self.names().collect::<Vec<_>>().as_slice() {
            [] => "no keys".to_owned(),
            names => format!("one of the keys {}", names.join(", ")),
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| &*field.name)
    }
}

/// Compiles types and collects what is wrong with them.
#[derive(Default)]
pub(super) struct Compiler {
    problems: Vec<Problem>,
    depth: usize,
}

impl Compiler {
    /// The root, if there was no problem anywhere in it.
    pub(super) fn finish(self, root: Node) -> Result<Node, Vec<Problem>> {
        if self.problems.is_empty() { Ok(root) } else { Err(self.problems) }
    }

    pub(super) fn arguments(&mut self, arguments: &Arguments, path: &str) -> Node {
        let fields = self.fields(&arguments.required, true, path);
        let optional = self.fields(&arguments.optional, false, path);
        self.record(fields.into_iter().chain(optional).collect(), "a map of arguments".into(), path)
    }

    /// The arguments of a delta update, in the order in which they are written.
    pub(super) fn update(&mut self, arguments: &Arguments) -> Node {
        let implied = [("current_num", Type::Int), ("is_snapshot", Type::Bool)];
        let implied = implied.map(|(name, of)| (name.to_owned(), of));
        let mut fields = self.fields(&implied, true, "");
        for (name, of) in &arguments.required {
            if name == STATE {
                let node = self.some_keys(of, true, STATE);
                fields.push(Field { name: STATE.into(), node, required: true });
            } else {
                fields.extend(self.fields(&[(name.clone(), of.clone())], true, ""));
            }
        }
        if arguments.get(STATE).is_none() {
            let node = self.some_keys(&Type::Any, true, STATE);
            fields.push(Field { name: STATE.into(), node, required: true });
        }
        fields.extend(self.fields(&arguments.optional, false, ""));
        self.record(fields, "a map of arguments".into(), "")
    }

    /// A map of which any keys may be there, and be nil if they may be deleted.
    pub(super) fn some_keys(&mut self, of: &Type, deletes: bool, path: &str) -> Node {
        let value = |of: &Type| if deletes { Type::optional(of.clone()) } else { of.clone() };
        match of {
            Type::Any => self.node(&Type::map(Type::Any, Type::Any), path),
            Type::Map(keys, values) => self.node(&Type::map((**keys).clone(), value(values)), path),
            Type::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, of)| (name.clone(), value(of))).collect();
                let fields = self.fields(&fields, false, path);
                let text = shortened(&of.to_string(), LONGEST_TYPE);
                self.record(fields, format!("some keys of {text}").into(), path)
            }
            // Models with other types are refused before anything is compiled.
            other => self.node(other, path),
        }
    }

    pub(super) fn node(&mut self, of: &Type, path: &str) -> Node {
        self.depth += 1;
        let shape = match self.depth > MAX_TYPE_DEPTH {
            true => self.refuse(path, &format!("types nested at most {MAX_TYPE_DEPTH} deep"), "more"),
            false => self.shape(of, path),
        };
        self.depth -= 1;
        Node { shape, text: shortened(&of.to_string(), LONGEST_TYPE).into() }
    }

    fn shape(&mut self, of: &Type, path: &str) -> Shape {
        match of {
            Type::Str => Shape::Str,
            Type::Int => Shape::Int,
            Type::Float => Shape::Float,
            Type::Bool => Shape::Bool,
            Type::Bytes => Shape::Bytes,
            Type::Any => Shape::Any,
            Type::None => Shape::Nil,
            Type::Decimal => Shape::Tagged(Tag::Decimal),
            Type::DateTime => Shape::Tagged(Tag::DateTime),
            Type::Date => Shape::Tagged(Tag::Date),
            Type::Time => Shape::Tagged(Tag::Time),
            Type::TimeDelta => Shape::Tagged(Tag::TimeDelta),
            Type::Uuid => Shape::Tagged(Tag::Uuid),
            Type::List(items) => Shape::List(self.part(items, path, 1)),
            Type::Set(items) => Shape::Set(self.part(items, path, 1)),
            Type::Optional(inner) => Shape::Optional(self.part(inner, path, 1)),
            Type::Map(keys, values) => Shape::Map(self.part(keys, path, 1), self.part(values, path, 2)),
            Type::Tuple(items) => Shape::Tuple(self.parts(items, path)),
            Type::Union(members) if members.is_empty() => self.refuse(path, "at least one type", "none"),
            Type::Union(members) => Shape::Union(self.parts(members, path)),
            Type::Record(fields) => {
                let fields = self.fields(fields, true, path);
                self.record(fields, "".into(), path).shape
            }
            Type::Literal(values) => self.literal(values, path),
            Type::Schema(schema) => match Schema::compile(schema) {
                Ok(schema) => Shape::Schema(Box::new(schema)),
                Err(error) => self.refuse(path, "a valid JSON Schema", &error),
            },
        }
    }

    fn refuse(&mut self, path: &str, expected: &str, found: &str) -> Shape {
        self.problems.push(Problem::new(path, expected, found));
        Shape::Any
    }

    fn part(&mut self, of: &Type, path: &str, index: usize) -> Box<Node> {
        Box::new(self.node(of, &element(path, index)))
    }

    fn parts(&mut self, parts: &[Type], path: &str) -> Box<[Node]> {
        (1..).zip(parts).map(|(index, of)| self.node(of, &element(path, index))).collect()
    }

    fn fields(&mut self, table: &[(String, Type)], required: bool, path: &str) -> Vec<Field> {
        let field = |(name, of): &(String, Type)| Field {
            name: name.as_str().into(),
            node: self.node(of, &child(path, name)),
            required,
        };
        table.iter().map(field).collect()
    }

    fn record(&mut self, fields: Vec<Field>, text: Box<str>, path: &str) -> Node {
        let mut names = HashSet::new();
        for field in fields.iter().filter(|field| !names.insert(&*field.name)) {
            let problem = Problem::new(child(path, &field.name), "each name once", "a name declared twice");
            self.problems.push(problem);
        }
        drop(names);
        Node { shape: Shape::Record(Fields::new(fields)), text }
    }

    fn literal(&mut self, values: &[Value], path: &str) -> Shape {
        let scalar = |value: &Value| {
            matches!(value, Value::Nil | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Str(_))
                || matches!(value, Value::Float(number) if number.is_finite())
        };
        if values.is_empty() || !values.iter().all(scalar) {
            return self.refuse(path, "literals: bools, numbers, strings or nil", "none, or others");
        }
        Shape::Literal(values.into())
    }
}
