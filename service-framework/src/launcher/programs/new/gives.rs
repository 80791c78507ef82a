//! What each hook has to give, so that what comes after it has what it needs: a spec says only what is needed. Guessed: what a
//! rectifier needs the hook gives that it undoes, everything else the hook before.

use std::collections::{BTreeMap, HashMap};

use crate::program::spec::{Arg, ArgType, Hook, Program, Spec, Target};

/// How many steps are looked at, over all programs. One spec can have a hundred million.
const MOST_STEPS: usize = 300_000;

/// After how many rounds hooks that make each other give more are left as they are.
const MOST_ROUNDS: usize = 8;

/// Values by name, in the order of names.
pub(super) type Names = BTreeMap<String, ArgType>;

/// What every hook gives, and what every program is to be asked with.
#[derive(Debug, Default)]
pub(super) struct Gives {
    /// By the place of the hook.
    pub(super) hooks: Vec<Names>,
    /// By the place of the program.
    pub(super) programs: Vec<Asked>,
}

/// What a program needs besides its args, and whether it comes to its end then.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) more: Names,
    /// Calls of hooks.
    pub(super) steps: usize,
    /// Why it cannot come to its end, whatever hooks give.
    pub(super) wrong: Option<String>,
}

/// Guesses what the hooks of a spec give.
pub(super) fn gives(spec: &Spec) -> Gives {
    let mut gives = Gives { hooks: vec![Names::new(); spec.hooks().len()], programs: Vec::new() };
    for _ in 0..MOST_ROUNDS {
        let before = gives.hooks.clone();
        let mut left = MOST_STEPS;
        gives.programs = spec
            .programs()
            .iter()
            .map(|program| Walk::of(program, spec, &mut gives.hooks, &mut left))
            .collect();
        if gives.hooks == before {
            break;
        }
    }
    gives
}

/// One program on its way, as far as names are concerned.
struct Walk<'a, 'g> {
    spec: &'a Spec,
    gives: &'g mut [Names],
    pool: HashMap<&'a str, ArgType>,
    /// The hook that was called last.
    last: Option<usize>,
    /// The hook whose rectifiers are looked at.
    undone: Option<usize>,
    asked: Asked,
    left: &'g mut usize,
}

impl<'a, 'g> Walk<'a, 'g> {
    fn of(program: &'a Program, spec: &'a Spec, gives: &'g mut [Names], left: &'g mut usize) -> Asked {
        let given = program.args.iter().filter(|arg| arg.required || arg.default.is_some());
        let pool = given.map(|arg| (arg.name.as_str(), arg.kind)).collect();
        let asked = Asked::default();
        let mut walk = Walk { spec, gives, pool, last: None, undone: None, asked, left };
        program.hooks.iter().for_each(|step| walk.step(*step));
        walk.need_all(&program.outputs);
        walk.asked
    }

    fn step(&mut self, target: Target) {
        match *self.left {
            0 => self.is_wrong("the spec has too many steps to look at all of them".to_owned()),
            _ => {
                *self.left -= 1;
                match target {
                    Target::Hook(place) => self.hook(place),
                    Target::Program(place) => self.program(place),
                }
            }
        }
    }

    fn program(&mut self, place: usize) {
        let spec = self.spec;
        let Some(program) = spec.programs().get(place) else { return };
        self.need_all(&program.args);
        let before = self.last;
        program.hooks.iter().for_each(|step| self.step(*step));
        self.need_all(&program.outputs);
        // What it does not promise its hooks do not give.
        self.last = before.or(self.last);
    }

    fn hook(&mut self, place: usize) {
        let spec = self.spec;
        let Some(hook) = spec.hooks().get(place) else { return };
        hook.dependencies.iter().for_each(|needed| self.step(*needed));
        self.need_all(&hook.args);
        if self.undone.is_none() {
            self.call(place, hook);
        }
    }

    fn call(&mut self, place: usize, hook: &'a Hook) {
        self.asked.steps += 1;
        self.last = Some(place);
        self.undone = Some(place);
        hook.rectifiers.iter().for_each(|rectifier| self.step(*rectifier));
        self.undone = None;
        let given = self.gives[place].clone();
        for (name, kind) in &given {
            // A name of the spec, which is as long there as the spec is.
            let Some(name) = self.name(name) else { continue };
            if self.pool.insert(name, *kind).is_some_and(|before| before != *kind) {
                self.is_wrong(format!("{name} would be of two types, one after the other"));
            }
        }
    }

    fn name(&self, name: &str) -> Option<&'a str> {
        let of_hooks = self.spec.hooks().iter().flat_map(|hook| &hook.args);
        let known = self.pool.get_key_value(name).map(|(known, _)| *known);
        let of_programs =
            self.spec.programs().iter().flat_map(|program| program.args.iter().chain(&program.outputs));
        known
            .or_else(|| of_hooks.chain(of_programs).map(|arg| arg.name.as_str()).find(|known| *known == name))
    }

    fn need_all(&mut self, args: &'a [Arg]) {
        for arg in args {
            let there = self.pool.get(arg.name.as_str()).copied();
            let fits = there
                .is_some_and(|kind| kind == arg.kind || (kind, arg.kind) == (ArgType::Int, ArgType::Float));
            match (there, arg.required && arg.default.is_none()) {
                (Some(_), _) if fits => {}
                (Some(kind), _) => self.is_wrong(format!(
                    "{} is {} in one place and {} in another",
                    arg.name,
                    kind.as_str(),
                    arg.kind.as_str()
                )),
                (None, true) => self.need(arg),
                (None, false) => {
                    if arg.default.is_some() && self.undone.is_none() {
                        self.pool.insert(&arg.name, arg.kind);
                    }
                }
            }
        }
    }

    fn need(&mut self, arg: &'a Arg) {
        self.pool.insert(&arg.name, arg.kind);
        let names = match self.undone.or(self.last) {
            Some(hook) => &mut self.gives[hook],
            None => &mut self.asked.more,
        };
        if names.insert(arg.name.clone(), arg.kind).is_some_and(|before| before != arg.kind) {
            self.is_wrong(format!("{} would be of two types", arg.name));
        }
    }

    fn is_wrong(&mut self, why: String) {
        self.asked.wrong.get_or_insert(why);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn of(programs: Json, hooks: Json) -> (Spec, Gives) {
        let spec = Spec::from_json(&json!({"name": "s", "programs": programs, "hooks": hooks}));
        let spec = spec.unwrap_or_else(|problems| panic!("{problems:?}"));
        let gives = gives(&spec);
        (spec, gives)
    }

    fn needs(name: &str, kind: &str) -> Json {
        json!({name: {"type": kind, "required": true}})
    }

    fn of_hook(spec: &Spec, gives: &Gives, name: &str) -> Vec<String> {
        let place = spec.hooks().iter().position(|hook| hook.name == name).unwrap();
        gives.hooks[place].iter().map(|(name, kind)| format!("{name}: {}", kind.as_str())).collect()
    }

    #[test]
    fn the_hook_before_gives_and_the_one_that_is_undone() {
        let (spec, gives) = of(
            json!({"p": {"hooks": ["a", "b"], "args": needs("item", "str"), "outputs": needs("out", "list")}}),
            json!({
                "a": {"reference": "m.a", "args": needs("item", "str"), "rectifiers": ["u"]},
                "u": {"reference": "m.u", "args": needs("taken", "int")},
                "b": {"reference": "m.b", "args": needs("price", "float"), "dependencies": ["d"]},
                "d": {"reference": "m.d", "args": needs("place", "dict")},
            }),
        );
        assert_eq!(of_hook(&spec, &gives, "a"), ["place: dict", "taken: int"]);
        assert_eq!(of_hook(&spec, &gives, "d"), ["price: float"]);
        assert_eq!(of_hook(&spec, &gives, "b"), ["out: list"]);
        assert_eq!(of_hook(&spec, &gives, "u"), [""; 0]);
        assert_eq!(gives.programs[0], Asked { steps: 3, ..Asked::default() });
    }

    #[test]
    fn what_no_hook_can_give_is_asked_for() {
        let (_, gives) = of(
            json!({"p": {"hooks": ["a"], "args": {}, "outputs": {}}, "empty": {"hooks": [], "args": {}, "outputs": needs("x", "int")}}),
            json!({"a": {"reference": "m.a", "args": needs("item", "str")}}),
        );
        assert_eq!(gives.programs[0].more, Names::from([("item".to_owned(), ArgType::Str)]));
        assert_eq!(gives.programs[1].more, Names::from([("x".to_owned(), ArgType::Int)]));
    }

    #[test]
    fn what_cannot_end_well_says_why() {
        let (_, gives) = of(
            json!({"p": {"hooks": ["a"], "args": needs("item", "int"), "outputs": {}}}),
            json!({"a": {"reference": "m.a", "args": needs("item", "str")}}),
        );
        assert_eq!(gives.programs[0].wrong.as_deref(), Some("item is int in one place and str in another"));
    }

    #[test]
    fn a_spec_that_grows_without_end_is_given_up() {
        let mut programs = serde_json::Map::new();
        for level in 0..16 {
            let hooks = if level == 0 {
                json!(["a", "a"])
            } else {
                json!([format!("programs.p{}", level - 1), format!("programs.p{}", level - 1)])
            };
            programs.insert(format!("p{level}"), json!({"hooks": hooks, "args": {}, "outputs": {}}));
        }
        let (_, gives) = of(programs.into(), json!({"a": {"reference": "m.a", "args": {}}}));
        assert_eq!(gives.programs.len(), 16);
    }
}
