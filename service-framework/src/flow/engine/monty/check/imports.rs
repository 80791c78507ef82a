//! Imports of what there is not, and names that modules have not.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Alias, Expr, ExprAttribute, Stmt, StmtImportFrom};

use super::complaints::{Complaints, did_you_mean};
use super::probe::Probe;
use super::scopes::Names;
use crate::flow::engine::monty::rewrite::{PLAIN_MODULES, place};

/// The modules of `flow`, and what they have. `tests.rs` holds it against the prelude.
pub(super) const MODULES: [(&str, &[&str]); 10] = [
    ("flow.events", &["emit", "publish", "queue", "signal"]),
    ("flow.flows", &["cancel", "flow", "get", "spawn", "start", "this"]),
    ("flow.http", &["callback", "request"]),
    ("flow.program", &["run"]),
    ("flow.retry", &["retry"]),
    ("flow.saga", &["on_failure"]),
    ("flow.secrets", &["get"]),
    ("flow.service", &["to_send"]),
    ("flow.tasks", &["gather"]),
    ("flow.time", &["Timeout", "forever", "now", "sleep", "timeout"]),
];

/// Modules that scripts often want, and what flows have instead.
const INSTEAD: [(&str, &str); 21] = [
    ("os", "flows have no environment: get what you need as an argument, a secret from flow.secrets"),
    ("sys", "get arguments as parameters of the function, and end with return or raise"),
    ("pathlib", "flows have no files: ask a service, or get what you need as an argument"),
    ("shutil", "flows have no files: ask a service, or get what you need as an argument"),
    ("subprocess", "run a program with flow.program, or ask a service with flow.service"),
    ("socket", "use flow.http or flow.service"),
    ("requests", "use flow.http: `request.get(url).json()`"),
    ("httpx", "use flow.http: `request.get(url).json()`"),
    ("urllib", "use flow.http; its params= and data= do the quoting"),
    ("threading", "use flow.tasks: `await gather(...)`"),
    ("concurrent", "use flow.tasks: `await gather(..., limit=10)`"),
    ("multiprocessing", "use flow.tasks: `await gather(...)`"),
    ("logging", "print: what a flow prints is kept with it"),
    ("decimal", "count in the smallest unit as an int, or pass it on as text"),
    ("enum", "use text constants"),
    ("contextlib", "write a class with __enter__ and __exit__"),
    ("copy", "use dict(d), list(l), or json.loads(json.dumps(x))"),
    ("hashlib", "let a service do it"),
    ("secrets", "use random or uuid; secrets of the server are in flow.secrets"),
    ("string", "write the characters out"),
    ("operator", "write a lambda"),
];

/// Builtin types whose methods are often used as functions.
const TYPES: [&str; 9] = ["bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str"];

pub(super) fn check(body: &[Stmt], names: &Names, probe: &mut Probe, complaints: &mut Complaints) {
    Imports { names, probe, complaints }.visit_body(body);
}

struct Imports<'c> {
    names: &'c Names,
    probe: &'c mut Probe,
    complaints: &'c mut Complaints,
}

fn is_known(module: &str) -> bool {
    place(module)
        .is_some_and(|_| !module.starts_with("flow.") || MODULES.iter().any(|(name, _)| *name == module))
        || PLAIN_MODULES.contains(&module)
}

impl Imports<'_> {
    /// Whether a module is there; complains if not.
    fn module(&mut self, module: &str, alias: &Alias) -> bool {
        self.module_at(module, alias.range)
    }

    fn module_at(&mut self, module: &str, range: ruff_text_size::TextRange) -> bool {
        if is_known(module) {
            return true;
        }
        let first = module.split('.').next().unwrap_or_default();
        let instead = match INSTEAD.iter().find(|(name, _)| *name == first) {
            Some((_, instead)) => (*instead).to_owned(),
            None => {
                let known = MODULES
                    .iter()
                    .map(|(name, _)| *name)
                    .chain(PLAIN_MODULES)
                    .chain(["time", "random", "uuid"]);
                did_you_mean(module, known).unwrap_or_else(|| {
                    "flows are one file: write what you need into it, or ask a service with flow.service"
                        .to_owned()
                })
            }
        };
        self.complaints.add(range, format!("there is no module {module} for flows"), instead);
        false
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        if import.level > 0 {
            let instead = "flows are one file: write what you need into it";
            self.complaints.add(import, "a relative import", instead);
            return;
        }
        let Some(module) = import.module.as_ref() else { return };
        if module.as_str() == "__future__" || !self.module_at(module, import.range) {
            return;
        }
        for alias in &import.names {
            match alias.name.as_str() {
                "*" => self.complaints.add(alias, "import *", "name what you need: `from m import a, b`"),
                // Modules themselves.
                name if module.as_str() == "flow" => {
                    self.module(&format!("flow.{name}"), alias);
                }
                name => self.name(module, name, alias),
            }
        }
    }

    /// Complains if a module has no such name.
    fn name(&mut self, module: &str, name: &str, at: impl ruff_text_size::Ranged) {
        let has = match place(module) {
            Some(place) => self.probe.has_in_prelude(&place, name),
            None => self.probe.has_in_module(module, name),
        };
        if has {
            return;
        }
        let known =
            MODULES.iter().find(|(known, _)| *known == module).map(|(_, names)| *names).unwrap_or_default();
        let instead = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known {
            [] => format!("do without it: {module} has only a part of what Python's has"),
            known => format!("it has {}", known.join(", ")),
        });
        self.complaints.add(at, format!("{module} has no {name}"), instead);
    }

    /// Complains if a builtin type has no such method; as functions, few are there.
    fn method(&mut self, attribute: &ExprAttribute) {
        let Expr::Name(name) = attribute.value.as_ref() else { return };
        let is_builtin =
            TYPES.contains(&name.id.as_str()) && !self.names.bound.contains_key(name.id.as_str());
        if !is_builtin || self.probe.has_in_prelude(&name.id, &attribute.attr) {
            return;
        }
        let instead = match attribute.attr.as_str() {
            "from_bytes" => "add it up: `sum(b << (8 * n) for n, b in enumerate(reversed(data)))`".to_owned(),
            "fromkeys" => "write `{key: None for key in keys}`".to_owned(),
            method => format!("call it on a value: `lambda x: x.{method}()`"),
        };
        self.complaints.add(&attribute.attr, format!("{} has no {} here", name.id, attribute.attr), instead);
    }

    /// The module that an expression is, such as `flow.http` or an alias of it.
    fn module_of(&self, expression: &Expr) -> Option<String> {
        let path = self.names.path_of(expression)?;
        let is_inside = expression.is_attribute_expr() && path.split('.').nth(1).is_some();
        (!is_inside || path.starts_with("flow.") && path.matches('.').count() == 1).then_some(path)
    }
}

impl<'a> Visitor<'a> for Imports<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.module(&alias.name, alias);
                }
            }
            Stmt::ImportFrom(import) => self.import_from(import),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Attribute(attribute) = expression {
            self.method(attribute);
            match self.module_of(&attribute.value).as_deref() {
                Some("flow") => {
                    self.module_at(&format!("flow.{}", attribute.attr), attribute.attr.range);
                }
                Some(module) if is_known(module) => self.name(module, &attribute.attr, &attribute.attr),
                _ => {}
            }
        }
        walk_expr(self, expression);
    }
}
