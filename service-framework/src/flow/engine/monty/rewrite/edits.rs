//! Changes to a text, put into it at once.

use super::Places;

/// Changes that do not overlap, collected from outside to inside.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Where, how much of the old text goes, and what comes instead.
    edits: Vec<(usize, usize, String)>,
}

impl Edits {
    /// Makes what stands from `start` to `end` the argument of a function.
    pub(super) fn wrap(&mut self, start: usize, end: usize, function: &str) {
        self.edits.push((start, start, format!("{function}(")));
        self.edits.push((end, end, ")".to_owned()));
    }

    /// Puts a text in the place of what stands from `start` to `end`.
    pub(super) fn replace(&mut self, start: usize, end: usize, text: String) {
        self.edits.push((start, end, text));
    }

    /// The text with all of it done.
    pub(super) fn apply(mut self, source: &str) -> Rewritten {
        // Stable: of two that begin at one place, the outer one was collected first.
        self.edits.sort_by_key(|(start, ..)| *start);
        let mut text = String::with_capacity(source.len() + 32 * self.edits.len());
        let mut pieces = Vec::with_capacity(self.edits.len());
        let mut done = 0;
        for (start, end, new) in self.edits {
            text.push_str(&source[done..start]);
            pieces.push(Piece { old: (start, end), new: (text.len(), text.len() + new.len()) });
            text.push_str(&new);
            done = end;
        }
        text.push_str(&source[done..]);
        Rewritten { places: Places::new(source), new_places: Places::new(&text), text, pieces }
    }
}

/// Where something stood, and where something else stands now.
#[derive(Debug)]
struct Piece {
    old: (usize, usize),
    new: (usize, usize),
}

/// A text with changes, and how the places in it and in the one before belong together.
#[derive(Debug)]
pub(in super::super) struct Rewritten {
    text: String,
    pieces: Vec<Piece>,
    places: Places,
    new_places: Places,
}

/// Which end of something a place is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Side {
    Start,
    End,
}

impl Rewritten {
    /// The changed text.
    pub(in super::super) fn text(&self) -> &str {
        &self.text
    }

    /// The places in the text before.
    pub(in super::super) fn places(&self) -> &Places {
        &self.places
    }

    /// Where in the text before something stood that now has this line and column.
    pub(in super::super) fn back(&self, line: u32, column: u32, side: Side) -> (u32, u32) {
        self.places.at(self.old(self.new_places.offset(line, column), side))
    }

    fn old(&self, new: usize, side: Side) -> usize {
        let next = self
            .pieces
            .partition_point(|piece| piece.new.0 < new || (piece.new.0 == new && side == Side::Start));
        let Some(piece) = next.checked_sub(1).and_then(|last| self.pieces.get(last)) else { return new };
        if new < piece.new.1 {
            return if side == Side::Start { piece.old.0 } else { piece.old.1 };
        }
        piece.old.1 + (new - piece.new.1)
    }
}
