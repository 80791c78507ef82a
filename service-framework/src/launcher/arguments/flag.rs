//! A flag of the command line: its names, its value, and what help says about it.

use clap::builder::ValueParser;

use super::values;

/// One flag.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Name without dashes, words joined by `_`; also accepted with `-`.
    pub(crate) name: &'static str,
    /// Another such name.
    pub(crate) alias: Option<&'static str>,
    /// One or two letters behind a single dash, exactly so typed.
    pub(crate) short: Option<&'static str>,
    /// What the value is called in help; `None` for a switch.
    pub(crate) value: Option<&'static str>,
    /// Reads the value.
    pub(crate) parser: fn() -> ValueParser,
    /// The words that a shell completes the value to, if it is made of a few.
    pub(crate) words: &'static [&'static str],
    /// One line.
    pub(crate) help: &'static str,
    /// What more the long help says, in lines short enough for any terminal.
    pub(crate) more: &'static [&'static str],
    /// Value without the flag.
    pub(crate) default: Option<&'static str>,
    /// Whether it may be said often, each time with a value more.
    pub(crate) is_many: bool,
    /// Whether its value may be left out; one stands behind `=` then, so that it is no other word.
    pub(crate) is_optional: bool,
    /// Flags beside which it would say nothing.
    pub(crate) excludes: &'static [&'static str],
    /// A flag without which it would say nothing.
    pub(crate) needs: Option<&'static str>,
}

impl Flag {
    pub(super) const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            alias: None,
            short: None,
            value: None,
            parser: text,
            words: &[],
            help,
            more: &[],
            default: None,
            is_many: false,
            is_optional: false,
            excludes: &[],
            needs: None,
        }
    }

    pub(super) const fn short(mut self, short: &'static str) -> Self {
        self.short = Some(short);
        self
    }

    pub(super) const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    pub(super) const fn value(mut self, value: &'static str, parser: fn() -> ValueParser) -> Self {
        self.value = Some(value);
        self.parser = parser;
        self
    }

    pub(super) const fn words(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn more(mut self, more: &'static [&'static str]) -> Self {
        self.more = more;
        self
    }

    pub(super) const fn many(mut self) -> Self {
        self.is_many = true;
        self
    }

    pub(super) const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    pub(super) const fn excludes(mut self, flags: &'static [&'static str]) -> Self {
        self.excludes = flags;
        self
    }

    pub(super) const fn needs(mut self, flag: &'static str) -> Self {
        self.needs = Some(flag);
        self
    }

    /// Whether `text`, dashes in front included, is this flag.
    pub(crate) fn is(&self, text: &str) -> bool {
        match text.strip_prefix("--") {
            Some(long) => {
                let long = long.replace('-', "_");
                long == self.name || self.alias == Some(&long)
            }
            None => text.strip_prefix('-').is_some_and(|short| self.short == Some(short)),
        }
    }
}

pub(super) fn text() -> ValueParser {
    ValueParser::string()
}

pub(super) fn path() -> ValueParser {
    ValueParser::path_buf()
}

pub(super) fn level() -> ValueParser {
    ValueParser::new(values::level)
}

pub(super) fn count() -> ValueParser {
    ValueParser::new(values::count)
}

pub(super) fn seconds() -> ValueParser {
    ValueParser::new(values::seconds)
}

pub(super) fn age() -> ValueParser {
    ValueParser::new(values::age)
}

pub(super) fn duration() -> ValueParser {
    ValueParser::new(values::duration)
}

pub(super) fn log_format() -> ValueParser {
    ValueParser::new(values::log_format)
}

pub(super) fn port() -> ValueParser {
    ValueParser::new(values::port)
}

pub(super) fn run_status() -> ValueParser {
    ValueParser::new(values::run_status)
}

pub(super) fn flow_part() -> ValueParser {
    ValueParser::new(values::flow_part)
}

pub(super) fn size() -> ValueParser {
    ValueParser::new(values::size)
}

pub(super) fn number() -> ValueParser {
    ValueParser::new(values::number)
}

pub(super) fn graph_format() -> ValueParser {
    ValueParser::new(values::graph_format)
}

pub(super) fn color() -> ValueParser {
    ValueParser::new(values::color)
}
