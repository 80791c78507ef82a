//! The commands that look at what runs, and steer it.

use super::commands::{Command, Name, Positional};
use super::flags::{self, COLOR, Flag, HELP, JSON};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookCommand {
    Ps,
    Stats,
    LogLevel,
    Drain,
    Restart,
    Stop,
    Down,
    Logs,
}

impl LookCommand {
    pub(super) fn further(self) -> &'static [Positional] {
        match self {
            Self::LogLevel => &LOG_LEVEL_FURTHER,
            _ => &[],
        }
    }
}

const COMMON: &[&Flag] = &[&JSON, &COLOR, &HELP];

const RUNNING: Positional = Positional {
    name: "NAME",
    help: "a service that runs: NAME, SYSTEM/NAME, or the number of its process",
    required: true,
    choices: &[],
};

const SYSTEM: Positional = Positional {
    name: "SYSTEM",
    help: "the system's name, or the number of the process of `up`",
    required: false,
    choices: &[],
};

static LOG_LEVEL_FURTHER: [Positional; 1] = [Positional {
    name: "LEVEL",
    help: "DEBUG, INFO, WARNING, ERROR, CRITICAL, TRACE or OFF",
    required: true,
    choices: &[],
}];

const fn command(
    name: LookCommand,
    word: &'static str,
    about: &'static str,
    usage: &'static str,
    lesson: &'static str,
) -> Command {
    Command {
        name: Name::Look(name),
        word,
        about,
        usage,
        flags: COMMON,
        positional: Some(RUNNING),
        commands: &[],
        takes_config: false,
        lesson,
    }
}

pub(super) const PS: Command = Command {
    positional: Some(SYSTEM),
    ..command(
        LookCommand::Ps,
        "ps",
        "Show every service of yours that runs, and how it is.",
        "[SYSTEM] [--json]",
        include_str!("help/ps.txt"),
    )
};

pub(super) const STATS: Command = command(
    LookCommand::Stats,
    "stats",
    "Show what a running service has counted, and how long things took.",
    "NAME [--json]",
    include_str!("help/stats.txt"),
);

pub(super) const LOG_LEVEL: Command = command(
    LookCommand::LogLevel,
    "log-level",
    "Change which log lines a running service writes on stderr.",
    "NAME LEVEL [--json]",
    include_str!("help/log_level.txt"),
);

pub(super) const DRAIN: Command = Command {
    flags: &[&flags::DRAIN_TIMEOUT, &JSON, &COLOR, &HELP],
    ..command(
        LookCommand::Drain,
        "drain",
        "Have a running service take nothing new and finish what it has.",
        "NAME [--timeout DURATION] [--json]",
        include_str!("help/drain.txt"),
    )
};

pub(super) const RESTART: Command = command(
    LookCommand::Restart,
    "restart",
    "Start a service of a system again, its instances one after the other.",
    "NAME [--json]",
    include_str!("help/restart.txt"),
);

pub(super) const STOP: Command = command(
    LookCommand::Stop,
    "stop",
    "Stop a running service, and nothing else of its system.",
    "NAME [--json]",
    include_str!("help/stop.txt"),
);

pub(super) const DOWN: Command = Command {
    positional: Some(SYSTEM),
    ..command(
        LookCommand::Down,
        "down",
        "Stop all services of a system that `up` runs.",
        "[SYSTEM] [--json]",
        include_str!("help/down.txt"),
    )
};

pub(super) const LOGS: Command = Command {
    flags: &[&flags::LOGS_FOLLOW, &JSON, &COLOR, &HELP],
    positional: Some(Positional {
        name: "NAME",
        help: "a service of a system, or a system; the only system if not said",
        required: false,
        choices: &[],
    }),
    ..command(
        LookCommand::Logs,
        "logs",
        "Print the last lines of a system's services, and go on with -f.",
        "[NAME] [-f] [--json]",
        include_str!("help/logs.txt"),
    )
};
