//! Syntax that monty has not.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Comprehension, Expr, Number, Stmt, StmtClassDef, StmtFunctionDef};

use super::complaints::Complaints;

/// Methods with two underscores that monty calls.
const CALLED: [&str; 6] = ["__init__", "__enter__", "__exit__", "__eq__", "__repr__", "__str__"];

/// Decorators of methods that Python has as builtins.
const BY_NAME: [&str; 3] = ["property", "staticmethod", "classmethod"];

/// What to write instead of those that it does not.
const NOT_CALLED: [(&str, &str); 9] = [
    ("__call__", "a method such as `run`, or a function inside a function"),
    ("__len__", "a method such as `size`"),
    ("__getitem__", "a method such as `get`"),
    ("__setitem__", "a method such as `put`"),
    ("__contains__", "a method such as `has`"),
    ("__iter__", "a method such as `items` that returns a list"),
    ("__lt__", "sorted(..., key=...)"),
    ("__hash__", "a tuple or a text of what matters as the key"),
    ("__getattr__", "a method such as `get`"),
];

pub(super) fn check(body: &[Stmt], complaints: &mut Complaints) {
    Statements { complaints, is_in_class: false }.visit_body(body);
}

struct Statements<'c> {
    complaints: &'c mut Complaints,
    /// Whether this is the body of a class itself.
    is_in_class: bool,
}

impl Statements<'_> {
    fn class(&mut self, class: &StmtClassDef) {
        if self.is_in_class {
            self.complaints.add(&class.name, "a class inside of a class", "put it beside the class");
        }
        let bases = class.arguments.as_deref();
        match bases.and_then(|arguments| arguments.args.first()) {
            Some(base) if is_exception(base) => self.complaints.add(
                &class.name,
                "an exception class of your own (classes have no bases here)",
                "raise ValueError or RuntimeError with a text that tells the cases apart",
            ),
            Some(base) => self.complaints.add(
                base,
                "class inheritance",
                "leave the base out, and keep the other object in an attribute",
            ),
            None if bases.is_some_and(|arguments| !arguments.keywords.is_empty()) => {
                self.complaints.add(&class.name, "metaclasses and class keywords", "leave them out");
            }
            None => {}
        }
        for statement in &class.body {
            self.member(statement);
        }
    }

    fn member(&mut self, statement: &Stmt) {
        match statement {
            Stmt::FunctionDef(method) => self.method(method),
            Stmt::ClassDef(_) | Stmt::Pass(_) | Stmt::Expr(_) => {}
            Stmt::Assign(assign) if matches!(assign.targets.as_slice(), [Expr::Name(_)]) => {}
            Stmt::AnnAssign(assign) if matches!(assign.target.as_ref(), Expr::Name(_)) => {}
            other => self.complaints.add(
                other,
                "a class body holds methods and `name = value` only",
                "do it in __init__, or after the class",
            ),
        }
    }

    fn method(&mut self, method: &StmtFunctionDef) {
        // What is known by its name is said where names are looked at.
        let by_name =
            |decorator: &Expr| matches!(decorator, Expr::Name(name) if BY_NAME.contains(&name.id.as_str()));
        if let Some(decorator) = method.decorator_list.first().filter(|it| !by_name(&it.expression)) {
            let instead = "call the function that decorates in the method's body";
            self.complaints.add(decorator, "a decorator on a method", instead);
        }
        let name = method.name.as_str();
        if name.starts_with("__") && name.ends_with("__") && !CALLED.contains(&name) {
            let known = NOT_CALLED.iter().find(|(dunder, _)| *dunder == name);
            let instead = known.map_or("a method with a name of its own", |(_, instead)| instead);
            self.complaints.add(
                &method.name,
                format!("{name} is never called here"),
                format!("write {instead}"),
            );
        }
    }

    /// What a whole statement is that cannot be run.
    fn refusal(statement: &Stmt) -> Option<(&'static str, &'static str)> {
        Some(match statement {
            Stmt::Delete(_) => ("the del statement", "use `d.pop(key)`, or build a new list, or assign None"),
            Stmt::Match(_) => ("the match statement", "write if/elif"),
            Stmt::TypeAlias(_) => ("type aliases", "leave it out, or write `Name = ...`"),
            Stmt::For(each) if each.is_async => ("async for", "loop with for, and await in its body"),
            Stmt::With(with) if with.is_async => ("async with", "write `with`; its methods may await"),
            Stmt::Try(tries) if tries.is_star => ("except*", "catch with except"),
            Stmt::IpyEscapeCommand(_) => ("commands of IPython", "leave it out"),
            _ => return None,
        })
    }

    fn target(&mut self, target: &Expr) {
        match target {
            Expr::Subscript(subscript) if subscript.slice.is_slice_expr() => self.complaints.add(
                target,
                "assignment to a slice",
                "build a new list: `items = items[:1] + new + items[2:]`",
            ),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| self.part(item)),
            Expr::List(list) => list.elts.iter().for_each(|item| self.part(item)),
            _ => {}
        }
    }

    /// A target within others.
    fn part(&mut self, target: &Expr) {
        match target {
            Expr::Attribute(_) | Expr::Subscript(_) => self.complaints.add(
                target,
                "unpacking into an attribute or an item",
                "unpack into names, and assign each on a line of its own",
            ),
            Expr::Starred(starred) => self.part(&starred.value),
            _ => self.target(target),
        }
    }
}

fn is_exception(base: &Expr) -> bool {
    let Expr::Name(name) = base else { return false };
    let name = name.id.as_str();
    name.parse::<monty_types::ExcType>().is_ok() || name.ends_with("Error") || name.ends_with("Exception")
}

impl<'a> Visitor<'a> for Statements<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Some((what, instead)) = Self::refusal(statement) {
            self.complaints.add(statement, what, instead);
        }
        match statement {
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AugAssign(assign) => self.target(&assign.target),
            Stmt::For(each) => self.part(&each.target),
            Stmt::ClassDef(class) => self.class(class),
            _ => {}
        }
        let outside = self.is_in_class;
        self.is_in_class = statement.is_class_def_stmt();
        walk_stmt(self, statement);
        self.is_in_class = outside;
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        let generator = "build a list and return it, or call a function for each item";
        let refusal = match expression {
            Expr::Yield(_) | Expr::YieldFrom(_) => Some(("yield (generators)", generator)),
            Expr::TString(_) => Some(("t-strings", "use an f-string")),
            Expr::NumberLiteral(number) if matches!(number.value, Number::Complex { .. }) => {
                Some(("complex numbers", "use two floats"))
            }
            Expr::Named(_) if self.is_in_class => Some((":= in a class body", "assign on a line of its own")),
            Expr::Call(call)
                if call.arguments.keywords.iter().filter(|word| word.arg.is_none()).count() > 1 =>
            {
                Some(("several ** in one call", "join the dicts first: `**(a | b)`"))
            }
            _ => None,
        };
        if let Some((what, instead)) = refusal {
            self.complaints.add(expression, what, instead);
        }
        let outside = self.is_in_class;
        self.is_in_class &= !expression.is_lambda_expr();
        walk_expr(self, expression);
        self.is_in_class = outside;
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        if comprehension.is_async {
            self.complaints.add(comprehension, "async comprehensions", "write a loop and await in its body");
        }
        ruff_python_ast::visitor::walk_comprehension(self, comprehension);
    }
}
