//! Functions that may wait, where nothing may; and deadlines, where there are none.
//!
//! Monty calls some functions in a way that cannot be suspended: key functions of `list.sort`, factories of
//! `defaultdict`, `__eq__`, `__repr__` and `__str__`. Whether a function may wait is told from the names that it calls, which can
//! be more than it does, but no less unless it calls something that it was given.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use ruff_text_size::TextRange;

use super::complaints::Complaints;
use super::scopes::Names;

/// Methods that monty calls where nothing may wait.
const CALLED_WITHIN: [&str; 3] = ["__eq__", "__repr__", "__str__"];

/// What a function does itself.
#[derive(Debug, Default)]
struct Does {
    /// Functions, by their last names.
    calls: HashSet<String>,
    waits: bool,
    has_deadline: bool,
}

pub(super) fn check(body: &[Stmt], names: &Names, complaints: &mut Complaints) {
    let mut functions = Functions { names, found: HashMap::new(), asyncs: Vec::new(), methods: Vec::new() };
    functions.visit_body(body);
    let Functions { found, asyncs, methods, .. } = functions;
    let waiting = reached(&found, |does| does.waits);
    let bounded = reached(&found, |does| does.has_deadline);
    for (name, range) in asyncs.iter().filter(|(name, _)| bounded.contains(name)) {
        let what =
            format!("`with timeout` within the async function {name}: a task has no deadline of its own");
        complaints.add(*range, what, "put `with timeout(...)` around the await of gather(), in a plain def");
    }
    for (name, range) in methods.iter().filter(|(name, _)| waiting.contains(name)) {
        complaints.add(
            *range,
            format!("{name} must not wait for anything outside"),
            "ask before, and keep the answer",
        );
    }
    Suspended { names, found: &found, waiting: &waiting, complaints }.visit_body(body);
}

/// The functions that do something, or call one that does.
fn reached(found: &HashMap<String, Does>, itself: impl Fn(&Does) -> bool) -> HashSet<String> {
    let mut reached: HashSet<String> =
        found.iter().filter(|(_, does)| itself(does)).map(|(name, _)| name.clone()).collect();
    loop {
        let more: Vec<String> = found
            .iter()
            .filter(|(name, does)| !reached.contains(*name) && !does.calls.is_disjoint(&reached))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return reached;
        }
        reached.extend(more);
    }
}

/// Looks at what each function does.
struct Functions<'c> {
    names: &'c Names,
    found: HashMap<String, Does>,
    asyncs: Vec<(String, TextRange)>,
    methods: Vec<(String, TextRange)>,
}

impl<'a> Visitor<'a> for Functions<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::FunctionDef(function) = statement {
            self.function(function);
        }
        walk_stmt(self, statement);
    }
}

impl Functions<'_> {
    fn function(&mut self, function: &StmtFunctionDef) {
        let mut body = Body { names: self.names, does: Does::default() };
        body.visit_body(&function.body);
        let name = function.name.to_string();
        if function.is_async {
            self.asyncs.push((name.clone(), function.name.range));
        }
        if CALLED_WITHIN.contains(&name.as_str()) {
            self.methods.push((name.clone(), function.name.range));
        }
        // Of two functions of one name it may be either.
        let known = self.found.entry(name).or_default();
        known.calls.extend(body.does.calls);
        known.waits |= body.does.waits;
        known.has_deadline |= body.does.has_deadline;
    }
}

/// Looks at what stands in a function, but not in those inside of it.
struct Body<'c> {
    names: &'c Names,
    does: Does,
}

impl Body<'_> {
    /// What an expression was imported as, whatever is done with it: `flow.http.request` for `request.get(url).json`.
    fn origin(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(name) => self.names.import(&name.id).map(str::to_owned),
            Expr::Attribute(attribute) => {
                Some(format!("{}.{}", self.origin(&attribute.value)?, attribute.attr))
            }
            Expr::Call(call) => self.origin(&call.func),
            _ => None,
        }
    }

    fn called(&mut self, function: &Expr) {
        match function {
            Expr::Name(name) => self.does.calls.insert(name.id.to_string()),
            Expr::Attribute(attribute) => self.does.calls.insert(attribute.attr.to_string()),
            _ => false,
        };
        self.does.waits |= self.origin(function).is_some_and(|origin| may_wait(&origin));
    }
}

/// Whether something of this name asks the host for anything.
fn may_wait(origin: &str) -> bool {
    let asks = ["flow.", "time.", "random.", "datetime."].iter().any(|module| origin.starts_with(module));
    let is_only_data =
        ["flow.secrets", "flow.saga", "datetime."].iter().any(|module| origin.starts_with(module));
    let is_clock =
        origin.starts_with("datetime.") && (origin.ends_with(".now") || origin.ends_with(".today"));
    (asks && !is_only_data) || is_clock || origin == "uuid.uuid4"
}

impl<'a> Visitor<'a> for Body<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::With(with) => {
                self.does.has_deadline |= with.items.iter().any(|item| match &item.context_expr {
                    Expr::Call(call) => self.origin(&call.func).as_deref() == Some("flow.time.timeout"),
                    _ => false,
                });
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Await(_) => self.does.waits = true,
            Expr::Call(call) => self.called(&call.func),
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// Looks for functions that are called where nothing may wait.
struct Suspended<'c> {
    names: &'c Names,
    found: &'c HashMap<String, Does>,
    waiting: &'c HashSet<String>,
    complaints: &'c mut Complaints,
}

impl Suspended<'_> {
    fn may_wait(&self, function: &Expr) -> bool {
        match function {
            Expr::Name(name) if self.found.contains_key(name.id.as_str()) => {
                self.waiting.contains(name.id.as_str())
            }
            Expr::Name(name) => self.names.import(&name.id).is_some_and(may_wait),
            Expr::Lambda(lambda) => {
                let mut body = Body { names: self.names, does: Does::default() };
                body.visit_expr(&lambda.body);
                body.does.waits || !body.does.calls.is_disjoint(self.waiting)
            }
            _ => false,
        }
    }
}

impl<'a> Visitor<'a> for Suspended<'_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            let key = call.arguments.keywords.iter().find(|word| word.arg.as_deref() == Some("key"));
            match call.func.as_ref() {
                Expr::Attribute(attribute) if attribute.attr.as_str() == "sort" => {
                    if let Some(key) = key.filter(|key| self.may_wait(&key.value)) {
                        let instead = "write `items = sorted(items, key=...)`, whose key may wait";
                        self.complaints.add(
                            key,
                            "a key of list.sort that waits for something outside",
                            instead,
                        );
                    }
                }
                Expr::Name(name) if self.names.import(&name.id) == Some("collections.defaultdict") => {
                    if let Some(factory) =
                        call.arguments.args.first().filter(|factory| self.may_wait(factory))
                    {
                        let instead = "use a dict, and ask where a key is missing";
                        self.complaints.add(
                            factory,
                            "a defaultdict whose factory waits for something outside",
                            instead,
                        );
                    }
                }
                _ => {}
            }
        }
        walk_expr(self, expression);
    }
}
