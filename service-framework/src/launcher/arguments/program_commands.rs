//! Commands behind `program`. A new one is one more entry of [`OF_PROGRAMS`].

use super::commands::{Command, Name, Positional};
use super::flags::{
    ADDRESSES, AFTER, ARG, BACKUP_COUNT, BIND_ALL, COLOR, CONSOLE_LEVEL, CRATE_FOLDER, FILE_LEVEL,
    FORGET_KEYS, FORMAT, FRAMEWORK, GRACE, HELP, HOOKS, HOST, JSON, KEEP, KEEP_FOR, KEY, LEASE, LIMIT,
    LOG_FOLDER, LOG_FORMAT, NEW_JSON, NOTE, POOL, PORT, SPEC, STATUS, STEP, STORE,
};

/// Which of them it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgramCommand {
    New,
    Check,
    Graph,
    Serve,
    Run,
    List,
    Show,
    Retry,
    Resolve,
    Cancel,
}

/// The line of a program that has programs and nothing else, as the launcher's own would be: without a command it serves, and
/// the word `program` may be left out.
#[cfg(feature = "programs")]
pub(crate) fn of_program(words: &[String]) -> Vec<String> {
    let first = words.first().map(String::as_str);
    let before: &[&str] = match first {
        Some("-h" | "--help") => &["program"],
        Some("-V" | "--version") => &[],
        Some(word) if OF_PROGRAMS.iter().any(|command| command.last_word() == word) => &["program"],
        Some(word) if !word.starts_with('-') => &[],
        _ => &["program", "serve"],
    };
    before.iter().map(|word| (*word).to_owned()).chain(words.iter().cloned()).collect()
}

/// One run.
const OF_RUNS: Positional =
    Positional { name: "RUN", help: "its id, as `program list` says it", required: true, choices: &[] };

/// Every command behind `program`, in the order of help.
pub(super) static OF_PROGRAMS: [Command; 10] = [
    Command {
        name: Name::Program(ProgramCommand::New),
        word: "program new",
        about: "Write a crate with a function for each hook of a spec, or add to it.",
        usage: "[-s SPEC] -o FOLDER [--framework PATH|GIT|VERSION] [--json]",
        flags: &[&SPEC, &CRATE_FOLDER, &FRAMEWORK, &NEW_JSON, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_new.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Check),
        word: "program check",
        about: "Find every problem of a spec.",
        usage: "[-s SPEC] [--json]",
        flags: &[&SPEC, &JSON, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_check.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Graph),
        word: "program graph",
        about: "Show what runs in which order, and what undoes it.",
        usage: "[PROGRAM] [-s SPEC] [--format FORMAT]",
        flags: &[&SPEC, &FORMAT, &JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "PROGRAM",
            help: "one program of the spec; all of them if not said",
            required: false,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_graph.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Serve),
        word: "program serve",
        about: "Take requests for programs over TCP, and finish what was left.",
        usage: "[-s SPEC] [--hooks FILE] [--port PORT] [--store WHERE]",
        flags: &[
            &SPEC,
            &HOOKS,
            &HOST,
            &PORT,
            &STORE,
            &LEASE,
            &KEEP,
            &KEEP_FOR,
            &FORGET_KEYS,
            &ADDRESSES,
            &BIND_ALL,
            &GRACE,
            &CONSOLE_LEVEL,
            &LOG_FORMAT,
            &LOG_FOLDER,
            &FILE_LEVEL,
            &BACKUP_COUNT,
            &COLOR,
            &HELP,
        ],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_serve.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Run),
        word: "program run",
        about: "Run a program once, here, and see its steps.",
        usage: "PROGRAM [-s SPEC] [--hooks FILE] [--arg NAME=VALUE …] [--step]",
        flags: &[&SPEC, &HOOKS, &ARG, &POOL, &KEY, &STEP, &STORE, &GRACE, &COLOR, &HELP],
        positional: Some(Positional {
            name: "PROGRAM",
            help: "which program of the spec",
            required: true,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_run.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::List),
        word: "program list",
        about: "List the runs of a store.",
        usage: "[--status STATUS] [--after RUN] [--limit N] [--store WHERE] [--json]",
        flags: &[&STATUS, &AFTER, &LIMIT, &STORE, &JSON, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_list.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Show),
        word: "program show",
        about: "Show what happened to a run, step by step.",
        usage: "RUN [--store WHERE] [--json]",
        flags: &[&STORE, &JSON, &COLOR, &HELP],
        positional: Some(OF_RUNS),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_show.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Retry),
        word: "program retry",
        about: "Try the rectifier again that a run is stuck at.",
        usage: "RUN [--store WHERE] [--json]",
        flags: &[&STORE, &JSON, &COLOR, &HELP],
        positional: Some(OF_RUNS),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_retry.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Resolve),
        word: "program resolve",
        about: "Say that a run that is stuck was put right by hand.",
        usage: "RUN [--note TEXT] [--store WHERE] [--json]",
        flags: &[&NOTE, &STORE, &JSON, &COLOR, &HELP],
        positional: Some(OF_RUNS),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_resolve.txt"),
    },
    Command {
        name: Name::Program(ProgramCommand::Cancel),
        word: "program cancel",
        about: "Have a run undone that has not ended.",
        usage: "RUN [--store WHERE] [--json]",
        flags: &[&STORE, &JSON, &COLOR, &HELP],
        positional: Some(OF_RUNS),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/program_cancel.txt"),
    },
];

#[cfg(all(test, feature = "programs"))]
mod tests {
    use super::of_program;

    #[test]
    fn a_program_with_programs_alone_needs_no_word() {
        let spelt = |line: &str| {
            of_program(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).join(" ")
        };
        for (line, meant) in [
            ("", "program serve"),
            ("--port 7000", "program serve --port 7000"),
            ("run buy --arg a=1", "program run buy --arg a=1"),
            ("list", "program list"),
            ("--help", "program --help"),
            ("--version", "--version"),
            ("program list", "program list"),
            ("store info", "store info"),
            ("rnu buy", "rnu buy"),
        ] {
            assert_eq!(spelt(line), meant);
        }
    }
}
