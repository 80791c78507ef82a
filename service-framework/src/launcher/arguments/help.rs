//! Help: the short form is a reminder, the long form a lesson with examples.

use std::fmt::Write as _;

use super::commands::{COMMANDS, Command};
use super::flags::Flag;
use super::split::Help;
use crate::launcher::keys::Key;
use crate::launcher::terminal::Palette;

/// Width of the column of flags.
const FLAG_WIDTH: usize = 30;

/// Width of the column of other names.
const WORD_WIDTH: usize = 12;

/// Whose help it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// The program as it was called.
    pub(crate) program: &'a str,
    /// Whether the program knows which service is meant, so that `-s` is not needed.
    pub(crate) has_service: bool,
    /// What the service takes as config.
    pub(crate) config: &'a [Key],
    pub(crate) palette: Palette,
}

/// The help of `command`.
pub(crate) fn render(command: &Command, help: Help, reader: Reader<'_>) -> String {
    let mut text = format!("{}\n\n", command.about);
    usage(&mut text, command, reader);
    let listed = if command.word.is_empty() { &COMMANDS } else { command.commands };
    words(&mut text, listed, reader.palette);
    if let Some(positional) = &command.positional {
        heading(&mut text, reader.palette, "Arguments");
        row(&mut text, positional.name, WORD_WIDTH, &choices(positional.help, positional.choices));
    }
    flags(&mut text, command, help, reader.palette);
    config(&mut text, command, reader);
    match help {
        Help::Long => lesson(&mut text, command, reader),
        Help::Short => text.push_str("\n--help explains more, with examples.\n"),
    }
    text
}

fn usage(text: &mut String, command: &Command, reader: Reader<'_>) {
    let Reader { program, palette, .. } = reader;
    let takes_service = command.flags.iter().any(|flag| flag.name == "service_path");
    let service = if takes_service && !reader.has_service { "-s SERVICE " } else { "" };
    let word = if command.word.is_empty() { String::new() } else { format!("{} ", command.word) };
    let _ = writeln!(text, "{} {program} {word}{service}{}", palette.bold("Usage:"), command.usage);
    if command.word.is_empty() {
        let _ = writeln!(text, "       {program} COMMAND …");
    }
}

fn words(text: &mut String, commands: &[Command], palette: Palette) {
    if commands.is_empty() {
        return;
    }
    heading(text, palette, "Commands");
    for command in commands {
        row(text, command.last_word(), WORD_WIDTH, command.about);
    }
}

/// How many choices a line of help has room for.
const MOST_CHOICES: usize = 10;

fn choices(help: &str, choices: &[&str]) -> String {
    match choices {
        // More than a line holds are listed by the help of the whole.
        choices if choices.len() > MOST_CHOICES => help.to_owned(),
        [] => help.to_owned(),
        choices => format!("{help}: {}", choices.join(", ")),
    }
}

fn flags(text: &mut String, command: &Command, help: Help, palette: Palette) {
    heading(text, palette, "Flags");
    for flag in command.flags {
        match help {
            Help::Short => row(text, &spelling(flag), FLAG_WIDTH, &with_default(flag)),
            Help::Long => paragraph(text, flag, palette),
        }
    }
}

fn paragraph(text: &mut String, flag: &Flag, palette: Palette) {
    let _ = writeln!(text, "  {}", palette.bold(&spelling(flag)));
    for line in [with_default(flag).as_str()].iter().chain(flag.more) {
        let _ = writeln!(text, "          {line}");
    }
}

fn spelling(flag: &Flag) -> String {
    let short = flag.short.map(|short| format!("-{short},")).unwrap_or_default();
    let value = flag.value.map(|value| match flag.is_optional {
        true => format!("[={value}]"),
        false => format!(" {value}"),
    });
    format!("{short:<4} --{}{}", flag.name, value.unwrap_or_default())
}

fn with_default(flag: &Flag) -> String {
    match flag.default {
        Some(default) => format!("{} [{default}]", flag.help),
        None => flag.help.to_owned(),
    }
}

fn config(text: &mut String, command: &Command, reader: Reader<'_>) {
    if !command.takes_config || reader.config.is_empty() {
        return;
    }
    heading(text, reader.palette, "Config of this service");
    let width = reader.config.iter().map(|key| key.name.len() + 2).max().unwrap_or_default();
    for Key { name, about, help } in reader.config {
        row(text, &format!("--{name}"), width, about);
        help.iter().for_each(|line| row(text, "", width, &reader.palette.dim(line)));
    }
}

fn lesson(text: &mut String, command: &Command, reader: Reader<'_>) {
    let run = if reader.has_service { String::new() } else { " -s order_desk".to_owned() };
    for line in command.lesson.lines() {
        let line = line.replace("{program}", reader.program).replace("{service}", &run);
        let is_heading = line.ends_with(':') && !line.starts_with(' ');
        let _ = writeln!(text, "{}", if is_heading { reader.palette.bold(&line) } else { line });
    }
}

fn heading(text: &mut String, palette: Palette, title: &str) {
    let _ = writeln!(text, "\n{}", palette.bold(&format!("{title}:")));
}

/// Two columns; the right one begins on the next line if the left one is too wide.
fn row(text: &mut String, left: &str, width: usize, right: &str) {
    if left.len() > width {
        let _ = writeln!(text, "  {left}");
        return row(text, "", width, right);
    }
    let _ = writeln!(text, "  {left:<width$}  {right}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::arguments::{RUN, commands};

    fn reader(has_service: bool, config: &[Key]) -> Reader<'_> {
        Reader { program: "service_framework", has_service, config, palette: Palette::PLAIN }
    }

    #[test]
    fn the_short_help_fits_a_screen() {
        insta::assert_snapshot!(render(&RUN, Help::Short, reader(false, &[])), @r"
        Start a service.

        Usage: service_framework -s SERVICE [-a ADDRESSES] [-c CONFIG] [-m] [--key value …]
               service_framework COMMAND …

        Commands:
          new           Write a new service: a crate that builds, runs and has a test.
          describe      Print what a service has and needs: its model.
          check         Find every problem that a start would find, without opening a socket.
          up            Start all services of a system and stop them together.
          graph         Draw which services a system has, and who talks to whom.
          dashboard     Show everything that runs on a page in a browser.
          ps            Show every service of yours that runs, and how it is.
          stats         Show what a running service has counted, and how long things took.
          logs          Print the last lines of a system's services, and go on with -f.
          log-level     Change which log lines a running service writes on stderr.
          drain         Have a running service take nothing new and finish what it has.
          restart       Start a service of a system again, its instances one after the other.
          stop          Stop a running service, and nothing else of its system.
          down          Stop all services of a system that `up` runs.
          state         Show a state of any service as it is, once or live.
          call          Ask a replyer from the shell, and print its answer.
          listen        Print what a publisher publishes, a line for each message.
          publish       Publish messages from the shell.
          record        Record what running services take in and send out, to one file.
          inspect       Show the messages of a recording.
          replay        Send the requests of a recording again, or publish what it has again.
          store         Look at an event store, check it, copy it.
          program       Programs: sequences of hooks that undo themselves.
          flow          Flows: scripts that survive anything.
          node          Run a node of a cluster.
          cluster       Clusters: ask a node, and simulate many.
          completions   Print a script with which a shell completes these arguments.
          help          Explain the program or one command, with examples.

        Flags:
          -s,  --service_path SERVICE     the service to start
          -a,  --addresses_path ADDRESSES
                                          addresses JSON: where sockets bind and connect
          -c,  --config_path CONFIG       config JSON
          -m,  --main_mode                run the service's main function
          -cl, --console_loglevel LEVEL   least level of log lines on stderr [INFO]
               --log_format human|json    how log lines on stderr are written [human]
          -l,  --log_folder FOLDER        folder of log files, a new one each hour
          -f,  --file_loglevel LEVEL      least level of log lines in files [INFO]
          -bc, --backup_count COUNT       how many hourly files are kept; 0 keeps all [240]
          -wt, --service_loop_min_wait_time_s SECONDS
                                          least seconds between two turns of the loop [0]
               --grace DURATION           how long running handlers may take to finish when stopped [10s]
               --bind_all                 bind every network interface, whatever host is written
               --color auto|always|never  colours in what is printed for people [auto]
               --record FILE              record every message to this new file, from the first on
          -h,  --help                     explain everything, with examples; -h is the short form
          -V,  --version                  print the version

        --help explains more, with examples.
        ");
    }

    #[test]
    fn a_service_shows_its_config() {
        let help = vec!["How long it waits.".to_owned()];
        let config = [Key { name: "delay".to_owned(), about: "float [1.0]".to_owned(), help }];
        let text = render(&RUN, Help::Long, reader(true, &config));
        assert!(text.contains("  --delay  float [1.0]\n           How long it waits.\n"), "{text}");
        assert!(!text.contains("order_desk"), "{text}");
    }

    #[test]
    fn every_line_fits_a_terminal_and_every_place_is_filled() {
        for command in commands::all() {
            let text = render(command, Help::Long, reader(false, &[]));
            for line in text.lines() {
                assert!(line.chars().count() <= 106, "{line}");
                assert!(!line.contains('{') || line.contains('"'), "{line}");
            }
        }
    }
}
