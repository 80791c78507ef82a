//! Which names a script binds and uses, by the rules of Python's scopes.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Comprehension, ExceptHandler, Expr, ExprName, Parameters, Stmt, StmtFunctionDef};
use ruff_text_size::TextRange;

/// How something came to be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// By an import of this module, or of `name` in `module` as `module.name`.
    Import(String),
    /// By `def`.
    Function,
    /// In any other way.
    Other,
}

/// The names of a script.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Everything that is bound anywhere, and how.
    pub(super) bound: HashMap<String, Vec<Bound>>,
    /// Names that are used where nothing of the script binds them.
    pub(super) unbound: Vec<(String, TextRange)>,
}

impl Names {
    pub(super) fn of(body: &[Stmt]) -> Self {
        let mut names = Names::default();
        let module = names.bind(body, None);
        let mut walk = Walk { names: &mut names, scopes: vec![Scope { bound: module, is_class: false }] };
        walk.visit_body(body);
        names
    }

    /// The module or the part of one that a name stands for wherever it is used; none if it is bound in another way too.
    pub(super) fn import(&self, name: &str) -> Option<&str> {
        match self.bound.get(name)?.as_slice() {
            [Bound::Import(first), rest @ ..]
                if rest.iter().all(|other| *other == Bound::Import(first.clone())) =>
            {
                Some(first)
            }
            _ => None,
        }
    }

    /// The module, or the part of one, that an expression stands for, such as `flow.flows.start` for `flows.start`.
    pub(super) fn path_of(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(name) => self.import(&name.id).map(str::to_owned),
            Expr::Attribute(attribute) => {
                Some(format!("{}.{}", self.path_of(&attribute.value)?, attribute.attr))
            }
            _ => None,
        }
    }

    /// The names that a scope binds.
    fn bind(&mut self, body: &[Stmt], parameters: Option<&Parameters>) -> HashSet<String> {
        let mut binder = Binder { names: self, bound: HashSet::new(), elsewhere: HashSet::new() };
        if let Some(parameters) = parameters {
            binder.parameters(parameters);
        }
        binder.visit_body(body);
        let Binder { bound, elsewhere, .. } = binder;
        bound.difference(&elsewhere).cloned().collect()
    }
}

/// Collects what one scope binds, without looking into others.
struct Binder<'n> {
    names: &'n mut Names,
    bound: HashSet<String>,
    /// Declared `global` or `nonlocal`.
    elsewhere: HashSet<String>,
}

impl Binder<'_> {
    fn bind(&mut self, name: &str, how: Bound) {
        self.bound.insert(name.to_owned());
        self.names.bound.entry(name.to_owned()).or_default().push(how);
    }

    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters.iter() {
            self.bind(parameter.name(), Bound::Other);
        }
    }
}

impl<'a> Visitor<'a> for Binder<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.bind(&function.name, Bound::Function),
            Stmt::ClassDef(class) => self.bind(&class.name, Bound::Other),
            Stmt::Global(global) => self.elsewhere.extend(global.names.iter().map(ToString::to_string)),
            Stmt::Nonlocal(nonlocal) => self.elsewhere.extend(nonlocal.names.iter().map(ToString::to_string)),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let (name, module) = match &alias.asname {
                        Some(name) => (name.as_str(), alias.name.as_str()),
                        None => {
                            let first = alias.name.split('.').next().unwrap_or_default();
                            (first, first)
                        }
                    };
                    self.bind(name, Bound::Import(module.to_owned()));
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map(ToString::to_string).unwrap_or_default();
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.bind(name, Bound::Import(format!("{module}.{}", alias.name)));
                }
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if !name.ctx.is_load() => self.bind(&name.id, Bound::Other),
            Expr::Lambda(_) => {}
            // Only a walrus binds out of a comprehension.
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                let mut walrus = Walrus { binder: self };
                walk_expr(&mut walrus, expression);
            }
            _ => walk_expr(self, expression),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name, Bound::Other);
        }
        ruff_python_ast::visitor::walk_except_handler(self, handler);
    }
}

/// Collects what walruses within a comprehension bind.
struct Walrus<'b, 'n> {
    binder: &'b mut Binder<'n>,
}

impl<'a> Visitor<'a> for Walrus<'_, '_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Lambda(_) => return,
            Expr::Named(named) => {
                if let Expr::Name(name) = named.target.as_ref() {
                    self.binder.bind(&name.id, Bound::Other);
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

struct Scope {
    bound: HashSet<String>,
    /// Its names are not seen from functions inside of it.
    is_class: bool,
}

/// Looks names up.
struct Walk<'n> {
    names: &'n mut Names,
    scopes: Vec<Scope>,
}

impl Walk<'_> {
    fn is_bound(&self, name: &str) -> bool {
        let innermost = self.scopes.len().saturating_sub(1);
        let mut scopes = self.scopes.iter().enumerate();
        scopes.any(|(at, scope)| (at == innermost || !scope.is_class) && scope.bound.contains(name))
    }

    fn look_up(&mut self, name: &ExprName) {
        if name.ctx.is_load() && !self.is_bound(&name.id) {
            self.names.unbound.push((name.id.to_string(), name.range));
        }
    }

    fn within(&mut self, bound: HashSet<String>, is_class: bool, walk: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope { bound, is_class });
        walk(self);
        self.scopes.pop();
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        function.decorator_list.iter().for_each(|decorator| self.visit_expr(&decorator.expression));
        self.defaults(&function.parameters);
        let bound = self.names.bind(&function.body, Some(&function.parameters));
        self.within(bound, false, |walk| walk.visit_body(&function.body));
    }

    /// Annotations are not looked at when a script runs.
    fn defaults(&mut self, parameters: &Parameters) {
        let defaults =
            parameters.iter_non_variadic_params().filter_map(|parameter| parameter.default.as_deref());
        defaults.for_each(|default| self.visit_expr(default));
    }

    fn comprehension(&mut self, generators: &[Comprehension], results: &[&Expr]) {
        let Some((first, rest)) = generators.split_first() else { return };
        self.visit_expr(&first.iter);
        let mut bound = HashSet::new();
        for generator in generators {
            targets(&generator.target, &mut bound);
        }
        for name in &bound {
            self.names.bound.entry(name.clone()).or_default().push(Bound::Other);
        }
        self.within(bound, false, |walk| {
            first.ifs.iter().for_each(|test| walk.visit_expr(test));
            for generator in rest {
                walk.visit_expr(&generator.iter);
                generator.ifs.iter().for_each(|test| walk.visit_expr(test));
            }
            results.iter().for_each(|result| walk.visit_expr(result));
        });
    }
}

/// The names in the target of an assignment.
fn targets(target: &Expr, bound: &mut HashSet<String>) {
    match target {
        Expr::Name(name) => {
            bound.insert(name.id.to_string());
        }
        Expr::Tuple(tuple) => tuple.elts.iter().for_each(|item| targets(item, bound)),
        Expr::List(list) => list.elts.iter().for_each(|item| targets(item, bound)),
        Expr::Starred(starred) => targets(&starred.value, bound),
        _ => {}
    }
}

impl<'a> Visitor<'a> for Walk<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|decorator| self.visit_expr(&decorator.expression));
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
                let bound = self.names.bind(&class.body, None);
                self.within(bound, true, |walk| walk.visit_body(&class.body));
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => self.look_up(name),
            Expr::Lambda(lambda) => {
                let mut bound = HashSet::new();
                if let Some(parameters) = &lambda.parameters {
                    self.defaults(parameters);
                    bound = self.names.bind(&[], Some(parameters));
                }
                self.within(bound, false, |walk| walk.visit_expr(&lambda.body));
            }
            Expr::ListComp(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::Generator(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::DictComp(comp) => {
                let mut results: Vec<&Expr> = comp.key.as_deref().into_iter().collect();
                results.push(&comp.value);
                self.comprehension(&comp.generators, &results);
            }
            _ => walk_expr(self, expression),
        }
    }
}
