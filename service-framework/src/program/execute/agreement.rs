//! Whether the types of a hook's function agree with the spec.

use std::collections::BTreeMap;

use super::hooks::Bound;
use crate::model::{Arguments, Problem, Type, child};
use crate::program::spec::{Arg, ArgType, Hook, Spec, is_framework_name};

/// Every name that the spec gives a type to, with those types.
pub(super) struct Known<'a>(BTreeMap<&'a str, Vec<ArgType>>);

impl<'a> Known<'a> {
    pub(super) fn of(spec: &'a Spec) -> Self {
        let of_hooks = spec.hooks().iter().flat_map(|hook| &hook.args);
        let of_programs =
            spec.programs().iter().flat_map(|program| program.args.iter().chain(&program.outputs));
        let mut known: BTreeMap<&str, Vec<ArgType>> = BTreeMap::new();
        for arg in of_hooks.chain(of_programs) {
            let kinds = known.entry(&arg.name).or_default();
            if !kinds.contains(&arg.kind) {
                kinds.push(arg.kind);
            }
        }
        Self(known)
    }
}

/// What a function reads and is not so in the spec, and what it writes that nothing in the spec takes.
pub(super) fn problems(hook: &Hook, bound: &Bound, known: &Known<'_>) -> Vec<Problem> {
    let read = bound.reads.iter().flat_map(fields).filter_map(|field| misread(hook, field));
    let written = bound.writes.iter().flat_map(fields).filter_map(|field| miswritten(hook, field, known));
    read.chain(written).collect()
}

type Field<'a> = (&'a str, &'a Type, bool);

fn fields(arguments: &Arguments) -> impl Iterator<Item = Field<'_>> {
    let required = arguments.required.iter().map(|(name, of)| (name.as_str(), of, true));
    required.chain(arguments.optional.iter().map(|(name, of)| (name.as_str(), of, false)))
}

fn misread(hook: &Hook, (name, of, is_required): Field<'_>) -> Option<Problem> {
    let path = child(&child(&child("hooks", &hook.name), "args"), name);
    let Some(arg) = hook.args.iter().find(|arg| arg.name == name) else {
        let known = hook.args.iter().map(|arg| arg.name.as_str());
        let expected = "an argument, because the function reads it";
        return Some(Problem::missing(path, expected).with_near_miss(name, known));
    };
    if !reads(of, arg.kind) {
        let expected = format!("the type that the function reads, {}", of.to_json());
        return Some(Problem::new(path, expected, arg.kind.as_str()));
    }
    (is_required && !is_always_there(arg)).then(|| {
        Problem::new(path, "a required argument, because the function always reads it", "an optional one")
            .with_hint("make it required, give it a default, or make the field an `Option`")
    })
}

fn is_always_there(arg: &Arg) -> bool {
    arg.required || arg.default.is_some()
}

fn miswritten(hook: &Hook, (name, of, _): Field<'_>, known: &Known<'_>) -> Option<Problem> {
    if is_framework_name(name) {
        return None;
    }
    let path = child(&child("hooks", &hook.name), name);
    let Some(kinds) = known.0.get(name) else {
        let expected = "an arg or an output somewhere in the spec, because the function writes it";
        let problem = Problem::missing(path, expected).with_near_miss(name, known.0.keys().copied());
        return Some(match problem.hint {
            Some(_) => problem,
            None => problem.with_hint("a function on the whole pool may write what the spec does not name"),
        });
    };
    (!kinds.iter().any(|kind| writes(of, *kind))).then(|| {
        let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
        let expected = format!("{}, as the spec has it", kinds.join(" or "));
        Problem::new(path, expected, format!("a function that writes {}", of.to_json()))
    })
}

/// Whether a value of an arg can be read as this type. What may be several types is seen when it is read.
fn reads(of: &Type, kind: ArgType) -> bool {
    match of {
        Type::Float => matches!(kind, ArgType::Float | ArgType::Int),
        _ => is_of(of, kind, reads),
    }
}

/// Whether what a function writes can be a value of an arg.
fn writes(of: &Type, kind: ArgType) -> bool {
    match of {
        Type::Int => matches!(kind, ArgType::Int | ArgType::Float),
        Type::Bool => matches!(kind, ArgType::Bool | ArgType::Int),
        _ => is_of(of, kind, writes),
    }
}

fn is_of(of: &Type, kind: ArgType, inner: fn(&Type, ArgType) -> bool) -> bool {
    match of {
        Type::Optional(of) => inner(of, kind),
        Type::Union(types) => types.iter().any(|of| inner(of, kind)),
        Type::Literal(values) => values.iter().any(|value| kind.accepts(value)),
        Type::Str => kind == ArgType::Str,
        Type::Int => kind == ArgType::Int,
        Type::Float => kind == ArgType::Float,
        Type::Bool => kind == ArgType::Bool,
        Type::List(_) | Type::Tuple(_) => kind == ArgType::List,
        Type::Map(..) | Type::Record(_) => kind == ArgType::Dict,
        Type::Any | Type::Schema(_) => true,
        // A pool of JSON has none of them.
        Type::Set(_)
        | Type::Bytes
        | Type::Decimal
        | Type::DateTime
        | Type::Date
        | Type::Time
        | Type::TimeDelta
        | Type::Uuid
        | Type::None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn an_int_is_a_float_and_never_the_other_way() {
        assert!(reads(&Type::Float, ArgType::Int) && !reads(&Type::Int, ArgType::Float));
        assert!(writes(&Type::Int, ArgType::Float) && !writes(&Type::Float, ArgType::Int));
        // As in Python, where `True` is an int.
        assert!(writes(&Type::Bool, ArgType::Int) && !reads(&Type::Bool, ArgType::Int));
    }

    #[test]
    fn what_may_be_several_types_must_be_able_to_be_this_one() {
        let either = Type::Union(vec![Type::Str, Type::list(Type::Any)]);
        assert!(reads(&either, ArgType::List) && !reads(&either, ArgType::Dict));
        let colour = Type::Literal(vec![Value::from("red")]);
        assert!(reads(&colour, ArgType::Str) && !reads(&colour, ArgType::Int));
        let maybe = Type::Optional(Box::new(Type::Decimal));
        assert!(ArgType::ALL.iter().all(|kind| !reads(&maybe, *kind) && reads(&Type::Any, *kind)));
    }
}
