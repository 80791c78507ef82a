//! A program as a diagram shows it: steps in the order in which they run, nested programs as boxes around theirs.

use super::plan::{Plan, Role, Row};
use crate::program::spec::{Spec, Target};

/// So many rows of a program are drawn; nobody could read more.
const MOST_ROWS: usize = 500;

#[derive(Debug)]
pub(super) struct Chart {
    pub(super) name: String,
    /// In the order in which they run.
    pub(super) steps: Vec<Step>,
    /// Those that begin first first, and the outer before the inner.
    pub(super) groups: Vec<Group>,
    /// How many steps are left out.
    pub(super) left_out: u64,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) reference: String,
    /// The step that depends on it, if one does.
    pub(super) needed_by: Option<(u64, String)>,
    /// How deep it is in dependencies.
    pub(super) indent: usize,
    /// What undoes it, in order.
    pub(super) undone_by: Vec<String>,
}

/// A nested program.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) needed_by: Option<String>,
    /// The numbers of its first and its last step.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) depth: usize,
}

/// An arrow from one node of a drawing to another.
#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) says: Says,
}

/// What an arrow says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Runs next.
    Next,
    /// Is undone by.
    UndoneBy,
    /// And then by.
    Then,
}

impl Chart {
    /// All arrows of the chart that is drawn at this place: from step to step, and to what undoes each.
    pub(super) fn arrows(&self, index: usize) -> Vec<Arrow> {
        let node = |step: &Step| format!("p{index}s{}", step.number);
        let next = self.steps.windows(2).map(|pair| (node(&pair[0]), node(&pair[1])));
        let mut arrows: Vec<Arrow> = next.map(|(from, to)| Arrow { from, to, says: Says::Next }).collect();
        for step in &self.steps {
            let mut from = node(step);
            for place in 0..step.undone_by.len() {
                let to = format!("{}u{place}", node(step));
                let says = if place == 0 { Says::UndoneBy } else { Says::Then };
                arrows.push(Arrow { from: std::mem::replace(&mut from, to.clone()), to, says });
            }
        }
        arrows
    }
}

/// What comes next when a chart is drawn from top to bottom.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Open(&'a Group),
    Step(&'a Step),
    Close,
}

pub(super) fn charts(spec: &Spec, programs: &[usize]) -> Vec<Chart> {
    programs.iter().filter_map(|place| chart(spec, *place)).collect()
}

fn chart(spec: &Spec, place: usize) -> Option<Chart> {
    let program = spec.programs().get(place)?;
    let plan = Plan::of(spec, place, MOST_ROWS);
    let mut steps: Vec<Step> = Vec::new();
    let mut at = vec![None; plan.rows.len()];
    for (index, row) in plan.rows.iter().enumerate() {
        if let Some(step) = step(spec, &plan, row) {
            at[index] = Some(steps.len());
            steps.push(step);
        } else if let Some(undone) =
            row.parent.and_then(|parent| at[parent]).filter(|_| row.role == Role::Rectifier)
        {
            steps[undone].undone_by.push(name(spec, row.target));
        }
    }
    steps.sort_by_key(|step| step.number);
    let mut groups: Vec<Group> = plan.rows.iter().filter_map(|row| group(spec, &plan, row)).collect();
    groups.sort_by_key(|group| (group.first, group.depth));
    let left_out = spec.steps_of(Target::Program(place)).saturating_sub(steps.len() as u64);
    Some(Chart { name: program.name.clone(), steps, groups, left_out })
}

fn step(spec: &Spec, plan: &Plan, row: &Row) -> Option<Step> {
    let number = plan.number(spec, row)?;
    let Target::Hook(place) = row.target else { return None };
    let hook = spec.hooks().get(place)?;
    let parent = row.parent.map(|parent| &plan.rows[parent]).filter(|_| row.role == Role::Dependency);
    let needed_by = parent.and_then(|parent| Some((plan.number(spec, parent)?, name(spec, parent.target))));
    Some(Step {
        number,
        name: hook.name.clone(),
        reference: hook.reference.clone(),
        needed_by,
        indent: indent(plan, row),
        undone_by: Vec::new(),
    })
}

/// How many hooks depend on each other from this one upwards.
fn indent(plan: &Plan, row: &Row) -> usize {
    let upwards = std::iter::successors(Some(row), |row| plan.rows.get(row.parent?));
    upwards.filter(|row| row.role == Role::Dependency).count()
}

/// A nested program that has steps and runs forwards.
fn group(spec: &Spec, plan: &Plan, row: &Row) -> Option<Group> {
    let Target::Program(_) = row.target else { return None };
    let (before, steps) = (row.before?, spec.steps_of(row.target));
    let parent = row.parent.map(|parent| &plan.rows[parent]).filter(|_| row.role == Role::Dependency);
    let group = Group {
        name: spec.reference_to(row.target),
        needed_by: parent.map(|parent| name(spec, parent.target)),
        first: before + 1,
        last: before + steps,
        depth: row.depth,
    };
    (steps > 0).then_some(group)
}

/// A hook by its name, a program by its reference.
fn name(spec: &Spec, target: Target) -> String {
    match target {
        Target::Hook(_) => spec.name_of(target).to_owned(),
        Target::Program(_) => spec.reference_to(target),
    }
}

impl Chart {
    /// Steps and the boxes around them, from top to bottom.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut groups = self.groups.iter().peekable();
        let mut open: Vec<&Group> = Vec::new();
        for step in &self.steps {
            while open.pop_if(|group| group.last < step.number).is_some() {
                blocks.push(Block::Close);
            }
            while let Some(group) = groups.next_if(|group| group.first <= step.number) {
                // What is left out may be a whole nested program.
                if group.last >= step.number {
                    open.push(group);
                    blocks.push(Block::Open(group));
                }
            }
            blocks.push(Block::Step(step));
        }
        blocks.extend(open.into_iter().map(|_| Block::Close));
        blocks
    }
}
