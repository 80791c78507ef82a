//! Programs as trees in plain text.

use std::fmt::Write as _;

use super::plan::{Plan, Role, Row};
use crate::program::spec::{Hook, LockTemplate, OnCrash, Program, Spec, Target, write_duration};

/// So many rows of a program are shown.
const MOST_ROWS: usize = 10_000;

/// So many names of a reversal are shown.
const MOST_UNDOING: usize = 60;

/// The widest that the column of names gets.
const WIDEST: usize = 60;

pub(super) fn draw(spec: &Spec, programs: &[usize]) -> String {
    let drawn: Vec<String> = programs.iter().filter_map(|place| one(spec, *place)).collect();
    drawn.join("\n")
}

fn one(spec: &Spec, place: usize) -> Option<String> {
    let program = spec.programs().get(place)?;
    let plan = Plan::of(spec, place, MOST_ROWS);
    let mut text = heading(program);
    if plan.rows.is_empty() {
        text.push_str("(no hooks)\n");
    }
    tree(&mut text, spec, &plan);
    if plan.is_cut {
        let _ = writeln!(text, "… of {} steps in all", spec.steps_of(Target::Program(place)));
    } else {
        undoing(&mut text, spec, &plan);
    }
    Some(text)
}

fn heading(program: &Program) -> String {
    let mut text = program.name.clone();
    if !program.description.is_empty() {
        let _ = write!(text, ": {}", one_line(&program.description));
    }
    let mut traits = vec![locks(program)];
    traits.extend(program.timeout.map(|timeout| format!("takes at most {}", write_duration(timeout))));
    traits.push(match program.on_crash {
        OnCrash::Rectify => "is undone after a crash".to_owned(),
        OnCrash::Resume => "goes on after a crash".to_owned(),
    });
    let _ = writeln!(text, "\n({})\n", traits.join("; "));
    text
}

fn locks(program: &Program) -> String {
    match &program.locks {
        None => "holds the lock of the whole server".to_owned(),
        Some(locks) if locks.is_empty() => "holds no lock".to_owned(),
        Some(locks) => {
            let names: Vec<String> = locks.iter().map(LockTemplate::to_string).collect();
            format!("holds {}", names.join(", "))
        }
    }
}

fn tree(text: &mut String, spec: &Spec, plan: &Plan) {
    let mut bars: Vec<bool> = Vec::new();
    let mut lines = Vec::with_capacity(plan.rows.len());
    for row in &plan.rows {
        bars.truncate(row.depth);
        let indent: String = bars.iter().map(|more| if *more { "│  " } else { "   " }).collect();
        bars.push(!row.is_last);
        let branch = if row.is_last { "└─" } else { "├─" };
        lines.push((format!("{indent}{branch} {}", label(spec, plan, row)), right(spec, row)));
    }
    let width = lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default().min(WIDEST);
    for (left, right) in lines {
        let _ = writeln!(text, "{}", format!("{left:<width$}  {right}").trim_end());
    }
}

fn label(spec: &Spec, plan: &Plan, row: &Row) -> String {
    let word = match row.role {
        Role::Step => "",
        Role::Dependency => "needs ",
        Role::Rectifier => "undone by ",
    };
    let number = plan.number(spec, row).map(|number| format!("{number} ")).unwrap_or_default();
    let name = match row.target {
        Target::Hook(_) => spec.name_of(row.target).to_owned(),
        Target::Program(_) => spec.reference_to(row.target),
    };
    let more = if row.is_cut { " …" } else { "" };
    format!("{word}{number}{name}{more}")
}

fn right(spec: &Spec, row: &Row) -> String {
    match row.target {
        Target::Hook(place) => spec.hooks().get(place).map(traits).unwrap_or_default(),
        Target::Program(_) => String::new(),
    }
}

fn traits(hook: &Hook) -> String {
    let attempts = hook.retry.attempts;
    let mut traits = vec![hook.reference.clone()];
    traits.extend((attempts > 1).then(|| format!("{attempts} attempts")));
    traits.extend(hook.timeout.map(|timeout| format!("at most {}", write_duration(timeout))));
    traits.extend(hook.idempotent.then(|| "idempotent".to_owned()));
    traits.join(", ")
}

/// What runs if everything has to be undone, in that order.
fn undoing(text: &mut String, spec: &Spec, plan: &Plan) {
    let of = |row: &Row| plan.rows.get(row.parent?).and_then(|parent| plan.number(spec, parent));
    let rectifiers = plan.rows.iter().filter(|row| row.role == Role::Rectifier);
    let mut numbered: Vec<(u64, Target)> =
        rectifiers.filter_map(|row| Some((of(row)?, row.target))).collect();
    // The last step first; of one step's rectifiers the order stays.
    numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    let shown = numbered.iter().take(MOST_UNDOING);
    let mut names: Vec<String> = shown.map(|(number, target)| named(spec, *number, *target)).collect();
    if numbered.len() > MOST_UNDOING {
        names.push(format!("… {} more", numbered.len() - MOST_UNDOING));
    }
    if !names.is_empty() {
        let _ = writeln!(text, "\nundone in this order: {}", names.join(", "));
    }
}

fn named(spec: &Spec, number: u64, target: Target) -> String {
    match target {
        Target::Hook(_) => format!("{} ({number})", spec.name_of(target)),
        Target::Program(_) => format!("{} ({number})", spec.reference_to(target)),
    }
}

/// Text for people may have several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
