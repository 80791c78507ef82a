//! The functions of a script, read from its text.

use ruff_python_ast::{Expr, ParameterWithDefault, Parameters, Stmt, StmtFunctionDef};

use super::rewrite;
use crate::flow::engine::{Function, Parameter};

/// The functions at the top level of a script, in the order of its lines; none if it cannot be read.
pub(super) fn functions(source: &str) -> Vec<Function> {
    let Some(parsed) = rewrite::read(source) else { return Vec::new() };
    let mut functions: Vec<Function> = Vec::new();
    for statement in &parsed.syntax().body {
        match statement {
            Stmt::FunctionDef(definition) => {
                // The last one of a name is the one that is called.
                functions.retain(|before| before.name != *definition.name);
                functions.push(function(definition));
            }
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| open(&mut functions, target)),
            _ => {}
        }
    }
    functions
}

/// What a name is given to in this way is called instead of the function.
fn open(functions: &mut [Function], target: &Expr) {
    if let Expr::Name(name) = target {
        functions.iter_mut().filter(|function| function.name == *name.id).for_each(|function| {
            function.is_open = true;
        });
    }
}

fn function(definition: &StmtFunctionDef) -> Function {
    let Parameters { posonlyargs, args, kwonlyargs, kwarg, .. } = &*definition.parameters;
    let by_name = args.iter().chain(kwonlyargs).map(parameter);
    // Flows give all arguments by name.
    let by_place = posonlyargs.iter().map(parameter).filter(|parameter| parameter.is_required);
    Function {
        name: definition.name.to_string(),
        parameters: by_place.chain(by_name).collect(),
        is_open: kwarg.is_some() || !definition.decorator_list.is_empty(),
    }
}

fn parameter(parameter: &ParameterWithDefault) -> Parameter {
    Parameter { name: parameter.name().to_string(), is_required: parameter.default.is_none() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Vec<(String, String, bool)> {
        let read = |function: &Function| {
            let required = function.parameters.iter().map(|parameter| match parameter.is_required {
                true => parameter.name.clone(),
                false => format!("[{}]", parameter.name),
            });
            (function.name.clone(), required.collect::<Vec<_>>().join(" "), function.is_open)
        };
        functions(source).iter().map(read).collect()
    }

    fn one(name: &str, parameters: &str, is_open: bool) -> (String, String, bool) {
        (name.to_owned(), parameters.to_owned(), is_open)
    }

    #[test]
    fn arguments_are_read_with_their_defaults() {
        let source = "def main(host, attempts=3, *, wait, most=None):\n    pass\n\nasync def other():\n    def inner(a):\n        pass\n";
        let expected = [one("main", "host [attempts] wait [most]", false), one("other", "", false)];
        assert_eq!(read(source), expected);
    }

    #[test]
    fn what_takes_anything_is_told() {
        assert_eq!(read("def main(a, **more):\n    pass\n"), [one("main", "a", true)]);
        assert_eq!(read("@twice\ndef main(a):\n    pass\n"), [one("main", "a", true)]);
        assert_eq!(read("def main(a):\n    pass\n\nmain = other(main)\n"), [one("main", "a", true)]);
        assert_eq!(read(&format!("x = 1{}\n\ndef main():\n    pass\n", "+1".repeat(100_000))), []);
        assert_eq!(read("def main(a):\n    pass\n\ndef main(b):\n    pass\n"), [one("main", "b", false)]);
    }
}
