//! Where everything of a picture stands. A rail on the left runs downwards past the steps; right of each step stands what
//! undoes it.

use super::chart::{Block, Chart, Group, Step};

/// What is between the edge and everything else.
pub(super) const MARGIN: f64 = 24.0;

/// Where the rail is.
pub(super) const RAIL: f64 = MARGIN + 16.0;

/// How high a box is, and how far the next is.
pub(super) const BOX: f64 = 30.0;
pub(super) const LINE: f64 = 46.0;

/// How wide a character is.
const CHARACTER: f64 = 7.3;

/// How much further in a dependency or a box within a box stands.
const INDENT: f64 = 20.0;

/// The deepest that is shown deeper than what is above it.
const MOST_INDENTS: usize = 12;

/// How high the title of a nested program is.
const TITLE: f64 = 26.0;

/// What is between the steps and what undoes them.
const GAP: f64 = 96.0;

/// The longest name that is shown whole.
const MOST_CHARACTERS: usize = 48;

/// A rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug)]
pub(super) struct PlacedStep<'a> {
    pub(super) step: &'a Step,
    pub(super) frame: Frame,
    /// What undoes it, with the text that is shown.
    pub(super) undone_by: Vec<(&'a str, Frame)>,
}

#[derive(Debug)]
pub(super) struct PlacedGroup<'a> {
    pub(super) group: &'a Group,
    pub(super) frame: Frame,
}

/// One program, from `top` to `bottom`.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) steps: Vec<PlacedStep<'a>>,
    pub(super) groups: Vec<PlacedGroup<'a>>,
    pub(super) bottom: f64,
    pub(super) right: f64,
}

/// Places a program below `top`.
pub(super) fn layout(chart: &Chart, top: f64) -> Layout<'_> {
    let mut layout = Layout { steps: Vec::new(), groups: Vec::new(), bottom: top, right: 0.0 };
    let mut open: Vec<usize> = Vec::new();
    for block in chart.blocks() {
        match block {
            Block::Open(group) => {
                let x = RAIL + 24.0 + INDENT * open.len().min(MOST_INDENTS) as f64;
                let frame = Frame { x, y: layout.bottom, width: 24.0 + width(&title(group)), height: 0.0 };
                open.push(layout.groups.len());
                layout.groups.push(PlacedGroup { group, frame });
                layout.bottom += TITLE;
            }
            Block::Step(step) => layout.step(step, open.len()),
            Block::Close => {
                if let Some(group) = open.pop().and_then(|place| layout.groups.get_mut(place)) {
                    layout.bottom += 4.0;
                    group.frame.height = layout.bottom - group.frame.y;
                    layout.bottom += 10.0;
                }
            }
        }
    }
    layout.widen_groups();
    layout.place_rectifiers();
    layout
}

/// What stands above a nested program.
pub(super) fn title(group: &Group) -> String {
    match &group.needed_by {
        Some(needed_by) => format!("{} for {}", shown(&group.name), shown(needed_by)),
        None => shown(&group.name),
    }
}

/// A name that is not too long.
pub(super) fn shown(name: &str) -> String {
    match name.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// How wide a text is: letters of many scripts are twice as wide as these.
fn width(text: &str) -> f64 {
    text.chars().map(|c| if u32::from(c) < 0x1100 { CHARACTER } else { 2.0 * CHARACTER }).sum()
}

impl<'a> Layout<'a> {
    fn step(&mut self, step: &'a Step, groups: usize) {
        let indents = (step.indent + groups).min(MOST_INDENTS);
        let x = RAIL + 34.0 + INDENT * indents as f64;
        let frame = Frame { x, y: self.bottom, width: 24.0 + width(&shown(&step.name)), height: BOX };
        let beside = step.undone_by.len().max(1);
        self.bottom += LINE + (beside - 1) as f64 * (BOX + 6.0);
        self.steps.push(PlacedStep { step, frame, undone_by: Vec::new() });
    }

    /// A box is as wide as what is in it.
    fn widen_groups(&mut self) {
        // The inner stand behind the outer, so they are as wide as they must be when those are looked at.
        for place in (0..self.groups.len()).rev() {
            let Some(frame) = self.groups.get(place).map(|group| group.frame) else { continue };
            let is_in = |inner: &Frame| inner.y > frame.y && inner.y < frame.y + frame.height;
            let steps = self.steps.iter().map(|step| step.frame);
            let groups = self.groups.iter().skip(place + 1).map(|group| group.frame);
            let ends = steps.chain(groups).filter(is_in).map(|inner| inner.x + inner.width + 10.0);
            let right = ends.fold(frame.x + frame.width, f64::max);
            self.groups[place].frame.width = right - frame.x;
        }
    }

    /// What undoes stands in a column of its own.
    fn place_rectifiers(&mut self) {
        let frames =
            self.steps.iter().map(|step| step.frame).chain(self.groups.iter().map(|group| group.frame));
        let right = frames.map(|frame| frame.x + frame.width).fold(0.0, f64::max);
        self.right = right;
        for placed in &mut self.steps {
            for (place, name) in placed.step.undone_by.iter().enumerate() {
                let y = placed.frame.y + place as f64 * (BOX + 6.0);
                let frame = Frame { x: right + GAP, y, width: 24.0 + width(&shown(name)), height: BOX };
                self.right = self.right.max(frame.x + frame.width);
                placed.undone_by.push((name, frame));
            }
        }
    }
}
