//! Colours for people: when, and which.

use std::env;
use std::io::IsTerminal;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is a dumb one.
    #[default]
    Auto,
    /// Wherever the text goes.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// The palette for what is written to `stream`.
    pub(crate) fn palette(self, stream: &impl IsTerminal) -> Palette {
        Palette(match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => stream.is_terminal() && environment_allows(),
        })
    }
}

fn environment_allows() -> bool {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwanted && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Text from outside, in one line that no terminal obeys.
#[cfg(any(feature = "cluster", feature = "recording"))]
pub(crate) fn one_line(text: &str) -> String {
    without_controls(text, &[])
}

/// What a hook or a script says may be anything, and a terminal obeys control characters.
#[cfg(feature = "programs")]
pub(crate) fn printable(text: &str) -> String {
    without_controls(text, &['\n', '\t'])
}

#[cfg(any(feature = "programs", feature = "recording"))]
fn without_controls(text: &str, but: &[char]) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !but.contains(&c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette(pub(crate) bool);

impl Palette {
    /// No colours.
    pub(crate) const PLAIN: Self = Self(false);

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_is_coloured_unasked() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Color::Auto.palette(&file).red("no"), "no");
        assert_eq!(Color::Always.palette(&file).red("no"), "\x1b[1;31mno\x1b[0m");
        assert_eq!(Color::Never.palette(&file).red("no"), "no");
    }
}
