//! Complaints, collected.

use ruff_text_size::Ranged;

use crate::flow::engine::Complaint;
use crate::flow::engine::monty::rewrite::Places;

/// The complaints about one script.
#[derive(Debug)]
pub(super) struct Complaints {
    places: Places,
    found: Vec<Complaint>,
}

impl Complaints {
    pub(super) fn new(source: &str) -> Self {
        Self { places: Places::new(source), found: Vec::new() }
    }

    /// Adds one about something in the script.
    pub(super) fn add(&mut self, at: impl Ranged, what: impl Into<String>, instead: impl Into<String>) {
        let (line, column) = self.places.at(at.start().to_usize());
        self.found.push(Complaint { line, column, what: what.into(), instead: instead.into() });
    }

    /// All of them in the order of the lines, each once.
    pub(super) fn sorted(mut self) -> Vec<Complaint> {
        self.found.sort_by_key(|complaint| (complaint.line, complaint.column));
        self.found.dedup();
        self.found
    }
}

/// `known` that is spelled nearly like `name`, as a question.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known.into_iter().map(|other| (distance(name, other), other)).min()?;
    let is_near = near.0 <= 1 + name.len() / 4 && near.0 < near.1.len();
    is_near.then(|| format!("did you mean {}?", near.1))
}

/// How many characters have to be changed, put in or left out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (place, candidate) in other.iter().enumerate() {
            let changed = diagonal + usize::from(character != *candidate);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
