//! The commands that talk to a service from the shell.

use super::commands::{Command, Name, Positional};
use super::flags::{self, COLOR, HELP};

pub(super) const CALL: Command = Command {
    name: Name::Call,
    word: "call",
    about: "Ask a replyer from the shell, and print its answer.",
    usage: "ADDRESS CONNECTION [JSON] [-s SERVICE] [--timeout DURATION]",
    flags: &[&flags::CALLED, &flags::CALL_TIMEOUT, &COLOR, &HELP],
    positional: Some(Positional {
        name: "ADDRESS",
        help: "where the replyer binds, such as 127.0.0.1:5601",
        required: true,
        choices: &[],
    }),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/call.txt"),
};

pub(super) const LISTEN: Command = Command {
    name: Name::Listen,
    word: "listen",
    about: "Print what a publisher publishes, a line for each message.",
    usage: "ADDRESS [--topic TOPIC] [--count N] [--seconds DURATION] [--bind]",
    flags: &[&flags::HEARD_TOPIC, &flags::HEARD, &flags::SECONDS, &flags::LISTEN_BINDS, &COLOR, &HELP],
    positional: Some(Positional {
        name: "ADDRESS",
        help: "where the publisher binds, such as 127.0.0.1:5603",
        required: true,
        choices: &[],
    }),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/listen.txt"),
};

pub(super) const PUBLISH: Command = Command {
    name: Name::Publish,
    word: "publish",
    about: "Publish messages from the shell.",
    usage: "ADDRESS [JSON] [--topic TOPIC] [--connect] [--wait DURATION]",
    flags: &[&flags::SAID_TOPIC, &flags::PUBLISH_CONNECTS, &flags::PUBLISH_WAIT, &COLOR, &HELP],
    positional: Some(Positional {
        name: "ADDRESS",
        help: "where to bind, which is where subscribers connect to",
        required: true,
        choices: &[],
    }),
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/publish.txt"),
};

pub(super) static CALL_FURTHER: [Positional; 2] = [
    Positional {
        name: "CONNECTION",
        help: "what the replyer's connection is called",
        required: true,
        choices: &[],
    },
    Positional {
        name: "JSON",
        help: "the arguments, an object; {} if not said, read from standard input for `-`",
        required: false,
        choices: &[],
    },
];

pub(super) static PUBLISH_FURTHER: [Positional; 1] = [Positional {
    name: "JSON",
    help: "the arguments, an object; without it or for `-` each line of standard input is a message",
    required: false,
    choices: &[],
}];
