//! First pass over a command line: which word is a flag, which is config. Knows no types of values.
//!
//! Two-letter flags behind one dash (`-cl`), config keys of any name (`--key value`, `-key value`) and values
//! that begin with a dash (`--offset -5`) are what no argument parser offers together; so this pass takes the
//! line apart by the table of flags, and only what belongs to flags goes on to `clap`.

use super::commands::{self, Command, RUN};
use super::flags::{Flag, HELP, SERVICE, VERSION};
use crate::model::{Problem, near_miss};

/// A command line taken apart.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) command: &'static Command,
    pub(crate) flags: Vec<(&'static Flag, Option<String>)>,
    /// Keys and values of config, in order.
    pub(crate) config: Vec<(String, String)>,
    pub(crate) positionals: Vec<String>,
    /// The line without `-s VALUE`, as another program would be given it.
    pub(crate) forwarded: Vec<String>,
    pub(crate) help: Option<Help>,
    pub(crate) version: bool,
    pub(crate) problems: Vec<Problem>,
}

/// How much help was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Help {
    /// `-h`: one line for each flag.
    Short,
    /// `--help`: everything, with examples.
    Long,
}

/// Takes `arguments` (without the program) apart. Never fails: what is wrong stands in `problems`.
pub(crate) fn split(arguments: &[String]) -> Split {
    let command = arguments.first().and_then(|word| commands::find(word));
    let mut split = Split::new(command.unwrap_or(&RUN));
    let mut words = arguments.iter();
    if command.is_some() {
        split.forwarded.extend(words.next().cloned());
    }
    if let Some(second) = words.as_slice().first().filter(|word| split.begins_with(word)) {
        match split.command.find(second) {
            Some(command) => split.command = command,
            // Whose flags the others are is not known.
            None => return split.with_second_word_missing(Some(second)),
        }
        split.forwarded.extend(words.next().cloned());
    }
    while let Some(word) = words.next() {
        split.word(word, &mut words);
    }
    match (split.command.commands, split.help) {
        ([], _) | (_, Some(_)) => split,
        _ => split.with_second_word_missing(None),
    }
}

impl Split {
    fn new(command: &'static Command) -> Self {
        Self {
            command,
            flags: Vec::new(),
            config: Vec::new(),
            positionals: Vec::new(),
            forwarded: Vec::new(),
            help: None,
            version: false,
            problems: Vec::new(),
        }
    }

    /// Whether `word` is the second word of a command of two.
    fn begins_with(&self, word: &str) -> bool {
        !self.command.commands.is_empty() && !word.starts_with('-')
    }

    fn with_second_word_missing(mut self, instead: Option<&str>) -> Self {
        self.problems.push(unknown_second_word(self.command, instead));
        self
    }

    fn word<'a>(&mut self, word: &'a str, rest: &mut impl Iterator<Item = &'a String>) {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        // A dash alone stands for standard input, as everywhere.
        if !word.starts_with('-') || word == "-" {
            self.bare(word);
        } else if let Some(flag) = self.command.flag(name) {
            self.flag(flag, name, inline, rest);
        } else if !self.command.takes_config {
            self.problems.push(unknown_flag(self.command, name));
        } else {
            self.config(name, inline, rest);
        }
    }

    fn flag<'a>(
        &mut self,
        flag: &'static Flag,
        spelling: &str,
        inline: Option<&str>,
        rest: &mut impl Iterator<Item = &'a String>,
    ) {
        if flag.value.is_none() || (flag.is_optional && inline.is_none()) {
            return self.switch(flag, spelling, inline);
        }
        let Some(value) = inline.map(str::to_owned).or_else(|| rest.next().cloned()) else {
            return self.problems.push(no_value(spelling, flag));
        };
        if inline.is_none() && self.command.flag(&value).is_some() {
            self.problems.push(flag_as_value(spelling, flag, &value));
        }
        if flag.name != SERVICE.name {
            self.forward(spelling, inline.is_some(), &value);
        }
        self.flags.push((flag, Some(value)));
    }

    fn switch(&mut self, flag: &'static Flag, spelling: &str, inline: Option<&str>) {
        if let Some(value) = inline {
            let found = format!("the value {value:?}");
            return self.problems.push(Problem::new(spelling, "no value: it is a switch", found));
        }
        self.forwarded.push(spelling.to_owned());
        if std::ptr::eq(flag, &HELP) {
            self.help = Some(if spelling == "-h" { Help::Short } else { Help::Long });
        } else if std::ptr::eq(flag, &VERSION) {
            self.version = true;
        } else {
            self.flags.push((flag, None));
        }
    }

    fn config<'a>(
        &mut self,
        spelling: &str,
        inline: Option<&str>,
        rest: &mut impl Iterator<Item = &'a String>,
    ) {
        let key = spelling.strip_prefix("--").or_else(|| spelling.strip_prefix('-')).unwrap_or(spelling);
        if key.is_empty() {
            let expected = "a name behind the dashes: --key value";
            return self.problems.push(Problem::new("command line", expected, format!("`{spelling}`")));
        }
        let Some(value) = inline.map(str::to_owned).or_else(|| rest.next().cloned()) else {
            return self.problems.push(config_without_value(self.command, spelling));
        };
        self.forward(spelling, inline.is_some(), &value);
        self.config.push((key.to_owned(), value));
    }

    fn forward(&mut self, spelling: &str, inline: bool, value: &str) {
        if inline {
            self.forwarded.push(format!("{spelling}={value}"));
        } else {
            self.forwarded.extend([spelling.to_owned(), value.to_owned()]);
        }
    }

    fn bare(&mut self, word: &str) {
        self.forwarded.push(word.to_owned());
        let places = self.command.positional.iter().count() + self.command.further().len();
        if self.command.takes_many() || self.positionals.len() < places {
            self.positionals.push(word.to_owned());
        } else {
            self.problems.push(stray_word(self.command, word));
        }
    }
}

fn unknown_second_word(command: &Command, word: Option<&str>) -> Problem {
    let words: Vec<_> = command.commands.iter().map(Command::last_word).collect();
    let expected = format!("{} and one of {}", command.word, words.join(", "));
    match word {
        None => Problem::missing("command line", expected),
        Some(word) => Problem::new("command line", expected, format!("`{word}`")).with_near_miss(word, words),
    }
}

fn unknown_flag(command: &Command, spelling: &str) -> Problem {
    let expected = format!("a flag of `{}`", command.word);
    let problem = Problem::new("command line", expected, format!("`{spelling}`"));
    match near_flag(command, spelling) {
        Some(near) => problem.with_hint(format!("did you mean `--{near}`?")),
        None => problem.with_hint(format!("`{} -h` lists the flags", command.word)),
    }
}

/// The flag of `command` whose long name is close to `spelling`; `adresses` is close to `addresses_path`, too.
pub(crate) fn near_flag(command: &Command, spelling: &str) -> Option<&'static str> {
    let mut names = command.flags.iter().flat_map(|flag| [Some(flag.name), flag.alias]).flatten();
    let stem = |name: &'static str| name.strip_suffix("_path").unwrap_or(name);
    let near =
        near_miss(spelling.trim_start_matches('-'), names.clone().flat_map(|name| [name, stem(name)]))?;
    names.find(|name| *name == near || stem(name) == near)
}

fn no_value(spelling: &str, flag: &Flag) -> Problem {
    let expected = format!("{} behind it: {}", flag.value.unwrap_or_default(), flag.help);
    Problem::new(spelling, expected, "the end of the line")
}

fn flag_as_value(spelling: &str, flag: &Flag, value: &str) -> Problem {
    let hint = format!("if that is really the value, write `{spelling}={value}`");
    let expected = format!("{} behind it: {}", flag.value.unwrap_or_default(), flag.help);
    Problem::new(spelling, expected, format!("the flag `{value}`")).with_hint(hint)
}

fn config_without_value(command: &Command, spelling: &str) -> Problem {
    let problem = Problem::new(spelling, "a value behind this config key", "the end of the line");
    match near_flag(command, spelling) {
        Some(near) => problem.with_hint(format!("did you mean the flag `--{near}`?")),
        None => problem.with_hint(format!("write `{spelling} VALUE` or `{spelling}=VALUE`")),
    }
}

fn stray_word(command: &Command, word: &str) -> Problem {
    let expected = match (&command.positional, command.takes_config) {
        (Some(positional), _) => {
            let further = command.further().iter().map(|further| format!(" {}", further.name));
            format!("one {}{} and no more", positional.name, further.collect::<String>())
        }
        (None, true) => "flags, or config as `--key value`".to_owned(),
        (None, false) => "flags only".to_owned(),
    };
    let problem = Problem::new("command line", expected, format!("the word `{word}`"));
    match stray_hint(word) {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

fn stray_hint(word: &str) -> Option<String> {
    if commands::find(word).is_some() {
        return Some(format!("a command comes first: `{word} …`"));
    }
    if word.contains('/') {
        return Some(format!("a service stands behind -s: `-s {word}`"));
    }
    near_miss(word, commands::words()).map(|near| format!("did you mean the command `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Split {
        split(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn flags(split: &Split) -> Vec<(&str, Option<&str>)> {
        split.flags.iter().map(|(flag, value)| (flag.name, value.as_deref())).collect()
    }

    fn config(split: &Split) -> Vec<(&str, &str)> {
        split.config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    fn problem(text: &str) -> String {
        let problems = line(text).problems;
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        problems[0].to_string()
    }

    #[test]
    fn flags_and_config_may_be_mixed() {
        let split =
            line("--symbol BTC -s echo -offset -5 -cl DEBUG --rate=2.5 -wt 0.1 -m -bc 3 --log-path x");
        assert_eq!(config(&split), [("symbol", "BTC"), ("offset", "-5"), ("rate", "2.5")]);
        assert_eq!(
            flags(&split),
            [
                ("service_path", Some("echo")),
                ("console_loglevel", Some("DEBUG")),
                ("service_loop_min_wait_time_s", Some("0.1")),
                ("main_mode", None),
                ("backup_count", Some("3")),
                ("log_folder", Some("x")),
            ]
        );
        assert_eq!(split.problems, []);
    }

    #[test]
    fn the_token_after_a_key_is_its_value_whatever_it_is() {
        assert_eq!(config(&line("--mode -m --text --text")), [("mode", "-m"), ("text", "--text")]);
        assert_eq!(config(&line("-k=a=b --empty=")), [("k", "a=b"), ("empty", "")]);
    }

    #[test]
    fn another_program_gets_everything_but_the_service() {
        let split = line("check -s ./desk --symbol=BTC -a a.json --service-path=other -m --with x");
        assert_eq!(split.forwarded.join(" "), "check --symbol=BTC -a a.json -m --with x");
        assert_eq!(split.command.word, "check");
    }

    #[test]
    fn commands_have_one_word_or_two() {
        let split = line("program check -s order.json --json");
        assert_eq!(split.command.word, "program check");
        assert_eq!(flags(&split), [("spec", Some("order.json")), ("json", None)]);
        let group = line("program --help");
        assert_eq!((group.command.word, group.help), ("program", Some(Help::Long)));
        assert_eq!(line("program chekc --help").problems.len(), 1);
    }

    #[test]
    fn a_value_may_be_left_out_where_that_is_said() {
        let split = line("up --dashboard a.json");
        assert_eq!(
            (flags(&split), split.positionals.clone()),
            (vec![("dashboard", None)], vec!["a.json".to_owned()])
        );
        assert_eq!(flags(&line("up a.json --dashboard=:1")), [("dashboard", Some(":1"))]);
    }

    #[test]
    fn help_is_asked_for_in_two_lengths() {
        assert_eq!(line("-h").help, Some(Help::Short));
        assert_eq!(line("check --with x --help").help, Some(Help::Long));
        assert!(line("-V").version);
    }

    #[test]
    fn what_is_wrong_is_named() {
        insta::assert_snapshot!(problem("-s echo --delay"), @"--delay: expected a value behind this config key, found the end of the line (write `--delay VALUE` or `--delay=VALUE`)");
        insta::assert_snapshot!(problem("-s echo --adresses_path"), @"--adresses_path: expected a value behind this config key, found the end of the line (did you mean the flag `--addresses_path`?)");
        insta::assert_snapshot!(problem("-s echo --adresses"), @"--adresses: expected a value behind this config key, found the end of the line (did you mean the flag `--addresses_path`?)");
        insta::assert_snapshot!(problem("-m -a"), @"-a: expected ADDRESSES behind it: addresses JSON: where sockets bind and connect, found the end of the line");
        insta::assert_snapshot!(problem("-a -m"), @"-a: expected ADDRESSES behind it: addresses JSON: where sockets bind and connect, found the flag `-m` (if that is really the value, write `-a=-m`)");
        insta::assert_snapshot!(problem("--main_mode=yes"), @r#"--main_mode: expected no value: it is a switch, found the value "yes""#);
        insta::assert_snapshot!(problem("-s echo --"), @"command line: expected a name behind the dashes: --key value, found `--`");
        insta::assert_snapshot!(problem("descirbe"), @"command line: expected flags, or config as `--key value`, found the word `descirbe` (did you mean the command `describe`?)");
        insta::assert_snapshot!(problem("-s echo describe"), @"command line: expected flags, or config as `--key value`, found the word `describe` (a command comes first: `describe …`)");
        insta::assert_snapshot!(problem("./echo"), @"command line: expected flags, or config as `--key value`, found the word `./echo` (a service stands behind -s: `-s ./echo`)");
        insta::assert_snapshot!(problem("describe --jsno"), @"command line: expected a flag of `describe`, found `--jsno` (did you mean `--json`?)");
        insta::assert_snapshot!(problem("program chekc -s order.json"), @"command line: expected program and one of new, check, graph, serve, run, list, show, retry, resolve, cancel, found `chekc` (did you mean `check`?)");
        insta::assert_snapshot!(problem("program"), @"command line: expected program and one of new, check, graph, serve, run, list, show, retry, resolve, cancel, found nothing");
        insta::assert_snapshot!(problem("program check --jsno"), @"command line: expected a flag of `program check`, found `--jsno` (did you mean `--json`?)");
        insta::assert_snapshot!(problem("program graph buy sell"), @"command line: expected one PROGRAM and no more, found the word `sell`");
        insta::assert_snapshot!(problem("up a.json --dashboard 127.0.0.1:1"), @"command line: expected one SYSTEM and no more, found the word `127.0.0.1:1`");
        insta::assert_snapshot!(problem("up a.json b.json"), @"command line: expected one SYSTEM and no more, found the word `b.json`");
    }

    proptest! {
        #[test]
        fn no_line_is_lost(words in prop::collection::vec("[-=a-zA-Z/.]{0,8}", 0..8)) {
            let split = split(&words);
            let known = split.flags.len() + split.config.len() + split.positionals.len() + split.problems.len();
            let asked = usize::from(split.help.is_some()) + usize::from(split.version);
            prop_assert!(words.is_empty() || !split.command.word.is_empty() || known + asked > 0);
        }
    }
}
