//! `tests/programs.rs`: tests of each program of the spec.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::gives::Asked;
use super::words::{literal, long_literal, snake, unique};
use crate::program::spec::{Arg, ArgType, Program};

/// A program with more steps is not run once for each.
const MOST_STEPS: usize = 100;

/// What the file begins with.
pub(super) const HEAD: &str = "\
//! Tests of the programs, with the crate's own hooks. One that reaches outside gets another function for a test:
//! `kit.instead(\"hook\", |_: &mut Pool| Ok(()))`.

use service_framework::testing::programs;
";

const ENDS: &str = "_comes_to_its_end";

/// The tests of one program.
pub(super) struct Proof<'a> {
    pub(super) program: &'a Program,
    /// What its tests begin with.
    pub(super) name: String,
}

/// One for each program, in their order.
pub(super) fn proofs(programs: &[Program]) -> Vec<Proof<'_>> {
    let mut taken = BTreeSet::new();
    let mut name =
        |program: &Program| unique(snake(&program.name).trim_end_matches('_').to_owned(), &mut taken);
    programs.iter().map(|program| Proof { program, name: name(program) }).collect()
}

impl Proof<'_> {
    /// The test by which it is seen that this program has some.
    pub(super) fn first(&self) -> String {
        format!("{}{ENDS}", self.name)
    }

    /// The code, in the crate whose name in Rust is `identifier`.
    pub(super) fn code(&self, asked: &Asked, identifier: &str) -> String {
        let constant = self.name.to_uppercase();
        let called = literal(&self.program.name);
        let shown = self.program.name.replace('`', "'");
        let about = super::words::comment("///", &format!("What `{shown}` is asked with."));
        let values = long_literal(&format!("{:#}", values(self.program, asked)));
        let ignored = asked.wrong.as_ref().map(|why| format!("#[ignore = {}]\n", literal(why)));
        let ignored = ignored.unwrap_or_default();
        let kit = format!("    let kit = programs({identifier}::programs());\n");
        let run = broken(
            &format!("    let run = kit.run({called}, {constant});"),
            "    let run =",
            "kit.run(",
            &called,
            &constant,
        );
        let ends = format!(
            "#[test]\n{ignored}fn {}() {{\n{kit}{run}    assert!(run.is_done(), \"{{run}}\");\n}}\n",
            self.first()
        );
        let mut text = format!("{about}const {constant}: &str = {values};\n\n{ends}");
        if (1..=MOST_STEPS).contains(&asked.steps) {
            text.push_str(&format!(
                "\n#[test]\n{ignored}fn {}_is_undone_whatever_fails() {{\n{kit}    \
                 for run in kit.broken_everywhere({called}, {constant}) {{\n        \
                 assert!(run.is_undone(), \"{{run}}\");\n    }}\n}}\n",
                self.name
            ));
        }
        text
    }
}

/// A statement on one line, or on as many as rustfmt would use.
fn broken(line: &str, before: &str, call: &str, first: &str, second: &str) -> String {
    match line.chars().count() {
        ..=100 => format!("{line}\n"),
        _ => format!("{before} {call}\n        {first},\n        {second},\n    );\n"),
    }
}

fn values(program: &Program, asked: &Asked) -> Json {
    let args = program.args.iter().filter(|arg| arg.required || arg.default.is_some());
    let args = args.map(|arg| (arg.name.clone(), value(arg)));
    let more = asked.more.iter().map(|(name, kind)| (name.clone(), sample(name, *kind)));
    Json::Object(args.chain(more).collect())
}

fn value(arg: &Arg) -> Json {
    match &arg.default {
        Some(default) => default.to_json(),
        None => sample(&arg.name, arg.kind),
    }
}

fn sample(name: &str, kind: ArgType) -> Json {
    match kind {
        ArgType::Str => json!(name),
        ArgType::Int => json!(1),
        ArgType::Float => json!(1.0),
        ArgType::List => json!([]),
        ArgType::Dict => Json::Object(Map::new()),
        ArgType::Bool => json!(false),
    }
}

/// Which program a test was written for, by its name; none if it is another test.
pub(super) fn tested(test: &str) -> Option<&str> {
    test.strip_suffix(ENDS)
}
