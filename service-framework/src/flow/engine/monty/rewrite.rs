//! What is changed in a script before monty gets it, and how places in both texts belong together.
//!
//! Lines stay what they are. Only four things change: imports of what the prelude has, awaits (so that an event can be
//! awaited again and again), exceptions made of something else than text (which this monty cannot make), and looking at
//! what may be a request that was not sent yet.

mod edits;
mod imports;
mod places;

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Arguments, Expr, ExprCall, ModModule, Stmt};
use ruff_python_parser::lexer::lex;
use ruff_python_parser::{Mode, Parsed, parse_module};
use ruff_text_size::Ranged;

use super::prelude::RESERVED;
use crate::flow::engine::Complaint;
use edits::Edits;

pub(super) use edits::{Rewritten, Side};
pub(super) use imports::{PLAIN_MODULES, place};
pub(super) use places::Places;

/// Attributes of a response that a request has too, once it is sent.
const OF_RESPONSES: [&str; 6] = ["status_code", "reason", "headers", "content", "ok", "text"];

/// Rewrites a script.
///
/// # Errors
/// It is no Python, or so deep that it could not be read safely.
pub(super) fn rewrite(source: &str) -> Result<Rewritten, Complaint> {
    if let Some(complaint) = too_deep(source) {
        return Err(complaint);
    }
    let parsed = parse_module(source).map_err(|error| {
        let (line, column) = Places::new(source).at(error.location.start().to_usize());
        Complaint {
            line,
            column,
            what: error.error.to_string(),
            instead: "write it as Python 3 has it".to_owned(),
        }
    })?;
    if let Some(complaint) = reserved(source, parsed.tokens()) {
        return Err(complaint);
    }
    let mut rewriter = Rewriter { source, edits: Edits::default() };
    rewriter.visit_body(&parsed.syntax().body);
    Ok(rewriter.edits.apply(source))
}

/// A script that can be looked through; none if it is no Python, or so deep that it could not be.
pub(super) fn read(source: &str) -> Option<Parsed<ModModule>> {
    if too_deep(source).is_some() { None } else { parse_module(source).ok() }
}

/// So many tokens may follow each other without anything that ends what they make; each can nest once more.
const DEEPEST: usize = 2_000;

/// Whether it nests deeper than what follows could walk on its stack, told from its tokens.
///
/// The parser makes trees of any depth from flat text such as `a.b.b.b`, which cannot even be dropped again.
fn too_deep(source: &str) -> Option<Complaint> {
    let mut lexer = lex(source, Mode::Module);
    // Tokens since the last comma, within each of the open brackets, and around all of it.
    let (mut here, mut outside, mut open) = (0, Vec::new(), 0);
    let (mut indents, mut line) = (0_usize, 1);
    loop {
        let kind = lexer.next_token();
        match kind {
            TokenKind::EndOfFile => return None,
            TokenKind::Newline | TokenKind::Semi => {
                outside.clear();
                (here, open) = (0, 0);
            }
            TokenKind::NonLogicalNewline | TokenKind::Comment => {}
            TokenKind::Comma => here = 0,
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                outside.push(here + 1);
                open += here + 1;
                here = 0;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                here = outside.pop().unwrap_or(0);
                open -= here;
            }
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            _ => here += 1,
        }
        if here + open + indents > DEEPEST {
            let instead = "split it over several statements".to_owned();
            let what = "this is nested too deeply".to_owned();
            return Some(Complaint { line, column: 1, what, instead });
        }
        line += u32::from(matches!(kind, TokenKind::Newline | TokenKind::NonLogicalNewline));
    }
}

/// A name that is the prelude's. With one, a script could ask the host for anything in any way.
fn reserved(source: &str, tokens: &Tokens) -> Option<Complaint> {
    let mut names = tokens.iter().filter(|token| token.kind() == TokenKind::Name).map(Ranged::range);
    let range = names.find(|range| source[range.start().to_usize()..].starts_with(RESERVED))?;
    let (line, column) = Places::new(source).at(range.start().to_usize());
    let what = format!("names that begin with {RESERVED} are not for scripts");
    Some(Complaint { line, column, what, instead: "give it another name".to_owned() })
}

struct Rewriter<'a> {
    source: &'a str,
    edits: Edits,
}

impl Rewriter<'_> {
    fn wrap(&mut self, expression: &Expr, function: &'static str) {
        let range = expression.range();
        self.edits.wrap(range.start().to_usize(), range.end().to_usize(), function);
    }

    /// The arguments of a call become one text.
    fn wrap_arguments(&mut self, arguments: &Arguments) {
        let (start, end) = (arguments.range.start().to_usize(), arguments.range.end().to_usize());
        self.edits.wrap(start + 1, end - 1, "__flow_msg__");
    }
}

impl<'a> Visitor<'a> for Rewriter<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let replaced = match statement {
            Stmt::Import(import) => imports::import(import, self.source),
            Stmt::ImportFrom(import) => imports::import_from(import, self.source),
            _ => None,
        };
        match replaced {
            Some(text) => {
                let range = statement.range();
                self.edits.replace(range.start().to_usize(), range.end().to_usize(), text);
            }
            None => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Await(awaited) => self.wrap(&awaited.value, "__flow_wait__"),
            Expr::Call(call) if makes_exception(call) => self.wrap_arguments(&call.arguments),
            Expr::Attribute(attribute)
                if attribute.ctx.is_load() && OF_RESPONSES.contains(&attribute.attr.as_str()) =>
            {
                let is_text = attribute.attr.as_str() == "text";
                self.wrap(&attribute.value, if is_text { "__flow_text__" } else { "__flow_sent__" });
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// Whether it makes an exception of something that may be no text.
fn makes_exception(call: &ExprCall) -> bool {
    let Expr::Name(name) = call.func.as_ref() else { return false };
    let is_exception = name.id.as_str() == "Timeout" || name.id.parse::<monty_types::ExcType>().is_ok();
    let is_text = matches!(call.arguments.args.as_ref(), [Expr::StringLiteral(_) | Expr::FString(_)]);
    is_exception && !is_text && !call.arguments.args.is_empty() && call.arguments.keywords.is_empty()
}

#[cfg(test)]
mod tests;
