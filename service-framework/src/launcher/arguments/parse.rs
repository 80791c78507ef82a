//! Second pass over a command line: values of flags, read by `clap`.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, ArgMatches, ValueHint};
use tracing::level_filters::LevelFilter;

use super::cluster_options::ClusterOptions;
use super::commands::{self, COMMANDS, Command, Positional, RUN};
use super::dashboard_options::DashboardOptions;
use super::flags::{COLOR, Flag, SERVICE};
use super::flow_options::{FlowOptions, one};
use super::program_options::ProgramOptions;
use super::recording_flags::RECORD;
use super::recording_options::RecordingOptions;
use super::split::{Help, Split, split};
use crate::launcher::logs::Format;
use crate::launcher::terminal::Color;
use crate::model::{Problem, near_miss};

/// Under which name `clap` keeps the argument that stands by its place.
const POSITIONAL: &str = "positional";

/// What a command line asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) command: &'static Command,
    pub(crate) help: Option<Help>,
    pub(crate) version: bool,
    pub(crate) options: Options,
}

/// Values of all flags; those that a command does not have keep their defaults.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) service: Option<String>,
    pub(crate) addresses: Option<PathBuf>,
    pub(crate) config_file: Option<PathBuf>,
    /// Keys and texts of config, in order; a later one wins.
    pub(crate) config: Vec<(String, String)>,
    pub(crate) main_mode: bool,
    pub(crate) console_level: LevelFilter,
    pub(crate) log_format: Format,
    pub(crate) log_folder: Option<PathBuf>,
    pub(crate) file_level: LevelFilter,
    /// How many hourly files are kept; 0 keeps all.
    pub(crate) backup_count: usize,
    /// Least time between two turns of the loop.
    pub(crate) min_wait: Duration,
    /// How long running handlers may take when stopped.
    pub(crate) grace: Duration,
    pub(crate) bind_all: bool,
    pub(crate) color: Color,
    pub(crate) json: bool,
    /// Another service, for `check`; the parts of a new one.
    pub(crate) with: Option<String>,
    pub(crate) with_addresses: Option<PathBuf>,
    /// The argument that stands by its place: a name, a system file, a shell, a command.
    pub(crate) positional: Option<String>,
    /// When to end by itself; `None` is never.
    pub(crate) seconds: Option<Duration>,
    /// Where a state's owner publishes and answers, and its topic.
    pub(crate) subscriber: Option<String>,
    pub(crate) requester: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) watch: bool,
    pub(crate) dev: bool,
    /// System files that are laid over the first, and whether to go on without a terminal.
    pub(crate) overrides: Vec<PathBuf>,
    pub(crate) detach: bool,
    /// How a system is drawn, and whether with what it does now.
    pub(crate) graph_format: &'static str,
    pub(crate) live: bool,
    pub(crate) asyncapi: bool,
    /// Whether to go on with lines that come.
    pub(crate) follow: bool,
    /// How long to wait for a state or an answer.
    pub(crate) timeout: Duration,
    /// How many messages to listen to, and whether for publishers that connect.
    pub(crate) count: Option<u64>,
    pub(crate) bind: bool,
    /// Whether to publish to a subscriber that binds, and how long subscribers have to find a publisher.
    pub(crate) connect: bool,
    pub(crate) wait: Duration,
    /// Where a new crate takes the framework from, and the folder it is written to.
    pub(crate) framework: Option<String>,
    pub(crate) path: Option<PathBuf>,
    /// Where an event store is, and where a copy of it goes.
    #[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "only stores are somewhere"))]
    pub(crate) store: Option<String>,
    #[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "only stores are somewhere"))]
    pub(crate) to: Option<PathBuf>,
    /// What concerns programs.
    #[cfg_attr(not(feature = "programs"), expect(dead_code, reason = "read where there are programs"))]
    pub(crate) programs: ProgramOptions,
    /// What concerns flows.
    #[cfg_attr(not(feature = "flows"), expect(dead_code, reason = "read where there are flows"))]
    pub(crate) flows: FlowOptions,
    /// What concerns clusters.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "read where there are clusters"))]
    pub(crate) clusters: ClusterOptions,
    /// What concerns the dashboard.
    pub(crate) dashboard: DashboardOptions,
    /// What concerns recordings.
    pub(crate) recordings: RecordingOptions,
    /// The arguments behind the first that stand by their places.
    pub(crate) further: Vec<String>,
    /// The line without `-s VALUE`, for another program.
    pub(crate) forwarded: Vec<String>,
    /// The flags that were given and that the run form has too, but for colours and recordings.
    pub(crate) run_flags: Vec<String>,
}

/// Reads a command line, the program's name left out.
///
/// # Errors
/// All that is wrong with it. A line that asks for help or the version is never wrong.
pub(crate) fn parse(arguments: &[String]) -> Result<Asked, Vec<Problem>> {
    let mut split = split(arguments);
    let (command, help, version) = (split.command, split.help, split.version);
    let excused = help.is_some() || version;
    let mut problems = std::mem::take(&mut split.problems);
    let places = command.positional.iter().chain(command.further()).skip(split.positionals.len());
    problems.extend(places.filter(|positional| positional.required && !excused).map(missing));
    if !excused {
        let further = command.further().iter().zip(split.positionals.iter().skip(1));
        problems.extend(further.filter_map(|(positional, word)| unknown(positional, word)));
        problems.extend(split.flags.iter().filter_map(|(flag, _)| unused(flag, &split.flags)));
    }
    match read(split, excused) {
        Ok(options) if excused || problems.is_empty() => Ok(Asked { command, help, version, options }),
        Ok(_) => Err(problems),
        Err(error) => {
            problems.push(problem(&error));
            Err(problems)
        }
    }
}

fn missing(positional: &Positional) -> Problem {
    Problem::missing("command line", format!("{}: {}", positional.name, positional.help))
}

/// That a word is none of those which may stand in its place.
fn unknown(positional: &Positional, word: &str) -> Option<Problem> {
    if positional.choices.is_empty() || positional.choices.contains(&word) {
        return None;
    }
    let expected = format!("one of {}", positional.choices.join(", "));
    let problem = Problem::new(positional.name, expected, format!("{word:?}"));
    Some(match near_miss(word, positional.choices.iter().copied()) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem,
    })
}

/// That a flag would say nothing beside others, or without one.
fn unused(flag: &Flag, all: &[(&Flag, Option<String>)]) -> Option<Problem> {
    let is_there = |name: &str| all.iter().any(|(other, _)| other.name == name);
    let place = format!("--{}", flag.name);
    if let Some(other) = flag.excludes.iter().find(|name| is_there(name)) {
        return Some(Problem::new(place, format!("it or --{other}"), "both"));
    }
    let needed = flag.needs.filter(|name| !is_there(name))?;
    Some(Problem::new(place, format!("--{needed} beside it"), format!("no --{needed}")))
}

fn read(split: Split, excused: bool) -> Result<Options, clap::Error> {
    let mut flags = split.flags;
    // Help is given whatever else is wrong; whose help it is still counts.
    flags.retain(|(flag, _)| !excused || flag.name == SERVICE.name);
    let run_flags = flags.iter().filter(|(flag, _)| is_run_flag(flag)).map(spelt_out).collect();
    let mut positionals = split.positionals.into_iter();
    let words = flags.iter().map(spelt_out).chain(positionals.next().filter(|_| !excused));
    let mut matches = parser(split.command).try_get_matches_from(words)?;
    // Flags of the same name belong to programs too, which take them away.
    let (flows, clusters) = (FlowOptions::read(&matches), ClusterOptions::read(&matches));
    let dashboard = DashboardOptions::read(&matches);
    let recordings = RecordingOptions::read(&matches);
    Ok(Options {
        service: take(&mut matches, "service_path"),
        addresses: take(&mut matches, "addresses_path"),
        config_file: take(&mut matches, "config_path"),
        config: split.config,
        main_mode: matches.get_flag("main_mode"),
        console_level: take(&mut matches, "console_loglevel").unwrap_or(LevelFilter::INFO),
        log_format: take(&mut matches, "log_format").unwrap_or_default(),
        log_folder: take(&mut matches, "log_folder"),
        file_level: take(&mut matches, "file_loglevel").unwrap_or(LevelFilter::INFO),
        backup_count: take(&mut matches, "backup_count").unwrap_or_default(),
        min_wait: take(&mut matches, "service_loop_min_wait_time_s").unwrap_or_default(),
        grace: take(&mut matches, "grace").unwrap_or_default(),
        bind_all: matches.get_flag("bind_all"),
        color: take(&mut matches, "color").unwrap_or_default(),
        json: matches.get_flag("json"),
        with: take(&mut matches, "with"),
        with_addresses: take(&mut matches, "with_addresses"),
        positional: take(&mut matches, POSITIONAL),
        seconds: take(&mut matches, "seconds"),
        subscriber: take(&mut matches, "subscriber"),
        requester: take(&mut matches, "requester"),
        topic: take(&mut matches, "topic"),
        watch: matches.get_flag("watch"),
        dev: matches.get_flag("dev"),
        overrides: matches.get_many("override").into_iter().flatten().cloned().collect(),
        detach: matches.get_flag("detach"),
        graph_format: matches.get_one("format").copied().unwrap_or_default(),
        live: matches.get_flag("live"),
        asyncapi: matches.get_flag("asyncapi"),
        follow: matches.get_flag("follow"),
        timeout: take(&mut matches, "timeout").unwrap_or_default(),
        count: take(&mut matches, "count"),
        // One of another command takes addresses.
        bind: one(&matches, "bind").unwrap_or_default(),
        connect: matches.get_flag("connect"),
        wait: take(&mut matches, "wait").unwrap_or_default(),
        framework: take(&mut matches, "framework"),
        path: take(&mut matches, "path"),
        store: take(&mut matches, "store"),
        to: take(&mut matches, "to"),
        programs: ProgramOptions::take(&mut matches),
        flows,
        clusters,
        dashboard,
        recordings,
        further: positionals.collect(),
        forwarded: split.forwarded,
        run_flags,
    })
}

pub(super) fn take<T: Clone + Send + Sync + 'static>(matches: &mut ArgMatches, name: &str) -> Option<T> {
    matches.try_remove_one(name).ok().flatten()
}

fn is_run_flag(flag: &Flag) -> bool {
    let is_own = [&COLOR, &RECORD].iter().any(|own| own.name == flag.name);
    !is_own && RUN.flags.iter().any(|known| known.name == flag.name)
}

/// One word that `clap` cannot mistake, however the value begins.
fn spelt_out((flag, value): &(&Flag, Option<String>)) -> String {
    match value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    }
}

/// A parser that knows the flags of every command, so that those which this one lacks have their defaults.
///
/// The first pass has refused what the command does not take.
fn parser(command: &'static Command) -> clap::Command {
    let mut flags: Vec<&Flag> = Vec::new();
    // The command's own first: another one may have a flag of the same name that is another.
    for flag in [command].into_iter().chain(commands::all()).flat_map(|command| command.flags) {
        if !flags.iter().any(|known| known.name == flag.name) {
            flags.push(flag);
        }
    }
    let positional = command.positional.iter().map(positional_argument);
    // Flags of different commands may have the same letter, and the words that are read have none.
    let arguments = flags.into_iter().map(|flag| argument(flag).short(None));
    bare_command(command.word).no_binary_name(true).args(arguments).args(positional)
}

/// The whole command line, as completion scripts need it.
pub(crate) fn described_command() -> clap::Command {
    let subcommands = COMMANDS.iter().map(|command| described(command, command.word));
    described(&RUN, "service_framework").subcommands(subcommands)
}

fn described(command: &Command, name: &'static str) -> clap::Command {
    bare_command(name)
        .about(command.about)
        .args(command.flags.iter().copied().map(completed_argument))
        .args(command.positional.iter().map(positional_argument))
        .args(command.further().iter().map(further_argument))
        .disable_help_subcommand(true)
        .subcommands(command.commands.iter().map(|command| described(command, command.last_word())))
}

fn bare_command(name: &'static str) -> clap::Command {
    clap::Command::new(name).disable_help_flag(true).disable_version_flag(true).args_override_self(true)
}

fn argument(flag: &Flag) -> Arg {
    let argument = Arg::new(flag.name).long(flag.name).help(flag.help);
    let argument = match flag.short.and_then(|short| short.parse::<char>().ok()) {
        Some(short) => argument.short(short),
        None => argument,
    };
    match flag.value {
        None => argument.action(ArgAction::SetTrue),
        Some(value) => {
            let path =
                matches!(value, "ADDRESSES" | "CONFIG" | "FILE" | "FOLDER" | "SERVICE" | "OTHER" | "SPEC");
            let hint = if path { ValueHint::AnyPath } else { ValueHint::Unknown };
            let argument = match flag.is_optional {
                true => argument.num_args(0..=1).require_equals(true).default_missing_value(""),
                false => argument,
            };
            argument
                .action(if flag.is_many { ArgAction::Append } else { ArgAction::Set })
                .value_name(value)
                .value_parser((flag.parser)())
                .value_hint(hint)
                .default_values(flag.default)
        }
    }
}

/// The argument as a shell is told of it.
fn completed_argument(flag: &Flag) -> Arg {
    match flag.words {
        [] => argument(flag),
        words => argument(flag).value_parser(PossibleValuesParser::new(words)),
    }
}

fn positional_argument(positional: &Positional) -> Arg {
    let argument = Arg::new(POSITIONAL).value_name(positional.name).help(positional.help);
    match positional.choices {
        [] => argument.value_hint(ValueHint::FilePath),
        choices => argument.value_parser(PossibleValuesParser::new(choices)),
    }
}

fn further_argument(positional: &Positional) -> Arg {
    let argument = Arg::new(positional.name).value_name(positional.name).help(positional.help);
    argument.value_hint(if positional.name == "FILE" { ValueHint::FilePath } else { ValueHint::Unknown })
}

/// What `clap` has to say, in the words of every other problem.
fn problem(error: &clap::Error) -> Problem {
    let argument = context(error, ContextKind::InvalidArg).unwrap_or_default();
    let place =
        argument.split_whitespace().next().unwrap_or("command line").trim_matches(['<', '>', '[', ']']);
    let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
    let choices = context(error, ContextKind::ValidValue).map(|choices| format!("one of {choices}"));
    let reason = || error.source().map(ToString::to_string);
    let expected = choices.or_else(reason).unwrap_or_else(|| error.kind().to_string());
    Problem::new(place, expected, format!("{value:?}"))
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_which_there_are_a_few_are_no_others() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let problems = parse(&words("cluster keys k ad")).unwrap_err();
        assert_eq!(
            (problems[0].expected.as_str(), problems[0].found.as_str()),
            ("one of add, use, drop", "\"ad\"")
        );
        assert!(parse(&words("cluster keys k add")).is_ok());
    }

    fn asked(line: &str) -> Asked {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words).unwrap()
    }

    fn problems(line: &str) -> String {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let problems = parse(&words).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        for line in ["", "describe", "up system.json"] {
            let options = asked(line).options;
            assert_eq!(options.console_level, LevelFilter::INFO);
            assert_eq!(options.file_level, LevelFilter::INFO);
            assert_eq!(options.backup_count, 240);
            assert_eq!(options.min_wait, Duration::ZERO);
            assert_eq!(options.grace, Duration::from_secs(10));
            assert!(!options.main_mode && !options.bind_all);
        }
    }

    #[test]
    fn every_flag_is_read() {
        let options = asked(
            "-s echo -a a.json -c c.json -m -cl ERROR -l logs -f debug -bc 3 -wt 0.5 --log_format json --bind-all \
             --grace 2s --color never --k v",
        )
        .options;
        assert_eq!(options.service.as_deref(), Some("echo"));
        assert_eq!(options.addresses, Some(PathBuf::from("a.json")));
        assert_eq!(options.config_file, Some(PathBuf::from("c.json")));
        assert_eq!(options.console_level, LevelFilter::ERROR);
        assert_eq!(options.log_folder, Some(PathBuf::from("logs")));
        assert_eq!(options.file_level, LevelFilter::DEBUG);
        assert_eq!(options.backup_count, 3);
        assert_eq!(options.min_wait, Duration::from_millis(500));
        assert_eq!(options.log_format, Format::Json);
        assert_eq!(options.grace, Duration::from_secs(2));
        assert_eq!(options.color, Color::Never);
        assert!(options.main_mode && options.bind_all);
        assert_eq!(options.config, [("k".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn the_spec_stands_where_the_originals_look_for_it() {
        let options = asked("program graph").options;
        assert_eq!(
            (options.programs.spec, options.programs.format),
            (PathBuf::from("ryu_spec.json"), "text")
        );
        let options = asked("program graph buy -s order.json --format svg").options;
        assert_eq!((options.programs.spec, options.programs.format), (PathBuf::from("order.json"), "svg"));
        assert_eq!((options.positional.as_deref(), options.service), (Some("buy"), None));
    }

    #[test]
    fn the_last_of_two_equal_flags_wins_as_in_the_originals() {
        assert_eq!(asked("-s a -s b").options.service.as_deref(), Some("b"));
    }

    #[test]
    fn help_excuses_everything_else() {
        assert_eq!(asked("up -h").help, Some(Help::Short));
        assert_eq!(asked("-bc x --help --delay").help, Some(Help::Long));
    }

    #[test]
    fn wrong_values_are_named() {
        insta::assert_snapshot!(problems("-s echo -bc many"), @r#"--backup_count: expected a whole number, 0 or more, found "many""#);
        insta::assert_snapshot!(problems("-s echo -wt -1"), @r#"--service_loop_min_wait_time_s: expected seconds, 0 or more, such as 0.05, found "-1""#);
        insta::assert_snapshot!(problems("-s echo -cl LOUD --delay"), @r#"
        --delay: expected a value behind this config key, found the end of the line (write `--delay VALUE` or `--delay=VALUE`)
        --console_loglevel: expected DEBUG, INFO, WARNING, ERROR, CRITICAL, TRACE or OFF, found "LOUD"
        "#);
        insta::assert_snapshot!(problems("--grace soon"), @r#"--grace: expected a duration such as 10s, 500ms or 1.5m, found "soon""#);
        insta::assert_snapshot!(problems("completions tcsh"), @r#"SHELL: expected one of bash, elvish, fish, powershell, zsh, found "tcsh""#);
        insta::assert_snapshot!(problems("program graph --format png"), @r#"--format: expected text, mermaid, dot or svg, found "png""#);
        insta::assert_snapshot!(problems("up"), @"command line: expected SYSTEM: system JSON: which services, with which addresses and config, found nothing");
    }
}
