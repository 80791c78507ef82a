//! Where in a crate the function of each hook stands: the reference `a.b.c` is the function `c` of the module `a::b`.

use std::collections::BTreeMap;

use super::words::snake;
use crate::model::{Problem, child};
use crate::program::spec::{Hook, Spec};

/// The module of references that have none of their own.
const WITHOUT_MODULE: &str = "hooks";

/// A hook and its function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place<'a> {
    pub(super) hook: &'a Hook,
    /// Where the hook stands in the spec.
    pub(super) number: usize,
    pub(super) module: Vec<String>,
    pub(super) function: String,
}

impl Place<'_> {
    /// As `wiring.rs` names it.
    pub(super) fn path(&self) -> String {
        format!("super::{}::{}", self.module.join("::"), self.function)
    }
}

/// The places of all hooks. `root` is the first part of references that stands for the crate itself.
///
/// # Errors
/// Hooks whose references are one and the same function in Rust.
pub(super) fn layout<'a>(spec: &'a Spec, root: &str) -> Result<Vec<Place<'a>>, Vec<Problem>> {
    let hooks = spec.hooks().iter().enumerate();
    let places: Vec<Place<'_>> = hooks.map(|(number, hook)| place(hook, number, root)).collect();
    let mut first: BTreeMap<String, &Hook> = BTreeMap::new();
    let mut problems = Vec::new();
    for place in &places {
        match first.get(&place.path()) {
            None => drop(first.insert(place.path(), place.hook)),
            Some(other) => problems.push(shared(place, other)),
        }
    }
    if problems.is_empty() { Ok(places) } else { Err(problems) }
}

fn place<'a>(hook: &'a Hook, number: usize, root: &str) -> Place<'a> {
    let mut module: Vec<String> = hook.reference.split('.').map(snake).collect();
    let function = module.pop().unwrap_or_default();
    if module.first().is_some_and(|first| first == root) {
        module.remove(0);
    }
    if module.is_empty() {
        module.push(WITHOUT_MODULE.to_owned());
    }
    Place { hook, number, module, function }
}

fn shared(place: &Place<'_>, other: &Hook) -> Problem {
    let path = child(&child("hooks", &place.hook.name), "reference");
    let found = format!(
        "{:?}, which is `{}::{}` in Rust, as {:?} of `{}` is",
        place.hook.reference,
        place.module.join("::"),
        place.function,
        other.reference,
        other.name
    );
    Problem::new(path, "a function of its own", found)
        .with_hint("names are in small letters there, and what is no letter of English or digit is `_`")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A spec with a hook for each reference.
    pub(in super::super) fn spec_of(references: &[&str]) -> Spec {
        let hooks: serde_json::Map<_, _> = references
            .iter()
            .enumerate()
            .map(|(number, reference)| (format!("h{number}"), json!({"reference": reference, "args": {}})))
            .collect();
        Spec::from_json(&json!({"name": "Order", "programs": {}, "hooks": hooks})).unwrap()
    }

    fn paths(references: &[&str]) -> Vec<String> {
        layout(&spec_of(references), "order").unwrap().iter().map(Place::path).collect()
    }

    #[test]
    fn a_reference_is_a_path() {
        let references = [
            "order.stock.reserve",
            "shop.util.math.isPrime",
            "order.tell",
            "ask",
            "fn.match.self",
            "a.order.b",
        ];
        assert_eq!(
            paths(&references),
            [
                "super::stock::reserve",
                "super::shop::util::math::is_prime",
                "super::hooks::tell",
                "super::hooks::ask",
                "super::fn_::match_::self_",
                "super::a::order::b",
            ]
        );
    }

    #[test]
    fn two_hooks_never_share_a_function() {
        let spec = spec_of(&["a.doIt", "a.do_it", "a.do-it", "order.b.c", "b.c"]);
        let problems = layout(&spec, "order").unwrap_err();
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 3, "{said:#?}");
        insta::assert_snapshot!(said[0], @r#"hooks.h1.reference: expected a function of its own, found "a.do_it", which is `a::do_it` in Rust, as "a.doIt" of `h0` is (names are in small letters there, and what is no letter of English or digit is `_`)"#);
    }
}
