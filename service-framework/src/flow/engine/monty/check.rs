//! Everything in a script that cannot be run, all of it at once, each with a way to write it instead.

mod complaints;
mod imports;
mod names;
mod probe;
mod reach;
mod scopes;
mod starts;
mod statements;
mod usage;

use monty::MontyRun;
use monty_types::{CompileOptions, MontyException};
use ruff_python_parser::parse_module;

use super::rewrite::{self, Rewritten, Side};
use crate::flow::engine::Complaint;
use complaints::Complaints;
use probe::Probe;
use scopes::Names;

pub(super) use starts::starts;

/// The complaints about a script, in the order of its lines.
pub(super) fn check(source: &str) -> Vec<Complaint> {
    let rewritten = match rewrite::rewrite(source) {
        Ok(rewritten) => rewritten,
        Err(complaint) => return vec![complaint],
    };
    let Ok(parsed) = parse_module(source) else { return Vec::new() };
    let body = &parsed.syntax().body;
    let mut complaints = Complaints::new(source);
    let names = Names::of(body);
    let mut probe = Probe::new();
    statements::check(body, &mut complaints);
    imports::check(body, &names, &mut probe, &mut complaints);
    names::check(&names, &mut probe, &mut complaints);
    usage::check(body, &names, &mut complaints);
    reach::check(body, &names, &mut complaints);
    let found = complaints.sorted();
    if found.is_empty() { compiled(&rewritten).into_iter().collect() } else { found }
}

/// What monty itself has against it; it names the first thing only.
fn compiled(rewritten: &Rewritten) -> Option<Complaint> {
    // Monty takes nothing for a script that it cannot compile.
    let error =
        MontyRun::new(rewritten.text().to_owned(), "flow", Vec::new(), CompileOptions::default()).err()?;
    let (line, column) = place(&error, rewritten);
    let what = error.message().unwrap_or("this cannot be compiled").to_owned();
    Some(Complaint { line, column, what, instead: "write it in a simpler way".to_owned() })
}

fn place(error: &MontyException, rewritten: &Rewritten) -> (u32, u32) {
    let Some(frame) = error.traceback().last() else { return (1, 1) };
    rewritten.back(frame.start.line, frame.start.column, Side::Start)
}

#[cfg(test)]
mod tests;
