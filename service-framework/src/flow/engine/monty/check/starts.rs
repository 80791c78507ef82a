//! Other files that a script starts as flows, as far as their names stand in it.

use crate::flow::engine::monty::rewrite;
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::scopes::Names;
use crate::flow::engine::Mention;
use crate::flow::engine::monty::rewrite::Places;

/// The function that starts a file.
const START: &str = "flow.flows.start";

/// Each `flows.start("…")` of a script whose file is a text, in the order of its lines; none if it cannot be read.
pub(in crate::flow::engine::monty) fn starts(source: &str) -> Vec<Mention> {
    let Some(parsed) = rewrite::read(source) else { return Vec::new() };
    let body = &parsed.syntax().body;
    let names = Names::of(body);
    let mut starts = Starts { names: &names, places: Places::new(source), found: Vec::new() };
    starts.visit_body(body);
    starts.found
}

struct Starts<'n> {
    names: &'n Names,
    places: Places,
    found: Vec<Mention>,
}

impl Starts<'_> {
    fn call(&mut self, call: &ExprCall) {
        if self.names.path_of(&call.func).as_deref() != Some(START) {
            return;
        }
        let keyword = call.arguments.keywords.iter().find(|word| word.arg.as_deref() == Some("file"));
        let file = call.arguments.args.first().or(keyword.map(|word| &word.value));
        if let Some(Expr::StringLiteral(file)) = file {
            let (line, column) = self.places.at(file.start().to_usize());
            self.found.push(Mention { file: file.value.to_str().to_owned(), line, column });
        }
    }
}

impl<'a> Visitor<'a> for Starts<'_> {
    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            self.call(call);
        }
        walk_expr(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(source: &str) -> Vec<String> {
        starts(source).into_iter().map(|mention| mention.file).collect()
    }

    #[test]
    fn every_way_to_say_it_is_found() {
        let found = files(
            "import flow\nimport flow.flows as more\nfrom flow import flows\nfrom flow.flows import start as begin\n\
             def main():\n    flows.start('a.py', args={'n': [begin(file='b.py')]})\n    return [flow.flows.start('c.py'), more.start('d.py')]\n",
        );
        assert_eq!(
            found,
            ["a.py", "b.py", "c.py", "d.py"].map(str::to_owned).into_iter().collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_is_no_file_by_its_name_is_not() {
        let source = "from flow import flows\nfrom flow.http import request\ndef start(x): return x\ndef main(name):\n    start('a.py')\n    \
                      request.start('b.py')\n    flows.start(name)\n    flows.start(f'{name}.py')\n    flows.get('c.py')\n";
        assert_eq!(files(source), Vec::<String>::new());
        assert_eq!(files("def ("), Vec::<String>::new());
        let shadowed = "from flow import flows\ndef main(flows):\n    flows.start('a.py')\n";
        assert_eq!(files(shadowed), Vec::<String>::new());
    }

    #[test]
    fn the_place_is_that_of_the_name() {
        let found = starts("from flow import flows\n\nx = flows.start(\n    'n.py')\n");
        assert_eq!(found, [Mention { file: "n.py".to_owned(), line: 4, column: 5 }]);
    }
}
