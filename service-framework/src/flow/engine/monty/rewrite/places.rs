//! Lines and columns of a text.

/// A text and where its lines begin.
#[derive(Debug)]
pub(in super::super) struct Places {
    text: String,
    lines: Vec<usize>,
}

impl Places {
    pub(in super::super) fn new(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { lines: std::iter::once(0).chain(breaks).collect(), text: text.to_owned() }
    }

    /// Line and column of a place in bytes, both from 1 on, the column in characters.
    pub(in super::super) fn at(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (number(line), number(column + 1))
    }

    /// The place in bytes of a line and a column.
    pub(super) fn offset(&self, line: u32, column: u32) -> usize {
        let start = self.lines.get(line.saturating_sub(1) as usize).copied().unwrap_or(self.text.len());
        let mut characters = self.text[start..].char_indices();
        let at =
            characters.nth(column.saturating_sub(1) as usize).map_or(self.text.len() - start, |(at, _)| at);
        start + at
    }

    /// A line, without its end.
    pub(in super::super) fn line(&self, line: u32) -> &str {
        let start = self.lines.get(line.saturating_sub(1) as usize).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line as usize).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
