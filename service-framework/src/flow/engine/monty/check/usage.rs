//! Uses of what is there that do not work, each told by its shape.

use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_stmt};
use ruff_python_ast::{
    ExceptHandler, Expr, ExprAttribute, ExprBinOp, ExprCall, FStringPart, InterpolatedStringElement,
    Operator, Stmt,
};

use super::complaints::Complaints;
use super::scopes::{Bound, Names};

/// Attributes of Python's own that nothing here has.
const NOT_THERE: [(&str, &str); 6] = [
    ("__cause__", "put what matters of the first error into the text of the second"),
    ("__context__", "put what matters of the first error into the text of the second"),
    ("__traceback__", "let the exception pass: the flow keeps its traceback"),
    ("__dict__", "keep what you need in a dict of your own"),
    ("__class__", "use type(x)"),
    ("__module__", "leave it out"),
];

pub(super) fn check(body: &[Stmt], names: &Names, complaints: &mut Complaints) {
    Usage { names, complaints }.visit_body(body);
}

struct Usage<'c> {
    names: &'c Names,
    complaints: &'c mut Complaints,
}

impl Usage<'_> {
    fn format(&mut self, operation: &ExprBinOp) {
        if operation.op == Operator::Mod
            && matches!(*operation.left, Expr::StringLiteral(_) | Expr::FString(_))
        {
            self.complaints.add(operation, "% on text", "use an f-string: f\"{name}: {count}\"");
        }
    }

    fn call(&mut self, call: &ExprCall) {
        let keyword =
            |name: &str| call.arguments.keywords.iter().find(|word| word.arg.as_deref() == Some(name));
        match call.func.as_ref() {
            Expr::Name(name) if name.id == "print" => {
                if let Some(file) = keyword("file") {
                    self.complaints.add(
                        file,
                        "print(file=...)",
                        "leave it out: what a flow prints is kept with it",
                    );
                }
            }
            Expr::Name(name) if name.id == "gather" => self.gather(keyword("return_exceptions")),
            Expr::Attribute(attribute) => match attribute.attr.as_str() {
                "gather" => self.gather(keyword("return_exceptions")),
                "sub" | "subn" => self.substitution(attribute, call),
                _ => {}
            },
            _ => {}
        }
    }

    fn gather(&mut self, keyword: Option<&ruff_python_ast::Keyword>) {
        if let Some(keyword) = keyword {
            let instead = "catch in an async def around each of them, and return what you caught";
            self.complaints.add(keyword, "gather(return_exceptions=...)", instead);
        }
    }

    /// `re.sub` cannot call a function.
    fn substitution(&mut self, attribute: &ExprAttribute, call: &ExprCall) {
        let place = usize::from(
            matches!(attribute.value.as_ref(), Expr::Name(name) if self.names.import(&name.id) == Some("re")),
        );
        let is_function = |expression: &Expr| match expression {
            Expr::Lambda(_) => true,
            Expr::Name(name) => {
                self.names.bound.get(name.id.as_str()).is_some_and(|how| *how == [Bound::Function])
            }
            _ => false,
        };
        let replacement = call.arguments.args.get(place).filter(|replacement| is_function(replacement));
        if let Some(replacement) = replacement {
            let instead = "loop over re.finditer(...) and put the text together";
            self.complaints.add(replacement, "a function as the replacement of re.sub", instead);
        }
    }

    fn attribute(&mut self, attribute: &ExprAttribute) {
        if let Some((name, instead)) = NOT_THERE.iter().find(|(name, _)| *name == attribute.attr.as_str()) {
            self.complaints.add(&attribute.attr, format!("nothing has {name} here"), *instead);
        }
    }

    /// Monty overlooks what functions there use of the one around them, and cannot load what it saved then.
    fn lambdas(&mut self, place: &'static str) -> Lambdas<'_> {
        Lambdas { place, complaints: self.complaints }
    }

    /// What `{x=}` writes is the text of the expression, which must be the author's.
    fn debug_text(&mut self, element: &InterpolatedStringElement) {
        let InterpolatedStringElement::Interpolation(part) = element else { return };
        if part.debug_text.is_some() && !matches!(part.expression.as_ref(), Expr::Name(_)) {
            let instead = "write the name yourself: f\"x = {x!r}\"";
            self.complaints.add(part, "= after an expression in an f-string", instead);
        }
    }
}

/// Finds functions within an expression.
struct Lambdas<'c> {
    place: &'static str,
    complaints: &'c mut Complaints,
}

impl<'a> Visitor<'a> for Lambdas<'_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if expression.is_lambda_expr() {
            let what =
                format!("a lambda within {}: a flow that waits after it could not be kept", self.place);
            self.complaints.add(expression, what, "give it a name on a line before");
        }
        walk_expr(self, expression);
    }
}

impl<'a> Visitor<'a> for Usage<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assert(_) => walk_stmt(&mut self.lambdas("assert"), statement),
            Stmt::Raise(_) => walk_stmt(&mut self.lambdas("raise"), statement),
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(kinds) = &inner.type_ {
            self.lambdas("except").visit_expr(kinds);
        }
        walk_except_handler(self, handler);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::BinOp(operation) => self.format(operation),
            Expr::Call(call) => self.call(call),
            Expr::Attribute(attribute) => self.attribute(attribute),
            Expr::Slice(_) => walk_expr(&mut self.lambdas("a slice"), expression),
            Expr::FString(text) => {
                for part in &text.value {
                    if let FStringPart::FString(part) = part {
                        part.elements.iter().for_each(|element| self.debug_text(element));
                    }
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}
