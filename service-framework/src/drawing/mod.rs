//! What all drawings have in common: their formats, their colours, and how text stands in each.
//!
//! Knows nothing of what is drawn.

/// A way to show a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Plain text for reading.
    #[default]
    Text,
    /// A flowchart that Mermaid draws.
    Mermaid,
    /// A graph that Graphviz draws.
    Dot,
    /// A picture.
    Svg,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Text, Format::Mermaid, Format::Dot, Format::Svg];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Mermaid => "mermaid",
            Format::Dot => "dot",
            Format::Svg => "svg",
        }
    }

    /// The format of this name; text if there is none.
    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|format| format.as_str() == name).unwrap_or_default()
    }
}

/// What is wrong or goes backwards: the line, and the text on it.
pub(crate) const RED: &str = "#c0392b";
pub(crate) const DARK_RED: &str = "#7b241c";

/// What `text` is within quotes of Mermaid: what would be read otherwise as its entity codes.
pub(crate) fn in_mermaid(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("#quot;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' => escaped.push_str("#amp;"),
            '#' | '`' | '\\' => escaped.push_str(&format!("#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// `text` with quotes, for Graphviz.
pub(crate) fn in_dot(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// What `text` is in XML; what XML cannot hold becomes the sign for that.
pub(crate) fn in_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole picture of this size: its body with the style of all, in colours for light and for dark surroundings.
pub(crate) fn svg((width, height): (f64, f64), body: &str) -> String {
    let (width, height) = (width.ceil(), height.ceil());
    let size = format!("width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {size} role=\"img\">\n{STYLE}{MARKERS}{body}</svg>\n")
}

const STYLE: &str = "  <style>
    text { font: 12px ui-monospace, monospace; fill: #1b1f24; }
    .title { font: bold 15px ui-sans-serif, sans-serif; }
    .small { font-size: 11px; fill: #57606a; }
    .number { font-size: 10px; text-anchor: middle; fill: #ffffff; }
    .step { fill: #eaf2fb; stroke: #2f6fb3; }
    .dependency { stroke-dasharray: 4 3; }
    .undo { fill: #fbe9e7; stroke: #c0392b; }
    .group { fill: none; stroke: #8c959f; }
    .rail { stroke: #2f6fb3; fill: none; stroke-width: 1.5; }
    .dot { fill: #2f6fb3; }
    .back { stroke: #c0392b; fill: none; stroke-dasharray: 5 3; }
    .backwards { fill: #c0392b; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #9ea7b3; }
      .step { fill: #16283c; }
      .undo { fill: #3c1a16; }
    }
  </style>
";

const MARKERS: &str = "  <defs>
    <marker id=\"down\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"dot\" d=\"M0 0 8 4 0 8z\"/></marker>
    <marker id=\"undo\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"backwards\" d=\"M0 0 8 4 0 8z\"/></marker>
  </defs>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        let text = "a\"<b>&`#\\\n\u{ffff}";
        assert_eq!(in_mermaid(text), "a#quot;#lt;b#gt;#amp;#96;#35;#92;\n\u{ffff}");
        assert_eq!(in_dot(text), "\"a\\\"<b>&`#\\\\\\n\u{ffff}\"");
        assert_eq!(in_xml(text), "a&quot;&lt;b&gt;&amp;`#\\ \u{fffd}");
    }

    #[test]
    fn formats_are_found_by_their_names() {
        for format in Format::ALL {
            assert_eq!(Format::named(format.as_str()), format);
        }
        assert_eq!(Format::named("png"), Format::Text);
    }
}
