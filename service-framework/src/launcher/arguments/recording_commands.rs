//! The commands that record, show and replay messages.

use super::commands::{Command, Name, Positional};
use super::flags::{COLOR, HELP, JSON};
use super::recording_flags as flags;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordingCommand {
    Record,
    Inspect,
    Replay,
}

impl RecordingCommand {
    /// Whether any number of arguments may stand by their places.
    pub(super) fn takes_many(self) -> bool {
        self == Self::Record
    }
}

const FILE: Positional = Positional { name: "FILE", help: "a recording", required: true, choices: &[] };

pub(super) const RECORD: Command = Command {
    name: Name::Recording(RecordingCommand::Record),
    word: "record",
    about: "Record what running services take in and send out, to one file.",
    usage: "[NAME …] -o FILE [--for DURATION] [--connection NAME …]",
    flags: &[
        &flags::OUTPUT,
        &flags::RECORD_FOR,
        &flags::CONNECTION,
        &flags::WITHOUT_BODIES,
        &JSON,
        &COLOR,
        &HELP,
    ],
    positional: Some(Positional {
        name: "NAME",
        help: "services or systems; all of yours that run if none is said",
        required: false,
        choices: &[],
    }),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/record.txt"),
};

pub(super) const INSPECT: Command = Command {
    name: Name::Recording(RecordingCommand::Inspect),
    word: "inspect",
    about: "Show the messages of a recording.",
    usage: "FILE [--service NAME …] [--workflow ID] [--summary | --states] [--json]",
    flags: &[
        &flags::OF_SERVICE,
        &flags::CONNECTION,
        &flags::WORKFLOW,
        &flags::FROM,
        &flags::UNTIL,
        &flags::KIND,
        &flags::TOPIC,
        &flags::GREP,
        &flags::SUMMARY,
        &flags::STATES,
        &JSON,
        &COLOR,
        &HELP,
    ],
    positional: Some(FILE),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/inspect.txt"),
};

pub(super) const REPLAY: Command = Command {
    name: Name::Recording(RecordingCommand::Replay),
    word: "replay",
    about: "Send the requests of a recording again, or publish what it has again.",
    usage: "FILE [--to WHERE] [--bind ADDRESS …] [--speed N|max]",
    flags: &[
        &flags::REPLAY_TO,
        &flags::REPLAY_BIND,
        &flags::SPEED,
        &flags::FROM,
        &flags::UNTIL,
        &flags::OF_SERVICE,
        &flags::CONNECTION,
        &flags::WORKFLOW,
        &flags::TOPIC,
        &flags::IGNORE,
        &flags::REPLAY_WAIT,
        &flags::REPLAY_STAY,
        &flags::REPLAY_TIMEOUT,
        &JSON,
        &COLOR,
        &HELP,
    ],
    positional: Some(FILE),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/replay.txt"),
};
