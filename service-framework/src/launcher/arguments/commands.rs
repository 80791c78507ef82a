//! Commands of the command line: what each takes. A new command is one more entry of [`COMMANDS`], or of the table of the
//! command that it belongs to.

use super::cluster_commands::{ClusterCommand, NODE, OF_CLUSTERS};
use super::dashboard_options::{ALLOW_ACTIONS, DASHBOARD, UP_DASHBOARD};
use super::flags::{
    self, ADDRESSES, BACKUP_COUNT, BIND_ALL, COLOR, CONFIG, CONSOLE_LEVEL, FILE_LEVEL, Flag, GRACE, HELP,
    JSON, LOG_FOLDER, LOG_FORMAT, MAIN_MODE, MIN_WAIT, SERVICE, VERSION,
};
use super::flow_commands::{FlowCommand, OF_FLOWS};
use super::look_commands::{DOWN, DRAIN, LOG_LEVEL, LOGS, LookCommand, PS, RESTART, STATS, STOP};
use super::program_commands::{OF_PROGRAMS, ProgramCommand};
use super::recording_commands::{INSPECT, RECORD, REPLAY, RecordingCommand};
use super::recording_flags;
use super::talk_commands::{CALL, CALL_FURTHER, LISTEN, PUBLISH, PUBLISH_FURTHER};

/// What a command line asks for; which entry of the table it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Run,
    New,
    Describe,
    Check,
    Up,
    State,
    Call,
    Listen,
    Publish,
    Store,
    Program(ProgramCommand),
    Flow(FlowCommand),
    Cluster(ClusterCommand),
    Look(LookCommand),
    Recording(RecordingCommand),
    Graph,
    Dashboard,
    Completions,
    Help,
    /// One that only holds others together.
    Group,
}

/// One command.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: Name,
    /// First word of the command line, or its first two; empty for the run form, which has none.
    pub(crate) word: &'static str,
    /// One line, imperative.
    pub(crate) about: &'static str,
    /// What follows the program (and the word) in the usage line.
    pub(crate) usage: &'static str,
    pub(crate) flags: &'static [&'static Flag],
    /// An argument without a key, such as a file.
    pub(crate) positional: Option<Positional>,
    /// The commands whose first word this is. One that has some does nothing itself.
    pub(crate) commands: &'static [Command],
    /// Whether `--key value` is config.
    pub(crate) takes_config: bool,
    /// The long help behind the flags. `{program}` is the program; `{run}` also names a service if it must.
    pub(crate) lesson: &'static str,
}

/// An argument that stands by its place.
#[derive(Debug)]
pub(crate) struct Positional {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) required: bool,
    /// All values it may have, if they are few.
    pub(crate) choices: &'static [&'static str],
}

/// The run form.
pub(crate) static RUN: Command = Command {
    name: Name::Run,
    word: "",
    about: "Start a service.",
    usage: "[-a ADDRESSES] [-c CONFIG] [-m] [--key value …]",
    flags: &[
        &SERVICE,
        &ADDRESSES,
        &CONFIG,
        &MAIN_MODE,
        &CONSOLE_LEVEL,
        &LOG_FORMAT,
        &LOG_FOLDER,
        &FILE_LEVEL,
        &BACKUP_COUNT,
        &MIN_WAIT,
        &GRACE,
        &BIND_ALL,
        &COLOR,
        &recording_flags::RECORD,
        &HELP,
        &VERSION,
    ],
    positional: None,
    commands: &[],
    takes_config: true,
    lesson: include_str!("help/run.txt"),
};

/// Every command that has a word, in the order of help.
pub(crate) static COMMANDS: [Command; 28] = [
    Command {
        name: Name::New,
        word: "new",
        about: "Write a new service: a crate that builds, runs and has a test.",
        usage: "NAME [--with PARTS] [--framework PATH|GIT|VERSION] [--path FOLDER]",
        flags: &[&flags::PARTS, &flags::FRAMEWORK, &flags::NEW_FOLDER, &flags::NEW_JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "NAME",
            help: "what the service and its crate are called, such as order_desk",
            required: true,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/new.txt"),
    },
    Command {
        name: Name::Describe,
        word: "describe",
        about: "Print what a service has and needs: its model.",
        usage: "[NAME|SYSTEM.json] [--json|--asyncapi]",
        flags: &[&SERVICE, &JSON, &flags::ASYNCAPI, &COLOR, &HELP],
        positional: Some(Positional {
            name: "NAME",
            help: "instead of -s: a service that runs, or with --asyncapi a system file",
            required: false,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/describe.txt"),
    },
    Command {
        name: Name::Check,
        word: "check",
        about: "Find every problem that a start would find, without opening a socket.",
        usage: "[-a ADDRESSES] [-c CONFIG] [--key value …] [--with OTHER]",
        flags: &[
            &SERVICE,
            &ADDRESSES,
            &CONFIG,
            &MAIN_MODE,
            &flags::WITH,
            &flags::WITH_ADDRESSES,
            &JSON,
            &CONSOLE_LEVEL,
            &LOG_FORMAT,
            &LOG_FOLDER,
            &FILE_LEVEL,
            &BACKUP_COUNT,
            &MIN_WAIT,
            &GRACE,
            &BIND_ALL,
            &COLOR,
            &HELP,
        ],
        positional: None,
        commands: &[],
        takes_config: true,
        lesson: include_str!("help/check.txt"),
    },
    Command {
        name: Name::Up,
        word: "up",
        about: "Start all services of a system and stop them together.",
        usage: "SYSTEM.json [--override FILE …] [--watch | --detach] [--dashboard] [--dev]",
        flags: &[
            &flags::OVERRIDE,
            &flags::UP_WATCH,
            &flags::DEV,
            &recording_flags::RECORD,
            &flags::DETACH,
            &UP_DASHBOARD,
            &ALLOW_ACTIONS,
            &flags::SECONDS,
            &CONSOLE_LEVEL,
            &LOG_FORMAT,
            &LOG_FOLDER,
            &FILE_LEVEL,
            &BACKUP_COUNT,
            &BIND_ALL,
            &COLOR,
            &HELP,
        ],
        positional: Some(Positional {
            name: "SYSTEM",
            help: "system JSON: which services, with which addresses and config",
            required: true,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/up.txt"),
    },
    Command {
        name: Name::Graph,
        word: "graph",
        about: "Draw which services a system has, and who talks to whom.",
        usage: "SYSTEM.json [--override FILE …] [--format FORMAT] [--live]",
        flags: &[&flags::OVERRIDE, &flags::SYSTEM_FORMAT, &flags::LIVE, &JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "SYSTEM",
            help: "system JSON, as `up` takes it",
            required: true,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/graph.txt"),
    },
    DASHBOARD,
    PS,
    STATS,
    LOGS,
    LOG_LEVEL,
    DRAIN,
    RESTART,
    STOP,
    DOWN,
    Command {
        name: Name::State,
        word: "state",
        about: "Show a state of any service as it is, once or live.",
        usage: "[NAME] (-a ADDRESSES | --subscriber ADDRESS) [--watch] [--json]",
        flags: &[
            &flags::STATE_ADDRESSES,
            &flags::SUBSCRIBER,
            &flags::REQUESTER,
            &flags::TOPIC,
            &flags::WATCH,
            &flags::TIMEOUT,
            &flags::STATE_JSON,
            &COLOR,
            &HELP,
        ],
        positional: Some(Positional {
            name: "NAME",
            help: "the state's name in the addresses file; not needed if it has only one",
            required: false,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/state.txt"),
    },
    CALL,
    LISTEN,
    PUBLISH,
    RECORD,
    INSPECT,
    REPLAY,
    Command {
        name: Name::Store,
        word: "store",
        about: "Look at an event store, check it, copy it.",
        usage: "ACTION [--store WHERE] [--to FILE] [--json]",
        flags: &[&flags::STORE, &flags::BACKUP, &flags::STORE_JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "ACTION",
            help: "what to do",
            required: true,
            choices: &["info", "verify", "backup", "migrate", "compact"],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/store.txt"),
    },
    Command {
        name: Name::Group,
        word: "program",
        about: "Programs: sequences of hooks that undo themselves.",
        usage: "COMMAND …",
        flags: &[&COLOR, &HELP],
        positional: None,
        commands: &OF_PROGRAMS,
        takes_config: false,
        lesson: include_str!("help/program.txt"),
    },
    Command {
        name: Name::Group,
        word: "flow",
        about: "Flows: scripts that survive anything.",
        usage: "COMMAND …",
        flags: &[&COLOR, &HELP],
        positional: None,
        commands: &OF_FLOWS,
        takes_config: false,
        lesson: include_str!("help/flow.txt"),
    },
    NODE,
    Command {
        name: Name::Group,
        word: "cluster",
        about: "Clusters: ask a node, and simulate many.",
        usage: "COMMAND …",
        flags: &[&COLOR, &HELP],
        positional: None,
        commands: &OF_CLUSTERS,
        takes_config: false,
        lesson: include_str!("help/cluster.txt"),
    },
    Command {
        name: Name::Completions,
        word: "completions",
        about: "Print a script with which a shell completes these arguments.",
        usage: "SHELL",
        flags: &[&HELP],
        positional: Some(Positional {
            name: "SHELL",
            help: "for which shell",
            required: true,
            choices: &["bash", "elvish", "fish", "powershell", "zsh"],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/completions.txt"),
    },
    Command {
        name: Name::Help,
        word: "help",
        about: "Explain the program or one command, with examples.",
        usage: "[COMMAND]",
        flags: &[&COLOR, &HELP],
        positional: Some(Positional {
            name: "COMMAND",
            help: "which",
            required: false,
            choices: &[
                "new",
                "describe",
                "check",
                "up",
                "graph",
                "dashboard",
                "ps",
                "stats",
                "logs",
                "log-level",
                "drain",
                "restart",
                "stop",
                "down",
                "state",
                "call",
                "listen",
                "publish",
                "record",
                "inspect",
                "replay",
                "store",
                "program",
                "flow",
                "node",
                "cluster",
                "completions",
            ],
        }),
        commands: &[],
        takes_config: false,
        lesson: "",
    },
];

/// The command with this word.
pub(crate) fn find(word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.word == word)
}

/// Every command, those of two words too, and the run form.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().flat_map(|command| [command].into_iter().chain(command.commands)).chain([&RUN])
}

/// The first words of all commands.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.word)
}

impl Command {
    /// Its last word, by which it is found among those that it belongs to.
    pub(crate) fn last_word(&self) -> &'static str {
        self.word.rsplit_once(' ').map_or(self.word, |(_, last)| last)
    }

    /// The command whose second word is `word`.
    pub(crate) fn find(&self, word: &str) -> Option<&'static Command> {
        self.commands.iter().find(|command| command.last_word() == word)
    }

    /// What stands by its place behind the first argument that does.
    pub(crate) fn further(&self) -> &'static [Positional] {
        match self.name {
            Name::Flow(command) => command.further(),
            Name::Call => &CALL_FURTHER,
            Name::Publish => &PUBLISH_FURTHER,
            Name::Cluster(command) => command.further(),
            Name::Look(command) => command.further(),
            _ => &[],
        }
    }

    /// Whether any number of arguments may stand by their places.
    pub(crate) fn takes_many(&self) -> bool {
        matches!(self.name, Name::Recording(command) if command.takes_many())
    }

    /// The flag that is spelt `text`, dashes included.
    pub(crate) fn flag(&self, text: &str) -> Option<&'static Flag> {
        self.flags.iter().find(|flag| flag.is(text)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_offers_every_command_but_itself() {
        let help = find("help").and_then(|command| command.positional.as_ref()).unwrap();
        let others: Vec<_> = words().filter(|word| *word != "help").collect();
        assert_eq!(help.choices, others);
    }

    #[test]
    fn check_takes_what_a_start_takes() {
        let check = find("check").unwrap();
        let missing = |flag: &&&Flag| check.flag(&format!("--{}", flag.name)).is_none();
        let missing: Vec<_> = RUN.flags.iter().filter(missing).map(|flag| flag.name).collect();
        assert_eq!(missing, ["record", "version"]);
    }

    #[test]
    fn commands_of_two_words_begin_with_the_first() {
        for group in COMMANDS.iter().filter(|command| !command.commands.is_empty()) {
            assert_eq!(
                (group.name, group.positional.is_none(), group.takes_config),
                (Name::Group, true, false)
            );
            for command in group.commands {
                assert_eq!(command.word, format!("{} {}", group.word, command.last_word()));
                assert!(command.commands.is_empty() && group.find(command.last_word()).is_some());
            }
        }
    }

    #[test]
    fn every_flag_is_found_as_help_writes_it() {
        for command in all() {
            for flag in command.flags {
                let found = command.flag(&format!("--{}", flag.name));
                assert!(
                    found.is_some_and(|found| found.name == flag.name),
                    "{} --{}",
                    command.word,
                    flag.name
                );
            }
        }
    }

    #[test]
    fn no_command_has_two_flags_of_one_name() {
        for command in all() {
            let mut spellings: Vec<_> = command.flags.iter().filter_map(|flag| flag.short).collect();
            spellings.extend(command.flags.iter().map(|flag| flag.name));
            spellings.extend(command.flags.iter().filter_map(|flag| flag.alias));
            let all = spellings.len();
            spellings.sort_unstable();
            spellings.dedup();
            assert_eq!(spellings.len(), all, "{}", command.word);
        }
    }
}
