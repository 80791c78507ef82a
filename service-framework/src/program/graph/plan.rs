//! What runs when a program runs, as the rows of a tree: below each hook what it depends on, then what undoes it.

use crate::program::spec::{Spec, Target};

/// Rows deeper than this are left out.
const MOST_DEPTH: usize = 40;

/// Why something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is named by a program.
    Step,
    /// The hook above depends on it.
    Dependency,
    /// It undoes the hook above.
    Rectifier,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) target: Target,
    pub(super) role: Role,
    pub(super) depth: usize,
    /// The row above it in the tree.
    pub(super) parent: Option<usize>,
    /// How many steps run before it and what it needs; None for what runs only to undo.
    pub(super) before: Option<u64>,
    /// Whether it is the last below its parent.
    pub(super) is_last: bool,
    /// Whether something below it is left out.
    pub(super) is_cut: bool,
}

/// The rows of one program, in the order of the tree.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
    /// Whether rows are left out.
    pub(super) is_cut: bool,
}

impl Plan {
    /// The rows of a program, `most` of them.
    pub(super) fn of(spec: &Spec, program: usize, most: usize) -> Plan {
        let mut plan = Plan { rows: Vec::new(), is_cut: false };
        let mut waiting = Vec::new();
        push_all(&mut waiting, &mut children_of_program(spec, program, Some(0), (0, None)));
        while let Some(mut row) = waiting.pop() {
            if plan.rows.len() == most {
                plan.is_cut = true;
                break;
            }
            let mut children = children(spec, &row, plan.rows.len());
            row.is_cut = row.depth == MOST_DEPTH && !children.is_empty();
            if !row.is_cut {
                push_all(&mut waiting, &mut children);
            }
            plan.is_cut |= row.is_cut;
            plan.rows.push(row);
        }
        plan
    }

    /// The number of the step that a row is: how many have run when it has. None for programs and for what undoes.
    pub(super) fn number(&self, spec: &Spec, row: &Row) -> Option<u64> {
        match row.target {
            Target::Hook(_) => Some(row.before? + spec.steps_of(row.target)),
            Target::Program(_) => None,
        }
    }
}

/// Puts rows where the first of them is taken next.
fn push_all(waiting: &mut Vec<Row>, rows: &mut Vec<Row>) {
    rows.last_mut().into_iter().for_each(|last| last.is_last = true);
    waiting.extend(rows.drain(..).rev());
}

/// What stands below a row, which is at `place`.
fn children(spec: &Spec, row: &Row, place: usize) -> Vec<Row> {
    let below = (row.depth + 1, Some(place));
    let hook = match row.target {
        Target::Program(program) => return children_of_program(spec, program, row.before, below),
        Target::Hook(hook) => spec.hooks().get(hook),
    };
    let Some(hook) = hook else { return Vec::new() };
    let mut children = rows(spec, &hook.dependencies, Role::Dependency, row.before, below);
    // What undoes is not undone itself.
    if row.before.is_some() {
        children.extend(rows(spec, &hook.rectifiers, Role::Rectifier, None, below));
    }
    children
}

fn children_of_program(
    spec: &Spec,
    program: usize,
    before: Option<u64>,
    below: (usize, Option<usize>),
) -> Vec<Row> {
    let hooks = spec.programs().get(program).map_or(&[][..], |program| &program.hooks);
    rows(spec, hooks, Role::Step, before, below)
}

fn rows(
    spec: &Spec,
    targets: &[Target],
    role: Role,
    mut before: Option<u64>,
    (depth, parent): (usize, Option<usize>),
) -> Vec<Row> {
    let row = |target: &Target| {
        let row = Row { target: *target, role, depth, parent, before, is_last: false, is_cut: false };
        before = before.map(|before| before + spec.steps_of(*target));
        row
    };
    targets.iter().map(row).collect()
}
